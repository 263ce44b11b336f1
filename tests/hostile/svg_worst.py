#!/usr/bin/env python3
"""Writes SVGs of about SIZE megabytes that are the most work for the walks over their markup.

python3 tests/hostile/svg_worst.py DIR [SIZE]     # 9 MB if nothing is said; ./tests/bench/svg_bench measures them
"""

import base64
import os
import sys

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="60" height="40">'


def repeated(part, size):
    return part * max(1, size // len(part))


def nested(count, inner):
    names = ['g'] * count
    opened = ''.join('<g xmlns:p%d="http://www.inkscape.org/%d">' % (n, n) for n in range(count))
    return opened + inner + '</g>' * len(names)


def many_prefixes(size):
    names = ' '.join('xmlns:p%d="http://www.inkscape.org/"' % n for n in range(900))
    return '<g %s>' % names + repeated('<g p0:a="" p899:b=""/>', size) + '</g>'


def worst(size):
    """Name and text of each kind; size: about how many bytes."""
    rows = {
        'scopes': nested(250, repeated('<g ' + ' '.join('x:a%d=""' % n for n in range(900)) + '/>', size)),
        'scopes-declared': nested(250, repeated('<g ' + ' '.join('p0:a%d=""' % n for n in range(900)) + '/>', size)),
        'prefixes': many_prefixes(size),
        'prefix-long': '<g xmlns:%s="u">' % ('p' * 40000)
        + repeated('<g %s:a=""/>' % ('p' * 39999 + 'q'), size)
        + '</g>',
        'declarations': repeated('<g xmlns:a="http://www.inkscape.org/" xmlns:b="http://www.inkscape.org/"/>', size),
        'one-tag': '<g ' + ''.join('a:%d="" ' % n for n in range(size // 12)) + '/>',
        'attribute': '<g id="%s"/>' % ('a' * size),
        'attribute-references': '<g id="%s"/>' % repeated('&amp;', size),
        'attribute-style': '<g style="%s"/>' % repeated('a:b;', size),
        'attribute-escapes': '<g style="%s"/>' % repeated('\\41 ', size),
        'attribute-link': '<a href="%s"/>' % repeated('java\t', size),
        'style': '<style>%s</style>' % repeated('.a{fill:red}', size),
        'style-open': '<style>%s</style>' % repeated('{', size),
        'style-brackets': '<style>%s</style>' % repeated('a{b:[(', size),
        'style-comments': '<style>%s</style>' % repeated('/*', size),
        'style-comments-ended': '<style>%s</style>' % repeated('/**/', size),
        'style-strings': '<style>%s</style>' % repeated('"\n', size),
        'style-urls': '<style>%s</style>' % repeated('url(', size),
        'style-urls-bad': '<style>%s</style>' % repeated('url(a b', size),
        'style-imports': '<style>%s</style>' % repeated('@import "a";', size),
        'style-at': '<style>%s</style>' % repeated('@media a{', size),
        'style-escapes': '<style>%s</style>' % repeated('\\', size),
        'style-many': repeated('<style>a{}</style>', min(size, 3500000)),
        'text': repeated('a\n', size),
        'references': repeated('&#10;', size),
        'cdata': repeated('<![CDATA[]]>', size),
        'cdata-brackets': '<![CDATA[%s]]>' % repeated(']]', size),
        'comments': repeated('<!---->', size),
        'comment': '<!--%s-->' % repeated('- ', size),
        'instructions': repeated('<?a b?>', size),
        'elements': repeated('<g a="' + 'b' * 30 + '"/>', min(size, 8000000)),
        'names': repeated('<g><' + 'a' * 30000 + '/></g>', size),
        'foreign': '<foreignObject>%s</foreignObject>'
        % repeated('<b xmlns="http://www.w3.org/1999/xhtml"/>', min(size, 8000000)),
        'unclosed': repeated('<g>', 700) + 'a' * size,
    }
    documents = {name: HEAD + body + '</svg>' for name, body in rows.items()}
    documents['unclosed'] = documents['unclosed'][:-6]
    types = {
        'entities': ''.join('<!ENTITY e%d "x">' % n for n in range(size // 40)),
        'entity-lines': '<!ENTITY e "%s">' % ('\n' * 60000),
        'defaults': '<!ATTLIST g %s>' % ' '.join('a%d CDATA ""' % n for n in range(size // 32)),
        'defaults-implied': '<!ATTLIST g %s>' % ' '.join('a%d CDATA #IMPLIED' % n for n in range(size // 64)),
        'default-expanded': '<!ENTITY e "%s"><!ATTLIST g a CDATA "%s">' % ('x' * 60000, repeated('&e;', size // 2)),
        'default-large': '<!ATTLIST g a CDATA "%s">' % ('x' * 1000000),
    }
    bodies = {'entities': repeated('&e1;', size // 2), 'entity-lines': repeated('&e;', size)}
    for name, declarations in types.items():
        body = bodies.get(name, repeated('<g/>', min(size // 2, 700000)))
        documents['type-' + name] = '<!DOCTYPE svg [%s]>' % declarations + HEAD + body + '</svg>'
    deep = HEAD + repeated('<g/>', size // 7) + '</svg>'
    for _ in range(6):
        deep = HEAD + '<image href="data:image/svg+xml;base64,%s"/></svg>' % base64.b64encode(deep.encode()).decode()
    documents['inner'] = deep
    for label in ('windows-1252', 'euc-jp', 'shift_jis', 'gb18030'):
        head = ('<?xml version="1.0" encoding="%s"?>' % label) + HEAD
        documents['encoding-' + label] = head.encode() + b'\xff' * (size // 3) + b'</svg>'
    return documents


def main():
    folder, size = sys.argv[1], int(float(sys.argv[2] if len(sys.argv) > 2 else 9) * 1e6)
    os.makedirs(folder, exist_ok=True)
    for name, document in worst(size).items():
        with open(os.path.join(folder, name + '.svg'), 'wb') as file:
            file.write(document if isinstance(document, bytes) else document.encode())


if __name__ == '__main__':
    main()

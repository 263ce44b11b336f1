"""SVGs that say strange things and are honest: each is blue in the middle, however it is drawn.

Names begin with their kind. A case may say what the served markup has and what it must not have.
"""

import base64
import gzip
import struct
import urllib.parse
import zlib

BLUE_TEXT = '#1428dc'
SVG = 'xmlns="http://www.w3.org/2000/svg"'
XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
HTML = 'xmlns="http://www.w3.org/1999/xhtml"'
RECT = '<rect width="60" height="40" fill="%s"/>' % BLUE_TEXT
CLASSED = '<rect class="a" width="60" height="40"/>'


class Svg:
    def __init__(self, kind, name, data, has=(), lacks=(), served=True, drawn=True):
        self.kind, self.name = kind, 'svg-%s-%s.svg' % (kind, name)
        self.data = data if isinstance(data, bytes) else data.encode()
        self.has, self.lacks, self.served, self.drawn = has, lacks, served, drawn


def svg(body, attributes='', before=''):
    return '%s<svg %s %s width="60" height="40"%s>%s</svg>' % (
        before,
        SVG,
        XLINK,
        ' ' + attributes if attributes else '',
        body,
    )


def sheet(css, body=CLASSED):
    return svg('<style>%s</style>%s' % (css, body))


FILL = '.a{fill:%s}' % BLUE_TEXT

# What stands before, behind or around the rule that must stay.
SHEETS = {
    'import-string': '@import "https://fonts.example/a.css";' + FILL,
    'import-single': "@import 'a.css';" + FILL,
    'import-url-bare': '@import url(https://fonts.example/a.css);' + FILL,
    'import-media': '@import url("a.css") screen and (min-width:1px);' + FILL,
    'import-layer': '@import url("a.css") layer(base) supports(display:grid) screen;' + FILL,
    'import-case': '@IMPORT "a.css";' + FILL,
    'import-escape': '@\\69mport "a.css";' + FILL,
    'import-several': '@import "a.css";@import url(b.css);\n@import url(\'c.css\') print;\n' + FILL,
    'import-charset': '@charset "utf-8";@import "a.css";' + FILL,
    'import-behind': FILL + '@import "a.css";',
    'import-at-end': FILL + '@import "a.css"',
    'import-semicolon-inside': '@import url("https://fonts.example/css2?family=A:wght@400;700");' + FILL,
    'import-semicolon-bare': '@import url(https://fonts.example/css2?family=A:wght@400;700);' + FILL,
    'import-comment': '/* @import "a.css"; */' + FILL,
    'import-comment-inside': '@import/**/"a.css"/* ; */;' + FILL,
    'import-cdata': '<![CDATA[@import url("a.css");%s]]>' % FILL,
    'import-amp': '@import url("https://fonts.example/css?family=A&amp;display=swap");' + FILL,
    'import-in-media': '@media screen{@import "a.css";}' + FILL,
    'import-html-comment': '&lt;!-- @import "a.css"; %s --&gt;' % FILL,
    'font-face': '@font-face{font-family:A;src:url(https://fonts.example/a.woff2) format("woff2")}' + FILL,
    'font-face-local': '@font-face{font-family:A;src:local("A"),url("a.woff")}' + FILL,
    'font-face-data': '@font-face{font-family:A;src:url(data:font/woff2;base64,d09GMgAB)}' + FILL,
    'namespace': '@namespace url(http://www.w3.org/2000/svg);' + FILL,
    'namespace-prefix': '@namespace svg url("http://www.w3.org/2000/svg");' + FILL,
    'escape-han': '.a{fill:%s;font-family:"\\5b8b\\4f53",\\5FAE\\8F6F\\96C5\\9ED1}' % BLUE_TEXT,
    'escape-class': '.md\\:x{fill:red}.\\31 0{fill:red}' + FILL,
    'escape-content': '.b::before{content:"\\201C"}' + FILL,
    'escape-long': '.b::before{content:"\\00201C a\\A b"}' + FILL,
    'escape-name': '.\\61{fill:%s}' % BLUE_TEXT,
    'escape-quote': '.b{font-family:"a\\"b\\\\"}' + FILL,
    'escape-line': '.b{font-family:"a\\\nb"}' + FILL,
    'escape-hack': '.a{fill:%s;width:1px\\9}' % BLUE_TEXT,
    'star-hack': '.a{*zoom:1;_height:1px;fill:%s}' % BLUE_TEXT,
    'behaviour-scroll': 'svg{scroll-behavior:smooth}' + FILL,
    'behaviour-overscroll': 'svg{overscroll-behavior:contain;overscroll-behavior-y:none}' + FILL,
    'behaviour-real': 'svg{behavior:url(a.htc)}' + FILL,
    'behaviour-same-rule': '.a{behavior:url(a.htc);fill:%s}' % BLUE_TEXT,
    'behaviour-behind': '.a{fill:%s;behavior:url(#default#VML)}' % BLUE_TEXT,
    'behaviour-transition': '.b{transition-behavior:allow-discrete}' + FILL,
    'behaviour-name': '.behavior{fill:red}#expression{fill:red}.import{fill:red}.javascript{fill:red}' + FILL,
    'behaviour-variable': ':root{--behavior:x;--expression:1}' + FILL,
    'binding': '.b{-moz-binding:url(a.xml#b)}' + FILL,
    'expression': '.b{width:expression(alert(1))}' + FILL,
    'expression-same-rule': '.a{width:expression(alert(1));fill:%s}' % BLUE_TEXT,
    'comment-words': '/* behavior: expression( @import javascript: url(http://x) \\ */' + FILL,
    'comment-apostrophe': "/* don't */" + FILL,
    'string-words': '.b{content:"javascript @import expression behavior"}' + FILL,
    'string-brace': '.b{content:"}{;"}' + FILL,
    'url-http': '.b{background:url(https://example.com/a.png)}' + FILL,
    'url-http-same-rule': '.a{background:url("http://example.com/a.png");fill:%s}' % BLUE_TEXT,
    'url-javascript': '.b{background:url(javascript:alert(1))}' + FILL,
    'url-data': '.b{background:url(data:image/png;base64,iVBORw0KGgo=)}' + FILL,
    'url-fragment': '.b{fill:url(#g)}' + FILL,
    'cursor': '.b{cursor:url(hand.cur),auto}' + FILL,
    'image-set': '.b{background:image-set("a.png" 1x,"b.png" 2x)}' + FILL,
    'media': '@media (prefers-color-scheme:dark){.b{fill:red}}' + FILL,
    'supports': '@supports (display:grid) and (not (display:inline-grid)){.b{fill:red}}' + FILL,
    'keyframes': '@keyframes k{from{opacity:1}50%{opacity:.5}to{opacity:1}}' + FILL,
    'page': '@page{margin:1cm}' + FILL,
    'nth': '.b:nth-child(2n+1)>path~g+rect:not(.c)[d^="M"]{fill:red}' + FILL,
    'calc': '.b{width:calc(100% - (2px * 3))}' + FILL,
    'unclosed-comment': FILL + '/* and so on',
    'unclosed-block': '.b{fill:red}' + FILL[:-1],
    'stray-brace': '.b{fill:red}' + FILL + '}',
    'variables': ':root{--c:%s}.a{fill:%s}' % (BLUE_TEXT, BLUE_TEXT),
    'important': '.a{fill:%s!important}' % BLUE_TEXT,
    'vendor': '.b{-webkit-mask-image:url(#m);filter:progid:DXImageTransform.Microsoft.Alpha(opacity=50)}' + FILL,
    'charset': '@charset "UTF-8";' + FILL,
    'selector-list': '.b,.a,.c{fill:%s}' % BLUE_TEXT,
    'many': '.b{fill:red}' * 3000 + FILL,
}
STYLES = {
    'behaviour': 'behavior:url(a.htc);fill:%s',
    'behaviour-scroll': 'scroll-behavior:smooth;fill:%s',
    'url': 'background:url(http://example.com/a.png);fill:%s',
    'expression': 'width:expression(alert(1));fill:%s',
    'escape': 'font-family:\\5b8b\\4f53;fill:%s',
    'escape-string': 'font-family:&quot;\\5b8b\\4f53&quot;;fill:%s',
    'entity': 'font-family:&#39;A&#39;;fill:%s',
    'comment': '/* javascript: */fill:%s',
    'comment-behind': 'fill:%s/* @import */',
    'inkscape': "-inkscape-font-specification:'A, Bold';fill:%s;line-height:125%%;-inkscape-stroke:none",
    'marker-none': 'marker:none;fill:%s',
    'filter-none': 'filter:none;fill:%s',
    'important': 'fill:%s !important',
    'spaces': '\n  fill :  %s ;\n ',
    'variable': '--x:1;fill:%s',
    'binding': '-moz-binding:url(a);fill:%s',
    'import': "@import 'a';fill:%s",
}


def css():
    for name, text in SHEETS.items():
        yield Svg(
            'css',
            name,
            sheet(text),
            lacks=('@import "', 'htc', 'http://example', 'https://', 'expression(a', 'hand.cur')
            if not any(w in name for w in ('comment', 'string'))
            else (),
        )
    for name, text in STYLES.items():
        yield Svg(
            'style',
            name,
            svg('<rect style="%s" width="60" height="40"/>' % (text % BLUE_TEXT)),
            lacks=('htc', 'http://example', 'expression(', '-moz-binding'),
        )
    yield Svg('css', 'cdata', sheet('<![CDATA[%s]]>' % FILL))
    yield Svg('css', 'cdata-two', sheet('<![CDATA[.b{fill:red}]]>\n<![CDATA[%s]]>' % FILL))
    yield Svg('css', 'typed', svg('<style type="text/css" media="all" title="t">%s</style>%s' % (FILL, CLASSED)))
    yield Svg('css', 'two-sheets', svg('<style>@import "a";</style><defs><style>%s</style></defs>%s' % (FILL, CLASSED)))
    yield Svg('css', 'child', sheet('svg&gt;.a{fill:%s}' % BLUE_TEXT))
    yield Svg('css', 'child-raw', sheet('svg>.a{fill:%s}' % BLUE_TEXT))
    yield Svg('css', 'comment-node', svg('<style><!-- %s --></style><style>%s</style>%s' % (FILL, FILL, CLASSED)))
    yield Svg(
        'css',
        'prefixed',
        '<s:svg xmlns:s="http://www.w3.org/2000/svg" width="60" height="40"><s:style>@import "a";%s</s:style>'
        '<s:rect class="a" width="60" height="40"/></s:svg>' % FILL,
    )
    yield Svg(
        'css', 'instruction', '<?xml version="1.0"?><?xml-stylesheet href="a.css" type="text/css"?>' + sheet(FILL)
    )


# ---------------------------------------------------------------- cost

SHADOW = (
    '<filter id="f%d" x="0" y="0" width="60" height="40" filterUnits="userSpaceOnUse"><feFlood flood-opacity="0" result="B"/>'
    '<feColorMatrix in="SourceAlpha" values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 127 0" result="h"/><feOffset dy="2"/>'
    '<feGaussianBlur stdDeviation="2"/><feComposite in2="h" operator="out"/>'
    '<feColorMatrix values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.25 0"/><feBlend in2="B" result="e"/>'
    '<feBlend in="SourceGraphic" in2="e"/></filter>'
)


def zigzag(count):
    return 'M0 0' + 'l3 5l-3-5' * (count // 2)


def filters():
    for count in (13, 40, 200):
        yield Svg(
            'filters',
            'shadows-%d' % count,
            svg(
                RECT
                + ''.join(
                    SHADOW % i + '<g filter="url(#f%d)"><rect x="1" y="1" width="6" height="4" fill="#0aa050"/></g>' % i
                    for i in range(count)
                )
            ),
        )
    yield Svg('filters', 'unused-2000', svg('<defs>%s</defs>%s' % (''.join(SHADOW % i for i in range(250)), RECT)))
    yield Svg('filters', 'one-for-all', svg(RECT + SHADOW % 0 + '<rect filter="url(#f0)" width="3" height="3"/>' * 100))
    yield Svg(
        'filters',
        'merge-nodes',
        svg(
            RECT
            + '<filter id="f"><feMerge>%s</feMerge></filter><rect filter="url(#f)" width="3" height="3"/>'
            % ('<feMergeNode in="SourceGraphic"/>' * 150)
        ),
    )
    yield Svg(
        'filters',
        'octaves-small',
        svg(
            '<filter id="f"><feTurbulence baseFrequency=".05" numOctaves="12"/></filter>'
            '<rect filter="url(#f)" width="1" height="1"/>' + RECT
        ),
    )
    yield Svg(
        'filters',
        'octaves-unused',
        svg('<filter id="f"><feTurbulence baseFrequency=".05" numOctaves="200"/></filter>' + RECT),
    )
    yield Svg(
        'filters',
        'deviation-900',
        svg(
            '<filter id="f"><feGaussianBlur stdDeviation="900"/></filter>'
            '<rect filter="url(#f)" width="1" height="1"/>' + RECT
        ),
    )
    yield Svg(
        'filters',
        'order-17',
        svg(
            '<filter id="f"><feConvolveMatrix order="17" kernelMatrix="%s"/></filter>'
            '<rect filter="url(#f)" width="3" height="3"/>%s' % ('1 ' * 289, RECT)
        ),
    )
    yield Svg(
        'filters',
        'hidden',
        svg(
            '<g display="none">%s</g>%s'
            % (''.join(SHADOW % i + '<rect filter="url(#f%d)" width="60" height="40"/>' % i for i in range(30)), RECT)
        ),
    )
    yield Svg(
        'filters',
        'by-class',
        svg('<style>.s{filter:url(#f0)}</style>' + RECT + SHADOW % 0 + '<path class="s" d="M1 1h3v3z"/>' * 60),
    )
    yield Svg(
        'filters',
        'function',
        svg(RECT + '<rect style="filter:drop-shadow(1px 1px 1px red) blur(1px)" width="3" height="3"/>' * 120),
    )
    yield Svg(
        'filters',
        'lights',
        svg(
            RECT + '<filter id="f"><feSpecularLighting specularExponent="20"><fePointLight x="1" y="1" z="1"/>'
            '</feSpecularLighting></filter>' + '<rect filter="url(#f)" width="9" height="9"/>' * 120
        ),
    )


def markers():
    path = '<path d="%s" fill="none"%%s/>' % zigzag(6000)
    dot = '<marker id="m"><path d="M0 0h1v1z"/></marker>'
    for name, attributes in {
        'style-none': ' style="marker:none"',
        'attribute-none': ' marker="none"',
        'mid-none': ' marker-mid="none"',
        'start': ' marker-start="url(#m)"',
        'end': ' marker-end="url(#m)"',
        'ends-style': ' style="marker-start:url(#m);marker-end:url(#m)"',
        'missing': ' marker-mid="url(#no)"',
        'class': ' class="map-marker"',
        'id': ' id="marker"',
        'data': ' data-marker="url(#m)"',
        'style-mid-none': ' style="marker-start:none;marker-mid:none;marker-end:none"',
    }.items():
        yield Svg('markers', name, svg(RECT + dot + path % attributes))
    yield Svg(
        'markers',
        'inherited-none',
        svg(RECT + dot + '<g marker-mid="url(#m)">%s</g>' % (path % ' style="marker:none"')),
    )
    yield Svg('markers', 'sheet-none', sheet('path{marker:none}' + FILL, CLASSED + dot + path % ''))
    yield Svg('markers', 'sheet-class', sheet('.map-marker{fill:#f00}' + FILL, CLASSED + dot + path % ''))
    yield Svg('markers', 'sheet-ends', sheet('path{marker-end:url(#m)}' + FILL, CLASSED + dot + path % ''))
    yield Svg('markers', 'hidden', svg(RECT + dot + '<g display="none">%s</g>' % (path % ' marker-mid="url(#m)"')))
    yield Svg('markers', 'rect', svg(RECT + dot + '<rect marker-mid="url(#m)" width="1" height="1"/>' * 6000))
    yield Svg('markers', 'drawn-6000', svg(dot + path % ' marker-mid="url(#m)"' + RECT))
    yield Svg(
        'markers',
        'polyline-none',
        svg(RECT + dot + '<polyline fill="none" style="marker:none" points="%s"/>' % ('1,1 2,2 ' * 3000)),
    )


def texts():
    x = 'x' * 70000
    adobe = '<i:pgf xmlns:i="http://ns.adobe.com/AdobeIllustrator/10.0/" id="p">%s</i:pgf>' % x
    for name, body in {
        'pgf': adobe,
        'pgf-cdata': adobe.replace(x, '<![CDATA[%s]]>' % x),
        'desc': '<desc>%s</desc>' % x,
        'title': '<title>%s</title>' % x,
        'script': '<script>%s</script>' % x,
        'metadata': '<metadata><a:b xmlns:a="urn:a">%s</a:b></metadata>' % x,
        'metadata-rdf': '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</rdf:RDF></metadata>'
        % x,
        'defs': '<defs>%s</defs>' % x,
        'root': x,
        'in-g': '<g>%s</g>' % x,
        'defs-text': '<defs><text>%s</text></defs>' % x,
        'symbol': '<symbol id="s"><text>%s</text></symbol>' % x,
        'hidden': '<text display="none">%s</text>' % x,
        'hidden-style': '<text style="display:none">%s</text>' % x,
        'style': '<style>/*%s*/</style>' % x,
        'switch': '<switch><g/><text>%s</text></switch>' % x,
        'in-rect': '<rect width="1" height="1">%s</rect>' % x,
        'desc-in-text': '<text><desc>%s</desc>a</text>' % x,
        'unknown': '<foo xmlns="urn:b">%s</foo>' % x,
        'foreign': '<foreignObject width="9" height="9"><div %s>%s</div></foreignObject>' % (HTML, x),
        'sodipodi': '<sodipodi:namedview xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd">%s'
        '</sodipodi:namedview>' % x,
        'comment': '<!-- %s -->' % x,
        'space': '<text>%s</text>' % (' \n' * 40000),
        'attribute': '<g id="%s"/>' % x,
    }.items():
        yield Svg('text', name, svg(body + RECT))
    yield Svg(
        'text',
        'lines',
        svg(''.join('<text y="%d" font-size="1">%s</text>' % (i % 40, 'word ' * 16) for i in range(900)) + RECT),
    )


def served():
    """Costly to draw: only served."""
    big = '<filter id="f">%s</filter><rect filter="url(#f)" width="60" height="40"/>'
    turbulence = '<feTurbulence baseFrequency="0.05" numOctaves="%d"/>'
    for name, body in {
        'octaves-12': big % (turbulence % 12),
        'octaves-2000': big % (turbulence % 2000) + big % (turbulence % 2000),
        'order-50': big % ('<feConvolveMatrix order="50" kernelMatrix="%s"/>' % ('1 ' * 2500)),
        'deviation': big % '<feGaussianBlur stdDeviation="1e9"/>',
        'primitives': big % ('<feOffset/>' * 5000),
        'font-size': '<text font-size="9999999">a</text>',
        'text': '<text>%s</text>' % ('x' * 300000),
        'markers': '<marker id="m"><path d="M0 0h1"/></marker><path marker-mid="url(#m)" d="%s"/>' % zigzag(400000),
        'uses': '<g id="a">%s</g>' % ('<rect width="1" height="1"/>' * 100) + '<use xlink:href="#a"/>' * 80000,
        'radius': big % ('<feMorphology radius="9000"/>' * 50),
    }.items():
        yield Svg('served', name, svg(body + RECT), drawn=False)
    for name, size in {
        'size': 'width="100000" height="100000"',
        'size-huge': 'width="9999999" height="9999999"',
        'size-box': 'viewBox="0 0 200000 200000"',
        'size-percent': 'width="100%" height="100%" viewBox="0 0 99999 99999"',
    }.items():
        yield Svg('served', name, '<svg %s %s>%s</svg>' % (SVG, size, RECT), drawn=False)
    yield Svg(
        'served',
        'inner-pixels',
        svg('<image width="9" height="9" xlink:href="%s"/>' % link('image/png', png(9000, 9000)) * 3),
        has=('data:image/png',),
        drawn=False,
    )
    rules = '.b{fill:red}' * 20000
    yield Svg('served', 'rules', svg('<style>%s</style>%s' % (rules, '<g/>' * 50000 + RECT)), drawn=False)


# ---------------------------------------------------------------- pictures inside


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png(width=6, height=4, colour=(20, 40, 220), after=b''):
    rows = (b'\0' + bytes(colour) * width) * height
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(rows, 9))
        + chunk(b'IEND', b'')
        + after
    )


def bmp(colour=(20, 40, 220), side=8):
    body = bytes(colour[::-1]) * (side * side)
    return (
        b'BM'
        + struct.pack('<IHHI', 54 + len(body), 0, 0, 54)
        + struct.pack('<IiiHHIIiiII', 40, side, side, 1, 24, 0, len(body), 0, 0, 0, 0)
        + body
    )


def link(kind, data):
    return 'data:%s;base64,%s' % (kind, base64.b64encode(data).decode())


def image(href, attributes='width="60" height="40"', name='xlink:href'):
    return '<image preserveAspectRatio="none" %s %s="%s"/>' % (attributes, name, href)


INNER = '<svg %s width="6" height="4"><rect width="6" height="4" fill="%s"/></svg>' % (SVG, BLUE_TEXT)
INNER_ACTIVE = (
    '<svg %s width="6" height="4" onload="alert(1)"><script>alert(1)</script><rect width="6" height="4" fill="%s" '
    'onclick="alert(1)"/><a href="javascript:alert(1)"><path/></a></svg>' % (SVG, BLUE_TEXT)
)
GONE = ('script', 'onload', 'alert', 'javascript')


def percent(text):
    return urllib.parse.quote(text, safe='')


def half_percent(text):
    return text.replace('%', '%25').replace('#', '%23').replace('&', '&amp;').replace('<', '&lt;').replace('"', "'")


def spellings(text):
    """An SVG in a data: link in many spellings."""
    packed = base64.b64encode(text.encode()).decode()
    lines = '\n'.join(packed[i : i + 76] for i in range(0, len(packed), 76))
    return {
        'base64': 'data:image/svg+xml;base64,' + packed,
        'charset-base64': 'data:image/svg+xml;charset=utf-8;base64,' + packed,
        'utf8-base64': 'data:image/svg+xml;utf8;base64,' + packed,
        'case': 'DATA:Image/SVG+XML;BASE64,' + packed,
        'lines': 'data:image/svg+xml;base64,\n' + lines + '\n',
        'lines-entity': 'data:image/svg+xml;base64,' + lines.replace('\n', '&#10;'),
        'unpadded': 'data:image/svg+xml;base64,' + packed.rstrip('='),
        'escaped-padding': 'data:image/svg+xml;base64,' + packed.replace('=', '%3D'),
        'escaped-plus': 'data:image/svg+xml;base64,' + packed.replace('+', '%2B').replace('/', '%2F'),
        'percent': 'data:image/svg+xml,' + percent(text),
        'percent-charset': 'data:image/svg+xml;charset=utf-8,' + percent(text),
        'percent-utf8': 'data:image/svg+xml;utf8,' + percent(text),
        'percent-quoted': 'data:image/svg+xml;charset=&quot;utf-8&quot;,' + percent(text),
        'half-percent': 'data:image/svg+xml,' + half_percent(text),
        'half-utf8': 'data:image/svg+xml;utf8,' + half_percent(text),
        'half-ascii': 'data:image/svg+xml;charset=US-ASCII,' + half_percent(text),
        'spaces': '  data:image/svg+xml;base64, ' + packed + ' ',
        'space-base64': 'data:image/svg+xml; base64,' + packed,
        'lower-percent': 'data:image/svg+xml,' + percent(text).replace('%3C', '%3c').replace('%3E', '%3e'),
    }


def inner_svgs():
    for name, href in spellings(INNER).items():
        yield Svg('inner', 'svg-' + name, svg(image(href)))
    for name, href in spellings(INNER_ACTIVE).items():
        yield Svg('inner-active', name, svg(image(href)), lacks=GONE)
    deep = INNER_ACTIVE
    for level in range(1, 4):
        deep = svg(image(link('image/svg+xml', deep.encode())))
        yield Svg('inner-active', 'depth-%d' % level, deep, lacks=GONE)
    mixed = svg(image('data:image/svg+xml,' + percent(svg(image(link('image/svg+xml', INNER_ACTIVE.encode()))))))
    yield Svg('inner-active', 'mixed', mixed, lacks=GONE)
    yield Svg(
        'inner',
        'svg-declared',
        svg(image(link('image/svg+xml', b'<?xml version="1.0" encoding="UTF-8"?>' + INNER.encode()))),
    )
    yield Svg(
        'inner',
        'svg-doctype',
        svg(
            image(
                link(
                    'image/svg+xml',
                    b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
                    b'"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">' + INNER.encode(),
                )
            )
        ),
    )
    yield Svg('inner', 'svg-utf16', svg(image(link('image/svg+xml', INNER.encode('utf-16')))))
    yield Svg('inner', 'svg-bom', svg(image(link('image/svg+xml', b'\xef\xbb\xbf' + INNER.encode()))))
    yield Svg(
        'inner',
        'svg-viewbox',
        svg(image(link('image/svg+xml', INNER.replace('width="6" height="4">', 'viewBox="0 0 6 4">', 1).encode()))),
    )
    yield Svg('inner', 'svg-packed', svg(image(link('image/svg+xml', gzip.compress(INNER.encode(), mtime=0)))))
    yield Svg(
        'inner-active',
        'packed',
        svg(image(link('image/svg+xml', gzip.compress(INNER_ACTIVE.encode(), mtime=0)))),
        lacks=GONE,
    )
    yield Svg('inner', 'svg-href', svg(image(link('image/svg+xml', INNER.encode()), name='href')))
    yield Svg(
        'inner',
        'svg-symbol',
        svg(
            '<symbol id="s" viewBox="0 0 60 40">%s</symbol><use xlink:href="#s" width="60" height="40"/>'
            % image(link('image/svg+xml', INNER.encode()))
        ),
    )
    yield Svg(
        'inner',
        'svg-pattern',
        svg(
            '<pattern id="p" width="1" height="1">%s</pattern><rect width="60" height="40" fill="url(#p)"/>'
            % image(link('image/svg+xml', INNER.encode()))
        ),
    )
    yield Svg(
        'inner', 'svg-inner-png', svg(image(link('image/svg+xml', svg(image(link('image/png', png()))).encode())))
    )
    yield Svg(
        'inner',
        'svg-fe',
        svg(
            '<filter id="f" x="0" y="0" width="1" height="1"><feImage preserveAspectRatio="none" xlink:href="%s"/></filter>'
            '<rect width="60" height="40" filter="url(#f)"/>' % link('image/svg+xml', INNER.encode())
        ),
    )


def broken():
    """Pictures inside that cannot be opened: nothing is refused over them."""
    jpeg = bytes.fromhex('ffd8ffe000104a46494600010100000100010000ffdb004300')
    samples = {
        'jpeg-head': link('image/jpeg', jpeg),
        'jpeg-empty': 'data:image/jpeg;base64,',
        'png-sign': link('image/png', png()[:8]),
        'png-half': link('image/png', png(60, 40)[:60]),
        'png-zero': link('image/png', png(0, 0)),
        'png-junk': link('image/png', b'\x89PNG' + b'x' * 90),
        'gif-head': link('image/gif', b'GIF89a\x09\0\x09\0'),
        'webp-head': link('image/webp', b'RIFF\x10\0\0\0WEBPVP8 '),
        'bmp-head': link('image/bmp', bmp()[:30]),
        'tiff-head': link('image/tiff', b'II*\0\x08\0\0\0'),
        'ico-head': link('image/x-icon', b'\0\0\1\0\1\0'),
        'svg-open': link('image/svg+xml', b'<svg xmlns="http://www.w3.org/2000/svg"><g>'),
        'svg-junk': link('image/svg+xml', b'junk'),
        'svg-bad-markup': link('image/svg+xml', b'<svg xmlns="http://www.w3.org/2000/svg"><g></svg>'),
        'svg-empty': 'data:image/svg+xml,',
        'svg-entity': link('image/svg+xml', b'<!DOCTYPE svg [<!ENTITY a "<g/>">]>' + INNER.encode()),
        'base64-bad': 'data:image/png;base64,****',
        'no-comma': 'data:image/png;base64',
        'nothing': '',
        'unknown': link('image/x-nobody', b'123'),
        'text': 'data:text/plain,hello',
        'html': 'data:text/html,hello',
        'http': 'http://example.com/a.png',
        'https': 'https://example.com/a.png',
        'relative': 'pictures/a.png',
        'file': 'file:///etc/passwd',
        'fragment': '#nowhere',
        'psd': link('image/vnd.adobe.photoshop', b'8BPS\0\1' + bytes(20)),
        'avif-head': link('image/avif', b'\0\0\0\x1cftypavif\0\0\0\0avifmif1'),
        'pdf': link('application/pdf', b'%PDF-1.4'),
    }
    for name, href in samples.items():
        yield Svg('broken', name, svg(RECT + image(href, 'width="9" height="9"')))
    for name in ('jpeg-head', 'png-half', 'svg-junk'):
        picture = image(samples[name], 'width="9" height="9"')
        yield Svg('broken', name + '-defs', svg('<defs>%s</defs>%s' % (picture, RECT)))
        yield Svg(
            'broken',
            name + '-pattern',
            svg(
                '<pattern id="p" width="9" height="9">%s</pattern>%s<rect width="1" height="1" fill="url(#p)"/>'
                % (picture, RECT)
            ),
        )
        yield Svg('broken', name + '-first', svg(image(samples[name]) + RECT))
        yield Svg(
            'broken',
            name + '-fe',
            svg(
                '<filter id="f"><feImage xlink:href="%s"/></filter><rect width="5" height="5" filter="url(#f)"/>%s'
                % (samples[name], RECT)
            ),
        )
        yield Svg(
            'broken',
            name + '-inside',
            svg(RECT + image(link('image/svg+xml', svg(picture).encode()), 'width="9" height="9"')),
        )
    for name, tail in {
        'zero': bytes(200),
        'text': b'junk' * 50,
        'png': png(9, 9, (255, 0, 0)),
        'ff': b'\xff' * 3000,
    }.items():
        yield Svg('inner', 'png-tail-' + name, svg(image(link('image/png', png(after=tail)))))


def inner_formats(files):
    """files: [(name, type, bytes)] of blue pictures, drawn elsewhere."""
    for name, kind, data in files:
        yield Svg('inner', name, svg(image(link(kind, data))), has=('data:image/',))
        yield Svg(
            'inner',
            name + '-defs',
            svg('<defs><g id="i">%s</g></defs><use xlink:href="#i"/>' % image(link(kind, data))),
        )
    by_name = {name: data for name, _, data in files}
    for name, kind in {
        'jpeg-as-jpg': 'image/jpg',
        'jpeg-as-pjpeg': 'image/pjpeg',
        'jpeg-as-png': 'image/png',
        'jpeg-bare': '',
        'jpeg-as-text': 'text/plain',
        'jpeg-octets': 'application/octet-stream',
        'jpeg-star': 'image/*',
        'jpeg-case': 'IMAGE/JPEG',
        'jpeg-charset': 'image/jpeg;charset=utf-8',
        'jpeg-as-svg': 'image/svg+xml',
    }.items():
        served_too = not name.endswith(('bare', 'text', 'octets', 'as-svg'))
        yield Svg(
            'inner-type',
            name,
            svg(image(link(kind, by_name['jpeg']))),
            has=('data:',) if served_too else (),
            served=served_too,
        )
    for name, kind in {
        'bmp-ms': 'image/x-ms-bmp',
        'bmp-x': 'image/x-bmp',
        'ico-ms': 'image/vnd.microsoft.icon',
        'ico-ico': 'image/ico',
        'tiff-tif': 'image/tif',
        'webp-x': 'image/x-webp',
        'png-x': 'image/x-png',
        'png-as-jpeg': 'image/jpeg',
        'gif-as-png': 'image/png',
    }.items():
        yield Svg('inner-type', name, svg(image(link(kind, by_name[name.split('-')[0]]))))
    for name, change in {
        'png-lines': lambda t: t[:40] + '\n' + t[40:],
        'png-tabs': lambda t: t[:40] + '\t ' + t[40:],
        'png-entity': lambda t: t[:40] + '&#xA;' + t[40:],
        'png-unpadded': lambda t: t.rstrip('='),
        'png-case': lambda t: t.replace('data:image/png;base64', 'DATA:IMAGE/PNG;BASE64'),
        'png-escaped': lambda t: t.replace('+', '%2B').replace('=', '%3D'),
        'png-before': lambda t: ' \n' + t,
        'png-fragment': lambda t: t + '#a',
    }.items():
        yield Svg('inner-spelling', name, svg(image(change(link('image/png', png())))))
    yield Svg(
        'inner-spelling', 'png-percent', svg(image('data:image/png,' + urllib.parse.quote_from_bytes(png(), safe='')))
    )
    yield Svg(
        'inner-spelling',
        'png-two-hrefs',
        svg(
            '<image preserveAspectRatio="none" width="60" height="40" xlink:href="%s" href="%s"/>'
            % (link('image/png', png()), link('image/png', png()))
        ),
    )


# ---------------------------------------------------------------- labels, namespaces


def labels():
    def foreign(inner, attributes=HTML):
        return svg(
            RECT
            + '<foreignObject width="60" height="40"><div %s style="color:#fff">%s</div></foreignObject>'
            % (attributes, inner)
        )

    for tag in (
        'font',
        'a',
        'center',
        'button',
        'tt',
        'nobr',
        'marquee',
        'blink',
        'big',
        'strike',
        'u',
        's',
        'mark',
        'small',
        'label',
        'legend',
        'fieldset',
        'details',
        'summary',
        'textarea',
        'option',
        'td',
        'section',
        'custom-label',
        'o:p',
        'noscript',
        'template',
        'slot',
        'dialog',
        'picture',
        'figure',
        'figcaption',
        'ruby',
        'rt',
        'var',
        'samp',
        'kbd',
        'bdo',
        'wbr',
        'xmp',
        'plaintext',
        'listing',
        'select',
        'map',
        'canvas',
        'progress',
        'meter',
        'output',
        'optgroup',
        'datalist',
        'hgroup',
        'search',
        'main',
        'math',
        'span',
        'p',
        'h1',
        'pre',
        'code',
        'ul',
        'b',
        'em',
        'ins',
        'del',
        'q',
        'cite',
        'dfn',
        'abbr',
        'time',
        'data',
        'address',
        'dir',
        'menu',
        'acronym',
    ):
        attributes = ' xmlns:o="urn:schemas-microsoft-com:office:office"' if tag == 'o:p' else ''
        yield Svg('label', tag.replace(':', '-'), foreign('<%s%s>LABEL</%s>' % (tag, attributes, tag)), has=('LABEL',))
    yield Svg(
        'label',
        'font-attributes',
        foreign('<font color="#f00" size="3" face="A" onclick="alert(1)">LABEL</font>'),
        has=('LABEL',),
        lacks=('alert',),
    )
    yield Svg('label', 'a-http', foreign('<a href="https://example.com/" target="_blank">LABEL</a>'), has=('LABEL',))
    yield Svg(
        'label',
        'a-javascript',
        foreign('<a href="javascript:alert(1)">LABEL</a>'),
        has=('LABEL',),
        lacks=('javascript',),
    )
    yield Svg('label', 'nested', foreign('<center><font><tt><x-y>LABEL</x-y></tt></font></center>'), has=('LABEL',))
    yield Svg('label', 'script', foreign('LABEL<script>alert(1)</script>'), has=('LABEL',), lacks=('alert', 'script'))
    for tag in ('iframe', 'object', 'embed', 'form', 'applet', 'video', 'audio', 'meta', 'link', 'base'):
        yield Svg(
            'label',
            'without-' + tag,
            foreign('LABEL<%s src="javascript:alert(1)"/>' % tag),
            has=('LABEL',),
            lacks=('<' + tag,),
        )
    yield Svg('label', 'entities', foreign('<font>LABEL&#160;&amp;&lt;b&gt;</font>'), has=('LABEL',))
    yield Svg('label', 'no-namespace', foreign('<font>LABEL</font>', ''), has=('LABEL',))
    yield Svg(
        'label',
        'prefixed',
        svg(
            RECT + '<foreignObject width="60" height="40"><h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:font>LABEL'
            '</h:font></h:div></foreignObject>'
        ),
        has=('LABEL',),
    )
    yield Svg(
        'label',
        'switch',
        svg(
            RECT
            + '<switch><foreignObject width="60" height="40" requiredFeatures="http://www.w3.org/TR/SVG11/feature#Extensibility">'
            '<div %s><center>LABEL</center></div></foreignObject><text y="20" fill="%s">LABEL</text></switch>'
            % (HTML, BLUE_TEXT)
        ),
        has=('LABEL',),
    )
    yield Svg(
        'label',
        'svg-inside',
        foreign('<svg %s width="9" height="9"><text y="9">LABEL</text></svg>' % SVG),
        has=('LABEL',),
    )
    yield Svg(
        'label',
        'mathml',
        svg(
            RECT
            + '<foreignObject width="60" height="40"><math xmlns="http://www.w3.org/1998/Math/MathML"><mi>LABEL</mi></math>'
            '</foreignObject>'
        ),
        has=('LABEL',),
    )
    yield Svg(
        'label',
        'body',
        svg(
            RECT + '<foreignObject width="60" height="40"><body %s><center>LABEL</center></body></foreignObject>' % HTML
        ),
        has=('LABEL',),
    )
    yield Svg(
        'label', 'bare-text', svg(RECT + '<foreignObject width="60" height="40">LABEL</foreignObject>'), has=('LABEL',)
    )
    yield Svg(
        'label', 'style-inside', foreign('<style>.b{color:red}</style><font class="b">LABEL</font>'), has=('LABEL',)
    )
    yield Svg('label', 'input', foreign('LABEL<input type="checkbox" checked="checked"/>'), has=('LABEL',))
    yield Svg(
        'label',
        'img',
        foreign('LABEL<img src="http://example.com/a.png" onerror="alert(1)"/>'),
        has=('LABEL',),
        lacks=('alert',),
    )
    yield Svg('label', 'br', foreign('<center>LABEL<br/>second</center>'), has=('LABEL', 'second'))


def namespaces():
    use = '<defs><rect id="r" width="60" height="40" fill="%s"/></defs><use xlink:href="#r"/>' % BLUE_TEXT
    root = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">%s</svg>'
    fixed = 'xmlns:xlink CDATA #FIXED "http://www.w3.org/1999/xlink"'
    public = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [%s]>'
    for name, declared, document in [
        ('attlist-fixed', '<!ATTLIST svg %s>' % fixed, root % use),
        ('attlist-default', '<!ATTLIST svg xmlns:xlink CDATA "http://www.w3.org/1999/xlink">', root % use),
        ('attlist-use', '<!ATTLIST use %s>' % fixed, root % use),
        (
            'attlist-two',
            '<!ATTLIST svg xmlns:a CDATA #FIXED "http://ns.adobe.com/Extensibility/1.0/" %s>' % fixed,
            root % ('<g a:b="c"/>' + use),
        ),
        (
            'attlist-other',
            '<!ATTLIST svg xmlns:x CDATA #FIXED "http://www.w3.org/1999/xlink">',
            root % use.replace('xlink:', 'x:'),
        ),
        (
            'attlist-svg',
            '<!ATTLIST svg xmlns CDATA #FIXED "http://www.w3.org/2000/svg" %s>' % fixed,
            (root % use).replace(' xmlns="http://www.w3.org/2000/svg"', ''),
        ),
        (
            'attlist-lines',
            '\n<!ATTLIST svg\n  xmlns:xlink CDATA #FIXED\n "http://www.w3.org/1999/xlink">\n',
            root % use,
        ),
        ('attlist-written-too', '<!ATTLIST svg %s>' % fixed, svg(use)),
        ('attlist-implied', '<!ATTLIST svg xmlns:xlink CDATA #IMPLIED>', svg(use)),
        (
            'entity-namespace',
            '<!ENTITY ns_svg "http://www.w3.org/2000/svg"><!ENTITY ns_xlink "http://www.w3.org/1999/xlink">',
            '<svg xmlns="&ns_svg;" xmlns:xlink="&ns_xlink;" width="60" height="40">%s</svg>' % use,
        ),
        (
            'entity-adobe',
            '<!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/"><!ENTITY ns_svg "http://www.w3.org/2000/svg">',
            '<svg xmlns:i="&ns_ai;" xmlns="&ns_svg;" width="60" height="40" i:viewOrigin="0 0"><switch><foreignObject requiredExtensions="&ns_ai;" '
            'x="0" y="0" width="1" height="1"><i:pgfRef/></foreignObject><g i:extraneous="self">%s</g></switch></svg>'
            % RECT,
        ),
        ('entity-colour', '<!ENTITY c "%s">' % BLUE_TEXT, root % '<rect width="60" height="40" fill="&c;"/>'),
        (
            'entity-style',
            '<!ENTITY st0 "fill:%s;stroke:none">' % BLUE_TEXT,
            root % '<rect width="60" height="40" style="&st0;"/>',
        ),
    ]:
        yield Svg(
            'namespace',
            name,
            '<?xml version="1.0"?>' + public % declared + document,
            lacks=('<!', '&ns_', '&c;', '&st0;'),
        )
    yield Svg('namespace', 'system', '<!DOCTYPE svg SYSTEM "svg.dtd" [<!ATTLIST svg %s>]>' % fixed + root % use)
    yield Svg('namespace', 'bare-type', '<!DOCTYPE svg [<!ATTLIST svg %s>]>' % fixed + root % use)
    yield Svg(
        'namespace',
        'attlist-image',
        '<!DOCTYPE svg [<!ATTLIST image %s>]>' % fixed + root % image(link('image/png', png())),
    )
    yield Svg('namespace', 'attlist-in-g', '<!DOCTYPE svg [<!ATTLIST g %s>]>' % fixed + root % ('<g>%s</g>' % use))
    yield Svg(
        'namespace',
        'no-type',
        svg(
            use,
            before='<?xml version="1.0" standalone="no"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 20010904//EN" '
            '"http://www.w3.org/TR/2001/REC-SVG-20010904/DTD/svg10.dtd">\n<!-- made by -->\n',
        ),
    )
    yield Svg(
        'namespace',
        'none',
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="60" height="40">%s</svg>'
        % use,
    )
    for encoding in ('utf-16', 'utf-16-le', 'iso-8859-1', 'windows-1252', 'shift_jis'):
        text = '<?xml version="1.0" encoding="%s"?>' % encoding.replace('-le', '') + svg(
            '<title>\xa9</title>'.replace('\xa9', '' if encoding == 'shift_jis' else '\xa9') + RECT
        )
        data = text.encode(encoding)
        yield Svg('encoding', encoding, b'\xff\xfe' + data if encoding == 'utf-16-le' else data)
    yield Svg('encoding', 'bom', b'\xef\xbb\xbf' + svg(RECT).encode())
    yield Svg('encoding', 'space-before', '\n\n  ' + svg(RECT))
    yield Svg('encoding', 'comment-before', '<!-- %s -->' % ('x' * 3000) + svg(RECT))


def all_svgs(files):
    for part in (css, filters, markers, texts, served, inner_svgs, broken, labels, namespaces):
        yield from part()
    yield from inner_formats(files)

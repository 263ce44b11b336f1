#!/usr/bin/env python3
"""Packs sources into few units that include them: headers are read once for a unit.

    unity.py --names PREFIX FILES SOURCE...    prints names for as many units of about FILES sources
                                               as it takes
    unity.py UNIT... -- SOURCE...              writes these units

Files of one unit see each other's unnamed namespaces, so a name that one declares there and another
declares or means otherwise parts them; a file that leaves macros stands last in its unit, and one
that replaces operator new has a unit of its own. Units keep the order of the sources, so that
neighbours share their headers, and are about equally long. A unit that would not change is not
written.
"""

import os
import re
import sys

WORD = re.compile(r'[A-Za-z_]\w*')
TYPE = re.compile(
    r'(?:template\s*<.*>\s*)?(?:struct|class|enum class|enum|union|concept)\s+(\w+)'
    r'|(?:template\s*<.*>\s*)?using\s+(\w+)\s*='
)
# The word in front of what ends a declaration's name; `a = 1, b = 2` has two.
DECLARED = re.compile(r'(\w+)(?:<[^;={}()]*>)?\s*(?:\[[^\]]*\]\s*)*(?:\(|=|\{|;|$)')
INNER = re.compile(r'(?m)^ .*?(?:(?:struct|class|enum|using)\s+|(?=\bk[A-Z]\w*(?:\[\w*\])? =))(\w+)')
FURTHER = re.compile(r', (\w+) = ')
MACRO = re.compile(r'(?m)^\s*#\s*(define|undef)\s+(\w+)')


def local_names(text):
    """Names that a file declares in unnamed namespaces, at the left edge."""
    names, inside = set(), False
    for line in text.split('\n'):
        if re.match(r'namespace\s*\{', line):
            inside = True
        elif re.match(r'\}\s*// namespace$', line):
            inside = False
        elif inside and re.match(r'[A-Za-z_]', line) and not line.startswith('TEST'):
            found = TYPE.match(line)
            if not found and not line.startswith(('using ', 'static_assert')):
                found = DECLARED.search(line)
                names.update(FURTHER.findall(line))
            if found:
                names.add(found.group(found.lastindex))
    return names


def leaves_macros(text):
    """Whether text defines a macro that it keeps, or takes one away that it did not define."""
    kept = set()
    for word, name in MACRO.findall(text):
        if word == 'undef' and name not in kept:
            return True
        (kept.add if word == 'define' else kept.discard)(name)
    return bool(kept)


def near_headers(path, text):
    """The headers of its own folder that a file includes."""
    found = ''
    for name in re.findall(r'(?m)^#include "(\w+\.h)"', text):
        header = os.path.join(os.path.dirname(path), name)
        if os.path.exists(header):
            with open(header, encoding='utf-8') as file:
                found += file.read()
    return found


class Source:
    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.path = path
        self.size = len(text) + 20000  # what reading its headers is worth
        self.names = local_names(text)
        # A type or a constant hides what others have under the same name from a header, but not what
        # they declare within a function or a class.
        self.hidden = {name for name in self.names if re.match(r'k?[A-Z]', name)}
        self.last = leaves_macros(text)  # those of a header are for all
        text += near_headers(path, text)
        code = re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"', ' ', text)
        self.words = set(WORD.findall(code)) - set(INNER.findall(code))
        # Who sees what it does takes it for a mismatch (gcc).
        self.alone = re.search(r'(?m)^void\* operator new\(', text) is not None

    def clashes(self, other):
        return bool(
            self.alone
            or other.alone
            or self.names & other.names
            or self.hidden & other.words
            or other.hidden & self.words
            or self.last
            and other.last
        )


def packed(sources, count):
    """The sources of each unit, in order; None where they do not go into so many."""
    units = [[] for _ in range(count)]
    sizes = [0] * count
    limit = sum(source.size for source in sources) / count
    at = 0
    for source in sources:
        if sizes[at] + source.size / 2 > limit and at + 1 < count:
            at += 1
        fits = [n for n in range(count) if not any(map(source.clashes, units[n]))]
        if not fits:
            return None
        place = min(fits, key=lambda n: (abs(n - at), sizes[n]))
        units[place].append(source)
        sizes[place] += source.size
    return [sorted(unit, key=lambda source: source.last) for unit in units]


def count_of(sources, files):
    """The fewest units of about so many files."""
    return next(count for count in range(-(-len(sources) // files), len(sources) + 1) if packed(sources, count))


def write(path, text):
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            if file.read() == text:
                return
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def main():
    if sys.argv[1] == '--names':
        prefix, files = sys.argv[2], int(sys.argv[3])
        for number in range(count_of([Source(path) for path in sys.argv[4:]], files)):
            print('%s_unit%d.cc' % (prefix, number))
        return
    split = sys.argv.index('--')
    names = sys.argv[1:split]
    units = packed([Source(os.path.abspath(path)) for path in sys.argv[split + 1 :]], len(names))
    if units is None:
        sys.exit(
            'unity: more sources have a name in common than there are units (%d): '
            '`touch meson.build` makes more' % len(names)
        )
    for name, unit in zip(names, units):
        lines = ['#include "%s"' % source.path for source in unit]
        write(name, '// Made by tools/lib/unity.py.\n%s\n' % '\n'.join(lines))


if __name__ == '__main__':
    main()

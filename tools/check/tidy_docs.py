"""The part of tools/check/tidy.py that reads documents, and comments for what they cite.

Checks that lines of Markdown are no longer than its limit, that links and file names lead somewhere,
that a citation names a document and a section, step, rule or decision that exist, that nothing is
said of other projects' faults, and that the variables of configuration.md are those of the code.

How a citation is written: `processing.md section 6`, `processing.md sections 3 to 6`, `server.md 3.1`,
`urls.md section 2, step 5`, `hardening.md section 6, rule 3`, `decision 9`. A section without a document is one
of the same document; in code it is an error.
"""

import bisect
import io
import os
import re
import tokenize

DOC_COLUMNS_MAX = 100
DECISIONS = 'docs/design/decisions.md'
VARIABLES = 'docs/spec/configuration.md'
VARIABLE_TABLES = 'src/config'
# Where a document may be that is cited by its name alone, beside the folder of who cites it.
DOC_FOLDERS = ['', 'docs/spec', 'docs/design', 'docs', 'src']

# A sentence of a document that has a name of the first list and a word of the second speaks of
# somebody's faults: the reason may stay, its example goes.
OTHERS = (
    r"\b(?:imgproxy|imgproxy's|thumbor|imagor|imaginary|weserv|Envoy|nginx|libvips|libheif|libaom"
    r'|libde265|librsvg|cairo|llhttp|libjpeg(?:-turbo)?|libpng|libwebp|libgomp|OpenSSL|mimalloc|liburing'
    r'|GLib|Go|Debian|Kubernetes|gcc|g\+\+|clang|meson|(?:[Tt]he|[Aa]) reference(?: server)?)(?![\w+-])'
)
FAULTS = (
    r'\b(?:bugs?|buggy|defects?|faulty|flaws?|vulnerab\w+|exploit\w*|crash\w*|miscompil\w+|misspel\w+'
    r'|off by one|double frees?|use after free|smuggl\w+|memory leaks?|security holes?|wrongly|silently'
    r'|never (?:reads|loads|checks)|forgets to)\b'
)


# ---------------------------------------------------------------- Markdown as blocks

FENCE = re.compile(r'\s*(```|~~~)')
ITEM = re.compile(r'\s*(?:[-*+]|\d+[.)])\s+')
HEADING = re.compile(r'#{1,6} ')


def blocks(text):
    """(kind, number of the first line, lines): text, code, table, heading or blank."""
    found, fenced = [], False
    for number, line in enumerate(text.split('\n'), 1):
        before = found[-1] if found else ('blank', 0, [])
        if FENCE.match(line):
            kind = 'code'
            fenced = not fenced
        elif fenced:
            kind = 'code'
        elif not line.strip():
            kind = 'blank'
        elif line.lstrip().startswith('|'):
            kind = 'table'
        elif HEADING.match(line):
            kind = 'heading'
        elif is_indented_code(line, found):
            kind = 'code'
        else:
            kind = 'text'
        goes_on = kind == before[0] and kind != 'heading' and not (kind == 'text' and ITEM.match(line))
        if goes_on:
            before[2].append(line)
        else:
            found.append((kind, number, [line]))
    return found


def is_indented_code(line, found):
    """Four spaces behind a blank line, unless what is above is a list."""
    if not line.startswith('    '):
        return False
    if found and found[-1][0] == 'code':
        return True
    if not found or found[-1][0] != 'blank':
        return False
    above = [block for block in found if block[0] != 'blank']
    return not (above and (ITEM.match(above[-1][2][0]) or above[-1][2][0].startswith(' ')))


WORD = re.compile(r'(?:`[^`]*`|[^\s`])+|`')
CODE_COLUMNS_MAX = 60
MARKER = re.compile(r'(?:[-*+]|\d+[.)]|#{1,6}|[|>].*)$')


def words_of(text):
    """Words; code between backquotes is one, so that it stays on its line."""
    words = []
    for word in WORD.findall(text):
        words += word.split() if len(word) > CODE_COLUMNS_MAX and ' ' in word else [word]
    return words


def fill(lines):
    """The lines of one paragraph or list item, filled anew."""
    lead = ITEM.match(lines[0])
    first = lead.group(0) if lead else re.match(r'\s*', lines[0]).group(0)
    rest = ' ' * len(first) if lead else first
    words = words_of(' '.join([lines[0][len(first) :], *lines[1:]]))
    out, current = [], []
    for word in words:
        indent = rest if out else first
        if current and len(indent + ' '.join([*current, word])) > DOC_COLUMNS_MAX:
            # A line may not begin with what would make it a list, a heading or a table.
            carried = [current.pop()] if MARKER.match(word) and len(current) > 1 else []
            out.append(indent + ' '.join(current))
            current = carried
        current.append(word)
    out.append((rest if out else first) + ' '.join(current))
    return out


def wrap_markdown(text):
    """Fills each paragraph and list item anew that has a line which is too long."""
    out = []
    for kind, _, lines in blocks(text):
        too_long = kind == 'text' and any(len(line) > DOC_COLUMNS_MAX for line in lines)
        out += fill(lines) if too_long else lines
    return '\n'.join(out)


def check_lines(text, report):
    for kind, number, lines in blocks(text):
        for at, line in enumerate(lines, number):
            if '\t' in line or line != line.rstrip():
                report(at, 'tab or trailing space')
            if kind == 'text' and len(line) > DOC_COLUMNS_MAX and ' ' in line.strip():
                report(at, 'line of %d columns (at most %d; --wrap fills it anew)' % (len(line), DOC_COLUMNS_MAX))


# ---------------------------------------------------------------- text that runs over lines


class Running:
    """Pieces of text, each with its line, read as one text."""

    def __init__(self, pieces):
        self.starts, self.lines, parts, size = [], [], [], 0
        for line, piece in pieces:
            self.starts.append(size)
            self.lines.append(line)
            parts.append(piece)
            size += len(piece) + 1
        self.text = ' '.join(parts)

    def line(self, position):
        return self.lines[max(0, bisect.bisect_right(self.starts, position) - 1)]


def running_markdown(text):
    """One text for each paragraph, item and table row."""
    for kind, number, lines in blocks(text):
        if kind in ('text', 'heading'):
            yield Running([(number + i, line.strip()) for i, line in enumerate(lines)])
        elif kind == 'table':
            for i, line in enumerate(lines):
                yield Running([(number + i, line)])


def running_comments(text, token):
    """One text for each run of // lines and each /* */; `token` finds comments among literals."""
    run, end = [], 0
    for m in token.finditer(text):
        if not (m.group('line') or m.group('block')):
            continue
        if run and text[end : m.start()].strip():
            yield Running(run)
            run = []
        first = text.count('\n', 0, m.start()) + 1
        for i, line in enumerate(m.group(0).split('\n')):
            run.append((first + i, line.strip().strip('/*').strip()))
        end = m.end()
    if run:
        yield Running(run)


def python_comments(text):
    """(line, text) of comments and of strings that are statements."""
    first = True  # of its statement
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.type == tokenize.STRING and first:
            for i, line in enumerate(token.string.split('\n')):
                yield token.start[0] + i, line.strip().strip('#"').strip()
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            first = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def hash_comments(text):
    """(line, text) of comments of shell scripts and meson.build."""
    for number, line in enumerate(text.split('\n'), 1):
        m = re.search(r'(?:^|\s)#+(.*)', line)
        if m:
            yield number, m.group(1).strip()


def running_script(path, text):
    """The comments of a script as one text."""
    python = path.endswith('.py') or text.startswith('#!') and 'python' in text.split('\n')[0]
    pieces = list(python_comments(text) if python else hash_comments(text))
    if pieces:
        yield Running(pieces)


# ---------------------------------------------------------------- what there is to cite

NUMBERED = re.compile(r'(?:#{1,6} +)?(\d+(?:\.\d+)*)\.? +\S')
LISTED = re.compile(r'(?:\*\*)?(\d+)\. ')


class Documents:
    """Files of the tree, sections of its documents, numbers of decisions."""

    def __init__(self, root):
        self.root = root
        self.files = set()
        for folder, below, names in os.walk(root):
            below[:] = [
                name
                for name in below
                if not name.startswith('.') and not name.startswith('build') and name not in ('vendor', '__pycache__')
            ]
            for name in names:
                self.files.add(os.path.relpath(os.path.join(folder, name), root))
        self.endings = set()
        for path in self.files:
            parts = path.split('/')
            self.endings.update('/'.join(parts[i:]) for i in range(len(parts)))
        self.sections = {}  # document: {section: numbers of its list items}
        for path in self.files:
            if path.endswith('.md'):
                self.sections[path] = sections_of(self.read(path))
        numbers = re.findall(r'(?m)^(\d+)\. ', self.read(DECISIONS)) if DECISIONS in self.files else []
        self.decisions = set(map(int, numbers))

    def read(self, path):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            return file.read()

    def find(self, name, folder):
        """The path of a document that is cited by name from a file of the folder."""
        for start in [folder, *DOC_FOLDERS]:
            path = os.path.normpath(os.path.join(start, name))
            if path in self.files:
                return path
        ending = [path for path in self.sections if path.endswith('/' + name)]
        return ending[0] if len(ending) == 1 else None


def sections_of(text):
    """{'6': {1, 2, 3}, '6.1': …}: numbered headings and paragraphs, with the items of their lists."""
    found, current = {}, None
    for kind, _, lines in blocks(text):
        for line in lines if kind in ('text', 'heading') else []:
            m = NUMBERED.match(line)
            item = LISTED.match(line)
            if kind == 'heading':
                current = m.group(1) if m else None
                if current:
                    found.setdefault(current, set())
            elif item and current:
                found[current].add(int(item.group(1)))
            elif m and '.' in m.group(1) and line is lines[0]:
                found.setdefault(m.group(1), set())
    return found


# ---------------------------------------------------------------- citations

NUMBERS = r'\d+(?:\.\d+)*(?:(?:, | and | to |, and )\d+(?:\.\d+)*(?![\w%]))*'
DOCUMENT = re.compile(r'(?<![\w*/.$-])((?:[\w.-]+/)*[\w-]+\.md)\b[`)]*')
SECTION = re.compile(r"(?:'s)?,? (?:sections? )?(%s)(?![\w%%])" % NUMBERS)
ITEMS = re.compile(r',? (?:steps?|rules?|points?) (%s)' % NUMBERS)
BARE = re.compile(r'\b[Ss]ections? (%s)' % NUMBERS)
DECISION = re.compile(r'\b(?:[Dd]ecisions?|[Rr]ulings?) (%s)' % NUMBERS)
# Documents of others have sections, too.
ELSEWHERE = re.compile(r'(?:RFC \d+|Level \d+|ISO/IEC [\d-]+|ICC\.[\d:]+)[,;:]? $')


def numbers_in(text):
    return re.findall(r'\d+(?:\.\d+)*', text)


def check_sections(documents, path, numbers, after, say):
    """The sections of a document, and the items of the last one where the text names some."""
    known = documents.sections[path]
    for number in numbers:
        if number not in known:
            say('%s has no section %s' % (path, number))
            return
    items = ITEMS.match(after)
    for item in map(int, numbers_in(items.group(1))) if items else []:
        if item not in known[numbers[-1]]:
            say('section %s of %s has no item %d' % (numbers[-1], path, item))


def check_citations(documents, path, running, report):
    text = running.text
    folder = os.path.dirname(path)
    cited = []  # parts of the text that are accounted for
    for m in DOCUMENT.finditer(text):
        if text[: m.start()].endswith(']('):
            continue  # a link, which check_document_names follows
        say = lambda message, at=m.start(): report(running.line(at), message)
        document = documents.find(m.group(1), folder)
        section = SECTION.match(text, m.end())
        if section:
            cited.append((m.start(), section.end()))
        if document is None:
            say('%s names no document that there is' % m.group(1))
        elif section:
            check_sections(documents, document, numbers_in(section.group(1)), text[section.end() :], say)
    for m in BARE.finditer(text):
        if any(start <= m.start() < end for start, end in cited) or ELSEWHERE.search(text[: m.start()]):
            continue
        say = lambda message, at=m.start(): report(running.line(at), message)
        if path in documents.sections:
            check_sections(documents, path, numbers_in(m.group(1)), text[m.end() :], say)
        else:
            say('section %s of no document: write its name, as in "urls.md section 2"' % m.group(1))
    for m in DECISION.finditer(text):
        for number in map(int, numbers_in(m.group(1))):
            if number not in documents.decisions:
                report(running.line(m.start()), '%s has no decision %d' % (DECISIONS, number))


# ---------------------------------------------------------------- names of files, links

SOURCE_NAME = re.compile(r'(?<![\w./<*{-])((?:[\w-]+/)*[\w-]+\.(?:h|cc))\b(?!\w)')
CODE = re.compile(r'`([^`]+)`')
FILE_NAME = re.compile(r'(?:[\w.-]+/)*[\w.-]+\.(?:h|cc|py|md|json|tsv|build|lua|txt|svg)$')
LINK = re.compile(r'(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)')
# Headers of libraries that comments speak of.
LIBRARY_HEADERS = {'jpeglib.h', 'sysexits.h', 'vips/vips.h'}
# Made by the build.
MADE = {'compile_commands.json'}


def slug(heading):
    heading = re.sub(r'`|\*|\[([^\]]*)\]\([^)]*\)', lambda m: m.group(1) or '', heading.strip().lower())
    return re.sub(r'[^\w\- ]', '', heading).replace(' ', '-')


def check_names(documents, running, report):
    for m in SOURCE_NAME.finditer(running.text):
        name = m.group(1)
        if name not in documents.endings and name not in LIBRARY_HEADERS:
            report(running.line(m.start()), '%s names no file that there is' % name)


def check_document_names(documents, path, running, report):
    folder = os.path.dirname(path)
    for m in CODE.finditer(running.text):
        name = m.group(1)
        known = name in documents.endings or os.path.normpath(os.path.join(folder, name)) in documents.files
        placeholder = os.path.basename(name) in MADE or re.search(r'NAME|\bx(?:_\w+)?\.', name)
        if FILE_NAME.match(name) and not placeholder and not known:
            report(running.line(m.start()), '%s names no file that there is' % name)
    for m in LINK.finditer(running.text):
        target = m.group(1) or m.group(2)
        if re.match(r'\w+:', target):
            continue
        target, _, anchor = target.partition('#')
        to = os.path.normpath(os.path.join(folder, target)) if target else path
        if to not in documents.files and not os.path.isdir(os.path.join(documents.root, to)):
            report(running.line(m.start()), 'link to %s, which is not there' % target)
        elif anchor and to.endswith('.md'):
            headings = re.findall(r'(?m)^#{1,6} +(.*)$', documents.read(to))
            if anchor not in map(slug, headings):
                report(running.line(m.start()), 'link to #%s: %s has no such heading' % (anchor, to))


# ---------------------------------------------------------------- words


def check_faults(running, report):
    for m in re.finditer(r'[^.;]+', re.sub(r'\.(?=\w)', '\u2024', running.text)):
        sentence = m.group(0)
        other, fault = re.search(OTHERS, sentence), re.search(FAULTS, sentence)
        if other and fault:
            report(
                running.line(m.start() + fault.start()),
                '"%s" beside "%s": a document says nothing of other projects\' faults'
                % (fault.group(0), other.group(0)),
            )


# ---------------------------------------------------------------- variables


def check_variables(documents, report):
    """A row of a table and a name of the document go together."""
    if VARIABLES not in documents.files:
        return
    written = documents.read(VARIABLES)
    named = set(re.findall(r'`([A-Z][A-Z0-9_]+)`', written))
    built = set()
    for path in sorted(documents.files):
        if path.startswith(VARIABLE_TABLES + '/table_'):
            table = documents.read(path)
            rows = re.findall(r'\b(?:row|choice|ignored|paid|older|removed)\(\s*"([A-Za-z_0-9]+)"', table)
            built.update(name for name in rows if name.isupper())
    for name in sorted(built - named):
        report(VARIABLES, 1, '%s of %s is not in the document' % (name, VARIABLE_TABLES))
    lines = written.split('\n')
    for name in sorted(named - built):
        if re.match(r'(?:IMGPROXY|IMGRING)_\w*[A-Z]$', name):
            at = next(i for i, line in enumerate(lines, 1) if '`%s`' % name in line)
            report(VARIABLES, at, '%s is in no table of %s' % (name, VARIABLE_TABLES))


# ---------------------------------------------------------------- one file


def check_document(documents, path, text, report):
    """A file of Markdown."""
    check_lines(text, report)
    for running in running_markdown(text):
        check_citations(documents, path, running, report)
        check_document_names(documents, path, running, report)
        check_faults(running, report)


def check_comments(documents, path, text, token, report):
    """A .h or .cc."""
    for running in running_comments(text, token):
        check_citations(documents, path, running, report)
        check_names(documents, running, report)


def check_script(documents, path, text, report):
    for running in running_script(path, text):
        check_citations(documents, path, running, report)

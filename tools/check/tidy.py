#!/usr/bin/env python3
"""Checks the rules of the house style that no compiler knows.

    tools/check/tidy.py [--root DIR]              code, comments, documents and what they cite
    tools/check/tidy.py --headers [--root DIR]    whether headers compile alone that no source includes first
    tools/check/tidy.py --wrap FILE...            fills comments and Markdown anew that are too wide

Prints path:line: what is wrong, and exits 1 when there is anything. The coroutine rules look at
whole statements, however many lines they take (docs/design/style.md section 7).
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy_docs  # noqa: E402

MODULES = [
    'base',
    'format',
    'mem',
    'config',
    'loop',
    'net',
    'http',
    'observe',
    'url',
    'source',
    'codec',
    'svg',
    'info',
    'sandbox',
    'image',
    'pipeline',
    'cache',
    'service',
    'server',
    'cli',
]
COROUTINE_MODULES = {'loop', 'net', 'http', 'source', 'cache', 'service', 'server'}
# Where libvips may be named: behind its handles, and in what carries out a plan.
VIPS_PLACES = re.compile(r'(src|include/imgring)/image/|src/pipeline/(steps/\w+|runner)\.(cc|h)$|tests/')
# A plugin of libheif is told nothing of who asked: image/heif_codecs.cc.
THREAD_LOCAL_MODULES = {'mem', 'loop', 'image'}
# Who is of no such module does not see it through others either: a loop asks libvips nothing.
VIPS_MODULES = {'', 'image', 'sandbox', 'pipeline', 'cli'}
LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
# Above `loop` nothing asks a clock or the kernel for itself, so that a test and a simulated engine can
# give their own: the time is Loop::now() and Loop::unix_s(), waiting is the engine's, work goes to helpers.
# Who must stands here with its reason; a row that nothing needs is an error. The key is a file or a
# folder of src/ and include/imgring/.
SYSTEM_USERS = {
    'cli': 'commands run once and end: they probe, connect to a server and print',
    'http/connection.cc': 'half of a close, and who is at the other end',
    'http/responder.cc': 'what a socket takes at once, and what the kernel still holds of it',
    'image/colour_profiles.cc': 'files of profiles, at start',
    'image/decode_scratch.': 'helpers: memory of the kernel, aged by the hour',
    'image/library_threads.cc': 'threads that libraries want to be their own',
    'image/library_words.cc': 'helpers: what libraries say, once in a while',
    'net/address.h': 'types of addresses',
    'net/plain_transport.cc': 'sockets: what is set, and bytes that are there',
    'net/resolver.cc': "c-ares' own sockets in an epoll descriptor that the engine polls, by its own clock",
    'observe/process.cc': "the kernel's numbers of the process",
    'sandbox': 'children, and the helpers that wait for them: processes, sockets, limits, time',
    'server': 'the process: its sockets, threads and signals; clocks are going',
    'service/memory_watch.cc': 'asked on any thread, looks once in 20 ms',
    'service/request_id.cc': 'random ids, a page of them at a time',
    'source/aws_signature.cc': 'shared files of keys, at start',
    'source/local.': 'types of what the engine reads for it',
}
SYSTEM_HEADERS = re.compile(
    r'(?m)^[ \t]*#[ \t]*include[ \t]*<((?:dirent|fcntl|ifaddrs|poll|pthread|sched|semaphore|signal|spawn|unistd'
    r'|sys/(?:epoll|eventfd|file|inotify|ioctl|mman|prctl|random|resource|select|sendfile|signalfd|socket|stat|statvfs'
    r'|syscall|time|timerfd|uio|un|utsname|wait))\.h|csignal|filesystem|fstream|thread)>'
)
SYSTEM_CALLS = re.compile(
    r'\b((?:\w*Clock|steady_clock|system_clock|high_resolution_clock)\s*::\s*now|std\s*::\s*time(?=\s*\()'
    r'|clock_gettime|gettimeofday|(?<![.>])\btime(?=\(nullptr\))|std\s*::\s*(?:jthread|async|thread(?!\s*::))'
    r'|pthread_create|syscall|sleep_for|sleep_until|usleep|nanosleep)\b'
)
PACKAGES = [
    'liburing',
    'vips',
    'libcares',
    'openssl',
    'zlib',
    'libdeflate',
    'libjpeg',
    'libpng',
    'libwebp',
    'expat',
    'libexif',
    'fmt',
]


# ---------------------------------------------------------------- the text without its distractions

TOKEN = re.compile(
    r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<digits>\b\d[\w']*)
  | (?P<char>'(?:\\.|[^'\\\n])+')
""",
    re.S | re.X,
)


def blank(text):
    """Everything but the line ends becomes spaces."""
    return re.sub(r'[^\n]', ' ', text)


def strip(text):
    """Comments go, strings and characters keep their quotes only; lines and columns stay."""

    def one(m):
        found = m.group(0)
        if m.lastgroup == 'digits' or m.group('digits'):
            return found.replace("'", '0')
        if m.group('line') or m.group('block'):
            return blank(found)
        return found[0] + blank(found[1:-1]) + found[-1]

    return TOKEN.sub(one, text)


def without_preprocessor(text):
    """Directives with their continued lines go: macros may hold what code may not."""
    return re.sub(r'(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: blank(m.group(0)), text)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def match_back(text, close):
    """Where the bracket is that the one at `close` closes; -1 when there is none."""
    pairs = {')': '(', ']': '[', '}': '{'}
    opening, closing, depth = pairs[text[close]], text[close], 0
    for at in range(close, -1, -1):
        if text[at] == closing:
            depth += 1
        elif text[at] == opening:
            depth -= 1
            if depth == 0:
                return at
    return -1


def match_forward(text, start):
    """Where the bracket opened at `start` closes; the end when it does not."""
    pairs = {'(': ')', '[': ']', '{': '}'}
    opening, closing, depth = text[start], pairs[text[start]], 0
    for at in range(start, len(text)):
        if text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at
    return len(text) - 1


# ---------------------------------------------------------------- functions

FUNCTION_TAIL = re.compile(r'\)\s*(const|noexcept|override|final|mutable|&&?|\s|->[\w\s:<>,*&]+)*$')


def is_function(head):
    """Whether a brace after this text opens a function's body."""
    head = re.sub(r'\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>', ' ', head)
    if '(' not in head or head.count('(') != head.count(')'):
        return False
    if re.search(r'\b(class|struct|union|enum|namespace)\b', head):
        return bool(FUNCTION_TAIL.search(head))
    return True


def is_member_initialiser(head):
    """Whether the brace is the b_{…} of a constructor's list."""
    return bool(re.search(r'\)\s*(noexcept\s*)?:(?!:).*[\w>]\s*$', head, re.S))


def functions(code):
    """(position of the opening brace, position of the closing one) of every function."""
    found, head_from, at = [], 0, 0
    parens = 0
    while at < len(code):
        c = code[at]
        if c == '(':
            parens += 1
        elif c == ')':
            parens -= 1
        elif c == ';' and parens <= 0 or c == '}':
            head_from, parens = at + 1, 0
        elif c == '{':
            head = code[head_from:at]
            if is_member_initialiser(head) or parens > 0:
                at = match_forward(code, at)
            elif is_function(head):
                end = match_forward(code, at)
                found.append((at, end))
                at, head_from = end, end + 1
            elif re.search(r'=\s*$', head):
                at = match_forward(code, at)
            else:
                head_from = at + 1
        at += 1
    return found


# ---------------------------------------------------------------- coroutines

CONTROL = re.compile(
    r'\s*(?:else\b|do\b|(?:if\s+constexpr|if|for|while|switch)\s*(?=\()'
    r'|case\b[^:;{}()]*(?:::[^:;{}()]*)*:(?!:)|default\s*:|(?:public|private|protected)\s*:)'
)
CALLS = r'[\w:]+(?:<[^()]*>)?(?:\(\)|\[\])*'
OPERAND = re.compile(r'[*&]?\s*(?:\(\)|%s)(?:\s*(?:\.|->)\s*%s)*$' % (CALLS, CALLS))
TARGET = re.compile(r'[\w:<>,*&\s.\[\]()-]+=$')


def statement_start(code, at):
    """Where the statement begins that holds the position."""
    parens = 0
    i = at - 1
    while i >= 0:
        c = code[i]
        if c == ')':
            parens += 1
        elif c == '(':
            parens -= 1
        elif c == ';' and parens <= 0:
            return i + 1
        elif c == '{':
            return i + 1
        elif c == '}':
            after = code[i + 1 :].lstrip()[:1]
            if parens <= 0 and (after.isalnum() or after in '_}{*[:'):
                return i + 1
            i = match_back(code, i)
            if i < 0:
                return 0
        i -= 1
    return 0


def statement_end(code, at):
    """Where it ends: the position of its semicolon, or of the brace that cuts it off."""
    depth = 0
    for i in range(at, len(code)):
        c = code[i]
        if c == '{':
            depth += 1
        elif c == '}':
            depth -= 1
            if depth < 0:
                return i
        elif c == ';' and depth == 0:
            return i
    return len(code)


def without_control(text):
    """The statement without the if (…), else, for (…), case … it hangs on."""
    while True:
        m = CONTROL.match(text)
        if not m:
            return text.strip()
        rest = text[m.end() :]
        if rest.startswith('('):
            end = match_forward(rest, 0)
            if 'co_await' in rest[: end + 1]:
                return text.strip()
            rest = rest[end + 1 :]
        text = rest


def groups_emptied(text):
    """f(a, g(b))[c] becomes f()[]."""
    previous = None
    while previous != text:
        previous = text
        text = re.sub(r'\(\s*[^()\[\]\s][^()\[\]]*\)', '()', text)
        text = re.sub(r'\[[^\[\]()]+\]', '[]', text)
        text = re.sub(r'\(\s*(?:[^()\[\]]|\(\)|\[\])+\)', '()', text)
        text = re.sub(r'\[(?:[^\[\]()]|\(\))+\]', '[]', text)
    return text


def allowed_shape(statement):
    """co_await f(…);  T x = co_await f(…);  x = co_await f(…);  co_return co_await f(…);
    IMGRING_CO_TRY(T x, co_await f(…));  IMGRING_CO_TRY_VOID(co_await f(…));"""
    m = re.match(r'IMGRING_CO_TRY(_VOID)?\s*\(', statement)
    if m:
        close = match_forward(statement, m.end() - 1)
        if statement[close + 1 :].strip() or statement[close] != ')':
            return False
        inner = statement[m.end() : close]
        before, _, operand = inner.partition('co_await')
        before = before.strip()
        if m.group(1):
            if before:
                return False
        elif not before.endswith(',') or re.search(r'[={}?]', before):
            return False
    else:
        before, _, operand = statement.partition('co_await')
        before = before.strip()
        if before not in ('', 'co_return', '(void)'):
            if before.count('(') != before.count(')') or not TARGET.match(before):
                return False
            if re.search(r'\bauto\W*\[', before):
                return False
            if re.search(r'[-+*/%&|^<>=!]=$', before):
                return False
    return bool(OPERAND.match(groups_emptied(' '.join(operand.split()))))


def judge_statement(text, ended_by_semicolon):
    """What is wrong with a statement that holds co_await, or None."""
    if len(re.findall(r'\bco_await\b', text)) > 1:
        return 'two co_await in one statement: give the first result a name'
    if re.search(r'\[[^\[\]]*\]\s*(\([^()]*\))?\s*(mutable|noexcept|\s)*(->[^{]+)?\{', text):
        return 'lambda in a statement with co_await: give it a name first'
    if '{' in text or not ended_by_semicolon:
        return 'brace in a statement with co_await: give the value a name first'
    if '?' in text:
        return '?: in a statement with co_await: write an if'
    if re.search(r'\bswitch\b', text):
        return 'switch on co_await: give the value a name first'
    if re.search(r'\bnew\b', text):
        return 'new in a statement with co_await: give the object a name first'
    if not allowed_shape(text):
        return 'not a shape co_await is allowed in (style.md section 7, rule 1)'
    return None


def check_coroutines(module, code, report):
    for m in re.finditer(r'\bco_(await|return|yield)\b', code):
        if module and module not in COROUTINE_MODULES:
            report(
                line_of(code, m.start()),
                'coroutine in module %s (they live in %s)' % (module, ', '.join(sorted(COROUTINE_MODULES))),
            )
    judged = set()
    for m in re.finditer(r'\bco_await\b', code):
        start, end = statement_start(code, m.start()), statement_end(code, m.start())
        if (start, end) in judged:
            continue
        judged.add((start, end))
        wrong = judge_statement(without_control(code[start:end]), code[end : end + 1] == ';')
        if wrong:
            report(line_of(code, m.start()), wrong)


# ---------------------------------------------------------------- one file


def module_of(path):
    """The module a file belongs to; '' for main.cc, tests and tools."""
    m = re.match(r'(?:src|include/imgring)/(\w+)/', path)
    return m.group(1) if m else ''


def check_includes(path, module, text, report):
    for m in re.finditer(r'(?m)^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', text):
        line, name = line_of(text, m.start()), m.group(2)
        if name.startswith('vips/') and not VIPS_PLACES.match(path):
            report(line, 'libvips is named in image, the steps and the runner only')
        if '..' in name.split('/'):
            name = os.path.normpath(os.path.join(os.path.dirname(path), name))
            other = module_of(name)
        else:
            found = re.match(r'imgring/(\w+)/', name)
            other = found.group(1) if found else ''
        if not other or not module:
            continue
        if other not in MODULES:
            report(line, 'include of unknown module %s' % other)
        elif MODULES.index(other) > MODULES.index(module):
            report(line, 'module %s may not include %s, which comes after it' % (module, other))


def system_user(path):
    """The row of SYSTEM_USERS that lets the file ask the system, or None."""
    name = re.sub(r'^(?:src|include/imgring)/', '', path)
    folder = lambda row: '.' not in row and '/' not in row
    return next((row for row in SYSTEM_USERS if name.startswith(row + '/' if folder(row) else row)), None)


def asks_system(text, code):
    """(position, what) of each place where a file asks a clock, the kernel or for a thread."""
    found = [(m.start(1), '<%s>' % m.group(1)) for m in SYSTEM_HEADERS.finditer(text)]
    return found + [(m.start(1), m.group(1)) for m in SYSTEM_CALLS.finditer(code)]


def check_system(path, module, text, code, report):
    if not module or MODULES.index(module) <= MODULES.index('loop') or system_user(path):
        return
    for position, what in asks_system(text, code):
        report(
            line_of(text, position),
            "%s above loop: the time is Loop::now(), waiting the engine's, work the helpers'; "
            'who must is named in SYSTEM_USERS of tools/tidy.py' % what,
        )


def check_text(path, text):
    """All findings of one file: [(line, message)]."""
    found = []
    report = lambda line, message: found.append((line, message))
    lines = text.split('\n')
    module = module_of(path)
    if module and module not in MODULES:
        report(1, 'module %s is not in the table' % module)
        module = ''
    if not text.startswith('//'):
        report(1, 'no opening comment')
    if re.match(r'// See (?:the|its) header\b', text):
        report(1, 'an opening comment that says nothing of its own')
    if path.endswith('.h') and not re.search(r'(?m)^#pragma once$', text):
        report(1, 'no #pragma once')
    if text.count('\n') > FILE_LINES_MAX:
        report(FILE_LINES_MAX + 1, 'file of %d lines (at most %d)' % (text.count('\n'), FILE_LINES_MAX))
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            report(number, 'line of %d columns (at most %d)' % (len(line), LINE_COLUMNS_MAX))
        if line != line.rstrip() or '\t' in line:
            report(number, 'tab or trailing space')
    check_includes(path, module, text, report)
    code = without_preprocessor(strip(text))
    code = re.sub(r'\boperator\s+co_await\b', lambda m: blank(m.group(0)), code)
    for start, end in functions(code):
        size = line_of(code, end) - line_of(code, start) + 1
        if size > FUNCTION_LINES_MAX:
            report(line_of(code, start), 'function of %d lines (at most %d)' % (size, FUNCTION_LINES_MAX))
    if module and module not in THREAD_LOCAL_MODULES:
        for m in re.finditer(r'\bthread_local\b', code):
            report(line_of(code, m.start()), 'thread_local in module %s' % module)
    check_coroutines(module, code, report)
    check_system(path, module, text, code, report)
    return sorted(found)


def wrap_comments(text):
    """Moves what stands beyond the last column into the next line of the same comment.

    What is indented more than a sentence is a sample or a list, and stays for people to mend.
    """
    lines, out = text.split('\n'), []
    while lines:
        line = lines.pop(0)
        m = re.match(r'\s*// (?=\S)', line)
        if len(line) > LINE_COLUMNS_MAX and m and ' ' in line[m.end() : LINE_COLUMNS_MAX + 1]:
            cut = line.rindex(' ', 0, LINE_COLUMNS_MAX + 1)
            rest, line = line[cut + 1 :], line[:cut]
            after = re.match(re.escape(m.group(0)) + r'(?=\S)', lines[0]) if lines else None
            goes_on = after and (rest[-1] not in '.:;' or re.match(r'[a-z(]', lines[0][after.end() :]))
            if goes_on:
                lines[0] = m.group(0) + rest + ' ' + lines[0][after.end() :]
            else:
                lines.insert(0, m.group(0) + rest)
        out.append(line)
    return '\n'.join(out)


# ---------------------------------------------------------------- all files


def sources(root, folders, endings):
    for folder in folders:
        for where, below, names in os.walk(os.path.join(root, folder)):
            below.sort()
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(where, name), root)


def is_script(path):
    """Scripts and meson.build: what they say is checked for its citations."""
    name = os.path.basename(path)
    return name.endswith(('.py', '.sh')) or name == 'meson.build' or path.startswith('tools/') and '.' not in name


def check_file(documents, path, report):
    """All findings of one file, as report(line, message)."""
    if path.endswith('.md'):
        tidy_docs.check_document(documents, path, documents.read(path), report)
    elif is_script(path):
        tidy_docs.check_script(documents, path, documents.read(path), report)
    elif path.endswith(('.h', '.cc')) and path.split('/')[0] in ('src', 'include', 'tests'):
        text = documents.read(path)
        for line, message in check_text(path, text):
            report(line, message)
        tidy_docs.check_comments(documents, path, text, TOKEN, report)
    else:
        return False
    return True


def check_system_users(documents, report):
    """Rows of SYSTEM_USERS that nobody needs, where that list is the tree's own."""
    if 'tools/tidy.py' not in documents.files:
        return
    used, present = set(), {module_of(path) for path in documents.files} - {''}
    for path in documents.files:
        row = system_user(path) if module_of(path) in MODULES and path.endswith(('.h', '.cc')) else None
        if row and row not in used:
            text = documents.read(path)
            if asks_system(text, without_preprocessor(strip(text))):
                used.add(row)
    for row in SYSTEM_USERS:
        if row not in used and row.split('/')[0] in present:
            report('tools/tidy.py', 1, 'the row %s of SYSTEM_USERS is needed by nothing' % row)


INCLUDE = re.compile(r'(?m)^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]')


def includes_of(documents, path):
    """(line, file of the tree or name) of each include."""
    text = documents.read(path)
    for m in INCLUDE.finditer(text):
        name = m.group(2)
        near = os.path.normpath(os.path.join(os.path.dirname(path), name))
        known = [at for at in (near, 'include/' + name) if at in documents.files]
        yield line_of(text, m.start()), known[0] if known and m.group(1) == '"' else name


def check_vips(documents, report):
    """Who sees libvips' header through others."""
    sources_only = [path for path in documents.files if re.match(r'(?:src|include)/.*\.(?:h|cc)$', path)]
    includes = {path: list(includes_of(documents, path)) for path in sources_only}
    seen = {}

    def way(path):
        """The first include of a way to libvips, or None."""
        if path == 'vips/vips.h':
            return path
        if path not in seen:
            seen[path] = None
            seen[path] = next((name for _, name in includes.get(path, []) if way(name)), None)
        return seen[path]

    for path in sources_only:
        for line, name in includes[path]:
            if module_of(path) not in VIPS_MODULES and module_of(name) in VIPS_MODULES and way(name):
                report(path, line, 'module %s sees libvips through %s' % (module_of(path), name))


def check_tree(root):
    documents = tidy_docs.Documents(root)
    found, count = [], 0
    for path in sorted(documents.files):
        count += check_file(documents, path, lambda line, message, at=path: found.append((at, line, message)))
    tidy_docs.check_variables(documents, lambda path, line, message: found.append((path, line, message)))
    check_system_users(documents, lambda path, line, message: found.append((path, line, message)))
    check_vips(documents, lambda path, line, message: found.append((path, line, message)))
    for path, line, message in sorted(found):
        print('%s:%d: %s' % (path, line, message))
    print('tidy: %d files, %d findings' % (count, len(found)))
    return 1 if found else 0


def header_flags(root):
    flags = []
    for package in PACKAGES:
        out = subprocess.run(['pkg-config', '--cflags', package], capture_output=True, text=True)
        flags += out.stdout.split() if out.returncode == 0 else []
    return flags + ['-isystem', os.path.join(root, 'subprojects/llhttp/vendor/include')]


def compiled_first(root):
    """Headers that a source includes before anything else: the build shows that they compile alone."""
    found = set()
    for path in sources(root, ['src'], ('.cc',)):
        with open(os.path.join(root, path), encoding='utf-8') as file:
            first = re.search(r'(?m)^#include ["<]([^">]+)[">]', file.read())
        if first:
            name = first.group(1)
            near = os.path.join(os.path.dirname(path), name)
            found.add('include/' + name if name.startswith('imgring/') else os.path.normpath(near))
    return found


def check_headers(root):
    """Compiles each header alone that no source of src/ has as its first include."""
    flags, known = header_flags(root), compiled_first(root)

    def compile_one(path):
        command = [
            'g++',
            '-std=c++2b',
            '-fsyntax-only',
            '-x',
            'c++',
            '-I',
            os.path.join(root, 'include'),
            '-include',
            os.path.join(root, path),
            *flags,
            '/dev/null',
        ]
        return path, subprocess.run(command, capture_output=True, text=True)

    bad = count = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = [path for path in sources(root, ['src', 'include'], ('.h',)) if path not in known]
        for path, run in pool.map(compile_one, headers):
            count += 1
            if run.returncode:
                bad += 1
                first = next((l for l in run.stderr.split('\n') if 'error' in l), run.stderr[:200])
                print('%s:1: does not compile alone: %s' % (path, first))
    print('headers: %d, %d do not compile alone' % (count, bad))
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description='Checks the house style.')
    parser.add_argument('--root', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
    parser.add_argument('--headers', action='store_true', help='compile each header alone instead')
    parser.add_argument('--wrap', nargs='+', metavar='FILE', help='fill comments and Markdown of these files anew')
    options = parser.parse_args()
    for path in options.wrap or []:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        filled = tidy_docs.wrap_markdown(text) if path.endswith('.md') else wrap_comments(text)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(filled)
    if options.wrap:
        return 0
    root = os.path.abspath(options.root)
    return check_headers(root) if options.headers else check_tree(root)


if __name__ == '__main__':
    sys.exit(main())

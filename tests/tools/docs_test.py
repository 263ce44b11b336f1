#!/usr/bin/env python3
"""Runs the documents: every code block of README.md, CONTRIBUTING.md, SECURITY.md,
tools/packaging/README.md and docs/ is marked, those marked `run` are run, and links lead somewhere.

    python3 tests/tools/docs_test.py [DOCUMENT...]     IMGRING names the program; without it: build/imgring

A fence says what becomes of its block: ```sh run, ```python run, or ```sh shown: why it is not run. A
block of another language that is marked `run`, as ```text run, is what the block before it prints; an
ellipsis stands for anything within a line, a line of one for any lines.

The blocks of one document are one session in a folder of its own, with the program in PATH, and end with
the first that fails. 127.0.0.1:8080 and :9090 become ports that are free. The last line is
`N passed, M failed`: blocks, links and the tests of this file.
"""

import collections
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools/check'))
import tidy_docs  # noqa: E402

PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
RUN_MIN = 40  # blocks that run, over all documents
DOCUMENT_S = 50  # the time of one document; all run at once, so it bounds the whole
FENCE = re.compile(r'^( *)(```+|~~~+)(\S*)[ ]*(.*)$')
SHELL, SCRIPT = ('sh', 'bash'), ('python',)

Block = collections.namedtuple('Block', 'line language mark text')


def blocks_of(text):
    """(blocks, problems): the fenced blocks, and what is wrong with how they are marked."""
    blocks, problems = [], []
    for kind, number, lines in tidy_docs.blocks(text):
        if kind != 'code':
            continue
        opened = FENCE.match(lines[0])
        if not opened:
            problems.append((number, 'an indented block: put it between fences, and mark it'))
            continue
        at = 0
        while at < len(lines):
            opened = FENCE.match(lines[at])
            indent, fence, language, mark = opened.groups()
            end = at + 1
            while end < len(lines) and lines[end].strip() != fence:
                end += 1
            body = [line[len(indent) :] if line.startswith(indent) else line.lstrip() for line in lines[at + 1 : end]]
            block = Block(number + at, language, mark, '\n'.join(body) + '\n')
            blocks.append(block)
            if not re.fullmatch(r'run|shown: \S.*', mark) or not language:
                problems.append((block.line, 'a block is marked `LANGUAGE run` or `LANGUAGE shown: why`'))
            at = end + 1
    for before, block in zip([None, *blocks], blocks):
        prints = block.mark == 'run' and block.language and block.language not in SHELL + SCRIPT
        if prints and (before is None or before.mark != 'run' or before.language not in SHELL + SCRIPT):
            problems.append((block.line, 'an output, and nothing that runs before it'))
    return blocks, problems


def pattern_of(wanted):
    """An expected output as a pattern; … stands for what may differ."""
    out = ''
    for line in wanted.rstrip('\n').split('\n'):
        if line.strip() == '…':
            out += r'(?:.*\n)*?'
        else:
            out += '.*?'.join(re.escape(part) for part in line.split('…')) + r'\n'
    return out


def fits(wanted, printed):
    return re.fullmatch(pattern_of(wanted), '\n'.join(line.rstrip() for line in printed.split('\n')).strip('\n') + '\n')


def free_ports(count):
    held = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Session:
    """The blocks of one document, in a folder of its own."""

    def __init__(self, blocks, program=PROGRAM):
        self.folder = tempfile.mkdtemp(prefix='imgring-docs-')
        self.blocks = blocks
        main, metrics = free_ports(2)
        self.ports = {'8080': main, '9090': metrics}
        work = self.folder + '/work'
        os.makedirs(work + '/build')
        os.symlink(program, work + '/build/imgring')
        for name in ('tools', 'tests', 'docs', 'src', 'README.md'):
            os.symlink(os.path.join(ROOT, name), os.path.join(work, name))
        self.environment = {
            'PATH': work + '/build:' + os.environ['PATH'],
            'HOME': self.folder,
            'LANG': 'C.UTF-8',
            'IMGPROXY_BIND': '127.0.0.1:%d' % main,
        }

    def to_here(self, text):
        for said, port in self.ports.items():
            text = re.sub(r'(?:127\.0\.0\.1|localhost)?:%s\b' % said, '127.0.0.1:%d' % port, text)
        return text

    def from_here(self, text):
        for said, port in self.ports.items():
            text = text.replace(':%d' % port, ':' + said).replace('port=%d' % port, 'port=' + said)
        return text.replace(self.folder + '/work', '/srv')

    def script(self):
        parts = ['set -eo pipefail', 'cd %s/work' % self.folder]
        for number, block in enumerate(self.blocks):
            if block.mark != 'run' or block.language not in SHELL + SCRIPT:
                continue
            text = self.to_here(block.text)
            if block.language in SCRIPT:
                text = "python3 - <<'END_OF_BLOCK'\n%sEND_OF_BLOCK\n" % text
            parts.append('exec >%s/%d.out 2>&1\n%secho >%s/%d.done' % (self.folder, number, text, self.folder, number))
        return '\n'.join(parts) + '\n'

    def run(self, limit_s=DOCUMENT_S):
        """[(block, problem or None)] of those that run or say what is printed."""
        path = self.folder + '/script'
        with open(path, 'w') as file:
            file.write(self.script())
        shell = subprocess.Popen(
            ['bash', path],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            ended = 'exit status %d' % shell.wait(limit_s)
        except subprocess.TimeoutExpired:
            ended = 'not over after %d s' % limit_s
        try:
            os.killpg(shell.pid, signal.SIGKILL)  # this session, with what it left running
        except ProcessLookupError:
            pass
        shell.wait()
        return [(block, self.judge(number, ended)) for number, block in enumerate(self.blocks) if block.mark == 'run']

    def output(self, number):
        path = '%s/%d.out' % (self.folder, number)
        if not os.path.exists(path):
            return None
        with open(path, encoding='utf-8', errors='replace') as file:
            return self.from_here(file.read())

    def judge(self, number, ended):
        block = self.blocks[number]
        if block.language in SHELL + SCRIPT:
            if os.path.exists('%s/%d.done' % (self.folder, number)):
                return None
            printed = self.output(number)
            return 'not reached' if printed is None else '%s:\n%s' % (ended, printed)
        printed = self.output(number - 1)
        if printed is None:
            return 'not reached'
        return None if fits(block.text, printed) else 'it prints\n%s' % printed

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


# ---------------------------------------------------------------- links


def anchors_of(text):
    """The anchors of headings, the second of a name with its number."""
    found, seen = set(), collections.Counter()
    for kind, _, lines in tidy_docs.blocks(text):
        if kind != 'heading':
            continue
        name = tidy_docs.slug(lines[0].lstrip('#'))
        found.add(name if not seen[name] else '%s-%d' % (name, seen[name]))
        seen[name] += 1
    return found


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def links_of(text):
    """(line, target) of links and pictures outside code."""
    for kind, number, lines in tidy_docs.blocks(text):
        if kind in ('code', 'blank'):
            continue
        joined = re.sub(r'`[^`]*`', '', '\n'.join(lines))
        for m in re.finditer(r'\]\(([^)\s]+)\)|<(?:img|a|source)\s[^>]*?(?:src|href|srcset)="([^"]+)"', joined):
            yield number + joined[: m.start()].count('\n'), m.group(1) or m.group(2)


def dead_links(path):
    out = []
    text = read(path)
    for line, target in links_of(text):
        if re.match(r'[a-z]+:', target):
            continue
        name, _, anchor = target.partition('#')
        to = os.path.join(os.path.dirname(path), name) if name else path
        if not os.path.exists(to):
            out.append((line, '%s is not there' % target))
        elif anchor and anchor not in anchors_of(read(to)):
            out.append((line, '%s: no such heading' % target))
    return out


# ---------------------------------------------------------------- all documents


def marked_documents():
    docs = glob.glob(os.path.join(ROOT, 'docs/**/*.md'), recursive=True)
    named = ('README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'tools/packaging/README.md')
    return [os.path.join(ROOT, name) for name in named] + sorted(docs)


def all_documents():
    """Those of the repository; where there is no git, all of the tree but what builds left."""
    command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '*.md']
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split('\n')
    except FileNotFoundError:
        found = glob.glob('**/*.md', root_dir=ROOT, recursive=True)
        listed = [name for name in found if not name.startswith(('build', 'subprojects/llhttp'))]
    paths = [os.path.join(ROOT, name) for name in listed if name]
    return [path for path in paths if os.path.exists(path)] or marked_documents()


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, where, problem):
        self.passed += problem is None
        self.failed += problem is not None
        if problem:
            print('FAILED %s: %s' % (where, problem.rstrip()))


def run_document(path):
    blocks, problems = blocks_of(read(path))
    name = os.path.relpath(path, ROOT)
    found = [('%s:%d' % (name, line), problem) for line, problem in problems]
    if any(block.mark == 'run' for block in blocks):
        session = Session(blocks)
        found += [('%s:%d' % (name, block.line), problem) for block, problem in session.run()]
        session.close()
    ran = sum(block.mark == 'run' and block.language in SHELL + SCRIPT for block in blocks)
    return found, ran


def check_documents(paths, score):
    ran = 0
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        for found, count in pool.map(run_document, paths):
            ran += count
            for where, problem in found:
                score.add(where, problem)
    return ran


def check_links(score):
    paths = all_documents()
    for path in paths:
        name = os.path.relpath(path, ROOT)
        dead = dead_links(path)
        for line, problem in dead:
            score.add('%s:%d' % (name, line), problem)
        if not dead:
            score.add(name, None)
    # A page for users that no other leads to is read by nobody.
    linked = {
        os.path.normpath(os.path.join(os.path.dirname(path), target.partition('#')[0]))
        for path in paths
        for _, target in links_of(read(path))
    }
    for path in glob.glob(os.path.join(ROOT, 'docs/*.md')):
        score.add(os.path.relpath(path, ROOT), None if path in linked else 'no document links to it')


# ---------------------------------------------------------------- tests of the above


class Marks(unittest.TestCase):
    def problems(self, text):
        return [problem for _, problem in blocks_of(text)[1]]

    def test_marked_blocks(self):
        blocks, problems = blocks_of('a\n\n```sh run\ntrue\n```\n\n- b\n\n  ```text shown: no output\n  x\n  ```\n')
        self.assertEqual(problems, [])
        self.assertEqual([block.text for block in blocks], ['true\n', 'x\n'])
        self.assertEqual([block.line for block in blocks], [3, 9])

    def test_what_is_not_marked_is_told(self):
        for text in (
            '```\nx\n```\n',
            '```sh\nx\n```\n',
            '```sh shown:\nx\n```\n',
            '``` run\nx\n```\n',
            'a\n\n    indented\n',
            '```text run\nno command before it\n```\n',
            '```sh shown: why\nx\n```\n\n```text run\nx\n```\n',
        ):
            with self.subTest(text):
                self.assertEqual(len(self.problems(text)), 1)


class Runs(unittest.TestCase):
    def run_text(self, text, limit_s=20):
        blocks, problems = blocks_of(text)
        self.assertEqual(problems, [])
        session = Session(blocks)
        self.addCleanup(session.close)
        return [problem for _, problem in session.run(limit_s)]

    def test_one_session(self):
        text = '```sh run\nx=1\necho a >file\n```\n\n```sh run\necho $x\ncat file\n```\n\n```text run\n1\na\n```\n'
        self.assertEqual(self.run_text(text), [None, None, None])

    def test_the_first_that_fails_ends_it(self):
        one, two, three = self.run_text(
            '```sh run\ntrue\n```\n\n```sh run\necho said\nfalse | true\ntrue\n```\n\n```sh run\ntrue\n```\n'
        )
        self.assertIsNone(one)
        self.assertIn('exit status 1:\nsaid', two)
        self.assertEqual(three, 'not reached')

    def test_an_output_that_differs(self):
        self.assertIn('it prints\nb', self.run_text('```sh run\necho b\n```\n\n```text run\na\n```\n')[1])

    def test_a_block_that_does_not_end(self):
        started = time.monotonic()
        self.assertIn('not over after 1 s', self.run_text('```sh run\nsleep 600\n```\n', 1)[0])
        self.assertLess(time.monotonic() - started, 10)

    def test_what_runs_in_the_background_ends_with_it(self):
        text = '```sh run\nsleep 600 &\necho $!\n```\n'
        blocks, _ = blocks_of(text)
        session = Session(blocks)
        self.addCleanup(session.close)
        self.assertEqual([problem for _, problem in session.run(20)], [None])
        pid = int(session.output(0))
        end = time.monotonic() + 10
        while os.path.exists('/proc/%d' % pid) and time.monotonic() < end:
            if re.search(r'^State:\s+Z', read('/proc/%d/status' % pid), re.M):
                return
            time.sleep(0.05)
        self.assertFalse(os.path.exists('/proc/%d' % pid))

    def test_ports_are_those_that_are_free(self):
        text = '```sh run\necho http://127.0.0.1:8080/ :9090\n```\n\n```text run\nhttp://127.0.0.1:8080/ …:9090\n```\n'
        blocks, _ = blocks_of(text)
        session = Session(blocks)
        self.addCleanup(session.close)
        self.assertNotIn(':8080', session.script())
        self.assertEqual([problem for _, problem in session.run(20)], [None, None])

    def test_ellipses(self):
        self.assertTrue(fits('a …d\n…\nz\n', 'a b c d\n1\n2\nz\n'))
        self.assertTrue(fits('a\n…\n', 'a\nb\n'))
        self.assertFalse(fits('a\n', 'a\nb\n'))
        self.assertFalse(fits('a …d\n', 'a b c\n'))


class Links(unittest.TestCase):
    def test_dead_ones_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + '/b.md', 'w') as file:
                file.write('# One\n\n## Two `x`: three\n\n```sh run\n# No heading\n```\n')
            with open(folder + '/a.md', 'w') as file:
                file.write(
                    '# Here\n[1](b.md) [2](b.md#two-x-three) [3](#here) ![4](c.svg)\n[5](b.md#no-heading) '
                    '[6](d.md) `[7](no)` [8](#there)\n'
                )
            dead = dead_links(folder + '/a.md')
        self.assertEqual([line for line, _ in dead], [2, 3, 3, 3])
        self.assertEqual(
            [problem.split(' ')[0].rstrip(':') for _, problem in dead], ['c.svg', 'b.md#no-heading', 'd.md', '#there']
        )


def main():
    started = time.monotonic()
    score = Score()
    own = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    )
    score.passed += own.testsRun - len(own.failures) - len(own.errors)
    score.failed += len(own.failures) + len(own.errors)
    chosen = [os.path.abspath(path) for path in sys.argv[1:]]
    ran = check_documents(chosen or marked_documents(), score)
    if not chosen:
        check_links(score)
        few = None if ran >= RUN_MIN else 'only %d blocks run, at least %d should' % (ran, RUN_MIN)
        score.add('all documents', few)
    print('%d blocks ran, %.0f s' % (ran, time.monotonic() - started))
    print('%d passed, %d failed' % (score.passed, score.failed))
    return 1 if score.failed else 0


if __name__ == '__main__':
    sys.exit(main())

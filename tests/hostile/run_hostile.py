#!/usr/bin/env python3
"""Asks imgring for hostile pictures (make_hostile.py) with several sets of options each.

    python3 tests/hostile/run_hostile.py [--seed N] [--count N] [--only TEXT] [--sandbox VALUE] [--serial] [--keep DIR]

IMGRING names the program. Every answer must be a picture or an error of the 4xx and 5xx, and 500 is
none that a picture may cause; it must leave within the timeout and half a second; the server must
live, answer its health check at once, stay below 700 MB with its children and give it back, and say
nothing of a sanitizer; an SVG passed through must have nothing active left in it. Slow answers and 5xx of other kinds are named.
`--serial` asks one by one and names what took the memory. The last line is `N passed, M failed`.
"""

import argparse
import base64
import concurrent.futures
import os
import re
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import make_hostile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../real'))
import common  # noqa: E402

TIMEOUT_S, LATE_S, HEALTH_LIMIT_S = 5, 0.5, 0.5
SANITIZED_SLOWER = 4  # the sanitizer's build may take so much longer for the last word
MEMORY_LIMIT_KB = 700 << 10  # the server and its children together
REST_S, REST_LIMIT_KB = 15, 100 << 10
SLOW_S = 2.0
# What a rasteriser or decoder works on for seconds, within the limits.
SLOW_ON_PURPOSE = re.compile(
    r'svg-(filter|walk|dashes|elements|size-02|use-|pattern|encoding|path|text|markers|masks|style)'
    r'|bomb|huge|canvas|frames|size-'
)
CLIENTS = 3

# (options, format of the URL); `svg` only for vector sources: passed through.
ASKED = [
    ('w:64', 'jpg'),
    ('w:64', 'png'),
    ('w:64', 'webp'),
    ('w:64', None),
    ('rs:fill:50:50/g:sm', 'jpg'),
    ('sm:0/scp:0/kcr:0/w:40', 'jpg'),
    ('maf:16/w:32', 'gif'),
]
PASSED_THROUGH = ('raw:0', 'svg')

PICTURE = re.compile(
    rb'\xff\xd8|\x89PNG|GIF8|RIFF....WEBP|BM|\0\0\x01\0|II\*\0|MM\0\*|....ftyp|\xff\x0a|\0\0\0\x0cJXL |\s*<', re.S
)
SANITIZER = re.compile(r'Sanitizer|runtime error:|SUMMARY:|check failed|IMGRING_CHECK|\bfault at\b')


# ---------------------------------------------------------------- what an SVG may not keep

ACTIVE_ELEMENTS = {
    'script',
    'iframe',
    'embed',
    'object',
    'form',
    'handler',
    'listener',
    'meta',
    'video',
    'audio',
    'link',
    'base',
}
PICTURE_LINK = re.compile(r'data:image/')


def plain(value):
    return re.sub('[\0-\x20]', '', value).lower()


def link_is_active(element, value):
    link = plain(value)
    if element == 'use':
        return bool(link) and not link.startswith('#')
    if link.startswith('data:'):
        if element not in ('image', 'feimage') or not PICTURE_LINK.match(link):
            return True
        head, _, body = value.partition(',')
        if 'svg' not in plain(head):
            return False
        inner = urllib.parse.unquote_to_bytes(body.split('#')[0])
        if plain(head).endswith('base64'):
            inner = base64.b64decode(re.sub(b'[\0-\x20=]', b'', inner) + b'==')
        return active_content(inner) is not None
    scheme = re.match(r'[^/?#]*?:', link)
    return bool(scheme) and scheme.group(0) not in ('http:', 'https:')


def style_is_active(text):
    text = re.sub(r'/\*.*?(\*/|$)', ' ', text, flags=re.S)
    text = re.sub(r'\\([0-9a-fA-F]{1,6})\s?', lambda m: chr(min(int(m.group(1), 16), 0xFFFF)), text).lower()
    text = re.sub(r'@namespace[^;]*;', ' ', text)
    text = re.sub(r'"[^"]*"|\'[^\']*\'', lambda m: m.group(0) if ':' in m.group(0) else '""', text)
    return bool(
        re.search(
            r'@import|\bexpression\(|(^|[;{}])\s*(behavior|-moz-binding)\s*:|url\(\s*["\']?\s*(?!#|data:|["\')])', text
        )
    )


def active_content(text):
    """What is left of it in an SVG; None when there is nothing."""
    if re.search(rb'<!|<\?xml-', text, re.I):
        return 'a document type, a comment, CDATA or a style sheet'
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return 'not well-formed: %s' % error
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rsplit('}', 1)[-1].lower()
        if name in ACTIVE_ELEMENTS:
            return 'element ' + name
        if name == 'style' and style_is_active(''.join(element.itertext())):
            return 'style ' + (element.text or '')[:60]
        for key, value in element.attrib.items():
            key = key.rsplit('}', 1)[-1].lower()
            if (
                key.startswith('on')
                or (key in ('href', 'src', 'action') and link_is_active(name, value))
                or (key == 'style' and style_is_active(value))
                or (
                    key == 'attributename'
                    and (plain(value).rsplit(':', 1)[-1] == 'href' or plain(value).startswith('on'))
                )
            ):
                return 'attribute %s="%s"' % (key, value[:60])
    return None


# ---------------------------------------------------------------- the run


def family(pid):
    """A process and its children."""
    found = [pid]
    for thread in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/children' % (pid, thread)) as file:
            found += map(int, file.read().split())
    return found


def resident_kb(pid):
    total = 0
    try:
        for member in family(pid):
            total += common.status_kb(member, 'VmRSS')
    except OSError:
        pass  # it ended meanwhile
    return total


class Watch(threading.Thread):
    """Asks for the health of the server all the time and keeps the longest wait; looks at memory."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.longest_s, self.bad, self.ended = server, 0.0, '', threading.Event()
        self.peak_kb = self.recent_kb = 0

    def run(self):
        asked = 0.0
        while not self.ended.wait(0.02):
            kb = resident_kb(self.server.pid)
            self.peak_kb, self.recent_kb = max(self.peak_kb, kb), max(self.recent_kb, kb)
            if time.monotonic() < asked + 0.1:
                continue
            asked = time.monotonic()
            started = time.monotonic()
            try:
                status = self.server.get('/health', timeout=10).status
                if status != 200:
                    self.bad = 'status %d' % status
            except OSError as error:
                self.bad = str(error)
            self.longest_s = max(self.longest_s, time.monotonic() - started)


class Run:
    def __init__(self, options, server, checks, watch):
        self.server, self.checks, self.options, self.watch = server, checks, options, watch
        self.sanitized = 'asan' in common.program_path()
        self.slow, self.others, self.memory = [], [], []
        self.statuses = {}

    def limit_s(self):
        return TIMEOUT_S + LATE_S + (SANITIZED_SLOWER if self.sanitized else 0)

    def problem(self, name, options, extension):
        """What is wrong with one answer; '' when it is good."""
        started = time.monotonic()
        try:
            answer = self.server.image(options, 'local:///' + name, 30, '.' + extension if extension else '')
        except OSError as error:
            return 'no answer: %s' % error
        took_s = time.monotonic() - started
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        what = '%s %s %s' % (name, options, extension or '')
        if took_s > SLOW_S:
            self.slow.append((took_s, what, answer.status))
        if took_s > self.limit_s():
            return 'after %.1f s: %r' % (took_s, answer)
        if answer.status >= 500:
            self.others.append((answer.status, what))
        if answer.status == 500 or not 200 <= answer.status < 600:
            return 'status %r' % answer
        if answer.status < 400:
            if not answer.complete or not PICTURE.match(answer.body):
                return 'no picture: %r' % answer.body[:20]
            if answer.headers.get('Content-Type', '').startswith('image/svg'):
                return active_content(answer.body) or ''
        return ''

    def asked(self, name):
        vector = name.startswith('svg') or name.endswith('.svg')
        return ASKED + ([PASSED_THROUGH] if vector else [])

    def file(self, name):
        self.watch.recent_kb = 0
        found = []
        for options, extension in self.asked(name) if self.server.running() else []:
            problem = self.problem(name, options, extension)
            if problem:
                found.append('%s %s: %s' % (options, extension or 'as it is', problem))
            if not self.server.running():
                break
        if self.options.serial:
            self.memory.append((self.watch.recent_kb >> 10, name))
        self.checks.that(name, not found, '; '.join(found)) if found else self.pass_quietly()

    def pass_quietly(self):
        self.checks.passed += 1

    def all(self, names):
        clients = 1 if self.options.serial else CLIENTS
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(self.file, name) for name in names]:
                done.result()

    def told(self):
        for took_s, what, status in sorted(self.slow, reverse=True)[:25]:
            print('slow: %5.1f s %d %s' % (took_s, status, what))
        for status, what in self.others[:40]:
            print('%d: %s' % (status, what))
        for peak_mb, name in sorted(self.memory, reverse=True)[:15]:
            print('memory: %d MB %s' % (peak_mb, name))
        print('answers: %s' % ', '.join('%d of %d' % (n, s) for s, n in sorted(self.statuses.items())))


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description='Asks imgring for hostile pictures.')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int, default=make_hostile.COUNT)
    parser.add_argument('--only', default='', help='a pattern of names')
    parser.add_argument('--sandbox', default='risky', choices=['svg', 'risky', 'all'], help='IMGRING_SANDBOX')
    parser.add_argument('--serial', action='store_true')
    parser.add_argument('--quick', action='store_true', help='without those that are slow on purpose')
    parser.add_argument('--keep', help='a folder for the pictures and the log')
    return parser.parse_args(arguments)


def ask(options, run_class, names, folder, **settings):
    """Starts the server on the pictures in folder/pictures, asks for them all, and judges it."""
    checks = common.Checks()
    server = common.Imgring(
        folder,
        IMGPROXY_LOCAL_FILESYSTEM_ROOT=os.path.join(folder, 'pictures'),
        IMGPROXY_TIMEOUT=str(TIMEOUT_S),
        IMGPROXY_MAX_ANIMATION_FRAMES='16',
        IMGPROXY_WORKERS='3',
        IMGPROXY_ALLOW_SECURITY_OPTIONS='true',
        IMGPROXY_BIND='127.0.0.1:0',
        IMGPROXY_DEVELOPMENT_ERRORS_MODE='true',
        **settings,
    )
    with server:
        watch = Watch(server)
        run = run_class(options, server, checks, watch)
        watch.start()
        run.all(names)
        watch.ended.set()
        watch.join()
        run.told()
        checks.that('the server lives', server.running())
        if not run.sanitized:
            checks.that('memory below 700 MB', 0 < watch.peak_kb < MEMORY_LIMIT_KB, '%d MB' % (watch.peak_kb >> 10))
            time.sleep(REST_S)  # what is measured is this time
            rest_kb = resident_kb(server.pid)
            checks.that('at rest below 100 MB', 0 < rest_kb < REST_LIMIT_KB, '%d MB' % (rest_kb >> 10))
        checks.that(
            'health at once',
            not watch.bad and watch.longest_s < HEALTH_LIMIT_S * (4 if run.sanitized else 1),
            '%s %.0f ms' % (watch.bad, watch.longest_s * 1000),
        )
        ended = time.monotonic()
        server.stop()
        print('ended in %.1f s with status %s' % (time.monotonic() - ended, server.process.returncode))
    found = [line for line in server.log_text().splitlines() if SANITIZER.search(line)]
    checks.that('nothing of a sanitizer in the log', not found, ' | '.join(found[:5]))
    return checks.end()


def main(options):
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        names = make_hostile.write(os.path.join(folder, 'pictures'), options.seed, options.count)
        names = [name for name in names if re.search(options.only, name)]
        if options.quick:
            names = [name for name in names if not SLOW_ON_PURPOSE.search(name)]
        return ask(options, Run, names, folder, IMGRING_SANDBOX=options.sandbox)


if __name__ == '__main__':
    sys.exit(main(parsed()))

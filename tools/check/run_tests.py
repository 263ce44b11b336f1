#!/usr/bin/env python3
"""Builds and runs the tests; ./tools/test and ./tools/test-long call it after the set-up.

Every gtest case, every other meson test, every conformance area and every check of a tool counts
one. The last line is `N passed, M failed`; the exit status is 0 only when something passed and
nothing failed.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
FOLDERS = {'release': 'build', 'asan': 'build-asan', 'tsan': 'build-tsan'}
IO_URING_REFUSED = 78
# The thread sanitizer runs what crosses threads: these tests, and all of a suite named threads.
THREADED_TESTS = {'mem', 'loop', 'loop_epoll', 'net', 'net_epoll', 'http_epoll', 'server', 'server_epoll'}
SHOWN_LINES_MAX = 60


# Held for a line and what belongs to it: lanes print side by side.
PRINTING = threading.RLock()


class Score:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = []
        self.started = time.monotonic()

    def add(self, what, passed, failed, note=''):
        with PRINTING:
            self.passed += passed
            self.failed += failed
            self.say('%-28s %d passed, %d failed%s' % (what, passed, failed, note))

    def say(self, text):
        with PRINTING:
            print('%6.0f s  %s' % (time.monotonic() - self.started, text), flush=True)

    def skip(self, what, reason):
        self.skipped.append('%s (%s)' % (what, reason))

    def end(self):
        if self.skipped:
            print('%d skipped: %s' % (len(self.skipped), '; '.join(self.skipped)), flush=True)
        print('%d passed, %d failed' % (self.passed, self.failed), flush=True)
        return 0 if self.passed and not self.failed else 1


def sanitizer_environment():
    at = os.path.join(ROOT, 'tests/suppressions')
    options = {
        'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=1:suppressions=%s/asan.supp' % at,
        'LSAN_OPTIONS': 'print_suppressions=0:suppressions=%s/lsan.supp' % at,
        'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1:suppressions=%s/ubsan.supp' % at,
        'TSAN_OPTIONS': 'halt_on_error=0:second_deadlock_stack=1:suppressions=%s/tsan.supp' % at,
    }
    return {**os.environ, **{k: v for k, v in options.items() if k not in os.environ}}


ENVIRONMENT = sanitizer_environment()


def run(command, **more):
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**ENVIRONMENT, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors='replace',
    )


def tail(text, title=''):
    lines = text.rstrip().split('\n')
    shown = [title] if title else []
    if len(lines) > SHOWN_LINES_MAX:
        shown.append('[… %d lines]' % (len(lines) - SHOWN_LINES_MAX))
    with PRINTING:
        print('\n'.join(shown + lines[-SHOWN_LINES_MAX:]), flush=True)


def side_by_side(*lanes):
    """Runs each lane, a list of calls, in order and beside the others; what one raises is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(lambda calls=lane: [call() for call in calls]) for lane in lanes]
        for each in running:
            each.result()


# ---------------------------------------------------------------- meson's tests


def build(score, kind, targets=(), before=()):
    started = time.monotonic()
    done = run([*before, 'tools/build', kind, *targets])
    if done.returncode:
        errors = [
            line
            for line in done.stdout.split('\n')
            if re.search(r'\berror:|ERROR:|^FAILED:|undefined reference|fatal', line)
        ]
        tail('\n'.join(errors[:SHOWN_LINES_MAX]) if errors else done.stdout)
        score.add('build ' + kind, 0, 1)
        return False
    score.say('built %s in %.0f s' % (kind, time.monotonic() - started))
    return True


def list_tests(kind):
    folder = os.path.join(ROOT, FOLDERS[kind])
    done = subprocess.run(['meson', 'introspect', '--tests', folder], capture_output=True, text=True)
    return json.loads(done.stdout or '[]') if done.returncode == 0 else []


def suites(test):
    return {name.rsplit(':', 1)[-1] for name in test['suite']}


def targets_of(kind, tests):
    """The ninja targets behind tests: the programs they start."""
    folder = os.path.join(ROOT, FOLDERS[kind]) + os.sep
    found = set()
    for test in tests:
        for word in test['cmd']:
            if word.startswith(folder):
                found.add(word[len(folder) :])
    return sorted(found)


def count_cases(entry):
    """(passed, failed) of one meson test: the cases of a gtest program, else the test itself."""
    text = entry.get('stdout', '')
    good = entry['result'] in ('OK', 'EXPECTEDFAIL')
    passed = re.findall(r'^\[  PASSED  \] (\d+) tests?\.', text, re.M)
    if not passed:
        return (1, 0) if good else (0, 1)
    failed = re.findall(r'^ *(\d+) FAILED TESTS?', text, re.M)
    count = sum(map(int, failed))
    return sum(map(int, passed)), count if good or count else 1


def run_meson(score, kind, what, tests, only_suites=()):
    """Runs tests of a build folder, already built, and adds their cases to the score."""
    if not tests:
        return
    base = 'imgring-' + what.replace(' ', '-')
    slow = [] if kind == 'release' else ['-t', '4']
    names = sorted({test['name'] for test in tests})
    done = run(
        [
            'meson',
            'test',
            '-C',
            FOLDERS[kind],
            '--no-rebuild',
            '--logbase',
            base,
            *slow,
            *[word for suite in only_suites for word in ('--suite', suite)],
            *names,
        ]
    )
    log = os.path.join(ROOT, FOLDERS[kind], 'meson-logs', base + '.json')
    if not os.path.exists(log):
        tail(done.stdout)
        score.add(what, 0, 1)
        return
    passed = failed = seen = 0
    with open(log, encoding='utf-8') as file:
        for line in file:
            entry = json.loads(line)
            seen += 1
            p, f = count_cases(entry)
            passed, failed = passed + p, failed + f
            if f:
                tail(failing_part(entry), '---- %s (%s, %s)' % (entry['name'], kind, entry['result']))
    failed += max(0, len(tests) - seen)
    if done.returncode and not failed:
        tail(done.stdout)
        failed = 1
    score.add(what, passed, failed)


def failing_part(entry):
    """The output of a test without its passed and skipped cases."""
    text = entry.get('stdout', '') + entry.get('stderr', '')
    text = re.sub(r'(?m)^\[ RUN      \] (\S+)\n(?:[^\[\n].*\n|\n)*\[(?:       OK |  SKIPPED )\] \1.*\n', '', text)
    return re.sub(r'(?m)^\[(?:----------|       OK |  SKIPPED )\].*\n', '', text)


# ---------------------------------------------------------------- the rest


def probe(score):
    """Starts the server once: where io_uring is refused nothing else can be tested."""
    with tempfile.TemporaryDirectory() as folder:
        port = os.path.join(folder, 'port')
        server = subprocess.Popen(
            [os.path.join(ROOT, 'build/imgring')],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **ENVIRONMENT,
                'IMGPROXY_BIND': '127.0.0.1:0',
                'IMGRING_PORT_FILE': port,
                'IMGRING_ENGINE': 'io_uring',
            },
        )
        end = time.monotonic() + 20
        while time.monotonic() < end and server.poll() is None and not os.path.exists(port):
            time.sleep(0.02)
        up = server.poll() is None and os.path.exists(port)
        if server.poll() is None:
            server.send_signal(signal.SIGTERM if up else signal.SIGKILL)
        text = server.communicate()[0]
    if server.returncode == 0 and up:
        return True
    print(
        'io_uring is refused here:'
        if server.returncode == IO_URING_REFUSED
        else 'the server does not start or stop (status %d):' % server.returncode
    )
    tail(text)
    score.add('start', 0, 1)
    return False


def run_tools(score, quick):
    venv = os.path.join(ROOT, '.cache/venv/bin/python')
    python = venv if os.path.exists(venv) else sys.executable
    for name, command in [('tidy', ['tools/check/tidy.py']), ('format', ['tools/format', '--check'])] + (
        [] if quick else [('headers', ['tools/check/tidy.py', '--headers']), ('serve', ['tools/serve', '--check'])]
    ):
        done = run(command)
        if done.returncode:
            tail(done.stdout)
        score.add(name, int(done.returncode == 0), int(done.returncode != 0))
    for path in sorted(
        glob.glob(os.path.join(ROOT, 'tests/tools/*_test.py'))
        + glob.glob(os.path.join(ROOT, 'tests/real/*_test.py'))
        + ([] if quick else sorted(glob.glob(os.path.join(ROOT, 'tests/golden/*_test.py'))))
    ):
        done = run([python, path])
        ran = re.search(r'^Ran (\d+) tests?', done.stdout, re.M)
        bad = sum(int(n) for n in re.findall(r'(?:failures|errors)=(\d+)', done.stdout))
        if done.returncode:
            tail(done.stdout)
            bad = max(bad, 1)
        skipped = re.search(r'^skipped: (.*)$', done.stdout, re.M)
        if skipped:
            score.skip(os.path.basename(path), skipped.group(1))
        own = re.search(r'(\d+) passed, (\d+) failed\s*$', done.stdout)
        if own:
            score.add(os.path.basename(path), int(own.group(1)), max(bad, int(own.group(2))))
            continue
        total = int(ran.group(1)) if ran else 0
        score.add(os.path.basename(path), max(0, total - bad), bad)


def add_own_count(score, what, done):
    """What a tool counted itself, in its last line; one failure at least where its status says so."""
    last = re.search(r'(\d+) passed, (\d+) failed\s*$', done.stdout)
    passed, failed = map(int, last.groups()) if last else (0, 1)
    if failed or done.returncode:
        tail(re.sub(r'(?m)^ok .*\n', '', done.stdout))
        failed = max(failed, 1)
    score.add(what, passed, failed)


# The other engine must give the answers that io_uring gave: a sixth of the cases, or all.
ON_IO_URING = os.path.join(ROOT, 'build/conformance-io_uring.json')
ON_EPOLL = 'env IMGRING_ENGINE=epoll build/imgring'
ON_EPOLL_PART = ['--as', ON_IO_URING, '--sample', '306']


def run_conformance(score, what, command, options):
    done = run(['tools/conformance', *options], SERVER_CMD=command)
    add_own_count(score, what, done)


# Hostile pictures for every run of the sanitizer's build: about two minutes of two cores.
HOSTILE_PART = ['--seed', '11', '--count', '300', '--quick']


# Pictures of theirs and good ones, three requests each: a minute.
COPYING_PART = ['--seed', '11', '--count', '150']

# Random options on random pictures: so many, however quick the machine is.
RANDOM_PART = ['--seed', '11', '--replay', '0-1299', '--minutes', '10']
RANDOM_LONG = {'release': ['--seed', '12', '--minutes', '5'], 'asan': ['--seed', '13', '--minutes', '30']}


# Of the 3000 of ./tools/test-long.
MATRIX_PART = ['--seed', '11', '--count', '400']
STRANGE_PART = ['--every', '5']


def run_hostile(score, kind, options, script='run_hostile.py', what='hostile pictures'):
    done = run([sys.executable, 'tests/hostile/' + script, *options], IMGRING=FOLDERS[kind] + '/imgring')
    add_own_count(score, what + ' ' + kind, done)


def run_matrix(score, options, script='hostile/run_matrix.py', what='kinds of pictures'):
    python = os.path.join(ROOT, '.cache/venv/bin/python')
    done = run(
        [python if os.path.exists(python) else sys.executable, 'tests/' + script, *options], IMGRING='build/imgring'
    )
    add_own_count(score, what, done)


def run_strange(score, options):
    run_matrix(score, options, 'strange/run_strange.py', 'strange but honest files')


def run_copying(score, kind, options):
    run_hostile(score, kind, options, 'run_copying.py', 'copying options')


# What people have, beside what they could have: 47 088 files, 4 minutes of two cores.
ICON_PACKAGES = ['librsvg2-bin', 'breeze-icon-theme', 'adwaita-icon-theme', 'papirus-icon-theme', 'gnome-backgrounds']


def run_icons(score):
    """A package that cannot be installed is a failure there."""
    run(['apt-get', 'install', '-y', '--no-install-recommends', *ICON_PACKAGES], DEBIAN_FRONTEND='noninteractive')
    done = run([sys.executable, 'tests/icons/run_icons.py'], IMGRING=FOLDERS['release'] + '/imgring')
    add_own_count(score, 'icons and wallpapers', done)


def run_random(score, kind, options):
    run_hostile(score, kind, options, 'run_random.py', 'random options')


# Of a build that goes on while tests wait for sockets and clocks: it gets what they leave, and they
# see nothing of it.
IN_IDLE_TIME = ['nice', '-n', '19']


def build_sanitized(score, kind, wanted, before=()):
    """The tests wanted of a sanitizer's folder, with their programs; none where they do not build."""
    if not build(score, kind, ['imgring'], before):
        return []
    tests = [test for test in list_tests(kind) if wanted(test)]
    return tests if build(score, kind, targets_of(kind, tests), before) else []


def run_sanitized(score, kind, wanted, only_suites):
    tests = build_sanitized(score, kind, wanted)
    run_meson(score, kind, kind, tests, only_suites)
    return bool(tests)


def run_soak(score, minutes):
    script = os.path.join(ROOT, 'tools/soak')
    if os.path.exists(script):
        done = run([script, '--minutes', str(minutes)])
        if done.returncode:
            tail(done.stdout)
        score.add('soak', int(done.returncode == 0), int(done.returncode != 0))


def run_overload(score):
    """Whether good answers survive overload; its last line tells what was measured."""
    done = run(['tools/overload', '--check', '--quick'])
    if done.returncode:
        tail(done.stdout)
    score.add(
        'overload',
        int(done.returncode == 0),
        int(done.returncode != 0),
        ': ' + done.stdout.rstrip().rsplit('\n', 1)[-1],
    )


SIMULATION = 'tests/simulation/simulation'
SIMULATION_PART, SIMULATION_LONG = 200, 10000


def run_simulation(score, seeds):
    """The whole server on a simulated kernel: so many seeds from the first on."""
    if build(score, 'release', [SIMULATION]):
        done = run([sys.executable, 'tools/check/run_simulation.py', '--seeds', str(seeds)])
        add_own_count(score, 'simulated seeds', done)


FAILING_MEMORY = 'tests/faults/libfailing_memory.so'
# Of all kinds of requests.
FAULTS_PART = ['--only', '^(jpeg|jpeg to webp|gif|svg passed on|raw)$']


def run_faults(score, options):
    """Each large allocation of requests fails once."""
    python = os.path.join(ROOT, '.cache/venv/bin/python')
    if build(score, 'release', [FAILING_MEMORY]):
        add_own_count(score, 'failing memory', run([python, 'tests/faults/run_memory.py', *options]))


def run_strangers(score):
    """What strangers send, inside a memory cgroup: the kernel kills nothing."""
    done = run([sys.executable, 'tools/measure/run_cgroup_test.py', '--strangers'])
    if done.returncode:
        tail(done.stdout)
    score.add('strangers in 256 MB', int(done.returncode == 0), int(done.returncode != 0))


def threaded(test):
    return test['name'] in THREADED_TESTS and 'unit' in suites(test) or 'threads' in suites(test)


def checked(test):
    return bool(suites(test) & {'unit', 'integration', 'fuzz'})


def run_quick(score):
    if not build(score, 'release', ['imgring']):
        return
    units = [test for test in list_tests('release') if 'unit' in suites(test)]
    if build(score, 'release', targets_of('release', units)):
        run_meson(score, 'release', 'unit', units, ['unit'])
    run_tools(score, quick=True)


def run_full(score):
    # A folder that is only tested.
    if not os.path.exists(os.path.join(ROOT, FOLDERS['release'], 'build.ninja')):
        ENVIRONMENT.setdefault('IMGRING_JOINED', 'all')
    if not build(score, 'release') or not probe(score):
        return
    with concurrent.futures.ThreadPoolExecutor(1) as ahead:
        asan = ahead.submit(build_sanitized, score, 'asan', checked, IN_IDLE_TIME)
        tsan = ahead.submit(build_sanitized, score, 'tsan', threaded, IN_IDLE_TIME)
        run_release(score)
        run_asan(score, asan.result())
        run_meson(score, 'tsan', 'tsan', tsan.result(), ['unit', 'threads'])


def of_suite(tests, suite):
    return [test for test in tests if suite in suites(test)]


# What waits for clocks and sockets most of its time runs beside something else.


def run_release(score):
    tests = [test for test in list_tests('release') if 'bench' not in suites(test)]
    known = {'unit', 'integration', 'fuzz', 'tidy'}
    others = [test for test in tests if not suites(test) & known]
    run_meson(score, 'release', 'unit', of_suite(tests, 'unit'), ['unit'])
    integration = [
        lambda test=test: run_meson(score, 'release', test['name'], [test], ['integration'])
        for test in of_suite(tests, 'integration')
    ]
    side_by_side(
        integration,
        [
            lambda: run_meson(score, 'release', 'fuzz', of_suite(tests, 'fuzz'), ['fuzz']),
            lambda: run_meson(score, 'release', 'tidy', of_suite(tests, 'tidy'), ['tidy']),
            lambda: run_meson(score, 'release', 'other', others),
            lambda: run_tools(score, quick=False),
            lambda: run_faults(score, FAULTS_PART),
            lambda: run_simulation(score, SIMULATION_PART),
            lambda: run_matrix(score, MATRIX_PART),
            lambda: run_strange(score, STRANGE_PART),
            lambda: run_conformance(score, 'conformance areas', 'build/imgring', ['--floor', '--json', ON_IO_URING]),
            lambda: run_conformance(score, 'conformance on epoll', ON_EPOLL, ON_EPOLL_PART),
        ],
    )


def run_asan(score, tests):
    if not tests:
        return
    integration = of_suite(tests, 'integration')
    units = [test for test in tests if test not in integration]
    side_by_side(
        [
            lambda: run_meson(score, 'asan', 'asan', units, ['unit', 'fuzz']),
            lambda: run_hostile(score, 'asan', HOSTILE_PART),
            lambda: run_random(score, 'asan', RANDOM_PART),
        ],
        [
            lambda: run_meson(score, 'asan', 'asan integration', integration, ['integration']),
            lambda: run_copying(score, 'asan', COPYING_PART),
        ],
    )


# The parts of ./tools/test-long, each under three hours of two cores. Each builds what it needs.


SANDBOXES = ['svg', 'risky', 'all']


def long_hostile(score, _):
    for kind in ['release', 'asan']:
        if kind == 'asan' and not build(score, 'asan', ['imgring']):
            return
        for sandbox in SANDBOXES:
            run_hostile(score, kind, ['--sandbox', sandbox], what='hostile pictures, sandbox %s,' % sandbox)


def long_kinds(score, _):
    run_matrix(score, [])
    run_strange(score, [])


def long_icons(score, _):
    run_icons(score)


def long_random(score, _):
    run_random(score, 'release', RANDOM_LONG['release'])
    if build(score, 'asan', ['imgring']):
        run_random(score, 'asan', RANDOM_LONG['asan'])
        run_copying(score, 'asan', [])


def long_sanitizers(score, _):
    run_sanitized(score, 'asan', checked, ['unit', 'integration', 'fuzz'])
    run_sanitized(score, 'tsan', lambda test: bool(suites(test) & {'unit', 'integration'}), ['unit', 'integration'])


def long_conformance(score, _):
    run_conformance(score, 'conformance areas', 'build/imgring', ['--floor', '--json', ON_IO_URING])
    run_conformance(score, 'conformance on epoll', ON_EPOLL, ['--as', ON_IO_URING])
    if build(score, 'asan', ['imgring']):
        run_conformance(score, 'conformance asan', 'build-asan/imgring', ['--floor', '--skip-area', 'timeouts'])


def long_memory(score, _):
    run_strangers(score)


def long_leaving(score, _):
    """What ./tools/test does with endpoints that lag by 2 s."""
    test = 'Draining.test_a_rolling_restart_behind_endpoints_that_lag'
    done = run([sys.executable, 'tests/tools/leaving_test.py', test], IMGRING_LAG_S='5')
    if done.returncode:
        tail(done.stdout)
    score.add('endpoints that lag by 5 s', int(done.returncode == 0), int(done.returncode != 0))


def long_simulation(score, _):
    run_simulation(score, SIMULATION_LONG)


def long_faults(score, _):
    run_faults(score, [])


def long_overload(score, _):
    run_overload(score)


def long_soak(score, minutes):
    run_soak(score, minutes)


def long_lint(score, _):
    add_own_count(score, 'lint', run(['tools/lint']))


def long_arm64(score, _):
    add_own_count(score, 'arm64 under qemu', run(['tools/cross-arm64']))


LONG = {
    'hostile': (long_hostile, 'all hostile pictures, release and with addresses checked'),
    'kinds': (long_kinds, 'every kind of picture, and strange but honest files'),
    'icons': (long_icons, 'all icons and wallpapers of packages of Debian, which it installs'),
    'random': (long_random, 'random options for minutes, and options that copy pixels'),
    'sanitizers': (long_sanitizers, 'every test with addresses and with threads checked'),
    'conformance': (long_conformance, 'the whole conformance set on both engines, and with addresses checked'),
    'memory': (long_memory, 'what strangers send, inside a memory cgroup'),
    'leaving': (long_leaving, 'rolling restarts behind endpoints that lag by 5 s'),
    'simulation': (long_simulation, 'ten thousand seeds of the simulated server'),
    'faults': (long_faults, 'each large allocation of every kind of request fails once'),
    'overload': (long_overload, 'what overload leaves of good answers'),
    'soak': (long_soak, 'minutes of load, descriptors and memory before and after'),
    'lint': (long_lint, 'clang-tidy over all of src'),
    'arm64': (long_arm64, 'library and unit tests built for arm64, and run under qemu'),
}


def run_long(score, parts, minutes):
    if not build(score, 'release') or not probe(score):
        return
    for part in parts or LONG:
        started = time.monotonic()
        LONG[part][0](score, minutes)
        score.say('part %s took %.0f s' % (part, time.monotonic() - started))


def main():
    parser = argparse.ArgumentParser(description='Builds and runs the tests.')
    parser.add_argument('--quick', action='store_true', help='unit tests and tidy only')
    parser.add_argument('--long', action='store_true', help='what ./tools/test-long does')
    parser.add_argument('--list', action='store_true', help='the parts of --long')
    parser.add_argument('--minutes', type=int, default=20, help='of load, with --long')
    parser.add_argument('parts', nargs='*', metavar='PART', help='of --long; all if none is named')
    options = parser.parse_args()
    if options.list:
        for name, (_, what) in LONG.items():
            print('%-12s %s' % (name, what))
        return 0
    unknown = [part for part in options.parts if part not in LONG]
    if unknown or options.parts and not options.long:
        parser.error('no part of ./tools/test-long: %s (--list names them)' % ', '.join(unknown or options.parts))
    os.chdir(ROOT)
    score = Score()
    if options.quick:
        run_quick(score)
    elif options.long:
        run_long(score, options.parts, options.minutes)
    else:
        run_full(score)
    return score.end()


if __name__ == '__main__':
    sys.exit(main())

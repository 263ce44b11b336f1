#!/usr/bin/env python3
"""Runs imgring inside memory cgroups under jpeg500 load and looks at what the kernel says.

For each limit: a cgroup (v2 where its memory controller is, else v1), imgring started within it, the
sources outside, N minutes of load, then 26 s of silence (two and a half memory ticks) and one request.
A limit passes when

  * the kernel killed nothing and the process lives,
  * no answer was anything but 200 or 503 and no connection broke, but the close after a 503,
  * some answers were pictures (how many depends on the machine: a request past its deadline gets 503),
  * the request afterwards succeeds, and anonymous memory is back near what it was at the start.

The table: RSS and RssAnon of the process, and of the cgroup's memory.stat what is anonymous, what is
page cache (files mapped and read: the kernel takes these back by itself) and the rest (sockets, page
tables). "limit hits" counts how often the cgroup stood at its limit and had to give something back.

--strangers runs the integration tests named Ledger instead (half heads, readers that do not read, endless
bodies, results of gigabytes, SVGs with large trees), each server with its children in a cgroup of 256 MB: the
tests pass and the kernel kills nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import run_bench as bench

SETTLE_S = 26
ANON_BACK_MB = 12  # above the start: learned pools, connections, heaps of the threads
MB = 1 << 20


class Cgroup:
    """One memory cgroup below the root of the hierarchy that this process sees."""

    def __init__(self, limit_mb):
        self.v2 = (
            os.path.exists('/sys/fs/cgroup/cgroup.controllers')
            and 'memory' in bench.read('/sys/fs/cgroup/cgroup.controllers').split()
        )
        root = '/sys/fs/cgroup' if self.v2 else '/sys/fs/cgroup/memory'
        self.path = os.path.join(root, 'imgring-test-%d' % os.getpid())
        try:
            if self.v2:
                self.write(os.path.join(root, 'cgroup.subtree_control'), '+memory')
            os.mkdir(self.path)
            self.set('memory.max' if self.v2 else 'memory.limit_in_bytes', str(limit_mb * MB))
        except OSError as error:
            sys.exit('no memory cgroup can be made here: %s (root is needed, and a writable %s)' % (error, root))
        try:
            self.set(
                'memory.swap.max' if self.v2 else 'memory.memsw.limit_in_bytes', '0' if self.v2 else str(limit_mb * MB)
            )
        except OSError:
            pass  # swap is not accounted for

    @staticmethod
    def write(path, text):
        with open(path, 'w') as file:
            file.write(text)

    def set(self, name, text):
        self.write(os.path.join(self.path, name), text)

    def table(self, name):
        lines = (line.split() for line in bench.read(os.path.join(self.path, name)).split('\n') if line)
        return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}

    def enter(self):
        self.set('cgroup.procs', str(os.getpid()))

    def sample(self):
        """MB: in all, anonymous, page cache."""
        stat = self.table('memory.stat')
        usage = int(bench.read(os.path.join(self.path, 'memory.current' if self.v2 else 'memory.usage_in_bytes')))
        anon, cache = ('anon', 'file') if self.v2 else ('rss', 'cache')
        return usage / MB, stat[anon] / MB, stat[cache] / MB

    def kills(self):
        return self.table('memory.events' if self.v2 else 'memory.oom_control').get('oom_kill', 0)

    def hits(self):
        return (
            self.table('memory.events').get('max', 0)
            if self.v2
            else int(bench.read(os.path.join(self.path, 'memory.failcnt')))
        )

    def remove(self):
        for _ in range(50):  # the last process leaves a moment after its end
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.1)
        print('could not remove %s' % self.path)


class Watch:
    """Looks at cgroup and process ten times a second and keeps the peaks."""

    def __init__(self, group, pid):
        self.group, self.pid, self.peaks, self.ended = group, pid, [0] * 5, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.wait(0.1):
            try:
                now = look(self.group, self.pid)
            except OSError:
                return
            self.peaks = [max(pair) for pair in zip(self.peaks, now)]

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peaks


def look(group, pid):
    return [bench.status_kb(pid, 'VmRSS') / 1024, bench.status_kb(pid, 'RssAnon') / 1024, *group.sample()]


def start_inside(group, command):
    program = bench.Program('imgring', command, bench.OWN_TEMPLATE)
    popen = subprocess.Popen
    # Program starts its process by Popen: this one enters the cgroup before it becomes the program.
    bench.subprocess.Popen = lambda *a, **k: popen(*a, preexec_fn=group.enter, **k)
    try:
        return program.start()
    finally:
        bench.subprocess.Popen = popen


def drive(program, origin, seconds, connections, folder):
    listing = os.path.join(folder, 'paths')
    with open(listing, 'w') as file:
        file.writelines('/%s\n' % path for path in program.paths('jpeg500', origin))
    done = subprocess.run(
        [
            'wrk',
            '-t1',
            '-c%d' % connections,
            '-d%ds' % seconds,
            '--timeout',
            '30s',
            '-s',
            os.path.join(bench.ROOT, 'tests/bench/statuses.lua'),
            'http://127.0.0.1:%d' % program.port,
            '--',
            listing,
        ],
        capture_output=True,
        text=True,
    )
    line = next((l for l in done.stdout.split('\n') if l.startswith('{')), None)
    if line is None:
        sys.exit('wrk failed: ' + done.stdout + done.stderr)
    return json.loads(line)


def request_succeeds(program, origin):
    path = next(iter(program.paths('jpeg500', origin)))
    try:
        with urllib.request.urlopen('http://127.0.0.1:%d/%s' % (program.port, path), timeout=30) as answer:
            return answer.status == 200 and len(answer.read()) > 1000
    except (urllib.error.URLError, OSError) as error:
        print('  the request afterwards: %s' % error)
        return False


def faults_of(wrk, row):
    """What keeps this limit from passing, in words."""
    counts = {int(status): count for status, count in wrk['statuses'].items()}
    good, refused = counts.get(200, 0), counts.get(503, 0)
    faults = []
    if row['kills']:
        faults.append('%d OOM kills' % row['kills'])
    if not row['alive']:
        faults.append('the process ended')
    others = {status: count for status, count in counts.items() if status not in (200, 503)}
    if others:
        faults.append('other answers: %s' % others)
    if wrk['timeout'] or wrk['connect']:
        faults.append('%d time-outs, %d refused connections' % (wrk['timeout'], wrk['connect']))
    if wrk['read'] + wrk['write'] > refused:
        faults.append('%d broken connections' % (wrk['read'] + wrk['write']))
    if not good:
        faults.append('not one picture')
    if not row['after_ok']:
        faults.append('the request afterwards fails')
    if row['alive'] and row['rest'][1] > row['start'][1] + ANON_BACK_MB:
        faults.append('RssAnon %.0f MB at rest, %.0f at the start' % (row['rest'][1], row['start'][1]))
    return faults


def run_limit(limit, options, folder):
    group = Cgroup(limit)
    sources, origin = bench.start_sources(folder)
    program = None
    try:
        program = start_inside(group, options.server)
        pid = program.process.pid
        row = {'start': look(group, pid)}
        watch = Watch(group, pid)
        wrk = drive(program, origin, int(options.minutes * 60), options.connections, folder)
        row['peak'] = watch.stop()
        time.sleep(options.settle)
        row['alive'] = program.process.poll() is None
        row['after_ok'] = row['alive'] and request_succeeds(program, origin)
        row['rest'] = look(group, pid) if row['alive'] else [0] * 5
        row['kills'], row['hits'] = group.kills(), group.hits()
    finally:
        if program and program.process.poll() is None:
            program.stop()
        sources.terminate()
        sources.wait()
        group.remove()
        os.remove(os.path.join(folder, 'source_port'))
    return wrk, row, faults_of(wrk, row)


def show(limit, wrk, row, faults):
    counts = wrk['statuses']
    print('\n%d MB: %s' % (limit, 'passes' if not faults else 'FAILS: ' + '; '.join(faults)))
    print(
        '  %.0f s, %d pictures (%.1f/s), %d refused with 503, p50 %.0f ms, p99 %.0f ms, OOM kills %d, limit hits %d'
        % (
            wrk['seconds'],
            counts.get('200', 0),
            counts.get('200', 0) / wrk['seconds'],
            counts.get('503', 0),
            wrk['p50_ms'],
            wrk['p99_ms'],
            row['kills'],
            row['hits'],
        )
    )
    print('  %-8s%10s%10s%10s%10s%10s' % ('MB', 'RSS', 'RssAnon', 'cgroup', 'anon', 'cache'))
    for name in ('start', 'peak', 'rest'):
        print('  %-8s' % name + ''.join('%10.1f' % value for value in row[name]), flush=True)


STRANGERS_LIMIT_MB = 256  # what the tests say in IMGRING_MEMORY_LIMIT


def run_strangers(options, folder):
    """The tests' servers inside a cgroup: their program is a script that enters it and becomes imgring."""
    group = Cgroup(STRANGERS_LIMIT_MB)
    launcher = os.path.join(folder, 'imgring')
    with open(launcher, 'w') as file:
        file.write(
            '#!/bin/sh\necho $$ > %s/cgroup.procs && exec %s "$@"\n' % (group.path, os.path.abspath(options.server))
        )
    os.chmod(launcher, 0o755)
    try:
        done = subprocess.run(
            ['build/tests/integration/integration_test', '--gtest_filter=Ledger.*'],
            cwd=bench.ROOT,
            env={**os.environ, 'IMGRING_BIN': launcher},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        kills, hits = group.kills(), group.hits()
    finally:
        group.remove()
    if done.returncode or kills:
        print(done.stdout[-6000:])
    passed = done.returncode == 0 and kills == 0
    print(
        '%d MB, strangers: %s; OOM kills %d, limit hits %d'
        % (STRANGERS_LIMIT_MB, 'passes' if passed else 'FAILS', kills, hits),
        flush=True,
    )
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=10, help='of load for each limit (10)')
    parser.add_argument('--limit', type=int, action='append', help='MB; may be repeated (128, 96, 64)')
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--settle', type=int, default=SETTLE_S, help='seconds of silence after the load (26)')
    parser.add_argument('--server', default='build/imgring', help='the command of imgring')
    parser.add_argument('--strangers', action='store_true', help='what strangers send, at 256 MB')
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        if options.strangers:
            return 0 if run_strangers(options, folder) else 1
        for limit in options.limit or [128, 96, 64]:
            wrk, row, faults = run_limit(limit, options, folder)
            show(limit, wrk, row, faults)
            failed += bool(faults)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

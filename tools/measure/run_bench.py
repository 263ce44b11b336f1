#!/usr/bin/env python3
"""Measures imgring, bare libvips and other servers on the same pictures in alternating rounds.

For each recipe: requests per second, p50, p99, CPU ms and voluntary context switches per request
(from /proc, of the server's whole process and, but for switches, its children), bytes per answer. Then
memory: RssAnon and RSS at the peak of a jpeg500 load on a fresh process, and 15 s and 25 s after it.

Another server is given by a name, a command and a URL template:

    --other imgproxy 'imgproxy' 'http://127.0.0.1:{port}/insecure/{options}/plain/{source}@{format}'

The command runs with IMGPROXY_BIND=127.0.0.1:PORT (and may hold {port}). The template may hold
{port}, {options} (in imgproxy's words), {width}, {quality}, {format}, {source}, {source_escaped}.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
PHOTOS = os.path.join(ROOT, '.cache/photos')
TICK_MS = 1000 / os.sysconf('SC_CLK_TCK')
OWN_TEMPLATE = 'http://127.0.0.1:{port}/insecure/{options}/plain/{source}@{format}'
SERVER_ENVIRONMENT = {'IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES': 'true', 'IMGPROXY_LOG_LEVEL': 'warn'}

PHOTO_NAMES = ['p%02d.jpg' % n for n in range(1, 25)]
# name: (width, quality, format, sources, requests of a round)
RECIPES = {
    'jpeg500': (500, 80, 'jpg', PHOTO_NAMES, 480),
    'thumb100': (100, 80, 'jpg', PHOTO_NAMES[:3], 2400),
    'webp500': (500, 80, 'webp', PHOTO_NAMES, 240),
    'png400': (400, 0, 'png', ['a%d.png' % n for n in range(1, 7)], 120),
}


def options_of(width, quality):
    return 'rs:fit:%d:0' % width + ('/q:%d' % quality if quality else '')


# ---------------------------------------------------------------- what /proc says of a process


def read(path):
    with open(path) as file:
        return file.read()


def status_kb(pid, name):
    for line in read('/proc/%d/status' % pid).split('\n'):
        if line.startswith(name + ':'):
            return int(line.split()[1])
    return 0


def cpu_ms(stat):
    fields = stat.rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS


def family(pid):
    """The process and its descendants."""
    out = [pid]
    for parent in out:
        try:
            for task in os.listdir('/proc/%d/task' % parent):
                out += [int(child) for child in read('/proc/%d/task/%s/children' % (parent, task)).split()]
        except OSError:
            pass
    return out


def memory_mb(pid):
    """RSS and RssAnon of the process and its descendants; a page that they share counts twice."""
    rss = anon = 0
    for one in family(pid):
        try:
            rss += status_kb(one, 'VmRSS')
            anon += status_kb(one, 'RssAnon')
        except OSError:
            pass
    return rss / 1024, anon / 1024


def family_cpu_ms(pid):
    """CPU of the processes that live and, by their parents, of children that have ended."""
    total = 0
    for one in family(pid):
        try:
            fields = read('/proc/%d/stat' % one).rsplit(')', 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15]) * TICK_MS
    return total


def snapshot(pid):
    """CPU of the process with its children; CPU by thread name and voluntary switches of its threads."""
    threads, switches = {}, {}
    for tid in os.listdir('/proc/%d/task' % pid):
        base = '/proc/%d/task/%s/' % (pid, tid)
        try:
            stat, status = read(base + 'stat'), read(base + 'status')
        except OSError:
            continue
        name = stat[stat.index('(') + 1 : stat.rindex(')')].rstrip('0123456789-:# ')
        threads[tid] = (name, cpu_ms(stat))
        switches[tid] = int(status.split('\nvoluntary_ctxt_switches:')[1].split()[0])
    return {'cpu_ms': family_cpu_ms(pid), 'threads': threads, 'switches': switches}


def difference(before, after, count):
    threads, total = {}, 0
    for tid, (name, ms) in after['threads'].items():
        found = threads.setdefault(name, {'cpu_ms': 0, 'switches': 0})
        switches = after['switches'][tid] - before['switches'].get(tid, 0)
        found['cpu_ms'] += (ms - before['threads'].get(tid, (name, 0))[1]) / count
        found['switches'] += switches / count
        total += switches
    return {'cpu_ms': (after['cpu_ms'] - before['cpu_ms']) / count, 'switches': total / count, 'threads': threads}


class PeakWatch:
    """Looks at the memory of a process and its children twenty times a second."""

    def __init__(self, pid):
        self.pid, self.rss, self.anon, self.ended = pid, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(0.05):
            rss, anon = memory_mb(self.pid)
            self.rss, self.anon = max(self.rss, rss), max(self.anon, anon)

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.rss, self.anon


# ---------------------------------------------------------------- servers


class Program:
    """A server under measurement; started and stopped by its process id."""

    def __init__(self, name, command, template, environment=None):
        self.name, self.command, self.template = name, command, template
        self.environment, self.output = environment or {}, subprocess.DEVNULL
        self.process, self.port = None, 0

    def start(self):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        command = shlex.split(self.command.replace('{port}', str(self.port)))
        environment = {
            **os.environ,
            **SERVER_ENVIRONMENT,
            **self.environment,
            'IMGPROXY_BIND': '127.0.0.1:%d' % self.port,
        }
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=self.output,
            stderr=subprocess.DEVNULL if self.output == subprocess.DEVNULL else subprocess.STDOUT,
            cwd=ROOT,
        )
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        sys.exit('%s does not start (status %s)' % (self.name, self.process.poll()))

    def stop(self, seconds=20):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def paths(self, recipe, origin):
        width, quality, kind, sources, _ = RECIPES[recipe]
        for name in sources:
            yield path_of(self, origin + name, width, quality, kind)


def path_of(program, source, width, quality, kind):
    """The path, without its first slash, that asks `program` for a picture."""
    url = program.template.format(
        port=program.port,
        options=options_of(width, quality),
        width=width,
        quality=quality or 80,
        format=kind,
        source=source,
        source_escaped=urllib.parse.quote(source, safe=''),
    )
    return url.split('/', 3)[3]


def check_pictures(program, recipe, origin):
    """One answer of each path must be a picture, before anything is timed."""
    check_paths(program, program.paths(recipe, origin))


def check_paths(program, paths):
    for path in paths:
        url = 'http://127.0.0.1:%d/%s' % (program.port, path)
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                kind = answer.headers.get('Content-Type', '')
        except (urllib.error.URLError, OSError) as error:
            sys.exit('%s: %s: %s' % (program.name, url, error))
        if not kind.startswith('image/'):
            sys.exit('%s: %s: answers with %s' % (program.name, url, kind))


def drive(program, recipe, origin, count, connections, folder):
    """Sends `count` requests; the figures of wrk and of the server's process."""
    return drive_paths(program, program.paths(recipe, origin), count, connections, folder)


def drive_paths(program, paths, count, connections, folder):
    listing = os.path.join(folder, 'paths')
    with open(listing, 'w') as file:
        file.writelines('/%s\n' % path for path in paths)
    before = snapshot(program.process.pid)
    done = subprocess.run(
        [
            'wrk',
            '-t1',
            '-c%d' % connections,
            '-d900s',
            '--timeout',
            '60s',
            '-s',
            os.path.join(ROOT, 'tests/bench/requests.lua'),
            'http://127.0.0.1:%d' % program.port,
            '--',
            str(count),
            str(connections),
            listing,
        ],
        capture_output=True,
        text=True,
    )
    after = snapshot(program.process.pid)
    line = next((l for l in done.stdout.split('\n') if l.startswith('{')), None)
    if line is None:
        sys.exit('wrk failed: ' + done.stdout + done.stderr)
    wrk = json.loads(line)
    row = difference(before, after, wrk['requests'])
    row.update(
        per_s=wrk['requests'] / wrk['seconds'],
        p50=wrk['p50_ms'],
        p99=wrk['p99_ms'],
        bytes=wrk['bytes'] / wrk['requests'],
        errors=wrk['errors'],
        requests=wrk['requests'],
    )
    return row


def bare(recipe, count, threads):
    files = [os.path.join(PHOTOS, name) for name in RECIPES[recipe][3]]
    done = subprocess.run(
        [os.path.join(ROOT, 'build/tests/bench/bare_pull'), recipe, str(threads), str(count)] + files,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit('bare_pull failed: ' + done.stderr)
    return {**json.loads(done.stdout), 'p50': None, 'p99': None, 'errors': 0, 'threads': {}, 'requests': count}


# ---------------------------------------------------------------- rounds and tables


def middle(values):
    values = sorted(v for v in values if v is not None)
    return values[len(values) // 2] if values else None


def merged(rows):
    out = {key: middle([row[key] for row in rows]) for key in ('per_s', 'p50', 'p99', 'cpu_ms', 'switches', 'bytes')}
    out['errors'] = sum(row['errors'] for row in rows)
    names = {name for row in rows for name in row['threads']}
    nothing = {'cpu_ms': 0, 'switches': 0}
    out['threads'] = {
        name: {key: middle([row['threads'].get(name, nothing)[key] for row in rows]) for key in nothing}
        for name in sorted(names)
    }
    return out


def cell(value, digits=1):
    return '-' if value is None else '%.*f' % (digits, value)


def print_recipe(recipe, results):
    print('\n%s' % recipe)
    print(
        '  %-16s %9s %8s %8s %9s %8s %9s %8s %7s'
        % ('', 'req/s', 'p50 ms', 'p99 ms', 'CPU ms', 'to bare', 'switches', 'bytes', 'errors')
    )
    base = results['bare libvips']['cpu_ms']
    for name, row in results.items():
        print(
            '  %-16s %9s %8s %8s %9s %8s %9s %8s %7d'
            % (
                name,
                cell(row['per_s']),
                cell(row['p50']),
                cell(row['p99']),
                cell(row['cpu_ms'], 2),
                cell(row['cpu_ms'] / base, 2),
                cell(row['switches'], 2),
                cell(row['bytes'], 0),
                row['errors'],
            )
        )
    for name, row in results.items():
        if row['threads']:
            parts = ', '.join(
                '%s %.2f/%.2f' % (thread, found['cpu_ms'], found['switches'])
                for thread, found in row['threads'].items()
                if max(found.values()) >= 0.005
            )
            print('  %s, CPU ms/switches by thread: %s' % (name, parts))


def measure(recipe, programs, origin, options, folder):
    count = max(1, int(RECIPES[recipe][4] * options.scale))
    rows = {'bare libvips': []}
    for program in programs:
        rows[program.name] = []
        check_pictures(program, recipe, origin)
        drive(program, recipe, origin, max(options.connections, count // 8), options.connections, folder)
    for number in range(options.rounds):
        order = programs if number % 2 == 0 else programs[::-1]
        rows['bare libvips'].append(bare(recipe, count, options.threads))
        for program in order:
            rows[program.name].append(drive(program, recipe, origin, count, options.connections, folder))
    return {name: merged(found) for name, found in rows.items()}


def measure_memory(program, origin, options, folder):
    """Peak and idle memory of a fresh process, and the peak of a second burst."""
    program.start()
    pid, count = program.process.pid, int(RECIPES['jpeg500'][4] * options.scale)
    start = memory_mb(pid)
    figures = {'start': start}
    for burst in ('peak', 'second peak'):
        watch = PeakWatch(pid)
        drive(program, 'jpeg500', origin, count, options.connections, folder)
        figures[burst] = watch.stop()
        if burst == 'peak':
            for seconds, before in ((15, 0), (25, 15)):
                time.sleep(seconds - before)
                figures['%d s' % seconds] = memory_mb(pid)
    program.stop()
    return figures


def print_memory(results):
    print('\nmemory under jpeg500 on a fresh process, MB: RSS / RssAnon')
    columns = ['start', 'peak', '15 s', '25 s', 'second peak']
    print('  %-16s' % '' + ''.join('%18s' % c for c in columns))
    for name, figures in results.items():
        print('  %-16s' % name + ''.join('%18s' % ('%.1f / %.1f' % figures[c]) for c in columns))


def start_sources(folder, pictures=PHOTOS):
    port_file = os.path.join(folder, 'source_port')
    process = subprocess.Popen([os.path.join(ROOT, 'build/tests/bench/source_server'), pictures, port_file])
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if os.path.exists(port_file) and read(port_file).endswith('\n'):
            return process, 'http://127.0.0.1:%d/' % int(read(port_file))
        time.sleep(0.02)
    sys.exit('the source server does not start')


def stop_all(programs, sources):
    """Programs that still run, and the sources."""
    for program in programs:
        if program.process and program.process.poll() is None:
            program.stop()
    sources.terminate()
    sources.wait()


def add_other(parser, text='another server; may be repeated'):
    parser.add_argument(
        '--other',
        nargs=3,
        action='append',
        default=[],
        metavar=('NAME', 'COMMAND', 'URL_TEMPLATE'),
        help=text,
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--recipe', action='append', choices=sorted(RECIPES), help='this one only; may be repeated')
    parser.add_argument('--rounds', type=int, default=3, help='rounds; the middle figure is printed (3)')
    parser.add_argument('--connections', type=int, default=8, help='connections of wrk (8)')
    parser.add_argument('--threads', type=int, default=os.cpu_count(), help='threads of bare libvips (cores)')
    parser.add_argument('--scale', type=float, default=1, help='times the requests of a round (1)')
    parser.add_argument('--quick', action='store_true', help='one round, a fifth of the requests, no memory')
    parser.add_argument('--no-memory', action='store_true', help='leave the memory part out (1 minute each)')
    parser.add_argument('--json', help='write all figures to this file')
    parser.add_argument('--server', default='build/imgring', help='the command of imgring')
    add_other(parser)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.scale, options.no_memory = 1, 0.2, True
    return options


def main():
    options = arguments()
    programs = [Program('imgring', options.server, OWN_TEMPLATE)]
    programs += [Program(name, command, template) for name, command, template in options.other]
    results, memory = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = start_sources(folder)
        try:
            for program in programs:
                program.start()
            print(
                '%d connections, %d rounds, bare libvips with %d threads, %d cores'
                % (options.connections, options.rounds, options.threads, os.cpu_count())
            )
            for recipe in options.recipe or RECIPES:
                results[recipe] = measure(recipe, programs, origin, options, folder)
                print_recipe(recipe, results[recipe])
            for program in programs:
                program.stop()
            if not options.no_memory:
                for program in programs:
                    memory[program.name] = measure_memory(program, origin, options, folder)
                print_memory(memory)
        finally:
            stop_all(programs, sources)
    if options.json:
        with open(options.json, 'w') as file:
            json.dump({'recipes': results, 'memory': memory}, file, indent=1)


if __name__ == '__main__':
    main()

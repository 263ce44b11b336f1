#!/usr/bin/env python3
"""Memory of imgring and of other servers under a fixed mixed load, as a table and a picture.

    tools/memory-report [--set 'NAME:VAR=VALUE,VAR=VALUE']... [--server NAME COMMAND]...
                        [--other NAME COMMAND URL_TEMPLATE]... [--bursts N] [--out PREFIX]

Each run is a fresh process: bursts of requests (the same in all: pictures of 20 KB to 12 megapixels
in every format, drawn by --seed), 25 seconds of silence after each. The second burst repeats the
first, later ones are drawn anew. RSS and RssAnon are summed over the server's process and its
children (a page that they share counts twice) ten times a second; release ticks and calibrations
come from imgring's own log and metrics.

--set gives settings to imgring, --server another build of it; with several of both each is measured
with each. --other is any other server, as tools/bench takes it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import memory_picture
import mixed_load
import run_bench as bench

SAMPLE_S, POLL_S = 0.1, 0.5
AFTER_S = (15, 25)
# A machine that others use too must not make this a measurement of its deadlines.
PATIENCE = {'IMGPROXY_TIMEOUT': '60', 'IMGPROXY_DOWNLOAD_TIMEOUT': '30'}


class Watch:
    """Samples memory, hears of ticks and calibrations; times are seconds since it began."""

    def __init__(self, program, metrics_port):
        self.program, self.metrics_port = program, metrics_port
        self.began = time.monotonic()
        self.samples, self.ticks, self.calibrations = [], [], []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.sample, daemon=True)]
        if metrics_port:
            self.threads.append(threading.Thread(target=self.poll, daemon=True))
            threading.Thread(target=self.listen, daemon=True).start()  # ends with the server's output
        for thread in self.threads:
            thread.start()

    def now(self):
        return time.monotonic() - self.began

    def sample(self):
        while not self.ended.wait(SAMPLE_S):
            self.samples.append((self.now(), *bench.memory_mb(self.program.process.pid)))

    def listen(self):
        for line in self.program.process.stdout:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get('msg') == 'Memory' and entry.get('core') == 0:
                self.ticks.append(self.now())

    def poll(self):
        before = 0
        while not self.ended.wait(POLL_S):
            try:
                url = 'http://127.0.0.1:%d/metrics' % self.metrics_port
                with urllib.request.urlopen(url, timeout=5) as answer:
                    text = answer.read().decode()
            except OSError:
                continue
            count = sum(
                float(line.rsplit(' ', 1)[1])
                for line in text.split('\n')
                if line.startswith('buffer_pool_calibrations_total{')
            )
            if count > before:
                self.calibrations.append(self.now())
            before = count

    def most(self, since, until):
        found = [s for s in self.samples if since <= s[0] <= until] or self.samples[-1:]
        return max(s[1] for s in found), max(s[2] for s in found)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def bursts_of(options):
    """The requests of each burst; the second is the first again."""
    seeds = [options.seed + max(0, number - 1) for number in range(options.bursts)]
    return [mixed_load.requests(seed, options.requests) for seed in seeds]


def measure(program, metrics_port, origin, options, folder):
    program.start()
    pid = program.process.pid
    watch = Watch(program, metrics_port)
    time.sleep(2)
    run = {'name': program.name, 'start': bench.memory_mb(pid), 'bursts': [], 'figures': [], 'errors': 0}
    for requests in bursts_of(options):
        paths = [mixed_load.path_of(program, origin, request) for request in requests]
        start, cpu = watch.now(), bench.family_cpu_ms(pid)
        row = bench.drive_paths(program, paths, len(paths), options.connections, folder)
        end = watch.now()
        figures = {'peak': watch.most(start, end), 'cpu_ms': (bench.family_cpu_ms(pid) - cpu) / len(paths)}
        run['bursts'].append((start, end))
        run['errors'] += row['errors']
        for seconds in AFTER_S:
            time.sleep(max(0, end + seconds - watch.now()))
            figures['%d s' % seconds] = bench.memory_mb(pid)
        run['figures'].append(figures)
    watch.stop()
    program.stop()
    run.update(samples=watch.samples, ticks=watch.ticks, calibrations=watch.calibrations)
    return run


def print_table(runs):
    print('\nMB of RSS / RssAnon')
    width = max(len(run['name']) for run in runs) + 2
    for run in runs:
        print('%-*s start %.1f / %.1f' % ((width, run['name']) + run['start']))
        for number, figures in enumerate(run['figures'], 1):
            after = ', '.join(
                '%s after %.1f / %.1f' % ((name,) + figures[name]) for name in figures if name.endswith(' s')
            )
            print(
                '%-*s burst %d: peak %.1f / %.1f, %s; CPU %.1f ms a request'
                % ((width, '', number) + figures['peak'] + (after, figures['cpu_ms']))
            )
        if len(run['figures']) > 1:
            first, second = run['figures'][0]['peak'], run['figures'][1]['peak']
            print(
                '%-*s second peak by the first: %.3f / %.3f' % (width, '', second[0] / first[0], second[1] / first[1])
            )
        print(
            '%-*s %d release ticks and %d calibrations seen, %d requests failed'
            % (width, '', len(run['ticks']), len(run['calibrations']), run['errors'])
        )


def settings_of(text):
    name, colon, rest = text.partition(':')
    pairs = [part.partition('=') for part in rest.split(',') if part]
    if not name or not colon or any(not equals for _, equals, _ in pairs):
        raise argparse.ArgumentTypeError("want 'NAME:VAR=VALUE,VAR=VALUE'")
    return name, {variable: value for variable, _, value in pairs}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--set',
        dest='sets',
        action='append',
        type=settings_of,
        default=[],
        metavar="'NAME:VAR=VALUE,...'",
        help='settings of imgring; may be repeated',
    )
    parser.add_argument(
        '--server',
        dest='servers',
        action='append',
        nargs=2,
        default=[],
        metavar=('NAME', 'COMMAND'),
        help='a build of imgring (build/imgring); may be repeated',
    )
    bench.add_other(parser)
    parser.add_argument('--bursts', type=int, default=3, choices=range(1, 21), metavar='N', help='bursts of a run (3)')
    parser.add_argument('--requests', type=int, default=330, help='requests of a burst (330)')
    parser.add_argument('--connections', type=int, default=8, help='connections of wrk (8)')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--out', default='.cache/memory', help='PREFIX.svg and PREFIX.png are written (.cache/memory)')
    parser.add_argument('--json', help='write all samples to this file')
    return parser.parse_args()


def programs_of(options):
    """(program, port of its metrics or 0) of every run, one started after the other."""
    sets = options.sets or [('default settings', {})]
    servers = options.servers or [('imgring', 'build/imgring')]
    for server, command in servers:
        for name, settings in sets:
            label = ', '.join(
                word
                for word, many in (
                    (server, len(servers) > 1 or not options.sets),
                    (name, len(sets) > 1 or options.sets),
                )
                if many
            )
            with bench.socket.socket() as probe:
                probe.bind(('127.0.0.1', 0))
                port = probe.getsockname()[1]
            own = {
                'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:%d' % port,
                'IMGPROXY_LOG_MEM_STATS': 'true',
                'IMGPROXY_LOG_LEVEL': 'debug',
                'IMGPROXY_LOG_FORMAT': 'json',
            }
            program = bench.Program(label or server, command, bench.OWN_TEMPLATE, {**PATIENCE, **own, **settings})
            program.output = subprocess.PIPE
            yield program, port
    for name, command, template in options.other:
        yield bench.Program(name, command, template, PATIENCE), 0


def main():
    options = arguments()
    mixed_load.make_sources()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder, mixed_load.FOLDER)
        try:
            for program, port in programs_of(options):
                print('measuring %s' % program.name, flush=True)
                try:
                    runs.append(measure(program, port, origin, options, folder))
                finally:
                    if program.process and program.process.poll() is None:
                        program.stop()
        finally:
            sources.terminate()
            sources.wait()
    print_table(runs)
    if options.json:
        with open(options.json, 'w') as file:
            json.dump(runs, file)
    if not memory_picture.write(runs, options.out):
        print('no PNG: vips cannot read the SVG here')
    print('\npicture: %s.svg, %s.png' % (options.out, options.out))
    return 1 if any(run['errors'] for run in runs[: len(runs) - len(options.other)]) else 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""What overload leaves of a server: good answers per CPU second, from half to 20 times its capacity.

    tools/overload [--check] [--quick] [--against BUILD] [--out PREFIX]

One-megapixel photos to 500 px JPEG, the server with its default settings and its log in a file. First
its capacity: good answers a second with 8 connections in a closed loop. Then steps, each after the
server has come to rest:

  closed loop   300 and 1500 kept connections, each asking again as soon as it was answered, whatever
                the answer was
  open loop     0.5 to 20 times the capacity, at times fixed beforehand, which no answer moves; above
                capacity the step begins with a burst that fills the queue, as hours of such load would

Good answers are 200. CPU seconds are those of the server, its children and the source server, from
/proc, over the time that is counted: all that the client did not use. /health is asked 50 times a
second meanwhile, each time on a new connection, by a process of its own. Of several rounds the middle
figure stands. "held" requests found no free socket of the client's (2000) and were never sent.

--check ends with 1 where a bar is missed: 90 % of the best good answers per CPU second with 300
connections and at 2 times the capacity, 80 % with 1500 and at 10 times, /health p99 under 20 ms in
these four, nothing but pictures and refusals (429, 503) anywhere.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import overload_picture
import run_against
import run_bench as bench

DRIVER = os.path.join(bench.ROOT, 'build/tests/bench/load_driver')
SOURCES = ['p05.jpg', 'p06.jpg', 'p07.jpg']  # of equal cost: refusing the dear ones must not look good
CLOSED, LOADS = (8, 300, 1500), (0.5, 1, 1.5, 2, 3, 5, 10, 20)
QUICK_LOADS = (1, 2, 10)
SHARES = {'300 connections': 0.9, '1500 connections': 0.8, '2 x capacity': 0.9, '10 x capacity': 0.8}
HEALTH_P99_MS_MAX = 20
HEALTH_RATE, HEALTH_SOCKETS = 50, 1000  # as many as a server that says nothing for 20 s takes
OPEN_SOCKETS = 2000  # below the server's IMGPROXY_MAX_CLIENTS of 2048
BURST = 1500  # more than the 1024 pictures that may wait or be made
REST_BUSY, REST_S_MAX = 0.05, 15
CORES = os.cpu_count()


def name_of(step):
    kind, value = step
    return '%d connections' % value if kind == 'closed' else '%g x capacity' % value


# ---------------------------------------------------------------- one step


def machine_busy_s():
    """CPU seconds that anybody used."""
    fields = [int(field) for field in bench.read('/proc/stat').split('\n')[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) * bench.TICK_MS / 1000


class Usage:
    """CPU seconds used so far, by whom."""

    def __init__(self, server, source):
        self.at = time.monotonic()
        self.server = bench.family_cpu_ms(server) / 1000
        self.source = bench.family_cpu_ms(source) / 1000
        self.everybody = machine_busy_s()


def driver(port, listing, **settings):
    words = ['%s=%s' % (key, value) for key, value in settings.items()]
    return subprocess.Popen([DRIVER, str(port), listing, *words], stdout=subprocess.PIPE, text=True)


def figures_of(process):
    line = process.stdout.readline()
    if process.wait() or not line.startswith('{'):
        sys.exit('load_driver failed with status %s: %s' % (process.returncode, line))
    return json.loads(line)


def wait_for(process, word):
    line = process.stdout.readline()
    if line != word + '\n':
        sys.exit('load_driver failed: %r where %r was due' % (line, word))


def load_of(step, capacity, fresh=False):
    """The settings of load_driver that make a step."""
    kind, value = step
    if kind == 'closed':
        return {'rate': 0, 'sockets': value}
    return {
        'rate': '%.3f' % (value * capacity),
        'sockets': OPEN_SOCKETS,
        'burst': BURST if value > 1 else 0,
        'fresh': int(fresh),
    }


def measure_step(step, program, world, options):
    """One step's figures: a second's share of everything."""
    window = {'warm': options.warm, 'seconds': options.seconds}
    probes = driver(program.port, world.health, rate=HEALTH_RATE, sockets=HEALTH_SOCKETS, fresh=1, **window)
    load = driver(program.port, world.listing(program), **load_of(step, world.capacity, options.fresh), **window)
    wait_for(load, 'begin')
    before = Usage(program.process.pid, world.sources.pid)
    wait_for(load, 'end')
    after = Usage(program.process.pid, world.sources.pid)
    client = figures_of(load)
    for word in ('begin', 'end'):
        wait_for(probes, word)
    return row_of(client, figures_of(probes), before, after)


def row_of(client, health, before, after):
    seconds, counted = after.at - before.at, client['seconds']
    good, refused = client['good']['count'], client['refused']['count']
    answers = sum(client['statuses'].values())
    asked = health['statuses'].get('200', 0)
    cpu = {
        'server': (after.server - before.server) / seconds,
        'source': (after.source - before.source) / seconds,
        'client': (client['cpu_s'] + health['cpu_s']) / counted,
    }
    cpu['others'] = max(0, (after.everybody - before.everybody) / seconds - sum(cpu.values()))
    return {
        'offered': client['offered'] / counted,
        'good': good / counted,
        'refused': refused / counted,
        'held': client['held'] / counted,
        'wrong': answers - good - refused + client['broken'],
        'per_cpu_s': good / counted / (cpu['server'] + cpu['source']),
        'per_server_cpu_s': good / counted / cpu['server'],
        'per_free_cpu_s': good / counted / max(0.01, CORES - cpu['client'] - cpu['others']),
        'health_p50': health['all']['p50_ms'],
        'health_p99': health['all']['p99_ms'],
        'health_max': health['all']['max_ms'],
        'health_wrong': health['broken'] + health['held'] + sum(health['statuses'].values()) - asked,
        'good_p50': client['good']['p50_ms'],
        'good_p99': client['good']['p99_ms'],
        'refused_p99': client['refused']['p99_ms'],
        'late_p99': client['late']['p99_ms'],
        'server_cpu': cpu['server'],
        'source_cpu': cpu['source'],
        'client_cpu': cpu['client'],
        'others_cpu': cpu['others'],
    }


def come_to_rest(program):
    """Waits until the server does nothing: what a step left behind is not the next one's."""
    end = time.monotonic() + REST_S_MAX
    while time.monotonic() < end:
        before = bench.family_cpu_ms(program.process.pid)
        time.sleep(0.3)
        if bench.family_cpu_ms(program.process.pid) - before < 300 * REST_BUSY:
            return
    print('%s is still busy %d s after a step' % (program.name, REST_S_MAX), flush=True)


# ---------------------------------------------------------------- a run


class World:
    """The source server, the lists of paths, the server's log; everything of one run."""

    def __init__(self, folder):
        self.folder, self.capacity = folder, 0
        self.sources, self.origin = bench.start_sources(folder)
        self.health = self.write('health', ['/health'])

    def write(self, name, paths):
        file_name = os.path.join(self.folder, name)
        with open(file_name, 'w') as file:
            file.writelines(path + '\n' for path in paths)
        return file_name

    def listing(self, program):
        paths = [bench.path_of(program, self.origin + name, 500, 80, 'jpg') for name in SOURCES]
        return self.write('paths-' + program.name, ['/' + path for path in paths])

    def log(self, program):
        return os.path.join(self.folder, 'log-' + program.name)


def start(program, world):
    program.output = open(world.log(program), 'ab')
    program.start()
    program.output.close()


def steps_of(options):
    loads = QUICK_LOADS if options.quick else LOADS
    return [('closed', connections) for connections in CLOSED] + [('open', load) for load in loads]


def measure(programs, world, options):
    """Rows of each program by name of the step."""
    steps, found = steps_of(options), {program.name: {} for program in programs}
    for number in range(options.rounds):
        for step in steps:
            for program in run_against.in_turns(programs, number):
                row = measure_step(step, program, world, options)
                found[program.name].setdefault(name_of(step), []).append(row)
                come_to_rest(program)
                os.truncate(world.log(program), 0)
                if program.process.poll() is not None:
                    sys.exit('%s ended with status %s' % (program.name, program.process.returncode))
    return {name: {step: merged(rows) for step, rows in steps.items()} for name, steps in found.items()}


def merged(rows):
    """The middle figure of each; of what may not be at all, the sum."""
    out = {key: bench.middle([row[key] for row in rows]) for key in rows[0]}
    for key in ('wrong', 'health_wrong'):
        out[key] = sum(row[key] for row in rows)
    return out


def capacity_of(programs, world, options):
    """Good answers a second of the better program with 8 connections."""
    found = []
    for program in programs:
        bench.drive_paths(
            program, [line.strip('/\n') for line in open(world.listing(program))] * 30, 90, 8, world.folder
        )
        found.append(measure_step(('closed', 8), program, world, options)['good'])
        come_to_rest(program)
    return max(found)


# ---------------------------------------------------------------- verdicts and printing


def shares_of(rows):
    """Good answers per CPU second of each step, as a part of the best step's."""
    best = max(row['per_cpu_s'] for row in rows.values())
    return {name: row['per_cpu_s'] / best for name, row in rows.items()}


def misses_of(rows):
    """What misses a bar, in words; nothing when all hold."""
    shares, misses = shares_of(rows), []
    for name, wanted in SHARES.items():
        if name not in rows:
            misses.append('%s: not measured' % name)
            continue
        if shares[name] < wanted:
            misses.append(
                '%s: good answers per CPU second are %.0f %% of the best, %.0f %% are wanted'
                % (name, 100 * shares[name], 100 * wanted)
            )
        if rows[name]['health_p99'] >= HEALTH_P99_MS_MAX:
            misses.append(
                '%s: /health p99 is %.1f ms, under %d are wanted' % (name, rows[name]['health_p99'], HEALTH_P99_MS_MAX)
            )
    for name, row in rows.items():
        if row['wrong'] or row['health_wrong']:
            misses.append(
                '%s: %d requests without a picture or a refusal, %d of /health without 200'
                % (name, row['wrong'], row['health_wrong'])
            )
    return misses


def verdict_of(rows, misses):
    """One line: what the judged steps gave."""
    shares = shares_of(rows)
    parts = [
        '%s %.0f %% and %.1f ms' % (name, 100 * shares[name], rows[name]['health_p99'])
        for name in SHARES
        if name in rows
    ]
    return '%s (of the best good answers per CPU second, /health p99): %s' % (
        '%d bars missed' % len(misses) if misses else 'all bars hold',
        ', '.join(parts),
    )


COLUMNS = (
    ('offered/s', 'offered', 0),
    ('good/s', 'good', 1),
    ('refused/s', 'refused', 0),
    ('held/s', 'held', 0),
    ('good/CPU s', 'per_cpu_s', 1),
    ('of best %', 'share', 1),
    ('server only', 'per_server_cpu_s', 1),
    ('of CPU left', 'per_free_cpu_s', 1),
    ('health p50', 'health_p50', 1),
    ('p99 ms', 'health_p99', 1),
    ('max', 'health_max', 0),
    ('server', 'server_cpu', 2),
    ('client', 'client_cpu', 2),
    ('others', 'others_cpu', 2),
)


def print_table(name, rows):
    shares = shares_of(rows)
    print('\n%s' % name)
    print('%-18s' % '' + ''.join('%12s' % title for title, _, _ in COLUMNS))
    for step, row in rows.items():
        values = {**row, 'share': 100 * shares[step]}
        print('%-18s' % step + ''.join('%12s' % ('%.*f' % (digits, values[key])) for _, key, digits in COLUMNS))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='status 1 where a bar is missed')
    parser.add_argument('--quick', action='store_true', help='one round, only what --check looks at; under 90 s')
    parser.add_argument('--against', metavar='BUILD', help='draw this build too, in turns: a program or its folder')
    parser.add_argument('--server', default='build', metavar='BUILD', help='the build that is measured (build)')
    parser.add_argument('--rounds', type=int, default=3, help='rounds; the middle figure counts (3)')
    parser.add_argument('--seconds', type=float, default=5, help='counted seconds of a step (5)')
    parser.add_argument('--warm', type=float, default=2, help='seconds of a step before them (2)')
    parser.add_argument('--capacity', type=float, help='good answers a second to take for the capacity')
    parser.add_argument('--fresh', action='store_true', help='a new connection for each request of the open loop')
    parser.add_argument(
        '--out', default='.cache/overload', help='PREFIX.svg and PREFIX.json are written (.cache/overload)'
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 4
    return options


def programs_of(options):
    builds = {'now': run_against.program_of(options.server)}
    if options.against:
        builds = {'before': run_against.program_of(options.against), **builds}
    # The log as it is by default: a refusal costs its line, too.
    return [
        bench.Program(name, shlex.quote(path), bench.OWN_TEMPLATE, {'IMGPROXY_LOG_LEVEL': 'info'})
        for name, path in builds.items()
    ]


def run(programs, options, folder):
    world = World(folder)
    try:
        for program in programs:
            start(program, world)
        world.capacity = options.capacity or capacity_of(programs, world, options)
        print(
            'capacity %.0f/s; %d rounds of %g s each step; load of the machine %.1f, %d cores'
            % (world.capacity, options.rounds, options.seconds, os.getloadavg()[0], CORES),
            flush=True,
        )
        return world.capacity, measure(programs, world, options)
    finally:
        for program in programs:
            if program.process and program.process.poll() is None:
                program.stop()
        world.sources.terminate()
        world.sources.wait()


def main():
    options = arguments()
    programs = programs_of(options)
    with tempfile.TemporaryDirectory() as folder:
        capacity, found = run(programs, options, folder)
    for name, rows in found.items():
        print_table(name, rows)
    misses = misses_of(found['now'])
    with open(options.out + '.json', 'w') as file:
        json.dump({'capacity': capacity, 'rows': found, 'misses': misses}, file, indent=1)
    with open(options.out + '.svg', 'w') as file:
        file.write(overload_picture.svg_of(found, capacity))
    print('\nCPU in seconds a second; %s.svg and %s.json are written' % (options.out, options.out))
    for miss in misses:
        print('missed: ' + miss)
    print(verdict_of(found['now'], misses))
    return 1 if options.check and misses else 0


if __name__ == '__main__':
    sys.exit(main())

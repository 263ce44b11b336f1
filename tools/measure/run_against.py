#!/usr/bin/env python3
"""Whether this build costs what another did: "as before within 2 %", out of one run.

    tools/bench --against BUILD [--rounds N] [--recipe NAME]... [--scale X] [--no-memory]

BUILD is a program or a build folder. Both builds do the same requests in turns (a round is A B B A, the
next B A A B), each with new processes every 4 rounds. A round gives one ratio, CPU ms per request of
this build (process and children, from /proc) by that of the other; what is printed for each recipe is
the median of the ratios with its 95 % interval. As before means: the interval's lower end is at most
1.02, so a rise of more than 2 % is not proven. The upper end tells what rise the run could have missed:
more rounds narrow it.

Memory: bursts of jpeg500 on fresh processes, in turns too; medians of RSS and RssAnon at the peak and
at rest after it (process and children) may be 5 % above those of the other build.

The exit status is 0 when all of that holds and no request failed. With 20 rounds and all recipes it
takes 9 minutes on two cores that nobody else uses.
"""

import argparse
import json
import math
import os
import shlex
import statistics
import sys
import tempfile
import time

import run_bench as bench

LEVEL = 0.95
CPU_RATIO_MAX, MEMORY_RATIO_MAX = 1.02, 1.05
ROUNDS_OF_A_PROCESS = 4
BURSTS = 5
REST_S = 15  # one and a half intervals of the memory keeper
FIGURES = ('RSS at the peak', 'RssAnon at the peak', 'RSS at rest', 'RssAnon at rest')
# A machine that others use too must not make this a measurement of its deadlines.
PATIENCE = {'IMGPROXY_TIMEOUT': '60', 'IMGPROXY_DOWNLOAD_TIMEOUT': '30'}


# ---------------------------------------------------------------- statistics and verdicts


def interval_rank(count, level=LEVEL):
    """The k for which the k-th least and the k-th greatest of `count` values enclose the median with
    at least this confidence; 0 when there are too few.

    Free of any assumption but that rounds are alike and independent: the number of values below the
    median is binomial with one half (David and Nagaraja, Order Statistics, third edition, 7.1).
    20 values: the 6th and the 15th, 95.9 %.
    """
    outside, rank = 0.0, 0
    while rank < count // 2:
        outside += 2 * math.comb(count, rank) / 2**count
        if outside > 1 - level:
            break
        rank += 1
    return rank


ROUNDS_MIN = next(count for count in range(1, 100) if interval_rank(count))


def judge_ratios(ratios, errors=0):
    """Median and interval of a recipe's ratios, and whether that is as before."""
    values, rank = sorted(ratios), interval_rank(len(ratios))
    row = {
        'median': statistics.median(values) if values else None,
        'low': None,
        'high': None,
        'holds': False,
        'errors': errors,
        'ratios': list(ratios),
    }
    if not rank:
        return {**row, 'verdict': 'too few rounds: %d, an interval takes %d' % (len(values), ROUNDS_MIN)}
    row.update(low=values[rank - 1], high=values[-rank])
    if errors:
        return {**row, 'verdict': '%d requests failed' % errors}
    if row['low'] > CPU_RATIO_MAX:
        return {**row, 'verdict': 'costs more: at least %.1f %%' % (100 * (row['low'] - 1))}
    words = 'as before'
    if row['high'] < 1:
        words = 'as before, less by at least %.1f %%' % (100 * (1 - row['high']))
    return {**row, 'holds': True, 'verdict': words}


def judge_memory(before, now):
    """The same for memory: lists of bursts, each with a value in MB for each of FIGURES."""
    rows = {}
    for number, name in enumerate(FIGURES):
        if min(len(before), len(now)) < BURSTS:
            rows[name] = {
                'holds': False,
                'verdict': 'too few bursts: %d, a median takes %d' % (min(len(before), len(now)), BURSTS),
            }
            continue
        medians = [statistics.median(burst[number] for burst in bursts) for bursts in (before, now)]
        ratio = medians[1] / medians[0]
        holds = ratio <= MEMORY_RATIO_MAX
        rows[name] = {
            'before': medians[0],
            'now': medians[1],
            'ratio': ratio,
            'holds': holds,
            'bursts': [[burst[number] for burst in bursts] for bursts in (before, now)],
            'verdict': 'as before' if holds else 'more by %.1f %%' % (100 * (ratio - 1)),
        }
    return rows


# ---------------------------------------------------------------- measuring


def program_of(build):
    """BUILD as a program: a build folder means the imgring in it."""
    path = os.path.join(build, 'imgring') if os.path.isdir(build) else build
    if not os.access(path, os.X_OK):
        sys.exit('%s is no program; want a program or a build folder' % path)
    return os.path.abspath(path)


def count_of(recipe, scale):
    """Requests of one drive: whole passes over the sources, so that all drives do the same work."""
    _, _, _, sources, requests = bench.RECIPES[recipe]
    return max(1, round(requests * scale / len(sources))) * len(sources)


def in_turns(programs, number):
    return programs if number % 2 == 0 else programs[::-1]


def fresh(programs, recipe, origin, count, options, folder):
    """New processes, warm: one process's luck with its pages (over 1 % of CPU) is not in all rounds."""
    for program in programs:
        if program.process:
            program.stop()
        program.start()
        bench.check_pictures(program, recipe, origin)
        bench.drive(program, recipe, origin, max(options.connections, count // 2), options.connections, folder)


def one_round(programs, drive):
    """A B B A, so that what grows or shrinks meanwhile weighs on both; CPU ms a request and errors."""
    cost, errors = {program.name: 0 for program in programs}, 0
    for program in [*programs, *programs[::-1]]:
        row = drive(program)
        cost[program.name] += row['cpu_ms'] / 2
        errors += row['errors']
    return cost, errors


def measure_recipe(recipe, programs, origin, options, folder):
    count = count_of(recipe, options.scale)
    costs, errors = [], 0
    for number in range(options.rounds):
        if number % ROUNDS_OF_A_PROCESS == 0:
            fresh(programs, recipe, origin, count, options, folder)
        cost, failed = one_round(
            in_turns(programs, number),
            lambda program: bench.drive(program, recipe, origin, count, options.connections, folder),
        )
        costs.append(cost)
        errors += failed
    for program in programs:
        program.stop()
    return {
        **judge_ratios([cost['now'] / cost['before'] for cost in costs], errors),
        **{name + '_ms': statistics.median(cost[name] for cost in costs) for name in costs[0]},
    }


def one_burst(program, origin, options, folder):
    """Peak memory of a fresh process under a burst; when the burst ended. The process stays."""
    program.start()
    watch = bench.PeakWatch(program.process.pid)
    count = 2 * count_of('jpeg500', options.scale)
    errors = bench.drive(program, 'jpeg500', origin, count, options.connections, folder)['errors']
    return watch.stop(), time.monotonic(), errors


def measure_memory(programs, origin, options, folder):
    """Bursts of both builds; they rest at the same time, which costs a quarter of the time apart."""
    bursts, errors = {'before': [], 'now': []}, 0
    for number in range(options.bursts):
        order = in_turns(programs, number)
        peaks = [one_burst(program, origin, options, folder) for program in order]
        for program, (peak, ended, failed) in zip(order, peaks):
            time.sleep(max(0, ended + REST_S - time.monotonic()))
            bursts[program.name].append((*peak, *bench.memory_mb(program.process.pid)))
            program.stop()
            errors += failed
    return judge_memory(bursts['before'], bursts['now']), errors


# ---------------------------------------------------------------- printing


def print_recipe(name, row):
    print(
        '%-10s %9.3f %9.3f   %.4f  %.4f to %.4f   %s'
        % (name, row['before_ms'], row['now_ms'], row['median'], row['low'], row['high'], row['verdict']),
        flush=True,
    )


def print_memory(rows):
    print('\nmemory under jpeg500, MB: medians of the bursts of fresh processes')
    for name, row in rows.items():
        if 'ratio' in row:
            print('%-20s %9.1f %9.1f   %.3f   %s' % (name, row['before'], row['now'], row['ratio'], row['verdict']))
        else:
            print('%-20s %s' % (name, row['verdict']))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--against', required=True, metavar='BUILD', help='the build before: a program or its folder')
    parser.add_argument('--server', default='build', metavar='BUILD', help='the build that is judged (build)')
    parser.add_argument(
        '--recipe', action='append', choices=sorted(bench.RECIPES), help='this one only; may be repeated'
    )
    parser.add_argument('--rounds', type=int, default=20, help='rounds of each recipe, at least %d (20)' % ROUNDS_MIN)
    parser.add_argument(
        '--bursts', type=int, default=BURSTS, help='bursts for memory, at least %d (%d)' % (BURSTS, BURSTS)
    )
    parser.add_argument('--connections', type=int, default=8, help='connections of wrk (8)')
    parser.add_argument('--scale', type=float, default=0.25, help='times the requests of tools/bench (0.25)')
    parser.add_argument('--no-memory', action='store_true', help='leave the memory part out (2 minutes)')
    parser.add_argument('--json', help='write all figures to this file')
    options = parser.parse_args()
    if options.rounds < ROUNDS_MIN:
        parser.error('--rounds %d: an interval of 95 %% takes at least %d' % (options.rounds, ROUNDS_MIN))
    if options.bursts < BURSTS:
        parser.error('--bursts %d: the medians are of at least %d' % (options.bursts, BURSTS))
    return options


def measure(programs, origin, options, folder):
    recipes, memory, errors = {}, {}, 0
    print(
        '%-10s %9s %9s   %s'
        % ('', 'before', 'now', 'CPU ms per request, median of %d ratios, 95 %% interval' % options.rounds)
    )
    for recipe in options.recipe or bench.RECIPES:
        recipes[recipe] = measure_recipe(recipe, programs, origin, options, folder)
        print_recipe(recipe, recipes[recipe])
    if not options.no_memory:
        memory, errors = measure_memory(programs, origin, options, folder)
        print_memory(memory)
        if errors:
            print('%d requests failed meanwhile' % errors)
    return recipes, memory, errors


def main():
    options = arguments()
    bench.SERVER_ENVIRONMENT.update(PATIENCE)
    builds = {'before': program_of(options.against), 'now': program_of(options.server)}
    programs = [bench.Program(name, shlex.quote(path), bench.OWN_TEMPLATE) for name, path in builds.items()]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder)
        try:
            recipes, memory, errors = measure(programs, origin, options, folder)
        finally:
            bench.stop_all(programs, sources)
    broken = [name for name, row in [*recipes.items(), *memory.items()] if not row['holds']]
    if errors:
        broken.append('memory: requests failed')
    print(
        '\n%s (%.0f s, load of the machine at the end %.1f)'
        % (
            'not as before: ' + ', '.join(broken) if broken else 'all as before',
            time.monotonic() - began,
            os.getloadavg()[0],
        )
    )
    if options.json:
        with open(options.json, 'w') as file:
            json.dump({'builds': builds, 'recipes': recipes, 'memory': memory, 'holds': not broken}, file, indent=1)
    return 1 if broken else 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""Runs seeds of the simulation, already built, in as many processes as there are processors.

The last line is `N passed, M failed`. A process ends with its first bad seed, so the others of its
part are not counted.
"""

import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
# Each of so many seeds is run twice, in another process and beside others than the first time.
TWICE = 20
# Of one small one for so many, each completion is once held back and once failed.
COMPLETIONS_PER_SEEDS, COMPLETIONS_MAX = 100, 20
# No process has more, so that a bad seed hides few others and a good one is told of soon.
PART = 500


def program(asan):
    return os.path.join(ROOT, 'build-asan' if asan else 'build', 'tests/simulation/simulation')


def environment():
    # Jobs that are left at the end of the grace time are left for good, as by the server's _exit.
    options = 'detect_leaks=0:detect_stack_use_after_return=0'
    return {**os.environ, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', options)}


def start(arguments, words):
    return subprocess.Popen(
        [program(arguments.asan), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )


def run_parts(arguments, parts):
    """(good seeds, bad parts), with the output of each."""
    good = bad = 0
    waiting, running = list(parts), []
    while waiting or running:
        while waiting and len(running) < arguments.processes:
            words = waiting.pop(0)
            running.append((words, start(arguments, words)))
        words, process = running.pop(0)
        text = process.communicate()[0]
        if process.returncode == 0:
            good += words[1]
            print(text.rstrip(), flush=True)
            continue
        bad += 1
        print('\n'.join(text.rstrip().split('\n')[-30:]), flush=True)
        seed = re.search(r'^seed (\d+) (--(?:held|failed) \d+)?', text, re.M)
        if seed:
            good += int(seed.group(1)) - words[3]
            print('./tools/simulate --replay %s shows it' % ' '.join(filter(None, seed.groups())), flush=True)
    return good, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=200, help='how many (200)')
    parser.add_argument('--first', type=int, default=1, help='the first of them (1)')
    parser.add_argument('--replay', type=int, help='one seed, with its trace on stderr')
    parser.add_argument('--held', type=int, help='the small one, with this completion held back (with --replay)')
    parser.add_argument('--failed', type=int, help='the same, with this completion failed')
    parser.add_argument('--asan', action='store_true', help="the address sanitizer's build")
    parser.add_argument('--processes', type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.replay is not None:
        command = [program(arguments.asan), '--replay', str(arguments.replay)]
        for name in ('held', 'failed'):
            if getattr(arguments, name) is not None:
                command += ['--' + name, str(getattr(arguments, name))]
        return subprocess.run(command, env=environment()).returncode
    part = max(1, min(PART, -(-arguments.seeds // arguments.processes)))
    end = arguments.first + arguments.seeds
    parts = [('--seeds', min(part, end - first), '--first', first) for first in range(arguments.first, end, part)]
    good, bad = run_parts(arguments, parts)
    twice = min(TWICE, arguments.seeds)
    good_twice, bad_twice = run_parts(arguments, [('--twice', twice, '--first', end - twice)])
    small = min(arguments.seeds // COMPLETIONS_PER_SEEDS, COMPLETIONS_MAX)
    few = [('--completions', 1, '--first', first) for first in range(1, 1 + small)]
    good_few, bad_few = run_parts(arguments, few)
    bad += bad_twice + bad_few
    print('%d passed, %d failed' % (good + good_twice + good_few, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

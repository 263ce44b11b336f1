#!/usr/bin/env python3
"""What the epoll engine costs beside io_uring: one program, both engines in turns (A B B A).

    tools/bench --engines [--rounds N] [--seconds S] [--server COMMAND]

Pictures: CPU ms a request (process and children, from /proc) of thumb100 and jpeg500. Small answers: answers
for each second of CPU to /health on kept connections, to /health on a connection each, and to wrong
signatures. What counts is the median of the rounds' ratios; the bars are decision 32's: a picture costs at
most 1.10 of what it does on io_uring, a small answer is worth at least 0.6. The exit status is 1 where one is
missed.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

import run_bench as bench

PICTURE_RATIO_MAX, SMALL_RATIO_MIN = 1.10, 0.6
PICTURES = {'thumb100': 400, 'jpeg500': 96}  # requests of a round
SMALL = {
    '/health, kept': ('/health', []),
    '/health, fresh': ('/health', ['-H', 'Connection: close']),
    'wrong signature': ('/AAAAAAAAAAAAAAAAAAAAAA/rs:fit:100/plain/http://a/b.jpg', []),
}
CONNECTIONS = 16
ENGINES = ('io_uring', 'epoll')
KEYS = {'IMGPROXY_KEY': '00ff', 'IMGPROXY_SALT': '00ff'}


def small(program, what, seconds):
    """Answers for each second of the server's CPU."""
    path, more = SMALL[what]
    before = bench.family_cpu_ms(program.process.pid)
    done = subprocess.run(
        ['wrk', '-t1', '-c%d' % CONNECTIONS, '-d%ds' % seconds, *more, 'http://127.0.0.1:%d%s' % (program.port, path)],
        capture_output=True,
        text=True,
    )
    spent_ms = bench.family_cpu_ms(program.process.pid) - before
    count = re.search(r'(\d+) requests in', done.stdout)
    if count is None or spent_ms <= 0:
        sys.exit('wrk failed: ' + done.stdout + done.stderr)
    return int(count.group(1)) / (spent_ms / 1000)


def one_turn(command, engine, origin, options, folder):
    """Every figure of one engine, on fresh processes."""
    figures = {}
    name = 'imgring, ' + engine
    program = bench.Program(name, command, bench.OWN_TEMPLATE, {'IMGRING_ENGINE': engine}).start()
    try:
        for recipe, count in PICTURES.items():
            bench.check_pictures(program, recipe, origin)
            row = bench.drive(program, recipe, origin, count, CONNECTIONS, folder)
            if row['errors']:
                sys.exit('%s: %d requests of %s failed' % (name, row['errors'], recipe))
            figures[recipe] = row['cpu_ms']
    finally:
        program.stop()
    program = bench.Program(name, command, bench.OWN_TEMPLATE, {'IMGRING_ENGINE': engine, **KEYS}).start()
    try:
        for what in SMALL:
            figures[what] = small(program, what, options.seconds)
    finally:
        program.stop()
    return figures


def report(turns):
    """Prints a line for each figure; whether all bars hold."""
    good = True
    for what in turns['epoll'][0]:
        pairs = list(zip(turns['epoll'], turns['io_uring']))
        ratio = statistics.median(ours[what] / theirs[what] for ours, theirs in pairs)
        middle = {engine: statistics.median(turn[what] for turn in turns[engine]) for engine in ENGINES}
        picture = what in PICTURES
        holds = ratio <= PICTURE_RATIO_MAX if picture else ratio >= SMALL_RATIO_MIN
        good = good and holds
        print(
            '%-16s io_uring %9.2f  epoll %9.2f  %-20s ratio %.3f, %s %.2f: %s'
            % (
                what,
                middle['io_uring'],
                middle['epoll'],
                'CPU ms a request' if picture else 'answers a CPU second',
                ratio,
                'at most' if picture else 'at least',
                PICTURE_RATIO_MAX if picture else SMALL_RATIO_MIN,
                'holds' if holds else 'missed',
            )
        )
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=4, help='of both engines each (4)')
    parser.add_argument('--seconds', type=int, default=3, help='of each kind of small answer (3)')
    parser.add_argument('--server', default='build/imgring', help='the command of imgring')
    options = parser.parse_args()
    # A busy machine must not make this a measurement of its deadlines.
    bench.SERVER_ENVIRONMENT.update(IMGPROXY_TIMEOUT='60', IMGPROXY_DOWNLOAD_TIMEOUT='30')
    turns = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder)
        try:
            for number in range(options.rounds):
                for engine in ENGINES if number % 2 == 0 else reversed(ENGINES):
                    turns[engine].append(one_turn(options.server, engine, origin, options, folder))
        finally:
            sources.terminate()
            sources.wait()
    return 0 if report(turns) else 1


if __name__ == '__main__':
    os.chdir(bench.ROOT)
    sys.exit(main())

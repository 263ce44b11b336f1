#!/usr/bin/env python3
"""What AVIF does to the others: p99 of JPEG requests with and without it, in alternating rounds.

    tools/bench --lanes [--rounds N] [--connections C] [--workers W] [--server COMMAND]

Three rounds take turns on one server: C connections ask for JPEG (500 pixels of the 24 photos); half
of C alone; and half of C while the other half asks for AVIF. The last one's p99 by that of the first
is what "half of the load is AVIF" costs; by that of the second, what the AVIF itself costs.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

import run_bench as bench

RATIO_MAX = 1.5
WARM_UP_S = 1.0  # of AVIF, before the JPEG requests that count
AVIF_REQUESTS = 100000  # more than a round can take: it is ended by signal
bench.RECIPES['avif500'] = (500, 0, 'avif', bench.PHOTO_NAMES, AVIF_REQUESTS)


class Avif:
    """A load of AVIF requests from entering to leaving."""

    def __init__(self, program, origin, connections, folder):
        self.listing = os.path.join(folder, 'avif-paths')
        with open(self.listing, 'w') as file:
            file.writelines('/%s\n' % path for path in program.paths('avif500', origin))
        self.program, self.connections, self.wrk = program, connections, None

    def __enter__(self):
        self.wrk = subprocess.Popen(
            [
                'wrk',
                '-t1',
                '-c%d' % self.connections,
                '-d900s',
                '--timeout',
                '60s',
                '-s',
                os.path.join(bench.ROOT, 'tests/bench/requests.lua'),
                'http://127.0.0.1:%d' % self.program.port,
                '--',
                str(AVIF_REQUESTS),
                str(self.connections),
                self.listing,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(WARM_UP_S)
        self.since = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.since
        self.wrk.send_signal(signal.SIGINT)  # wrk ends with its figures
        text = self.wrk.communicate()[0]
        line = next((l for l in text.split('\n') if l.startswith('{')), None)
        if line is None:
            sys.exit('wrk failed: ' + text)
        figures = bench.json.loads(line)
        self.answers, self.errors = figures['requests'], figures['errors']
        self.per_s = self.answers / (self.seconds + WARM_UP_S)


def one_round(program, origin, options, folder):
    half = options.connections // 2
    figures = {
        'jpeg': bench.drive(program, 'jpeg500', origin, options.requests, options.connections, folder),
        'half alone': bench.drive(program, 'jpeg500', origin, options.requests // 2, half, folder),
    }
    with Avif(program, origin, half, folder) as avif:
        figures['with avif'] = bench.drive(program, 'jpeg500', origin, options.requests // 2, half, folder)
    figures['with avif'].update(avif_per_s=avif.per_s, errors=figures['with avif']['errors'] + avif.errors)
    return figures


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=5, help='rounds; middle figures count (5)')
    parser.add_argument('--connections', type=int, default=8)
    parser.add_argument('--requests', type=int, default=480, help='JPEG requests of a round (480)')
    parser.add_argument('--workers', type=int, default=0, help='IMGPROXY_WORKERS (0: cores)')
    parser.add_argument('--server', default='build/imgring', help='the command of imgring')
    return parser.parse_args()


def main():
    options = arguments()
    # Latencies are wanted, not who ran out of time on a busy machine.
    bench.SERVER_ENVIRONMENT.update(IMGPROXY_TIMEOUT='60', IMGPROXY_DOWNLOAD_TIMEOUT='30')
    if options.workers:
        bench.SERVER_ENVIRONMENT['IMGPROXY_WORKERS'] = str(options.workers)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder)
        program = bench.Program('imgring', options.server, bench.OWN_TEMPLATE).start()
        try:
            for recipe in ('jpeg500', 'avif500'):
                bench.check_pictures(program, recipe, origin)
            for number in range(options.rounds):
                rounds.append(one_round(program, origin, options, folder))
                print(
                    'round %d: ' % (number + 1)
                    + ', '.join(
                        '%s p50 %.0f p99 %.0f ms, %.1f/s' % (name, row['p50'], row['p99'], row['per_s'])
                        for name, row in rounds[-1].items()
                    ),
                    flush=True,
                )
        finally:
            program.stop()
            sources.terminate()
            sources.wait()
    p99 = {name: bench.middle([r[name]['p99'] for r in rounds]) for name in rounds[0]}
    errors = sum(row['errors'] for r in rounds for row in r.values())
    ratios = [p99['with avif'] / p99[name] for name in ('jpeg', 'half alone')]
    print(
        'p99 of JPEG: %.0f ms with %d connections, %.0f ms with half of them, %.0f ms with AVIF on the other half'
        % (p99['jpeg'], options.connections, p99['half alone'], p99['with avif'])
    )
    print(
        'ratio %.2f to the first (limit %.1f), %.2f to the second; AVIF %.1f/s meanwhile; %d errors'
        % (ratios[0], RATIO_MAX, ratios[1], bench.middle([r['with avif']['avif_per_s'] for r in rounds]), errors)
    )
    return 1 if ratios[0] > RATIO_MAX or errors else 0


if __name__ == '__main__':
    sys.exit(main())

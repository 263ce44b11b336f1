#!/usr/bin/env python3
"""Asks servers for the same kinds of pictures in alternating rounds: what each job costs, and its ratio.

    tools/bench --jobs [--job NAME]... [--rounds N] [--against BUILD] [--other NAME COMMAND URL_TEMPLATE]...

JOBS below has them: the 13 of the core set, progressive photos alone, a set of dense files (quality 92
to 95, noise, restart markers, EXIF with thumbnails: tools/pictures/make-job-sources), and the rest.
--job takes a name of a job, or core, files (progressive and dense), all; nothing is core and files.

For each job and server: CPU ms a request (of the process and its children, from /proc), minor page
faults a request, p50 and p99 of the median round, RSS and RssAnon at the peak of a process that has
done this job only, bytes of an answer. "of NAME" is this build's CPU by that server's, the median of
the rounds' ratios with the least and the greatest. All servers run side by side; in a round they take
turns, in the other order in the next. The exit status is 0 when no request failed.
"""

import argparse
import fnmatch
import json
import math
import os
import shlex
import statistics
import sys
import tempfile
import time

import run_against as against
import run_bench as bench

SOURCES = os.path.join(bench.ROOT, '.cache/job-photos')
ENOUGH_MS = 1500  # of CPU in one turn: ticks of 10 ms do not matter, nor does who shares the machine
REQUESTS_MAX = 2400
PLAIN = ['p[0-9][0-9].jpg']
TENS = ['p1[0-9].jpg']
FIT = 'rs:fit:%d:0/q:80'
# name: (sets, options, sources, format)
JOBS = {
    'thumb100': ('core', FIT % 100, ['p01.jpg'], 'jpg'),
    'jpeg500': ('core', FIT % 500, PLAIN, 'jpg'),
    'jpeg1600': ('core', FIT % 1600, ['p1[6-8].jpg', 'p2[0-4].jpg'], 'jpg'),
    'rotated': ('core', FIT % 500, ['*-rot.jpg'], 'jpg'),
    'p3-500': ('core', FIT % 500, ['*-p3.jpg'], 'jpg'),
    'fill-sharpen': ('core', 'rs:fill:400:400/g:ce/sh:0.5/q:80', TENS, 'jpg'),
    'watermark': ('core', 'rs:fit:500:0/wm:0.6:soea:10:10:0.2/q:80', TENS, 'jpg'),
    'webp500': ('core', FIT % 500, PLAIN, 'webp'),
    'webp-webp': ('core', FIT % 500, ['w[34].webp', '*-w.webp'], 'webp'),
    'avif500': ('core', 'rs:fit:500:0', TENS, 'avif'),
    'from-heic': ('core', FIT % 500, ['*-i.heic'], 'jpg'),
    'png400': ('core', 'rs:fit:400:0', ['a[0-9].png'], 'png'),
    'svg-png': ('core', 'rs:fit:400:0', ['logo.svg'], 'png'),
    'progressive500': ('files', FIT % 500, ['p04.jpg', 'p09.jpg', 'p14.jpg', 'p19.jpg', 'p23.jpg'], 'jpg'),
    'dense500': ('files', FIT % 500, ['d*.jpg'], 'jpg'),
    'dense100': ('files', FIT % 100, ['d*.jpg'], 'jpg'),
    'fill-crop': ('', 'rs:fill:400:400/g:ce/q:80', PLAIN, 'jpg'),
    'fill-smart': ('', 'rs:fill:400:400/g:sm/q:80', TENS, 'jpg'),
    'blur': ('', 'rs:fit:500:0/bl:8/q:80', TENS, 'jpg'),
    'extend': ('', 'rs:fit:500:500:1:1/bg:ffffff/q:80', TENS, 'jpg'),
    'p3-100': ('', FIT % 100, ['*-p3.jpg'], 'jpg'),
    'cmyk': ('', FIT % 500, ['*-cmyk.jpg'], 'jpg'),
    'grey': ('', FIT % 500, ['*-grey.jpg'], 'jpg'),
    'webp-jpeg': ('', FIT % 500, ['*-w.webp'], 'jpg'),
    'avif100': ('', 'rs:fit:100:0', TENS, 'avif'),
    'from-avif': ('', FIT % 500, ['*-a.avif'], 'jpg'),
    'png-jpeg': ('', FIT % 500, ['*-rgb.png'], 'jpg'),
    'png-webp': ('', 'rs:fit:400:0/q:80', ['a[0-9].png'], 'webp'),
}
SETS = {
    'core': [name for name, job in JOBS.items() if job[0] == 'core'],
    'files': [name for name, job in JOBS.items() if job[0] == 'files'],
    'all': list(JOBS),
}


# ---------------------------------------------------------------- one job


def sources_of(job, names):
    """The files of a job, in order of their names; an error when there are none."""
    found = sorted(name for name in names if any(fnmatch.fnmatch(name, glob) for glob in JOBS[job][2]))
    if not found:
        sys.exit('%s: none of %s in %s' % (job, ', '.join(JOBS[job][2]), SOURCES))
    return found


def paths_of(program, job, origin, names):
    _, options, _, kind = JOBS[job]
    for name in sources_of(job, names):
        url = program.template.format(
            port=program.port,
            options=options,
            width=0,
            quality=80,
            format=kind,
            source=origin + name,
            source_escaped=bench.urllib.parse.quote(origin + name, safe=''),
        )
        yield url.split('/', 3)[3]


def faults_of(stat):
    """Minor faults of a process and of its children that have ended."""
    fields = stat.rsplit(')', 1)[1].split()
    return int(fields[7]) + int(fields[8])


def family_faults(pid):
    total = 0
    for one in bench.family(pid):
        try:
            total += faults_of(bench.read('/proc/%d/stat' % one))
        except OSError:
            pass
    return total


def turn(program, paths, count, options, folder):
    """The figures of `count` requests."""
    faults, watch = family_faults(program.process.pid), bench.PeakWatch(program.process.pid)
    row = bench.drive_paths(program, paths, count, options.connections, folder)
    row['rss'], row['anon'] = watch.stop()
    row['faults'] = (family_faults(program.process.pid) - faults) / count
    return row


def count_of(rows, sources):
    """Requests of a turn: whole passes, enough CPU on the least of the servers."""
    least_ms = max(0.1, min(row['cpu_ms'] for row in rows))
    count = min(REQUESTS_MAX, ENOUGH_MS / least_ms)
    return max(1, math.ceil(count / sources)) * sources


def measure_job(job, programs, origin, options, folder):
    """A list of rows for each server."""
    names = os.listdir(SOURCES)
    sources = len(sources_of(job, names))
    paths = {}
    for program in programs:
        program.start()
        paths[program.name] = list(paths_of(program, job, origin, names))
        bench.check_paths(program, paths[program.name])
    warm = max(options.connections, sources)
    first = [turn(program, paths[program.name], warm, options, folder) for program in programs]
    count, rows = count_of(first, sources), {program.name: [] for program in programs}
    for number in range(options.rounds):
        for program in against.in_turns(programs, number):
            rows[program.name].append(turn(program, paths[program.name], count, options, folder))
    for program in programs:
        program.stop()
    return rows


def judged(rows, own):
    """Middle figures of each server, and the ratios of `own` to each of the others."""
    result = {}
    for name, found in rows.items():
        row = {key: statistics.median(one[key] for one in found) for key in ('cpu_ms', 'faults', 'p50', 'p99', 'bytes')}
        row.update({key: max(one[key] for one in found) for key in ('rss', 'anon')})
        row['errors'] = sum(one['errors'] for one in found)
        if name != own:
            ratios = [mine['cpu_ms'] / one['cpu_ms'] for mine, one in zip(rows[own], found)]
            row.update(ratio=statistics.median(ratios), least=min(ratios), greatest=max(ratios))
            waits = [mine['p99'] / one['p99'] for mine, one in zip(rows[own], found) if one['p99']]
            row['p99_ratio'] = statistics.median(waits) if waits else None
        result[name] = row
    return result


# ---------------------------------------------------------------- tables


def print_job(job, result):
    for name, row in result.items():
        line = '%-14s %-10s %8.2f %8.0f %8.1f %8.1f %6.0f /%4.0f %8.0f' % (
            (job, name) + tuple(row[key] for key in ('cpu_ms', 'faults', 'p50', 'p99', 'rss', 'anon', 'bytes'))
        )
        if 'ratio' in row:
            line += '   %.3f (%.2f to %.2f), p99 %s' % (
                row['ratio'],
                row['least'],
                row['greatest'],
                bench.cell(row['p99_ratio'], 2),
            )
        if row['errors']:
            line += '   %d FAILED' % row['errors']
        print(line, flush=True)
        job = ''


def print_means(results, others):
    for name in others:
        for label in ('core', 'all that ran'):
            ratios = [
                result[name]['ratio'] for job, result in results.items() if label != 'core' or job in SETS['core']
            ]
            if ratios:
                print(
                    'CPU by that of %s, %s: geometric mean %.3f of %d jobs, worst %.3f'
                    % (name, label, statistics.geometric_mean(ratios), len(ratios), max(ratios))
                )


def wanted_jobs(asked):
    names = [name for ask in asked or ['core', 'files'] for name in SETS.get(ask, [ask])]
    return list(dict.fromkeys(names))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--job', action='append', choices=sorted([*JOBS, *SETS]), help='a job or a set; may be repeated'
    )
    parser.add_argument('--rounds', type=int, default=3, help='rounds; middle figures are printed (3)')
    parser.add_argument('--connections', type=int, default=8, help='connections of wrk (8)')
    parser.add_argument('--server', default='build', metavar='BUILD', help='the build that is judged (build)')
    parser.add_argument('--against', metavar='BUILD', help='another build: a program or its folder')
    parser.add_argument('--json', help='write all figures to this file')
    bench.add_other(parser, 'another server, as tools/bench --help tells; may be repeated')
    return parser.parse_args()


def main():
    options = arguments()
    # Costs are wanted, not who ran out of time on a busy machine.
    bench.SERVER_ENVIRONMENT.update(against.PATIENCE, IMGPROXY_WATERMARK_PATH=os.path.join(SOURCES, 'wm.png'))
    builds = {'imgring': options.server} | ({'before': options.against} if options.against else {})
    programs = [
        bench.Program(name, shlex.quote(against.program_of(build)), bench.OWN_TEMPLATE)
        for name, build in builds.items()
    ]
    programs += [bench.Program(*other) for other in options.other]
    others = [program.name for program in programs[1:]]
    began, results = time.monotonic(), {}
    print(
        '%-14s %-10s %8s %8s %8s %8s %12s %8s   %s'
        % ('job', 'server', 'CPU ms', 'faults', 'p50 ms', 'p99 ms', 'RSS/Anon MB', 'bytes', 'imgring by it: CPU, p99')
    )
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder, SOURCES)
        try:
            for job in wanted_jobs(options.job):
                results[job] = judged(measure_job(job, programs, origin, options, folder), 'imgring')
                print_job(job, results[job])
        finally:
            bench.stop_all(programs, sources)
    print_means(results, others)
    print('%.0f s, load of the machine at the end %.1f' % (time.monotonic() - began, os.getloadavg()[0]))
    if options.json:
        with open(options.json, 'w') as file:
            json.dump(results, file, indent=1)
    return 1 if any(row['errors'] for result in results.values() for row in result.values()) else 0


if __name__ == '__main__':
    sys.exit(main())

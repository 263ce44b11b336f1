#!/usr/bin/env python3
"""Replays the conformance cases against a server and compares the answers.

    SERVER_CMD='path/to/server' python3 check.py [--area A] [--sample K] [--json OUT] [--floor]

`tools/conformance` calls it with the project's own build.

The server is started once per configuration profile, with the same
IMGPROXY_* variables the reference had and IMGPROXY_BIND=127.0.0.1:PORT, and
must answer /health.  The last line is always `N passed, M failed`.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
import time

import harness as H

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    ap = argparse.ArgumentParser(description='Compares a server with the recorded answers.')
    ap.add_argument('--area', action='append', help='only this area (may be repeated)')
    ap.add_argument('--profile', action='append', help='only this configuration profile')
    ap.add_argument('--only', action='append', help='only the case with this id')
    ap.add_argument('--skip-area', action='append', default=[], help='leave this area out')
    ap.add_argument('--sample', type=int, help='only K cases, the same K every time, from all areas')
    ap.add_argument('--json', help='write all results to this file')
    ap.add_argument('--as', dest='like', metavar='FILE', help='such a file of another run: what passed there must pass')
    ap.add_argument('--show', type=int, default=25, help='how many failures to print (default 25)')
    ap.add_argument('--workers', type=int, default=3, help='parallel requests (default 3)')
    ap.add_argument('--logs', help='folder for the logs of the server under test')
    ap.add_argument(
        '--env',
        action='append',
        default=[],
        help='NAME=VALUE laid over every profile (to prove that the check can fail)',
    )
    ap.add_argument(
        '--skip-ref',
        action='store_true',
        help='leave out cases recorded with the repaired loaders (TIFF and JPEG XL sources)',
    )
    ap.add_argument('--list-areas', action='store_true')
    ap.add_argument(
        '--floor',
        action='store_true',
        help='run the areas of floor.json; fail only when one passes less than its floor',
    )
    ap.add_argument(
        '--write-floor', action='store_true', help='write what passes now to floor.json (areas that were run)'
    )
    a = ap.parse_args()
    profiles, cases = H.load_cases()
    if a.list_areas:
        for n in sorted({c['area'] for c in cases}):
            print(n)
        return 0
    floor = read_json('floor.json')
    differs = read_json('differs.json')
    if a.floor and not a.area:
        a.area = sorted(floor)
        if not a.area:
            print('0 passed, 0 failed')
            return 0
    cmd = os.environ.get('SERVER_CMD')
    if not cmd:
        sys.exit('SERVER_CMD is not set: the command that starts the server under test')
    exp = os.path.join(HERE, 'expected')
    with open(os.path.join(exp, 'records.json')) as fh:
        want = json.load(fh)
    todo = []
    for c in cases:
        if c['id'] not in want:
            continue
        if a.area and c['area'] not in a.area or c['area'] in a.skip_area:
            continue
        if a.profile and c['profile'] not in a.profile or a.only and c['id'] not in a.only:
            continue
        if a.skip_ref and c.get('ref'):
            continue
        todo.append(c)
    if a.sample and a.sample < len(todo):
        keep = {c['id'] for c in sorted(todo, key=lambda c: hashlib.sha256(c['id'].encode()).hexdigest())[: a.sample]}
        todo = [c for c in todo if c['id'] in keep]
    if a.logs:
        os.makedirs(a.logs, exist_ok=True)
    over = dict(e.split('=', 1) for e in a.env)
    tmp = tempfile.mkdtemp(prefix='conf-')
    src = os.path.join(tmp, 'sources')
    os.makedirs(src)
    drift = H.ensure_sources(src, os.path.join(HERE, 'sources.manifest.json'))
    if drift:
        print(
            'warning: %d source images came out differently here (other library versions?): %s'
            % (len(drift), ', '.join(drift[:8]))
        )
    results = {}
    t0 = time.time()

    def result(case, rec, thumb):
        w = want[case['id']]
        wt = H.as_rgba(H.load_thumb(os.path.join(exp, 'thumbs', w['thumb'] + '.png'))) if w.get('thumb') else None
        try:
            bad = H.compare(w, rec, wt, H.as_rgba(thumb), case)
        except Exception as e:
            bad = ['comparison broke: %r' % e]
        results[case['id']] = {
            'area': case['area'],
            'profile': case['profile'],
            'path': case.get('path', case.get('note', '')),
            'ok': not bad,
            'reasons': bad,
            'soft': bool(case.get('soft')),
            'pix': rec.get('pix'),
            'headers': case.get('headers', {}),
            'method': case.get('method', 'GET'),
        }

    try:
        notes = H.run_all(
            todo,
            profiles,
            cmd,
            src,
            result,
            workers=a.workers,
            logdir=a.logs,
            overrides=over,
            progress=(
                lambda n, k, rss: print(
                    '  %-18s %4d cases %6.1f s' % (n, k, time.time() - t0), file=sys.stderr, flush=True
                )
            )
            if sys.stderr.isatty()
            else None,
        )
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    hard = {k: v for k, v in results.items() if not v['soft']}
    areas = {}
    for v in hard.values():
        t = areas.setdefault(v['area'], [0, 0])
        t[0] += v['ok']
        t[1] += 1
    print('\n%-18s %s' % ('area', 'passed/total'))
    for n in sorted(areas):
        p, t = areas[n]
        print('%-18s %d/%d%s' % (n, p, t, '' if p == t else '   <--'))
    excused = set(differs)
    if a.like:
        with open(a.like) as fh:
            excused |= {k for k, v in json.load(fh)['results'].items() if not v['ok']}
    failed = [(k, v) for k, v in hard.items() if not v['ok'] and k not in excused]
    for k in sorted(k for k in hard if k in differs):
        print(
            '%s %s: %s'
            % ('passes although listed in differs.json:' if hard[k]['ok'] else 'differs on purpose:', k, differs[k])
        )
    if failed and a.show:
        print('\nfirst failures:')
        shown, per = 0, {}
        for k, v in failed:
            per[v['area']] = per.get(v['area'], 0) + 1
            if per[v['area']] > max(3, a.show // max(1, len({f['area'] for _, f in failed}))):
                continue
            print(
                '  %s [%s] %s %s %s'
                % (k, v['profile'], v['method'], v['path'][:150], json.dumps(v['headers']) if v['headers'] else '')
            )
            for r in v['reasons'][:4]:
                print('      ' + r)
            shown += 1
            if shown >= a.show:
                break
    soft = [k for k, v in results.items() if v['soft'] and not v['ok']]
    if soft:
        print('\nwatched only (not counted): %d differ: %s' % (len(soft), ', '.join(soft[:6])))
    for n in notes:
        print('note: ' + n)
    if a.json:
        with open(a.json, 'w') as fh:
            json.dump({'results': results, 'areas': areas, 'notes': notes, 'seconds': time.time() - t0}, fh, indent=1)
    for p in H.PROBLEMS:
        print('problem: ' + p)
    if a.write_floor:
        floor.update({n: p for n, (p, t) in areas.items() if p})
        with open(os.path.join(HERE, 'floor.json'), 'w') as fh:
            json.dump(floor, fh, indent=1, sort_keys=True)
            fh.write('\n')
    print('\n%.0f s' % (time.time() - t0))
    if a.floor:
        good, bad = judge_floor(floor, areas)
        print('%d passed, %d failed' % (good, bad + len(H.PROBLEMS)))
        return 1 if bad or H.PROBLEMS else 0
    print('%d passed, %d failed' % (sum(v['ok'] for v in hard.values()), len(failed) + len(H.PROBLEMS)))
    return 1 if failed or H.PROBLEMS else 0


def read_json(name):
    path = os.path.join(HERE, name)
    if not os.path.exists(path):
        return {}
    with open(path) as fh:
        return json.load(fh)


def exact_version():
    """Whether the libvips here is the one the answers were recorded with."""
    import pyvips

    return (pyvips.version(0), pyvips.version(1)) == (8, 14)


def judge_floor(floor, areas):
    """Areas at or above their floor, and those below it.

    The answers were recorded with libvips 8.14, where floors hold exactly. Other versions decode and
    resize a little differently: there an area may pass 3 % fewer of its cases. Where the reading side
    of this kit differs too (names of palette fields, text of EXIF fields, profiles of JPEG XL, blurs of
    librsvg), floor_newer.json holds what libvips 8.16 gave.
    """
    exact, good, bad = exact_version(), 0, 0
    newer = {} if exact else read_json('floor_newer.json')
    for name, (passed, total) in sorted(areas.items()):
        need = newer.get(name, floor.get(name, 0))
        if not exact:
            need -= math.ceil(total * 0.03)
        if passed < need:
            print('area %s fell back: %d passed, floor %d' % (name, passed, need))
            bad += 1
        else:
            good += 1
    return good, bad


if __name__ == '__main__':
    sys.exit(main())

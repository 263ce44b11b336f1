#!/usr/bin/env python3
"""Sends the same seeded requests to two servers and compares their answers.

    SERVER_CMD='build/imgring' python3 compare.py --other 'COMMAND' [--seed N] [--count N]

--other starts the reference, which reads the same IMGPROXY_* variables. Both run once per
configuration. A difference is made small (options left out one by one) and printed with its
request; one that a rule of compare_differs.json explains is counted as meant. Exit status 1 when
there are others.
"""

import argparse
import collections
import json
import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import draw
import harness as H
import more_sources

HERE = os.path.dirname(os.path.abspath(__file__))
SMALLER_PER_PROFILE = 12  # differences made small in one configuration: each takes up to a dozen requests

PATIENCE_S = 60  # for one request: the machine may be busy, and time is not what is compared


def send(port, case, env, srcdir):
    """The reply of one server; tokens of the path are filled as in the recorded cases."""
    path = case['path'].replace('{src}', H.SRC)
    while '{cut:' in path:  # base64 with a slash inside
        m = re.search(r'\{cut:([^{}]*)\}', path)
        text = H.b64u(m.group(1))
        at = len(text) // 2
        path = path.replace(m.group(0), text[:at] + '/' + text[at:], 1)
    keys = env['IMGPROXY_KEY'].count(',') + 1 if env.get('IMGPROXY_KEY') else 0
    path = re.sub(r'\{sig(\d?)\}', lambda m: m.group(0) if int(m.group(1) or 0) < keys else 'nokey', path)
    return H.request(port, 'GET', H.expand(path, env, srcdir), case['headers'], timeout=2 * PATIENCE_S)


def differences(got, want, case):
    """Reasons why two replies differ. Equal bytes are not decoded."""
    case = dict(case, area='negotiation')  # an area in which all headers are compared
    if got.body == want.body and not got.error and not want.error:
        case['body'] = 'none'
    try:
        a, a_thumb = H.record_of(got, case, None)
        b, b_thumb = H.record_of(want, case, None)
        return H.compare(b, a, b_thumb, a_thumb, case)
    except Exception as e:
        return ['comparison broke: %r' % e]


class Pair:
    """The server under test and the reference, in one configuration."""

    def __init__(self, name, env, ours, other, srcdir, logdir):
        self.env, self.srcdir, self.name = env, srcdir, name
        self.cmds = {'ours': ours, 'other': other}
        self.logdir = logdir
        self.servers = {}
        self.ports = H.Ports()

    def start(self):
        prefix = self.env.get('IMGPROXY_PATH_PREFIX', '').rstrip('/')
        for who, cmd in self.cmds.items():
            server = H.Server(
                cmd,
                self.env,
                self.ports.next(),
                prefix,
                os.path.join(self.logdir, '%s-%s.log' % (self.name, who)) if self.logdir else None,
            )
            self.servers[who] = server
            if not server.wait_ready():
                return who
        return None

    def stop(self):
        for server in self.servers.values():
            server.stop()

    def died(self):
        return [who for who, s in self.servers.items() if not s.alive()]

    def ask(self, case):
        """Reasons why the answers differ, and the reference's status."""
        got = send(self.servers['ours'].port, case, self.env, self.srcdir)
        want = send(self.servers['other'].port, case, self.env, self.srcdir)
        return differences(got, want, case), want.status


def kind_of(reasons):
    return re.sub(r"[\d.]+|'[^']*'", '#', reasons[0].split(':')[0])[:60] if reasons else ''


def smaller(pair, case, reasons):
    """Leaves out options while the answers still differ in the same way."""
    m = re.match(r'^(/[^/]*)((?:/[a-z_-]+:[^/]*)*)(/.*)$', case['path'])
    if not m:
        return case, reasons
    options = m.group(2).split('/')[1:]
    at = 0
    while at < len(options):
        left = options[:at] + options[at + 1 :]
        trial = dict(case, path=m.group(1) + ''.join('/' + o for o in left) + m.group(3))
        found, _ = pair.ask(trial)
        if found and kind_of(found) == kind_of(reasons):
            options, case, reasons = left, trial, found
        else:
            at += 1
    return case, reasons


def rule_for(rules, case, reasons):
    """The reason why this difference is meant, if every part of it is."""
    whole = '%s %s %s' % (case['profile'], case['path'], json.dumps(case['headers']))
    found = None
    for reason in reasons:
        hit = next((r for r in rules if re.search(r['request'], whole) and re.search(r['difference'], reason)), None)
        if hit is None:
            return None
        found = found or hit['why']
    return found


def run_profile(pair, todo, rules, workers, totals, report):
    failed = pair.start()
    if failed:
        totals['not started'][pair.name] += len(todo)
        print('note: %s: %s did not start' % (pair.name, failed), flush=True)
        pair.stop()
        return
    differing = []
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(todo), 24):
            part = todo[start : start + 24]
            for case, (reasons, status) in zip(part, pool.map(pair.ask, part)):
                totals['compared'][case['family']] += 1
                totals['status'][status] += 1
                if reasons:
                    differing.append((case, reasons))
            gone = pair.died()
            if gone:
                print('note: %s: %s ended among %s' % (pair.name, gone, [c['path'] for c in part]), flush=True)
                pair.stop()
                if pair.start():
                    break
    shown = collections.Counter()
    for case, reasons in differing:
        again, _ = pair.ask(case)  # once more: what does not repeat is told apart
        if not again:
            totals['not repeated'][case['family']] += 1
            report(dict(case, reasons=reasons, repeats=False))
            continue
        why = rule_for(rules, case, again)
        if not why and shown[kind_of(again)] < 4 and sum(shown.values()) < SMALLER_PER_PROFILE:
            shown[kind_of(again)] += 1
            case, again = smaller(pair, case, again)
            why = rule_for(rules, case, again)
        totals['meant' if why else 'differ'][case['family']] += 1
        if not why:
            print(
                '[%s] %s %s %s'
                % (pair.name, case['family'], case['path'], json.dumps(case['headers']) if case['headers'] else '')
            )
            for reason in again[:5]:
                print('      ' + reason)
            sys.stdout.flush()
        report(dict(case, reasons=again, why=why))
    pair.stop()


def main():
    ap = argparse.ArgumentParser(description='Compares two servers on seeded requests.')
    ap.add_argument('--other', required=True, help='command that starts the reference server')
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=1000, help='how many requests (default 1000)')
    ap.add_argument(
        '--family',
        action='append',
        help='only this family of requests: ' + ', '.join(sorted(set(draw.Drawer.FAMILIES))),
    )
    ap.add_argument('--profile', action='append', help='only requests of this configuration')
    ap.add_argument('--request', action='append', help='compare these paths instead of drawn ones (with --profile)')
    ap.add_argument('--workers', type=int, default=2)
    ap.add_argument('--no-more', action='store_true', help='only the pictures of the recorded cases')
    ap.add_argument('--sources', help='folder that keeps the pictures; drawn when it is empty')
    ap.add_argument('--logs', help='folder for the logs of both servers')
    ap.add_argument('--json', help='write every difference to this file, one a line')
    a = ap.parse_args()
    profiles, cases = draw.profiles()
    tmp = tempfile.mkdtemp(prefix='compare-')
    srcdir = a.sources or os.path.join(tmp, 'sources')
    os.makedirs(srcdir, exist_ok=True)
    if not os.listdir(srcdir):
        H.ensure_sources(srcdir, '')
        more_sources.write(srcdir)
    with open(os.path.join(HERE, 'sources.manifest.json')) as fh:
        recorded = {name.split('/')[0] for name in json.load(fh)}
    more = [] if a.no_more else sorted(set(os.listdir(srcdir)) - recorded)
    if a.logs:
        os.makedirs(a.logs, exist_ok=True)
    drawer = draw.Drawer(a.seed, cases, more)
    groups = collections.OrderedDict()
    seen, tries = set(), 0
    if a.request:
        for name in a.profile or ['default']:
            groups[name] = [{'family': 'given', 'profile': name, 'path': p, 'headers': {}} for p in a.request]
    while not a.request and len(seen) < a.count and tries < 50 * a.count:
        tries += 1
        case = drawer.draw(a.family)
        key = json.dumps([case['profile'], case['path'], case['headers']])
        if key in seen or a.profile and case['profile'] not in a.profile:
            continue
        seen.add(key)
        groups.setdefault(case['profile'], []).append(case)
    with open(os.path.join(HERE, 'compare_differs.json')) as fh:
        rules = json.load(fh)
    totals = collections.defaultdict(collections.Counter)
    out = open(a.json, 'w') if a.json else None

    def report(found):
        if out:
            out.write(json.dumps(found) + '\n')
            out.flush()

    base = {
        'IMGPROXY_LOCAL_FILESYSTEM_ROOT': srcdir,
        'IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES': 'true',
        'IMGPROXY_ENABLE_DEBUG_HEADERS': 'true',
        'IMGPROXY_TIMEOUT': str(PATIENCE_S),
        'IMGPROXY_DOWNLOAD_TIMEOUT': str(PATIENCE_S),
    }
    source_server = H.start_sources(srcdir)
    began = time.time()
    try:
        for name in sorted(groups):
            env = {
                **base,
                **{
                    k: v
                    for k, v in ((k, None if v is None else H.expand(v, {}, srcdir)) for k, v in profiles[name].items())
                },
            }
            pair = Pair(
                name,
                {k: v for k, v in env.items() if v is not None},
                os.environ.get('SERVER_CMD', 'build/imgring'),
                a.other,
                srcdir,
                a.logs,
            )
            run_profile(pair, groups[name], rules, a.workers, totals, report)
    finally:
        source_server.shutdown()
        source_server.server_close()
        shutil.rmtree(tmp, ignore_errors=True)
    print('\n%-28s %8s %8s %8s %s' % ('family', 'compared', 'differ', 'meant', 'not repeated'))
    for family in sorted(totals['compared']):
        print(
            '%-28s %8d %8d %8d %8d'
            % (family, *(totals[k][family] for k in ('compared', 'differ', 'meant', 'not repeated')))
        )
    print('statuses of the reference: %s' % dict(sorted(totals['status'].items(), key=str)))
    for p in H.PROBLEMS:
        print('problem: ' + p)
    print('%.0f s' % (time.time() - began))
    wrong = sum(totals['differ'].values())
    print('%d compared, %d differ, %d meant' % (sum(totals['compared'].values()), wrong, sum(totals['meant'].values())))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())

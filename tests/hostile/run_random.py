#!/usr/bin/env python3
"""Asks imgring for random pictures with random options, for minutes, and looks at what is left of it.

    python3 tests/hostile/run_random.py [--minutes M] [--seed N] [--replay N[-M]] [--keep DIR]

IMGRING names the program. Request N of a seed is the same in every run: a failure is named by its
number, and `--replay N` asks for that one again, `--replay N-M` for all of these. No answer may be
500, none may come later than a second after the timeout (a sanitizer's build gets more), a success
must be a whole picture; the server must live, and at the end hold nothing: no request, job, lease,
planned byte or connection, and no more memory than at rest. A sanitizer must have nothing to say.
The last line is `N passed, M failed`.
"""

import argparse
import concurrent.futures
import http.client
import itertools
import os
import re
import socket
import sys
import tempfile
import threading
import time

import random_pictures
import random_requests
import run_hostile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../real'))
import common  # noqa: E402

TIMEOUT_S, LATE_S = 10, 1.0  # the default: an overloaded machine must not look like a stuck helper
# Unoptimised, and every access is looked at: five to ten times the work. A server whose helpers are
# at pictures for twice the timeout ends itself, which would end the run.
SANITIZED_TIMEOUT_S, SANITIZED_LATE_S = 40, 10
CLIENTS = 4
REST_LIMIT_S = 30  # so long may the last job and two memory ticks take
REST_LIMIT_KB = 95 << 10  # the whole family, libraries that 30 minutes have touched included
SHOWN_MAX = 40

PRESETS = 'default=q:70,thumb=rs:fill:50:50/sh:0.5,small=w:30/pr:thumb,loud=bl:2/pix:4/wm:0.5:re:2:2:0.3'
NOTHING_LEFT = (
    'requests_in_progress',
    'images_in_progress',
    'connections',
    'jobs_waiting',
    'jobs_running',
    'planned_bytes',
    'download_bytes',
    'memory_waiting',
    'buffer_pool_in_use_bytes',
)


class Run:
    def __init__(self, server, requests, checks, sanitized):
        self.server, self.requests, self.checks = server, requests, checks
        self.limit_s = SANITIZED_TIMEOUT_S + SANITIZED_LATE_S if sanitized else TIMEOUT_S + LATE_S
        self.lock = threading.Lock()
        self.statuses, self.shown, self.asked, self.slowest = {}, 0, 0, (0.0, 0)
        self.running = {}

    def leave(self, request):
        """A client that goes before its answer comes."""
        with socket.create_connection(('127.0.0.1', self.server.port), 10) as client:
            client.sendall(('GET %s HTTP/1.1\r\nHost: h\r\n\r\n' % request.path).encode())
            client.settimeout(request.leaves_after_s + 0.001)
            try:
                client.recv(1)
            except TimeoutError:
                pass
        return 'left', 0.0, ''

    def ask(self, request):
        """(status, seconds, what is wrong)."""
        started = time.monotonic()
        try:
            if request.leaves_after_s is not None:
                return self.leave(request)
            answer = self.server.get(request.path, 60, **request.headers)
        except (OSError, http.client.HTTPException) as error:
            return 0, time.monotonic() - started, 'no answer: %r' % error
        took_s = time.monotonic() - started
        if took_s > self.limit_s:
            return answer.status, took_s, 'after %.1f s' % took_s
        if answer.status == 500 or not 200 <= answer.status < 600:
            return answer.status, took_s, 'status %r' % answer
        if answer.status < 300 and not answer.complete:
            return answer.status, took_s, 'cut off'
        if answer.status < 300 and not request.raw and not run_hostile.PICTURE.match(answer.body):
            return answer.status, took_s, 'no picture: %r' % answer.body[:20]
        return answer.status, took_s, ''

    def one(self, number):
        request = self.requests.number(number)
        with self.lock:
            self.running[number] = request
        status, took_s, problem = self.ask(request)
        with self.lock:
            # What was asked when the server died is what to look at.
            if self.server.running():
                self.running.pop(number)
            self.asked += 1
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.slowest = max(self.slowest, (took_s, number))
            if problem:
                self.tell(request, problem)
            else:
                self.checks.passed += 1

    def tell(self, request, problem):
        self.shown += 1
        if self.shown <= SHOWN_MAX:
            self.checks.that(
                '%d:%d %s %s' % (self.requests.seed, request.number, request.path[:600], request.headers),
                False,
                problem,
            )
        else:
            self.checks.failed += 1

    def all(self, numbers, end):
        """Each client takes the next number until the time is over or the server is gone."""

        def client():
            while time.monotonic() < end and self.server.running():
                with self.lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self.one(number)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(client) for _ in range(CLIENTS)]:
                done.result()

    def told(self):
        print(
            'asked %d times, slowest %.1f s (number %d); answers: %s'
            % (
                self.asked,
                *self.slowest,
                ', '.join('%d of %s' % (n, s) for s, n in sorted(self.statuses.items(), key=str)),
            )
        )
        for number, request in self.running.items():
            print('was running: %d:%d %s' % (self.requests.seed, number, request.path[:600]))


def gauges(port):
    """Sums of the metrics that must be 0 at rest; None when nobody answers."""
    try:
        text = common.get(port, '/metrics', 10).text()
    except (OSError, http.client.HTTPException):
        return None
    return {
        name: sum(float(value) for value in re.findall(r'^%s(?:\{.*\})? (\S+)$' % name, text, re.M))
        for name in NOTHING_LEFT
    }


def check_rest(checks, server, metrics_port, sanitized):
    quiet = common.wait_for(lambda: not any((gauges(metrics_port) or {'dead': 1}).values()), REST_LIMIT_S)
    checks.that('nothing is left', quiet, gauges(metrics_port))
    if not sanitized:
        common.wait_for(lambda: run_hostile.resident_kb(server.pid) < REST_LIMIT_KB, REST_LIMIT_S)
        rest_kb = run_hostile.resident_kb(server.pid)
        checks.that(
            'at rest below %d MB' % (REST_LIMIT_KB >> 10), 0 < rest_kb < REST_LIMIT_KB, '%d MB' % (rest_kb >> 10)
        )


def numbers_of(text):
    """Endless without --replay."""
    if not text:
        return itertools.count()
    first, _, last = text.partition('-')
    return iter(range(int(first), int(last or first) + 1))


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description='Asks imgring for random pictures with random options.')
    parser.add_argument('--minutes', type=float, default=5)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--replay', default='', help='numbers of requests: N or N-M')
    parser.add_argument('--keep', help='a folder for the pictures and the log')
    return parser.parse_args(arguments)


def main(options):
    checks = common.Checks()
    sanitized = 'asan' in common.program_path()
    timeout_s = SANITIZED_TIMEOUT_S if sanitized else TIMEOUT_S
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        pictures = os.path.join(folder, 'pictures')
        requests = random_requests.Requests(options.seed, random_pictures.write(pictures, options.seed))
        metrics_port = common.free_port()
        server = common.Imgring(
            folder,
            IMGPROXY_LOCAL_FILESYSTEM_ROOT=pictures,
            IMGPROXY_TIMEOUT=str(timeout_s),
            IMGPROXY_WORKERS='2',
            IMGPROXY_ALLOW_SECURITY_OPTIONS='true',
            IMGPROXY_PRESETS=PRESETS,
            IMGPROXY_AUTO_WEBP='true',
            IMGPROXY_ENABLE_CLIENT_HINTS='true',
            IMGPROXY_FREE_MEMORY_INTERVAL='2',
            IMGPROXY_LOG_LEVEL='warn',
            IMGPROXY_WATERMARK_PATH=os.path.join(pictures, 'random/valid.png'),
            IMGPROXY_PROMETHEUS_BIND='127.0.0.1:%d' % metrics_port,
        )
        with server:
            run = Run(server, requests, checks, sanitized)
            numbers = numbers_of(options.replay)
            run.all(numbers, time.monotonic() + options.minutes * 60)
            run.told()
            if options.replay:
                left = sum(1 for _ in numbers)
                checks.that('all of them were asked', left == 0, '%d were not, in %g minutes' % (left, options.minutes))
            if checks.that('the server lives', server.running()):
                check_rest(checks, server, metrics_port, sanitized)
            checks.same('it ends as it is asked', server.stop(), 0)
        found = [line for line in server.log_text().splitlines() if run_hostile.SANITIZER.search(line)]
        checks.that('nothing of a sanitizer in the log', not found, ' | '.join(found[:5]))
        if checks.failed and options.keep is None:
            print(server.log_text()[-3000:])
    return checks.end()


if __name__ == '__main__':
    sys.exit(main(parsed()))

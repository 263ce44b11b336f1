#!/usr/bin/env python3
"""Minutes of mixed load with a tenth of it broken, and a look at what grows.

    tools/soak [--minutes N] [--seed N] [--server COMMAND]

Eight clients ask for the pictures of mixed_load.py in every format and, for one request in ten, for
something broken: hostile pictures (tests/hostile), bodies cut short, missing files, sources that
stall or drip, or they leave before the answer. Everything is drawn by --seed. What must hold:

  answers      good pictures 200 and an image; broken ones 4xx (504 for a source that stalls; an
               image where a hostile file has one); a slow source still 200
  memory       no slope in RssAnon after the first three minutes beyond noise
  descriptors  as many at rest afterwards as at rest after the warm-up
  gauges       no request, image, job or pooled byte in use at the end
  SIGTERM      under load: status 0

Noise of memory: a job holds up to tens of megabytes for a moment, so a line through all samples
would follow the luck of the draw. The line goes through the least value of each 20 seconds: two
release ticks, and hardly two windows share a job. It counts as a slope when it is over three times
its own standard error (one run in a thousand by chance) and adds over 3 MB by the end of the run:
a helper's heap and a learned buffer come in pieces of that size, once and not again.
"""

import argparse
import collections
import http.client
import math
import os
import random
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request

import mixed_load
import run_bench as bench

sys.path.insert(0, os.path.join(bench.ROOT, 'tests/hostile'))
import make_hostile  # noqa: E402
import run_hostile  # noqa: E402

CLIENTS, BROKEN_SHARE = 8, 0.1
SETTLE_S = 26  # two and a half intervals of the memory keeper
WARM_UP_S, SKIPPED_S, WINDOW_S = 20, 180, 20
ERRORS_MAX, GROWTH_MB_MAX = 3, 3.0
DOWNLOAD_TIMEOUT_S = 2
# On a machine that others keep busy an ordinary limit measures the others: with 60 s and a load of
# 40 on two cores, 2 of 3800 requests ended at it.
TIMEOUT_S = 300
GRACE_S = 120  # for requests that run at SIGTERM, for the same reason
SETTINGS = {
    'IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT': '2',
    'IMGPROXY_REQUESTS_QUEUE_SIZE': '0',
    'IMGPROXY_TIMEOUT': str(TIMEOUT_S),
    'IMGPROXY_DOWNLOAD_TIMEOUT': str(DOWNLOAD_TIMEOUT_S),
    'IMGPROXY_GRACEFUL_STOP_TIMEOUT': str(GRACE_S),
}
GAUGES = ('requests_in_progress', 'images_in_progress', 'jobs_waiting', 'jobs_running', 'buffer_pool_in_use_bytes')
GOOD_BODY = mixed_load.small_png(64)


class BadSource(threading.Thread):
    """Answers by the path: /cut, /missing, /stall, /drip. One thread a connection, each short."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.origin = 'http://127.0.0.1:%d/' % self.listener.getsockname()[1]

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                self.answer(client, client.recv(65536))
            except OSError:
                pass

    def answer(self, client, head):
        path = head.split(b' ')[1].split(b'?')[0]
        if path == b'/missing':
            client.sendall(b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
            return
        if path == b'/stall':
            client.settimeout(DOWNLOAD_TIMEOUT_S * 4)
            client.recv(1)  # until the other side has had enough
            return
        client.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\nConnection: close\r\n\r\n'
            % len(GOOD_BODY)
        )
        if path == b'/cut':
            client.sendall(GOOD_BODY[: len(GOOD_BODY) // 2])
            return
        for at in range(0, len(GOOD_BODY), 512):  # drips for half of the time it has
            time.sleep(DOWNLOAD_TIMEOUT_S / 2 / (len(GOOD_BODY) / 512 + 1))
            client.sendall(GOOD_BODY[at : at + 512])


class Score:
    """What was asked and answered; shared by the clients."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers, self.wrong = collections.Counter(), []

    def add(self, kind, status, wrong=''):
        with self.lock:
            self.answers[kind, status] += 1
            if wrong:
                self.wrong.append('%s: %s' % (kind, wrong))


class Client(threading.Thread):
    """Asks one request after the other over one connection until it is told to end."""

    BROKEN = ('hostile', 'cut', 'missing', 'stall', 'drip', 'leave')
    WANTED = {
        'good': {200},
        'drip': {200},
        'cut': set(range(400, 500)),
        'missing': {404},
        'stall': {504},
        'hostile': {200, *range(400, 500)},
    }

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world, self.drawn = world, random.Random(world.seed * 1000 + number)
        self.requests = mixed_load.requests(world.seed * 1000 + number, 2200)
        self.connection, self.sent = None, 0

    def path(self, kind):
        if kind == 'hostile':
            source = self.world.hostile_origin + self.drawn.choice(self.world.hostile)
            return bench.path_of(self.world.program, source, 64, 0, self.drawn.choice(('jpg', 'png', 'webp')))
        if kind in ('good', 'leave'):
            request = self.requests[self.sent % len(self.requests)]
            return mixed_load.path_of(self.world.program, self.world.origin, request)
        return bench.path_of(self.world.program, self.world.bad.origin + kind, 50, 0, 'jpg')

    def run(self):
        while not self.world.ended.is_set():
            kind = self.drawn.choice(self.BROKEN) if self.drawn.random() < BROKEN_SHARE else 'good'
            self.sent += 1
            try:
                if kind == 'leave':
                    self.leave(self.path(kind))
                else:
                    self.ask(kind, self.path(kind))
            except (OSError, http.client.HTTPException) as error:
                self.connection = None
                self.world.score.add(kind, 0, 'no answer: %r' % error)

    def ask(self, kind, path):
        if self.connection is None:
            self.connection = http.client.HTTPConnection('127.0.0.1', self.world.program.port, timeout=TIMEOUT_S + 10)
        self.connection.request('GET', '/' + path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self.connection.close()
            self.connection = None
        wrong = ''
        if answer.status not in self.WANTED[kind]:
            wrong = '%d %r for %s' % (answer.status, body[:80], path)
        elif answer.status == 200 and not (body and answer.getheader('Content-Type', '').startswith('image/')):
            wrong = 'no image: %r for %s' % (body[:80], path)
        self.world.score.add(kind, answer.status, wrong)

    def leave(self, path):
        with socket.create_connection(('127.0.0.1', self.world.program.port), 5) as client:
            client.sendall(b'GET /%s HTTP/1.1\r\nHost: soak\r\n\r\n' % path.encode())
            time.sleep(self.drawn.uniform(0, 0.08))
        self.world.score.add('leave', 0)


class World:
    """The server, its sources, and the clients of one phase."""

    def __init__(self, options, folder):
        self.seed, self.folder = options.seed, folder
        self.metrics_port = free_port()
        settings = {**SETTINGS, 'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:%d' % self.metrics_port}
        self.program = bench.Program('imgring', options.server, bench.OWN_TEMPLATE, settings)
        hostile_folder = os.path.join(folder, 'hostile')
        names = make_hostile.write(hostile_folder, options.seed)
        self.hostile = [
            name for name in names if not run_hostile.SLOW_ON_PURPOSE.search(name) and re.fullmatch(r'[\w.-]+', name)
        ]
        self.bad = BadSource()
        self.bad.start()
        self.started = []
        good, self.origin = bench.start_sources(folder, mixed_load.FOLDER)
        self.started.append(good)
        os.unlink(os.path.join(folder, 'source_port'))
        hostile, self.hostile_origin = bench.start_sources(folder, hostile_folder)
        self.started.append(hostile)
        self.score, self.ended, self.clients = Score(), threading.Event(), []

    def load(self):
        self.ended.clear()
        self.clients = [Client(self, number) for number in range(CLIENTS)]
        for client in self.clients:
            client.start()

    def rest(self):
        """Ends the load; what the process holds once its memory keeper has been round."""
        self.ended.set()
        for client in self.clients:
            client.join()
            if client.connection:
                client.connection.close()
        time.sleep(SETTLE_S)
        pid = self.program.process.pid
        return {'descriptors': len(os.listdir('/proc/%d/fd' % pid)), 'RssAnon MB': bench.memory_mb(pid)[1]}

    def close(self):
        self.ended.set()
        if self.program.process and self.program.process.poll() is None:
            self.program.stop()
        for process in self.started:
            process.terminate()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def gauges(port):
    with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % port, timeout=10) as answer:
        lines = answer.read().decode().split('\n')
    return [line for line in lines if re.split(r'[{ ]', line)[0] in GAUGES]


def watched(world, minutes):
    """Loads for so long; (second, RssAnon MB) and the number of descriptors, once a second."""
    pid, began, samples, descriptors = world.program.process.pid, time.monotonic(), [], []
    world.load()
    said = 0
    while time.monotonic() - began < minutes * 60 and world.program.process.poll() is None:
        time.sleep(1)
        now = time.monotonic() - began
        samples.append((now, bench.memory_mb(pid)[1]))
        descriptors.append(len(os.listdir('/proc/%d/fd' % pid)))
        if now // 60 > said:
            said = now // 60
            last = [mb for at, mb in samples if at > now - 60]
            print(
                'minute %2d: RssAnon %.1f to %.1f MB, at most %d descriptors, %d requests, %d wrong'
                % (
                    said,
                    min(last),
                    max(last),
                    max(descriptors[-60:]),
                    sum(world.score.answers.values()),
                    len(world.score.wrong),
                ),
                flush=True,
            )
    return samples, descriptors


def slope_of(samples):
    """Least value of each window after the skipped time: slope and its standard error (MB/s), span (s)."""
    windows = {}
    for at, mb in samples:
        if at >= SKIPPED_S:
            windows[at // WINDOW_S] = min(mb, windows.get(at // WINDOW_S, mb))
    points = sorted((key * WINDOW_S, mb) for key, mb in windows.items())
    if len(points) < 3:
        return None
    mean_t = sum(t for t, _ in points) / len(points)
    mean_mb = sum(mb for _, mb in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (mb - mean_mb) for t, mb in points) / spread
    left = sum((mb - mean_mb - slope * (t - mean_t)) ** 2 for t, mb in points)
    return slope, math.sqrt(left / (len(points) - 2) / spread), points[-1][0] - points[0][0]


def check_slope(samples):
    found = slope_of(samples)
    if found is None:
        print('too short for a slope: the first %d s do not count' % SKIPPED_S)
        return []
    slope, error, span = found
    print(
        'RssAnon after the first %d s: slope %+.2f MB an hour, standard error %.2f; %+.2f MB in this run'
        % (SKIPPED_S, slope * 3600, error * 3600, slope * span)
    )
    grows = slope > ERRORS_MAX * error and slope * span > GROWTH_MB_MAX
    return ['RssAnon grows'] if grows else []


def terminate_under_load(world):
    kept, world.score = world.score, Score()
    world.load()
    time.sleep(2)
    started = time.monotonic()
    status = world.program.stop(GRACE_S + 10)
    took = time.monotonic() - started
    world.ended.set()
    for client in world.clients:
        client.join()
    print('SIGTERM under load: status %s after %.2f s' % (status, took))
    # Connections are refused and idle ones closed from here on: only an answer can be wrong.
    wrong = [line for line in world.score.wrong if 'no answer' not in line]
    world.score = kept
    return wrong if status == 0 else [*wrong, 'status %s after SIGTERM' % status]


def soak(world, options):
    world.program.start()
    world.load()
    time.sleep(WARM_UP_S)
    before = world.rest()
    samples, descriptors = watched(world, options.minutes)
    if world.program.process.poll() is not None:
        return ['the server ended with status %s' % world.program.process.returncode]
    after = world.rest()
    wrong = check_slope(samples)
    print('at rest before %s, after %s; at most %d descriptors under load' % (before, after, max(descriptors)))
    if after['descriptors'] > before['descriptors']:
        wrong.append('descriptors left')
    wrong += ['gauge not zero: ' + line for line in gauges(world.metrics_port) if float(line.rsplit(' ', 1)[1]) != 0]
    wrong += terminate_under_load(world)
    for (kind, status), count in sorted(world.score.answers.items()):
        print('%-8s %3s: %d' % (kind, status or '-', count))
    return wrong + world.score.wrong[:20]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=20)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--server', default='build/imgring')
    options = parser.parse_args()
    os.chdir(bench.ROOT)
    mixed_load.make_sources()
    with tempfile.TemporaryDirectory() as folder:
        world = World(options, folder)
        try:
            wrong = soak(world, options)
        finally:
            world.close()
    for line in wrong:
        print('FAILED ' + line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())

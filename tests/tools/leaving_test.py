#!/usr/bin/env python3
"""Leaving gently, against the real program: endpoints that lag behind /ready, sockets that are handed
over from one process to the next, restarts under load. No request may fail.

    python3 tests/tools/leaving_test.py     IMGRING names the program; without it: build/imgring

IMGRING_LAG_S: by how many seconds endpoints lag, 2 without it; ./tools/test-long has them lag by 5.
"""

import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
PATIENCE_S = 60
LAG_S = float(os.environ.get('IMGRING_LAG_S', '2'))
ACTIVATE = shutil.which('systemd-socket-activate')


class Server:
    """One process; `sockets`: handed over as whoever starts services does."""

    def __init__(self, folder, environment=None, sockets=(), names=''):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.port_file = os.path.join(self.folder, 'port')
        self.log_path = os.path.join(self.folder, 'log')
        variables = {
            'PATH': os.environ['PATH'],
            'IMGPROXY_BIND': '127.0.0.1:0',
            'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder,
            'IMGPROXY_LOG_FORMAT': 'structured',
            'IMGPROXY_LOG_LEVEL': 'info',
            'IMGRING_LOOPS': '2',
            'IMGRING_PORT_FILE': self.port_file,
            **(environment or {}),
        }
        command = [PROGRAM]
        # Above those that they become.
        high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in sockets]
        if sockets:
            # LISTEN_PID is the program's own, which a shell knows before it becomes it.
            moves = ' '.join('%d<&%d' % (3 + i, one) for i, one in enumerate(high))
            script = 'LISTEN_PID=$$ LISTEN_FDS=%d LISTEN_FDNAMES=%s exec "$0" %s' % (len(sockets), names, moves)
            command = ['bash', '-c', script, PROGRAM]
        with open(self.log_path, 'w') as log:
            self.process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, pass_fds=high)
        for one in high:
            os.close(one)
        end = time.monotonic() + PATIENCE_S
        while not os.path.exists(self.port_file) and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        self.port = 0
        if os.path.exists(self.port_file):
            with open(self.port_file) as file:
                self.port = int(file.read())

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def leave(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        return self.process.wait(PATIENCE_S)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def ask(port, target, connection=None):
    """(status, body, whether the server ends the connection)."""
    client = connection or http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    client.request('GET', target)
    answer = client.getresponse()
    out = (answer.status, answer.read(), answer.getheader('Connection') == 'close')
    if connection is None:
        client.close()
    return out


class Load:
    """Clients that ask for pictures until they are told to end; `port()` says whom."""

    def __init__(self, port, threads, keep):
        self.port, self.keep = port, keep
        self.good, self.failed = 0, []
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = None
        while not self.over.is_set():
            port = self.port()
            if port is None:
                time.sleep(0.01)
                continue
            try:
                if client is None:
                    client = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
                status, body, ends = ask(port, TARGET, client)
                problem = None if status == 200 and body[:4] == b'\x89PNG' else 'status %d' % status
            except (OSError, http.client.HTTPException) as error:
                problem, ends = repr(error), True
            with self.lock:
                if problem:
                    self.failed.append(problem)
                else:
                    self.good += 1
            if ends or not self.keep:
                client.close()
                client = None
        if client is not None:
            client.close()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


TARGET = '/unsafe/w:20/plain/local:///lake.png'


class Case(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        sample = os.path.join(ROOT, 'tools/pictures/make-sample')
        subprocess.run([sample, self.folder + '/lake.png', '60', '40'], check=True)

    def server(self, environment=None, sockets=(), names=''):
        one = Server(self.folder, environment, sockets, names)
        self.addCleanup(one.end)
        self.assertIsNone(one.process.poll(), one.log())
        return one


class Draining(Case):
    def test_ready_says_no_while_everything_is_served(self):
        server = self.server({'IMGRING_DRAIN_DELAY': '2'})
        kept = http.client.HTTPConnection('127.0.0.1', server.port, timeout=20)
        self.assertEqual(ask(server.port, TARGET, kept)[2], False)
        self.assertEqual(ask(server.port, '/ready')[0], 200)
        before = time.monotonic()
        server.leave()
        while ask(server.port, '/ready')[0] == 200 and time.monotonic() < before + 1.5:
            time.sleep(0.01)
        self.assertEqual(ask(server.port, '/ready')[:2], (503, b'the server is draining'))
        self.assertEqual(ask(server.port, '/health')[0], 200)
        status, _, ends = ask(server.port, TARGET)
        self.assertEqual((status, ends), (200, True))
        status, _, ends = ask(server.port, TARGET, kept)  # a connection that was there before
        self.assertEqual((status, ends), (200, True))
        self.assertEqual(server.wait(), 0)
        self.assertGreater(time.monotonic() - before, 1.9)
        self.assertIn('Leaving: /ready says 503, requests are served for 2 s more', server.log())

    def test_without_a_delay_it_stops_at_once(self):
        server = self.server()
        before = time.monotonic()
        server.leave()
        self.assertEqual(server.wait(), 0)
        self.assertLess(time.monotonic() - before, 5)
        self.assertNotIn('Leaving', server.log())

    def test_a_second_signal_ends_the_delay(self):
        server = self.server({'IMGRING_DRAIN_DELAY': '600'})
        server.leave()
        while 'Leaving' not in server.log():
            time.sleep(0.01)
        server.leave()
        self.assertEqual(server.wait(), 0)

    def test_a_rolling_restart_behind_endpoints_that_lag(self):
        """Two replaced one by one; who sends looks at /ready twice a second and learns of it late."""
        lag, delay = LAG_S, '%d' % (LAG_S + 3)
        servers = [self.server({'IMGRING_DRAIN_DELAY': delay}) for _ in range(2)]
        known = [one.port for one in servers]
        turn = [0]

        def pick():
            turn[0] += 1
            ports = list(known)
            return ports[turn[0] % len(ports)] if ports else None

        load = Load(pick, 4, keep=True)
        try:
            for place in range(2):
                time.sleep(0.5)
                fresh = self.server({'IMGRING_DRAIN_DELAY': delay})
                known.append(fresh.port)
                old = servers[place]
                old.leave()
                while ask(old.port, '/ready')[0] == 200:
                    time.sleep(0.5)
                time.sleep(lag)
                self.assertIsNone(old.process.poll(), 'gone while it was sent requests')
                known.remove(old.port)
                self.assertEqual(old.wait(), 0, old.log())
                servers.append(fresh)
        finally:
            load.end()
        self.assertEqual(load.failed, [])
        self.assertGreater(load.good, 100)
        print('endpoints lagged by %g s: %d requests, none failed' % (lag, load.good))


class HandedOver(Case):
    def listener(self):
        one = socket.create_server(('127.0.0.1', 0), backlog=1024)
        self.addCleanup(one.close)
        return one

    def restarts(self, keep):
        """Restarts on one socket under load, as an upgrade of the package makes them."""
        shared = self.listener()
        port = shared.getsockname()[1]
        server = self.server(sockets=[shared])
        load = Load(lambda: port, 6, keep)
        try:
            for _ in range(4):
                time.sleep(0.4)
                server.leave()
                self.assertEqual(server.wait(), 0, server.log())
                server = self.server(sockets=[shared])
        finally:
            load.end()
        self.assertEqual(load.failed, [])
        self.assertGreater(load.good, 100)

    def test_restarts_lose_no_request_of_kept_connections(self):
        self.restarts(keep=True)

    def test_restarts_lose_no_request_of_new_connections(self):
        self.restarts(keep=False)

    def test_restarts_under_wrk(self):
        if shutil.which('wrk') is None:
            self.skipTest('wrk is not here')
        shared = self.listener()
        port = shared.getsockname()[1]
        server = self.server(sockets=[shared])
        url = 'http://127.0.0.1:%d%s' % (port, TARGET)
        wrk = subprocess.Popen(['wrk', '-t1', '-c16', '-d4s', url], stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            time.sleep(1)
            server.leave()
            self.assertEqual(server.wait(), 0, server.log())
            server = self.server(sockets=[shared])
        said = wrk.communicate()[0]
        self.assertNotIn('Socket errors', said)
        self.assertNotIn('Non-2xx', said)

    def test_two_signals_at_once(self):
        # Both may reach a loop in one turn: whoever leaves its socket then stops, too.
        for _ in range(10):
            server = self.server(sockets=[self.listener()])
            self.assertEqual(ask(server.port, '/health')[0], 200)
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.wait(), 0, server.log())

    def test_nobody_waits_for_a_delay_where_nobody_is(self):
        shared = self.listener()
        server = self.server({'IMGRING_DRAIN_DELAY': '600'}, sockets=[shared])
        server.leave()
        self.assertEqual(server.wait(), 0, server.log())

    def test_the_file_of_a_unix_socket_is_removed_by_its_owner_alone(self):
        path = os.path.join(self.folder, 'socket')
        settings = {'IMGPROXY_NETWORK': 'unix', 'IMGPROXY_BIND': path}
        old = self.server(settings)
        os.unlink(path)  # somebody makes room for the next one
        new = self.server(settings)
        number = os.stat(path).st_ino
        old.leave()
        self.assertEqual(old.wait(), 0, old.log())
        self.assertEqual(os.stat(path).st_ino, number)
        new.leave()
        self.assertEqual(new.wait(), 0, new.log())
        self.assertFalse(os.path.exists(path))

    def test_the_address_and_the_metrics(self):
        main, metrics = self.listener(), self.listener()
        server = self.server({'IMGPROXY_BIND': '127.0.0.1:1'}, [main, metrics], 'http:metrics')
        self.assertEqual(server.port, main.getsockname()[1])
        self.assertEqual(ask(server.port, TARGET)[0], 200)
        page = ask(metrics.getsockname()[1], '/')[1].decode()
        self.assertIn('\nimgring_build_info{version="', page)
        server.leave()
        self.assertEqual(server.wait(), 0)
        self.assertIn('listens on 127.0.0.1:%d (handed over)' % server.port, server.log())
        # Theirs who gave it: it listens on.
        with socket.create_connection(main.getsockname(), 5):
            pass

    def test_what_is_no_listener_is_a_bad_configuration(self):
        one, other = socket.socketpair()
        server = Server(self.folder, sockets=[one])
        self.assertEqual(server.wait(), 78)
        self.assertIn('no stream socket that listens; give it by ListenStream=', server.log())
        two = Server(self.folder, sockets=[self.listener(), self.listener()], names='a:b')
        self.assertEqual(two.wait(), 78)
        self.assertIn('two sockets for clients', two.log())
        one.close()
        other.close()

    def test_another_processes_sockets_are_not_ours(self):
        server = self.server({'LISTEN_PID': '1', 'LISTEN_FDS': '1'})
        self.assertEqual(ask(server.port, '/health')[0], 200)

    def test_started_by_systemds_own_tool(self):
        if ACTIVATE is None:
            self.skipTest('systemd-socket-activate is not here')
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        settings = {'PATH': os.environ['PATH'], 'IMGPROXY_LOCAL_FILESYSTEM_ROOT': self.folder}
        tool = subprocess.Popen(
            [ACTIVATE, '-l', '127.0.0.1:%d' % port] + ['--setenv=%s=%s' % one for one in settings.items()] + [PROGRAM],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + PATIENCE_S
            status = 0
            while status != 200 and time.monotonic() < end:
                try:
                    status = ask(port, TARGET)[0]  # the first one starts the program
                except OSError:
                    time.sleep(0.05)
            self.assertEqual(status, 200)
            tool.send_signal(signal.SIGTERM)
            self.assertEqual(tool.wait(PATIENCE_S), 0)
        finally:
            if tool.poll() is None:
                tool.kill()
                tool.wait()


if __name__ == '__main__':
    sys.exit(unittest.main())

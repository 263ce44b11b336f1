#!/usr/bin/env python3
"""Tests the load driver against a small server whose answers are known.

python3 tests/bench/load_driver_test.py PROGRAM
"""

import collections
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM = ''
ANSWERS = {
    '/good': b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n' + b'x' * 100000,
    '/empty': b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    '/refused': b'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nRetry-After: 1\r\n\r\nbusy',
    '/closes': b'HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    '/unsized': b'HTTP/1.0 200 OK\r\n\r\nuntil the end',
    '/broken': b'this is no response\r\n\r\n',
    '/cut': b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
}
ENDS = ('/closes', '/unsized', '/broken', '/cut')


class Server:
    """One thread a connection; '/silent' is never answered."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.requests, self.connections, self.peers = collections.Counter(), 0, set()
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, peer = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.peers.add(peer[0])
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                text = b''
                while True:
                    while b'\r\n\r\n' not in text:
                        got = client.recv(65536)
                        if not got:
                            return
                        text += got
                    head, text = text.split(b'\r\n\r\n', 1)
                    path = head.split(b' ')[1].decode()
                    with self.lock:
                        self.requests[path] += 1
                    if path == '/silent':
                        continue
                    client.sendall(ANSWERS[path])
                    if path in ENDS or b'Connection: close' in head:
                        return
            except OSError:
                pass

    def close(self):
        self.listener.close()


def drive(paths, **settings):
    server = Server()
    with tempfile.NamedTemporaryFile('w', suffix='.paths') as file:
        file.writelines(path + '\n' for path in paths)
        file.flush()
        words = ['%s=%s' % pair for pair in {'warm': 0.1, 'seconds': 0.6, **settings}.items()]
        done = subprocess.run(
            [PROGRAM, str(server.port), file.name, *words], capture_output=True, text=True, timeout=60
        )
    server.close()
    lines = done.stdout.split('\n')
    if done.returncode or lines[:2] != ['begin', 'end']:
        raise AssertionError('status %d: %s %s' % (done.returncode, done.stdout, done.stderr))
    return json.loads(lines[2]), server


class OpenLoop(unittest.TestCase):
    def test_the_schedule_does_not_wait_for_answers(self):
        row, server = drive(['/silent'], rate=200, seconds=1, sockets=500)
        self.assertAlmostEqual(row['offered'] / row['seconds'], 200, delta=20)
        self.assertEqual(row['statuses'], {})
        self.assertEqual(row['held'], 0)
        # All are waiting, each on a connection of its own; the age of each stands in "all".
        self.assertEqual(row['unanswered'], row['all']['count'])
        self.assertGreaterEqual(row['unanswered'], row['offered'])
        self.assertGreaterEqual(row['all']['max_ms'], 1000)

    def test_what_finds_no_socket_is_held_and_counted(self):
        row, server = drive(['/silent'], rate=200, sockets=7, warm=0.3)
        self.assertEqual(row['sockets'], 7)
        self.assertEqual(row['held'], row['offered'])
        self.assertEqual(row['unanswered'], 7)
        self.assertEqual(server.requests['/silent'], 7)

    def test_kept_connections_are_used_again(self):
        row, server = drive(['/good'], rate=50, sockets=100)
        self.assertGreater(row['good']['count'], 0)
        self.assertLess(server.connections, server.requests['/good'])
        self.assertEqual(server.peers, {'127.0.0.1'})

    def test_fresh_takes_a_connection_for_each_from_many_addresses(self):
        row, server = drive(['/empty'], rate=50, sockets=100, fresh=1)
        self.assertGreater(row['good']['count'], 0)
        self.assertGreaterEqual(server.connections, server.requests['/empty'])
        self.assertGreater(len(server.peers), 10)

    def test_a_burst_comes_first(self):
        _, server = drive(['/silent'], rate=0.001, burst=40, sockets=100)
        self.assertEqual(server.requests['/silent'], 41)  # and the first of the schedule


class ClosedLoop(unittest.TestCase):
    def test_each_connection_asks_again_when_answered(self):
        row, server = drive(['/empty'], rate=0, sockets=5)
        self.assertEqual(server.connections, 5)
        self.assertGreater(row['good']['count'], 50)

    def test_it_comes_back_when_the_server_closes(self):
        row, server = drive(['/closes'], rate=0, sockets=3)
        self.assertGreater(row['statuses']['429'], 3)
        self.assertEqual(row['broken'], 0)

    def test_no_more_requests_than_asked_for(self):
        _, server = drive(['/empty'], rate=0, sockets=4, count=25)
        self.assertEqual(server.requests['/empty'], 25)


class Answers(unittest.TestCase):
    def count(self, path, **settings):
        return drive([path], rate=0, sockets=1, **settings)[0]

    def test_good_and_refused_are_told_apart(self):
        row, server = drive(['/good', '/refused', '/empty'], rate=0, sockets=2)
        self.assertEqual(set(row['statuses']), {'200', '503'})
        self.assertEqual(row['good']['count'], row['statuses']['200'])
        self.assertEqual(row['refused']['count'], row['statuses']['503'])
        self.assertEqual(row['broken'], 0)

    def test_a_body_without_a_size_ends_with_the_connection(self):
        row = self.count('/unsized')
        self.assertGreater(row['good']['count'], 0)
        self.assertEqual(row['broken'], 0)

    def test_what_is_no_answer_is_broken(self):
        for path in ('/broken', '/cut'):
            row = self.count(path)
            self.assertGreater(row['broken'], 0, path)
            self.assertEqual(row['statuses'], {}, path)


class Nobody(unittest.TestCase):
    def test_a_server_that_is_not_there_ends_nothing_early(self):
        with socket.create_server(('127.0.0.1', 0)) as probe:
            port = probe.getsockname()[1]
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('/good\n')
            file.flush()
            for rate in (0, 100):
                done = subprocess.run(
                    [PROGRAM, str(port), file.name, 'rate=%d' % rate, 'sockets=3', 'warm=0.1', 'seconds=0.5'],
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                row = json.loads(done.stdout.split('\n')[2])
                self.assertGreater(row['broken'], 0)
                self.assertEqual(row['statuses'], {})


class Arguments(unittest.TestCase):
    def test_wrong_ones_are_told(self):
        for words in ([], ['1'], ['1', os.devnull], ['1', os.devnull, 'speed=9']):
            done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, words)
            self.assertTrue(done.stderr)


if __name__ == '__main__':
    PROGRAM = os.path.abspath(sys.argv.pop())
    unittest.main()

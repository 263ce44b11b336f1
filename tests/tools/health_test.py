#!/usr/bin/env python3
"""imgring health, against servers on each kind of address, and where nobody is.

python3 tests/tools/health_test.py     IMGRING names the program; without it: build/imgring
"""

import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import leaving_test  # noqa: E402


def has_ipv6():
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Health(leaving_test.Case):
    def ask(self, settings):
        done = subprocess.run(
            [leaving_test.PROGRAM, 'health'],
            env={'PATH': os.environ['PATH'], **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=leaving_test.PATIENCE_S,
        )
        self.assertEqual(done.stdout, '')
        return done.returncode, done.stderr

    def free(self, host):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as one:
            return one.getsockname()[1]

    def test_each_kind_of_address(self):
        kinds = [
            {'IMGPROXY_NETWORK': 'unix', 'IMGPROXY_BIND': self.folder + '/stream'},
            {'IMGPROXY_NETWORK': 'unixpacket', 'IMGPROXY_BIND': self.folder + '/packets'},
            {'IMGPROXY_BIND': ':%d' % self.free('127.0.0.1')},
            {'IMGPROXY_NETWORK': 'tcp4', 'IMGPROXY_BIND': '127.0.0.1:%d' % self.free('127.0.0.1')},
        ]
        if has_ipv6():
            kinds.append({'IMGPROXY_BIND': '[::1]:%d' % self.free('::1'), 'IMGPROXY_PATH_PREFIX': '/pics'})
        for settings in kinds:
            with self.subTest(settings):
                status, said = self.ask(settings)
                self.assertEqual((status, said), (1, 'nothing listens on %s\n' % settings['IMGPROXY_BIND']))
                server = self.server(settings)
                self.assertEqual(self.ask(settings), (0, 'imgproxy is running\n'))
                server.leave()
                self.assertEqual(server.wait(), 0, server.log())

    def test_long_words_of_a_packet_are_whole(self):
        words = 'x' * 20000
        settings = {'IMGPROXY_NETWORK': 'unixpacket', 'IMGPROXY_BIND': self.folder + '/packets'}
        self.server({**settings, 'IMGPROXY_HEALTH_CHECK_MESSAGE': words})
        self.assertEqual(self.ask(settings), (0, words + '\n'))

    def test_a_bad_configuration_is_told(self):
        status, said = self.ask({'IMGPROXY_BIND': 'nowhere'})
        self.assertEqual(status, 78, said)
        self.assertIn('IMGPROXY_BIND', said)


if __name__ == '__main__':
    sys.exit(unittest.main())

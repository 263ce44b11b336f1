#!/usr/bin/env python3
"""Tests what the project added to the conformance kit: a watched end of the server, and floors."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'conformance'))
import check  # noqa: E402
import harness  # noqa: E402

SERVER = """
import http.server, os, signal, sys
def end(*_):
    print(os.environ.get('LAST_WORDS', ''), flush=True)
    os._exit(int(os.environ.get('STATUS', '0')))
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *_):
        pass
host, port = os.environ['IMGPROXY_BIND'].split(':')
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def problems_after(**environment):
    harness.PROBLEMS.clear()
    server = harness.Server([sys.executable, '-c', SERVER], environment, harness.Ports().next())
    assert server.wait_ready()
    server.stop()
    return list(harness.PROBLEMS)


class ServerEnd(unittest.TestCase):
    def test_a_clean_end_is_no_problem(self):
        self.assertEqual(problems_after(), [])

    def test_another_status_than_0_is_one(self):
        self.assertRegex(problems_after(STATUS='3')[0], 'exit status 3')

    def test_a_sanitizer_report_is_one(self):
        for words in (
            '==12==ERROR: AddressSanitizer: heap-use-after-free',
            'WARNING: ThreadSanitizer: data race',
            'x.cc:3:4: runtime error: shift',
            '==1==ERROR: LeakSanitizer: detected memory leaks',
        ):
            with self.subTest(words):
                self.assertEqual(len(problems_after(LAST_WORDS=words)), 1)

    def test_sanitizer_options_reach_the_server(self):
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS'):
            os.environ[name] = 'log_path=stderr'
            code = 'import os, sys; sys.exit(0 if os.environ.get("%s") else 1)' % name
            server = harness.Server([sys.executable, '-c', code], {}, harness.Ports().next())
            self.assertEqual(server.p.wait(), 0)
            server.stop()
            del os.environ[name]


class Floors(unittest.TestCase):
    def test_an_area_below_its_floor_fails(self):
        slack = 0 if check.exact_version() else 3
        areas = {'a': [90, 100], 'b': [89 - slack, 100], 'c': [5, 100]}
        self.assertEqual(check.judge_floor({'a': 90, 'b': 90}, areas), (2, 1))


if __name__ == '__main__':
    unittest.main()

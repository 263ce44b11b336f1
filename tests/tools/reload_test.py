#!/usr/bin/env python3
"""What a supervisor and its journal hear of the program: the address, a reload that failed and one that
went well, variables that need a restart, and the level of each line.

    python3 tests/tools/reload_test.py     IMGRING names the program; without it: build/imgring
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import leaving_test  # noqa: E402

KEYS = 'IMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\n'


class Reloads(leaving_test.Case):
    def setUp(self):
        super().setUp()
        self.settings = self.folder + '/settings'
        self.write(KEYS)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.bind(self.folder + '/notify')
        self.told.settimeout(leaving_test.PATIENCE_S)
        self.one = self.server(
            {
                'NOTIFY_SOCKET': self.folder + '/notify',
                'IMGPROXY_ENV_LOCAL_FILE_PATH': self.settings,
                'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:%d' % self.free_port(),
            }
        )

    def free_port(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.metrics_port = free.getsockname()[1]
        return self.metrics_port

    def write(self, text):
        with open(self.settings, 'w') as file:
            file.write(text)

    def hear(self, word):
        end = time.monotonic() + leaving_test.PATIENCE_S
        while time.monotonic() < end:
            text = self.told.recv(4096).decode()
            if word in text:
                return text
        self.fail('never told ' + word)

    def metric(self, name):
        page = leaving_test.ask(self.metrics_port, '/')[1].decode()
        return float(re.search(r'^%s (\S+)$' % re.escape(name), page, re.M).group(1))

    def reload(self, text):
        """As sd_notify(3) wants it: RELOADING=1 with the time of now, then READY=1 with what became of it."""
        self.write(text)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.one.process.send_signal(signal.SIGHUP)
        said = self.hear('RELOADING=1').split('\n')
        self.assertEqual([line.partition('=')[0] for line in said], ['RELOADING', 'MONOTONIC_USEC'])
        told = int(said[1].partition('=')[2])
        self.assertTrue(before <= told <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, said)

    def test_status_line_and_metrics_follow(self):
        self.assertIn('STATUS=Serving at 127.0.0.1:0', self.hear('READY=1'))
        self.assertEqual(self.metric('imgring_last_reload_failed'), 0)
        for wrong, why in (
            ('', 'IMGPROXY_KEY and IMGPROXY_SALT are gone'),
            (KEYS + 'IMGPROXY_PRESETS=a=nosuch:1\n', 'unknown option nosuch'),
            (KEYS + 'IMGPROXY_QUALITY=101\n', '"101"'),
            ('nothing\n', 'line 1'),
        ):
            with self.subTest(why):
                before = self.metric('imgring_reloads_total{result="failed"}')
                self.reload(wrong)
                said = self.hear('STATUS=The last reload failed, the configuration before stays in force')
                self.assertIn(why, said)
                self.assertTrue(said.startswith('READY=1\n'), said)
                self.assertEqual(self.metric('imgring_last_reload_failed'), 1)
                self.assertEqual(self.metric('imgring_reloads_total{result="failed"}'), before + 1)
        self.reload(KEYS + 'IMGPROXY_QUALITY=70\nIMGPROXY_SECRET=word\nIMGPROXY_PRESETS=a=w:1\n')
        self.assertEqual(self.hear('STATUS=Serving, reloaded'), 'READY=1\nSTATUS=Serving, reloaded')
        self.assertEqual(self.metric('imgring_last_reload_failed'), 0)
        self.assertEqual(self.metric('imgring_reloads_total{result="good"}'), 1)
        self.assertLess(time.time() - self.metric('imgring_last_reload_good_timestamp_seconds'), 60)
        end = time.monotonic() + leaving_test.PATIENCE_S
        while 'Reloaded keys' not in self.one.log() and time.monotonic() < end:
            time.sleep(0.01)  # nobody waits for the log
        log = self.one.log()
        for name in ('IMGPROXY_QUALITY', 'IMGPROXY_SECRET'):
            self.assertIn(name + ' was changed and needs a restart', log)
        self.assertNotIn('IMGPROXY_PRESETS was changed', log)
        self.assertNotIn('word', log)
        self.one.leave()
        self.hear('STOPPING=1')
        self.assertEqual(self.one.wait(), 0)


class Journal(leaving_test.Case):
    def test_lines_begin_with_their_level_where_systemd_says_so(self):
        for told, begins in ((True, r'^<4>time='), (False, r'^time=')):
            with self.subTest(told), open(self.folder + '/log', 'w+') as log:
                facts = os.fstat(log.fileno())
                stream = '%d:%d' % (facts.st_dev, facts.st_ino) if told else '1:1'
                done = subprocess.run(
                    [leaving_test.PROGRAM],
                    env={'PATH': os.environ['PATH'], 'JOURNAL_STREAM': stream, 'IMGPROXY_QUALITY': '0'},
                    stdout=log,
                    timeout=leaving_test.PATIENCE_S,
                )
                self.assertEqual(done.returncode, 78)
                log.seek(0)
                text = log.read()
                self.assertRegex(text, begins)
                self.assertEqual('<2>time=' in text, told)


if __name__ == '__main__':
    unittest.main()

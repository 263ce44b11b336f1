#!/usr/bin/env python3
"""Tests the systemd unit: its score, and that the program serves with what the unit lets it do.
Installs nothing and needs no running systemd; systemd-analyze must be here (tools/setup --tests).

    python3 tests/tools/unit_score_test.py     IMGRING names the program; without it: build/imgring
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, 'tools/packaging'), os.path.join(ROOT, 'tools/check')]
import serve_check  # noqa: E402
import unit  # noqa: E402

UNIT = os.path.join(ROOT, 'tools/packaging/imgring.service')
PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
SCORE_MAX = 1.5
URING = {'io_uring_setup', 'io_uring_enter', 'io_uring_register'}


class Folder(unittest.TestCase):
    def setUp(self):
        if not shutil.which('systemd-analyze'):
            self.fail('systemd-analyze is not here: ./tools/setup --tests installs it (package systemd)')
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def analyze(self, *arguments):
        return subprocess.run(
            ['systemd-analyze', '--no-pager', *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


class Unit(Folder):
    def test_score(self):
        done = self.analyze('security', '--offline=true', UNIT)
        found = re.search(r'Overall exposure level for imgring\.service: ([0-9.]+)', done.stdout)
        self.assertTrue(found, done.stdout)
        print('exposure %s' % found.group(1))
        self.assertLessEqual(float(found.group(1)), SCORE_MAX, done.stdout)

    def test_every_setting_is_known(self):
        with open(UNIT, encoding='utf-8') as file:
            text = re.sub(r'^ExecStart=.*', 'ExecStart=/bin/true', file.read(), flags=re.M)
        with open(self.path('imgring.service'), 'w', encoding='utf-8') as file:
            file.write(text)
        done = self.analyze('verify', '--man=no', self.path('imgring.service'))
        about = [line for line in done.stdout.splitlines() if 'imgring.service' in line]
        self.assertEqual(about, [])

    def test_calls_of_the_filter(self):
        calls = unit.allowed_calls(unit.read_unit(UNIT))
        self.assertLessEqual(URING | {'setpriority', 'sched_getaffinity', 'execve'}, calls)
        self.assertFalse({'mount', 'ptrace', 'reboot', 'setuid', 'chroot', 'bpf', 'kexec_load'} & calls)

    def test_a_watchdog_is_set_if_and_only_if_the_program_feeds_it(self):
        fed = False
        for folder, _, names in os.walk(os.path.join(ROOT, 'src')):
            for name in names:
                with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
                    fed = fed or 'WATCHDOG=1' in file.read()
        self.assertEqual('WatchdogSec' in unit.read_unit(UNIT), fed)


class Program(Folder):
    def setUp(self):
        super().setUp()
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        shutil.copy(PROGRAM, self.path('imgring'))  # where the service's user can read it
        os.chmod(self.path('imgring'), 0o755)
        os.mkdir(self.path('sample'))
        subprocess.run(
            [os.path.join(ROOT, 'tools/pictures/make-sample'), self.path('sample/lake.png'), '1600', '1067'], check=True
        )
        with open(self.path('sample/sign.svg'), 'w', encoding='utf-8') as file:
            file.write(
                '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">'
                '<rect width="30" height="20"/><text y="30">sign</text></svg>'
            )
        os.mkdir(self.path('state'))
        os.chmod(self.path('state'), 0o777)

    def start(self, settings=None, **more):
        service = unit.Service(
            UNIT,
            self.path('state'),
            command=[self.path('imgring')],
            environment={
                'IMGPROXY_BIND': '127.0.0.1:0',
                'IMGRING_PORT_FILE': self.path('state/port'),
                'IMGPROXY_LOG_LEVEL': 'debug',
                'IMGPROXY_LOCAL_FILESYSTEM_ROOT': self.path('sample'),
                **(settings or {}),
            },
            **more,
        )
        self.addCleanup(service.stop, 5)
        return service

    def serves(self, service):
        self.assertTrue(service.wait_until_told('READY=1', 60), service.log_text())
        with open(self.path('state/port'), encoding='utf-8') as file:
            port = int(file.read())
        drawn = ('/insecure/w:300/plain/local:///sign.svg@png', 'image/png', 300, 200)
        for picture in [*serve_check.PICTURES, drawn]:
            self.assertTrue(serve_check.check(port, *picture), service.log_text())
        service.process.terminate()
        self.assertTrue(service.wait_until_told('STOPPING=1', 10), service.log_text())
        self.assertEqual(service.stop(30), 0, service.log_text())

    def test_serves_as_a_service(self):
        service = self.start()
        self.serves(service)
        for words in ('setpriority is refused', 'Operation not permitted'):
            self.assertNotIn(words, service.log_text())

    def test_without_the_io_uring_calls_epoll_serves(self):
        calls = unit.allowed_calls(unit.read_unit(UNIT)) - URING
        service = self.start(calls=calls)
        self.serves(service)
        self.assertIn('Serving by epoll', service.log_text())

    def test_io_uring_that_was_asked_for_and_is_refused_is_78(self):
        calls = unit.allowed_calls(unit.read_unit(UNIT)) - URING
        service = self.start({'IMGRING_ENGINE': 'io_uring'}, calls=calls)
        self.assertEqual(service.process.wait(30), 78, service.log_text())


if __name__ == '__main__':
    unittest.main()

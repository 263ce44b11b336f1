#!/usr/bin/env python3
"""Which engine serves where the kernel refuses io_uring, and what is said about it: under a filter that
refuses its three calls as containers do, and under one that also has no call newer than Linux 5.10.

    python3 tests/real/engine_test.py     IMGRING names the program; refuse_calls stands beside it
"""

import os
import subprocess
import sys
import tempfile

import common

sys.path.insert(0, os.path.join(common.ROOT, 'tools/check'))
import serve_check  # noqa: E402

FILTERS = ('io_uring', '5.10')
SERVE_LIMIT_S = 600  # it builds, or waits for another build
CURE = '--security-opt seccomp=seccomp-io_uring.json'


def refused(filter_name):
    launcher = os.path.join(os.path.dirname(common.program_path()), 'tests/integration/refuse_calls')
    return [launcher, filter_name]


def metric(port, line):
    return line in common.get(port, '/metrics').text().split('\n')


def serves(checks, what, folder, engine, warns, launcher=(), **settings):
    """Starts, looks at all that names the engine, has three pictures made, ends."""
    metrics = common.free_port()
    settings.update(IMGPROXY_LOCAL_FILESYSTEM_ROOT=folder, IMGPROXY_PROMETHEUS_BIND='127.0.0.1:%d' % metrics)
    with common.Imgring(folder, launcher=launcher, **settings) as server:
        for picture in serve_check.PICTURES:
            checks.that('%s: %s' % (what, picture[0]), serve_check.check(server.port, *picture))
        checks.that(what + ': the metric', metric(metrics, 'engine_info{engine="%s"} 1' % engine))
        text = server.log_text()
        checks.that(what + ': the line of the start', 'engine=%s' % engine in text or 'engine="%s"' % engine in text)
        checks.same(what + ': warnings', text.count('Serving by epoll'), int(warns))
        if warns:
            checks.that(
                what + ': cause and cure',
                'io_uring_setup: Operation not permitted' in text and CURE in text,
                text[:600],
            )
        checks.same(what + ': ends as asked', server.stop(), 0)


def one_filter(checks, filter_name, folder):
    launcher = refused(filter_name)
    serves(checks, 'filter ' + filter_name, folder, 'epoll', True, launcher)
    serves(checks, 'filter %s, chosen' % filter_name, folder, 'epoll', False, launcher, IMGRING_ENGINE='epoll')
    environment = common.clean_environment(IMGPROXY_BIND='127.0.0.1:0', IMGRING_ENGINE='io_uring')
    done = subprocess.run(
        [*launcher, common.program_path()], env=environment, capture_output=True, text=True, timeout=60
    )
    checks.same('filter %s: io_uring alone' % filter_name, done.returncode, common.IO_URING_REFUSED)
    checks.that('filter %s: its cure' % filter_name, CURE in done.stdout, done.stdout)
    done = subprocess.run(
        [*launcher, common.program_path(), 'version', '--verbose'], capture_output=True, text=True, timeout=60
    )
    said = 'engine: epoll; io_uring is refused' in done.stdout
    checks.that('filter %s: version --verbose' % filter_name, said and CURE in done.stdout, done.stdout)
    done = subprocess.run(
        [*launcher, 'tools/serve', '--check'], cwd=common.ROOT, capture_output=True, text=True, timeout=SERVE_LIMIT_S
    )
    checks.that(
        'filter %s: tools/serve --check' % filter_name,
        done.returncode == 0,
        '' if done.returncode == 0 else done.stdout + done.stderr,
    )


def main():
    checks = common.Checks()
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(common.ROOT, 'tools/pictures/make-sample')
        subprocess.run([sys.executable, sample, os.path.join(folder, 'lake.png'), '1600', '1067'], check=True)
        serves(checks, 'nothing refused', folder, 'io_uring', False)
        serves(checks, 'epoll asked for', folder, 'epoll', False, IMGRING_ENGINE='epoll')
        for filter_name in FILTERS:
            one_filter(checks, filter_name, folder)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""The seccomp profile for containers, applied for real: imgring serves under crun with it by io_uring, and
without its three calls by epoll, and says so; asked for io_uring alone it ends with status 78. Skipped, with
the reason, where crun or the rights for it are missing.

    python3 tests/real/container_test.py     IMGRING names the program

./tools/package --container builds the image of the Dockerfile and runs that.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import common

sys.path.insert(0, os.path.join(common.ROOT, 'tools/packaging'))
import oci  # noqa: E402
import serve_check  # noqa: E402

STOP_LIMIT_S = 30


def start(folder, name, seccomp, more=None):
    """The program on the machine's own root, which it cannot write; its port file in `folder`."""
    shared = os.path.join(folder, name + '-shared')
    os.mkdir(shared)
    os.chmod(shared, 0o777)
    port_file = os.path.join(shared, 'port')
    environment = {
        'IMGPROXY_BIND': '127.0.0.1:0',
        'IMGRING_PORT_FILE': port_file,
        'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder,
        **(more or {}),
    }
    return oci.Container(
        '/', [os.path.join(folder, 'imgring')], environment, os.path.join(folder, name), shared, seccomp
    ), port_file


def serves(checks, folder, name='with', profile=None):
    container, port_file = start(folder, name, profile or oci.profile())
    try:

        def port():
            with open(port_file) as file:
                return int(file.read() or 0)

        up = common.wait_for(
            lambda: not container.running() or os.path.exists(port_file) and port(), common.START_LIMIT_S
        )
        if not checks.that('it starts', up and container.running(), '' if up else container.log_text()[-500:]):
            return
        if name != 'with':
            says_so(checks, container)
        good = serve_check.check(port(), *serve_check.PICTURES[0])
        checks.that('a picture %s the three calls' % name, good, '' if good else container.log_text()[-500:])
        facts = container.execute('cat', '/proc/1/status').stdout
        for what in ('Seccomp:\t2', 'NoNewPrivs:\t1', 'CapEff:\t0000000000000000', 'Uid:\t65534\t65534'):
            checks.that('as it should run: ' + what.replace('\t', ' '), what in facts)
        checks.same('it ends as asked', container.stop(STOP_LIMIT_S), 0)
    finally:
        container.stop(STOP_LIMIT_S)


def says_so(checks, container):
    text = container.log_text()
    for word in ('io_uring is refused', '--security-opt seccomp=seccomp-io_uring.json', *oci.IO_URING):
        checks.that('the log says: ' + word, word in text, '' if word in text else text[-500:])


def refuses(checks, folder):
    container, _ = start(folder, 'refused', oci.profile(without=oci.IO_URING), {'IMGRING_ENGINE': 'io_uring'})
    status = container.status(common.START_LIMIT_S)
    container.stop(STOP_LIMIT_S)
    checks.same('exit status without the three calls', status, common.IO_URING_REFUSED)
    says_so(checks, container)


def main():
    checks = common.Checks()
    reason = oci.why_not()
    if reason:
        print('skipped: ' + reason)
        print('0 passed, 0 failed')
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(common.program_path(), os.path.join(folder, 'imgring'))
        os.chmod(os.path.join(folder, 'imgring'), 0o755)
        subprocess.run(
            [
                sys.executable,
                os.path.join(common.ROOT, 'tools/pictures/make-sample'),
                os.path.join(folder, 'lake.png'),
                '1600',
                '1067',
            ],
            check=True,
        )
        os.chmod(os.path.join(folder, 'lake.png'), 0o644)
        serves(checks, folder)
        serves(checks, folder, 'without', oci.profile(without=oci.IO_URING))
        refuses(checks, folder)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())

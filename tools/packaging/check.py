#!/usr/bin/env python3
"""What ./tools/package --check does with a package: installs it, starts the program as its service
would, fetches a picture, then removes and purges it and looks for what is left."""

import os
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../check')]
import serve_check  # noqa: E402
import unit  # noqa: E402

UNIT = '/usr/lib/systemd/system/imgring.service'
# A machine may be set to leave documentation out; these must be there.
EXPECTED = ['/usr/bin/imgring', UNIT, '/usr/lib/sysusers.d/imgring.conf', '/etc/imgring/imgring.env']
CONFFILES = ['/etc/imgring/imgring.env']
PICTURE = ('/insecure/rs:fit:500:500/plain/local:///lake.png@jpg', 'image/jpeg', 500, 333)
START_LIMIT_S, STOP_LIMIT_S = 30, 15


class Failed(Exception):
    pass


def need(good, text):
    print('%s %s' % ('ok' if good else 'FAILED', text), flush=True)
    if not good:
        raise Failed(text)


def run(*command, **more):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', check=False, **more
    )


def apt(*arguments):
    environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    done = run('apt-get', '-y', '-q', *arguments, env=environment)
    if done.returncode:
        sys.stderr.write(done.stdout)
    return done


def install(package):
    command = ('install', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', package)
    done = apt(*command)
    if done.returncode:  # a new machine has no lists
        apt('update')
        done = apt(*command)
    need(done.returncode == 0, 'installs')


def content_of(package):
    """(files, folders that are imgring's own)"""
    text = run('dpkg-deb', '--contents', package).stdout
    paths = [line.split(None, 5)[5].lstrip('.') for line in text.splitlines()]
    folders = [path for path in paths if path.endswith('/') and 'imgring' in path]
    return [path for path in paths if not path.endswith('/')], folders


def open_root():
    """A root folder unpacked with mode 700 lets no user but root start anything."""
    mode = stat.S_IMODE(os.stat('/').st_mode)
    if mode & 0o055 != 0o055:
        print('note: the folder / was closed to all users (mode %o); now 755' % mode)
        os.chmod('/', 0o755)


def serve(folder):
    open_root()
    sample = os.path.join(folder, 'sample')
    os.mkdir(sample)
    os.chmod(folder, 0o755)
    subprocess.run([os.path.join(HERE, '../pictures/make-sample'), os.path.join(sample, 'lake.png')], check=True)
    os.chmod(os.path.join(sample, 'lake.png'), 0o644)
    state = os.path.join(folder, 'state')
    os.mkdir(state)
    os.chmod(state, 0o777)
    port_file = os.path.join(state, 'port')
    service = unit.Service(
        UNIT,
        state,
        environment={
            'IMGPROXY_BIND': '127.0.0.1:0',
            'IMGRING_PORT_FILE': port_file,
            'IMGPROXY_LOCAL_FILESYSTEM_ROOT': sample,
        },
    )
    try:
        started = service.wait_until_told('READY=1', START_LIMIT_S)
        if not started:
            sys.stderr.write(service.log_text())
        need(
            started,
            'starts as its unit says%s'
            % ('' if service.filtered else ' (without its list of calls: no systemd-analyze and compiler here)'),
        )
        with open(port_file, encoding='utf-8') as file:
            port = int(file.read())
        need(serve_check.check(port, *PICTURE), 'serves a picture')
    finally:
        status = service.stop(STOP_LIMIT_S)
    need(status == 0, 'stops at SIGTERM with status 0 (%s)' % status)


def main(package):
    if os.geteuid() != 0:
        sys.exit('package --check: installing needs root')
    package = os.path.abspath(package)
    if run('dpkg-query', '-W', 'imgring').returncode == 0 or os.path.lexists('/etc/imgring'):
        sys.exit('package --check: imgring is installed here, or was, and would be purged')
    files, folders = content_of(package)
    try:
        install(package)
        missing = [path for path in EXPECTED if not os.path.isfile(path)]
        need(not missing, 'its files are there' + ''.join(' -' + path for path in missing))
        need(os.stat(CONFFILES[0]).st_mode & 0o007 == 0, 'its settings are not for everybody')
        need(run('imgring', 'check-config').returncode == 0, 'imgring check-config')
        with tempfile.TemporaryDirectory() as folder:
            serve(folder)
        need(apt('remove', 'imgring').returncode == 0, 'is removed')
        left = [path for path in files if os.path.lexists(path)]
        need(left == CONFFILES, 'leaves its conffiles alone: ' + ' '.join(left))
        need(apt('purge', 'imgring').returncode == 0, 'is purged')
        left = [path for path in files + folders if os.path.lexists(path)]
        need(not left, 'leaves nothing' + ''.join(' but ' + path for path in left))
    except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
        if not isinstance(error, Failed):
            print('FAILED %s' % error)
        apt('purge', 'imgring')
        return 1
    return 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))

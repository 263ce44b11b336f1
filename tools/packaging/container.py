#!/usr/bin/env python3
"""What ./tools/package --container does: builds the image of the Dockerfile with buildah and runs it under crun,
with no engine and no registry. The base image is made of packages, by debootstrap from the mirror of this
machine's apt. Needs root, buildah, debootstrap and crun; exit status 3 says that one of them is missing.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(HERE, '../check')]
import oci  # noqa: E402
import serve_check  # noqa: E402

CANNOT_RUN = 3
RELEASE = 'bookworm'
BASE = 'docker.io/library/debian:%s-slim' % RELEASE  # what FROM asks for
CACHE = os.path.join(ROOT, '.cache/container')
CERTIFICATES = '/usr/local/share/ca-certificates'
START_LIMIT_S, STOP_LIMIT_S = 30, 30


class Failed(Exception):
    pass


def need(good, text):
    print('%s %s' % ('ok' if good else 'FAILED', text), flush=True)
    if not good:
        raise Failed(text)


def run(*command, **more):
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', check=False, **more
    )
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:])
    return done


def mirror():
    for path in ['/etc/apt/sources.list'] + glob.glob('/etc/apt/sources.list.d/*'):
        if os.path.isfile(path):
            with open(path, encoding='utf-8') as file:
                found = re.search(r'(?:^URIs: *|^deb +(?:\[[^]]*\] +)?)(https?:\S*/debian)/?\s', file.read(), re.M)
            if found:
                return [found.group(1)]
    return []


def base_archive():
    """The smallest Debian, as an archive that is made once."""
    archive = os.path.join(CACHE, RELEASE + '.tar')
    if os.path.exists(archive):
        return archive
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as root:
        os.chmod(root, 0o755)
        done = run('debootstrap', '--variant=minbase', RELEASE, root, *mirror())
        need(done.returncode == 0, 'a base of packages')
        # Certificates of this machine's own: whoever stands between it and the mirror.
        if os.path.isdir(CERTIFICATES):
            shutil.copytree(CERTIFICATES, root + CERTIFICATES, dirs_exist_ok=True)
        run('tar', '-C', root, '-cf', archive + '.part', '.')
    os.rename(archive + '.part', archive)
    return archive


class Buildah:
    """Images in a folder of our own, whatever the file system."""

    def __init__(self, folder):
        self.prefix = ['buildah', '--root', folder + '/root', '--runroot', folder + '/run', '--storage-driver', 'vfs']

    def __call__(self, *arguments):
        done = run(*self.prefix, *arguments)
        need(done.returncode == 0, 'buildah ' + arguments[0])
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ''


def build_image(buildah):
    base = buildah('from', 'scratch')
    buildah('add', '--quiet', base, base_archive(), '/')
    buildah('commit', '--quiet', base, BASE)
    buildah('rm', base)
    kept = []
    if shutil.which('ccache'):
        folder = run('ccache', '-k', 'cache_dir').stdout.strip()
        kept = ['--volume', folder + ':/root/.cache/ccache'] if os.path.isdir(folder) else []
    # Docker's format: the other one has no place for a health check.
    buildah(
        'bud',
        '--format=docker',
        '--isolation=chroot',
        '--pull=never',
        '--layers=false',
        *kept,
        '-f',
        os.path.join(HERE, 'Dockerfile'),
        '-t',
        'imgring',
        ROOT,
    )


def run_image(buildah, folder):
    """The image as the README has it run: its own command, user and health check."""
    made = buildah('from', '--pull=never', 'imgring')
    root = buildah('mount', made)
    settings = json.loads(
        subprocess.run(
            [*buildah.prefix, 'inspect', '--type=image', 'imgring'], check=True, stdout=subprocess.PIPE
        ).stdout
    )['Docker']['config']
    need(settings['User'] == '%d:%d' % (oci.NOBODY, oci.NOBODY), 'the image runs as nobody')
    need(settings['StopSignal'] == 'SIGTERM', 'the image is stopped by SIGTERM')
    shared = os.path.join(folder, 'shared')
    os.mkdir(shared)
    os.chmod(shared, 0o777)
    subprocess.run(
        [os.path.join(ROOT, 'tools/pictures/make-sample'), os.path.join(shared, 'lake.png'), '1600', '1067'], check=True
    )
    port_file = os.path.join(shared, 'port')
    environment = {
        'IMGPROXY_BIND': '127.0.0.1:0',
        'IMGPROXY_LOCAL_FILESYSTEM_ROOT': shared,
        'IMGRING_PORT_FILE': port_file,
    }
    container = oci.Container(
        root, settings['Entrypoint'], environment, os.path.join(folder, 'bundle'), shared, oci.profile()
    )
    try:
        end = time.monotonic() + START_LIMIT_S
        while container.running() and not os.path.exists(port_file) and time.monotonic() < end:
            time.sleep(0.05)
        up = container.running() and os.path.exists(port_file)
        need(up, 'starts' if up else 'starts: ' + container.log_text()[-300:])
        with open(port_file, encoding='utf-8') as file:
            port = int(file.read())
        for picture in serve_check.PICTURES:
            need(serve_check.check(port, *picture), 'serves ' + picture[1])
        health = container.execute(
            '/usr/bin/env', 'IMGPROXY_BIND=127.0.0.1:%d' % port, *settings['Healthcheck']['Test'][1:]
        )
        need(health.returncode == 0, 'its health check says so: ' + health.stdout.strip())
        need(container.stop(STOP_LIMIT_S) == 0, 'stops with status 0')
    finally:
        container.stop(STOP_LIMIT_S)


def main():
    missing = oci.why_not()
    for tool in ('buildah', 'debootstrap'):
        if not missing and not shutil.which(tool):
            missing = 'there is no %s' % tool
    if missing:
        print('the image cannot be built here: ' + missing, file=sys.stderr)
        return CANNOT_RUN
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        os.chmod(folder, 0o755)
        buildah = Buildah(folder + '/images')
        try:
            build_image(buildah)
            run_image(buildah, folder)
        except Failed:
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

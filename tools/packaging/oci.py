"""Runs imgring under crun as its container is meant to run: the seccomp profile of this folder, nobody's
number, no capability, no new privileges, a root that cannot be written. Needs root, and no container engine.

The network is the machine's. crun is started in a mount namespace of its own, where the cgroup folder is
covered: it refuses machines that have both kinds of cgroups, and nothing is limited here.
"""

import json
import os
import shutil
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
IO_URING = ('io_uring_setup', 'io_uring_enter', 'io_uring_register')
START = """
[ ! -d /sys/fs/cgroup ] || mount -t tmpfs tmpfs /sys/fs/cgroup
mount --bind "$1" "$2/rootfs"
exec crun --root "$2/state" --cgroup-manager=disabled run --bundle "$2" imgring
"""


def why_not():
    """What is missing here, or None."""
    if os.geteuid() != 0:
        return 'only root may make the namespaces of a container'
    for tool in ('crun', 'unshare'):
        if not shutil.which(tool):
            return 'there is no %s' % tool
    probe = subprocess.run(
        ['unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], stderr=subprocess.PIPE, text=True, check=False
    )
    return 'mounts are refused here: ' + probe.stderr.strip() if probe.returncode else None


def profile(without=()):
    """The seccomp profile, with some calls taken out."""
    with open(os.path.join(HERE, 'seccomp-io_uring.json'), encoding='utf-8') as file:
        read = json.load(file)
    for entry in read['syscalls']:
        entry['names'] = [name for name in entry['names'] if name not in without]
    return read


class Container:
    """A program of a root folder, started. `folder` is the bundle's, ours alone; `shared` can be written
    from inside, under the same name."""

    def __init__(self, root, command, environment, folder, shared, seccomp):
        self.folder = folder
        os.makedirs(os.path.join(folder, 'rootfs'))
        with open(os.path.join(folder, 'config.json'), 'w', encoding='utf-8') as file:
            json.dump(self.configuration(command, environment, shared, seccomp), file)
        self.log_path = os.path.join(folder, 'log')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', START, 'sh', root, folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @staticmethod
    def configuration(command, environment, shared, seccomp):
        nothing = {kind: [] for kind in ('bounding', 'effective', 'inheritable', 'permitted', 'ambient')}
        return {
            'ociVersion': '1.0.2',
            'root': {'path': 'rootfs', 'readonly': True},
            'process': {
                'user': {'uid': NOBODY, 'gid': NOBODY},
                'args': command,
                'cwd': '/',
                'env': ['PATH=/usr/bin:/bin'] + ['%s=%s' % one for one in environment.items()],
                'noNewPrivileges': True,
                'capabilities': nothing,
            },
            'mounts': [
                {'destination': '/proc', 'type': 'proc', 'source': 'proc'},
                {'destination': shared, 'type': 'bind', 'source': shared, 'options': ['bind', 'rw']},
            ],
            'linux': {'namespaces': [{'type': kind} for kind in ('pid', 'mount', 'ipc', 'uts')], 'seccomp': seccomp},
        }

    def log_text(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def running(self):
        return self.process.poll() is None

    def status(self, limit_s):
        """Its exit status; None when it goes on for longer."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, limit_s):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        status = self.status(limit_s)
        if status is None:
            subprocess.run(
                ['crun', '--root', os.path.join(self.folder, 'state'), 'kill', 'imgring', 'KILL'], check=False
            )
            self.process.kill()
            self.process.wait()
        return status

    def execute(self, *command):
        """A command in the running container, as a health check is made."""
        return subprocess.run(
            ['crun', '--root', os.path.join(self.folder, 'state'), 'exec', 'imgring', *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

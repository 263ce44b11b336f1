"""Starts a program as a systemd unit would, where no systemd runs: its user, limits, no new
privileges, no writable code, and its system calls. Mounts, devices and addresses stay as they are.

Used by tools/packaging/check.py and tests/tools/unit_score_test.py. Linux, 64 bits.
"""

import collections
import ctypes
import os
import pwd
import re
import resource
import shutil
import socket
import struct
import subprocess

NOBODY = 65534
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 38, 65
SECCOMP_MODE_FILTER = 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # REFUSE | errno
BPF_LOAD, BPF_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
LIMITS = {
    'LimitNOFILE': resource.RLIMIT_NOFILE,
    'LimitMEMLOCK': resource.RLIMIT_MEMLOCK,
    'LimitCORE': resource.RLIMIT_CORE,
}
LIBC = ctypes.CDLL(None, use_errno=True)


def read_unit(path):
    """{name: [values in order]}"""
    settings = collections.defaultdict(list)
    with open(path, encoding='utf-8') as file:
        for line in file.read().replace('\\\n', ' ').splitlines():
            if line.strip() and line[0] not in '#;[':
                name, _, value = line.partition('=')
                settings[name.strip()].append(value.strip())
    return settings


def read_environment_file(path):
    found = {}
    with open(path, encoding='utf-8') as file:
        for line in file.read().splitlines():
            if line.strip() and not line.startswith('#'):
                name, _, value = line.partition('=')
                found[name] = value
    return found


def call_sets():
    """{'@set': names of its calls}, as the systemd of this machine has them."""
    text = subprocess.run(
        ['systemd-analyze', '--no-pager', 'syscall-filter'],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    sets, name = {}, None
    for line in text.splitlines():
        if line.startswith('@'):
            name = line.strip()
            sets[name] = []
        elif not line.startswith(' '):
            name = None  # "ungrouped system calls" follow
        elif name and line.strip() and not line.strip().startswith('#'):
            sets[name].append(line.strip())
    return sets


def expand(words, sets):
    names = set()
    for word in words:
        if word.startswith('@'):
            names |= expand(sets[word], sets)
        else:
            names.add(word)
    return names


def allowed_calls(settings):
    sets = call_sets()
    allowed = expand(['@default'], sets)
    for value in settings['SystemCallFilter']:
        if value.startswith('~'):
            allowed -= expand(value[1:].split(), sets)
        else:
            allowed |= expand(value.split(), sets)
    return allowed | {'execve'}  # systemd's own last step


def call_numbers():
    """{name: number} on this machine."""
    text = subprocess.run(
        ['cc', '-E', '-dM', '-include', 'asm/unistd.h', '-x', 'c', '/dev/null'],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    defined = dict(re.findall(r'^#define (__NR\w*) (\w+)', text, re.M))
    numbers = {}
    for name, value in defined.items():
        value = defined.get(value, value)
        if name.startswith('__NR_') and value.isdigit():
            numbers[name[5:]] = int(value)
    return numbers


def filter_program(names, errors=None):
    """A classic BPF program that allows these calls; `errors`: {call: errno}, else EPERM."""
    numbers = call_numbers()
    code = [(BPF_LOAD, 0, 0, 0)]  # the call's number; the architecture is the program's own
    for name in sorted(names & numbers.keys()):
        code += [(BPF_EQUAL, 0, 1, numbers[name]), (BPF_RETURN, 0, 0, ALLOW)]
    for name, error in (errors or {}).items():
        if name in numbers:
            code += [(BPF_EQUAL, 0, 1, numbers[name]), (BPF_RETURN, 0, 0, REFUSE | error)]
    code.append((BPF_RETURN, 0, 0, REFUSE | 1))
    return b''.join(struct.pack('=HBBI', *one) for one in code)


def limit_value(text):
    return resource.RLIM_INFINITY if text == 'infinity' else int(text)


def prctl(*arguments):
    padded = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    padded += [ctypes.c_ulong(0)] * (5 - len(padded))
    if LIBC.prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), 'prctl %d' % arguments[0])


def service_user(settings):
    try:
        found = pwd.getpwnam(settings['User'][-1])
        return found.pw_uid, found.pw_gid
    except (KeyError, IndexError):
        return NOBODY, NOBODY  # what DynamicUser= makes, as far as rights go


def reachable(path):
    """Whether every user can get at it."""
    while os.stat(path).st_mode & 0o001:
        if path == '/':
            return True
        path = os.path.dirname(path)
    return False


class Service:
    """One run. `told` lists what the program said to the supervisor."""

    def __init__(self, unit, folder, command=None, environment=None, calls=None, errors=None):
        """calls: names allowed instead of the unit's; None: the unit's, if systemd-analyze and
        a compiler, which knows the calls' numbers, are here."""
        settings = read_unit(unit)
        if calls is None and shutil.which('systemd-analyze') and shutil.which('cc'):
            calls = allowed_calls(settings)
        self.filtered = calls is not None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(folder, 'notify')
        self.notify.bind(path)
        os.chmod(path, 0o777)
        base = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'LANG': 'C.UTF-8', 'NOTIFY_SOCKET': path}
        for file in settings['EnvironmentFile']:
            if os.path.exists(file.removeprefix('-')):
                base.update(read_environment_file(file.removeprefix('-')))
        base.update(environment or {})
        self.log = os.path.join(folder, 'log')
        command = command or settings['ExecStart'][-1].split()
        program = filter_program(calls, errors) if calls else None
        # Root stays root where a folder above the program is closed to others.
        user = service_user(settings) if reachable(command[0]) else (0, 0)
        prepare = self.preparation(settings, user, program)
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                command, env=base, cwd='/', stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare
            )
        self.told = []

    @staticmethod
    def preparation(settings, user, program):
        values = [(which, limit_value(settings[name][-1])) for name, which in LIMITS.items() if settings[name]]

        def prepare():
            os.umask(int(settings['UMask'][-1], 8))
            for which, value in values:
                try:
                    resource.setrlimit(which, (value, value))
                except ValueError:  # no right to raise it, as root in a container has none
                    highest = resource.getrlimit(which)[1]
                    resource.setrlimit(which, (highest, highest))
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(user[1])
                os.setuid(user[0])
            prctl(PR_SET_NO_NEW_PRIVS, 1)
            try:
                prctl(PR_SET_MDWE, 1)
            except OSError:
                pass  # kernels before 6.3
            if program:
                buffer = ctypes.create_string_buffer(program, len(program))
                head = struct.pack('@HP', len(program) // 8, ctypes.addressof(buffer))
                prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(head, len(head)))

        return prepare

    def wait_until_told(self, word, seconds):
        self.notify.settimeout(0.1)
        for _ in range(int(seconds * 10)):
            try:
                self.told += self.notify.recv(4096).decode().split('\n')
            except socket.timeout:
                pass
            if word in self.told:
                return True
            if self.process.poll() is not None:
                break
        return word in self.told

    def stop(self, seconds):
        """The exit status after SIGTERM; None: it had to be killed."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        finally:
            self.notify.close()

    def log_text(self):
        with open(self.log, encoding='utf-8', errors='replace') as file:
            return file.read()

#!/usr/bin/env python3
"""The last line of a server that a signal ends: which signal, which build, which frames; and that it
ends by that signal all the same.

    python3 tests/real/fatal_signal_test.py     IMGRING names the program
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile

import common

LINE = re.compile(r'^imgring: fatal signal (\d+) \((\w+)\), build ([0-9a-f]{40}), frames:((?: \S+)+)$', re.M)


def build_id():
    text = subprocess.run(['readelf', '-n', common.program_path()], capture_output=True, text=True).stdout
    found = re.search(r'Build ID: ([0-9a-f]{40})', text)
    return found.group(1) if found else None


def functions_of(frames):
    """What addr2line makes of the program's own frames, as they stand in the line."""
    own = [frame[1:] for frame in frames if frame.startswith('+')]
    command = ['addr2line', '-f', '-C', '-e', common.program_path(), *own]
    return subprocess.run(command, capture_output=True, text=True).stdout


def ends_by(checks, number):
    with tempfile.TemporaryDirectory() as folder:
        with common.Imgring(folder) as server:
            server.process.send_signal(number)
            status = server.process.wait(common.STOP_LIMIT_S)
            lines = LINE.findall(server.log_text())
    name = signal.Signals(number).name
    checks.same(name + ': the status', status, -number)
    if not checks.same(name + ': lines', len(lines), 1):
        return
    said, word, build, frames = lines[0]
    checks.same(name + ': the signal', (int(said), 'SIG' + word), (int(number), name))
    checks.same(name + ': the build', build, build_id())
    where = functions_of(frames.split())
    checks.that(name + ': main waits there', 'imgring::server' in where, where.replace('\n', ' '))


def main():
    for tool in ('readelf', 'addr2line'):
        if shutil.which(tool) is None:
            common.say(tool + ' is missing (binutils)')
            return common.CANNOT_RUN
    checks = common.Checks()
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
        ends_by(checks, number)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())

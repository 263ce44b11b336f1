#!/usr/bin/env python3
"""Builds the unit tests of an arm64 folder and runs them under qemu; tools/cross-arm64 calls it.

    run_arm64.py FOLDER SYSROOT [MODULE...]

Every gtest case counts one. What tools/check/arm64-left-out names is compiled and not run; a line
of it that names no test is a failure.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys

LEFT_OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'arm64-left-out')
LIMIT_S = 1800
ENGINE = '_epoll'


def left_out(path):
    """{module: [pattern]}; a line is `MODULE PATTERN...: reason`."""
    found = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith('#'):
                continue
            what, colon, reason = line.partition(': ')
            module, *patterns = what.split()
            if not colon or not reason.strip() or not patterns:
                raise ValueError('%s: no reason or no pattern in: %s' % (path, line))
            found.setdefault(module, []).extend(patterns)
    return found


def unit_tests(folder):
    done = subprocess.run(['meson', 'introspect', '--tests', folder], capture_output=True, text=True, check=True)
    found = {test['name']: test for test in json.loads(done.stdout) if any(s.endswith('unit') for s in test['suite'])}
    # qemu has no io_uring: what waits on loops runs on epoll.
    return {name: found.get(name + ENGINE, test) for name, test in found.items() if not name.endswith(ENGINE)}


def names_of(listed):
    """The full names of what --gtest_list_tests prints."""
    names, suite = [], ''
    for line in listed.split('\n'):
        word = line.split('#')[0].strip()
        if line.startswith('  '):
            names.append(suite + word)
        elif word.endswith('.'):
            suite = word
    return names


# qemu 7.2 crashes in the machine code that orc makes for libvips, which does without.
QEMU_ENVIRONMENT = {'VIPS_NOVECTOR': '1'}


def run_module(qemu, program, environment, patterns):
    """(passed, failed, left out, what to show) of one test program."""
    listed = subprocess.run([*qemu, program, '--gtest_list_tests'], capture_output=True, text=True, env=environment)
    names = names_of(listed.stdout)
    if not names:
        return 0, 1, 0, listed.stdout + listed.stderr
    stale = [pattern for pattern in patterns if not fnmatch.filter(names, pattern)]
    skipped = {name for pattern in patterns for name in fnmatch.filter(names, pattern)}
    wanted = len(names) - len(skipped)
    shown = ''.join('no test of the name %s\n' % pattern for pattern in stale)
    if not wanted:
        return 0, len(stale), len(skipped), shown
    command = [*qemu, program, '--gtest_filter=-' + ':'.join(patterns)]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            env=environment,
            timeout=LIMIT_S,
        )
        text, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        text, status = (late.stdout or b'').decode(errors='replace') + 'longer than %d s\n' % LIMIT_S, 1
    passed = sum(map(int, re.findall(r'^\[  PASSED  \] (\d+) tests?\.', text, re.M)))
    failed = sum(map(int, re.findall(r'^ *(\d+) FAILED TESTS?', text, re.M)))
    if status and not failed or passed + failed == 0:
        failed = max(failed, 1)
    text = re.sub(r'(?m)^\[ RUN      \] (\S+)\n\[       OK \] .*\n', '', text)
    return passed, failed + len(stale), len(skipped), shown + (text if failed else '')


def main():
    folder, sysroot, *modules = sys.argv[1:]
    tests, out = unit_tests(folder), left_out(LEFT_OUT)
    unknown = [name for name in [*modules, *out] if name not in tests]
    if unknown:
        print('no such module: %s' % ', '.join(unknown))
        print('0 passed, 1 failed')
        return 1
    qemu = ['qemu-aarch64', '-L', sysroot]
    total_passed = total_failed = total_left = 0
    wanted = [name for name in tests if not modules or name in modules]
    targets = ['tests/%s_test' % name for name in wanted]
    built = subprocess.run(['ninja', '--quiet', '-k', '0', '-C', folder, *targets], capture_output=True, text=True)
    if built.returncode:
        print(built.stdout + built.stderr)
    for name in wanted:
        program = next(word for word in tests[name]['cmd'] if word.endswith('_test'))
        if not os.path.exists(program):
            passed, failed, left, shown = 0, 1, 0, 'not built\n'
        else:
            environment = {**os.environ, **tests[name]['env'], **QEMU_ENVIRONMENT}
            passed, failed, left, shown = run_module(qemu, program, environment, out.get(name, []))
        sys.stdout.write(shown)
        print('%-10s %d passed, %d failed, %d left out' % (name, passed, failed, left), flush=True)
        total_passed, total_failed, total_left = total_passed + passed, total_failed + failed, total_left + left
    total_failed += built.returncode != 0 and total_failed == 0
    print('%d left out' % total_left)
    print('%d passed, %d failed' % (total_passed, total_failed))
    return 1 if total_failed or not total_passed else 0


if __name__ == '__main__':
    sys.exit(main())

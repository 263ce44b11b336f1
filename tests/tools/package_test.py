#!/usr/bin/env python3
"""Tests what is packed: the env file against the program's own help, the container's list of system
calls, and a package made of the program that is built. Nothing is installed.

    python3 tests/tools/package_test.py     IMGRING names the program; without it: build/imgring

./tools/package --check, in a chroot, is the test of the package itself.
"""

import errno
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, 'tools/packaging')
sys.path[:0] = [HERE, os.path.join(ROOT, 'tools/check')]
import dependencies  # noqa: E402
import serve_check  # noqa: E402
import unit  # noqa: E402

PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))

SYMBOLS = """libone.so.1 libone1 #MINVER#
| libone1-special (>= 9)
* Build-Depends-Package: libone-dev
 old@Base 1.0
 new@ONE_2 2.10
 newest@ONE_3 3.0
 special@Base 4.0 1
libtwo.so.1 libtwo1 #MINVER#
 old@Base 7
""".splitlines()


def read(*names):
    with open(os.path.join(*names), encoding='utf-8') as file:
        return file.read()


def output_of(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Dependencies(unittest.TestCase):
    def test_the_newest_symbol_used_says_the_version(self):
        found = dependencies.from_symbols(SYMBOLS, 'libone.so.1', {'old@Base', 'new@ONE_2', 'x@Base'})
        self.assertEqual(found, [('libone1 #MINVER#', '2.10')])

    def test_another_template_comes_beside_the_first(self):
        found = dependencies.from_symbols(SYMBOLS, 'libone.so.1', {'special@Base'})
        self.assertEqual(found, [('libone1 #MINVER#', None), ('libone1-special (>= 9)', '4.0')])

    def test_a_library_that_is_not_named(self):
        self.assertIsNone(dependencies.from_symbols(SYMBOLS, 'libthree.so.1', {'old@Base'}))

    def test_of_a_program_that_is_there(self):
        self.assertRegex(', '.join(dependencies.dependencies('/bin/ls')), r'libc6\S* \(>= 2\.')


class Scripts(unittest.TestCase):
    def test_maintainer_scripts_end_well_without_systemd(self):
        with tempfile.TemporaryDirectory() as folder:
            for tool in ('sh', 'echo'):
                os.symlink(shutil.which(tool), os.path.join(folder, tool))
            for name, arguments in (
                ('postinst', ['configure', '']),
                ('postinst', ['configure', '0.1.0']),
                ('prerm', ['remove']),
                ('prerm', ['upgrade', '2']),
                ('postrm', ['remove']),
                ('postrm', ['purge']),
            ):
                if os.path.isdir('/run/systemd/system'):
                    command = ['sh', '-n', os.path.join(HERE, name)]  # never touch a running one
                else:
                    command = ['sh', os.path.join(HERE, name), *arguments]
                with self.subTest(name + ' ' + arguments[0]):
                    subprocess.run(command, check=True, env={'PATH': folder})


class NeedsProgram(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)


class EnvFile(NeedsProgram):
    def test_variables_and_defaults_are_the_programs(self):
        known = {}
        for name, facts in re.findall(r'^  ([A-Z]\w*)  \((.*)\)$', output_of(PROGRAM, 'help', 'variables'), re.M):
            at = facts.rfind('default ')
            known[name] = facts[at + len('default ') :] if at >= 0 else ''
        said = re.findall(r'^#?([A-Z]\w*)=(.*)$', read(HERE, 'imgring.env'), re.M)
        self.assertGreater(len(said), 30)
        for name, value in said:
            with self.subTest(name):
                self.assertIn(name, known)
                self.assertEqual(value, known[name])

    def test_all_of_it_is_commented_out(self):
        self.assertEqual(re.findall(r'^[^#\n].*', read(HERE, 'imgring.env'), re.M), [])

    def test_with_its_defaults_set_the_program_would_start(self):
        values = dict(re.findall(r'^#([A-Z]\w*)=(.+)$', read(HERE, 'imgring.env'), re.M))
        done = subprocess.run([PROGRAM, 'check-config'], env=values, stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


class Container(NeedsProgram):
    def profile(self):
        return json.loads(read(HERE, 'seccomp-io_uring.json'))

    def test_the_file_is_what_its_script_writes(self):
        subprocess.run([os.path.join(HERE, 'make-seccomp'), '--check'], check=True)

    def test_every_call_has_a_number_here(self):
        if os.uname().machine != 'x86_64':
            self.skipTest('the list holds calls that only x86_64 has')
        numbers = unit.call_numbers()
        self.assertEqual(
            [name for entry in self.profile()['syscalls'] for name in entry['names'] if name not in numbers], []
        )

    def test_the_program_serves_under_it(self):
        shutil.copy(PROGRAM, os.path.join(self.folder, 'imgring'))
        os.chmod(os.path.join(self.folder, 'imgring'), 0o755)
        state = os.path.join(self.folder, 'state')
        os.mkdir(state)
        os.chmod(state, 0o777)
        subprocess.run(
            [os.path.join(ROOT, 'tools/pictures/make-sample'), os.path.join(self.folder, 'lake.png'), '1600', '1067'],
            check=True,
        )
        calls = {
            name
            for entry in self.profile()['syscalls']
            if entry['action'] == 'SCMP_ACT_ALLOW'
            for name in entry['names']
        }
        service = unit.Service(
            os.path.join(HERE, 'imgring.service'),
            state,
            command=[os.path.join(self.folder, 'imgring')],
            calls=calls,
            errors={'clone3': errno.ENOSYS},
            environment={
                'IMGPROXY_BIND': '127.0.0.1:0',
                'IMGRING_PORT_FILE': os.path.join(state, 'port'),
                'IMGPROXY_LOCAL_FILESYSTEM_ROOT': self.folder,
            },
        )
        self.addCleanup(service.stop, 5)
        self.assertTrue(service.wait_until_told('READY=1', 60), service.log_text())
        self.assertTrue(serve_check.check(int(read(state, 'port')), *serve_check.PICTURES[0]), service.log_text())
        self.assertEqual(service.stop(30), 0, service.log_text())


class Package(NeedsProgram):
    def test_what_is_in_it(self):
        path = output_of(os.path.join(ROOT, 'tools/package'), '--from', PROGRAM).strip()
        path = os.path.join(ROOT, path)
        subprocess.run(['dpkg-deb', '--extract', path, self.folder], check=True)
        subprocess.run(['dpkg-deb', '--control', path, os.path.join(self.folder, 'DEBIAN')], check=True)
        listed = output_of('dpkg-deb', '--contents', path)
        self.assertRegex(listed, r'-rwxr-xr-x root/root .* \./usr/bin/imgring\n')
        self.assertRegex(listed, r'-rw-r----- root/root .* \./etc/imgring/imgring\.env\n')
        self.assertEqual(
            glob.glob(self.folder + '/usr/share/man/man1/*'), [self.folder + '/usr/share/man/man1/imgring.1.gz']
        )
        version = output_of(os.path.join(self.folder, 'usr/bin/imgring'), 'version').split()[1]
        control = read(self.folder, 'DEBIAN/control')
        self.assertIn('\nVersion: %s-1~' % version, control)
        for library in ('libvips42', 'liburing2', 'libc6', 'libstdc++6'):
            self.assertRegex(control, r'\nDepends: .*\b%s\S* \(>= ' % re.escape(library).rstrip())
        self.assertEqual(read(self.folder, 'DEBIAN/conffiles'), '/etc/imgring/imgring.env\n')
        subprocess.run(['md5sum', '--quiet', '--check', 'DEBIAN/md5sums'], cwd=self.folder, check=True)
        for path in ('lib/systemd/system/imgring.socket', 'share/zsh/vendor-completions/_imgring'):
            self.assertTrue(os.path.exists(self.folder + '/usr/' + path), path)
        self.assertIn('llhttp', read(self.folder, 'usr/share/doc/imgring/copyright'))

    def test_completion_knows_commands_and_flags(self):
        script = '. <("$1" completion bash); COMP_WORDS=(%s); COMP_CWORD=%d; _imgring x %s; echo "${COMPREPLY[@]}"'
        for words, at, begun, wanted in (
            ('imgring che', 1, 'che', 'check-config'),
            ('imgring check-config --us', 2, '--us', '--user'),
            ('imgring completion f', 2, 'f', 'fish'),
            ('imgring help var', 2, 'var', 'variables'),
        ):
            with self.subTest(words):
                done = output_of('bash', '-c', script % (words, at, begun), 'test', PROGRAM)
                self.assertEqual(done, wanted + '\n')


if __name__ == '__main__':
    unittest.main()

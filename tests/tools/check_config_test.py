#!/usr/bin/env python3
"""check-config against the start: for bad, passing and good configurations the verdict of one is that
of the other, and every bad one is named with its variable, its value and what to do.

    python3 tests/tools/check_config_test.py     IMGRING names the program; without it: build/imgring
"""

import base64
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
PATIENCE_S = 60
GOOD, LATER, BAD = 0, 1, 78

NO_PICTURE = base64.b64encode(b'no picture').decode()
# Variables; what both say of them: variable, value met (None: it is hidden), what to do.
# {folder}: an empty folder, {file}: a file that is no picture, {gone}: a path where nothing is.
BAD_ONES = [
    ({'IMGPROXY_QUALITY': '101'}, '"101"', '1..100'),
    ({'IMGPROXY_QUALITY': 'high'}, '"high"', '1..100'),
    ({'IMGPROXY_FORMAT_QUALITY': 'jpg=0'}, '"jpg=0"', 'format=quality'),
    ({'IMGPROXY_FORMAT_QUALITY': 'xyz=50'}, '"xyz"', 'format=quality'),
    ({'IMGPROXY_PREFERRED_FORMATS': 'svg'}, '"svg"', 'image formats'),
    ({'IMGPROXY_PREFERRED_FORMATS': 'jpg,jpog'}, '"jpog"', 'image formats'),
    ({'IMGPROXY_SKIP_PROCESSING_FORMATS': 'xxx'}, '"xxx"', 'image formats'),
    ({'IMGPROXY_AVIF_SPEED': '10'}, '"10"', '0..9'),
    ({'IMGPROXY_WEBP_EFFORT': '7'}, '"7"', '1..6'),
    ({'IMGPROXY_WEBP_PRESET': 'drawn'}, '"drawn"', 'drawing'),
    ({'IMGPROXY_PNG_QUANTIZATION_COLORS': '1'}, '"1"', '2..256'),
    ({'IMGPROXY_AUTO_WEBP': 'yes'}, '"yes"', 'boolean'),
    ({'IMGPROXY_WATERMARK_OPACITY': '1.1'}, '"1.1"', 'unset'),
    ({'IMGPROXY_WATERMARK_PATH': '{gone}'}, '{gone}', 'correct the path'),
    ({'IMGPROXY_WATERMARK_PATH': '{folder}'}, '{folder}', 'name a file'),
    ({'IMGPROXY_WATERMARK_PATH': '{file}'}, '5 bytes', 'give a picture'),
    ({'IMGPROXY_WATERMARK_DATA': NO_PICTURE}, '10 bytes', 'give a picture'),
    ({'IMGPROXY_WATERMARK_DATA': '!!!'}, '3 bytes', 'Base64'),
    ({'IMGPROXY_WATERMARK_URL': 'notaurl'}, 'notaurl', 'correct the URL'),
    ({'IMGPROXY_WATERMARK_URL': 'ftp://h/x.png'}, 'ftp://h/x.png', 'correct the URL'),
    ({'IMGPROXY_WATERMARK_URL': 'local:///x.png'}, 'local:///x.png', 'IMGPROXY_LOCAL_FILESYSTEM_ROOT'),
    ({'IMGPROXY_WATERMARK_URL': 's3://b/x.png'}, 's3://b/x.png', 'IMGPROXY_USE_S3'),
    ({'IMGPROXY_WATERMARK_URL': 'gs://b/x.png'}, 'gs://b/x.png', 'not built yet'),
    ({'IMGPROXY_WATERMARK_URL': 'http://127.0.0.1:1/x.png'}, '127.0.0.1', 'IMGPROXY_ALLOW_LOOPBACK'),
    ({'IMGPROXY_FALLBACK_IMAGE_PATH': '{gone}'}, '{gone}', 'correct the path'),
    ({'IMGPROXY_FALLBACK_IMAGE_PATH': '/dev/null'}, '/dev/null', 'unset'),
    ({'IMGPROXY_FALLBACK_IMAGE_PATH': '{file}'}, '5 bytes', 'give a picture'),
    ({'IMGPROXY_FALLBACK_IMAGE_DATA': NO_PICTURE}, '10 bytes', 'give a picture'),
    ({'IMGPROXY_FALLBACK_IMAGE_HTTP_CODE': '99'}, '"99"', '100..599'),
    ({'IMGPROXY_PRESETS': 'broken=nosuch:1'}, 'nosuch', 'correct it'),
    ({'IMGPROXY_PRESETS': 'noequals'}, 'noequals', 'correct it'),
    ({'IMGPROXY_PRESETS': 'a=w:x'}, 'preset a', 'correct it'),
    ({'IMGPROXY_PRESETS_PATH': '{gone}'}, '{gone}', 'correct the path'),
    ({'IMGPROXY_PRESETS_PATH': '{file}'}, 'text', 'correct it'),
    ({'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{gone}'}, '{gone}', 'correct the path'),
    ({'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{file}'}, '{file}', 'name the folder'),
    ({'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{file}/x'}, '{file}/x', 'a part of the path is a file'),
    ({'IMGPROXY_ENV_LOCAL_FILE_PATH': '{gone}'}, '{gone}', 'correct the path'),
    ({'IMGPROXY_ENV_LOCAL_FILE_PATH': '{file}'}, '{file}', 'line 1'),
    ({'IMGPROXY_BIND': ':99999'}, '":99999"', '0..65535'),
    ({'IMGPROXY_BIND': '127.0.0.1'}, '"127.0.0.1"', ':port'),
    ({'IMGPROXY_BIND': '::1'}, '"::1"', 'brackets'),
    ({'IMGPROXY_BIND': 'unix:/x'}, '"unix:/x"', 'IMGPROXY_NETWORK=unix'),
    ({'IMGPROXY_BIND': '{gone}/sock', 'IMGPROXY_NETWORK': 'unix'}, '{gone}/sock', 'make it'),
    ({'IMGPROXY_BIND': '{file}/sock', 'IMGPROXY_NETWORK': 'unix'}, '{file}/sock', 'is a file'),
    ({'IMGPROXY_BIND': '/proc/sock', 'IMGPROXY_NETWORK': 'unix'}, '/proc/sock', ''),
    ({'IMGPROXY_BIND': '/tmp/' + 'x' * 120, 'IMGPROXY_NETWORK': 'unix'}, '125 bytes', '107'),
    ({'IMGPROXY_NETWORK': 'udp'}, '"udp"', 'tcp4'),
    ({'PORT': '70000'}, '"70000"', '0..65535'),
    ({'IMGPROXY_PROMETHEUS_BIND': '9090'}, '"9090"', ':port'),
    ({'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:65536'}, '65536', '0..65535'),
    ({'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:0', 'IMGPROXY_BIND': '127.0.0.1:0'}, '127.0.0.1:0', 'differ'),
    ({'IMGPROXY_KEY': 'not hex', 'IMGPROXY_SALT': 'aa'}, None, 'hexadecimal'),
    ({'IMGPROXY_KEY': 'aa'}, '1 value', 'each key its salt'),
    ({'IMGPROXY_SALT': 'aa'}, '0 values', 'each key its salt'),
    ({'IMGPROXY_KEY': 'aa,bb', 'IMGPROXY_SALT': 'aa'}, '2 values', 'each key its salt'),
    ({'IMGPROXY_SIGNATURE_SIZE': '33'}, '"33"', '1..32'),
    ({'IMGPROXY_SOURCE_URL_ENCRYPTION_KEY': '0011'}, None, '16, 24 or 32 bytes'),
    ({'IMGPROXY_ENV_AWS_SECRET_ID': 'keys'}, 'set', 'unset it'),
    ({'IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH': '/keys'}, 'set', 'unset it'),
    ({'IMGPROXY_ENV_GCP_SECRET_ID': 'keys'}, 'set', 'unset it'),
    ({'IMGPROXY_ALLOWED_SOURCES': ','}, '","', 'unset'),
    ({'IMGPROXY_URL_REPLACEMENTS': 'a=b;c'}, '"c"', 'pattern=replacement'),
    ({'IMGPROXY_COOKIE_BASE_URL': '::x'}, '"::x"', 'URL'),
    ({'HTTP_PROXY': 'ftp://user:word@proxy:3128'}, 'ftp', 'http:// or https://'),
    ({'HTTPS_PROXY': 'http://user:word@:99999'}, 'proxy', '1..65535'),
    ({'IMGPROXY_S3_ENDPOINT': 'http://user:word@minio:99999', 'IMGPROXY_USE_S3': '1'}, 'minio:99999', 'correct it'),
    ({'IMGPROXY_WORKERS': '0'}, '"0"', '1..1024'),
    ({'IMGPROXY_WORKERS': '9999'}, '"9999"', '1..1024'),
    ({'IMGRING_LOOPS': '257'}, '"257"', '0..256'),
    ({'IMGRING_MEMORY_LIMIT': '10'}, '"10"', '64..'),
    ({'IMGPROXY_TIMEOUT': '1.5'}, '"1.5"', 'seconds'),
    ({'IMGPROXY_TTL': '-1'}, '"-1"', 'at least 0'),
    ({'IMGPROXY_MAX_SRC_RESOLUTION': '0'}, '"0"', 'megapixels'),
    ({'IMGPROXY_MAX_REDIRECTS': '-1'}, '"-1"', 'at least 0'),
    ({'IMGPROXY_GZIP_COMPRESSION': '10'}, '"10"', '0..9'),
    ({'IMGPROXY_DOWNLOAD_BUFFER_SIZE': '2147483648'}, '"2147483648"', 'at least 0'),
    ({'IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD': '63'}, '"63"', 'at least 64'),
    ({'IMGPROXY_LOG_FORMAT': 'xml'}, '"xml"', 'structured'),
    ({'IMGPROXY_LOG_LEVEL': 'warning'}, '"warning"', 'warn'),
    ({'IMGPROXY_LAST_MODIFIED_BUSTER': '2024-02-30T00:00:00Z'}, '"2024-02-30T', 'RFC 3339'),
    ({'IMGPROXY_SERVER_NAME': 'a\tb'}, None, 'control characters'),
    ({'IMGPROXY_CUSTOM_RESPONSE_HEADERS': 'A b=c'}, '"A b"', 'Name=Value'),
    ({'IMGPROXY_CUSTOM_RESPONSE_HEADERS': 'Content-Length=0'}, 'Content-Length', 'take it out'),
    ({'IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH': 'X-A,content-length'}, 'content-length', 'take it out'),
    ({'IMGPROXY_CONCURRENCY': '2', 'IMGPROXY_FAIL_ON_DEPRECATION': '1'}, 'deprecated', 'IMGPROXY_WORKERS'),
]
# What the next try may find mended: status 1 of both.
LATER_ONES = [
    {'IMGPROXY_WATERMARK_URL': 'http://127.0.0.1:1/x.png', 'IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES': '1'},
    {'IMGPROXY_FALLBACK_IMAGE_URL': 'local:///gone.png', 'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{folder}'},
    {'IMGPROXY_BIND': 'no-such-host.invalid:0'},
    {'IMGPROXY_BIND': '192.0.2.1:8080'},
]
GOOD_ONES = [
    {},
    {'IMGPROXY_KEY': 'aa', 'IMGPROXY_SALT': 'bb'},
    {'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{folder}'},
    {'IMGPROXY_NETWORK': 'unix', 'IMGPROXY_BIND': '{folder}/sock'},
    {'IMGPROXY_BIND': ':0', 'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:0'},
    {'IMGPROXY_USE_S3': 'true'},
    {'IMGPROXY_NO_SUCH_THING': '1', 'IMGPROXY_USE_GCS': '1'},
    {'IMGPROXY_PRESETS': 'thumb=rs:fill:10:10', 'IMGPROXY_ALLOWED_SOURCES': 'local://,'},
]


class Case(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        os.mkdir(self.folder + '/folder')
        with open(self.folder + '/file', 'w') as file:
            file.write('text\n')

    def filled(self, text):
        for name in ('folder', 'file', 'gone'):
            text = text.replace('{%s}' % name, '%s/%s' % (self.folder, name))
        return text

    def environment(self, variables):
        out = {'PATH': os.environ['PATH'], 'IMGPROXY_LOG_FORMAT': 'structured', 'IMGRING_LOOPS': '1'}
        out.update({name: self.filled(value) for name, value in variables.items()})
        if 'PORT' not in variables:
            out.setdefault('IMGPROXY_BIND', '127.0.0.1:0')
        return out

    def check(self, environment, *flags):
        done = subprocess.run(
            [PROGRAM, 'check-config', *flags],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
        )
        return done.returncode, done.stdout

    def start(self, environment):
        """Status 0: it listened, and ended when it was asked to."""
        with open(self.folder + '/log', 'w+') as log:
            server = subprocess.Popen([PROGRAM], env=environment, stdout=log, stderr=log)
            end = time.monotonic() + PATIENCE_S
            asked = False
            while server.poll() is None and time.monotonic() < end:
                log.seek(0)
                if not asked and ' listens on ' in log.read():
                    server.send_signal(signal.SIGTERM)
                    asked = True
                time.sleep(0.01)
            if server.poll() is None:
                server.kill()
            server.wait()
            log.seek(0)
            return server.returncode, log.read()


class Verdicts(Case):
    def test_bad_configurations(self):
        self.assertGreaterEqual(len(BAD_ONES), 60)
        for variables, value, cure in BAD_ONES:
            name = next(iter(variables))
            with self.subTest(' '.join('%s=%s' % one for one in variables.items())[:90]):
                environment = self.environment(variables)
                checked, said = self.check(environment)
                started, log = self.start(environment)
                self.assertEqual((checked, started), (BAD, BAD), said + log)
                for text in (said, log.replace('\\"', '"')):
                    self.assertIn(name, text)
                    self.assertIn(self.filled(value or name), text)
                    self.assertIn(cure, text)
                    self.assertNotIn('user:word', text)
                    if value is None:
                        self.assertNotIn('"%s"' % variables[name], text)

    def test_what_may_be_better_later(self):
        for variables in LATER_ONES:
            with self.subTest(str(variables)):
                environment = self.environment(variables)
                self.assertEqual((self.check(environment)[0], self.start(environment)[0]), (LATER, LATER))

    def test_good_configurations(self):
        for variables in GOOD_ONES:
            with self.subTest(str(variables)):
                environment = self.environment(variables)
                checked, said = self.check(environment)
                self.assertEqual((checked, self.start(environment)[0]), (GOOD, GOOD), said)
                self.assertEqual(os.listdir(self.folder + '/folder'), [])

    def test_a_taken_address_is_what_a_running_server_looks_like(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            environment = self.environment({'IMGPROXY_BIND': '127.0.0.1:%d' % taken.getsockname()[1]})
            checked, said = self.check(environment)
            self.assertEqual(checked, GOOD, said)
            self.assertRegex(said, 'warning: IMGPROXY_BIND: .*in use; stop what listens there')
            started, log = self.start(environment)
            self.assertEqual(started, LATER, log)
            self.assertIn('in use; stop what listens there', log)

    def test_the_problems_as_json(self):
        environment = self.environment({'IMGPROXY_QUALITY': '0', 'IMGPROXY_BIND': ':99999'})
        status, said = self.check(environment, '--json')
        answer = json.loads(said)
        self.assertEqual((status, answer['good'], answer['status']), (BAD, False, BAD))
        self.assertEqual([one['variable'] for one in answer['problems']], ['IMGPROXY_QUALITY', 'IMGPROXY_BIND'])
        answer = json.loads(self.check(self.environment({'IMGPROXY_NO_SUCH_THING': '1'}), '--json')[1])
        self.assertEqual((answer['good'], answer['status'], answer['problems']), (True, 0, []))
        self.assertTrue(any('IMGPROXY_NO_SUCH_THING' in one['text'] for one in answer['warnings']))


class Signatures(Case):
    """Where imgproxy would check signatures, or not start, nothing is served unsigned."""

    def lines(self, text):
        path = self.folder + '/env'
        with open(path, 'w') as file:
            file.write(text)
        return {'IMGPROXY_ENV_LOCAL_FILE_PATH': path}

    def test_never_unsigned(self):
        pair = {'IMGPROXY_KEY': 'aa', 'IMGPROXY_SALT': 'bb'}
        cases = [
            pair,
            {'IMGPROXY_KEY': 'aa,', 'IMGPROXY_SALT': 'bb,'},
            {'IMGPROXY_KEY': ' aa ', 'IMGPROXY_SALT': '\tbb'},
            {'IMGPROXY_KEY': 'aa', 'IMGPROXY_SALT': ' '},
            {'IMGPROXY_KEY': '0xaa', 'IMGPROXY_SALT': '0xbb'},
            {'IMGPROXY_ENV_AWS_SECRET_ID': 'x'},
            {'IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH': '/x'},
            {'IMGPROXY_ENV_GCP_SECRET_ID': 'x'},
            dict(pair, IMGPROXY_SIGNATURE_SIZE='1'),
            dict(pair, IMGPROXY_TRUSTED_SIGNATURES='other,'),
            dict(pair, IMGPROXY_ONLY_PRESETS='1'),
            dict(pair, IMGPROXY_DEVELOPMENT_ERRORS_MODE='1'),
            dict(pair, IMGPROXY_SECRET='word'),
            dict(pair, IMGPROXY_PATH_PREFIX='/img'),
        ]
        files = [
            'IMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\n',
            'export IMGPROXY_KEY="aa"\nexport IMGPROXY_SALT=\'bb\'\n',
            'K=aa\nIMGPROXY_KEY=$K\nIMGPROXY_SALT=${K}\n',
            'IMGPROXY_KEY: aa\nIMGPROXY_SALT: bb\n',
            'IMGPROXY_KEY = aa # mine\nIMGPROXY_SALT = bb\n',
            'IMGPROXY_KEY="aa\nbb"\nIMGPROXY_SALT="cc\ndd"\n',
            '\ufeffIMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\n',
            'IMGPROXY_KEY=aa\r\nIMGPROXY_SALT=bb\r\n',
            'IMGPROXY_ENV_AWS_SECRET_ID=x\n',
        ]
        for case in cases + files:
            with self.subTest(repr(case)):
                environment = self.environment(case if isinstance(case, dict) else self.lines(case))
                self.refuses_unsigned(environment)

    def refuses_unsigned(self, environment):
        port_file = self.folder + '/port'
        if os.path.exists(port_file):
            os.remove(port_file)
        environment['IMGRING_PORT_FILE'] = port_file
        server = subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE_S
            while server.poll() is None and not os.path.exists(port_file) and time.monotonic() < end:
                time.sleep(0.01)
            if server.poll() is not None:
                self.assertEqual(server.returncode, BAD)
                return
            with open(port_file) as file:
                port = int(file.read())
            prefix = environment.get('IMGPROXY_PATH_PREFIX', '')
            for signature in ('unsafe', '_', 'insecure', '', 'qg'):
                target = '%s/%s/w:10/plain/local:///x.png' % (prefix, signature)
                with socket.create_connection(('127.0.0.1', port), 10) as client:
                    head = 'GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer word\r\n\r\n'
                    client.sendall((head % target).encode())
                    answer = client.makefile('rb').read().decode(errors='replace')
                self.assertRegex(answer, r'^HTTP/1\.1 (403|404) ', target)
                self.assertTrue('Forbidden' in answer or 'Invalid URL' in answer, answer)
        finally:
            if server.poll() is None:
                server.terminate()
            server.wait()


ROOT_IS_CLOSED = '' if os.stat('/').st_mode & 0o001 else 'nobody but root can enter the root folder here'


class AsAnother(Case):
    """Files and addresses as a user without rights."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest('root alone can become somebody else')
        if ROOT_IS_CLOSED:
            self.skipTest(ROOT_IS_CLOSED)
        self.closed = self.folder + '/closed'
        os.mkdir(self.closed, 0o700)
        with open(self.closed + '/picture', 'w') as file:
            file.write('x')

    def as_nobody(self, variables, *flags):
        return self.check(self.environment(variables), '--user', 'nobody', *flags)

    def test_roots_and_files(self):
        for name, path in (
            ('IMGPROXY_LOCAL_FILESYSTEM_ROOT', self.closed),
            ('IMGPROXY_WATERMARK_PATH', self.closed + '/picture'),
            ('IMGPROXY_PRESETS_PATH', self.closed + '/picture'),
            ('IMGPROXY_ENV_LOCAL_FILE_PATH', self.closed + '/picture'),
        ):
            with self.subTest(name):
                status, said = self.as_nobody({name: path})
                self.assertEqual(status, BAD, said)
                number = pwd.getpwnam('nobody').pw_uid
                self.assertIn('Permission denied for user nobody (uid %d)' % number, said)
                self.assertIn(path, said)
                self.assertIn('--user NAME judges', self.check(self.environment({name: path}))[1])

    def test_a_folder_that_can_be_entered_is_enough(self):
        os.chmod(self.closed, 0o711)
        self.assertEqual(self.as_nobody({'IMGPROXY_LOCAL_FILESYSTEM_ROOT': self.closed})[0], GOOD)

    def test_addresses(self):
        status, said = self.as_nobody({'IMGPROXY_NETWORK': 'unix', 'IMGPROXY_BIND': self.closed + '/sock'})
        self.assertEqual(status, BAD, said)
        self.assertIn('let it write in that folder', said)
        with open('/proc/sys/net/ipv4/ip_unprivileged_port_start') as file:
            if int(file.read()) < 2:
                return
        status, said = self.as_nobody({'IMGPROXY_BIND': '127.0.0.1:1'})
        self.assertEqual(status, BAD, said)
        self.assertIn('CAP_NET_BIND_SERVICE', said)

    def test_the_file_of_a_unit_is_read_before_the_user_changes(self):
        path = self.closed + '/unit.env'
        with open(path, 'w') as file:
            file.write('# c\nIMGPROXY_BIND="127.0.0.1:0"\nIMGPROXY_QUALITY=$X\n')
        os.chmod(path, 0o600)
        status, said = self.check({'IMGPROXY_TTL': 'not of this shell'}, '--user', 'nobody', '--env-file', path)
        self.assertEqual(status, BAD, said)
        self.assertIn('"$X"', said)
        self.assertNotIn('IMGPROXY_TTL', said)
        self.assertIn('system call filters', said)

    def test_users_that_are_not_there(self):
        status, said = self.check(self.environment({}), '--user', 'no-such-user')
        self.assertEqual(status, 1)
        self.assertIn('there is no such user', said)


class Words(Case):
    def run_words(self, *words):
        done = subprocess.run(
            [PROGRAM, *words], env={'PATH': os.environ['PATH']}, text=True, capture_output=True, timeout=PATIENCE_S
        )
        return done.returncode, done.stdout, done.stderr

    def test_unknown_words_are_refused_with_what_was_meant(self):
        for words, said in (
            (['sgin'], 'did you mean sign?'),
            (['check-confg'], 'did you mean check-config?'),
            (['check-config', '--jsn'], 'did you mean json?'),
            (['check-config', '--strict'], 'unknown flag --strict of imgring check-config'),
            (['version', '--foo'], 'unknown flag --foo'),
            (['-keypath', 'x'], 'unknown flag -keypath of imgring serve'),
            (['--presets', 'x'], 'unknown flag --presets of imgring serve'),
            (['check-config', '--user'], '--user needs a NAME'),
            (['check-config', '--json=1'], '--json takes no value'),
            (['check-config', 'more'], 'too many words: more'),
            (['sign'], 'PATH is missing'),
            (['help', 'IMGPROXY_QUALTY'], 'did you mean IMGPROXY_QUALITY?'),
            (['help', 'nothing-like-it'], 'nothing is known'),
            (['completion', 'csh'], 'there is bash, zsh, fish'),
            (['check-config', '--env-file', '/no/such/file'], 'No such file or directory'),
        ):
            with self.subTest(' '.join(words)):
                status, out, err = self.run_words(*words)
                self.assertEqual((status, out), (1, ''), err)
                self.assertIn(said, err)

    def test_help_by_topic(self):
        for topic, said in (
            ('check-config', '--env-file FILE'),
            ('IMGPROXY_TTL', 'default 31536000'),
            ('imgproxy_ttl', 'default 31536000'),
            ('IMGPROXY_CONCURRENCY', 'Older name of IMGPROXY_WORKERS'),
            ('IMGPROXY_USE_GCS', 'Not built yet'),
            ('server', 'IMGPROXY_BIND'),
            ('variables', 'IMGPROXY_LOG_FORMAT'),
        ):
            with self.subTest(topic):
                status, out, err = self.run_words('help', topic)
                self.assertEqual((status, err), (0, ''))
                self.assertIn(said, out)
        self.assertLess(self.run_words('help')[1].count('\n'), 40)
        self.assertIn('--json', self.run_words('check-config', '--help')[1])

    def test_every_command_is_in_every_completion(self):
        commands = ('serve', 'check-config', 'verify', 'help')
        for shell in ('bash', 'zsh', 'fish'):
            status, out, _ = self.run_words('completion', shell)
            self.assertEqual(status, 0)
            for word in commands + ('env-file', 'json'):
                self.assertIn(word, out)
            if shutil.which(shell):
                subprocess.run([shell, '-n', '/dev/stdin'], input=out, text=True, check=True)


if __name__ == '__main__':
    if ROOT_IS_CLOSED:
        print('skipped: what another user sees: ' + ROOT_IS_CLOSED, flush=True)
    unittest.main()

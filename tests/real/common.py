"""Shared by the checks on a real network (tests/real/*_test.py, tools/check/s3-check, tools/check/https-check):
counts what passed, starts imgring and other servers on the loopback and stops them by their ids.

The program is the one that IMGRING names; without it build/imgring, or the newest build-*/imgring.
"""

import base64
import glob
import http.client
import os
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools/check'))
from serve_check import picture_facts  # noqa: E402,F401

START_LIMIT_S = 30
STOP_LIMIT_S = 25
SHOWN_CHARACTERS = 300
CANNOT_RUN = 3  # something the check needs is not on this machine
IO_URING_REFUSED = 78


def say(text):
    print('%s: %s' % (os.path.basename(sys.argv[0]), text), file=sys.stderr, flush=True)


class Checks:
    """Each one prints a line; the last line of all is `N passed, M failed`."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, what, good, seen=''):
        if good:
            self.passed += 1
        else:
            self.failed += 1
        text = str(seen)
        text = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + '...'
        print('%s %s%s' % ('ok' if good else 'FAILED', what, ': ' + text if text else ''), flush=True)
        return good

    def same(self, what, seen, wanted):
        return self.that(what, seen == wanted, '' if seen == wanted else '%r, wanted %r' % (seen, wanted))

    def end(self):
        print('%d passed, %d failed' % (self.passed, self.failed), flush=True)
        return 0 if self.passed and not self.failed else 1


def program_path():
    named = os.environ.get('IMGRING')
    if named:
        return os.path.abspath(named)
    usual = os.path.join(ROOT, 'build/imgring')
    if os.path.exists(usual):
        return usual
    built = sorted(glob.glob(os.path.join(ROOT, 'build*/imgring')), key=os.path.getmtime)
    if not built:
        say('no imgring is built: ./tools/build first, or name one in IMGRING')
        sys.exit(CANNOT_RUN)
    return built[-1]


def clean_environment(**settings):
    """Ours without what would set the servers otherwise; settings on top."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('IMGPROXY_', 'IMGRING', 'AWS_', 'OTEL_', 'DD_', 'SSL_CERT_', 'VGW_', 'ROOT_'))
        and name.lower() not in ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy', 'port')
    }
    return {**kept, **settings}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for(condition, limit_s, pause_s=0.05):
    """The first true value of condition(), or its last one at the end of the time."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause_s)


def listens(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A program with its output in a file; stopped at the end of the with statement."""

    def __init__(self, command, environment, log):
        self.log = log
        self.output = open(log, 'ab')
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output
        )
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def running(self):
        return self.process.poll() is None

    def stop(self):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.output.close()
        return status

    def log_text(self):
        with open(self.log, encoding='utf-8', errors='replace') as file:
            return file.read()


class Imgring(Process):
    """imgring on a free port of the loopback, with the loopback allowed to be a source."""

    def __init__(self, folder, environment=None, launcher=(), **settings):
        self.port_file = os.path.join(folder, 'port-%d' % time.monotonic_ns())
        environment = environment or clean_environment(
            **{
                'IMGPROXY_BIND': '127.0.0.1:0',
                'IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES': 'true',
                'IMGPROXY_LOG_FORMAT': 'structured',
                **settings,
            }
        )
        super().__init__(
            [*launcher, program_path()], {**environment, 'IMGRING_PORT_FILE': self.port_file}, self.port_file + '.log'
        )
        self.port = int(wait_for(self.read_port, START_LIMIT_S) or 0)
        if not self.port:
            status = self.stop()
            if status == IO_URING_REFUSED:
                say('io_uring is refused on this machine')
                sys.exit(CANNOT_RUN)
            raise RuntimeError('imgring did not start (status %s): %s' % (status, self.log_text()[-800:]))

    def read_port(self):
        try:
            with open(self.port_file) as file:
                text = file.read().strip()
        except OSError:
            text = ''
        return text or (None if self.running() else '0')

    def get(self, path, timeout=30, **headers):
        return get(self.port, path, timeout, headers)

    def image(self, options, source, timeout=30, extension='', **headers):
        """A request for a source of any spelling; option `raw` is one like the others."""
        encoded = base64.urlsafe_b64encode(source.encode()).decode().rstrip('=')
        return self.get('/insecure/%s/%s%s' % (options, encoded, extension), timeout, **headers)

    def log_since(self, mark):
        return self.log_text()[mark:]

    def log_mark(self):
        return len(self.log_text())


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        try:
            self.body, self.complete = response.read(), True
        except http.client.IncompleteRead as cut:
            self.body, self.complete = cut.partial, False

    def text(self):
        return self.body.decode('utf-8', 'replace')

    def __repr__(self):
        return '%d %s' % (self.status, self.text()[:80] if len(self.body) < 1000 else '%d bytes' % len(self.body))


def get(port, path, timeout=30, headers=None, method='GET'):
    """Names of headers are written with _ for -."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request(method, path, headers={k.replace('_', '-'): v for k, v in (headers or {}).items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def photo(folder):
    """(path, type): a photo of the bench where those are made, else the sample, drawn here."""
    made = os.path.join(ROOT, '.cache/photos/p01.jpg')
    if os.path.exists(made):
        return made, 'image/jpeg'
    path = os.path.join(folder, 'sample.png')
    subprocess.run([sys.executable, os.path.join(ROOT, 'tools/pictures/make-sample'), path], check=True)
    return path, 'image/png'


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


def fitted(facts, side):
    """Size of a picture fitted into a square."""
    _, width, height = facts
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def status_kb(pid, name):
    with open('/proc/%d/status' % pid) as file:
        for line in file:
            if line.startswith(name + ':'):
                return int(line.split()[1])
    return 0


def cpu_ms(pid):
    """User and system time of a process, its ended threads included."""
    with open('/proc/%d/stat' % pid) as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf('SC_CLK_TCK')

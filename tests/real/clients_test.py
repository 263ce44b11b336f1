#!/usr/bin/env python3
"""HTTP clients that people use, against imgring: curl, Go's net/http, fetch and http of Node, HttpClient of
Java, requests, httpx and aiohttp of Python. One that is not on this machine is named, with the reason.

    python3 tests/real/clients_test.py [NAME...]     IMGRING names the program; CLIENTS_PYTHON an
                                                     interpreter that has the libraries

The programs of clients/ get addresses by environment and print `ok NAME` or `FAILED NAME: what was seen` for:
connections used again, HEAD, 304, a gzip'd answer, Range on raw, a large body, a POST with a body, 100 requests
at once. Each asks IDLE once, prints `idle`, and goes on when it gets a line: by then the connection that it keeps
has been closed. DIRECT is imgring; RELAY is the same behind a relay of ours that counts connections; IDLE is a
second one with a short keep-alive time, behind a relay too.
"""

import gzip
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import common

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clients')
LARGE_BYTES = 32 << 20
RANGE_FIRST, RANGE_LAST = 1000, 1999
POST_BYTES = 2 << 20  # curl asks for 100-continue above 1 MB
RUN_LIMIT_S = 300  # building of a client included
PIECE_BYTES = 64 << 10
# Its fetch gives up the connection of a HEAD, and may begin a request before the last one's is free.
CONNECTIONS_MAX = {'node': 3}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">%s</svg>'
    % ('<rect x="1" y="2" width="10" height="10" fill="#123456"/>' * 100)
).encode()


class Relay:
    """Passes bytes both ways and counts: opened by clients, still open. One thread a direction."""

    def __init__(self, port):
        self.to, self.lock = port, threading.Lock()
        self.opened, self.open = 0, 0
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def count(self, opened, change):
        with self.lock:
            self.opened += opened
            self.open += change

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.count(1, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(('127.0.0.1', self.to)) as server:
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join()
        self.count(0, -1)

    @staticmethod
    def pump(source, sink):
        try:
            while True:
                piece = source.recv(PIECE_BYTES)
                if not piece:
                    break
                sink.sendall(piece)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class World:
    """Pictures, an imgring and a relay before it, and both again with a keep-alive time of 1 s."""

    def __init__(self, folder):
        large = hashlib.shake_256(b'imgring').digest(LARGE_BYTES)
        subprocess.run(
            [
                sys.executable,
                os.path.join(common.ROOT, 'tools/pictures/make-sample'),
                os.path.join(folder, 'p.png'),
                '320',
                '200',
            ],
            check=True,
        )
        for name, content in (('large.bin', large), ('p.svg', SVG)):
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(content)
        settings = {
            'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder,
            'IMGPROXY_GZIP_COMPRESSION': '5',
            'IMGPROXY_DOWNLOAD_TIMEOUT': '60',
        }
        self.server = common.Imgring(folder, IMGPROXY_KEEP_ALIVE_TIMEOUT=str(RUN_LIMIT_S), **settings)
        self.brief = common.Imgring(folder, IMGPROXY_KEEP_ALIVE_TIMEOUT='1', **settings)
        self.relay, self.idle = Relay(self.server.port), Relay(self.brief.port)
        self.facts = {
            'DIRECT': 'http://127.0.0.1:%d' % self.server.port,
            'RELAY': 'http://127.0.0.1:%d' % self.relay.port,
            'IDLE': 'http://127.0.0.1:%d' % self.idle.port,
            'HEALTH': '/health',
            'IMAGE': '/insecure/w:100/plain/local:///p.png',
            'SVG': '/insecure/plain/local:///p.svg',
            'RAW': '/insecure/raw:1/plain/local:///large.bin',
            'RAW_SHA256': hashlib.sha256(large).hexdigest(),
            'RANGE_SHA256': hashlib.sha256(large[RANGE_FIRST : RANGE_LAST + 1]).hexdigest(),
        }


def run_program(checks, world, name, command, folder):
    """A program of clients/: its lines are checks, and so is how many connections it took."""
    before = world.relay.opened
    program = subprocess.Popen(
        command,
        env=common.clean_environment(**world.facts),
        cwd=folder,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    timer = threading.Timer(RUN_LIMIT_S, program.kill)
    timer.start()
    said = idled = 0
    for line in program.stdout:
        word, _, what = line.strip().partition(' ')
        if word in ('ok', 'FAILED'):
            said += 1
            checks.that('%s: %s' % (name, what), word == 'ok')
        elif word == 'idle':
            used = world.relay.opened - before
            checks.that('%s: few connections' % name, 0 < used <= CONNECTIONS_MAX.get(name, 1), used)
            closed = common.wait_for(lambda: world.idle.open == 0, 30)
            idled = checks.that('%s: imgring closes the idle connection' % name, closed)
            program.stdin.write('\n')
            program.stdin.flush()
        else:
            common.say('%s: %s' % (name, line.rstrip()))
    timer.cancel()
    status = program.wait()
    checks.that(
        '%s: ran to its end' % name, status == 0 and said and idled, 'exit status %d' % status if status else ''
    )


def curl(folder, *arguments):
    done = subprocess.run(
        ['curl', '-q', '-s', '--noproxy', '*', '--max-time', '60', *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=common.clean_environment(),
        check=False,
    )
    return done.returncode, done.stdout


def run_curl(checks, world, folder):
    at = world.facts
    image, health = at['DIRECT'] + at['IMAGE'], at['DIRECT'] + at['HEALTH']
    ten = sum((['-o', os.devnull, image, '-o', os.devnull, health] for _ in range(5)), [])
    _, text = curl(folder, '-w', '%{http_code} %{num_connects}\n', *ten)
    checks.same('curl: reuse', text.decode().split('\n'), ['200 1'] + ['200 0'] * 9 + [''])
    status, head = curl(folder, '-I', image)
    checks.that('curl: HEAD', status == 0 and head.startswith(b'HTTP/1.1 200 '), head)
    _, whole = curl(folder, '-D', 'head', image)
    etag = [
        line.split(' ', 1)[1].strip()
        for line in open(os.path.join(folder, 'head'), encoding='latin-1')
        if line.lower().startswith('etag:')
    ][0]
    status, text = curl(folder, '-w', '%{http_code}', '-H', 'If-None-Match: ' + etag, image)
    checks.same('curl: 304', (status, text), (0, b'304'))
    _, plain = curl(folder, '--compressed', at['DIRECT'] + at['SVG'])
    _, packed = curl(folder, '-H', 'Accept-Encoding: gzip', at['DIRECT'] + at['SVG'])
    checks.that('curl: gzip', b'<svg' in plain and gzip.decompress(packed) == plain, plain[:40])
    _, part = curl(folder, '-r', '%d-%d' % (RANGE_FIRST, RANGE_LAST), at['DIRECT'] + at['RAW'])
    checks.same('curl: Range', hashlib.sha256(part).hexdigest(), at['RANGE_SHA256'])
    _, large = curl(folder, at['DIRECT'] + at['RAW'])
    checks.same('curl: large', hashlib.sha256(large).hexdigest(), at['RAW_SHA256'])
    with open(os.path.join(folder, 'body'), 'wb') as file:
        file.write(bytes(POST_BYTES))
    chunked = ['-H', 'Transfer-Encoding: chunked']
    for name, more in (('POST', []), ('chunked POST', chunked)):
        _, text = curl(folder, '-w', '%{http_code}', '--data-binary', '@body', *more, image)
        checks.same('curl: ' + name, text, b' 404')
    status, text = curl(folder, '--http1.0', '-w', '%{http_code} %{http_version}', '-o', os.devnull, image)
    checks.same('curl: HTTP/1.0', (status, text), (0, b'200 1'))
    status, text = curl(folder, '--http2', '-w', '%{http_code} %{http_version}', '-o', os.devnull, image)
    checks.same('curl: asked to go on with HTTP/2 it stays with 1.1', (status, text), (0, b'200 1.1'))
    status, _ = curl(folder, '--http2-prior-knowledge', image)
    checks.that('curl: HTTP/2 from the start is refused', status != 0)
    hundred = sum((['-o', 'out-%d' % i, image] for i in range(100)), [])
    status, _ = curl(folder, '--no-progress-meter', '-Z', '--parallel-max', '100', *hundred)
    bodies = {common.read_bytes(os.path.join(folder, 'out-%d' % i)) for i in range(100)}
    checks.that('curl: 100 at once', status == 0 and bodies == {whole}, '%d different' % len(bodies))


def python_with(library):
    """An interpreter that has the library, or None."""
    for interpreter in filter(
        None, (os.environ.get('CLIENTS_PYTHON'), sys.executable, shutil.which('python3'), '/usr/bin/python3')
    ):
        asked = subprocess.run([interpreter, '-c', 'import ' + library], stderr=subprocess.DEVNULL, check=False)
        if asked.returncode == 0:
            return interpreter
    return None


def commands():
    """(name, command or None, why not) of each client; curl is run by functions of ours."""
    yield 'curl', [] if shutil.which('curl') else None, 'no curl'
    for name, tool, arguments in (
        ('go', 'go', ['run', 'client.go']),
        ('node', 'node', ['client.mjs']),
        ('java', 'java', ['Client.java']),
    ):
        found = shutil.which(tool)
        why = 'no ' + tool
        if found and tool == 'node':
            if subprocess.run([found, '-e', 'fetch'], stderr=subprocess.DEVNULL, check=False).returncode:
                found, why = None, 'this node has no fetch'
        yield name, [found, *arguments] if found else None, why
    for library in ('requests', 'httpx', 'aiohttp'):
        interpreter = python_with(library)
        yield library, [interpreter, 'client.py', library] if interpreter else None, 'no Python here has ' + library


def main(names):
    checks = common.Checks()
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        with world.server, world.brief:
            for name, command, why in commands():
                if names and name not in names:
                    continue
                if command is None:
                    print('skipped %s: %s' % (name, why))
                elif name == 'curl':
                    run_curl(checks, world, folder)
                else:
                    run_program(checks, world, name, command, HERE)
        checks.same('imgring ended well', (world.server.process.returncode, world.brief.process.returncode), (0, 0))
    return checks.end()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

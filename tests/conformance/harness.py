"""Shared machinery of the conformance kit: token expansion, a byte-exact HTTP
client, the image source server, starting the server under test, turning a
response into a comparable record, and comparing two records."""

import base64
import hashlib
import hmac
import http.server
import io
import json
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse
import zlib
import gzip
from email.utils import formatdate
from xml.etree import ElementTree

os.environ.setdefault('VIPS_CONCURRENCY', '1')
import numpy as np  # noqa: E402
import pyvips  # noqa: E402
from PIL import Image  # noqa: E402

pyvips.cache_set_max(0)

HERE = os.path.dirname(os.path.abspath(__file__))
SRC_PORT = int(os.environ.get('CONF_SRC_PORT', '9170'))
PORT_LO = int(os.environ.get('CONF_PORT_LO', '9171'))
PORT_HI = int(os.environ.get('CONF_PORT_HI', '9198'))
DEAD_PORT = int(os.environ.get('CONF_DEAD_PORT', '9199'))  # nothing listens there
SRC = 'http://127.0.0.1:%d' % SRC_PORT
THUMB = 256
LM = 'Tue, 14 Nov 2023 22:13:20 GMT'


# ------------------------------------------------------------------ tokens
def b64u(s):
    return base64.urlsafe_b64encode(s if isinstance(s, bytes) else s.encode()).decode().rstrip('=')


def sign(path, key, salt, size=32):
    mac = hmac.new(bytes.fromhex(key), bytes.fromhex(salt) + path.encode('utf-8', 'surrogateescape'), hashlib.sha256)
    return b64u(mac.digest()[:size])


def expand(text, env=None, srcdir='', vals=None, sign_env=None):
    """Fills {src} {srchost} {dead} {dir} {now+N} {v:NAME} {b64:..} {b64pad:..} {esc:..} and {sig}."""
    if '{' not in text:
        return text
    text = (
        text.replace('{src}', SRC)
        .replace('{srchost}', SRC[7:])
        .replace('{dead}', 'http://127.0.0.1:%d' % DEAD_PORT)
        .replace('{dir}', srcdir)
    )
    text = re.sub(r'\{now([+-]\d+)\}', lambda m: str(int(time.time()) + int(m.group(1))), text)
    text = re.sub(r'\{v:([a-zA-Z-]+)\}', lambda m: (vals or {}).get(m.group(1).lower(), ''), text)
    text = re.sub(
        r'\{esc:([^{}]*)\}', lambda m: urllib.parse.quote(urllib.parse.quote(m.group(1), safe=''), safe=''), text
    )
    text = re.sub(r'\{b64:([^{}]*)\}', lambda m: b64u(m.group(1)), text)
    text = re.sub(r'\{b64pad:([^{}]*)\}', lambda m: base64.urlsafe_b64encode(m.group(1).encode()).decode(), text)
    text = re.sub(
        r'\{b64file:([^{}]*)\}',
        lambda m: base64.b64encode(open(os.path.join(srcdir, m.group(1)), 'rb').read()).decode(),
        text,
    )
    m = re.search(r'\{sig(\d?)\}', text)
    if m:
        env = sign_env or env or {}
        i = int(m.group(1) or 0)
        rest = text[m.end() :].split('?')[0]
        key = env['IMGPROXY_KEY'].split(',')[i]
        salt = env['IMGPROXY_SALT'].split(',')[i]
        text = text[: m.start()] + sign(rest, key, salt, int(env.get('IMGPROXY_SIGNATURE_SIZE', 32))) + text[m.end() :]
    return text


# ------------------------------------------------------------------ client
class Reply:
    def __init__(self, status, headers, body, closed=False, error=''):
        self.status, self.headers, self.body, self.closed, self.error = status, headers, body, closed, error

    def get(self, name, default=None):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return default


def read_reply(fh, head_only=False):
    line = fh.readline(65536)
    if not line:
        return None
    parts = line.decode('latin-1').split(' ', 2)
    try:
        status = int(parts[1])
    except (IndexError, ValueError):
        return Reply(0, [], line, True, 'bad status line')
    headers = []
    while True:
        ln = fh.readline(65536)
        if ln in (b'\r\n', b'\n', b''):
            break
        k, _, v = ln.decode('latin-1').partition(':')
        headers.append((k.strip(), v.strip()))
    r = Reply(status, headers, b'')
    if 100 <= status < 200:
        return read_reply(fh, head_only)
    if head_only or status in (204, 304):
        return r
    te = (r.get('Transfer-Encoding') or '').lower()
    try:
        if te == 'chunked':
            while True:
                ln = fh.readline(1024)
                if not ln:
                    r.error = 'truncated chunked body'
                    break
                n = int(ln.split(b';')[0].strip() or b'0', 16)
                data = fh.read(n)
                r.body += data
                if len(data) < n:
                    r.error = 'truncated chunked body'
                    break
                fh.readline()
                if n == 0:
                    break
        elif r.get('Content-Length') is not None:
            n = int(r.get('Content-Length'))
            r.body = fh.read(n)
            if len(r.body) < n:
                r.error = 'short body'
        else:
            r.body = fh.read()
    except OSError as e:
        r.error = 'read error: ' + e.__class__.__name__
    return r


def talk(port, data, count=1, head_only=False, timeout=20, pause=None):
    """Sends raw bytes, reads up to `count` replies; says if the peer closed."""
    out = []
    s = socket.create_connection(('127.0.0.1', port), timeout=timeout)
    try:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pieces = data if isinstance(data, list) else [data]
        try:
            for i, d in enumerate(pieces):
                if i and pause:
                    time.sleep(pause)
                s.sendall(d)
        except OSError:
            pass
        fh = s.makefile('rb')
        for _ in range(count):
            try:
                r = read_reply(fh, head_only)
            except OSError as e:
                out.append(Reply(0, [], b'', True, 'no reply: ' + e.__class__.__name__))
                break
            if r is None:
                break
            out.append(r)
        closed = False
        s.settimeout(0.4)
        try:
            closed = fh.read(1) == b''
        except OSError as e:
            closed = isinstance(e, ConnectionError)
        for r in out:
            r.closed = closed
    finally:
        s.close()
    return out


def request(port, method, path, headers, timeout=25):
    h = {'Host': '127.0.0.1:%d' % port, 'Connection': 'close'}
    lines = []
    skip = set()
    for k, v in headers.items():
        if k.lower() in ('host', 'connection'):
            skip.add(k.lower())
        if v is not None:
            lines.append('%s: %s' % (k, v))
    for k, v in h.items():
        if k.lower() not in skip:
            lines.insert(0, '%s: %s' % (k, v))
    data = ('%s %s HTTP/1.1\r\n' % (method, path)).encode('utf-8', 'surrogateescape')
    data += '\r\n'.join(lines).encode('utf-8') + b'\r\n\r\n'
    s = socket.create_connection(('127.0.0.1', port), timeout=timeout)
    try:
        s.sendall(data)
        r = read_reply(s.makefile('rb'), method == 'HEAD')
    except OSError as e:
        return Reply(0, [], b'', True, 'no reply: ' + e.__class__.__name__)
    finally:
        s.close()
    return r or Reply(0, [], b'', True, 'connection closed without a reply')


# ------------------------------------------------------------------ sources over HTTP
TYPES = {
    'jpg': 'image/jpeg',
    'png': 'image/png',
    'gif': 'image/gif',
    'webp': 'image/webp',
    'avif': 'image/avif',
    'heic': 'image/heic',
    'tiff': 'image/tiff',
    'bmp': 'image/bmp',
    'ico': 'image/x-icon',
    'svg': 'image/svg+xml',
    'jxl': 'image/jxl',
    'txt': 'text/plain',
    'html': 'text/html',
}


class SourceHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server_version = 'source'
    sys_version = ''
    root = ''
    log = []
    lock = threading.Lock()

    def log_message(self, *a):
        pass

    def file(self, name):
        p = os.path.join(self.root, urllib.parse.unquote(name))
        try:
            with open(p, 'rb') as fh:
                return fh.read()
        except OSError:
            return None

    def reply(self, code, body=b'', headers=(), ctype=None, length=None):
        self.send_response(code)
        if code in (204, 205, 304):
            body, length = b'', (0 if code == 205 else False)
        if ctype:
            self.send_header('Content-Type', ctype)
        for k, v in headers:
            self.send_header(k, v)
        if length is not False:
            self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def do_GET(self):
        with self.lock:
            self.log.append((self.path, [(k, v) for k, v in self.headers.items()]))
        path = self.path.split('?')[0]
        query = self.path.partition('?')[2]
        parts = path.lstrip('/').split('/')
        kind, rest = parts[0], parts[1:]
        name = rest[-1] if rest else ''
        if kind in ('img', 'q'):
            name = '/'.join(rest)
        data = self.file(name) if name else None
        ctype = TYPES.get(name.rsplit('.', 1)[-1].lower(), 'application/octet-stream')
        fn = getattr(self, 'r_' + kind, None)
        if fn is None:
            return self.reply(404, b'no such page', ctype='text/plain')
        return fn(rest, name, data, ctype, query)

    def plain(self, data, ctype, headers=()):
        if data is None:
            return self.reply(404, b'no such file', ctype='text/plain')
        self.reply(200, data, headers, ctype)

    def r_img(self, rest, name, data, ctype, query):
        self.plain(data, ctype)

    def r_q(self, rest, name, data, ctype, query):
        self.plain(data if query == 'v=1&w=two' else None, ctype)

    def r_etag(self, rest, name, data, ctype, query):
        tag = '"tag-%s"' % name if rest[0] != 'weak' else 'W/"weak-%s"' % name
        if self.headers.get('If-None-Match') == tag:
            return self.reply(304, headers=[('ETag', tag), ('Cache-Control', 'max-age=5')], length=False)
        self.plain(data, ctype, [('ETag', tag)])

    def r_lm(self, rest, name, data, ctype, query):
        if self.headers.get('If-Modified-Since') == LM:
            return self.reply(304, headers=[('Last-Modified', LM)], length=False)
        self.plain(data, ctype, [('Last-Modified', LM if rest[0] != 'bad' else 'yesterday')])

    def r_both(self, rest, name, data, ctype, query):
        tag = '"both-%s"' % name
        if self.headers.get('If-None-Match') == tag or (
            not self.headers.get('If-None-Match') and self.headers.get('If-Modified-Since') == LM
        ):
            return self.reply(304, headers=[('ETag', tag), ('Last-Modified', LM)], length=False)
        self.plain(data, ctype, [('ETag', tag), ('Last-Modified', LM)])

    def r_cc(self, rest, name, data, ctype, query):
        h = {
            'short': [('Cache-Control', 'max-age=77')],
            'nostore': [('Cache-Control', 'no-store')],
            'smax': [('Cache-Control', 'public, s-maxage=900')],
            'none': [],
            'expires': [('Expires', formatdate(time.time() + 1000, usegmt=True))],
            'past': [('Expires', formatdate(time.time() - 1000, usegmt=True))],
            'both': [('Cache-Control', 'private, max-age=33'), ('Expires', formatdate(time.time() + 500, usegmt=True))],
            'badexp': [('Expires', 'soon')],
        }[rest[0]]
        self.plain(data, ctype, h)

    def r_slow(self, rest, name, data, ctype, query):
        time.sleep(int(rest[0]) / 1000)
        self.plain(data, ctype)

    def r_drip(self, rest, name, data, ctype, query):
        self.send_response(200)
        self.send_header('Content-Type', ctype)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            time.sleep(int(rest[0]) / 1000)
            self.wfile.write(data[len(data) // 2 :])
        except OSError:
            pass

    def r_redir(self, rest, name, data, ctype, query):
        n, code = int(rest[0]), int(rest[1])
        to = '/img/' + name if n <= 1 else '/redir/%d/%d/%s' % (n - 1, code, name)
        self.reply(code, b'', [('Location', to)])

    def r_redirabs(self, rest, name, data, ctype, query):
        self.reply(302, b'', [('Location', SRC + '/img/' + name)])

    def r_redirto(self, rest, name, data, ctype, query):
        self.reply(302, b'', [('Location', urllib.parse.unquote(rest[0]))])

    def r_redirnone(self, rest, name, data, ctype, query):
        self.reply(302, b'')

    def r_loop(self, rest, name, data, ctype, query):
        self.reply(302, b'', [('Location', '/loop/' + name)])

    def r_status(self, rest, name, data, ctype, query):
        self.reply(int(rest[0]), b'status page', ctype='text/plain')

    def r_statusimg(self, rest, name, data, ctype, query):
        self.reply(int(rest[0]), data, ctype=ctype)

    def r_short(self, rest, name, data, ctype, query):
        self.reply(200, data[: -len(data) // 3], ctype=ctype, length=len(data))
        self.close_connection = True

    def r_long(self, rest, name, data, ctype, query):
        self.reply(200, data, ctype=ctype, length=len(data) // 2)
        self.close_connection = True

    def r_nolength(self, rest, name, data, ctype, query):
        self.reply(200, data, [('Connection', 'close')], ctype, length=False)
        self.close_connection = True

    def r_chunked(self, rest, name, data, ctype, query):
        self.send_response(200)
        self.send_header('Content-Type', ctype)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        end = len(data) if rest[0] != 'cut' else len(data) // 2
        for i in range(0, end, 1000):
            c = data[i : min(i + 1000, end)]
            self.wfile.write(b'%x\r\n%s\r\n' % (len(c), c))
        if rest[0] == 'cut':
            self.close_connection = True
            return
        self.wfile.write(b'0\r\n\r\n')

    def r_gzip(self, rest, name, data, ctype, query):
        z = gzip.compress(data, mtime=0)
        k = rest[0]
        if k == 'bad':
            z = b'not gzip at all' * 20
        if k == 'cut':
            z = z[: len(z) // 2]
        if k == 'chunked':
            self.send_response(200)
            self.send_header('Content-Type', ctype)
            self.send_header('Content-Encoding', 'gzip')
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            self.wfile.write(b'%x\r\n%s\r\n0\r\n\r\n' % (len(z), z))
            return
        self.reply(200, z, [('Content-Encoding', 'GZIP' if k == 'upper' else 'x-gzip' if k == 'x' else 'gzip')], ctype)

    def r_deflate(self, rest, name, data, ctype, query):
        self.reply(200, zlib.compress(data), [('Content-Encoding', 'deflate')], ctype)

    def r_identity(self, rest, name, data, ctype, query):
        self.reply(200, data, [('Content-Encoding', 'identity')], ctype)

    def r_partial(self, rest, name, data, ctype, query):
        n = len(data)
        cr = {
            'full': 'bytes 0-%d/%d' % (n - 1, n),
            'star': 'bytes 0-%d/*' % (n - 1),
            'tail': 'bytes 10-%d/%d' % (n - 1, n),
            'head': 'bytes 0-%d/%d' % (n // 2, n),
            'bad': 'what',
            'unsat': 'bytes */%d' % n,
        }.get(rest[0])
        self.reply(206, data, [('Content-Range', cr)] if cr else [], ctype)

    def r_ct(self, rest, name, data, ctype, query):
        t = {
            'html': 'text/html',
            'octet': 'application/octet-stream',
            'none': None,
            'wrong': 'image/gif',
            'params': ctype + '; charset=x',
        }[rest[0]]
        self.reply(200, data, ctype=t)

    def r_cookie(self, rest, name, data, ctype, query):
        c = self.headers.get('Cookie') or ''
        if rest[0] == 'set':
            return self.reply(302, b'', [('Set-Cookie', 'pass=open; Path=/'), ('Location', '/cookie/need/' + name)])
        if rest[0] == 'need' and 'pass=open' not in c:
            return self.reply(403, b'no cookie', ctype='text/plain')
        self.plain(data, ctype)

    def r_auth(self, rest, name, data, ctype, query):
        if self.headers.get('Authorization') != 'Basic ' + base64.b64encode(b'me:word').decode():
            return self.reply(401, b'who', [('WWW-Authenticate', 'Basic')], 'text/plain')
        self.plain(data, ctype)

    def r_empty(self, rest, name, data, ctype, query):
        self.reply(200, b'', ctype='image/png')

    def r_drop(self, rest, name, data, ctype, query):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def r_garbage(self, rest, name, data, ctype, query):
        self.wfile.write(b'this is not http\r\n\r\n')
        self.close_connection = True

    def r_headers(self, rest, name, data, ctype, query):
        self.plain(
            data,
            ctype,
            [
                ('X-Source', 'yes'),
                ('Set-Cookie', 'leak=1'),
                ('Server', 'other'),
                ('Vary', 'Cookie'),
                ('Age', '9'),
                ('Content-Disposition', 'attachment; filename="evil.exe"'),
                ('Access-Control-Allow-Origin', 'src.test'),
            ],
        )

    def r_range(self, rest, name, data, ctype, query):
        m = re.match(r'bytes=(\d+)-(\d*)$', self.headers.get('Range') or '')
        if not m:
            return self.plain(data, ctype, [('Accept-Ranges', 'bytes')])
        a = int(m.group(1))
        b = min(int(m.group(2) or len(data) - 1), len(data) - 1)
        if a >= len(data):
            return self.reply(416, b'', [('Content-Range', 'bytes */%d' % len(data))])
        self.reply(
            206,
            data[a : b + 1],
            [('Accept-Ranges', 'bytes'), ('Content-Range', 'bytes %d-%d/%d' % (a, b, len(data)))],
            ctype,
        )


class SourceServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


def start_sources(root):
    SourceHandler.root = root
    SourceHandler.log = []
    srv = SourceServer(('127.0.0.1', SRC_PORT), SourceHandler)
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    return srv


# ------------------------------------------------------------------ server under test
class Ports:
    """Hands out ports of the range one after another, skipping busy ones."""

    def __init__(self):
        self.at = PORT_LO - 1

    def next(self):
        for _ in range(PORT_HI - PORT_LO + 1):
            self.at = self.at + 1 if self.at < PORT_HI else PORT_LO
            s = socket.socket()
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(('127.0.0.1', self.at))
                return self.at
            except OSError:
                continue
            finally:
                s.close()
        raise RuntimeError('every port from %d to %d is busy' % (PORT_LO, PORT_HI))


PROBLEMS = []  # unexpected ends of the server and sanitizer reports, over the whole run
STOP_LIMIT = 10  # seconds an idle server may take to end
SANITIZER = re.compile(
    r'(==\d+==ERROR: |WARNING: ThreadSanitizer: |ERROR: LeakSanitizer|[^\n]*: runtime error: |==\d+==WARNING: MemorySanitizer)[^\n]*'
)


class Server:
    def __init__(self, cmd, env, port, prefix='', logfile=None):
        self.port, self.prefix = port, prefix
        full = {
            k: os.environ[k]
            for k in (
                'PATH',
                'HOME',
                'LANG',
                'LD_LIBRARY_PATH',
                'LD_PRELOAD',
                'ASAN_OPTIONS',
                'UBSAN_OPTIONS',
                'LSAN_OPTIONS',
                'TSAN_OPTIONS',
                'TMPDIR',
                'MALLOC_ARENA_MAX',
            )
            if k in os.environ
        }
        full.update(env)
        full['IMGPROXY_BIND'] = '127.0.0.1:%d' % port
        self.log = open(logfile, 'a+b') if logfile else tempfile.TemporaryFile('a+b')
        self.log_from = self.log.seek(0, os.SEEK_END)
        self.p = subprocess.Popen(
            cmd if isinstance(cmd, list) else shlex.split(cmd),
            env=full,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_ready(self, limit=20):
        end = time.time() + limit
        while time.time() < end:
            if self.p.poll() is not None:
                return False
            try:
                r = request(self.port, 'GET', self.prefix + '/health', {}, timeout=2)
                if r.status:
                    return True
            except OSError:
                pass
            time.sleep(0.03)
        return False

    def alive(self):
        return self.p.poll() is None

    def rss_kb(self):
        try:
            with open('/proc/%d/status' % self.p.pid) as fh:
                return int(re.search(r'VmRSS:\s+(\d+)', fh.read()).group(1))
        except (OSError, AttributeError):
            return 0

    def stop(self):
        """Ends the server; what is wrong with its end or its log goes to PROBLEMS."""
        name = (
            os.path.basename(getattr(self.log, 'name', '') if isinstance(getattr(self.log, 'name', ''), str) else '')
            or 'port %d' % self.port
        )
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(STOP_LIMIT)
                if self.p.returncode:
                    PROBLEMS.append('%s: exit status %d after SIGTERM' % (name, self.p.returncode))
            except subprocess.TimeoutExpired:
                PROBLEMS.append('%s: not stopped %d s after SIGTERM' % (name, STOP_LIMIT))
                try:
                    os.killpg(self.p.pid, signal.SIGKILL)
                except OSError:
                    pass
                self.p.wait()
        if not self.log.closed:
            self.log.seek(self.log_from)
            report = SANITIZER.search(self.log.read().decode('utf-8', 'replace'))
            if report:
                PROBLEMS.append('%s: %s' % (name, report.group(0)[:200]))
            self.log.close()
        return self.p.returncode


# ------------------------------------------------------------------ reading a result
def magic(b):
    if b[:2] == b'\xff\xd8':
        return 'jpeg'
    if b[:8] == b'\x89PNG\r\n\x1a\n':
        return 'png'
    if b[:4] == b'GIF8':
        return 'gif'
    if b[:4] == b'RIFF' and b[8:12] == b'WEBP':
        return 'webp'
    if b[4:12] in (b'ftypavif', b'ftypavis'):
        return 'avif'
    if b[4:8] == b'ftyp':
        return 'heic'
    if b[:2] == b'\xff\x0a' or b[:8] == b'\0\0\0\x0cJXL ':
        return 'jxl'
    if b[:4] in (b'II*\0', b'MM\0*'):
        return 'tiff'
    if b[:4] == b'\0\0\1\0':
        return 'ico'
    if b[:2] == b'BM':
        return 'bmp'
    if b'<svg' in b[:4096]:
        return 'svg'
    return ''


def to_rgba8(im):
    """First frame as an RGBA array, colours as stored (profiles not applied)."""
    if im.format in ('ushort', 'short') and im.interpretation in ('multiband', 'b-w', 'srgb'):
        im = im.copy(interpretation='grey16' if im.bands < 3 else 'rgb16')
    if im.interpretation != 'srgb' or im.bands not in (3, 4) or im.format != 'uchar':
        im = im.colourspace('srgb')
    if im.format != 'uchar':
        im = im.cast('uchar')
    if im.bands == 1:
        im = im.bandjoin([im, im])
    if im.bands == 2:
        im = im[0].bandjoin([im[0], im[0], im[1]])
    if im.bands == 3:
        im = im.bandjoin(255)
    return im.numpy()[:, :, :4]


def reduce(a):
    """Scales an RGBA array down (area mean, premultiplied) to at most THUMB."""
    h, w = a.shape[:2]
    s = max(h, w) / THUMB
    p = a.astype(np.float64)
    p[:, :, :3] *= p[:, :, 3:4] / 255
    if s > 1:
        th, tw = max(1, round(h / s)), max(1, round(w / s))

        def edges(n, m):
            return np.unique(np.floor(np.arange(m) * n / m).astype(int))

        ye, xe = edges(h, th), edges(w, tw)
        p = np.add.reduceat(np.add.reduceat(p, ye, axis=0), xe, axis=1)
        ny = np.diff(np.append(ye, h))[:, None, None]
        nx = np.diff(np.append(xe, w))[None, :, None]
        p = p / (ny * nx)
    return np.clip(np.rint(p), 0, 255).astype(np.uint8)


def ico_parts(b):
    n = struct.unpack('<H', b[4:6])[0]
    best = None
    for i in range(n):
        w, h, _, _, _, bpp, size, off = struct.unpack('<BBBBHHII', b[6 + 16 * i : 22 + 16 * i])
        if best is None or (w or 256) > best[0]:
            best = (w or 256, b[off : off + size], bpp)
    return n, best


def decode(body, fmt):
    """Everything the comparison looks at inside an encoded image."""
    info = {'fmt': fmt, 'size': len(body)}
    if fmt == 'ico':
        n, best = ico_parts(body)
        info['icons'] = n
        inner = best[1]
        if magic(inner) == 'png':
            info['ico_payload'] = 'png'
            im = pyvips.Image.new_from_buffer(inner, '')
        else:
            info['ico_payload'] = 'dib'
            pi = Image.open(io.BytesIO(body)).convert('RGBA')
            a = np.asarray(pi)
            info.update(w=pi.width, h=pi.height, frames=1, alpha=True, bands=4, depth=8)
            return info, reduce(a), None
    elif fmt == 'bmp':
        info['bmp_header'] = struct.unpack('<I', body[14:18])[0]
        info['bmp_bpp'] = struct.unpack('<H', body[28:30])[0]
        pi = Image.open(io.BytesIO(body))
        alpha = pi.mode in ('RGBA', 'LA', 'PA')
        a = np.asarray(pi.convert('RGBA'))
        info.update(w=pi.width, h=pi.height, frames=1, alpha=alpha, bands=4 if alpha else 3, depth=8)
        return info, reduce(a), None
    elif fmt in ('gif', 'webp'):
        im = pyvips.Image.new_from_buffer(body, 'n=-1')
    else:
        im = pyvips.Image.new_from_buffer(body, '')
    fields = set(im.get_fields())

    def field(name, default=None):
        return im.get(name) if name in fields else default

    ph = field('page-height', im.height)
    frames = im.height // ph if ph else 1
    info.update(
        w=im.width,
        h=ph,
        frames=frames,
        alpha=bool(im.hasalpha()),
        bands=im.bands,
        depth=16 if im.format in ('ushort', 'short') else 32 if im.format in ('float', 'uint') else 8,
    )
    if fmt in ('heic', 'avif'):
        info['heif_depth'] = field('heif-bitdepth', 8)
    if fmt in ('png', 'gif'):
        info['palette_bits'] = field(
            'palette-bit-depth', field('bits-per-sample', 0) if fmt == 'png' and 'palette' in fields else 0
        )
    if fmt in ('png', 'jpeg'):
        info['interlaced'] = bool(field('interlaced', 0))
    if fmt == 'jpeg':
        info['chroma'] = str(field('jpeg-chroma-subsample', ''))
        pi = Image.open(io.BytesIO(body))
        info['qtables'] = hashlib.sha256(repr(sorted(pi.quantization.items())).encode()).hexdigest()[:12]
    if fmt == 'tiff':
        try:
            info['tiff_compression'] = int(Image.open(io.BytesIO(body)).tag_v2[259])
        except Exception:
            info['tiff_compression'] = 0
    icc = field('icc-profile-data')
    info['icc'] = hashlib.sha256(bytes(icc)).hexdigest()[:12] if icc is not None else ''
    exif = {f.split('-', 2)[2]: str(im.get(f)).split(' (')[0] for f in fields if f.startswith('exif-ifd0-')}
    info['exif'] = {k: exif[k] for k in ('Copyright', 'Artist', 'Make', 'Software', 'ImageDescription') if k in exif}
    info['orientation'] = field('orientation', 1)
    info['gps'] = any(f.startswith('exif-ifd3-') for f in fields)
    xmp = field('xmp-data')
    info['xmp'] = sorted(k for k in ('rights', 'title', 'Rating') if xmp is not None and k.encode() in bytes(xmp))
    iptc = field('iptc-data')
    info['iptc'] = sorted(
        k for k in ('By Line', 'Headline', 'Credit', 'Copyright note') if iptc is not None and k.encode() in bytes(iptc)
    )
    means = None
    if frames > 1:
        d = field('delay')
        info['delay'] = [int(x) for x in d] if d is not None else None
        info['loop'] = field('loop')
        full = to_rgba8(im).astype(np.float64).reshape(frames, ph, im.width, 4)
        full[..., :3] *= full[..., 3:4] / 255
        hw = max(1, ph // 2), max(1, im.width // 2)
        means = [
            [
                round(float(full[i, y, x, c].mean()), 1)
                for c in range(4)
                for y in (slice(0, hw[0]), slice(hw[0] if ph > 1 else 0, None))
                for x in (slice(0, hw[1]), slice(hw[1] if im.width > 1 else 0, None))
            ]
            for i in range(frames)
        ]
        im = im.crop(0, 0, im.width, ph)
    return info, reduce(to_rgba8(im)), means


def canon_svg(body):
    try:
        return hashlib.sha256(
            ElementTree.canonicalize(body.decode('utf-8', 'replace'), strip_text=True).encode()
        ).hexdigest()[:16]
    except ElementTree.ParseError:
        return 'unparsable'


HEADERS = [
    'Content-Type',
    'Cache-Control',
    'Content-Disposition',
    'Vary',
    'Link',
    'Access-Control-Allow-Origin',
    'Access-Control-Allow-Methods',
    'Access-Control-Allow-Headers',
    'Content-Security-Policy',
    'X-Request-Id',
    'ETag',
    'Last-Modified',
    'Expires',
    'Content-Range',
    'Accept-Ranges',
    'Content-Encoding',
    'X-Origin-Width',
    'X-Origin-Height',
    'X-Result-Width',
    'X-Result-Height',
    'X-Origin-Content-Length',
    'Set-Cookie',
    'Location',
    'Content-Length',
    'Server',
    'Date',
    'X-Source',
    'Age',
    'Allow',
]


def header_record(r, case, vals):
    out = {}
    for n in HEADERS:
        v = r.get(n)
        if v is None:
            continue
        v = v.replace('127.0.0.1:%d' % SRC_PORT, 'SOURCE')
        low = n.lower()
        if low == 'x-request-id':
            sent = {k.lower(): x for k, x in case.get('headers', {}).items()}.get('x-request-id')
            v = 'echo' if sent and sent == v else 'some'
        elif low in ('date', 'server'):
            v = 'some'
        elif low == 'content-length':
            v = 'some'
        elif low == 'etag' and re.match(r'^"[A-Za-z0-9_-]{43}"$', v):
            v = 'quoted'  # made by the server itself for local files
        elif low == 'content-type':
            v = re.sub(r';\s*', '; ', v).lower()
        out[n] = v
    return out


def record_of(r, case, seen, vals=None):
    """(record, thumbnail) of one reply."""
    rec = {'status': r.status, 'headers': header_record(r, case, vals)}
    thumb = None
    if r.error:
        rec['error'] = r.error
    cl = r.get('Content-Length')
    if cl is not None and case.get('method', 'GET') != 'HEAD' and r.status not in (304,) and int(cl) != len(r.body):
        rec['bad_length'] = True
    if seen is not None:
        rec['seen'] = seen
    b = r.body
    fmt = magic(b)
    if fmt == 'svg' and 'html' in (r.get('Content-Type') or ''):
        fmt = ''
    how = case.get('body')
    if how in ('none', 'status'):
        pass
    elif how == 'sha':
        rec['body'] = {'kind': 'bytes', 'sha': hashlib.sha256(b).hexdigest()[:24], 'size': len(b)}
    elif not b:
        rec['body'] = {'kind': 'empty'}
    elif fmt == 'svg':
        rec['body'] = {'kind': 'svg', 'canon': canon_svg(b)}
        try:
            a = to_rgba8(pyvips.Image.new_from_buffer(b, ''))
            thumb = reduce(a)
            rec['body'].update(w=a.shape[1], h=a.shape[0])
        except pyvips.Error:
            rec['body']['render'] = 'fails'
    elif fmt:
        try:
            info, thumb, means = decode(b, fmt)
            rec['body'] = {'kind': 'image', **info}
            if means:
                rec['body']['means'] = means
        except Exception as e:
            rec['body'] = {
                'kind': 'bytes',
                'sha': hashlib.sha256(b).hexdigest()[:24],
                'size': len(b),
                'why': str(e)[:80],
            }
            thumb = None
    else:
        t = b.decode('utf-8', 'replace')
        if t.lstrip()[:1] == '<' and len(t) > 400:
            rec['body'] = {'kind': 'html'}
        else:
            rec['body'] = {'kind': 'text', 'text': t[:400] if how != 'anytext' else 'some'}
    return rec, thumb


# ------------------------------------------------------------------ comparing
def ssim(a, b):
    a = a[:, :, :3].mean(axis=2)
    b = b[:, :, :3].mean(axis=2)
    k = min(8, a.shape[0], a.shape[1])

    def box(x):
        c = np.pad(x, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        return (c[k:, k:] - c[:-k, k:] - c[k:, :-k] + c[:-k, :-k]) / (k * k)

    ma, mb = box(a), box(b)
    va, vb, cab = box(a * a) - ma * ma, box(b * b) - mb * mb, box(a * b) - ma * mb
    c1, c2 = 6.5025, 58.5225
    return float((((2 * ma * mb + c1) * (2 * cab + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean())


def pixel_stats(a, b):
    x, y = a.astype(np.float64), b.astype(np.float64)
    d = np.abs(x - y)
    h, w = d.shape[:2]
    m = d.mean(axis=2)
    worst = 0.0
    for y0 in range(0, h, 16):
        for x0 in range(0, w, 16):
            worst = max(worst, float(m[y0 : y0 + 16, x0 : x0 + 16].mean()))
    return {'mean': float(d.mean()), 'block': worst, 'ssim': ssim(x, y), 'max': float(d.max())}


LOSSLESS = {'png', 'bmp', 'ico', 'svg'}
LIMITS = {  # mean abs difference, worst 16x16 block, lowest SSIM
    'lossless': (1.5, 10.0, 0.97),
    'lossy': (3.0, 14.0, 0.94),
}
EXACT_FIELDS = [
    'fmt',
    'w',
    'h',
    'frames',
    'alpha',
    'bands',
    'depth',
    'heif_depth',
    'palette_bits',
    'interlaced',
    'chroma',
    'qtables',
    'tiff_compression',
    'icc',
    'exif',
    'orientation',
    'gps',
    'xmp',
    'iptc',
    'delay',
    'loop',
    'icons',
    'ico_payload',
    'bmp_bpp',
]
# Compared, but a difference is only a note: worth a look, yet not visible to a client.
NOTE_FIELDS = ['bmp_header']


# Elsewhere only the Content-Type is compared, so that one missing header
# shows in its own areas and does not drown the picture areas.
HEADER_AREAS = {
    'caching',
    'conditional',
    'http',
    'filename',
    'raw',
    'fetch',
    'fallback',
    'expires',
    'cookies',
    'negotiation',
    'signature',
    'security',
    'skip',
}


def cc_equal(a, b):
    if a == b:
        return True
    pa, pb = (re.match(r'^max-age=(\d+)(.*)$', x or '') for x in (a, b))
    return bool(pa and pb and pa.group(2) == pb.group(2) and abs(int(pa.group(1)) - int(pb.group(1))) <= 8)


def compare(want, got, wthumb, gthumb, case):
    """List of reasons why `got` is not `want` (empty when it conforms)."""
    bad = []
    if want['status'] != got['status']:
        if got['status'] in case.get('accept', []):
            return []
        if (
            want['status'] == 500
            and got['status'] == 422
            or want['status'] == 422
            and got['status'] == 500
            and case['area'] == 'badinput'
        ):
            return []  # a clearer answer to a damaged image is no worse
        bad.append('status %s instead of %s' % (got['status'], want['status']))
        gb = got.get('body') or {}
        if gb.get('kind') == 'text':
            bad.append('text: %r' % gb['text'][:80])
        return bad
    if case.get('body') == 'status' or (want.get('body') or {}).get('text', '').startswith('400 Bad Request'):
        return bad
    if got.get('error') != want.get('error'):
        bad.append('transfer: %s instead of %s' % (got.get('error'), want.get('error')))
    if got.get('bad_length') and not want.get('bad_length'):
        bad.append('Content-Length does not match the body')
    skip = {x.lower() for x in case.get('skip_headers', [])}
    for n in HEADERS:
        low = n.lower()
        if low in skip or low in ('date', 'server', 'allow'):
            continue
        if case['area'] not in HEADER_AREAS and case.get('kind', 'http') == 'http' and low != 'content-type':
            continue
        a, b = want['headers'].get(n), got['headers'].get(n)
        if a == b:
            continue
        if low == 'cache-control' and cc_equal(a, b):
            continue
        if low == 'content-length' and (want['status'] != 200 or a is None or case.get('method') == 'HEAD'):
            continue
        if low == 'x-request-id' and a and b and a == 'some':
            continue
        if low == 'content-security-policy' and a and b:
            da, db = ({p.strip() for p in v.split(';') if p.strip()} for v in (a, b))
            if da == db:
                continue
        if low == 'etag' and a == 'quoted' and b and re.match(r'^(W/)?"[^"]+"$', b):
            continue
        if (
            low == 'vary'
            and a
            and b
            and [x.strip().lower() for x in a.split(',')] == [x.strip().lower() for x in b.split(',')]
        ):
            continue
        bad.append('header %s: %r instead of %r' % (n, b, a))
    if 'seen' in want and want['seen'] != got.get('seen'):
        bad.append('requests to the source: %s instead of %s' % (json.dumps(got.get('seen')), json.dumps(want['seen'])))
    wb, gb = want.get('body'), got.get('body')
    if not wb or case.get('body') == 'none':
        return bad
    if wb['kind'] == 'html':
        if not gb or gb['kind'] not in ('html', 'text'):
            bad.append('body is %s instead of a page' % (gb and gb['kind']))
        return bad
    if not gb or wb['kind'] != gb['kind']:
        bad.append('body is %s instead of %s' % (gb and gb['kind'], wb['kind']))
        return bad
    if wb['kind'] == 'text' and wb['text'] != gb['text']:
        bad.append('text %r instead of %r' % (gb['text'][:90], wb['text'][:90]))
    if wb['kind'] == 'bytes' and wb['sha'] != gb['sha']:
        bad.append('body bytes differ (%d instead of %d)' % (gb['size'], wb['size']))
    if wb['kind'] == 'svg' and wb['canon'] != gb['canon']:
        bad.append('SVG markup differs')
    if wb['kind'] == 'image':
        for f in EXACT_FIELDS:
            if wb.get(f) != gb.get(f):
                bad.append('%s %r instead of %r' % (f, gb.get(f), wb.get(f)))
        if wb.get('w') != gb.get('w') or wb.get('h') != gb.get('h'):
            return bad
        lo, hi = (0.75, 1.34) if wb['size'] > 400 else (0.4, 2.5)
        ratio = gb['size'] / max(1, wb['size'])
        if not lo <= ratio <= hi:
            bad.append('file size %d instead of %d' % (gb['size'], wb['size']))
        if wb.get('means') and gb.get('means') and len(wb['means']) == len(gb['means']):
            d = np.abs(np.array(wb['means']) - np.array(gb['means']))
            if d.mean() > 2.5 or d.max() > 14:
                bad.append('frames differ (mean %.1f, worst %.1f)' % (d.mean(), d.max()))
    if wthumb is not None:
        if gthumb is None or wthumb.shape != gthumb.shape:
            bad.append('picture could not be compared')
        else:
            s = pixel_stats(wthumb, gthumb)
            got['pix'] = s
            kind = 'lossless' if wb.get('fmt', 'svg') in LOSSLESS and not case.get('lossy') else 'lossy'
            mean, block, low = LIMITS[kind]
            if s['mean'] > mean or s['block'] > block or s['ssim'] < low:
                bad.append('pixels differ: mean %.2f, worst block %.1f, ssim %.3f' % (s['mean'], s['block'], s['ssim']))
    return bad


# ------------------------------------------------------------------ running cases
def seen_since(mark, names):
    out = []
    for path, headers in SourceHandler.log[mark:]:
        hd = {k.lower(): v for k, v in headers}
        item = {'path': path}
        for n in names:
            v = hd.get(n.lower())
            if v is not None:
                item[n] = v.replace('127.0.0.1:%d' % SRC_PORT, 'SOURCE')
        out.append(item)
    return out


def run_case(case, port, env, srcdir):
    """Runs one case against a started server: (record, thumb)."""
    vals = {}
    kind = case.get('kind', 'http')
    ex = lambda s: expand(s, env, srcdir, vals)
    if kind == 'raw':
        pieces = [
            expand(p, env, srcdir, vals).replace('{host}', '127.0.0.1:%d' % port).encode('utf-8', 'surrogateescape')
            for p in case['send']
        ]
        if case.get('pad'):
            pieces = [p.replace(b'{pad}', b'x' * case['pad']) for p in pieces]
        rs = talk(port, pieces, case.get('count', 1), case.get('method') == 'HEAD', pause=case.get('pause'))
        rec = {'status': [r.status for r in rs], 'headers': {}}
        if case.get('check_close', True):
            rec['headers']['Location'] = 'closed' if (rs and rs[-1].closed) else 'open'
        return rec, None
    if kind == 'burst':
        n, res = case['n'], []
        path = ex(case['path'])

        def one(i):
            if case.get('stagger'):
                time.sleep(i * case['stagger'])
            res.append(request(port, 'GET', path, case.get('headers', {})).status)

        ts = [threading.Thread(target=one, args=(i,)) for i in range(n)]
        [t.start() for t in ts]
        [t.join() for t in ts]
        return {'status': sorted(res), 'headers': {}}, None
    mark = len(SourceHandler.log)
    for pre in case.get('pre', []):
        r0 = request(port, 'GET', ex(pre), {})
        vals.update({k.lower(): v for k, v in r0.headers})
        mark = len(SourceHandler.log)
    headers = {k: (expand(v, env, srcdir, vals) if v is not None else None) for k, v in case.get('headers', {}).items()}
    r = request(port, case.get('method', 'GET'), ex(case['path']), headers)
    seen = seen_since(mark, case['seen']) if 'seen' in case else None
    c = dict(case, headers=headers)
    return record_of(r, c, seen, vals)


def is_serial(case):
    return 'seen' in case or case.get('kind') in ('burst', 'raw') or case.get('serial')


def run_startup(case, cmd, env, port):
    srv = Server(cmd, env, port)
    up = srv.wait_ready(12)
    srv.stop()
    return {'status': 'starts' if up else 'refuses', 'headers': {}}, None


def profile_env(profiles, name, srcdir):
    base = {'IMGPROXY_LOCAL_FILESYSTEM_ROOT': '{dir}', 'IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES': 'true'}
    env = {**base, **profiles[name]}
    return {k: expand(v, {}, srcdir) for k, v in env.items() if v is not None}


def run_all(cases, profiles, cmd, srcdir, on_result, workers=3, logdir=None, overrides=None, progress=None):
    """Runs every case, profile by profile; on_result(case, record, thumb)."""
    from concurrent.futures import ThreadPoolExecutor

    src = start_sources(srcdir)
    by = {}
    for c in cases:
        by.setdefault(c['profile'], []).append(c)
    ports = Ports()
    notes = []
    try:
        for name, group in by.items():
            env0 = profile_env(profiles, name, srcdir)
            env = {**env0, **(overrides or {})}
            for c in [c for c in group if c.get('kind') == 'startup']:
                e = {**env, **{k: expand(v, {}, srcdir) for k, v in c['env'].items()}}
                on_result(c, *run_startup(c, cmd, e, ports.next()))
            rest = [c for c in group if c.get('kind') != 'startup']
            if not rest:
                continue
            logfile = os.path.join(logdir, name + '.log') if logdir else None

            def boot():
                for _ in range(3):
                    s = Server(cmd, env, ports.next(), env.get('IMGPROXY_PATH_PREFIX', '').rstrip('/'), logfile)
                    if s.wait_ready():
                        return s
                    s.stop()
                return None

            srv = boot()
            if srv is None:
                notes.append('profile %s: the server did not start' % name)
                for c in rest:
                    on_result(c, {'status': 'no server', 'headers': {}}, None)
                continue
            state = {'srv': srv}

            def go(c):
                try:
                    return (c,) + tuple(run_case(c, state['srv'].port, env0, srcdir))
                except Exception as e:
                    return c, {'status': 'harness: %s' % repr(e)[:100], 'headers': {}}, None

            par = [c for c in rest if not is_serial(c)]
            ser = [c for c in rest if is_serial(c)]
            with ThreadPoolExecutor(workers) as pool:
                todo = par
                for i in range(0, len(todo), 24):
                    done = list(pool.map(go, todo[i : i + 24]))
                    if not state['srv'].alive():
                        notes.append(
                            'profile %s: the server died among %s' % (name, [c['id'] for c in todo[i : i + 24]])
                        )
                        redo = []
                        for c in todo[i : i + 24]:  # find the culprit one by one
                            if not state['srv'].alive():
                                state['srv'].stop()
                                state['srv'] = boot() or state['srv']
                            res = go(c)
                            if not state['srv'].alive():
                                notes.append('   killed by %s %s' % (c['id'], c.get('path', '')))
                                res[1]['status'] = 'died'
                            redo.append(res)
                        done = redo
                        if not state['srv'].alive():
                            state['srv'] = boot() or state['srv']
                    for d in done:
                        on_result(*d)
            for c in ser:
                if not state['srv'].alive():
                    notes.append('profile %s: the server died before %s' % (name, c['id']))
                    state['srv'] = boot() or state['srv']
                on_result(*go(c))
            if progress:
                progress(name, len(group), state['srv'].rss_kb())
            state['srv'].stop()
    finally:
        src.shutdown()
        src.server_close()
    return notes


def ensure_sources(dest, manifest_path):
    import sources

    files = sources.write(dest)
    got = sources.manifest(files)
    if os.path.exists(manifest_path):
        with open(manifest_path) as fh:
            want = json.load(fh)
        return [n for n in want if got.get(n) != want[n]]
    return []


def load_cases():
    with open(os.path.join(HERE, 'cases.json')) as fh:
        d = json.load(fh)
    return d['profiles'], d['cases']


def load_thumb(path):
    return np.asarray(Image.open(path)) if os.path.exists(path) else None


def save_thumb(path, a):
    if a[:, :, 3].min() == 255:
        Image.fromarray(a[:, :, :3]).save(path, optimize=True)
    else:
        Image.fromarray(a).save(path, optimize=True)


def as_rgba(a):
    if a is not None and a.shape[2] == 3:
        return np.dstack([a, np.full(a.shape[:2], 255, np.uint8)])
    return a

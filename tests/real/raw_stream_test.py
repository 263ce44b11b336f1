#!/usr/bin/env python3
"""100 MB through the option `raw`: the memory of imgring stays flat, a client that reads slowly slows
the source down, and Range goes through.

    python3 tests/real/raw_stream_test.py     IMGRING names the program
"""

import hashlib
import re
import socket
import sys
import tempfile
import threading
import time

import common

MB = 1 << 20
BODY_BYTES = 100 * MB
GROWTH_KB_MAX = 8 << 10


def kernel_buffer_max(name):
    with open('/proc/sys/net/ipv4/' + name, encoding='ascii') as file:
        return int(file.read().split()[2])


# What may lie between source and client: pieces of imgring, and what the kernel lets the buffers grow to, of
# the connection to the source and of the one to the client; measured: 5.3 MB, and 9.4 MB on a busy machine
# whose tcp_rmem ends at 33 MB. Far below the body it must stay.
AHEAD_BYTES_MAX = min(2 * MB + kernel_buffer_max('tcp_rmem') + kernel_buffer_max('tcp_wmem'), BODY_BYTES // 2)
SLOW_BYTES = 3 * MB
SLOW_PIECE_BYTES = 64 << 10
SMALL_BUFFER_BYTES = 64 << 10
BLOCK = hashlib.sha512(b'imgring').digest() * (MB // 64)  # one megabyte, the body is 100 of them


def body_part(first, last):
    """Bytes first..last of the body."""
    out = bytearray()
    while first <= last:
        at = first % MB
        piece = BLOCK[at : at + last - first + 1]
        out += piece
        first += len(piece)
    return bytes(out)


class Source:
    """Serves the body, whole or a Range of it; counts what it could send. One thread a connection."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = 'http://127.0.0.1:%d/big.bin' % self.listener.getsockname()[1]
        self.sent_bytes, self.ends = 0, 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER_BYTES)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        text = b''
        try:
            while True:
                while b'\r\n\r\n' not in text:
                    got = peer.recv(65536)
                    if not got:
                        return
                    text += got
                head, _, text = text.partition(b'\r\n\r\n')
                self.answer(peer, head.decode())
        except OSError:
            pass
        finally:
            self.ends += 1
            peer.close()

    def answer(self, peer, head):
        wanted = re.search(r'(?im)^range: *bytes=(\d+)-(\d*)', head)
        first, last, status, more = 0, BODY_BYTES - 1, '200 OK', ''
        if wanted and int(wanted[1]) >= BODY_BYTES:
            text = 'Content-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n' % BODY_BYTES
            peer.sendall(b'HTTP/1.1 416 Range Not Satisfiable\r\n' + text.encode())
            return
        if wanted:
            first, last = int(wanted[1]), int(wanted[2] or last)
            status, more = '206 Partial Content', 'Content-Range: bytes %d-%d/%d\r\n' % (first, last, BODY_BYTES)
        peer.sendall(
            (
                'HTTP/1.1 %s\r\nContent-Type: application/x-big\r\nAccept-Ranges: bytes\r\nETag: "big"\r\n%s'
                'Content-Length: %d\r\n\r\n' % (status, more, last - first + 1)
            ).encode()
        )
        while first <= last:
            piece = BLOCK[first % MB :][: min(SMALL_BUFFER_BYTES, last - first + 1)]
            count = peer.send(piece)
            self.sent_bytes += count
            first += count

    def close(self):
        self.listener.close()


class Client:
    """Reads an answer as slowly as the test likes."""

    def __init__(self, server, source, buffer_bytes=0):
        self.socket = socket.socket()
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(30)
        self.socket.connect(('127.0.0.1', server.port))
        self.socket.sendall(('GET /insecure/raw:1/plain/%s HTTP/1.1\r\nHost: h\r\n\r\n' % source.url).encode())
        text = b''
        while b'\r\n\r\n' not in text:
            text += self.socket.recv(4096)
        head, _, self.first = text.partition(b'\r\n\r\n')
        self.head, self.read_bytes = head.decode(), 0

    def read(self, size):
        data, self.first = self.first or self.socket.recv(size), b''
        self.read_bytes += len(data)
        return data

    def close(self):
        self.socket.close()


class MemoryWatch:
    """The largest VmRSS of a process, looked at fifty times a second."""

    def __init__(self, pid):
        self.pid, self.peak_kb, self.ended = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(0.02):
            self.peak_kb = max(self.peak_kb, common.status_kb(self.pid, 'VmRSS'))

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peak_kb


def warm_up(server, source):
    """What a process touches once: code, tables, the pieces of a stream."""
    for _ in range(3):
        server.image('raw:1', source.url, Range='bytes=0-%d' % (MB - 1))
    time.sleep(0.3)


def check_memory(checks, server, source):
    before = common.status_kb(server.pid, 'VmRSS')
    watch = MemoryWatch(server.pid)
    client, digest = Client(server, source), hashlib.sha256()
    started = time.monotonic()
    while client.read_bytes < BODY_BYTES:
        data = client.read(MB)
        if not data:
            break
        digest.update(data)
    took = time.monotonic() - started
    client.close()
    during = watch.stop()
    after = common.status_kb(server.pid, 'VmRSS')
    wanted = hashlib.sha256()
    for _ in range(BODY_BYTES // MB):
        wanted.update(BLOCK)
    checks.that(
        '100 MB arrive as they were sent',
        digest.digest() == wanted.digest(),
        '%d bytes in %.2f s' % (client.read_bytes, took),
    )
    checks.that('with their length', 'content-length: %d' % BODY_BYTES in client.head.lower())
    text = 'VmRSS %.1f MB before, %.1f at most, %.1f after' % (before / 1024, during / 1024, after / 1024)
    checks.that('memory grows by less than 8 MB', during - before < GROWTH_KB_MAX, text)
    checks.that('and is given back or reused', after - before < GROWTH_KB_MAX, text)


def check_slow_reader(checks, server, source):
    before = common.status_kb(server.pid, 'VmRSS')
    source.sent_bytes = 0
    client, ahead = Client(server, source, SMALL_BUFFER_BYTES), 0
    watch = MemoryWatch(server.pid)
    while client.read_bytes < SLOW_BYTES:
        client.read(SLOW_PIECE_BYTES)
        time.sleep(0.03)
        ahead = max(ahead, source.sent_bytes - client.read_bytes)
    checks.that(
        'a slow reader slows the source down',
        ahead < AHEAD_BYTES_MAX,
        'at most %.1f MB were under way when %.1f MB were read' % (ahead / MB, client.read_bytes / MB),
    )
    stopped_at = source.sent_bytes
    time.sleep(1)
    checks.that(
        'a reader that stops stops the source',
        source.sent_bytes - client.read_bytes < AHEAD_BYTES_MAX,
        '%.1f MB more in a second' % ((source.sent_bytes - stopped_at) / MB),
    )
    growth = watch.stop() - before
    checks.that('memory does not grow with it', growth < GROWTH_KB_MAX, '%.1f MB' % (growth / 1024))
    ends = source.ends
    client.close()
    checks.that('a client that leaves ends the download', common.wait_for(lambda: source.ends > ends, 10))


def check_many(checks, server, source):
    """Eight at a time, each read for a while: the memory is that of eight pieces."""
    before = common.status_kb(server.pid, 'VmRSS')
    watch = MemoryWatch(server.pid)
    clients = [Client(server, source) for _ in range(8)]
    for _ in range(100):
        for client in clients:
            client.read(256 << 10)
    growth = watch.stop() - before
    for client in clients:
        client.close()
    checks.that(
        'eight streams at once',
        growth < GROWTH_KB_MAX,
        '%.1f MB read, memory grew by %.1f MB' % (sum(c.read_bytes for c in clients) / MB, growth / 1024),
    )


def check_ranges(checks, server, source):
    for first, last in ((0, 0), (5, 9), (MB - 2, MB + 2), (BODY_BYTES - 3, None)):
        end = BODY_BYTES - 1 if last is None else last
        answer = server.image('raw:1', source.url, Range='bytes=%d-%s' % (first, '' if last is None else last))
        seen = (
            answer.status,
            answer.headers['Content-Range'],
            answer.headers['Accept-Ranges'],
            answer.headers['Content-Length'],
            answer.body,
        )
        wanted = (
            206,
            'bytes %d-%d/%d' % (first, end, BODY_BYTES),
            'bytes',
            str(end - first + 1),
            body_part(first, end),
        )
        checks.same('Range %d-%s' % (first, '' if last is None else last), seen, wanted)
    answer = server.image('raw:1', source.url, Range='bytes=%d-' % BODY_BYTES)
    checks.same(
        'a Range behind the end', (answer.status, answer.headers['Content-Range']), (416, 'bytes */%d' % BODY_BYTES)
    )
    answer = server.image('raw:1', source.url, Range='bytes=0-3')
    checks.same(
        'headers of the source',
        (answer.headers['ETag'], answer.headers['Content-Type']),
        ('"big"', 'application/x-big'),
    )
    checks.same('name of the file', answer.headers['Content-Disposition'], 'inline; filename="big.bin"')


def main():
    checks, source = common.Checks(), Source()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            'IMGPROXY_DOWNLOAD_TIMEOUT': '60',
            'IMGPROXY_TIMEOUT': '60',
            'IMGPROXY_LOG_LEVEL': 'warn',
            'IMGPROXY_WRITE_RESPONSE_TIMEOUT': '60',
        }
        with common.Imgring(folder, **settings) as server:
            warm_up(server, source)
            check_memory(checks, server, source)
            check_slow_reader(checks, server, source)
            check_many(checks, server, source)
            check_ranges(checks, server, source)
    source.close()
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())

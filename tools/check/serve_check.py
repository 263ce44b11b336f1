#!/usr/bin/env python3
"""What ./tools/serve --check does after the build: starts build/imgring on a free port of the
loopback, fetches three pictures of the sample, and checks type and size in their own headers."""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

START_LIMIT_S = 30
STOP_LIMIT_S = 15

# (URL, type, width, height) for the sample of 1600 x 1067
PICTURES = [
    ('/insecure/rs:fit:500:500/plain/local:///lake.png@jpg', 'image/jpeg', 500, 333),
    ('/insecure/rs:fill:300:300/g:ce/plain/local:///lake.png@webp', 'image/webp', 300, 300),
    ('/insecure/rs:fit:400:400/rot:90/plain/local:///lake.png@png', 'image/png', 267, 400),
]


def jpeg_size(data):
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], struct.unpack('>H', data[at + 2 : at + 4])[0]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack('>HH', data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def webp_size(data):
    kind = data[12:16]
    if kind == b'VP8 ':
        width, height = struct.unpack('<HH', data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b'VP8L':
        bits = struct.unpack('<I', data[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b'VP8X':
        return (int.from_bytes(data[24:27], 'little') + 1, int.from_bytes(data[27:30], 'little') + 1)
    return None


def picture_facts(data):
    """(type, width, height) as the bytes themselves say."""
    if data[:3] == b'\xff\xd8\xff' and data[-2:] == b'\xff\xd9':
        return ('image/jpeg',) + (jpeg_size(data) or (0, 0))
    if data[:8] == b'\x89PNG\r\n\x1a\n' and data[-8:-4] == b'IEND':
        return ('image/png',) + struct.unpack('>II', data[16:24])
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP' and len(data) >= struct.unpack('<I', data[4:8])[0] + 8:
        return ('image/webp',) + (webp_size(data) or (0, 0))
    return ('unknown', 0, 0)


def check(port, path, kind, width, height):
    try:
        with urllib.request.urlopen('http://127.0.0.1:%d%s' % (port, path), timeout=30) as answer:
            said, data = answer.headers.get('Content-Type'), answer.read()
    except (urllib.error.URLError, OSError) as error:
        print('FAILED %s: %s' % (path, error))
        return False
    facts = picture_facts(data)
    good = said == kind and facts == (kind, width, height)
    print(
        '%s %s: %s %dx%d, %d bytes%s'
        % (
            'ok' if good else 'FAILED',
            path,
            *facts,
            len(data),
            '' if good else ' (asked: %s %dx%d, Content-Type said %s)' % (kind, width, height, said),
        )
    )
    return good


def wait_for_port(server, port_file):
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with open(port_file) as file:
                text = file.read()
            if text.endswith('\n') or text.isdigit():
                return int(text)
        except (OSError, ValueError):
            pass
        time.sleep(0.02)
    return None


def main():
    with tempfile.TemporaryDirectory() as folder:
        port_file = os.path.join(folder, 'port')
        environment = dict(os.environ, IMGPROXY_BIND='127.0.0.1:0', IMGRING_PORT_FILE=port_file)
        server = subprocess.Popen(['build/imgring'], env=environment, stdout=sys.stderr)
        try:
            port = wait_for_port(server, port_file)
            good = port is not None
            if not good:
                print('FAILED the server did not start (exit status %s)' % server.poll())
            else:
                good = all([check(port, *picture) for picture in PICTURES])
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGTERM)
            try:
                status = server.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                status = server.wait()
        if port is not None and status != 0:
            print('FAILED the server ended with status %d after SIGTERM' % status)
            good = False
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

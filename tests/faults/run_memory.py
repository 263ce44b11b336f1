#!/usr/bin/env python3
"""Fails each large allocation of a request, one at a time: the request gets 503 or its picture, the next one its
picture, and nothing stays behind.

    python3 tests/faults/run_memory.py [--only TEXT] [--floor BYTES] [--part I/N]

Needs the preloaded library: ./tools/build release tests/faults/libfailing_memory.so. Allocations of at least
--floor bytes count (4096), of whatever thread and child, but GLib's and the pages of mimalloc. Where one fails in a
child, 422 is right as well: that may be its death. The last line is `N passed, M failed`.
"""

import argparse
import collections
import functools
import http.server
import mmap
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pyvips

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'real'))
import common  # noqa: E402

ALLOCATIONS_MAX = 2000  # of one request; the largest has 300
GOOD_STATUSES = {200, 503}
# Where libwebp has no memory for one of its ways it takes another.
DIFFERENCE_MAX = 2.0
# What takes memory and gives it back.
GAUGES = re.compile(
    r'^(?:imgproxy_)?(imgring_memory_part_bytes\{part="(?:plans|downloads|heads)"\}|imgring_memory_result_bytes|imgring_memory_waiting'
    r'|imgring_jobs_(?:waiting|running)\{[^}]*\}|requests_in_progress|images_in_progress) (\S+)$',
    re.M,
)
SETTLE_LIMIT_S = 25  # two ticks of the memory keeper, which gives idle buffers back
LOG_LIMIT_S = 1  # the log is written behind the answer
CONTROL_BYTES = 40 + 16000  # `Control` of failing_memory.cc
RESERVE_BYTES = 64 << 10  # of a part of the memory, which a loop has at hand
FRAMES_SHOWN = 9
DEATH_CHARACTERS = 4000

# in_child: a part of it is done in one.
Kind = collections.namedtuple('Kind', 'name options source extension in_child', defaults=('', False))
KINDS = [
    Kind('jpeg', 'rs:fit:300:0', 'photo.jpg'),
    Kind('jpeg whole', 'q:70', 'photo.jpg'),
    Kind('progressive jpeg', 'rs:fit:300:0', 'progressive.jpg'),
    Kind('jpeg turned and cut', 'rot:90/rs:fill:200:150', 'photo.jpg'),
    Kind('jpeg sharpened', 'rs:fit:300:0/sh:1', 'photo.jpg'),
    Kind('jpeg to webp', 'rs:fit:300:0', 'photo.jpg', '@webp'),
    Kind('jpeg to png', 'rs:fit:300:0', 'photo.jpg', '@png'),
    Kind('jpeg to gif', 'rs:fit:100:0', 'photo.jpg', '@gif'),
    Kind('jpeg to avif', 'rs:fit:100:0', 'photo.jpg', '@avif', True),
    Kind('png', 'rs:fit:300:0', 'photo.png'),
    Kind('png palette', 'rs:fit:200:0/pngo:0:1:16', 'photo.png'),
    Kind('webp', 'rs:fit:300:0', 'photo.webp'),
    Kind('gif', 'rs:fit:100:0', 'photo.gif'),
    Kind('tiff', 'rs:fit:300:0', 'photo.tiff', '@jpg', True),
    Kind('avif', 'rs:fit:300:0', 'photo.avif', '@jpg', True),
    Kind('bmp', 'rs:fit:300:0', 'photo.bmp', '@bmp'),
    Kind('bmp of runs', 'rs:fit:300:0', 'runs.bmp', '@png'),
    Kind('ico', 'rs:fit:64:0', 'photo.png', '@ico'),
    Kind('smart crop', 'rs:fill:200:200/g:sm', 'photo.jpg'),
    Kind('trim', 't:10/rs:fit:300:0', 'photo.png'),
    Kind('blur, extend, padding', 'rs:fit:200:0/bl:3/ex:1/pd:10', 'photo.jpg'),
    Kind('watermark', 'rs:fit:300:0/wm:0.5:re', 'photo.jpg'),
    Kind('watermark of text', 'rs:fit:300:0/wm:0.5:ce/wmt:SGVsbG8', 'photo.jpg'),
    Kind('filters', 'rs:fit:300:0/a:10:1.1:1.2/gr:0.5/col:0.2:f00', 'photo.jpg'),
    Kind('chain', 'rs:fit:300:0/-/rs:fill:100:100/-/bl:1', 'photo.jpg'),
    Kind('autoquality', 'rs:fit:200:0/aq:dssim:0.02', 'photo.jpg'),
    Kind('svg drawn', 'rs:fit:200:0', 'drawing.svg', '@png', True),
    Kind('svg passed on', 'w:10', 'drawing.svg'),
    Kind('raw', 'raw:1', 'photo.jpg'),
    Kind('of http', 'rs:fit:300:0', 'http photo.jpg'),
    Kind('info', 'info', 'photo.jpg'),
]
INFO_OPTIONS = 'avg:1/p:8/bh:4:3/dc:1/chs:sha256/exif:1/xmp:1'
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200">%s</svg>' % ''.join(
    '<rect x="%d" y="%d" width="9" height="9" fill="#%06x"/>' % (i * 7 % 300, i * 11 % 200, i * 997 % 0xFFFFFF)
    for i in range(400)
)


def bitmap_of_runs(width, height):
    """A BMP with run lengths, 8 bits a pixel: stripes."""
    row = b''.join(bytes([15, x % 256]) for x in range(0, width, 15)) + b'\0\0'
    pixels = row * height + b'\0\1'
    palette = b''.join(bytes([i, 255 - i, i // 2, 0]) for i in range(256))
    head = struct.pack('<IiiHHIIiiII', 40, width, height, 1, 8, 1, len(pixels), 2835, 2835, 256, 0)
    at = 14 + len(head) + len(palette)
    return struct.pack('<2sIHHI', b'BM', at + len(pixels), 0, 0, at) + head + palette + pixels


class Control:
    """What failing_memory.cc shares with us."""

    def __init__(self, path, floor):
        with open(path, 'wb') as file:
            file.write(struct.pack('=5q', 0, 0, 0, floor, 0))
            file.truncate(CONTROL_BYTES)
        with open(path, 'r+b') as file:
            self.memory = mmap.mmap(file.fileno(), CONTROL_BYTES)
        self.path = path

    def fail(self, countdown):
        self.memory[0:8] = struct.pack('=q', countdown)

    def failed(self):
        return struct.unpack('=q', self.memory[8:16])[0]

    def where(self):
        """What the last one that failed said: its size, its process, its frames."""
        size = struct.unpack('=q', self.memory[32:40])[0]
        return self.memory[40 : 40 + size].decode(errors='replace')


def written_pictures(folder):
    """The sources: a drawn sample, and what imgring makes of it."""
    sample = os.path.join(folder, 'sample.png')
    subprocess.run([sys.executable, os.path.join(common.ROOT, 'tools/pictures/make-sample'), sample], check=True)
    with open(os.path.join(folder, 'drawing.svg'), 'w', encoding='ascii') as file:
        file.write(DRAWING)
    with open(os.path.join(folder, 'runs.bmp'), 'wb') as file:
        file.write(bitmap_of_runs(600, 400))
    wanted = [('photo.' + name, '', name) for name in ('jpg', 'png', 'webp', 'gif', 'tiff', 'avif', 'bmp')]
    wanted.append(('progressive.jpg', '/jpgo:1', 'jpg'))
    with common.Imgring(folder, IMGPROXY_LOCAL_FILESYSTEM_ROOT=folder) as server:
        for name, options, extension in wanted:
            answer = server.get('/insecure/w:900/el:1%s/plain/local:///sample.png@%s' % (options, extension))
            if answer.status == 200:
                with open(os.path.join(folder, name), 'wb') as file:
                    file.write(answer.body)


def who_asked(where):
    """The functions of imgring from the allocation outwards."""
    frames = re.findall(r'(\S+)\(\+(0x[0-9a-f]+)\)\s*\[', where)
    program = common.program_path()
    places = [place for path, place in frames if os.path.basename(path) == os.path.basename(program)]
    names = subprocess.run(
        ['addr2line', '-C', '-f', '-s', '-e', program, *places[:FRAMES_SHOWN]], capture_output=True, text=True
    )
    return ' < '.join(re.sub(r'\(.*', '', name) for name in names.stdout.split('\n')[:-1:2])


def alike(body, wanted):
    """The same bytes, or nearly the same picture."""
    if body == wanted:
        return True
    try:
        pictures = [pyvips.Image.new_from_buffer(text, '') for text in (body, wanted)]
        return pictures[0].subtract(pictures[1]).abs().avg() < DIFFERENCE_MAX
    except pyvips.Error:
        return False


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


class Run:
    def __init__(self, options, folder, control):
        self.options, self.folder, self.control = options, folder, control
        self.checks = common.Checks()
        handler = functools.partial(Quiet, directory=folder)
        self.source = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        threading.Thread(target=self.source.serve_forever, daemon=True).start()
        self.server = None
        self.in_children = 0  # failures of this kind
        self.metrics_port = common.free_port()

    def start(self):
        library = os.path.join(os.path.dirname(common.program_path()), 'tests/faults/libfailing_memory.so')
        if not os.path.exists(library):
            common.say('not built: ' + library)
            sys.exit(common.CANNOT_RUN)
        self.server = common.Imgring(
            self.folder,
            LD_PRELOAD=library,
            IMGRING_FAILING_MEMORY=self.control.path,
            IMGPROXY_LOCAL_FILESYSTEM_ROOT=self.folder,
            IMGPROXY_WATERMARK_PATH=os.path.join(self.folder, 'photo.webp'),
            IMGPROXY_PROMETHEUS_BIND='127.0.0.1:%d' % self.metrics_port,
            IMGPROXY_WORKERS='1',
            IMGRING_LOOPS='1',
        )

    def path_of(self, kind):
        where, _, name = kind.source.rpartition(' ')
        url = 'http://127.0.0.1:%d/%s' % (self.source.server_address[1], name) if where else 'local:///' + name
        if kind.options == 'info':
            return '/info/insecure/%s/plain/%s' % (INFO_OPTIONS, url)
        return '/insecure/%s/plain/%s%s' % (kind.options, url, kind.extension)

    def gauges(self):
        """Those of what is taken and not given back."""
        return dict(GAUGES.findall(common.get(self.metrics_port, '/metrics').text()))

    def one(self, kind, countdown, wanted):
        """False: the request makes no more allocations than were let through."""
        self.warm_up(kind)
        failed = self.control.failed()
        mark = self.server.log_mark()
        self.control.fail(countdown)
        status, body = 0, b''
        try:
            answer = self.server.get(self.path_of(kind))
            status, body = answer.status, answer.body
        except (OSError, common.http.client.HTTPException) as error:
            body = repr(error).encode()
        self.control.fail(0)
        if self.control.failed() == failed:
            return False
        name = '%s, allocation %d' % (kind.name, countdown)
        common.wait_for(lambda: 'Completed in' in self.server.log_since(mark), LOG_LIMIT_S, 0.01)
        log = self.server.log_since(mark)
        where = self.control.where()
        process = re.search(r' in process (\d+)\n', where)
        if process is None:
            self.checks.that(name + ': who asked', False, where[:200])
        in_child = process is not None and int(process.group(1)) != self.server.pid
        asked = who_asked(where)
        # libpng and libwebp have one word for all that keeps a file from being opened, libwebp for its pixels.
        unsaid = 'imgring::image::load' in asked.split(' < ')[:2] or 'webp2vips: unable to read pixels' in log
        good = status in GOOD_STATUSES or status == 422 and (unsaid or in_child)
        if not self.checks.that(name, good, '' if status == 200 else '%d %s' % (status, body[:80])):
            print('  by ' + asked, flush=True)
            print('  ' + ' '.join(re.findall(r' error="(.*)', log)), flush=True)
            if self.options.verbose:
                print(where + log[-5000:], flush=True)
        if status == 200 and not alike(body, wanted):
            self.checks.that(name + ': the picture', False, '%d bytes, wanted %d' % (len(body), len(wanted)))
            print('  by ' + asked, flush=True)
            if self.options.verbose:
                print(where + log[-5000:], flush=True)
        self.in_children += in_child
        self.lives(name)
        return True

    def warm_up(self, kind):
        """A child that ended is there again: what starting one takes is no part of a request's."""
        if kind.in_child:
            self.server.get(self.path_of(kind))

    def lives(self, name):
        """Another server where this one ended."""
        if not common.wait_for(lambda: not self.server.running(), 0.03, 0.01):
            return
        self.checks.that(name + ': the server lives', False)
        print(self.control.where(), self.server.log_text()[-DEATH_CHARACTERS:], flush=True)
        self.server.stop()
        self.start()

    def kind(self, kind):
        self.lives('before ' + kind.name)
        first = self.server.get(self.path_of(kind))
        if first.status != 200:
            if not os.path.exists(os.path.join(self.folder, kind.source.split(' ')[-1])) or first.status == 422:
                print('skipped %s: %d %s' % (kind.name, first.status, first.text()[:80]))
                return
            self.checks.that(kind.name, False, first)
            return
        again = self.server.get(self.path_of(kind))
        wanted = first.body
        self.checks.that(kind.name + ', twice', alike(again.body, wanted))
        settled = self.gauges()
        while settled != (settled := self.gauges()):
            time.sleep(0.1)
        countdown, self.in_children = 1, 0
        while countdown < ALLOCATIONS_MAX and self.one(kind, countdown, wanted):
            countdown += 1
        self.lives('after ' + kind.name)
        after = self.server.get(self.path_of(kind))
        self.checks.that('%s, afterwards' % kind.name, after.status == 200 and alike(after.body, wanted), after)
        self.checks.that('%s, allocations that failed' % kind.name, countdown > 1, countdown - 1)
        if kind.in_child:
            self.checks.that('%s, of these in children' % kind.name, self.in_children > 0, self.in_children)
        common.wait_for(lambda: self.gauges() == settled, SETTLE_LIMIT_S)
        left = {
            name: value
            for name, value in self.gauges().items()
            if value != settled.get(name) and float(value) > (RESERVE_BYTES if 'part' in name else 0)
        }
        self.checks.same('%s, what %d failures left' % (kind.name, countdown - 1), left, {})

    def run(self, kinds):
        self.start()
        started = time.monotonic()
        for kind in kinds:
            self.kind(kind)
        self.server.stop()
        print('%.0f s' % (time.monotonic() - started))
        return self.checks.end()


def main():
    parser = argparse.ArgumentParser(description='Fails each large allocation of requests, one at a time.')
    parser.add_argument('--only', default='', help='a pattern of kinds')
    parser.add_argument('--floor', type=int, default=4096, help='bytes of the smallest allocation that counts')
    parser.add_argument('--verbose', action='store_true', help='what the server said when something failed')
    parser.add_argument('--part', default='1/1', help='every Nth kind, from the Ith on')
    options = parser.parse_args()
    first, step = map(int, options.part.split('/'))
    kinds = [kind for kind in KINDS if re.search(options.only, kind.name)][first - 1 :: step]
    with tempfile.TemporaryDirectory() as folder:
        written_pictures(folder)
        return Run(options, folder, Control(os.path.join(folder, 'control'), options.floor)).run(kinds)


if __name__ == '__main__':
    sys.exit(main())

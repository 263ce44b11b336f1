#!/usr/bin/env python3
"""A megabyte of EXIF whose maker note has 300 entries over the same bytes: libexif copies them for
each entry, 300 MB in the server, unless it is given no more of a block than it reads itself.

    python3 tests/real/exif_memory_test.py     IMGRING names the program
"""

import os
import re
import struct
import sys
import tempfile
import zlib

import common

BLOCK_BYTES = (1 << 20) - 64  # below the limit of what is kept of a block
ENTRIES, ENTRIES_ROOM = 300, 10_000
GROWTH_MAX_KB = 64 << 10  # 5 entries of 64 KiB and a picture of 8 x 8 take far less
MAKER_NOTE_AT = 8 + (2 + 2 * 12 + 4) + 6 + (2 + 12 + 4)


def entry(tag, kind, count, value):
    return struct.pack('>HHII', tag, kind, count, value)


def directory(*entries):
    return struct.pack('>H', len(entries)) + b''.join(entries) + bytes(4)


def exif_block():
    make_at = 8 + 2 + 2 * 12 + 4
    first = directory(entry(0x010F, 2, 6, make_at), entry(0x8769, 4, 1, make_at + 6))
    second = directory(entry(0x927C, 7, 4000, MAKER_NOTE_AT))
    each = BLOCK_BYTES - MAKER_NOTE_AT - ENTRIES_ROOM - 200
    note = directory(*(entry(1 + i % 0xA0, 7, each, ENTRIES_ROOM) for i in range(ENTRIES)))
    block = b'MM\0*' + struct.pack('>I', 8) + first + b'NIKON\0' + second
    block += b'Nikon\0\2\0\0\0MM\0*' + struct.pack('>I', 8) + note
    return block + bytes(BLOCK_BYTES - len(block))


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def picture():
    rows = (b'\0' + b'\x80' * 24) * 8
    header = struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'eXIf', exif_block()), (b'IDAT', zlib.compress(rows)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*one) for one in chunks)


def peak_kb(pid):
    with open('/proc/%d/status' % pid) as file:
        return int(re.search(r'VmHWM:\s+(\d+)', file.read()).group(1))


def main():
    checks = common.Checks()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'p.png'), 'wb') as file:
            file.write(picture())
        with common.Imgring(folder, IMGPROXY_LOCAL_FILESYSTEM_ROOT=folder) as server:
            before = peak_kb(server.process.pid)
            for options in ('w:4', 'sm:0/w:4'):
                checks.same(options + ': the status', server.image(options, 'local:///p.png').status, 200)
            grown = peak_kb(server.process.pid) - before
            checks.that('a peak that grew by less than 64 MB', grown < GROWTH_MAX_KB, '%d kB' % grown)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""Writes hostile pictures: files cut short, bent, lying about their size, packed a thousandfold, and
SVGs that try to run, fetch or expand something.

    python3 tests/hostile/make_hostile.py DIR [--seed N] [--count N]

Same seed, same bytes. All are made here from small valid pictures; nothing comes from elsewhere.
"""

import argparse
import base64
import gzip
import os
import random
import struct
import zlib

import metadata
import seeds
import svg_worst

COUNT = 900
WIDTH, HEIGHT = 24, 18
HUGE = [(65535, 65535), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (1, 2**32 - 1), (30000, 30000), (0, 0)]


# ---------------------------------------------------------------- small valid pictures


def chunk(name, data, length=None):
    return (
        struct.pack('>I', len(data) if length is None else length)
        + name
        + data
        + struct.pack('>I', zlib.crc32(name + data))
    )


def header(width, height, depth=8, kind=2, interlace=0):
    return chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, kind, 0, 0, interlace))


def rows(width, height, channels=3):
    return b''.join(
        b'\0' + bytes((x * 9 + y * 5 + c * 70) & 255 for x in range(width) for c in range(channels))
        for y in range(height)
    )


def png(before=(), head=None, packed=None, after=()):
    """A PNG with other chunks around its pixels, or with another head or other pixels."""
    return b''.join(
        [
            b'\x89PNG\r\n\x1a\n',
            head or header(WIDTH, HEIGHT),
            *before,
            chunk(b'IDAT', zlib.compress(rows(WIDTH, HEIGHT)) if packed is None else packed),
            *after,
            chunk(b'IEND', b''),
        ]
    )


def packed_zeros(size):
    """zlib stream of that many zeros, in a thousandth of the memory."""
    packer = zlib.compressobj(9)
    out = []
    block = bytes(1 << 20)
    while size > 0:
        out.append(packer.compress(block[: min(size, len(block))]))
        size -= len(block)
    return b''.join(out) + packer.flush()


def bmp_info(width=WIDTH, height=HEIGHT, depth=24, compression=0, colours=0, size=40, planes=1):
    return struct.pack('<IiiHHIIiiII', size, width, height, planes, depth, compression, 0, 0, 0, colours, 0)


def bmp(info=None, body=None, offset=None):
    info = info or bmp_info()
    body = bytes(range(256)) * 6 if body is None else body
    at = 14 + len(info) if offset is None else offset
    return b'BM' + struct.pack('<IHHI', 14 + len(info) + len(body), 0, 0, at) + info + body


def rle(data, width=WIDTH, height=HEIGHT, depth=8, compression=1, colours=256):
    palette = bytes(4 * min(colours, 256))
    info = bmp_info(width, height, depth, compression, colours)
    return bmp(info, palette + data, 14 + len(info) + len(palette))


def icon(entries, count=None):
    """entries: (width, height, data, size or None, offset or None)."""
    out, body = struct.pack('<HHH', 0, 1, len(entries) if count is None else count), b''
    for width, height, data, size, offset in entries:
        at = 6 + 16 * len(entries) + len(body)
        out += struct.pack(
            '<BBBBHHII',
            width % 256,
            height % 256,
            0,
            0,
            1,
            32,
            len(data) if size is None else size,
            at if offset is None else offset,
        )
        body += data
    return out + body


def dib(width, height, depth=32):
    return bmp_info(width, height * 2, depth) + bytes(max(0, width * height * depth // 8 + width * height))


def lzw(pixels):
    """GIF's packing without any: a clear code before each run of 64 pixels; codes of 9 bits."""
    bits = count = 0
    out = bytearray()
    codes = []
    for at, pixel in enumerate(pixels):
        if at % 64 == 0:
            codes.append(256)
        codes.append(pixel)
    for code in [*codes, 257]:
        bits |= code << count
        count += 9
        while count >= 8:
            out.append(bits & 255)
            bits >>= 8
            count -= 8
    out.append(bits & 255)
    blocks = b''.join(bytes([len(out[i : i + 255])]) + bytes(out[i : i + 255]) for i in range(0, len(out), 255))
    return b'\x08' + blocks + b'\0'


def gif_frame(left=0, top=0, width=WIDTH, height=HEIGHT, data=None, disposal=0):
    control = b'\x21\xf9\x04' + struct.pack('<BHBB', disposal << 2, 2, 0, 0)
    pixels = lzw([(i * 7) & 255 for i in range(WIDTH * HEIGHT)]) if data is None else data
    return control + b',' + struct.pack('<HHHHB', left, top, width, height, 0) + pixels


def gif(frames=None, width=WIDTH, height=HEIGHT, before=b''):
    palette = b''.join(bytes([i, 255 - i, i * 3 & 255]) for i in range(256))
    frames = [gif_frame()] if frames is None else frames
    return b'GIF89a' + struct.pack('<HHBBB', width, height, 0xF7, 0, 0) + palette + before + b''.join(frames) + b';'


def tiff(fields=(), pixels=None, next_ifd=0, drop=()):
    """Little-endian RGB without compression; fields (tag, type, count, value) replace or add."""
    pixels = rows(WIDTH, HEIGHT)[: WIDTH * HEIGHT * 3] if pixels is None else pixels
    known = {
        256: (3, 1, WIDTH),
        257: (3, 1, HEIGHT),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 2),
        273: (4, 1, 8),
        277: (3, 1, 3),
        278: (3, 1, HEIGHT),
        279: (4, 1, len(pixels)),
    }
    known.update({tag: (kind, count, value) for tag, kind, count, value in fields})
    known = {tag: field for tag, field in known.items() if tag not in drop}
    directory = b''.join(struct.pack('<HHII', tag, *known[tag]) for tag in sorted(known))
    return (
        b'II*\0'
        + struct.pack('<I', 8 + len(pixels))
        + pixels
        + struct.pack('<H', len(known))
        + directory
        + struct.pack('<I', next_ifd)
    )


def webp(*chunks, size=None):
    body = b'WEBP' + b''.join(
        name + struct.pack('<I', len(data) if length is None else length) + data + b'\0' * (len(data) & 1)
        for name, data, length in chunks
    )
    return b'RIFF' + struct.pack('<I', len(body) if size is None else size) + body


def webp_chunks(data):
    at, found = 12, []
    while at + 8 <= len(data):
        size = struct.unpack_from('<I', data, at + 4)[0]
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size], None))
        at += 8 + size + (size & 1)
    return found


def segment(marker, data, length=None):
    return bytes([255, marker]) + struct.pack('>H', len(data) + 2 if length is None else length) + data


def jpeg_with(*segments):
    return seeds.JPEG[:2] + b''.join(segments) + seeds.JPEG[2:]


def find_marker(data, markers):
    at = 2
    while data[at + 1] not in markers:
        at += 2 + struct.unpack_from('>H', data, at + 2)[0]
    return at


def patched(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def jpeg_sized(data, width, height):
    return patched(data, find_marker(data, (0xC0, 0xC2)) + 5, struct.pack('>HH', height & 65535, width & 65535))


def svg(body, attributes='width="60" height="40"', before=''):
    return (
        '%s<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" %s>%s</svg>'
        % (before, attributes, body)
    ).encode()


VALID = {
    'jpg': seeds.JPEG,
    'progressive.jpg': seeds.JPEG_PROGRESSIVE,
    'webp': seeds.WEBP,
    'alpha.webp': seeds.WEBP_ALPHA,
    'lossless.webp': seeds.WEBP_LOSSLESS,
    'animated.webp': seeds.WEBP_ANIMATED,
    'avif': seeds.AVIF,
    'heic': seeds.HEIC,
    'jxl': seeds.JXL,
    'lossless.jxl': seeds.JXL_LOSSLESS,
    'lzw.tiff': seeds.TIFF_LZW,
    'jpeg.tiff': seeds.TIFF_JPEG,
    'png': png(),
    'gif': gif([gif_frame(), gif_frame(2, 2, 20, 12)]),
    'bmp': bmp(),
    'tiff': tiff(),
    'ico': icon([(WIDTH, HEIGHT, png(), None, None), (16, 16, dib(16, 16), None, None)]),
    'svg': svg('<rect width="30" height="20" fill="red"/><text x="4" y="30">t</text>'),
}


# ---------------------------------------------------------------- the files, by format


def png_files():
    for number, (width, height) in enumerate(HUGE):
        yield 'png-huge-%d.png' % number, png(head=header(width, height))
    for depth, kind in ((16, 6), (1, 0), (3, 2), (8, 7), (8, 3)):
        yield 'png-depth-%d-%d.png' % (depth, kind), png(head=header(WIDTH, HEIGHT, depth, kind))
    for number, (side, kind, interlace) in enumerate(((7000, 0, 0), (7000, 6, 1), (60000, 0, 0))):
        size = side * (side * (4 if kind == 6 else 1) + 1)
        yield (
            'png-bomb-%d.png' % number,
            png(head=header(side, side, 8, kind, interlace), packed=packed_zeros(min(size, 200 << 20))),
        )
    yield 'png-more-pixels.png', png(packed=packed_zeros(64 << 20))
    yield 'png-iccp-bomb.png', png([chunk(b'iCCP', b'p\0\0' + packed_zeros(100 << 20))])
    yield 'png-ztxt-bomb.png', png([chunk(b'zTXt', b'k\0\0' + packed_zeros(100 << 20))])
    yield 'png-itxt-bomb.png', png([chunk(b'iTXt', b'k\0\1\0\0\0' + packed_zeros(100 << 20))])
    yield 'png-texts.png', png([chunk(b'tEXt', b'k%d\0v' % n) for n in range(20000)])
    yield 'png-texts-packed.png', png([chunk(b'zTXt', b'k\0\0' + packed_zeros(3 << 20))] * 900)
    for length in (0x7FFFFFFF, 0xFFFFFFFF, 0x80000000):
        yield 'png-length-%x.png' % length, png([chunk(b'tEXt', b'k\0v', length)])
    yield 'png-idat-length.png', png()[:33] + chunk(b'IDAT', b'x', 0xFFFFFFF0)
    yield 'png-no-idat.png', png()[:33] + chunk(b'IEND', b'')
    yield 'png-bad-zlib.png', png(packed=b'\x78\x9c' + b'\xff' * 300)
    yield 'png-exif.png', png([chunk(b'eXIf', b'II*\0\x08\0\0\0\xff\xff' + b'\xff' * 500)])
    yield 'png-iccp-junk.png', png([chunk(b'iCCP', b'p\0\0' + zlib.compress(b'\xff' * 4000))])
    yield 'png-empty-idats.png', png([chunk(b'IDAT', b'')] * 50000)
    yield 'png-palette-none.png', png(head=header(WIDTH, HEIGHT, 8, 3), packed=zlib.compress(rows(WIDTH, HEIGHT, 1)))
    # An animated PNG that promises four thousand million frames.
    yield 'png-apng.png', png([chunk(b'acTL', struct.pack('>II', 2**32 - 1, 0))])


def jpeg_files():
    for number, (width, height) in enumerate([(65535, 65535), (65500, 65500), (7000, 7000), (0, 0), (1, 65535)]):
        yield 'jpg-huge-%d.jpg' % number, jpeg_sized(seeds.JPEG, width, height)
        yield 'jpg-huge-progressive-%d.jpg' % number, jpeg_sized(seeds.JPEG_PROGRESSIVE, width, height)
    first = find_marker(seeds.JPEG_PROGRESSIVE, (0xDA,))
    scan = seeds.JPEG_PROGRESSIVE[first : seeds.JPEG_PROGRESSIVE.find(b'\xff\xc4', first)]
    head = jpeg_sized(seeds.JPEG_PROGRESSIVE, 6000, 6000)[:first]
    yield 'jpg-scans-1000.jpg', head + scan * 1000 + b'\xff\xd9'
    yield 'jpg-scans-100.jpg', head + scan * 100 + b'\xff\xd9'
    yield 'jpg-scans-99-small.jpg', seeds.JPEG_PROGRESSIVE[:first] + scan * 99 + b'\xff\xd9'
    for length in (0, 1, 2, 65535):
        yield 'jpg-segment-%d.jpg' % length, jpeg_with(segment(0xE1, b'Exif\0\0II*\0', length))
    exif = b'Exif\0\0'
    loops = b'II*\0\x08\0\0\0' + struct.pack('<HHHII', 1, 0x8769, 4, 1, 8) + struct.pack('<I', 8)
    counts = b'MM\0*\0\0\0\x08' + struct.pack('>HHHII', 1, 0x010F, 2, 0xFFFFFFFF, 0xFFFFFF00) + bytes(4)
    types = (
        b'II*\0\x08\0\0\0'
        + struct.pack('<H', 40)
        + b''.join(struct.pack('<HHII', 0x0100 + n, n, 0x10000000, 8) for n in range(40))
        + b'\x08\0\0\0'
    )
    yield 'jpg-exif-loop.jpg', jpeg_with(segment(0xE1, exif + loops))
    yield 'jpg-exif-counts.jpg', jpeg_with(segment(0xE1, exif + counts))
    yield 'jpg-exif-types.jpg', jpeg_with(segment(0xE1, exif + types))
    yield 'jpg-exif-short.jpg', jpeg_with(segment(0xE1, exif + b'II'))
    yield 'jpg-exif-noise.jpg', jpeg_with(*[segment(0xE1, exif + b'II*\0' + b'\xff' * 60000)] * 20)
    xmp = b'http://ns.adobe.com/xap/1.0/\0'
    yield 'jpg-xmp-entities.jpg', jpeg_with(segment(0xE1, xmp + entity_bomb('x:xmpmeta').encode()))
    yield 'jpg-xmp-deep.jpg', jpeg_with(segment(0xE1, xmp + b'<rdf:li>' * 8000))
    yield 'jpg-xmp-noise.jpg', jpeg_with(segment(0xE1, xmp + bytes(range(256)) * 200))
    iptc = b'Photoshop 3.0\0' + b'8BIM\x04\x04\0\0'
    yield 'jpg-iptc-length.jpg', jpeg_with(segment(0xED, iptc + b'\xff\xff\xff\xff\x1c\x02\x74\xff\xff'))
    yield 'jpg-iptc-extended.jpg', jpeg_with(segment(0xED, iptc + b'\0\0\0\x0c\x1c\x02\x74\xff\xff' + b'\xff' * 8))
    icc = b'ICC_PROFILE\0'
    yield 'jpg-icc-noise.jpg', jpeg_with(segment(0xE2, icc + b'\1\1' + b'\xff' * 3000))
    yield 'jpg-icc-order.jpg', jpeg_with(*[segment(0xE2, icc + bytes([n, 255]) + b'x' * 60000) for n in (9, 9, 0, 255)])
    lies = b'\0\0\x0b\xd0' + b'lcms\x02\x10\0\0mntrRGB XYZ ' + bytes(12) + b'acsp' + bytes(88) + b'\xff' * 600
    yield 'jpg-icc-tags.jpg', jpeg_with(segment(0xE2, icc + b'\1\1' + lies))
    frame = find_marker(seeds.JPEG, (0xC0,))
    for marker in (0xC1, 0xC3, 0xC9, 0xCA):
        yield 'jpg-frame-%x.jpg' % marker, patched(seeds.JPEG, frame + 1, bytes([marker]))
    yield 'jpg-components.jpg', patched(seeds.JPEG, frame + 9, b'\xff')
    yield 'jpg-sampling.jpg', patched(seeds.JPEG, frame + 11, b'\xff')
    yield 'jpg-fill.jpg', seeds.JPEG[:2] + b'\xff' * 3000000 + seeds.JPEG[3:]
    yield 'jpg-only-markers.jpg', b'\xff\xd8' + b'\xff\xd0' * 100000 + b'\xff\xd9'
    yield 'jpg-restarts.jpg', jpeg_with(segment(0xDD, b'\0\1'))
    tables = find_marker(seeds.JPEG, (0xC4,))
    yield 'jpg-huffman.jpg', patched(seeds.JPEG, tables + 5, b'\xff' * 16)


def gif_files():
    for number, (width, height) in enumerate(((65535, 65535), (0, 0), (1, 65535), (7000, 7000))):
        yield 'gif-canvas-%d.gif' % number, gif(width=width, height=height)
    small = gif_frame(0, 0, 1, 1, lzw([1]))
    yield 'gif-frames-5000.gif', gif([small] * 5000, 100, 100)
    yield 'gif-frames-wide.gif', gif([small] * 400, 4000, 4000)
    yield 'gif-frames-restore.gif', gif([gif_frame(i % 9, 0, 1, 1, lzw([1]), 3) for i in range(1500)], 1500, 1500)
    yield 'gif-frame-outside.gif', gif([gif_frame(60000, 60000, 60000, 60000)])
    yield 'gif-frame-larger.gif', gif([gif_frame(0, 0, 30000, 30000)])
    yield 'gif-frame-empty.gif', gif([gif_frame(0, 0, 0, 0)])
    yield 'gif-no-frame.gif', gif([])
    yield 'gif-code-size.gif', gif([gif_frame(data=b'\xff\x04abcd\0')])
    yield 'gif-code-unknown.gif', gif([gif_frame(data=b'\x08\xff' + b'\xff' * 255 + b'\0')])
    yield 'gif-clear-codes.gif', gif([gif_frame(data=b'\x02' + (b'\xff' + b'\x24' * 255) * 4000 + b'\0')])
    yield 'gif-comments.gif', gif(before=b'\x21\xfe' + (b'\xff' + b'c' * 255) * 20000 + b'\0')
    yield 'gif-extension-open.gif', gif(before=b'\x21\xff\x0bNETSCAPE2.0\x03\1\xff\xff')[:-1]
    yield 'gif-loop.gif', gif(before=b'\x21\xff\x0bNETSCAPE2.0\x03\1\xff\xff\0')


def webp_files():
    for number, (width, height) in enumerate(((16384, 16384), (2**24, 2**24), (1, 2**24), (8000, 6000))):
        head = b'\x30\0\0\0' + struct.pack('<I', width - 1)[:3] + struct.pack('<I', height - 1)[:3]
        yield 'webp-canvas-%d.webp' % number, webp((b'VP8X', head, None), *webp_chunks(seeds.WEBP))
    yield 'webp-frame-size.webp', patched(seeds.WEBP, 26, b'\xff\x3f\xff\x3f')
    yield 'webp-lossless-size.webp', patched(seeds.WEBP_LOSSLESS, 21, b'\xff\xff\xff\x0f')
    for size in (0, 3, 0x7FFFFFFF, 0xFFFFFFFF):
        yield 'webp-riff-%x.webp' % size, patched(seeds.WEBP, 4, struct.pack('<I', size))
        yield 'webp-chunk-%x.webp' % size, patched(seeds.WEBP, 16, struct.pack('<I', size))
    chunks = webp_chunks(seeds.WEBP_ANIMATED)
    frames = [c for c in chunks if c[0] == b'ANMF']
    others = [c for c in chunks if c[0] != b'ANMF']
    big = (b'VP8X', chunks[0][1][:4] + b'\x9f\x0f\0\x9f\x0f\0', None)
    yield 'webp-frames-3000.webp', webp(*others, *(frames * 1000))
    yield 'webp-frames-wide.webp', webp(big, *others[1:], *(frames * 100))
    yield 'webp-no-frames.webp', webp(*others)
    moved = (b'ANMF', b'\xff\xff\xff\xff\xff\xff' + frames[0][1][6:], None)
    sized = (b'ANMF', frames[0][1][:6] + b'\xff' * 6 + frames[0][1][12:], None)
    yield 'webp-frame-outside.webp', webp(*others, moved)
    yield 'webp-frame-larger.webp', webp(*others, sized)
    yield 'webp-frame-short.webp', webp(*others, (b'ANMF', frames[0][1][:10], None))
    yield (
        'webp-exif.webp',
        webp(
            (b'VP8X', b'\x08\0\0\0\x17\0\0\x11\0\0', None),
            *webp_chunks(seeds.WEBP),
            (b'EXIF', b'II*\0\xff\xff\xff\xff' + b'\xff' * 100, None),
        ),
    )
    yield (
        'webp-iccp.webp',
        webp((b'VP8X', b'\x20\0\0\0\x17\0\0\x11\0\0', None), (b'ICCP', b'\xff' * 5000, None), *webp_chunks(seeds.WEBP)),
    )


def bmp_files():
    for number, (width, height) in enumerate(
        (
            (2**31 - 1, 2**31 - 1),
            (2**30, 4),
            (65536, 65536),
            (0, 0),
            (-5, 5),
            (24, -(2**31)),
            (24, -18),
            (7000, 7000),
            (1, 2**31 - 1),
        )
    ):
        for depth in (1, 32):
            yield 'bmp-size-%d-%d.bmp' % (number, depth), bmp(bmp_info(width, height, depth))
    for depth in (0, 3, 8, 64, 65535):
        yield 'bmp-depth-%d.bmp' % depth, bmp(bmp_info(depth=depth))
    for colours in (1, 257, 2**31, 2**32 - 1):
        yield 'bmp-colours-%x.bmp' % colours, bmp(bmp_info(depth=8, colours=colours))
    for size in (0, 12, 39, 124, 2**32 - 1):
        yield 'bmp-header-%x.bmp' % size, bmp(bmp_info(size=size))
    for offset in (0, 13, 2**31, 2**32 - 1):
        yield 'bmp-offset-%x.bmp' % offset, bmp(offset=offset)
    yield 'bmp-compression.bmp', bmp(bmp_info(compression=99))
    yield 'bmp-masks.bmp', bmp(bmp_info(depth=16, compression=3), b'\xff' * 12 + bytes(900))
    yield 'bmp-rle-out-of-row.bmp', rle(b'\xff\1' * 40 + b'\0\1')
    yield 'bmp-rle-moves.bmp', rle(b'\0\2\xff\xff' * 90 + b'\xff\1\0\1')
    yield 'bmp-rle-lines.bmp', rle(b'\0\0' * 100000)
    yield 'bmp-rle-literal.bmp', rle(b'\0\xff' + b'a' * 30)
    yield 'bmp-rle-empty.bmp', rle(b'')
    yield 'bmp-rle-nothing.bmp', rle(b'\0\2\0\0' * 2000000)
    yield 'bmp-rle-huge.bmp', rle(b'\xff\1' * 50, 7000, 7000)
    yield 'bmp-rle4.bmp', rle(b'\xff\x12\0\xff' + b'a' * 128, depth=4, compression=2, colours=16)
    yield 'bmp-rle-palette.bmp', rle(b'\x18\xff\0\0' * 18, colours=2)
    yield 'bmp-rle-top-down.bmp', rle(b'\x18\1\0\0' * 18, height=-18)


def ico_files():
    good = png()
    for size in (0, 7, 39, 40, 0xFFFFFFFF, 0x80000000):
        yield 'ico-size-%x.ico' % size, icon([(WIDTH, HEIGHT, good, size, None)])
    for offset in (0, 5, 0xFFFFFFFF, 0xFFFFFFF0):
        yield 'ico-offset-%x.ico' % offset, icon([(WIDTH, HEIGHT, good, None, offset)])
    for count in (0, 1, 257, 65535):
        yield 'ico-count-%d.ico' % count, icon([], count)
    yield 'ico-256.ico', icon([(WIDTH, HEIGHT, good, None, None)] * 256)
    yield 'ico-overlap.ico', icon([(16, 16, dib(16, 16), None, 6 + 32), (32, 32, dib(32, 32), None, 6 + 40)])
    yield 'ico-in-ico.ico', icon([(16, 16, icon([(16, 16, good, None, None)]), None, None)])
    yield 'ico-png-bomb.ico', icon([(0, 0, png(head=header(30000, 30000), packed=packed_zeros(1 << 20)), None, None)])
    yield 'ico-dib-size.ico', icon([(0, 0, bmp_info(2**31 - 1, -(2**31), 32) + bytes(100), None, None)])
    yield 'ico-dib-palette.ico', icon([(16, 16, bmp_info(16, 32, 8, 0, 2**32 - 1) + bytes(100), None, None)])
    for depth in (0, 2, 7, 65535):
        yield 'ico-depth-%d.ico' % depth, icon([(16, 16, bmp_info(16, 32, depth) + bytes(2000), None, None)])


def tiff_files():
    for number, (width, height) in enumerate(HUGE):
        yield 'tiff-size-%d.tiff' % number, tiff([(256, 4, 1, width), (257, 4, 1, height), (278, 4, 1, height)])
    yield 'tiff-loop.tiff', tiff(next_ifd=8 + WIDTH * HEIGHT * 3)
    yield 'tiff-no-strips.tiff', tiff(drop=(273, 279))
    yield 'tiff-no-size.tiff', tiff(drop=(256,))
    yield 'tiff-strip-offset.tiff', tiff([(273, 4, 1, 0xFFFFFFF0)])
    yield 'tiff-strip-bytes.tiff', tiff([(279, 4, 1, 0xFFFFFFFF)])
    yield 'tiff-strip-count.tiff', tiff([(273, 4, 0x10000000, 8), (279, 4, 0x10000000, 8)])
    yield 'tiff-rows.tiff', tiff([(278, 4, 1, 0)])
    yield 'tiff-samples.tiff', tiff([(277, 3, 1, 65535)])
    yield 'tiff-bits.tiff', tiff([(258, 3, 1, 64)])
    yield 'tiff-float.tiff', tiff([(258, 3, 1, 32), (339, 3, 1, 3)])
    yield 'tiff-tile.tiff', tiff([(322, 4, 1, 0x40000000), (323, 4, 1, 0x40000000), (324, 4, 1, 8), (325, 4, 1, 90)])
    yield (
        'tiff-tile-16.tiff',
        tiff([(256, 4, 1, 6000), (257, 4, 1, 6000), (322, 4, 1, 16), (323, 4, 1, 16), (324, 4, 1, 8), (325, 4, 1, 90)]),
    )
    yield 'tiff-profile.tiff', tiff([(34675, 7, 0x7FFFFFFF, 8)])
    for compression in (5, 7, 8, 32773, 34712, 50001):
        yield 'tiff-pack-%d.tiff' % compression, tiff([(259, 3, 1, compression)])
    bomb = packed_zeros(7000 * 7000)
    yield (
        'tiff-bomb.tiff',
        tiff(
            [(256, 4, 1, 7000), (257, 4, 1, 7000), (278, 4, 1, 7000), (277, 3, 1, 1), (262, 3, 1, 1), (259, 3, 1, 8)],
            pixels=bomb,
        ),
    )
    yield 'tiff-fields.tiff', b'II*\0\x08\0\0\0\xff\xff' + struct.pack('<HHII', 256, 3, 1, 9) * 9000


def box_at(data, name):
    at = data.index(name) - 4
    return at, at + struct.unpack_from('>I', data, at)[0]


def grid(times, side, references):
    """seeds.HEIC, a grid of one tile of 64 x 64, as one of `times` by `times` that names the tile so often."""
    data = bytearray(seeds.HEIC)
    begin, _ = box_at(data, b'idat')
    struct.pack_into('>BBHH', data, begin + 10, times - 1, times - 1, side, side)
    struct.pack_into('>II', data, data.rindex(b'ispe') + 8, side, side)
    begin, end = box_at(data, b'iref')
    names = struct.pack('>HH', 2, references) + struct.pack('>H', 1) * references
    more = struct.pack('>I', 8 + len(names)) + b'dimg' + names
    more = struct.pack('>I', 12 + len(more)) + b'iref' + bytes(4) + more
    data[begin:end] = more
    longer = len(more) - (end - begin)
    begin, end = box_at(data, b'meta')
    struct.pack_into('>I', data, begin, end - begin + longer)
    items = box_at(data, b'iloc')[0] + 16
    for item in range(items, items + 3 * 20, 20):  # of 20 bytes each
        method, base = struct.unpack_from('>HxxI', data, item + 2)
        if method == 0:
            struct.pack_into('>I', data, item + 6, base + longer)
    return bytes(data)


def grid_files():
    yield 'heic-grid-2.heic', grid(2, 128, 4)
    yield 'heic-grid-60.heic', grid(60, 3840, 3600)
    yield 'heic-grid-63.heic', grid(63, 24, 3969)
    yield 'heic-grid-255.heic', grid(255, 24, 65025)
    yield 'heic-grid-itself.heic', seeds.HEIC.replace(b'dimg\0\x02\0\x01\0\x01', b'dimg\0\x02\0\x01\0\x02')


def modern_files():
    for name, data in (('avif', seeds.AVIF), ('heic', seeds.HEIC)):
        size = data.index(b'ispe') + 8
        for number, (width, height) in enumerate(HUGE[:5]):
            yield '%s-huge-%d.%s' % (name, number, name), patched(data, size, struct.pack('>II', width, height))
        for box in (b'meta', b'iloc', b'iprp', b'mdat'):
            for length in (0, 1, 7, 0xFFFFFFFF):
                if box in (b'iloc', b'mdat') and length in (0, 7):
                    continue
                at = data.index(box) - 4
                yield '%s-%s-%x.%s' % (name, box.decode(), length, name), patched(data, at, struct.pack('>I', length))
        yield (
            '%s-boxes.%s' % (name, name),
            data[: data.index(b'meta') - 4]
            + struct.pack('>I', 8) * 0
            + b''.join(struct.pack('>I', 0x7FFFFF00 - n) + b'meta' + bytes(4) for n in range(500)),
        )
    # JPEG XL keeps its size in bits right behind the signature: larger numbers there are larger pictures.
    for number, bits in enumerate((b'\xfe\xff\xff\xff\xff', b'\x06\xfe\xff\xff\xff', b'\xff\xff\xff\xff\xff')):
        yield 'jxl-huge-%d.jxl' % number, patched(seeds.JXL, 2 if seeds.JXL[:2] == b'\xff\x0a' else 42, bits)
    box = b'\0\0\0\x0cJXL \r\n\x87\n' + b'\0\0\0\x14ftypjxl \0\0\0\0jxl '
    yield 'jxl-box-length.jxl', box + b'\xff\xff\xff\xffjxlc' + b'\xff\x0a' * 100
    yield 'jxl-brob.jxl', box + b'\0\0\0\x20brobExif' + b'\xff' * 60


# ---------------------------------------------------------------- SVG


def entity_bomb(root):
    lines = ['<!ENTITY a0 "ha">'] + ['<!ENTITY a%d "%s">' % (n, '&a%d;' % (n - 1) * 10) for n in range(1, 10)]
    return '<?xml version="1.0"?><!DOCTYPE x [%s]><%s>&a9;</%s>' % (''.join(lines), root, root)


def doubled(make, levels=30):
    """Each level uses the one below it ten times."""
    return ''.join(make(level) for level in range(1, levels))


def svg_sizes():
    for number, attributes in enumerate(
        (
            'width="1e9" height="1e9"',
            'width="100000000" height="1"',
            'width="1" height="40000"',
            'viewBox="0 0 1e30 1e30"',
            'width="-5" height="10"',
            'width="0" height="0"',
            'width="1e-30" height="9"',
            'width="99999in" height="99999in"',
            'width="nan" height="inf"',
            'viewBox="0 0 0 0"',
            'viewBox="-1e38 -1e38 1e38 1e38" width="9" height="9"',
            'width="1e308" height="1e308" viewBox="0 0 1 1"',
            'width="9000%" height="9000%"',
            'width="30000" height="30000" viewBox="0 0 1 1"',
        )
    ):
        yield 'svg-size-%02d.svg' % number, svg('<rect width="100%" height="100%" fill="red"/>', attributes)


def svg_expanding():
    yield 'svg-entities.svg', entity_bomb('svg').encode()
    yield 'svg-entity-wide.svg', ('<!DOCTYPE svg [<!ENTITY a "%s">]>' % ('x' * 50000)).encode() + svg('&a;' * 5000)
    yield (
        'svg-external.svg',
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg('<text y="20">&x;</text>'),
    )
    yield 'svg-external-dtd.svg', b'<!DOCTYPE svg SYSTEM "http://127.0.0.1:1/x.dtd">' + svg('<rect/>')
    yield 'svg-parameter.svg', b'<!DOCTYPE svg [<!ENTITY % x SYSTEM "file:///dev/zero"> %x;]>' + svg('<rect/>')
    yield 'svg-entity-loop.svg', b'<!DOCTYPE svg [<!ENTITY a "&b;"><!ENTITY b "&a;">]>' + svg('&a;')
    for depth in (250, 5000, 100000):
        yield 'svg-deep-%d.svg' % depth, svg('<g>' * depth + '</g>' * depth)
    yield 'svg-deep-open.svg', svg('<g transform="scale(2)">' * 100000)[:-6]
    yield (
        'svg-deep-opacity.svg',
        svg('<g opacity=".5">' * 240 + '<rect width="9" height="9"/>' + '</g>' * 240, 'width="4000" height="4000"'),
    )
    yield 'svg-use-itself.svg', svg('<g id="a"><use href="#a"/></g>')
    yield 'svg-use-pair.svg', svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g><use href="#a"/>')
    uses = doubled(lambda n: '<g id="u%d">%s</g>' % (n, '<use href="#u%d"/>' % (n - 1) * 10))
    yield 'svg-use-bomb.svg', svg('<defs><rect id="u0" width="9" height="9"/>%s</defs><use href="#u29"/>' % uses)
    nine = '<defs><circle id="u0" r="9" stroke="red"/>%s</defs><use href="#u5"/>' % doubled(
        lambda n: '<g id="u%d">%s</g>' % (n, '<use href="#u%d"/>' % (n - 1) * 9), 6
    )
    yield 'svg-use-59049.svg', svg(nine, 'width="4000" height="4000"')
    patterns = doubled(
        lambda n: (
            '<pattern id="p%d" width="3" height="3" patternUnits="userSpaceOnUse">'
            '<rect width="900" height="900" fill="url(#p%d)"/></pattern>' % (n, n - 1)
        ),
        12,
    )
    yield (
        'svg-pattern-nested.svg',
        svg(
            '<pattern id="p0" width="1" height="1"/>%s<rect width="900" height="900" fill="url(#p11)"/>' % patterns,
            'width="900" height="900"',
        ),
    )
    yield (
        'svg-pattern-tiny.svg',
        svg(
            '<pattern id="p" width=".0001" height=".0001" patternUnits="userSpaceOnUse">'
            '<rect width="1" height="1"/></pattern><rect width="4000" height="4000" '
            'fill="url(#p)"/>',
            'width="4000" height="4000"',
        ),
    )
    yield (
        'svg-pattern-huge.svg',
        svg(
            '<pattern id="p" width="1" height="1" patternTransform="scale(1e9)">'
            '<rect width="1" height="1"/></pattern><rect width="40" height="40" fill="url(#p)"/>'
        ),
    )
    masks = doubled(
        lambda n: (
            '<mask id="m%d"><rect width="100%%" height="100%%" mask="url(#m%d)" fill="#fff"/></mask>' % (n, n - 1)
        ),
        60,
    )
    yield (
        'svg-masks.svg',
        svg('<mask id="m0"/>%s<rect width="99" height="99" mask="url(#m59)"/>' % masks, 'width="5000" height="5000"'),
    )
    yield (
        'svg-markers.svg',
        svg(
            '<marker id="m"><rect width="99" height="99"/></marker><path marker-mid="url(#m)" '
            'd="M0 0%s"/>' % (' L9 9' * 20000)
        ),
    )
    yield (
        'svg-markers-inherited.svg',
        svg(
            '<marker id="m"><rect width="99" height="99"/></marker>'
            '<g marker-mid="url(#m)"><path d="M0 0%s"/></g>' % ('L9 9' * 30000),
            'width="3000" height="3000"',
        ),
    )
    yield 'svg-dashes.svg', svg('<path d="M0 0 L1e7 1e7" stroke="red" stroke-dasharray=".0001"/>')
    yield 'svg-path.svg', svg('<path d="M0 0%s" stroke="red" stroke-width="9"/>' % ('l9 9l-9 5' * 200000))
    yield 'svg-text.svg', svg('<text y="30">%s</text>' % ('W&#x0301;' * 60000))
    yield 'svg-text-size.svg', svg('<text y="30" font-size="1e9">Wg</text>')
    yield 'svg-text-many.svg', svg('<text y="9">abc def</text>' * 20000)
    yield 'svg-attributes.svg', svg('<rect %s/>' % ' '.join('a%d="1"' % n for n in range(20000)))
    yield 'svg-elements.svg', svg('<rect width="50" height="50" fill="#123"/>' * 150000)
    yield (
        'svg-style-rules.svg',
        svg(
            '<style>%s</style>%s'
            % (''.join('g g g .c%d>*{fill:red}' % n for n in range(20000)), '<g><g><g class="a"/></g></g>' * 20000)
        ),
    )
    yield (
        'svg-gradient.svg',
        svg(
            '<linearGradient id="a" href="#b"/><linearGradient id="b" href="#a"/>'
            '<rect width="40" height="40" fill="url(#a)"/>'
        ),
    )
    yield 'svg-spaces.svgz', gzip.compress(svg(' ' * (60 << 20)), 9, mtime=0)
    yield (
        'svg-gzip-bomb.svgz',
        gzip.compress(b'<svg xmlns="http://www.w3.org/2000/svg">' + bytes(120 << 20), 9, mtime=0),
    )
    yield 'svg-gzip-cut.svgz', gzip.compress(VALID['svg'], mtime=0)[:-12]
    yield 'svg-gzip-twice.svgz', gzip.compress(gzip.compress(VALID['svg'], mtime=0), mtime=0)


def svg_walks():
    """What was, or could be, the most work for the sanitiser: 9 MB each."""
    for name, document in svg_worst.worst(9000000).items():
        yield 'svg-walk-%s.svg' % name, document if isinstance(document, bytes) else document.encode()


def svg_filters():
    target = '<rect width="4000" height="4000" fill="red" filter="url(#f)"/>'

    def one(primitives, attributes='x="0" y="0" width="1" height="1"'):
        return svg('<filter id="f" %s>%s</filter>%s' % (attributes, primitives, target), 'width="4000" height="4000"')

    yield (
        'svg-filter-region.svg',
        svg(
            '<filter id="f" filterUnits="userSpaceOnUse" x="-1e6" y="-1e6" width="2e6" '
            'height="2e6"><feGaussianBlur stdDeviation="400"/></filter>'
            '<rect width="20" height="20" filter="url(#f)"/>'
        ),
    )
    yield 'svg-filter-blur.svg', one('<feGaussianBlur stdDeviation="1e9"/>')
    yield 'svg-filter-blur-500.svg', one('<feGaussianBlur stdDeviation="500"/>')
    yield 'svg-filter-turbulence.svg', one('<feTurbulence numOctaves="100000000" baseFrequency=".9"/>')
    yield 'svg-filter-turbulence-10.svg', one('<feTurbulence numOctaves="10" baseFrequency=".9"/>')
    yield 'svg-filter-convolve.svg', one('<feConvolveMatrix order="9999" kernelMatrix="%s"/>' % ('1 ' * 1000))
    yield 'svg-filter-convolve-15.svg', one('<feConvolveMatrix order="15" kernelMatrix="%s"/>' % ('1 ' * 225))
    yield 'svg-filter-morphology.svg', one('<feMorphology operator="dilate" radius="499"/>')
    yield 'svg-filter-200.svg', one('<feOffset dx="1"/>' * 200)
    yield 'svg-filter-100.svg', one('<feGaussianBlur stdDeviation="9"/>' * 100)
    yield (
        'svg-filter-light.svg',
        one('<feDiffuseLighting surfaceScale="1e30"><fePointLight z="1e30"/></feDiffuseLighting>' * 60),
    )
    yield (
        'svg-filter-many.svg',
        svg(
            '<filter id="f"><feGaussianBlur stdDeviation="50"/></filter>'
            + '<rect width="3000" height="3000" filter="url(#f)"/>' * 500,
            'width="3000" height="3000"',
        ),
    )
    yield (
        'svg-filter-image.svg',
        svg('<filter id="f"><feImage href="#r"/></filter><rect id="r" width="50" height="50" filter="url(#f)"/>'),
    )
    yield (
        'svg-filter-css.svg',
        svg('<rect width="50" height="50" style="filter:%s"/>' % ('blur(400px) ' * 300), 'width="4000" height="4000"'),
    )


def data_link(kind, data):
    return 'data:image/%s;base64,%s' % (kind, base64.b64encode(data).decode())


def svg_pictures():
    bomb = png(head=header(30000, 30000, 8, 0), packed=packed_zeros(200 << 20))
    packed = png(head=header(7000, 7000, 8, 6), packed=packed_zeros(7000 * (7000 * 4 + 1)))
    image = '<image width="50" height="30" %s="%s"/>'
    yield 'svg-data-header.svg', svg(image % ('href', data_link('png', png(head=header(65535, 65535)))))
    yield 'svg-data-bomb.svg', svg(image % ('href', data_link('png', bomb)))
    yield 'svg-data-bomb-xlink.svg', svg(image % ('xlink:href', data_link('png', bomb)))
    yield 'svg-data-49-megapixels.svg', svg(image % ('href', data_link('png', packed)))
    yield 'svg-data-many.svg', svg(image % ('href', data_link('png', packed)) * 8)
    yield 'svg-data-jpeg.svg', svg(image % ('href', data_link('jpeg', jpeg_sized(seeds.JPEG, 65500, 65500))))
    yield 'svg-data-scans.svg', svg(image % ('href', data_link('jpeg', dict(jpeg_files())['jpg-scans-1000.jpg'])))
    yield 'svg-data-gif.svg', svg(image % ('href', data_link('gif', gif(width=65535, height=65535))))
    inner = svg('<rect width="9" height="9"/>', 'width="1e6" height="1e6"')
    yield 'svg-data-svg.svg', svg(image % ('href', data_link('svg+xml', inner)))
    nested = VALID['svg']
    for _ in range(12):
        nested = svg(image % ('href', data_link('svg+xml', nested)) * 2)
        if len(nested) > 500000:
            break
    yield 'svg-data-nested.svg', nested
    yield (
        'svg-data-filter.svg',
        svg(
            '<filter id="f"><feImage href="%s"/></filter><rect width="9" height="9" '
            'filter="url(#f)"/>' % data_link('png', bomb)
        ),
    )
    yield 'svg-data-percent.svg', svg('<image width="9" height="9" href="data:image/png,%89PNG%0d%0a%1a%0a"/>')
    yield (
        'svg-data-entity.svg',
        b'<!DOCTYPE svg [<!ENTITY d "data:image/png;base64,">]>'
        + svg(image % ('href', '&d;' + base64.b64encode(png(head=header(60000, 60000))).decode())),
    )


def svg_active():
    bodies = (
        '<script>alert(1)</script>',
        '<SCRIPT>alert(1)</SCRIPT>',
        '<script href="http://127.0.0.1:1/x.js"/>',
        '<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>',
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
        '<rect onclick="alert(1)" OnLoad="alert(2)" onbegin=\'alert(3)\'/>',
        '<a href="javascript:alert(1)"><rect/></a>',
        '<a href=" java&#9;script:alert(1)"><rect/></a>',
        '<a xlink:href="&#x6a;avascript:alert(1)"><rect/></a>',
        '<a href="data:text/html,&lt;script>"><rect/></a>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<a><animate attributeName="xlink:href" values="javascript:alert(1)"/></a>',
        '<set attributeName="onclick" to="alert(1)"/>',
        '<animate onend="alert(1)" attributeName="x"/>',
        '<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:alert(1)"/></foreignObject>',
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml" onload="a()"><script>b</script>'
        '<form action="javascript:c"/><meta http-equiv="refresh" content="0;url=x"/></body></foreignObject>',
        '<style>@import url("http://127.0.0.1:1/x.css");</style>',
        '<style>@\\69mport "x";</style>',
        '<style>*{fill:url(javascript:a)}</style>',
        '<style><![CDATA[@import "//127.0.0.1/x";]]></style>',
        '<rect style="behavior:url(x)"/><rect style="x:expression(1)"/>',
        '<use href="http://127.0.0.1:1/x.svg#a"/><use href="data:image/svg+xml,&lt;svg onload=1>#a"/>',
        '<image href="data:image/svg+xml,&lt;svg onload=1>"/><image href="file:///etc/passwd"/>',
        '<handler type="text/javascript">alert(1)</handler><listener event="click"/>',
        '<embed src="x"/><object data="x"/><video src="x"/><audio src="x"/>',
        '<text><![CDATA[<script>]]>alert(1)<![CDATA[</script>]]></text>',
        '<!-- --><script>/*<!-- */alert(1)/* --> */</script>',
        '<title><style><script>alert(1)</script></style></title>',
        '<image href="\\\\127.0.0.1\\x.png" width="9" height="9"/><image href="/etc/hostname" width="9" height="9"/>',
    )
    for number, body in enumerate(bodies):
        yield 'svg-active-%02d.svg' % number, svg(body)
    yield 'svg-active-onload.svg', svg('<rect/>', 'width="9" height="9" onload="alert(1)"')
    yield 'svg-active-sheet.svg', svg('<rect/>', before='<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>')
    yield 'svg-active-entity.svg', b'<!DOCTYPE svg [<!ENTITY s "&#60;script>alert(1)&#60;/script>">]>' + svg('&s;')
    yield 'svg-active-link-entity.svg', b'<!DOCTYPE svg [<!ENTITY j "java">]>' + svg('<a href="&j;script:alert(1)"/>')
    yield 'svg-active-default.svg', b'<!DOCTYPE svg [<!ATTLIST rect onclick CDATA "alert(1)">]>' + svg('<rect/>')
    for number, (attribute, body) in enumerate(
        (
            ('script xmlns', '<script>alert(1)</script>'),
            ('g xmlns', '<g><script>alert(1)</script></g>'),
            ('g xmlns:i', '<g><i:script>alert(1)</i:script></g>'),
            ('iframe xmlns', '<iframe src="javascript:a"/>'),
        )
    ):
        adobe = '<!DOCTYPE svg [<!ATTLIST %s CDATA "http://ns.adobe.com/x">]>' % attribute
        yield 'svg-active-namespace-%d.svg' % number, adobe.encode() + svg(body)
    yield (
        'svg-active-inert.svg',
        svg('<script xmlns="http://ns.adobe.com/x">a</script><i:form xmlns:i="http://ns.adobe.com/x"/>'),
    )
    octaves = (
        '<filter id="f"><feTurbulence baseFrequency=".1" numOctaves="999"/></filter>'
        '<rect width="900" height="900" filter="url(#f)"/>'
    )
    for name in ('windows-1252', 'KOI8-R', 'shift_jis', 'UTF-32', 'ISO-2022-CN-EXT', 'x-nobody'):
        yield 'svg-limits-%s.svg' % name.lower(), ('<?xml version="1.0" encoding="%s"?>' % name).encode() + svg(octaves)
    for name in ('utf-16-le', 'utf-16-be'):
        yield 'svg-limits-%s.svg' % name, ('\ufeff' + svg(octaves).decode()).encode(name)
    yield 'svg-utf16.svg', ('\ufeff' + svg('<script>alert(1)</script>').decode()).encode('utf-16-le')
    yield 'svg-encoding.svg', b'<?xml version="1.0" encoding="utf-7"?>' + svg('+ADw-script+AD4-')
    yield (
        'svg-latin.svg',
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + svg('<text y="9">\xe9</text>').replace(b'\xc3\xa9', b'\xe9'),
    )
    yield 'svg-nul.svg', svg('<text>a\0b</text>')


GROUPS = [
    png_files,
    jpeg_files,
    gif_files,
    webp_files,
    bmp_files,
    ico_files,
    tiff_files,
    modern_files,
    svg_sizes,
    svg_expanding,
    svg_walks,
    svg_filters,
    svg_pictures,
    svg_active,
]


# ---------------------------------------------------------------- cut at every part, and put together


def png_ends(data):
    at = 8
    while at + 8 <= len(data):
        yield from (at, at + 4, at + 8)
        at += 12 + struct.unpack_from('>I', data, at)[0]


def jpeg_ends(data):
    at = 2
    while at + 4 <= len(data) and data[at + 1] != 0xDA:
        yield from (at, at + 2, at + 4)
        at += 2 + struct.unpack_from('>H', data, at + 2)[0]
    yield from (at, at + 2, at + 4)


def riff_ends(data):
    at = 12
    while at + 8 <= len(data):
        yield from (at, at + 4, at + 8)
        at += 8 + struct.unpack_from('<I', data, at + 4)[0]


def box_ends(data):
    at = 0
    while at + 8 <= len(data):
        yield from (at, at + 4, at + 8)
        at += max(8, struct.unpack_from('>I', data, at)[0])


# Where the parts of a header begin, for formats without parts of their own.
HEADER_ENDS = (2, 4, 6, 8, 10, 12, 13, 14, 16, 18, 20, 22, 26, 28, 30, 34, 40, 54)
PARTS = {
    'png': png_ends,
    'jpg': jpeg_ends,
    'progressive.jpg': jpeg_ends,
    'webp': riff_ends,
    'animated.webp': riff_ends,
    'avif': box_ends,
    'heic': box_ends,
}


def cut_files():
    for kind in sorted(VALID):
        data = VALID[kind]
        ends = PARTS[kind](data) if kind in PARTS else HEADER_ENDS
        for size in sorted({end for end in ends if 0 < end < len(data)})[:24]:
            yield 'part-%04d.%s' % (size, kind), data[:size]


def joined_files():
    kinds = ('jpg', 'png', 'gif', 'webp', 'bmp', 'ico', 'tiff', 'avif', 'jxl', 'svg')
    for number, kind in enumerate(kinds):
        other = kinds[(number + 3) % len(kinds)]
        yield 'joined-%s.%s' % (other, kind), VALID[kind] + VALID[other]
        yield 'twice.%s' % kind, VALID[kind] * 2
        # The signature of one, and the rest of another.
        yield 'mixed-%s.%s' % (other, kind), VALID[kind][:12] + VALID[other][12:]
    yield 'joined-noise.png', png() + b'\xff' * 3000000
    yield 'joined-comment.gif', b'GIF89a/*' + VALID['jpg'] + b'*/'


def directories(count, last):
    """Directories of a TIFF one after the other, each of one pixel; the last one leads to `last`."""
    out = b'II*\0' + struct.pack('<I', 8)
    fields = ((256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 1))
    for number in range(count):
        end = len(out) + 2 + 12 * len(fields) + 4
        out += (
            struct.pack('<H', len(fields))
            + b''.join(struct.pack('<HHII', *field) for field in fields)
            + struct.pack('<I', end if number + 1 < count else last)
        )
    return out


def more_files():
    yield 'tiff-directories.tiff', directories(3000, 0)
    yield 'tiff-directories-loop.tiff', directories(3, 8)
    yield 'tiff-directories-end.tiff', directories(3, 0xFFFFFFF0)
    yield 'tiff-sub-loop.tiff', tiff([(330, 4, 1, 8 + WIDTH * HEIGHT * 3)])
    yield 'tiff-exif-loop.tiff', tiff([(34665, 4, 1, 8 + WIDTH * HEIGHT * 3)])
    yield (
        'tiff-fax-bomb.tiff',
        tiff(
            [
                (256, 4, 1, 7000),
                (257, 4, 1, 7000),
                (278, 4, 1, 7000),
                (277, 3, 1, 1),
                (258, 3, 1, 1),
                (262, 3, 1, 0),
                (259, 3, 1, 4),
            ],
            pixels=b'\xff' * 4000,
        ),
    )
    yield 'tiff-planes.tiff', tiff([(284, 3, 1, 2), (277, 3, 1, 65535), (256, 4, 1, 60000)])
    yield 'png-iccp-twice.png', png([chunk(b'iCCP', b'p\0\0' + packed_zeros(3 << 20))] * 40)
    yield 'png-colours.png', png([chunk(b'PLTE', bytes(range(256)) * 300)])
    yield 'png-gamma.png', png([chunk(b'gAMA', bytes(4)), chunk(b'cHRM', b'\xff' * 32), chunk(b'pHYs', b'\xff' * 9)])
    sizes = b'II*\0\x08\0\0\0' + struct.pack('<HHHII', 1, 0x0112, 3, 1, 65535) + bytes(4)
    yield 'jpg-exif-orientation.jpg', jpeg_with(segment(0xE1, b'Exif\0\0' + sizes))
    yield 'jpg-exif-many.jpg', jpeg_with(*[segment(0xE1, b'Exif\0\0' + sizes)] * 2000)
    yield 'jpg-comments.jpg', jpeg_with(*[segment(0xFE, b'c' * 65000)] * 100)
    yield 'gif-frames-sizes.gif', gif([gif_frame(0, 0, 1 + i % 30, 1 + i % 9, lzw([1])) for i in range(600)], 30, 9)
    yield 'gif-screen-1.gif', gif([gif_frame(0, 0, 65535, 65535, lzw([1]))], 1, 1)
    yield 'ico-cursor.ico', b'\0\0\2\0' + VALID['ico'][4:]
    yield 'ico-jpeg-inside.ico', icon([(16, 16, seeds.JPEG, None, None)])
    for kind in ('avif', 'heic'):
        data = VALID[kind]
        yield '%s-all-ones.%s' % (kind, kind), data[:32] + b'\xff' * (len(data) - 32)
        yield '%s-brands.%s' % (kind, kind), struct.pack('>I', 8 + 400000) + b'ftyp' + data[8:12] * 100000 + data[32:]
    yield 'jxl-frames.jxl', seeds.JXL + seeds.JXL[2:] * 500


def metadata_files():
    return metadata.files(png())


GROUPS += [cut_files, joined_files, more_files, metadata_files, grid_files]


# ---------------------------------------------------------------- cut and bent at random


def damaged(rng):
    """Endless: a valid picture cut, with flipped bits, or with a run of bytes of another value."""
    number = 0
    kinds = sorted(VALID)
    while True:
        kind = kinds[number % len(kinds)]
        data = bytearray(VALID[kind])
        how = ('cut', 'bits', 'run')[number // len(kinds) % 3]
        if how == 'cut':
            data = data[: rng.randrange(4, len(data))]
        elif how == 'bits':
            for _ in range(rng.choice((1, 3, 20))):
                data[rng.randrange(8, len(data))] ^= 1 << rng.randrange(8)
        else:
            at = rng.randrange(8, len(data))
            size = min(rng.randrange(1, 9), len(data) - at)
            data[at : at + size] = bytes([rng.choice((0, 255, 127, 128))]) * size
        yield '%s-%03d.%s' % (how, number, kind), bytes(data)
        number += 1


def files(seed, count=COUNT):
    """[(name, bytes)]: the files with a name, as many as leave a sixth of the room, the rest damaged."""
    rng = random.Random(seed)
    named = [file for group in GROUPS for file in group()]
    room = count * 5 // 6
    if len(named) > room:
        named = [named[at] for at in sorted(rng.sample(range(len(named)), room))]
    bent = damaged(rng)
    return named + [next(bent) for _ in range(count - len(named))]


def write(folder, seed, count=COUNT):
    os.makedirs(folder, exist_ok=True)
    names = []
    for name, data in files(seed, count):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)
        names.append(name)
    return names


def main():
    parser = argparse.ArgumentParser(description='Writes hostile pictures.')
    parser.add_argument('folder')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int, default=COUNT)
    options = parser.parse_args()
    print('%d files' % len(write(options.folder, options.seed, options.count)))


if __name__ == '__main__':
    main()

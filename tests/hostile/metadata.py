"""Pictures with large profiles and much behind their end, for make_hostile.py."""

import struct
import zlib

import seeds

MIB = 1 << 20
PROFILE_SIZES = {'small': 600, 'page': 60000, 'most': 4 * MIB, 'over': 4 * MIB + 1, 'huge': 20 * MIB}


def profile(size):
    """An RGB profile with the marks of the common sRGB one and nothing usable behind them."""
    head = bytearray(128)
    head[0:4] = struct.pack('>I', size)
    head[8:12] = b'\x02\x10\0\0'
    head[12:24] = b'mntrRGB XYZ '
    head[24:31] = b'\x07\xce\0\x02\0\x09\0'
    head[36:40] = b'acsp'
    head[48:56] = b'IEC sRGB'
    head[80:84] = b'HP  '
    return bytes(head) + bytes(size - len(head))


def boxes(data, at, end):
    while at + 8 <= end:
        size = struct.unpack_from('>I', data, at)[0]
        yield data[at + 4 : at + 8], at, size
        at += size


def find_box(data, path):
    """(offset, size) of a box; `meta` has four bytes before its children."""
    at, end = 0, len(data)
    for name in path:
        at, size = next((start, length) for kind, start, length in boxes(data, at, end) if kind == name)
        found, end = (at, size), at + size
        at += 12 if name == b'meta' else 8
    return found


def heif_with_property(data, name, body):
    """One more property of the first item, e.g. its colour profile; the pixels move behind it."""
    box = struct.pack('>I', len(body) + 8) + name + body
    data = bytearray(data)
    container, size = find_box(data, [b'meta', b'iprp', b'ipco'])
    number = len(list(boxes(data, container + 8, container + size))) + 1
    uses, _ = find_box(data, [b'meta', b'iprp', b'ipma'])
    count = uses + 12 + 4 + 2  # flags 0, version 0: entries, first item, how many it has
    data[count] += 1
    data[count + 1 : count + 1] = bytes([number])
    data[container + size : container + size] = box
    for path, more in (
        ([b'meta'], len(box) + 1),
        ([b'meta', b'iprp'], len(box) + 1),
        ([b'meta', b'iprp', b'ipco'], len(box)),
        ([b'meta', b'iprp', b'ipma'], 1),
    ):
        at = find_outer(data, path)
        data[at : at + 4] = struct.pack('>I', struct.unpack_from('>I', data, at)[0] + more)
    move_items(data, len(box) + 1)
    return bytes(data)


def find_outer(data, path):
    """The offset of a box in data whose sizes are not right yet: by its name."""
    at = 0
    for name in path:
        at = data.index(name, at)
    return at - 4


def move_items(data, by):
    at = find_outer(data, [b'meta', b'iloc'])
    version = data[at + 8]
    offset_size, length_size = data[at + 12] >> 4, data[at + 12] & 15
    base_size, index_size = data[at + 13] >> 4, data[at + 13] & 15
    assert (version, offset_size, length_size) in ((0, 4, 4), (1, 4, 4)) and index_size == 0, 'another iloc'
    entry = at + 16
    for _ in range(struct.unpack_from('>H', data, at + 14)[0]):
        inside = version == 1 and data[entry + 3] & 15  # of `idat`, which moves along
        entry += (4 if version else 2) + 2 + base_size
        extents = struct.unpack_from('>H', data, entry)[0]
        entry += 2
        for _ in range(extents):
            if not inside:
                data[entry : entry + 4] = struct.pack('>I', struct.unpack_from('>I', data, entry)[0] + by)
            entry += 8


def png_chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def files(png):
    """`png`: a good picture."""
    for name, size in PROFILE_SIZES.items():
        icc = profile(size)
        for kind, data in (('avif', seeds.AVIF), ('heic', seeds.HEIC)):
            yield 'icc-%s.%s' % (name, kind), heif_with_property(data, b'colr', b'prof' + icc)
        yield 'icc-%s.png' % name, png[:33] + png_chunk(b'iCCP', b'p\0\0' + zlib.compress(icc)) + png[33:]
        parts = [icc[at : at + 65000] for at in range(0, len(icc), 65000)][:255]
        segments = b''.join(
            b'\xff\xe2' + struct.pack('>H', len(part) + 16) + b'ICC_PROFILE\0' + bytes([number + 1, len(parts)]) + part
            for number, part in enumerate(parts)
        )
        yield 'icc-%s.jpg' % name, seeds.JPEG[:2] + segments + seeds.JPEG[2:]
    text = png_chunk(b'tEXt', b'k\0' + bytes([118]) * (5 * MIB))
    yield 'png-text-5m.png', png[:33] + text + png[33:]
    yield 'png-texts-1001.png', png[:33] + png_chunk(b'tEXt', b'k\0v') * 1001 + png[33:]
    yield 'png-tail-png.png', png + png
    yield 'png-tail-text.png', png + text
    yield 'png-tail-length.png', png + b'\x7f\xff\xff\xfftEXt'
    yield 'png-tail-ff.png', png + b'\xff' * 100000

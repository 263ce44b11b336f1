"""Pictures whose files say strange things and are honest: four quarters of known colours each.

Names begin with their kind. Drawn by .cache/venv.
"""

import io
import os
import struct
import sys
import zlib

import numpy as np
import pyvips
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../hostile'))
import pictures_matrix as matrix  # noqa: E402

RGB, GREY, INKS, ALPHA, PROFILES = matrix.RGB, matrix.GREY, matrix.INKS, matrix.ALPHA, matrix.PROFILES
SIDE_X, SIDE_Y = matrix.SIDE_X, matrix.SIDE_Y
quarters, tiff = matrix.quarters, matrix.tiff


class Picture(matrix.Picture):
    """`size`: of the picture; None: that of the matrix. `wanted`: colours of the quarters, if others."""

    def __init__(self, kind, name, data, model='rgb', alpha=None, size=None, wanted=None, slack=0):
        super().__init__('%s-%s' % (kind, name), data, model, alpha)
        self.kind, self.size, self.wanted, self.slack = kind, size or (SIDE_X, SIDE_Y), wanted, slack

    def colours(self):
        return self.wanted or super().colours()


# ---------------------------------------------------------------- PNG


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def plain_png(image=None, before=(), after=b'', between=()):
    """A PNG with chunks before its pixels and bytes behind its end."""
    data = pil_png(image or Image.fromarray(quarters(RGB), 'RGB'))
    head, at = data[:33], data.index(b'IEND') - 4
    return head + b''.join(before) + data[33:at] + b''.join(between) + data[at:] + after


def pil_png(image, **options):
    out = io.BytesIO()
    image.save(out, 'PNG', **options)
    return out.getvalue()


def tails():
    other = pil_png(Image.new('RGB', (90, 70), (255, 0, 0)))
    junk = np.random.default_rng(1).integers(0, 256, 70000, np.uint8).tobytes()
    idat = other[other.index(b'IDAT') - 4 :]
    ends = {
        'zero': bytes(5000),
        'one-zero': b'\0',
        'ff': b'\xff' * 5000,
        'ff-small': b'\xff' * 3,
        'text': b'hello\n' * 400,
        'png': other,
        'idat': idat,
        'idat-cut': idat[:-30],
        'random': junk,
        'zip': b'PK\3\4' + junk[:3000],
        'iend': chunk(b'IEND', b''),
        'chunk-text': chunk(b'tEXt', b'a\0b'),
        'chunk-huge': b'\x7f\xff\xff\xffIDAT',
        'chunk-negative': b'\xff\xff\xff\xffIDATxxxx',
        'chunk-cut': b'\0\0\1\0tEXtab',
        'head': other[:33],
        'html': b'<html><script>alert(1)</script></html>',
        'line': b'\r\n',
        'trns': chunk(b'tRNS', b'\0\1\0\2\0\3'),
        'iccp-bomb': chunk(b'iCCP', b'a\0\0' + zlib.compress(bytes(9 << 20))),
        'texts': chunk(b'tEXt', b'a\0b') * 3000,
        'jpeg': b'\xff\xd8\xff\xe0' + junk[:900],
    }
    for name, tail in ends.items():
        yield Picture('png-tail', name + '.png', plain_png(after=tail))
    rgb = Image.fromarray(quarters(RGB), 'RGB')
    rgba = Image.fromarray(quarters(RGB, [ALPHA]), 'RGBA')
    yield Picture('png-tail', 'alpha.png', plain_png(rgba, after=idat), alpha=ALPHA)
    yield Picture('png-tail', 'palette.png', plain_png(rgb.quantize(8), after=idat))
    yield Picture('png-tail', 'grey.png', plain_png(Image.fromarray(quarters(GREY)[:, :, 0], 'L'), after=idat), 'grey')
    deep = pyvips.Image.new_from_array(quarters(RGB).astype(np.uint16) * 257).copy(interpretation='rgb16')
    yield Picture('png-tail', 'deep.png', deep.write_to_buffer('.png') + idat)
    laced = pyvips.Image.new_from_array(np.ascontiguousarray(quarters(RGB))).copy(interpretation='srgb')
    yield Picture('png-tail', 'interlaced.png', laced.write_to_buffer('.png[interlace]') + idat)
    large = Image.fromarray(quarters(RGB), 'RGB').resize((1600, 1200), Image.NEAREST)
    yield Picture('png-tail', 'cropped.png', plain_png(large, after=idat * 40), size=(1600, 1200))


def long_texts():
    for name, chunks in {
        'many-1001': [chunk(b'tEXt', b'key%d\0value' % i) for i in range(1001)],
        'many-4000': [chunk(b'tEXt', b'key%d\0value' % i) for i in range(4000)],
        'many-itxt': [chunk(b'iTXt', b'key%d\0\0\0en\0\0value' % i) for i in range(1500)],
        'many-ztxt': [chunk(b'zTXt', b'key%d\0\0' % i + zlib.compress(b'value')) for i in range(1500)],
        'long-5': [chunk(b'tEXt', b'Comment\0' + b'x' * (5 << 20))],
        'long-7': [chunk(b'tEXt', b'Comment\0' + b'x' * (7 << 20))],
        'long-ztxt': [chunk(b'zTXt', b'Comment\0\0' + zlib.compress(b'x' * (5 << 20)))],
        'long-itxt': [chunk(b'iTXt', b'XML:com.adobe.xmp\0\0\0\0\0' + b'<x/>' + b' ' * (5 << 20))],
        'unknown': [chunk(b'vpAg', bytes(9)), chunk(b'prVW', bytes(600000)), chunk(b'caBX', bytes(3 << 20))],
        'same-key': [chunk(b'tEXt', b'a\0b')] * 1200,
        'empty': [chunk(b'tEXt', b'a\0')] * 10,
        'no-zero': [chunk(b'tEXt', b'abc')],
        'exif-long': [chunk(b'eXIf', b'II*\0\x08\0\0\0\0\0\0\0\0\0' + bytes(200000))],
        'key-long': [chunk(b'tEXt', b'k' * 200 + b'\0v')],
    }.items():
        yield Picture('png-text', name + '.png', plain_png(before=chunks))
        if name in ('many-1001', 'long-5'):
            yield Picture('png-text', name + '-behind.png', plain_png(between=chunks))


def png_oddities():
    whole = plain_png()
    at = whole.index(b'IDAT')
    size = struct.unpack('>I', whole[at - 4 : at])[0]
    body = whole[at + 4 : at + 4 + size]
    split = b''.join(chunk(b'IDAT', body[i : i + 1]) for i in range(len(body)))
    yield Picture('png-odd', 'idat-bytes.png', whole[: at - 4] + split + chunk(b'IEND', b''))
    yield Picture(
        'png-odd',
        'idat-empty.png',
        whole[: at - 4] + chunk(b'IDAT', b'') + chunk(b'IDAT', body) + chunk(b'IDAT', b'') + chunk(b'IEND', b''),
    )
    bad = chunk(b'tEXt', b'a\0b')[:-1] + b'\0'
    yield Picture('png-odd', 'crc-text.png', plain_png(before=[bad]))
    yield Picture(
        'png-odd', 'gamma.png', plain_png(before=[chunk(b'gAMA', struct.pack('>I', 45455)), chunk(b'sRGB', b'\0')])
    )
    yield Picture('png-odd', 'phys.png', plain_png(before=[chunk(b'pHYs', struct.pack('>IIB', 0, 0, 1))]))
    yield Picture('png-odd', 'iccp-junk.png', plain_png(before=[chunk(b'iCCP', b'p\0\0' + zlib.compress(b'x' * 300))]))
    yield Picture('png-odd', 'iccp-unpacked.png', plain_png(before=[chunk(b'iCCP', b'p\0\0' + b'x' * 300)]))
    for name in ('grey', 'cmyk', 'lab'):
        yield Picture(
            'png-odd',
            'iccp-%s.png' % name,
            plain_png(before=[chunk(b'iCCP', b'p\0\0' + zlib.compress(PROFILES[name]))]),
        )
        alpha = Image.fromarray(quarters(RGB, [ALPHA]), 'RGBA')
        yield Picture(
            'png-odd',
            'iccp-%s-alpha.png' % name,
            plain_png(alpha, [chunk(b'iCCP', b'p\0\0' + zlib.compress(PROFILES[name]))]),
            alpha=ALPHA,
        )
    wanted = [p3_to_srgb(c) for c in RGB]
    for transfer in (13, 1):
        yield Picture(
            'png-odd',
            'cicp-p3-%d.png' % transfer,
            plain_png(before=[chunk(b'cICP', bytes([12, transfer, 0, 1]))]),
            wanted=wanted,
            slack=3,
        )
    yield Picture(
        'png-odd',
        'cicp-p3-alpha.png',
        plain_png(Image.fromarray(quarters(RGB, [ALPHA]), 'RGBA'), [chunk(b'cICP', bytes([12, 13, 0, 1]))]),
        wanted=wanted,
        alpha=ALPHA,
        slack=3,
    )
    yield Picture('png-odd', 'cicp-srgb.png', plain_png(before=[chunk(b'cICP', bytes([1, 13, 0, 1]))]))
    yield Picture('png-odd', 'cicp-cut.png', plain_png(before=[chunk(b'cICP', b'\x0c')]))
    yield Picture(
        'png-odd',
        'cicp-grey.png',
        plain_png(Image.fromarray(quarters(GREY)[:, :, 0], 'L'), [chunk(b'cICP', bytes([12, 13, 0, 1]))]),
        'grey',
    )
    yield Picture('png-odd', 'window.png', pil_png(Image.fromarray(quarters(RGB), 'RGB'), compress_level=0))


# ---------------------------------------------------------------- what follows the end in other formats


def saved(format_name, image=None, **options):
    out = io.BytesIO()
    (image or Image.fromarray(quarters(RGB), 'RGB')).save(out, format_name, **options)
    return out.getvalue()


def other_tails():
    files = {
        'jpg': saved('JPEG', quality=95, subsampling=0),
        'gif': saved('GIF', Image.fromarray(quarters(RGB), 'RGB').quantize(8)),
        'webp': saved('WEBP', lossless=True),
        'bmp': saved('BMP'),
        'tiff': tiff('rgb', 0, 8),
        'ico': matrix.ico('24'),
        'avif': saved('AVIF', quality=95, subsampling='4:4:4'),
    }
    for name, data in files.items():
        alpha = [0, 255, 0, 255] if name == 'ico' else None
        for kind, tail in {
            'zero': bytes(3000),
            'text': b'junk' * 300,
            'mp4': b'\0\0\0\x18ftypmp42' + bytes(500),
            'self': data,
        }.items():
            if name in ('avif', 'tiff') and kind == 'self':
                continue
            yield Picture('tail', '%s-%s.%s' % (name, kind, name), data + tail, alpha=alpha)
    jpeg = files['jpg']
    yield Picture('jpeg-odd', 'fill.jpg', jpeg[:2] + b'\xff' * 9 + jpeg[2:])
    yield Picture('jpeg-odd', 'no-end.jpg', jpeg[:-2])
    yield Picture('jpeg-odd', 'comment.jpg', jpeg[:2] + b'\xff\xfe\xff\xff' + b'x' * 65533 + jpeg[2:])
    yield Picture(
        'jpeg-odd',
        'icc-cut.jpg',
        jpeg[:2] + b'\xff\xe2' + struct.pack('>H', 2 + 14 + 50) + b'ICC_PROFILE\0\1\2' + bytes(50) + jpeg[2:],
    )
    yield Picture(
        'jpeg-odd', 'two-app1.jpg', jpeg[:2] + (b'\xff\xe1' + struct.pack('>H', 2 + 8) + b'Exif\0\0ab') * 2 + jpeg[2:]
    )
    yield Picture('jpeg-odd', 'progressive.jpg', saved('JPEG', quality=95, subsampling=0, progressive=True))
    yield Picture(
        'jpeg-odd', 'grey.jpg', saved('JPEG', Image.fromarray(quarters(GREY)[:, :, 0], 'L'), quality=95), 'grey'
    )


# ---------------------------------------------------------------- profiles of other colours


def grey_profiles():
    """Greys with a profile of greys, which is not sRGB's."""
    linear, wanted = grey_profile(), [(srgb_of(c[0] / 255),) * 3 for c in GREY]
    for format_name in ('jpg', 'png', 'tiff'):
        for alpha in (False, True):
            for depth in (8, 16):
                data = matrix.by_vips(format_name, 'grey', alpha, depth, linear)
                if data:
                    yield Picture(
                        'icc-grey',
                        '%s%s-%d.%s' % (format_name, '-a' if alpha else '', depth, format_name),
                        data,
                        'grey',
                        ALPHA if alpha else None,
                        wanted=wanted,
                        slack=3,
                    )


def with_profile(format_name, model, alpha, profile):
    return matrix.by_vips(format_name, model, alpha, 8, profile)


def profiles():
    spaces = dict(PROFILES)
    del spaces['none']
    base = PROFILES['rgb']
    spaces.update(
        {
            'xyz': base[:16] + b'XYZ ' + base[20:],
            'hsv': base[:16] + b'HSV ' + base[20:],
            '2clr': base[:16] + b'2CLR' + base[20:],
            'cut': base[:140],
            'short': base[:20],
            'empty-tags': base[:128] + bytes(4),
            'zero': bytes(500),
            'size-wrong': b'\xff\xff\xff\xff' + base[4:],
            'named': base[:12] + b'nmcl' + base[16:],
            'abstract': base[:12] + b'abst' + base[16:],
        }
    )
    fits = {'rgb': ('rgb', 'size-wrong'), 'grey': (), 'cmyk': ()}
    for format_name in ('jpg', 'png', 'webp', 'tiff', 'avif', 'heic'):
        for model in ('rgb', 'grey', 'cmyk'):
            for alpha in (False, True):
                for kind, profile in spaces.items():
                    if kind in fits[model] or kind == {'grey': 'grey', 'cmyk': 'cmyk'}.get(model):
                        continue
                    try:
                        data = with_profile(format_name, model, alpha, profile)
                    except pyvips.Error:
                        continue
                    if data:
                        name = '%s-%s%s-%s.%s' % (format_name, model, '-a' if alpha else '', kind, format_name)
                        yield Picture('icc', name, data, model, ALPHA if alpha else None)


# ---------------------------------------------------------------- TIFF


def inks_and_samples():
    for depth in (8, 16):
        for order in '<>':
            for big in (False, True):
                name = '%d-%s%s.tiff' % (depth, 'le' if order == '<' else 'be', '-big' if big else '')
                yield Picture('cmyka', name, tiff('cmyk', 1, depth, order, big), 'cmyk', ALPHA)
                yield Picture('cmyk', name, tiff('cmyk', 0, depth, order, big), 'cmyk')
                if big:
                    yield Picture('bigtiff', 'rgb-' + name, tiff('rgb', 0, depth, order, True))
                    yield Picture('bigtiff', 'rgba-' + name, tiff('rgb', 1, depth, order, True), alpha=ALPHA)
                    yield Picture('bigtiff', 'grey-' + name, tiff('grey', 0, depth, order, True), 'grey')
    for kind in ('rgb', 'grey', 'junk'):
        yield Picture('cmyka', 'icc-%s.tiff' % kind, tiff('cmyk', 1, 8, profile=PROFILES[kind]), 'cmyk', ALPHA)
    for model in ('rgb', 'grey', 'cmyk'):
        for extras in range(1, 6):
            for depth in (8, 16):
                for first in (2, 0, None):
                    kinds = [2] + [0] * (extras - 1) if first == 2 else [0] * extras
                    if first is None:
                        if extras < 2:
                            continue
                        kinds = [0] * (extras - 1) + [2]
                    name = '%s-%d-%d-%s.tiff' % (
                        model,
                        extras,
                        depth,
                        {2: 'alpha-first', 0: 'none-said', None: 'alpha-last'}[first],
                    )
                    yield Picture('samples', name, tiff_with(model, kinds, depth), model, ALPHA)
    lzw = pyvips.Image.new_from_array(np.ascontiguousarray(quarters(RGB, [ALPHA, 9, 200]))).copy(interpretation='srgb')
    for compression in ('lzw', 'deflate', 'none', 'packbits'):
        for extra in ('', ',tile,tile-width=16,tile-height=16', ',bigtiff', ',predictor=horizontal'):
            if compression in ('none', 'packbits') and 'predictor' in extra:
                continue
            data = lzw.write_to_buffer('.tif[compression=%s%s]' % (compression, extra))
            yield Picture(
                'samples', 'vips-%s%s.tiff' % (compression, extra.replace(',', '-').replace('=', '')), data, alpha=ALPHA
            )
    yield from planar()


def tiff_with(model, kinds, depth, order='<'):
    """The alpha stands where `kinds` says 2, else in the first extra sample."""
    at = kinds.index(2) if 2 in kinds else 0
    values = matrix.MODELS[model]
    extras = [77] * len(kinds)
    extras[at] = ALPHA
    pixels = quarters(values, extras)
    made = tiff(model, len(kinds), depth, order, kinds=kinds)
    data = (pixels.astype(np.uint32) * 257).astype(order + 'u2').tobytes() if depth == 16 else pixels.tobytes()
    return made[: len(made) - len(data)] + data


def planar():
    """Separate planes, 3 and 5 samples."""
    for extras in (0, 1, 2):
        pixels = quarters(RGB, [ALPHA, 77][:extras])
        planes = [np.ascontiguousarray(pixels[:, :, i]).tobytes() for i in range(pixels.shape[2])]
        count = len(planes)
        fields = [
            (256, 3, [SIDE_X]),
            (257, 3, [SIDE_Y]),
            (258, 3, [8] * count),
            (259, 3, [1]),
            (262, 3, [2]),
            (273, 4, [0] * count),
            (277, 3, [count]),
            (278, 3, [SIDE_Y]),
            (279, 4, [len(planes[0])] * count),
            (284, 3, [2]),
        ] + ([(338, 3, [2, 0][:extras])] if extras else [])
        yield Picture('samples', 'planar-%d.tiff' % extras, pack_tiff(fields, planes), alpha=ALPHA if extras else None)


def pack_tiff(fields, strips):
    at = 8 + 2 + 12 * len(fields) + 4
    sizes = {3: 2, 4: 4, 1: 1, 7: 1, 5: 8}
    total = sum(len(v) * sizes[k] + (len(v) * sizes[k]) % 2 for _, k, v in fields if len(v) * sizes[k] > 4)
    place, entries, lists = at + total, b'', b''
    offsets = []
    for strip in strips:
        offsets.append(place)
        place += len(strip)
    for tag, kind, items in sorted(fields):
        items = offsets if tag == 273 else items
        value = struct.pack('<%d%s' % (len(items), {3: 'H', 4: 'I', 1: 'B', 7: 'B'}[kind]), *items)
        if len(value) > 4:
            where = struct.pack('<I', at + len(lists))
            lists += value + b'\0' * (len(value) % 2)
            value = where
        entries += struct.pack('<HHI', tag, kind, len(items)) + value.ljust(4, b'\0')
    return (
        b'II*\0' + struct.pack('<I', 8) + struct.pack('<H', len(fields)) + entries + bytes(4) + lists + b''.join(strips)
    )


def lab_pictures():
    """Lab of the four colours, by vips."""
    rgb = pyvips.Image.new_from_array(np.ascontiguousarray(quarters(RGB))).copy(interpretation='srgb')
    lab = rgb.colourspace('lab')
    yield Picture('lab', 'float.tiff', lab.write_to_buffer('.tif'), slack=4)
    yield Picture('lab', 'labq.tiff', rgb.colourspace('labq').write_to_buffer('.tif'), slack=18)
    yield Picture('lab', 'labs.tiff', rgb.colourspace('labs').write_to_buffer('.tif'), slack=4)
    values = lab.numpy()
    eight = np.stack([values[:, :, 0] * 2.55, values[:, :, 1], values[:, :, 2]], axis=2).round().astype(np.int16)
    body = (eight & 255).astype(np.uint8).tobytes()
    for photometric, data in ((8, body), (9, ((eight + [0, 128, 128]) & 255).astype(np.uint8).tobytes())):
        fields = [
            (256, 3, [SIDE_X]),
            (257, 3, [SIDE_Y]),
            (258, 3, [8] * 3),
            (259, 3, [1]),
            (262, 3, [photometric]),
            (273, 4, [0]),
            (277, 3, [3]),
            (278, 3, [SIDE_Y]),
            (279, 4, [len(data)]),
        ]
        yield Picture('lab', '8-%d.tiff' % photometric, pack_tiff(fields, [data]), slack=18)
    deep = (
        np.stack([values[:, :, 0] * 655.35, values[:, :, 1] * 256, values[:, :, 2] * 256], axis=2)
        .round()
        .astype(np.int32)
    )
    icc = (
        np.stack([values[:, :, 0] * 652.8, values[:, :, 1] * 256 + 32768, values[:, :, 2] * 256 + 32768], axis=2)
        .round()
        .astype('<u2')
        .tobytes()
    )
    fields = [
        (256, 3, [SIDE_X]),
        (257, 3, [SIDE_Y]),
        (258, 3, [16] * 3),
        (259, 3, [1]),
        (262, 3, [9]),
        (273, 4, [0]),
        (277, 3, [3]),
        (278, 3, [SIDE_Y]),
        (279, 4, [len(icc)]),
    ]
    yield Picture('lab', '16-9.tiff', pack_tiff(fields, [icc]), slack=4)
    data = (deep & 65535).astype('<u2').tobytes()
    fields = [
        (256, 3, [SIDE_X]),
        (257, 3, [SIDE_Y]),
        (258, 3, [16] * 3),
        (259, 3, [1]),
        (262, 3, [8]),
        (273, 4, [0]),
        (277, 3, [3]),
        (278, 3, [SIDE_Y]),
        (279, 4, [len(data)]),
    ]
    yield Picture('lab', '16-8.tiff', pack_tiff(fields, [data]), slack=4)


# ---------------------------------------------------------------- ICO, BMP


def mask_of(clear, width, height):
    rows = np.zeros((height, width), np.uint8)
    rows[clear] = 1
    packed = np.packbits(rows[::-1], axis=1)
    pad = -packed.shape[1] % 4
    return np.pad(packed, ((0, 0), (0, pad))).tobytes()


def packed_rows(indices, depth):
    """Rows from the bottom, packed and padded to four bytes."""
    height, width = indices.shape
    per = 8 // depth
    wide = np.pad(indices, ((0, 0), (0, -width % per)))
    out = np.zeros((height, wide.shape[1] // per), np.uint8)
    for i in range(per):
        out |= (wide[:, i::per].astype(np.uint8) << (8 - depth * (i + 1))).astype(np.uint8)
    out = np.pad(out, ((0, 0), (0, -out.shape[1] % 4)))
    return out[::-1].tobytes()


def icon_bitmap(depth, side=32, clear=None, alpha=None, mask=True, head_height=None, rgb=None):
    """A bitmap as icons hold it; the quarter `clear` (a slice pair) is masked."""
    colours = rgb or RGB
    index = np.zeros((side, side), np.uint8)
    half = side // 2
    index[:half, half:], index[half:, :half], index[half:, half:] = 1, 2, 3
    palette = b''
    if depth <= 8:
        if depth == 1:
            index = index & 1
        count = 1 << depth
        entries = [bytes(colours[i % 4][::-1]) + b'\0' for i in range(min(count, 4))] + [bytes(4)] * max(0, count - 4)
        palette, body = b''.join(entries), packed_rows(index, depth)
    else:
        values = np.array(colours, np.uint8)[index][:, :, ::-1]
        if depth == 32:
            fourth = (
                np.zeros((side, side, 1), np.uint8) if alpha is None else np.array(alpha, np.uint8)[index][:, :, None]
            )
            values = np.concatenate([values, fourth], axis=2)
        if depth == 16:
            words = (
                (values[:, :, 2].astype(np.uint16) >> 3 << 10)
                | (values[:, :, 1].astype(np.uint16) >> 3 << 5)
                | (values[:, :, 0].astype(np.uint16) >> 3)
            )
            body = np.pad(words, ((0, 0), (0, side % 2)))[::-1].astype('<u2').tobytes()
        else:
            flat = values.reshape(side, -1)
            body = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4)))[::-1].tobytes()
    head = struct.pack('<IiiHHIIiiII', 40, side, head_height or side * 2, 1, depth, 0, 0, 0, 0, 0, 0)
    return (
        head
        + palette
        + body
        + (
            mask_of(clear, side, side)
            if mask and clear is not None
            else bytes(((side + 31) // 32 * 4) * side)
            if mask
            else b''
        )
    )


def ico(entries, count=None, kind=1):
    """entries: (width, height, depth, data[, size, offset])."""
    out, body = struct.pack('<HHH', 0, kind, len(entries) if count is None else count), b''
    at = 6 + 16 * len(entries)
    for entry in entries:
        width, height, depth, data = entry[:4]
        size = entry[4] if len(entry) > 4 and entry[4] is not None else len(data)
        offset = entry[5] if len(entry) > 5 and entry[5] is not None else at + len(body)
        out += struct.pack('<BBBBHHII', width % 256, height % 256, 0, 0, 1, depth, size, offset)
        body += data
    return out + body


def icons():
    first = (slice(0, 16), slice(0, 16))
    masked = [0, 255, 255, 255]
    for depth in (1, 4, 8, 16, 24, 32):
        wanted = [RGB[0], RGB[1], RGB[0], RGB[1]] if depth == 1 else RGB
        slack = 8 if depth == 16 else 0
        yield Picture(
            'ico-mask',
            '%d.ico' % depth,
            ico([(32, 32, depth, icon_bitmap(depth, clear=first))]),
            alpha=masked,
            size=(32, 32),
            wanted=wanted,
            slack=slack,
        )
        yield Picture(
            'ico-mask',
            '%d-none.ico' % depth,
            ico([(32, 32, depth, icon_bitmap(depth))]),
            size=(32, 32),
            wanted=wanted,
            slack=slack,
        )
        yield Picture(
            'ico-mask',
            '%d-absent.ico' % depth,
            ico([(32, 32, depth, icon_bitmap(depth, mask=False))]),
            size=(32, 32),
            wanted=wanted,
            slack=slack,
        )
        yield Picture(
            'ico-mask',
            '%d-17.ico' % depth,
            ico([(17, 17, depth, icon_bitmap(depth, 17, (slice(0, 8), slice(0, 8))))]),
            alpha=masked,
            size=(17, 17),
            wanted=wanted,
            slack=slack,
        )
        yield Picture(
            'ico-mask',
            '%d-48.ico' % depth,
            ico([(48, 48, depth, icon_bitmap(depth, 48, (slice(0, 24), slice(0, 24))))]),
            alpha=masked,
            size=(48, 48),
            wanted=wanted,
            slack=slack,
        )
        yield Picture(
            'ico-mask',
            '%d-cursor.ico' % depth,
            ico([(32, 32, depth, icon_bitmap(depth, clear=first))], kind=1),
            alpha=masked,
            size=(32, 32),
            wanted=wanted,
            slack=slack,
        )
    half = icon_bitmap(24, clear=first)
    yield Picture('ico-mask', 'cut.ico', ico([(32, 32, 24, half[:-64])]), size=(32, 32), alpha=None)
    yield Picture(
        'ico-mask', '32-alpha.ico', ico([(32, 32, 32, icon_bitmap(32, alpha=ALPHA))]), alpha=ALPHA, size=(32, 32)
    )
    yield Picture(
        'ico-mask',
        '32-alpha-mask.ico',
        ico([(32, 32, 32, icon_bitmap(32, alpha=ALPHA, clear=first))]),
        alpha=ALPHA,
        size=(32, 32),
    )
    yield Picture('ico-mask', '32-opaque.ico', ico([(32, 32, 32, icon_bitmap(32, alpha=[255] * 4))]), size=(32, 32))
    bad = [(99, 0, 0)] * 4
    png32 = pil_png(Image.fromarray(np.ascontiguousarray(quarters(RGB)), 'RGB').resize((32, 32), Image.NEAREST))
    for side in (256, 257, 512, 300, 1024):
        yield Picture(
            'ico-size',
            '%d.ico' % side,
            ico([(side if side < 256 else 0, side if side < 256 else 0, 24, icon_bitmap(24, side))]),
            size=(side, side),
        )
    for side in (256, 512, 1024):
        data = pil_png(Image.fromarray(quarters(RGB), 'RGB').resize((side, side), Image.NEAREST))
        yield Picture('ico-size', 'png-%d.ico' % side, ico([(0, 0, 32, data)]), size=(side, side))
    yield Picture('ico-size', 'says-16.ico', ico([(16, 16, 24, icon_bitmap(24))]), size=(32, 32))
    yield Picture('ico-size', 'says-48.ico', ico([(48, 48, 24, icon_bitmap(24))]), size=(32, 32))
    yield Picture(
        'ico-size',
        'head-single-height.ico',
        ico([(32, 32, 24, icon_bitmap(24, mask=False, head_height=32))]),
        size=(32, 32),
    )
    yield Picture('ico-size', 'depth-0.ico', ico([(32, 32, 0, icon_bitmap(24))]), size=(32, 32))
    small, large = icon_bitmap(24, 16, rgb=bad), icon_bitmap(24, 48)
    yield Picture('ico-pick', 'largest-last.ico', ico([(16, 16, 24, small), (48, 48, 24, large)]), size=(48, 48))
    yield Picture('ico-pick', 'largest-first.ico', ico([(48, 48, 24, large), (16, 16, 24, small)]), size=(48, 48))
    yield Picture(
        'ico-pick',
        'deeper.ico',
        ico([(32, 32, 8, icon_bitmap(8, rgb=bad)), (32, 32, 24, icon_bitmap(24))]),
        size=(32, 32),
    )
    yield Picture(
        'ico-pick',
        'deeper-first.ico',
        ico([(32, 32, 32, icon_bitmap(32, alpha=[255] * 4)), (32, 32, 4, icon_bitmap(4, rgb=bad))]),
        size=(32, 32),
    )
    yield Picture(
        'ico-pick',
        'deeper-unsaid.ico',
        ico([(32, 32, 0, icon_bitmap(4, rgb=bad)), (32, 32, 0, icon_bitmap(24))]),
        size=(32, 32),
    )
    junk = b'x' * 400
    for name, broken in {
        'junk': (48, 48, 32, junk),
        'outside': (48, 48, 32, junk, 400, 1 << 30),
        'empty': (48, 48, 32, b'', 0, 0),
        'huge-size': (48, 48, 32, junk, 0xFFFFFFFF),
        'cut-png': (48, 48, 32, png32[:40]),
        'bad-depth': (48, 48, 32, icon_bitmap(24)[:14] + b'\7\0' + icon_bitmap(24)[16:]),
        'head-only': (48, 48, 24, icon_bitmap(24, 48)[:40]),
        'in-directory': (48, 48, 24, junk, 400, 2),
    }.items():
        yield Picture(
            'ico-pick', 'broken-first-%s.ico' % name, ico([broken, (32, 32, 24, icon_bitmap(24))]), size=(32, 32)
        )
        yield Picture(
            'ico-pick', 'broken-last-%s.ico' % name, ico([(32, 32, 24, icon_bitmap(24)), broken]), size=(32, 32)
        )
    yield Picture('ico-pick', 'length-beyond.ico', ico([(32, 32, 24, icon_bitmap(24), 9999999)]), size=(32, 32))
    yield Picture('ico-pick', 'length-short.ico', ico([(32, 32, 24, icon_bitmap(24), 60)]), size=(32, 32))
    yield Picture('ico-pick', 'count-too-large.ico', ico([(32, 32, 24, icon_bitmap(24))], count=1) + b'', size=(32, 32))
    yield Picture('ico-pick', 'png.ico', ico([(32, 32, 32, png32)]), size=(32, 32))
    yield Picture('ico-pick', 'png-length-beyond.ico', ico([(32, 32, 32, png32, 9999999)]), size=(32, 32))


def bitmap(
    depth, info=40, compression=0, masks=None, top_down=False, alpha=None, fourth=0, palette_masks=False, size_image=0
):
    height, width = SIDE_Y, SIDE_X
    values = quarters(RGB, [alpha if alpha is not None else fourth])
    index = np.zeros((height, width), np.uint8)
    index[: height // 2, width // 2 :], index[height // 2 :, : width // 2], index[height // 2 :, width // 2 :] = 1, 2, 3
    palette = b''
    if depth <= 8:
        entry = 3 if info == 12 else 4
        palette = b''.join((bytes(c[::-1]) + b'\0')[:entry] for c in RGB) + bytes(entry * ((1 << depth) - 4))
        body = packed_rows(index, depth)
        rows = np.frombuffer(body, np.uint8).reshape(height, -1)[::-1]
    elif depth == 24:
        rows = values[:, :, [2, 1, 0]].reshape(height, -1)
    else:
        masks = masks or ((0x7C00, 0x3E0, 0x1F, 0) if depth == 16 else (0xFF0000, 0xFF00, 0xFF, 0))
        word = np.zeros((height, width), np.uint64)
        for channel, mask in enumerate(masks):
            if mask:
                shift = (mask & -mask).bit_length() - 1
                top = mask >> shift
                word |= (values[:, :, channel].astype(np.uint64) * top // 255) << shift
        if depth == 32 and compression == 0:
            word |= values[:, :, 3].astype(np.uint64) << 24
        rows = word.astype('<u2' if depth == 16 else '<u4').view(np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    pixels = (rows if top_down else rows[::-1]).tobytes()
    if info == 12:
        head = struct.pack('<IHHHH', 12, width, height, 1, depth)
    else:
        head = struct.pack(
            '<IiiHHIIiiII',
            info,
            width,
            -height if top_down else height,
            1,
            depth,
            compression,
            size_image,
            2835,
            2835,
            0,
            0,
        )
        if masks and info >= 52:
            head += struct.pack('<III', *masks[:3])
        if masks and info >= 56 and info != 64:
            head += struct.pack('<I', masks[3])
        if info in (108, 124) and len(head) < info:
            head += b'BGRs'
        head = head.ljust(info, b'\0')[:info] if info != 40 else head
    if masks and compression == 3 and info == 40:
        head += struct.pack('<III', *masks[:3])
    if masks and compression == 6 and info == 40:
        head += struct.pack('<IIII', *masks)
    offset = 14 + len(head) + len(palette)
    return b'BM' + struct.pack('<IHHI', offset + len(pixels), 0, 0, offset) + head + palette + pixels


def bitmaps():
    xrgb, abgr, argb = (
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
    )
    for top_down in (False, True):
        end = '-top.bmp' if top_down else '.bmp'
        for fourth in (0, 1, 77, 255):
            yield Picture('bmp-unused', '%d%s' % (fourth, end), bitmap(32, fourth=fourth, top_down=top_down))
        for info in (40, 52, 56, 64, 108, 124):
            yield Picture('bmp-head', '24-%d%s' % (info, end), bitmap(24, info, top_down=top_down))
            yield Picture('bmp-head', '8-%d%s' % (info, end), bitmap(8, info, top_down=top_down))
            yield Picture('bmp-head', '4-%d%s' % (info, end), bitmap(4, info, top_down=top_down))
            yield Picture('bmp-head', '32-%d%s' % (info, end), bitmap(32, info, top_down=top_down))
            yield Picture('bmp-head', '16-%d%s' % (info, end), bitmap(16, info, top_down=top_down), slack=9)
        for info in (40, 52, 56, 108, 124):
            yield Picture('bmp-fields', 'xrgb-%d%s' % (info, end), bitmap(32, info, 3, xrgb, top_down))
            yield Picture(
                'bmp-fields', 'bgr-%d%s' % (info, end), bitmap(32, info, 3, (0xFF, 0xFF00, 0xFF0000, 0), top_down)
            )
            yield Picture(
                'bmp-fields', 'top-%d%s' % (info, end), bitmap(32, info, 3, (0xFF000000, 0xFF0000, 0xFF00, 0), top_down)
            )
            yield Picture(
                'bmp-fields',
                'ten-%d%s' % (info, end),
                bitmap(32, info, 3, (0x3FF00000, 0xFFC00, 0x3FF, 0), top_down),
                slack=2,
            )
            yield Picture(
                'bmp-fields', '565-%d%s' % (info, end), bitmap(16, info, 3, (0xF800, 0x7E0, 0x1F, 0), top_down), slack=9
            )
            yield Picture(
                'bmp-fields', '444-%d%s' % (info, end), bitmap(16, info, 3, (0xF00, 0xF0, 0xF, 0), top_down), slack=17
            )
        for info in (56, 108, 124):
            for name, masks in (('argb', argb), ('abgr', abgr), ('rgba', (0xFF000000, 0xFF0000, 0xFF00, 0xFF))):
                yield Picture(
                    'bmp-alpha',
                    '%s-%d%s' % (name, info, end),
                    bitmap(32, info, 3, masks, top_down, alpha=ALPHA),
                    alpha=ALPHA,
                )
        yield Picture('bmp-alpha', 'fields-6%s' % end, bitmap(32, 40, 6, argb, top_down, alpha=ALPHA), alpha=ALPHA)
    for depth in (4, 8, 24):
        yield Picture('bmp-head', '%d-12.bmp' % depth, bitmap(depth, 12))
    zero = bitmap(32, 124, 3, argb, alpha=[0] * 4)
    yield Picture('bmp-alpha', 'all-zero.bmp', zero)
    yield Picture('bmp-head', 'size-zero.bmp', bitmap(24)[:2] + bytes(4) + bitmap(24)[6:])
    yield Picture('bmp-head', 'gap.bmp', gap_bmp())


def gap_bmp():
    data = bitmap(24)
    return data[:10] + struct.pack('<I', 14 + 40 + 77) + data[14:54] + bytes(77) + data[54:]


# ---------------------------------------------------------------- GIF


def lzw_frame(pixels, bits=8):
    """Packed without any compression: codes of bits + 1, a clear code before they grow."""
    clear, out, held, count = 1 << bits, bytearray(), 0, 0
    codes = []
    for at, pixel in enumerate(pixels):
        if at % ((1 << bits) - 2) == 0:
            codes.append(clear)
        codes.append(pixel)
    for code in [*codes, clear + 1]:
        held |= code << count
        count += bits + 1
        while count >= 8:
            out.append(held & 255)
            held >>= 8
            count -= 8
    out.append(held & 255)
    return (
        bytes([bits])
        + b''.join(bytes([len(out[i : i + 255])]) + bytes(out[i : i + 255]) for i in range(0, len(out), 255))
        + b'\0'
    )


def gif_frame(left, top, indices, disposal=0, clear=None, control=True, delay=5):
    height, width = len(indices), len(indices[0])
    head = (
        b'\x21\xf9\x04' + struct.pack('<BHBB', disposal << 2 | (clear is not None), delay, clear or 0, 0)
        if control
        else b''
    )
    return (
        head
        + b','
        + struct.pack('<HHHHB', left, top, width, height, 0)
        + lzw_frame([p for row in indices for p in row], 2)
    )


def gif(frames, width=SIDE_X, height=SIDE_Y, background=0, loops=True):
    palette = b''.join(bytes(c) for c in RGB) + bytes(0)
    head = b'GIF89a' + struct.pack('<HHBBB', width, height, 0x80 | 1, background, 0) + palette
    return head + (b'\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0' if loops else b'') + b''.join(frames) + b';'


def block(value, width=SIDE_X // 2, height=SIDE_Y // 2):
    return [[value] * width for _ in range(height)]


def canvases():
    half_x, half_y = SIDE_X // 2, SIDE_Y // 2
    places = [(0, 0), (half_x, 0), (0, half_y), (half_x, half_y)]
    for number, (left, top) in enumerate(places):
        alpha = [255 if i == number else 0 for i in range(4)]
        for name, frame in {
            'control': gif_frame(left, top, block(number)),
            'plain': gif_frame(left, top, block(number), control=False),
            'disposal-1': gif_frame(left, top, block(number), 1),
            'disposal-2': gif_frame(left, top, block(number), 2),
        }.items():
            for background in (0, 3):
                yield Picture(
                    'gif-canvas',
                    '%d-%s-%d.gif' % (number, name, background),
                    gif([frame], background=background),
                    alpha=alpha,
                )
        transparent = gif_frame(left, top, block(number), clear=(number + 1) % 4)
        yield Picture('gif-canvas', '%d-clear.gif' % number, gif([transparent]), alpha=alpha)
        later = [gif_frame(left, top, block(number)), gif_frame(*places[(number + 1) % 4], block((number + 1) % 4))]
        yield Picture('gif-canvas', '%d-two-frames.gif' % number, gif(later), alpha=alpha)
    whole = [row * 1 for row in [[0] * half_x + [1] * half_x] * half_y + [[2] * half_x + [3] * half_x] * half_y]
    yield Picture('gif-canvas', 'whole.gif', gif([gif_frame(0, 0, whole)]))
    yield Picture('gif-canvas', 'no-trailer.gif', gif([gif_frame(0, 0, whole)])[:-1])
    yield Picture('gif-canvas', 'gif87.gif', b'GIF87a' + gif([gif_frame(0, 0, whole, control=False)], loops=False)[6:])
    yield Picture('gif-canvas', 'zero-canvas.gif', gif([gif_frame(0, 0, whole)], 0, 0))
    yield Picture('gif-canvas', 'small-canvas.gif', gif([gif_frame(0, 0, whole)], 3, 3))
    yield Picture('gif-canvas', 'comment.gif', gif([b'\x21\xfe\x05hello\0' + gif_frame(0, 0, whole)]))


# ---------------------------------------------------------------- AVIF, HEIC


def avif(image=None, **options):
    return saved('AVIF', image, quality=95, subsampling='4:4:4', **options)


def rebranded(data, major, others):
    """Another type box; the places that iloc names move with it."""
    size = struct.unpack('>I', data[:4])[0]
    brands = b''.join(o.encode() for o in others)
    made = struct.pack('>I', 16 + len(brands)) + b'ftyp' + major.encode() + bytes(4) + brands
    if len(made) > size:
        raise ValueError('no room for the brands')
    return (
        made + struct.pack('>I', size - len(made)) + b'free' + data[len(made) + 8 : size] + data[size:]
        if size - len(made) >= 8
        else made + data[size:]
    )


def with_nclx(data, primaries, transfer, matrix_=None):
    at = data.index(b'nclx') + 4
    was = struct.unpack('>HHH', data[at : at + 6])
    return data[:at] + struct.pack('>HHH', primaries, transfer, was[2] if matrix_ is None else matrix_) + data[at + 6 :]


def p3_to_srgb(colour):
    linear = [((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in colour]
    rows = [(1.2249, -0.2247, 0), (-0.0420, 1.0419, 0), (-0.0197, -0.0786, 1.0979)]
    out = [max(0, min(1, sum(m * v for m, v in zip(row, linear)))) for row in rows]
    return tuple(round(255 * (1.055 * v ** (1 / 2.4) - 0.055 if v > 0.0031308 else 12.92 * v)) for v in out)


def srgb_of(linear):
    return round(255 * (1.055 * linear ** (1 / 2.4) - 0.055 if linear > 0.0031308 else 12.92 * linear))


def grey_profile():
    """Of greys whose numbers are light: gamma 1."""
    white = b'XYZ ' + bytes(4) + struct.pack('>iii', 63190, 65536, 54061)
    curve = b'curv' + bytes(4) + struct.pack('>I', 0)
    text = b'text' + bytes(4) + b'linear grey\0'
    parts, tags, at = b'', b'', 128 + 4 + 12 * 4
    desc = b'desc' + bytes(4) + struct.pack('>I', 12) + b'linear grey\0' + bytes(78)
    for name, body in ((b'desc', desc), (b'cprt', text), (b'wtpt', white), (b'kTRC', curve)):
        tags += name + struct.pack('>II', at + len(parts), len(body))
        parts += body + bytes(-len(body) % 4)
    head = (
        struct.pack('>I4sI4s4s4s', 0, b'none', 0x02400000, b'mntr', b'GRAY', b'XYZ ')
        + struct.pack('>6H', 2026, 1, 1, 0, 0, 0)
        + b'acsp'
        + bytes(28)
        + struct.pack('>iii', 63190, 65536, 54061)
    )
    whole = head.ljust(128, b'\0') + struct.pack('>I', 4) + tags + parts
    return struct.pack('>I', len(whole)) + whole[4:]


def heifs():
    plain, alpha = avif(), avif(Image.fromarray(quarters(RGB, [ALPHA]), 'RGBA'))
    for major, others in (
        ('avis', ['avif']),
        ('avis', ['mif1']),
        ('msf1', ['avif']),
        ('msf1', ['avis']),
        ('miaf', ['avif']),
        ('mif1', ['avif']),
        ('avif', ['avif']),
        ('mif1', ['miaf', 'avif']),
        ('MA1B', ['avif']),
        ('avio', ['avif']),
        ('heic', ['avif']),
    ):
        try:
            yield Picture('avif-brand', '%s-%s.avif' % (major, '-'.join(others)), rebranded(plain, major, others))
            yield Picture(
                'avif-brand',
                '%s-%s-alpha.avif' % (major, '-'.join(others)),
                rebranded(alpha, major, others),
                alpha=ALPHA,
            )
        except ValueError:
            continue
    frames = [Image.fromarray(quarters(RGB), 'RGB'), Image.new('RGB', (SIDE_X, SIDE_Y), (9, 9, 9))]
    yield Picture('avif-brand', 'sequence.avif', avif(frames[0], save_all=True, append_images=frames[1:]))
    rgba = Image.fromarray(quarters(RGB, [ALPHA]), 'RGBA')
    premultiplied = avif(rgba, alpha_premultiplied=True)
    yield Picture('avif-prem', 'rgba.avif', premultiplied, alpha=ALPHA, slack=4)
    yield Picture(
        'avif-prem', 'opaque.avif', avif(Image.fromarray(quarters(RGB, [255]), 'RGBA'), alpha_premultiplied=True)
    )
    yield Picture(
        'avif-prem',
        'steep.avif',
        avif(Image.fromarray(quarters(RGB, [[255, 60, 200, 128]]), 'RGBA'), alpha_premultiplied=True),
        alpha=[255, 60, 200, 128],
        slack=8,
    )
    wanted = [p3_to_srgb(c) for c in RGB]
    yield Picture('avif-p3', 'rgb.avif', with_nclx(plain, 12, 13), wanted=wanted, slack=4)
    yield Picture('avif-p3', 'rgba.avif', with_nclx(alpha, 12, 13), wanted=wanted, alpha=ALPHA, slack=4)
    yield Picture('avif-p3', 'prem.avif', with_nclx(premultiplied, 12, 13), wanted=wanted, alpha=ALPHA, slack=8)
    yield Picture('avif-p3', 'unspecified.avif', with_nclx(plain, 2, 2))
    yield Picture('avif-p3', 'bt709.avif', with_nclx(plain, 1, 1), slack=14)
    yield Picture('avif-p3', 'bt601.avif', with_nclx(plain, 6, 6), slack=14)
    grey = Image.fromarray(quarters(GREY)[:, :, 0], 'L')
    linear = grey_profile()
    wanted_grey = [(srgb_of(c[0] / 255),) * 3 for c in GREY]
    la = Image.merge('LA', [grey, Image.fromarray(quarters([(255,)] * 4, [ALPHA])[:, :, 1], 'L')])
    for name, image, alpha_ in (('l', grey, None), ('la', la, ALPHA)):
        for sub in ('4:0:0', '4:4:4'):
            wanted_now = wanted_grey if sub == '4:0:0' else [c * 3 for c in GREY]
            yield Picture(
                'avif-grey',
                'profile-%s-%s.avif' % (name, sub.replace(':', '')),
                saved('AVIF', image, quality=95, subsampling=sub, icc_profile=linear),
                'grey',
                alpha_,
                wanted=wanted_now,
                slack=3,
            )
    yield Picture('avif-grey', 'plain.avif', saved('AVIF', grey, quality=95), 'grey')
    yield Picture('avif-grey', '400.avif', saved('AVIF', grey, quality=95, subsampling='4:0:0'), 'grey')
    yield Picture(
        'avif-grey',
        'rgb-400.avif',
        saved('AVIF', Image.merge('RGB', [grey] * 3), quality=95, subsampling='4:0:0'),
        'grey',
    )


def all_pictures():
    for part in (
        tails,
        long_texts,
        png_oddities,
        other_tails,
        profiles,
        grey_profiles,
        inks_and_samples,
        lab_pictures,
        icons,
        bitmaps,
        canvases,
        heifs,
    ):
        yield from part()

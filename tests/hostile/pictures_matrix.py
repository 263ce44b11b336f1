"""The kinds of pictures that run_matrix.py asks for: four quarters of known colours in every format,
with every number of samples, depth, alpha and profile that goes with it. Drawn by .cache/venv.
"""

import io
import struct

import numpy as np
import pyvips
from PIL import Image, ImageCms

SIDE_X, SIDE_Y = 32, 24
RGB = [(230, 20, 20), (10, 160, 80), (20, 40, 220), (240, 220, 30)]
GREY = [(40,), (120,), (200,), (250,)]
INKS = [(0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 255, 0)]
# What the four inks are in RGB, nearly, whatever the profile.
INKS_RGB = [(236, 33, 40), (0, 142, 65), (26, 39, 123), (255, 238, 0)]
ALPHA = [255, 128, 255, 200]
FORMATS = ['jpg', 'png', 'webp', 'tiff', 'gif', 'bmp', 'ico', 'avif', 'heic', 'jxl']
MODELS = {'grey': GREY, 'rgb': RGB, 'cmyk': INKS}


def quarters(values, extras=()):
    """Rows of pixels; extras: lists of four, or one number for all quarters."""
    count = len(values[0]) + len(extras)
    out = np.zeros((SIDE_Y, SIDE_X, count), np.uint8)
    for number, (y, x) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        pixel = list(values[number]) + [e if isinstance(e, int) else e[number] for e in extras]
        out[y * SIDE_Y // 2 : (y + 1) * SIDE_Y // 2, x * SIDE_X // 2 : (x + 1) * SIDE_X // 2] = pixel
    return out


def profiles():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    black = pyvips.Image.black(2, 2, bands=4).copy(interpretation='cmyk')
    cmyk = black.icc_transform('srgb', input_profile='cmyk')
    found = {
        'none': None,
        'rgb': srgb,
        'grey': srgb[:16] + b'GRAY' + srgb[20:],
        'junk': b'x' * 300,
        'lab': srgb[:16] + b'Lab ' + srgb[20:],
        'link': srgb[:12] + b'link' + srgb[16:],
    }
    try:
        found['cmyk'] = pyvips.Image.profile_load('cmyk').tobytes() if hasattr(pyvips.Image, 'profile_load') else None
    except (pyvips.Error, AttributeError):
        found['cmyk'] = None
    found['cmyk'] = found['cmyk'] or srgb[:16] + b'CMYK' + srgb[20:]
    del cmyk
    return found


PROFILES = profiles()


# ---------------------------------------------------------------- TIFF, field by field


def tiff(model, extras, depth, order='<', big=False, profile=None, kinds=None):
    values = MODELS[model]
    pixels = quarters(values, [ALPHA, *[77] * (extras - 1)][:extras])
    samples = pixels.shape[2]
    data = (pixels.astype(np.uint32) * 257).astype(order + 'u2').tobytes() if depth == 16 else pixels.tobytes()
    photometric = {'grey': 1, 'rgb': 2, 'cmyk': 5}[model]
    fields = {
        256: (3, [SIDE_X]),
        257: (3, [SIDE_Y]),
        258: (3, [depth] * samples),
        259: (3, [1]),
        262: (3, [photometric]),
        273: (4, [0]),
        277: (3, [samples]),
        278: (3, [SIDE_Y]),
        279: (4, [len(data)]),
    }
    if extras:
        fields[338] = (3, kinds or [2] + [0] * (extras - 1))
    if profile:
        fields[34675] = (7, list(profile))
    word, room, each = ('Q', 8, 20) if big else ('I', 4, 12)
    head = (b'II' if order == '<' else b'MM') + (
        struct.pack(order + 'HHHQ', 43, 8, 0, 16) if big else struct.pack(order + 'HI', 42, 8)
    )
    at = len(head) + (8 if big else 2) + each * len(fields) + room
    entries, lists = b'', b''
    packed = {
        tag: struct.pack('%s%d%s' % (order, len(items), {3: 'H', 4: 'I', 7: 'B'}[kind]), *items)
        for tag, (kind, items) in fields.items()
    }
    pixels_at = at + sum(len(one) + len(one) % 2 for one in packed.values() if len(one) > room)
    packed[273] = struct.pack(order + 'I', pixels_at)
    for tag in sorted(fields):
        kind, items = fields[tag]
        value = packed[tag]
        if len(value) > room:
            place = struct.pack(order + word, at + len(lists))
            lists += value + b'\0' * (len(value) % 2)
            value = place
        entries += struct.pack(order + ('HHQ' if big else 'HHI'), tag, kind, len(items)) + value.ljust(room, b'\0')
    return head + struct.pack(order + ('Q' if big else 'H'), len(fields)) + entries + bytes(room) + lists + data


# ---------------------------------------------------------------- the other formats


def vips_picture(model, alpha, depth, profile):
    pixels = quarters(MODELS[model], [ALPHA] if alpha else [])
    if depth == 16:
        pixels = pixels.astype(np.uint16) * 257
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    space = {'grey': ('b-w', 'grey16'), 'rgb': ('srgb', 'rgb16'), 'cmyk': ('cmyk', 'cmyk')}[model][depth == 16]
    image = image.copy(interpretation=space)
    if profile:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, 'icc-profile-data', profile)
    return image


def png_with_profile(data, profile):
    import zlib

    body = b'iCCP' + b'p\0\0' + zlib.compress(profile)
    return data[:33] + struct.pack('>I', len(body) - 4) + body + struct.pack('>I', zlib.crc32(body)) + data[33:]


def bmp(alpha, head):
    pixels = quarters(RGB, [ALPHA if alpha else 0])[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack('<IIII', 0xFF0000, 0xFF00, 0xFF, 0xFF000000 if alpha else 0)
    compression = 3 if alpha else 0
    info = struct.pack('<IiiHHIIiiII', head, SIDE_X, SIDE_Y, 1, 32, compression, 0, 0, 0, 0, 0)
    info = (info + (masks if alpha else b'')).ljust(head, b'\0')
    return b'BM' + struct.pack('<IHHI', 14 + len(info) + len(pixels), 0, 0, 14 + len(info)) + info + pixels


def ico(kind):
    size = 32
    if kind == 'png':
        data = vips_picture('rgb', True, 8, None).write_to_buffer('.png')
    else:
        depth = int(kind)
        pixels = quarters(RGB, [0])[::-1]
        body = pixels[:, :, [2, 1, 0] + ([3] if depth == 32 else [])].tobytes()
        mask = np.zeros((SIDE_Y, SIDE_X), np.uint8)
        mask[:, : SIDE_X // 2] = 1
        body += np.packbits(mask[::-1], axis=1).tobytes()
        data = struct.pack('<IiiHHIIiiII', 40, SIDE_X, SIDE_Y * 2, 1, depth, 0, 0, 0, 0, 0, 0) + body
    return struct.pack('<HHHBBBBHHII', 0, 1, 1, size, SIDE_Y, 0, 0, 1, 32, len(data), 22) + data


def gif(alpha):
    image = Image.fromarray(quarters(RGB), 'RGB').quantize(8)
    out = io.BytesIO()
    image.save(out, 'GIF', **({'transparency': image.getpixel((SIDE_X - 1, SIDE_Y - 1))} if alpha else {}))
    return out.getvalue()


SAVERS = {
    'jpg': '.jpg[Q=95,subsample_mode=off]',
    'png': '.png',
    'webp': '.webp[lossless]',
    'tiff': '.tif',
    'avif': '.avif[compression=av1,Q=95,subsample_mode=off]',
    'heic': '.heic[compression=hevc,Q=95]',
    'jxl': '.jxl[lossless]',
}


def by_vips(format_name, model, alpha, depth, profile):
    """None where the format has no such picture."""
    if (
        model == 'cmyk'
        and format_name not in ('jpg', 'tiff')
        or alpha
        and format_name == 'jpg'
        or depth == 16
        and format_name not in ('png', 'tiff')
        or model == 'grey'
        and format_name in ('avif', 'heic')
    ):
        return None
    data = vips_picture(model, alpha, depth, None if format_name == 'png' else profile).write_to_buffer(
        SAVERS[format_name]
    )
    return png_with_profile(data, profile) if format_name == 'png' and profile else data


def profiles_for(format_name):
    """libjxl writes no picture with a profile that it cannot read."""
    return [(kind, PROFILES[kind]) for kind in PROFILES if format_name != 'jxl' or kind in ('none', 'rgb')]


class Picture:
    def __init__(self, name, data, model='rgb', alpha=None):
        self.name, self.data, self.model, self.alpha = name, data, model, alpha

    def colours(self):
        return {'grey': [value * 3 for value in GREY], 'rgb': RGB, 'cmyk': INKS_RGB}[self.model]


def pictures():
    for format_name in SAVERS:
        for model in MODELS:
            for alpha in (False, True):
                for depth in (8, 16):
                    for kind, profile in profiles_for(format_name):
                        data = by_vips(format_name, model, alpha, depth, profile)
                        if data:
                            yield Picture(
                                '%s-%s-%s%d-%s.%s'
                                % (format_name, model, 'a' if alpha else '', depth, kind, format_name),
                                data,
                                model,
                                ALPHA if alpha else None,
                            )
    for model in MODELS:
        for extras in range(0, 9 - len(MODELS[model][0])):
            for depth in (8, 16):
                for order, big in (('<', False), ('>', False), ('<', True), ('>', True)):
                    name = 'samples-%s-%d-%d-%s%s.tiff' % (
                        model,
                        extras,
                        depth,
                        'le' if order == '<' else 'be',
                        '-big' if big else '',
                    )
                    yield Picture(name, tiff(model, extras, depth, order, big), model, ALPHA if extras else None)
            if extras:
                yield Picture(
                    'samples-%s-%d-associated.tiff' % (model, extras),
                    tiff(model, extras, 8, kinds=[1] + [0] * (extras - 1)),
                    model,
                    'any',
                )
                for kind in ('grey', 'cmyk', 'rgb'):
                    yield Picture(
                        'samples-%s-%d-icc-%s.tiff' % (model, extras, kind),
                        tiff(model, extras, 8, profile=PROFILES[kind]),
                        model,
                        ALPHA,
                    )
    for head in (40, 108, 124):
        yield Picture('bmp-%d.bmp' % head, bmp(False, head))
    for head in (56, 108, 124):
        yield Picture('bmp-alpha-%d.bmp' % head, bmp(True, head), alpha=ALPHA)
    for kind in ('24', '32'):
        yield Picture('ico-%s.ico' % kind, ico(kind), alpha=[0, 255, 0, 255])
    yield Picture('ico-png.ico', ico('png'), alpha=ALPHA)
    yield Picture('gif.gif', gif(False))
    yield Picture('gif-alpha.gif', gif(True), alpha=[255, 255, 255, 0])

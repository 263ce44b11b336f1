"""Draws the inputs of the golden pictures: those of the conformance kit, and what golden pictures need
besides. Every picture comes from formulas with fixed seeds."""

import io
import os
import struct
import sys

import numpy as np
from PIL import Image

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'conformance'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'hostile'))
import make_hostile  # noqa: E402
import pictures_matrix  # noqa: E402
import sources  # noqa: E402
import thumbnails  # noqa: E402


def texture(w, h, seed, steepness=1.15):
    """Noise whose amplitude falls with frequency as in photographs: 0..1."""
    rng = np.random.RandomState(seed)
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :]
    size = np.hypot(fy, fx)
    size[0, 0] = 1
    shape = (h, w // 2 + 1)
    waves = (rng.randn(*shape) + 1j * rng.randn(*shape)) / size**steepness
    waves[0, 0] = 0
    field = np.fft.irfft2(waves, s=(h, w))
    low, high = np.percentile(field, [1, 99])
    return np.clip((field - low) / (high - low), 0, 1)


def landscape(w, h, seed=3):
    """A sky with clouds, hills, grass and a post with a sign: textures and hard edges of photographs."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    u, v = x / w, y / h
    clouds = texture(w, h, seed, 1.6)[:, :, None]
    sky = np.array([70, 130, 215]) * (1 - v[:, :, None] * 0.5) + 110 * v[:, :, None]
    img = sky * (1 - clouds * 0.7) + np.array([250, 248, 242]) * clouds * 0.7
    ridge = 0.55 + 0.08 * np.sin(5 * u + 1) + 0.03 * np.sin(17 * u)
    rock = texture(w, h, seed + 1, 1.1)[:, :, None]
    hills = np.array([88, 84, 96]) + 60 * (rock - 0.5)
    img = np.where((v > ridge)[:, :, None], hills, img)
    grass = texture(w, h, seed + 2, 0.75)[:, :, None]
    meadow = np.array([96, 140, 52]) + np.array([90, 90, 50]) * (grass - 0.5)
    img = np.where((v > 0.72 + 0.04 * np.cos(4 * u))[:, :, None], meadow, img)
    post = (abs(u - 0.31) < 0.014) & (v > 0.34) & (v < 0.9)
    img[post] = (74, 50, 34)
    sign = (u > 0.18) & (u < 0.46) & (v > 0.28) & (v < 0.44)
    img[sign] = (196, 36, 30)
    lines = sign & (((y // max(h // 60, 1)) % 3) == 0) & (u > 0.21) & (u < 0.43)
    img[lines] = (252, 250, 244)
    return np.clip(np.rint(img), 0, 255).astype(np.uint8)


def lines(w, h):
    """One red pixel around the edge, one dark line every eighth pixel: a shift or a lost edge shows."""
    img = np.full((h, w, 3), 235, np.uint8)
    img[::8, :] = (40, 60, 120)
    img[:, ::8] = (40, 60, 120)
    img[0, :] = img[-1, :] = img[:, 0] = img[:, -1] = (230, 20, 20)
    return img


def fringe(w, h):
    """A red disc in nothing; the nothing is green where nobody may see it."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    inside = np.hypot((x - w / 2) / (w * 0.4), (y - h / 2) / (h * 0.4)) < 1
    img = np.zeros((h, w, 4), np.uint8)
    img[:, :] = (0, 255, 0, 0)
    img[inside] = (225, 25, 35, 255)
    return img


def gamma_checks(w, h):
    """Single black and white pixels on the left, their plain mean in linear light on the right."""
    y, x = np.mgrid[0:h, 0:w]
    img = np.where((x + y) % 2 == 0, 255, 0).astype(np.uint8)
    img[:, w // 2 :] = 188
    return np.dstack([img] * 3)


def bmp_rle4(w, h):
    """4-bit runs, literals, a move and an early end of line."""
    palette = b''.join(bytes([i * 17, 255 - i * 17, (i * 67) % 256, 0]) for i in range(16))
    data = b''
    for row in range(h):
        x = 0
        while x < w - 8:
            n = min(w - 8 - x, 6 + (row + x) % 9)
            data += bytes([n, ((x // 7 + row // 4) % 16) << 4 | (row // 6) % 16])
            x += n
        if row % 3 == 0:
            data += bytes([0, 4, 0x12, 0x34])
        elif row % 3 == 1:
            data += bytes([0, 2, 4, 0, 4, 0xEE])
        data += b'\0\0'
    data += b'\0\1'
    head = struct.pack('<IiiHHIIiiII', 40, w, h, 1, 4, 2, len(data), 2835, 2835, 16, 0)
    at = 14 + 40 + 64
    return b'BM' + struct.pack('<IHHI', at + len(data), 0, 0, at) + head + palette + data


def jpeg(pixels, **more):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, 'JPEG', **more)
    return out.getvalue()


def strange():
    """Files that say odd things of an honest picture: four quarters of known colours."""
    matrix = pictures_matrix
    webp = matrix.by_vips('webp', 'rgb', True, 8, matrix.PROFILES['grey'])
    return {
        'mask.ico': matrix.ico('24'),
        'inks-alpha.tiff': matrix.tiff('cmyk', 1, 16),
        'spots.tiff': matrix.tiff('rgb', 3, 8),
        'big.tiff': matrix.tiff('rgb', 1, 16, '>', True),
        'grey-profile.webp': webp,
        'tail.png': make_hostile.png() + b'\xff' * 5000,
        'bare.gif': make_hostile.gif([make_hostile.gif_frame()], 48, 36),
    }


def build():
    """Name to bytes of every input."""
    files = dict(sources.build())
    wide = landscape(400, 300)
    files['land.jpg'] = jpeg(wide, quality=92)
    files['land.png'] = sources.png(landscape(160, 120))
    files['lines.png'] = sources.png(lines(81, 65))
    files['fringe.png'] = sources.png(fringe(240, 180))
    files['checks.png'] = sources.png(gamma_checks(160, 120))
    files['rle4.bmp'] = bmp_rle4(84, 60)
    ycck = Image.fromarray(wide[:240, :320]).convert('CMYK')
    out = io.BytesIO()
    ycck.save(out, 'JPEG', quality=92, progressive=True)
    files['cmyk-progressive.jpg'] = out.getvalue()
    files['soft.svg'] = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="90"><filter id="soft">'
        b'<feGaussianBlur stdDeviation="4"/></filter><rect x="24" y="20" width="70" height="50" '
        b'fill="#28c" filter="url(#soft)"/></svg>'
    )
    files['wide.icc'] = sources.P3
    files.update(strange())
    small = landscape(200, 150)
    for name, coding in (('heic', thumbnails.FORMAT_HEVC), ('avif', thumbnails.FORMAT_AV1)):
        files['thumbnail.' + name] = thumbnails.with_thumbnail(small, 255 - small, 100, coding)
    return files


def write(folder):
    for name, data in build().items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)

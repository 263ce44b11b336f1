#!/usr/bin/env python3
"""Formulas of docs/spec/paid.md, written again in numpy without libvips, against what the server makes of
all greys and a thousand random colours, with alpha and without.

    .cache/venv/bin/python tests/golden/formulas_test.py

It proves the formulas of that page, which are ours. Pixels are equal, but for saturation (off by one: tables)
and where alpha is divided out. The server is build/imgring or SERVER_CMD. The last line is
`N passed, M failed`.
"""

import io
import os
import sys
import tempfile

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import pictures  # noqa: E402
import harness  # noqa: E402

sys.path.insert(0, os.path.join(pictures.ROOT, 'tests/real'))
from common import free_port  # noqa: E402


def rounded(v):
    """Half away from zero, within 0..255."""
    return np.clip(np.floor(np.asarray(v, float) + 0.5), 0, 255)


def colours():
    """256 greys, 1000 random colours and the corners of the cube, in 36 rows of 36; alpha of all kinds."""
    rng = np.random.RandomState(16)
    greys = np.repeat(np.arange(256)[:, None], 3, axis=1)
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)])
    rgb = np.concatenate([greys, corners, rng.randint(0, 256, (1032, 3))])[:1296].reshape(36, 36, 3)
    alpha = rng.choice([0, 1, 64, 127, 128, 200, 254, 255], (36, 36, 1))
    return rgb.astype(float), np.dstack([rgb, alpha]).astype(float)


def linear(v):
    v = v / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def gamma(v):
    v = np.clip(v, 0, 1)
    return 255 * np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def grey(rgb):
    return rounded(gamma(linear(rgb) @ [0.2, 0.7, 0.1]))


def adjust(rgb, br=0, co=1):
    return rounded(co * (rgb + br - 127.5) + 127.5)


def saturate(rgb, sa):
    """CIE Lab of D65 and back, a and b times the factor."""
    m = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    white = m.sum(axis=1)
    xyz = linear(rgb) @ m.T / white
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    light, a, b = f[..., 1], (f[..., 0] - f[..., 1]) * sa, (f[..., 1] - f[..., 2]) * sa
    f = np.stack([light + a, light, light - b], axis=-1)
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389) * white
    return rounded(gamma(xyz @ np.linalg.inv(m).T))


def palette_of_colour(y, colour):
    c = np.array(colour, float)
    k = float(grey(c))
    y = y[..., None]
    tint = c + (255 - c) * (y - k) / max(255 - k, 1e-9)
    return np.where((y <= k) & (k > 0), c * y / max(k, 1e-9), tint)


def monochrome(rgb, intensity, colour=(0xB3, 0xB3, 0xB3)):
    return rounded(rgb + (palette_of_colour(grey(rgb), colour) - rgb) * intensity)


def duotone(rgb, intensity, dark=(0, 0, 0), light=(255, 255, 255)):
    dark, light = np.array(dark, float), np.array(light, float)
    tones = dark + (light - dark) * grey(rgb)[..., None] / 255
    return rounded(rgb + (tones - rgb) * intensity)


def layer_over(rgba, colour, opacity):
    """A layer of one colour over a picture with alpha; opacity may be a field."""
    a = rgba[..., 3:] / 255
    o = np.broadcast_to(np.asarray(opacity, float), rgba.shape[:2])[..., None]
    alpha = o + a * (1 - o)
    sums = np.array(colour, float) * o + rgba[..., :3] * a * (1 - o)
    rgb = np.where(alpha > 0, sums / np.maximum(alpha, 1e-12), rgba[..., :3])
    return np.dstack([rounded(rgb), rounded(alpha * 255)])


def under(rgba, colour, opacity):
    a = rgba[..., 3:] / 255
    alpha = a + opacity * (1 - a)
    sums = rgba[..., :3] * a + np.array(colour, float) * opacity * (1 - a)
    rgb = np.where(alpha > 0, sums / np.maximum(alpha, 1e-12), rgba[..., :3])
    return np.dstack([rounded(rgb), rounded(alpha * 255)])


def mixed(rgb, colour, opacity):
    o = np.broadcast_to(np.asarray(opacity, float), rgb.shape[:2])[..., None]
    return rounded(rgb + (np.array(colour, float) - rgb) * o)


def ramp(shape, degrees=0.0, start=0.0, stop=1.0):
    h, w = shape[:2]
    y, x = np.mgrid[0:h, 0:w] + 0.5
    a = np.deg2rad(degrees)
    dx, dy = [0.0 if abs(v) < 1e-12 else v for v in (-np.sin(a), np.cos(a))]
    p = ((x - w / 2) * dx + (y - h / 2) * dy) / (w * abs(dx) + h * abs(dy)) + 0.5
    return np.where(p >= start, 1.0, 0.0) if start == stop else np.clip((p - start) / (stop - start), 0, 1)


def unsharp(rgb, weight=1.0, divider=24.0):
    padded = np.pad(rgb, ((1, 1), (1, 1), (0, 0)), mode='edge')
    h, w = rgb.shape[:2]
    around = sum(padded[i : i + h, j : j + w] for i in range(3) for j in range(3))
    return rounded(rgb + (9 * rgb - around) * weight / divider)


# Options, the source, the model, and how far a sample may be off.
RED, BLUE = (255, 0, 0), (20, 40, 200)
CASES = [
    ('br:40', 'rgb', lambda p: adjust(p, br=40), 0),
    ('brightness:-255', 'rgb', lambda p: adjust(p, br=-255), 0),
    ('co:1.7', 'rgb', lambda p: adjust(p, co=1.7), 0),
    ('contrast:0', 'rgb', lambda p: adjust(p, co=0), 0),
    ('a:-20:0.35', 'rgb', lambda p: adjust(p, -20, 0.35), 0),
    ('br:0/co:1/sa:1', 'rgb', lambda p: p, 0),
    ('br:40', 'rgba', lambda p: np.dstack([adjust(p[..., :3], br=40), p[..., 3]]), 0),
    ('sa:0', 'rgb', lambda p: saturate(p, 0), 1),
    ('sa:0.5', 'rgb', lambda p: saturate(p, 0.5), 1),
    ('saturation:2', 'rgb', lambda p: saturate(p, 2), 1),
    ('a:10:1.2:0.8', 'rgb', lambda p: saturate(adjust(p, 10, 1.2), 0.8), 1),
    ('mc:1', 'rgb', lambda p: monochrome(p, 1), 0),
    ('mc:0.4:ff0000', 'rgb', lambda p: monochrome(p, 0.4, RED), 0),
    ('monochrome:1:1428c8', 'rgb', lambda p: monochrome(p, 1, BLUE), 0),
    ('mc:1:000', 'rgb', lambda p: monochrome(p, 1, (0, 0, 0)), 0),
    ('mc:1:fff', 'rgb', lambda p: monochrome(p, 1, (255, 255, 255)), 0),
    ('mc:0', 'rgb', lambda p: p, 0),
    ('dt:1', 'rgb', lambda p: duotone(p, 1), 0),
    ('dt:0.7:1428c8:ff0000', 'rgb', lambda p: duotone(p, 0.7, BLUE, RED), 0),
    ('mc:0.5:f00/dt:0.5', 'rgb', lambda p: duotone(monochrome(p, 0.5, RED), 0.5), 0),
    ('col:0.3:ff0000', 'rgb', lambda p: mixed(p, RED, 0.3), 0),
    ('col:1:1428c8', 'rgb', lambda p: mixed(p, BLUE, 1), 0),
    ('colorize:0.3:f00', 'rgba', lambda p: layer_over(p, RED, 0.3), 0),
    ('col:0.3:f00:1', 'rgba', lambda p: np.dstack([mixed(p[..., :3], RED, 0.3), p[..., 3]]), 0),
    ('gr:1', 'rgb', lambda p: mixed(p, (0, 0, 0), ramp(p.shape)), 0),
    ('gr:0.8:f00:right:0.2:0.7', 'rgb', lambda p: mixed(p, RED, 0.8 * ramp(p.shape, 270, 0.2, 0.7)), 0),
    ('gradient:0.5:1428c8:33', 'rgba', lambda p: layer_over(p, BLUE, 0.5 * ramp(p.shape, 33)), 0),
    ('gr:1:f00:up:0.5:0.5', 'rgb', lambda p: mixed(p, RED, ramp(p.shape, 180, 0.5, 0.5)), 0),
    ('gr:1:f00:left:0.9:0.1', 'rgb', lambda p: mixed(p, RED, ramp(p.shape, 90, 0.9, 0.1)), 0),
    ('bg:ff0000/bga:0.25', 'rgba', lambda p: under(p, RED, 0.25), 0),
    ('bg:ff0000/bga:0.25', 'rgb', lambda p: p, 0),
    ('ush:always', 'rgb', lambda p: unsharp(p), 0),
    ('unsharpening:always:2:13.5', 'rgb', lambda p: unsharp(p, 2, 13.5), 0),
    ('ush:auto', 'rgb', lambda p: p, 0),
]


def main():
    rgb, rgba = colours()
    sources = {'rgb': rgb, 'rgba': rgba}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, pixels in sources.items():
            Image.fromarray(pixels.astype(np.uint8)).save(os.path.join(folder, name + '.png'))
        command = os.environ.get('SERVER_CMD', os.path.join(pictures.ROOT, 'build/imgring'))
        settings = {'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder, 'IMGPROXY_LOG_LEVEL': 'error'}
        server = harness.Server(command, settings, free_port())
        try:
            if not server.wait_ready():
                sys.exit('the server does not start')
            for options, source, model, most in CASES:
                path = '/unsafe/%s/plain/local:///%s.png@png' % (options, source)
                reply = harness.request(server.port, 'GET', path, {})
                wanted = model(sources[source])
                fault = ''
                if reply.status != 200:
                    fault = 'status %d' % reply.status
                else:
                    got = np.asarray(Image.open(io.BytesIO(reply.body)), float)
                    if got.shape != wanted.shape:
                        fault = 'shape %s, expected %s' % (got.shape, wanted.shape)
                    elif abs(got - wanted).max() > most:
                        at = np.unravel_index(abs(got - wanted).argmax(), got.shape)
                        fault = '%s of %s is %s, expected %s' % (
                            at,
                            sources[source][at[:2]],
                            got[at[:2]],
                            wanted[at[:2]],
                        )
                if fault:
                    failed += 1
                    print('FAILED %s on %s: %s' % (options, source, fault))
        finally:
            server.stop()
    print('%d passed, %d failed' % (len(CASES) - failed, failed))
    return int(failed != 0)


if __name__ == '__main__':
    sys.exit(main())

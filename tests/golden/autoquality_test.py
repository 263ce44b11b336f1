#!/usr/bin/env python3
"""Autoquality and the best format (docs/spec/paid.md sections 7 and 8), written again in numpy without libvips:
all qualities are asked for one by one, and the search must find the one that looking at all of them finds.

    .cache/venv/bin/python tests/golden/autoquality_test.py

It proves the rules of that page, which are ours. The server is build/imgring or SERVER_CMD. The last line is
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

LEAST, MOST = 55, 85


def light(pixels):
    """Of RGB or RGBA, over mid grey."""
    y = pixels[..., :3].astype(float) @ [0.299, 0.587, 0.114]
    if pixels.shape[2] == 4:
        y = 128 + (y - 128) * pixels[..., 3] / 255.0
    return y


def shrunk(y):
    k = max(1, int(np.floor(min(y.shape) / 256 + 0.5)))
    h, w = y.shape[0] // k, y.shape[1] // k
    return y[: h * k, : w * k].reshape(h, k, w, k).mean((1, 3))


def ssim(a, b):
    """Wang and others 2004; a window no larger than the picture."""
    radius = min(5, (min(a.shape) - 1) // 2)
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def mean(v):
        for _ in (0, 1):
            rows = v.shape[0] - 2 * radius
            v = sum(k * v[i : i + rows] for i, k in enumerate(kernel)).T
        return v

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = mean(a), mean(b)
    va, vb, ab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return ((2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean()


def dssim(a, b):
    return (1 - ssim(a, b)) / 2


def decoded(body):
    image = Image.open(io.BytesIO(body))
    return np.asarray(image.convert('RGBA' if 'A' in image.mode else 'RGB'))


def entropy(pixels):
    """Bits of the grey of linear light, 0.2 R + 0.7 G + 0.1 B, in gamma again."""
    v = pixels[..., :3] / 255.0
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) @ [0.2, 0.7, 0.1]
    grey = 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    counts = np.bincount(np.floor(grey + 0.5).astype(int).ravel(), minlength=256) / grey.size
    return -(counts[counts > 0] * np.log2(counts[counts > 0])).sum()


def noise(width, height, bands):
    """Slopes, waves and some noise, so that quality shows."""
    rng = np.random.RandomState(7)
    y, x = np.mgrid[0:height, 0:width]
    base = 128 + 60 * np.sin(x / 9.0 + y / 23.0) + 40 * np.sin(y / 5.0)
    layers = [base + rng.normal(0, 12, base.shape) for _ in range(3)]
    if bands == 4:
        layers.append(255 * (x / width))
    return np.clip(np.dstack(layers), 0, 255).astype(np.uint8)


class Asker:
    def __init__(self, port):
        self.port = port
        self.passed = self.failed = 0

    def get(self, options, source, form, accept=''):
        path = '/unsafe/%s/plain/local:///%s.png@%s' % (options, source, form)
        reply = harness.request(self.port, 'GET', path, {'Accept': accept} if accept else {}, timeout=100)
        if reply.status != 200:
            sys.exit('%s: status %d' % (path, reply.status))
        return reply

    def expect(self, right, what):
        self.passed += bool(right)
        self.failed += not right
        if not right:
            print('FAILED', what)


def search_tests(asker, source, pixels, form):
    files = {q: asker.get('q:%d' % q, source, form).body for q in range(LEAST, MOST + 1)}
    for target in (1, 9000, 14000, 10**9):
        fitting = [q for q in files if len(files[q]) <= target]
        wanted = files[max(fitting) if fitting else LEAST]
        got = asker.get('aq:size:%d:%d:%d' % (target, LEAST, MOST), source, form).body
        asker.expect(got == wanted, '%s %s size %d: %d bytes, not %d' % (source, form, target, len(got), len(wanted)))
    original = shrunk(light(pixels))
    off = {q: dssim(original, shrunk(light(decoded(files[q])))) for q in files}
    for target in (0.0, 0.01, 0.02, 0.5):
        nearest = min(abs(d - target) for d in off.values())
        for error in (0, 0.002):
            options = 'aq:dssim:%g:%d:%d:%g' % (target, LEAST, MOST, error)
            got = asker.get(options, source, form).body
            found = [q for q in files if files[q] == got]
            miss = min([abs(off[q] - target) for q in found], default=9)
            # Decoders differ by a level; where DSSIM hardly falls, a neighbour is as good.
            asker.expect(
                miss <= max(error, nearest) + 4e-4, '%s %s: off by %g, nearest %g' % (source, options, miss, nearest)
            )


def best_tests(asker, source, pixels):
    bits = entropy(pixels)
    for accept in ('', 'image/webp'):
        best = asker.get('w:200', source, 'best', accept)
        form = {k.lower(): v for k, v in best.headers}['content-type'].split('/')[1]
        asker.expect(accept or form in ('jpeg', 'png'), '%s: %s for who accepts none' % (source, form))
        lossless = bits <= 5.5
        asker.expect(not lossless or form != 'jpeg', '%s: %s at %.2f bits' % (source, form, bits))
        asker.expect(lossless or pixels.shape[2] == 4 or form != 'png', '%s: png at %.2f bits' % (source, bits))
        if not lossless and pixels.shape[2] == 3:  # max_bytes takes the same way to the pixels
            sizes = [len(asker.get('w:200/mb:1000000', source, f).body) for f in ['jpeg'] + ['webp'] * bool(accept)]
            asker.expect(len(best.body) == min(sizes), '%s: %d bytes of %s' % (source, len(best.body), sizes))
        asker.expect(decoded(best.body).shape[2] == pixels.shape[2], '%s: alpha' % source)


def main():
    flat = np.zeros((150, 220, 3), np.uint8)
    flat[30:90, 40:120] = (200, 30, 30)
    flat[60:140, 100:200] = (20, 90, 220)
    sources = {'photo': noise(300, 200, 3), 'clear': noise(260, 180, 4), 'large': noise(700, 520, 3), 'flat': flat}
    with tempfile.TemporaryDirectory() as folder:
        for name, pixels in sources.items():
            Image.fromarray(pixels).save(os.path.join(folder, name + '.png'))
        command = os.environ.get('SERVER_CMD', os.path.join(pictures.ROOT, 'build/imgring'))
        settings = {
            'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder,
            'IMGPROXY_LOG_LEVEL': 'error',
            'IMGPROXY_AUTO_WEBP': 'true',
            'IMGPROXY_WEBP_EFFORT': '1',
            'IMGPROXY_TIMEOUT': '100',  # of a search that must not end early
        }
        server = harness.Server(command, settings, free_port())
        try:
            if not server.wait_ready():
                sys.exit('the server does not start')
            asker = Asker(server.port)
            search_tests(asker, 'photo', sources['photo'], 'jpeg')
            search_tests(asker, 'photo', sources['photo'], 'webp')
            search_tests(asker, 'clear', sources['clear'], 'webp')
            search_tests(asker, 'large', sources['large'], 'jpeg')
            for name, pixels in sources.items():
                best_tests(asker, name, pixels)
        finally:
            server.stop()
    print('%d passed, %d failed' % (asker.passed, asker.failed))
    return int(asker.failed != 0)


if __name__ == '__main__':
    sys.exit(main())

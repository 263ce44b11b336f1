"""The pictures of run_random.py: those of the conformance set, the hostile ones, and others that are made
here by a seed: sizes, depths, frames and shapes of every kind."""

import os
import random
import struct
import subprocess
import sys
import zlib

import make_hostile
from make_hostile import HEIGHT, WIDTH, chunk, gif, gif_frame, header, lzw, svg, tiff

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
GENERATED = 160
SHAPES = (
    '<rect x="%d" y="%d" width="%d" height="%d" fill="#%06x"/>',
    '<ellipse cx="%d" cy="%d" rx="%d" ry="%d" fill="#%06x"/>',
    '<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#%06x" stroke-width="3"/>',
    '<text x="%d" y="%d" dx="%d" font-size="%d" fill="#%06x">g</text>',
)


def random_png(rng):
    width, height = rng.choice((1, 2, 17, 300, 1200)), rng.choice((1, 3, 40, 200, 900))
    kind, depth = rng.choice(
        (
            (0, 1),
            (0, 2),
            (0, 4),
            (0, 8),
            (0, 16),
            (2, 8),
            (2, 16),
            (4, 8),
            (4, 16),
            (6, 8),
            (6, 16),
            (3, 1),
            (3, 4),
            (3, 8),
        )
    )
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    row = (width * samples * depth + 7) // 8
    noise = rng.randbytes(row)
    lines = b''.join(b'\0' + noise[y % row :] + noise[: y % row] for y in range(height))
    palette = [chunk(b'PLTE', rng.randbytes(3 << depth))] if kind == 3 else []
    if rng.random() < 0.3 and kind in (0, 2):
        palette.append(chunk(b'tRNS', struct.pack('>H', rng.randrange(1 << depth)) * samples))
    return b''.join(
        [
            b'\x89PNG\r\n\x1a\n',
            header(width, height, depth, kind),
            *palette,
            chunk(b'IDAT', zlib.compress(lines)),
            chunk(b'IEND', b''),
        ]
    )


def random_gif(rng):
    frames = [
        gif_frame(
            rng.randrange(9),
            rng.randrange(9),
            WIDTH,
            HEIGHT,
            lzw([rng.randrange(256)] * (WIDTH * HEIGHT)),
            rng.randrange(4),
        )
        for _ in range(rng.choice((1, 2, 5, 30)))
    ]
    return gif(frames, rng.choice((WIDTH, 64, 400)), rng.choice((HEIGHT, 48, 300)))


def random_tiff(rng):
    samples, depth = rng.choice((1, 3, 4, 5)), rng.choice((8, 16))
    width, height = rng.choice((8, 50, 400)), rng.choice((8, 30, 300))
    meaning = rng.choice({1: (0, 1), 3: (2, 6, 8), 4: (2, 5), 5: (5, 2)}[samples])
    pixels = rng.randbytes(width * samples * depth // 8) * height
    return tiff(
        [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, depth),
            (262, 3, 1, meaning),
            (277, 3, 1, samples),
            (278, 4, 1, height),
            (339, 3, 1, rng.choice((1, 1, 1, 2, 3))),
            (338, 3, 1, rng.randrange(3)),
        ],
        pixels,
    )


def random_svg(rng):
    shapes = ''.join(
        rng.choice(SHAPES) % (*(rng.randrange(200) for _ in range(4)), rng.randrange(1 << 24))
        for _ in range(rng.choice((1, 20, 300)))
    )
    blur = '<filter id="f"><feGaussianBlur stdDeviation="%d"/></filter>' % rng.randrange(9)
    size = rng.choice(
        ('width="200" height="150"', 'viewBox="0 0 200 200"', 'width="2000" height="20"', 'width="1.5in" height="50%"')
    )
    return svg(blur + ('<g filter="url(#f)">%s</g>' if rng.random() < 0.3 else '<g>%s</g>') % shapes, size)


def random_repeat(rng):
    """Frames of an animation again and again, as WebP."""
    data = make_hostile.VALID['animated.webp']
    chunks = make_hostile.webp_chunks(data)
    frames = [one for one in chunks if one[0] == b'ANMF']
    return make_hostile.webp(*[one for one in chunks if one[0] != b'ANMF'], *frames * rng.choice((2, 10, 40)))


MAKERS = {'png': random_png, 'gif': random_gif, 'tiff': random_tiff, 'svg': random_svg, 'webp': random_repeat}


def conformance(folder):
    """The sources of the conformance cases, drawn by the tests' own Python."""
    os.makedirs(folder, exist_ok=True)
    venv = os.path.join(ROOT, '.cache/venv/bin/python')
    done = subprocess.run(
        [venv if os.path.exists(venv) else sys.executable, os.path.join(ROOT, 'tests/conformance/sources.py'), folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError('no conformance pictures, ./tools/setup --tests first: ' + done.stderr[-400:])


def write(folder, seed):
    """Names of what was written, relative to the folder."""
    conformance(os.path.join(folder, 'conformance'))
    make_hostile.write(os.path.join(folder, 'hostile'), seed)
    os.makedirs(os.path.join(folder, 'random'), exist_ok=True)
    bent = make_hostile.damaged(random.Random(seed))
    for number in range(GENERATED):
        rng = random.Random('%d/%d' % (seed, number))
        kind = sorted(MAKERS)[number % len(MAKERS)]
        made = [('%03d.%s' % (number, kind), MAKERS[kind](rng))]
        if number % 4 == 0:
            made.append(next(bent))
        for name, data in made:
            with open(os.path.join(folder, 'random', name), 'wb') as file:
                file.write(data)
    for name, data in make_hostile.VALID.items():
        with open(os.path.join(folder, 'random', 'valid.' + name), 'wb') as file:
            file.write(data)
    return sorted(
        os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names
    )

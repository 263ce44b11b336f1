"""A fixed mixed load: pictures from 20 KB to 12 megapixels in every format the library reads, asked
for as JPEG, WebP, PNG and AVIF at several sizes. Same seed, same requests. Used by memory_report.py
and soak.
"""

import os
import random
import struct
import subprocess
import zlib

import run_bench as bench

FOLDER = os.path.join(bench.ROOT, '.cache/mixed')
# file: (photo, width, what vips writes it with)
WRITTEN = {
    'm-small.jpg': ('p05.jpg', 360, '[Q=80,strip]'),
    'm-progressive.jpg': ('p14.jpg', 1800, '[Q=85,interlace,strip]'),
    'm-2mp.png': ('p08.jpg', 1800, '[compression=6,strip]'),
    'm-interlaced.png': ('p05.jpg', 900, '[interlace,strip]'),
    'm-palette.png': ('p06.jpg', 900, '[palette,strip]'),
    'm-2mp.webp': ('p10.jpg', 1800, '[Q=82,strip]'),
    'm-1mp.gif': ('p07.jpg', 1000, ''),
    'm-2mp.tif': ('p11.jpg', 1800, '[compression=lzw,strip]'),
    'm-1mp.avif': ('p12.jpg', 1200, '[Q=60,effort=1,strip]'),
    'm-1mp.heic': ('p13.jpg', 1200, '[Q=60,effort=1,strip]'),
    'm-1mp.jxl': ('p16.jpg', 1200, '[Q=80,strip]'),
}
COPIED = ('p01.jpg', 'p08.jpg', 'p09.jpg', 'p15.jpg', 'p20.jpg', 'p24.jpg', 'a1.png', 'a4.png')
RESULTS = (('jpg', 11), ('webp', 5), ('png', 2), ('avif', 2))  # and how often of twenty
WIDTHS = (100, 300, 500, 800)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600"><defs><linearGradient id="g" x2="1" y2="1">
<stop stop-color="#124"/><stop offset="1" stop-color="#fc6"/></linearGradient></defs>
<rect width="800" height="600" fill="url(#g)"/><circle cx="300" cy="260" r="160" fill="#fff" opacity=".6"/>
<text x="60" y="520" font-size="70" fill="#fff">imgring</text></svg>"""


def vips(*arguments):
    done = subprocess.run(['vips', *arguments], capture_output=True, text=True, env={**os.environ, 'VIPS_WARNING': '0'})
    return done.returncode == 0


def ppm_pixels(path):
    """Width, height and RGB bytes of a binary PPM as vips writes it."""
    with open(path, 'rb') as file:
        data = file.read()
    fields, at = [], 0
    while len(fields) < 4:
        end = data.index(b'\n', at)
        line = data[at:end]
        at = end + 1
        if not line.startswith(b'#'):
            fields += line.split()
    return int(fields[1]), int(fields[2]), data[at:]


def bmp_of(width, height, rgb):
    row_bytes = (width * 3 + 3) // 4 * 4
    rows = []
    for y in reversed(range(height)):
        row = bytearray(rgb[y * width * 3 : (y + 1) * width * 3])
        row[0::3], row[2::3] = row[2::3], row[0::3]
        rows.append(bytes(row).ljust(row_bytes, b'\0'))
    body = b''.join(rows)
    return (
        b'BM'
        + struct.pack('<IHHI', 54 + len(body), 0, 0, 54)
        + struct.pack('<IiiHHIIiiII', 40, width, height, 1, 24, 0, len(body), 0, 0, 0, 0)
        + body
    )


def ico_of(png, side):
    return struct.pack('<HHH', 0, 1, 1) + struct.pack('<BBBBHHII', side, side, 0, 0, 1, 32, len(png), 22) + png


def small_png(side):
    raw = b''.join(
        b'\0' + bytes(v for x in range(side) for v in (x * 4 & 255, y * 4 & 255, 128, 255)) for y in range(side)
    )

    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 6, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(raw))
        + chunk(b'IEND', b'')
    )


def write(name, data):
    with open(os.path.join(FOLDER, name), 'wb') as file:
        file.write(data)


def make_sources():
    """Writes the pictures once; what this machine's vips cannot write is said and left out."""
    complete = os.path.join(FOLDER, 'complete')
    if os.path.exists(complete):
        return
    os.makedirs(FOLDER, exist_ok=True)
    for name, (photo, width, options) in WRITTEN.items():
        scaled = os.path.join(FOLDER, 'scaled.v')
        good = vips('thumbnail', os.path.join(bench.PHOTOS, photo), scaled, str(width))
        if not good or not vips('copy', scaled, os.path.join(FOLDER, name) + options):
            print('left out of the mixed load, because vips does not write it here: ' + name)
            if os.path.exists(os.path.join(FOLDER, name)):
                os.unlink(os.path.join(FOLDER, name))
    ppm = os.path.join(FOLDER, 'scaled.ppm')
    vips('thumbnail', os.path.join(bench.PHOTOS, 'p05.jpg'), ppm, '700')
    write('m-bmp.bmp', bmp_of(*ppm_pixels(ppm)))
    write('m-icon.ico', ico_of(small_png(64), 64))
    write('m-drawing.svg', SVG.encode())
    for name in COPIED:
        with open(os.path.join(bench.PHOTOS, name), 'rb') as file:
            write(name, file.read())
    for name in ('scaled.v', 'scaled.ppm'):
        os.unlink(os.path.join(FOLDER, name))
    write('complete', b'')


def sources():
    return sorted(name for name in os.listdir(FOLDER) if name != 'complete')


def requests(seed, count):
    """(source, width, result format): every source in turn, the rest drawn."""
    drawn = random.Random(seed)
    kinds = [kind for kind, times in RESULTS for _ in range(times)]
    names, out = sources(), []
    while len(out) < count:
        turn = list(names)
        drawn.shuffle(turn)
        out += [(name, drawn.choice(WIDTHS), drawn.choice(kinds)) for name in turn]
    return out[:count]


def path_of(program, origin, request):
    name, width, kind = request
    return bench.path_of(program, origin + name, width, 0, kind)

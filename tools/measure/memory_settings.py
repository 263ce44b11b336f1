#!/usr/bin/env python3
"""Draws what each of the four memory settings does: the same load on fresh servers that differ in one
setting, and the figure that it changes over time.

    ./tools/memory-report --settings [--out docs/memory-settings.svg]

Load is eight connections of our own to the loopback, for a few seconds; then the server rests. Text
in, text out; SVG by hand.
"""

import argparse
import http.client
import itertools
import re
import tempfile
import threading
import time
import urllib.request

import run_bench as bench
from memory_picture import COLOURS, FAINT, GRID, INK, Drawing, nice_step

SAMPLE_S, CONNECTIONS, BEFORE_S = 0.25, 8, 1
MIB = 1 << 20
LARGE = ['p%02d.jpg' % n for n in range(16, 25)]
SMALL = ['p01.jpg', 'p02.jpg', 'p03.jpg']
PLAIN, GZIP = 'jpg', 'bmp'  # only results that compression pays for have a gzip buffer


def pool(kind):
    """Bytes of a pool's buffers, idle and in use, of all loops, in MiB."""
    names = re.compile(r'^imgring_buffer_pool_(?:idle|in_use)_bytes\{[^}]*type="%s"[^}]*\} (\S+)$' % kind, re.M)
    return lambda page: sum(map(float, names.findall(page))) / MIB


def anonymous(page):
    return float(re.search(r'^imgring_memory_rss_anon_bytes (\S+)$', page, re.M).group(1)) / MIB


# (variable, what the panel shows, figure, values, settings beside it, sources, format, seconds of load, of all)
PANELS = (
    (
        'IMGPROXY_FREE_MEMORY_INTERVAL',
        'RssAnon, MiB: how soon it goes back',
        anonymous,
        ('2', '10', '30'),
        {},
        LARGE,
        PLAIN,
        6,
        40,
    ),
    (
        'IMGPROXY_DOWNLOAD_BUFFER_SIZE',
        'download buffers, MiB, small sources: what is held for them',
        pool('download'),
        ('0', str(4 * MIB)),
        {},
        SMALL,
        PLAIN,
        6,
        30,
    ),
    (
        'IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD',
        'download buffers, MiB, large sources, then small: when it learns',
        pool('download'),
        ('64', '1024'),
        {'IMGPROXY_FREE_MEMORY_INTERVAL': '60'},
        LARGE * 2 + SMALL * 1000,
        PLAIN,
        12,
        20,
    ),
    (
        'IMGPROXY_GZIP_BUFFER_SIZE',
        'gzip buffers, MiB, with IMGPROXY_GZIP_COMPRESSION=1',
        pool('gzip'),
        ('0', str(4 * MIB)),
        {'IMGPROXY_GZIP_COMPRESSION': '1'},
        SMALL,
        GZIP,
        6,
        30,
    ),
)


class Load:
    """Requests for `seconds`; sources are taken in their order, from the first on again."""

    def __init__(self, port, origin, sources, kind, seconds):
        self.port, self.until = port, time.monotonic() + seconds
        self.paths = itertools.cycle('/unsafe/rs:fit:200:0/plain/%s%s@%s' % (origin, name, kind) for name in sources)
        self.lock, self.wrong = threading.Lock(), 0
        self.threads = [threading.Thread(target=self.run) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        while time.monotonic() < self.until:
            with self.lock:
                path = next(self.paths)
            client.request('GET', path, headers={'Accept-Encoding': 'gzip'})
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                with self.lock:
                    self.wrong += 1
        client.close()

    def wait(self):
        for thread in self.threads:
            thread.join()


def measure(panel, value, origin):
    """[(second, figure)] of one server."""
    variable, _, figure, _, beside, sources, kind, load_s, all_s = panel
    with bench.socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    settings = {**beside, variable: value, 'IMGPROXY_PROMETHEUS_BIND': '127.0.0.1:%d' % port, 'IMGPROXY_TIMEOUT': '60'}
    program = bench.Program('imgring', 'build/imgring', bench.OWN_TEMPLATE, settings).start()
    samples, load, began = [], None, time.monotonic()
    try:
        while time.monotonic() - began < all_s:
            if load is None and time.monotonic() - began >= BEFORE_S:
                load = Load(program.port, origin, sources, kind, load_s)
            with urllib.request.urlopen('http://127.0.0.1:%d/' % port, timeout=30) as answer:
                samples.append((time.monotonic() - began, figure(answer.read().decode())))
            time.sleep(SAMPLE_S)
    finally:
        load.wait()
        program.stop()
    if load.wrong:
        raise SystemExit('%s=%s: %d answers were no pictures' % (variable, value, load.wrong))
    return samples


# ---------------------------------------------------------------- the picture

WIDTH, PANEL_W, PANEL_H, LEFT, TOP, ACROSS, DOWN = 980, 400, 170, 50, 92, 490, 270


def text_of(value):
    return '%d MiB' % (int(value) // MIB) if int(value) >= MIB else value


def draw_panel(drawing, x, y, panel, runs):
    variable, title, load_s, all_s = panel[0], panel[1], panel[7], panel[8]
    most = max(figure for samples in runs.values() for _, figure in samples) * 1.05 or 1.0
    step = nice_step(most, 4) if most > 4 else 1.0
    drawing.text(x, y - 42, variable, 13, INK, more=' font-weight="bold"')
    drawing.text(x, y - 25, title, 12, FAINT)
    drawing.box(x + PANEL_W * BEFORE_S / all_s, y, PANEL_W * load_s / all_s, PANEL_H, '#888', 0.12)
    at = 0.0
    while at <= most:
        level = y + PANEL_H - PANEL_H * at / most
        drawing.line(x, level, x + PANEL_W, level, INK if at == 0 else GRID)
        drawing.text(x - 7, level + 4, '%g' % at, 12, FAINT, 'end')
        at += step
    for second in range(0, all_s + 1, 10):
        drawing.text(x + PANEL_W * second / all_s, y + PANEL_H + 17, '%d s' % second, 12, FAINT, 'middle')
    place = x
    for number, (value, samples) in enumerate(runs.items()):
        colour = COLOURS[number]
        drawing.polyline([(x + PANEL_W * s / all_s, y + PANEL_H * (1 - f / most)) for s, f in samples], colour)
        drawing.line(place, y - 12, place + 18, y - 12, colour, 3)
        drawing.text(place + 23, y - 8, text_of(value), 12)
        place += 50 + 7.5 * len(text_of(value))


def svg_of(results):
    """results: [(panel, {value: samples})]."""
    drawing = Drawing()
    drawing.text(24, 26, 'What each memory setting does (grey: load)', 17, INK, more=' font-weight="bold"')
    for number, (panel, runs) in enumerate(results):
        draw_panel(drawing, LEFT + ACROSS * (number % 2), TOP + DOWN * (number // 2), panel, runs)
    height = TOP + DOWN * ((len(results) + 1) // 2) - 40
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">\n<rect width="100%%" height="100%%" fill="#fff"/>\n'
        '%s\n</svg>\n' % (WIDTH, height, WIDTH, height, '\n'.join(drawing.parts))
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default='.cache/memory-settings.svg', help='the picture (.cache/memory-settings.svg)')
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = bench.start_sources(folder)
        try:
            for panel in PANELS:
                runs = {}
                for value in panel[3]:
                    runs[value] = measure(panel, value, origin)
                    figures = [figure for _, figure in runs[value]]
                    print(
                        '%s=%s: most %.1f, at the end %.1f MiB' % (panel[0], value, max(figures), figures[-1]),
                        flush=True,
                    )
                results.append((panel, runs))
        finally:
            sources.terminate()
            sources.wait()
    with open(options.out, 'w') as file:
        file.write(svg_of(results))
    print('picture: ' + options.out)


if __name__ == '__main__':
    main()

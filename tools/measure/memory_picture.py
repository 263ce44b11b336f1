"""Draws a server's memory over time as SVG, by hand: two panels (RSS, RssAnon), one line for each
run, and under them a row for each run that tells its bursts, release ticks and calibrations. PNG by
libvips. A value in, text out.
"""

import math
import subprocess
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 960, 64, 24
PANEL, GAP, ROW, TOP = 190, 46, 24, 64
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9')  # told apart by everyone
INK, FAINT, GRID = '#222', '#666', '#e3e3e3'
MARKS = (('burst of requests', 'burst'), ('memory release tick', 'tick'), ('pool calibration', 'calibration'))


def nice_step(top, parts):
    """1, 2 or 5 times a power of ten, so that `parts` of them reach `top`."""
    size = 1.0
    while size * 10 * parts <= top:
        size *= 10
    while size > 1 and size * parts > top:
        size /= 10
    return next((size * m for m in (1, 2, 5, 10) if size * m * parts >= top), size * 10)


class Drawing:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, size=13, colour=INK, anchor='start', more=''):
        self.parts.append(
            '<text x="%.1f" y="%.1f" font-size="%g" fill="%s" text-anchor="%s"%s>%s</text>'
            % (x, y, size, colour, anchor, more, escape(words))
        )

    def line(self, x1, y1, x2, y2, colour=GRID, width=1.0):
        self.parts.append(
            '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>'
            % (x1, y1, x2, y2, colour, width)
        )

    def box(self, x, y, width, height, colour, opacity=1.0):
        self.parts.append(
            '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="%g"/>'
            % (x, y, width, height, colour, opacity)
        )

    def polyline(self, points, colour):
        self.parts.append(
            '<polyline fill="none" stroke="%s" stroke-width="1.8" stroke-linejoin="round" points="%s"/>'
            % (colour, ' '.join('%.1f,%.1f' % p for p in points))
        )

    def mark(self, kind, x, y, colour):
        if kind == 'tick':
            self.line(x, y - 6, x, y + 6, colour, 1.6)
        elif kind == 'calibration':
            self.parts.append(
                '<path d="M%.1f %.1fl5 6l-5 6l-5 -6z" fill="#fff" stroke="%s" stroke-width="1.6"/>' % (x, y - 6, colour)
            )
        else:
            self.box(x - 9, y - 5, 18, 10, colour, 0.35)


def thinned(samples, pixels):
    """At most two points a pixel, the least and the most of it: peaks stay."""
    if len(samples) <= 2 * pixels:
        return samples
    out, width = [], (samples[-1][0] - samples[0][0]) / pixels
    at = 0
    while at < len(samples):
        end = at
        while end < len(samples) and samples[end][0] < samples[at][0] + width:
            end += 1
        part = samples[at : max(end, at + 1)]
        out += sorted({min(part, key=lambda s: s[1]), max(part, key=lambda s: s[1])})
        at += len(part)
    return out


def panel(drawing, top, title, runs, key, seconds):
    """One panel with its axes; `key` picks a sample's value in MB."""
    top_mb = max(s[key] for run in runs for s in run['samples']) * 1.03
    step = nice_step(top_mb, 5)
    steps = math.ceil(top_mb / step)
    most = step * steps
    across = (WIDTH - LEFT - RIGHT) / seconds
    for i in range(steps + 1):
        y = top + PANEL - PANEL * i / steps
        drawing.line(LEFT, y, WIDTH - RIGHT, y, INK if i == 0 else GRID)
        drawing.text(LEFT - 8, y + 4, '%g' % (step * i), 12, FAINT, 'end')
    drawing.text(LEFT, top - 9, title, 13, INK, more=' font-weight="bold"')
    for number, run in enumerate(runs):
        points = thinned([(s[0], s[key]) for s in run['samples']], WIDTH - LEFT - RIGHT)
        drawing.polyline(
            [(LEFT + t * across, top + PANEL * (1 - mb / most)) for t, mb in points], COLOURS[number % len(COLOURS)]
        )


def time_axis(drawing, y, seconds):
    step = nice_step(seconds, 10)
    at = 0.0
    while at <= seconds:
        x = LEFT + (WIDTH - LEFT - RIGHT) * at / seconds
        drawing.line(x, y, x, y + 5, FAINT)
        drawing.text(x, y + 19, '%g s' % at, 12, FAINT, 'middle')
        at += step


def legend(drawing, runs):
    drawing.text(LEFT, 26, 'Memory of the server over time', 17, INK, more=' font-weight="bold"')
    x = LEFT
    for number, run in enumerate(runs):
        colour = COLOURS[number % len(COLOURS)]
        drawing.line(x, 44, x + 22, 44, colour, 3)
        drawing.text(x + 28, 48, run['name'], 13)
        x += 52 + 7.2 * len(run['name'])


def rows(drawing, top, runs, seconds):
    across = (WIDTH - LEFT - RIGHT) / seconds
    for number, run in enumerate(runs):
        colour, y = COLOURS[number % len(COLOURS)], top + ROW * number + ROW / 2
        drawing.line(LEFT, y, WIDTH - RIGHT, y, GRID)
        for start, end in run['bursts']:
            drawing.box(LEFT + start * across, y - 6, (end - start) * across, 12, colour, 0.35)
        for kind in ('ticks', 'calibrations'):
            for at in run[kind]:
                drawing.mark(kind[:-1], LEFT + at * across, y, colour)
    y = top + ROW * len(runs) + 18
    x = LEFT
    for words, kind in MARKS:
        drawing.mark(kind, x + 9, y - 4, FAINT)
        drawing.text(x + 24, y, words, 12, FAINT)
        x += 60 + 6.4 * len(words)


def svg_of(runs):
    """runs: name, samples [(second, RSS MB, RssAnon MB)], bursts [(start, end)], ticks, calibrations."""
    drawing = Drawing()
    seconds = max(run['samples'][-1][0] for run in runs)
    legend(drawing, runs)
    first, second = TOP + 30, TOP + 30 + PANEL + GAP
    panel(drawing, first, 'RSS, MB (with files mapped)', runs, 1, seconds)
    panel(drawing, second, 'RssAnon, MB (what the server allocated)', runs, 2, seconds)
    time_axis(drawing, second + PANEL, seconds)
    rows_top = second + PANEL + 32
    rows(drawing, rows_top, runs, seconds)
    height = rows_top + ROW * len(runs) + 34
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">\n<rect width="100%%" height="100%%" fill="#fff"/>\n'
        '%s\n</svg>\n' % (WIDTH, height, WIDTH, height, '\n'.join(drawing.parts))
    )


def write(runs, prefix):
    with open(prefix + '.svg', 'w') as file:
        file.write(svg_of(runs))
    return subprocess.run(['vips', 'copy', prefix + '.svg[scale=1.5]', prefix + '.png']).returncode == 0

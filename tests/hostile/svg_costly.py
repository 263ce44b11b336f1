#!/usr/bin/env python3
"""Writes SVGs that cost a rasteriser about 10 s at 1000 pixels of width, or as many as is said, each by one kind of work: the
files beside the constants of include/imgring/svg/scene.h.

    python3 tests/hostile/svg_costly.py DIR [SECONDS]
    for f in DIR/*; do build/tests/bench/svg_bench draw 1000 $f; done
"""

import os
import sys


def svg(body):
    return '<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="1000">%s</svg>' % body


def filtered(primitives):
    return svg(
        '<filter id="f" filterUnits="userSpaceOnUse" x="0" y="0" width="1000" height="1000">%s</filter>'
        '<rect width="1000" height="1000" filter="url(#f)"/>' % primitives
    )


def costly(seconds):
    """Name and text; each a little above `seconds` by the costs that scene.h gives."""
    letters = int((seconds / 1.1e-8) ** 0.5)
    markers = int(seconds / 6e-6)
    hundreds = '<g id="a">%s</g>' % ('<rect width="1" height="1"/>' * 100)
    kernel = '<feConvolveMatrix order="20" kernelMatrix="%s"/>' % ('1 ' * 400)
    return {
        'letters': svg('<text y="9">%s</text>' % ('a' * letters)),
        'runs': svg('<text y="9">abcd efghi</text>' * int(seconds / 6.3e-5)),
        'markers': svg(
            '<marker id="m"><path d="M0 0l1 1"/></marker><path marker-mid="url(#m)" d="M0 0%s"/>'
            % ('l1 1l-1-1' * (markers // 2))
        ),
        'uses': svg(hundreds + '<use href="#a"/>' * int(seconds / 2.02e-4)),
        'octaves': filtered('<feTurbulence baseFrequency=".05" numOctaves="%d"/>' % (seconds / 0.035 + 1)),
        'kernels': filtered(kernel * int(seconds / 1.3 + 1)),
        'radius': filtered('<feMorphology radius="10"/>' * int(seconds / 2.205 + 1)),
        'displacements': filtered('<feDisplacementMap in2="SourceGraphic" scale="3"/>' * int(seconds / 0.7 + 1)),
        'primitives': filtered('<feGaussianBlur stdDeviation="3"/>' * int(seconds / 0.02 + 1)),
        'rules': svg('<style>%s</style>%s' % ('.a{fill:red}' * int(seconds / 3e-8 / 50000), '<g/>' * 50000)),
    }


def main():
    folder, seconds = sys.argv[1], float(sys.argv[2] if len(sys.argv) > 2 else 10)
    os.makedirs(folder, exist_ok=True)
    for name, document in costly(seconds).items():
        with open(os.path.join(folder, name + '.svg'), 'w') as file:
            file.write(document)


if __name__ == '__main__':
    main()

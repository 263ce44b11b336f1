"""Requests made of nothing but a seed and a number: chains of options with ordinary, boundary and
absurd arguments, any format of the result, headers of clients. run_random.py asks for them.

Names and aliases of options come out of src/url/option_table.cc, so a new option is asked for at once,
with arguments of any kind until ARGUMENTS knows better.
"""

import base64
import os
import random
import re
import urllib.parse

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../src/url/option_table.cc')

CHAINED_MAX = 6
# Of a request: what its arguments are like. Absurd ones are mostly refused before any work.
MANNERS = ('ordinary',) * 7 + ('boundary',) * 2 + ('absurd',)
FORMATS = ('jpg', 'png', 'webp', 'avif', 'gif', 'tiff', 'bmp', 'ico', 'heic', 'jxl', 'svg', None, None)
ABSURD_FORMATS = ('jpeg', 'mp4', 'pdf', 'JPG', 'x', '', 'best', 'svgz', '%00')
ABSURD = (
    '',
    ' ',
    '-',
    'abc',
    'nan',
    'inf',
    '-inf',
    '1e9',
    '1e-320',
    '0x10',
    '1.5.5',
    '99999999999999999999',
    '-9223372036854775808',
    '\u00e9',
    '\u200b',
    '\0',
    '..',
    '%',
    '"',
    "'",
    '<',
    '\n',
    'true',
    '1_0',
    '+1',
    '0' * 400,
    'x' * 5000,
)

# Kinds of arguments: (ordinary, boundary).
KINDS = {
    'bool': (('1', '0', 't', 'f', 'true', 'false'), ('T', 'FALSE', '')),
    'resizing': (('fit', 'fill', 'fill-down', 'force', 'auto'), ('',)),
    'pixels': (
        ('0', '1', '2', '7', '40', '64', '100', '200', '300', '500', '801'),
        ('1500', '4000', '16383', '16384', '65535', '65536', '100000', '2147483647', '-1'),
    ),
    'factor': (('1', '0.5', '2', '1.5', '0.1', '3'), ('0.0001', '8', '100', '10000', '0', '-1')),
    'angle': (('0', '90', '180', '270', '360', '-90'), ('45', '36000000', '-2147483640')),
    'sigma': (('0', '0.3', '1', '2.5', '5'), ('20', '100', '1000', '0.0001', '-1')),
    'fraction': (('0', '0.3', '0.5', '1'), ('0.0001', '1.0001', '-0.1', '100')),
    'quality': (('0', '1', '30', '80', '100'), ('101', '-1')),
    'offset': (('0', '1', '0.5', '10', '-10', '0.25'), ('-0.5', '1.5', '100000', '-2147483648')),
    'gravity': (('ce', 'no', 'so', 'ea', 'we', 'noea', 'nowe', 'soea', 'sowe', 'fp', 'sm'), ('obj', 'objw', '')),
    'position': (('ce', 'no', 'so', 'ea', 'we', 'noea', 'sowe', 're', 'ch'), ('fp', 'sm')),
    'colour': (('fff', '000000', 'ff0000', '0a0'), ('ffff', 'ff00ff80')),
    'byte': (('0', '255', '128'), ('256', '-1')),
    'threshold': (('10', '0', '50', '128'), ('255', '1000', '-1')),
    'format': (('jpg', 'png', 'webp', 'gif', 'avif', 'best'), ('svg', 'tiff', 'mp4')),
    'method': (('size', 'dssim', 'none'), ('ml', '')),
    'compression': (('lossy', 'near_lossless', 'lossless'), ('1', '')),
    'webp_preset': (('default', 'photo', 'text'), ('none', '')),
    'subsample': (('auto', 'on', 'off'), ('1', '')),
    'target': (('0.02', '0.1', '0.001', '5000', '20000'), ('0', '1e300', '-1')),
    'table': (('0', '3', '8'), ('9', '-1')),
    'bytes': (('500', '2000', '20000', '0'), ('1', '1000000000', '-1')),
    'text': (('abc', '1', 'a b'), ('x' * 300,)),
    'base64': (('aGVsbG8', 'YWJj'), ('!!', 'aGVsbG8=')),
    'time': (('4000000000', '0'), ('1', '-1', '9223372036854775807')),
    'preset': (('thumb', 'small', 'loud', 'default'), ('nobody',)),
    'megapixels': (('50', '1', '100'), ('0.0001', '0', '10000', '-1')),
    'frames': (('1', '2', '10', '60'), ('0', '100000', '-1')),
    'anything': (('1', '0', '0.5', '40', '10:20', 'ff0000', 'aGVsbG8', 'true', 'ce'), ('-1', '65536', '1000', '')),
}
SIZED = 'pixels pixels bool bool gravity offset offset'
# By the option's name; `*`: the last kind any number of times.
ARGUMENTS = {
    'resize': 'resizing ' + SIZED,
    'size': SIZED,
    'resizing_type': 'resizing',
    'width': 'pixels',
    'height': 'pixels',
    'min-width': 'pixels',
    'min-height': 'pixels',
    'zoom': 'factor factor',
    'dpr': 'factor',
    'enlarge': 'bool',
    'extend': 'bool gravity offset offset',
    'extend_aspect_ratio': 'bool gravity offset offset',
    'gravity': 'gravity offset offset',
    'crop': 'pixels pixels gravity offset offset',
    'trim': 'threshold colour bool bool',
    'padding': 'pixels pixels pixels pixels',
    'auto_rotate': 'bool',
    'rotate': 'angle',
    'flip': 'bool bool',
    'background': 'byte byte byte',
    'blur': 'sigma',
    'sharpen': 'sigma',
    'pixelate': 'pixels',
    'watermark': 'fraction position offset offset factor',
    'strip_metadata': 'bool',
    'keep_copyright': 'bool',
    'strip_color_profile': 'bool',
    'preserve_hdr': 'bool',
    'enforce_thumbnail': 'bool',
    'quality': 'quality',
    'format_quality': 'format quality format quality',
    'max_bytes': 'bytes',
    'format': 'format',
    'skip_processing': 'format *',
    'raw': 'bool',
    'cachebuster': 'text',
    'expires': 'time',
    'filename': 'text bool',
    'return_attachment': 'bool',
    'preset': 'preset *',
    'page': 'frames',
    'pages': 'frames',
    'disable_animation': 'bool',
    'autoquality': 'method target quality quality fraction',
    'jpeg_options': 'bool bool bool bool bool table',
    'png_options': 'bool bool byte',
    'webp_options': 'compression bool webp_preset',
    'avif_options': 'subsample',
    'fallback_image_url': 'base64',
    'style': 'base64',
    'cache_tags': 'text *',
    'max_src_resolution': 'megapixels',
    'max_src_file_size': 'bytes',
    'max_animation_frames': 'frames',
    'max_animation_frame_resolution': 'megapixels',
    'max_result_dimension': 'pixels',
}
# Those that decide whether pixels are worked on at all come seldom, and so do those that are not built.
SELDOM_SKIPPED = 0.9
SELDOM = {'raw', 'expires', 'max_src_file_size', 'max_src_resolution', 'skip_processing', 'return_attachment'}

ACCEPTS = ('', '', 'image/webp,*/*', 'image/avif,image/webp,*/*;q=0.8', 'application/json', 'text/html', ';;,,q')
HEADERS = (
    ('Width', '100'),
    ('Width', '99999999'),
    ('DPR', '2'),
    ('DPR', '-1'),
    ('Range', 'bytes=0-10'),
    ('Accept-Encoding', 'gzip'),
    ('If_None_Match', '"x"'),
    ('If_Modified_Since', 'Sun, 06 Nov 1994 08:49:37 GMT'),
)


def option_names(path=TABLE):
    """({name: [name, alias...]} of every row of the table, names of those that are not built)."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    rows = re.findall(
        r'((?:row|security|(?:boolean|whole|factor|sigma)<[^>]*>)\(\s*\{|later\()\s*("[^"]+"|kPresetName),\s*"([^"]*)"',
        text,
    )
    named = [(maker, name.strip('"') if name[0] == '"' else 'preset', aliases) for maker, name, aliases in rows]
    return (
        {name: [name, *filter(None, aliases.split(','))] for _, name, aliases in named},
        {name for maker, name, _ in named if maker.startswith('later')},
    )


class Request:
    def __init__(self, number, path, headers, raw, leaves_after_s):
        self.number, self.path, self.headers = number, path, headers
        self.raw = raw  # any bytes are right
        self.leaves_after_s = leaves_after_s  # a client without patience; None: it stays


class Requests:
    """The requests of one seed for pictures of these names. Number N is the same whatever came before."""

    def __init__(self, seed, pictures):
        self.seed, self.pictures = seed, sorted(pictures)
        self.options, unbuilt = option_names()
        self.seldom = SELDOM | unbuilt
        unknown = set(ARGUMENTS) - set(self.options)
        assert not unknown, 'no such options: %s' % unknown

    def argument(self, rng, kind, manner):
        ordinary, boundary = KINDS[kind]
        if manner == 'absurd' and rng.random() < 0.3:
            return rng.choice(ABSURD)
        if manner != 'ordinary' and rng.random() < 0.4:
            return rng.choice(boundary)
        return rng.choice(ordinary)

    def option(self, rng, manner):
        name = rng.choice(list(self.options))
        while name in self.seldom and rng.random() < SELDOM_SKIPPED:
            name = rng.choice(list(self.options))
        kinds = ARGUMENTS.get(name, 'anything *').split()
        if kinds[-1] == '*':
            kinds = kinds[:-1] * rng.randrange(1, 5)
        elif rng.random() < 0.6:
            kinds = kinds[: rng.randrange(1, len(kinds) + 1)]
        if manner == 'absurd' and rng.random() < 0.1:
            kinds = kinds * 4
        values = [self.argument(rng, kind, manner) for kind in kinds]
        if name == 'background' and rng.random() < 0.5:
            values = [self.argument(rng, 'colour', manner)]
        return name, ':'.join([rng.choice(self.options[name]), *values])

    def path(self, rng, options, manner):
        source = 'local:///' + rng.choice(self.pictures)
        form = rng.choice(FORMATS)
        if manner == 'absurd' and rng.random() < 0.2:
            form = rng.choice(ABSURD_FORMATS)
        chain = '/'.join(urllib.parse.quote(text, safe=':!$,;*()') for _, text in options)
        if rng.random() < 0.3:
            end = 'plain/' + urllib.parse.quote(source, safe=':/') + ('' if form is None else '@' + form)
        else:
            end = base64.urlsafe_b64encode(source.encode()).decode().rstrip('=') + ('' if form is None else '.' + form)
        return '/insecure/%s/%s' % (chain, end)

    def number(self, number):
        rng = random.Random('%d:%d' % (self.seed, number))
        manner = rng.choice(MANNERS)
        options = [self.option(rng, manner) for _ in range(rng.randrange(1, CHAINED_MAX + 1))]
        headers = {'Accept': accept} if (accept := rng.choice(ACCEPTS)) else {}
        if rng.random() < 0.2:
            headers.update([rng.choice(HEADERS)])
        raw = any(name in ('raw', 'preset') for name, _ in options) or 'Range' in headers
        leaves = rng.random() * 0.3 if rng.random() < 0.03 else None
        return Request(number, self.path(rng, options, manner), headers, raw, leaves)

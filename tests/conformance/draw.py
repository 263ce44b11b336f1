"""Draws requests for compare.py: a seed gives the same requests on every machine.

A request is a dict like a case of cases.json: family, profile, path, headers. Families take what
the recorded cases vary and put it together anew ('recombine', 'combo'), or go where no recorded
case is ('geometry', 'arguments', 'urls', 'signatures', 'formats', 'more').
"""

import json
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))
# Areas about time, connections and starting; their answers do not depend on the picture alone.
NOT_DRAWN = {
    'config',
    'wire',
    'queue',
    'timeouts',
    'dev-errors',
    'cookies',
    'conditional',
    'caching',
    'expires',
    'fetch',
    'http',
}
SIZES = [0, 1, 2, 3, 7, 16, 31, 40, 70, 90, 111, 133, 150, 200, 220, 333, 350, 500]
GRAVITIES = ['ce', 'no', 'so', 'ea', 'we', 'noea', 'nowe', 'soea', 'sowe']
TYPES = ['fit', 'fill', 'fill-down', 'force', 'auto']
OUTPUTS = ['jpg', 'png', 'webp', 'gif', 'bmp', 'ico', 'tiff', 'avif', 'heic', 'jxl']
PICTURES = [
    'photo.jpg',
    'photo.png',
    'photo-prog.jpg',
    'photo-444.jpg',
    'big.jpg',
    'odd.jpg',
    'tall.jpg',
    'wide.jpg',
    'small.png',
    'square.png',
    'tiny.png',
    'tiny.jpg',
    'thin.png',
    'gray.jpg',
    'cmyk.jpg',
    'rgba.png',
    'opaque-rgba.png',
    'clear.png',
    'gray.png',
    'graya.png',
    'rgb16.png',
    'rgba16.png',
    'gray16.png',
    'bit1.png',
    'palette.png',
    'palette-alpha.png',
    'interlaced.png',
    'trns.png',
    'meta.jpg',
    'meta-nocopy.jpg',
    'meta.png',
    'meta.webp',
    'badexif.jpg',
    'badorient.jpg',
    'p3.jpg',
    'adobe.jpg',
    'p3.png',
    'p3-alpha.png',
    'srgbish.png',
    'grayicc.jpg',
    'grayicc.png',
    'badicc.jpg',
    'p3.webp',
    'adobe.tiff',
    'p3-16.png',
    'still.gif',
    'trans.gif',
    'still.webp',
    'alpha.webp',
    'lossless.webp',
    'still.avif',
    'alpha.avif',
    'still.heic',
    'deep.avif',
    'still.jxl',
    'alpha.jxl',
    'still.tiff',
    'raw.tiff',
    'alpha.tiff',
    'cmyk.tiff',
    'rgb16.tiff',
    'pages.tiff',
    'big-endian.tiff',
    'still.bmp',
    'topdown.bmp',
    'alpha.bmp',
    'x32.bmp',
    'p8.bmp',
    'p4.bmp',
    'p1.bmp',
    'r565.bmp',
    'rle8.bmp',
    'multi.ico',
    'dib.ico',
    'mixed.ico',
    'plain.svg',
    'viewbox.svg',
    'unit.svg',
    'exif-2.jpg',
    'exif-3.jpg',
    'exif-5.jpg',
    'exif-6.jpg',
    'exif-7.jpg',
    'exif-8.jpg',
    'exif-6.png',
    'exif-6.webp',
    'exif-6.tiff',
    'trim-white.png',
    'trim-alpha.png',
    'trim-semi.png',
    'trim-white.jpg',
]
MOVING = ['anim.gif', 'anim-loop3.gif', 'anim-alpha.gif', 'anim-many.gif', 'anim.webp', 'anim-opaque.webp']
PICTURE_PROFILES = [
    'default',
    'noautorotate',
    'linear',
    'noshrink',
    'strip-off',
    'profile-keep',
    'hdr',
    'wm',
    'wm-data',
    'wm-url',
    'quality',
    'quality2',
    'savers',
    'quantize',
    'preferred',
    'preferred-jpeg',
    'limit-result',
    'nocopyright',
    'thumbnails',
    'anim',
    'skip',
    'svg-raster',
]

# Large pictures made larger, and large ones into slow formats: seconds each, and they show nothing small ones do not.
TOO_SLOW = re.compile(
    r'(/z:|/dpr:[23]|/el:1|/mw:|/mh:).*big|^(?!.*/(rs|w|s|resize|size):[^/]*[1-9][^/]*/).*big.*[.@](gif|jxl|avif|heic)'
)


def env_of_more_profiles():
    """Configurations beside those of cases.json."""
    return {
        'webp-icon': {
            'IMGPROXY_WEBP_PRESET': 'icon',
            'IMGPROXY_WEBP_EFFORT': '6',
            'IMGPROXY_PREFERRED_FORMATS': 'webp',
        },
        'quantize2': {
            'IMGPROXY_PNG_QUANTIZE': 'true',
            'IMGPROXY_PNG_QUANTIZATION_COLORS': '2',
            'IMGPROXY_PNG_INTERLACED': 'true',
        },
        'quantize16': {'IMGPROXY_PNG_QUANTIZE': '1', 'IMGPROXY_PNG_QUANTIZATION_COLORS': '16'},
        'avif-slow': {'IMGPROXY_AVIF_SPEED': '5', 'IMGPROXY_PREFERRED_FORMATS': 'avif,png'},
        'raw-all': {
            'IMGPROXY_STRIP_METADATA': '0',
            'IMGPROXY_STRIP_COLOR_PROFILE': '0',
            'IMGPROXY_AUTO_ROTATE': '0',
            'IMGPROXY_PRESERVE_HDR': '1',
            'IMGPROXY_MAX_ANIMATION_FRAMES': '64',
        },
        'linear-hdr': {
            'IMGPROXY_USE_LINEAR_COLORSPACE': '1',
            'IMGPROXY_PRESERVE_HDR': '1',
            'IMGPROXY_STRIP_COLOR_PROFILE': '0',
            'IMGPROXY_DISABLE_SHRINK_ON_LOAD': '1',
        },
        'result-anim': {'IMGPROXY_MAX_RESULT_DIMENSION': '70', 'IMGPROXY_MAX_ANIMATION_FRAMES': '5'},
        'wm-thin': {
            'IMGPROXY_WATERMARK_PATH': '{dir}/graya.png',
            'IMGPROXY_WATERMARK_OPACITY': '0.7',
            'IMGPROXY_MAX_ANIMATION_FRAMES': '16',
        },
        'wm-turned': {'IMGPROXY_WATERMARK_PATH': '{dir}/exif-6.jpg', 'IMGPROXY_PRESERVE_HDR': '1'},
        'wm-palette': {'IMGPROXY_WATERMARK_PATH': '{dir}/palette-alpha.png', 'IMGPROXY_STRIP_COLOR_PROFILE': '0'},
        'fb-anim': {
            'IMGPROXY_FALLBACK_IMAGE_PATH': '{dir}/anim.gif',
            'IMGPROXY_MAX_ANIMATION_FRAMES': '16',
            'IMGPROXY_FALLBACK_IMAGE_TTL': '60',
        },
        'fb-svg': {'IMGPROXY_FALLBACK_IMAGE_PATH': '{dir}/script.svg'},
        'enforce-jxl': {
            'IMGPROXY_ENFORCE_JXL': '1',
            'IMGPROXY_AUTO_AVIF': '1',
            'IMGPROXY_SKIP_PROCESSING_FORMATS': 'png,svg',
        },
        'auto-skip': {
            'IMGPROXY_AUTO_WEBP': '1',
            'IMGPROXY_SKIP_PROCESSING_FORMATS': 'jpg,gif',
            'IMGPROXY_MAX_ANIMATION_FRAMES': '16',
        },
        'preferred-gif': {'IMGPROXY_PREFERRED_FORMATS': 'gif', 'IMGPROXY_MAX_ANIMATION_FRAMES': '16'},
        'preferred-avif': {'IMGPROXY_PREFERRED_FORMATS': 'avif,jpeg', 'IMGPROXY_AUTO_WEBP': '1'},
        'preferred-odd': {'IMGPROXY_PREFERRED_FORMATS': 'ico,bmp,tiff'},
        'preset-odd': {
            'IMGPROXY_PRESETS': 'default=pd:3:4/bg:f0f,g=g:nowe:3:4,off=pd:0/bg:,a=pr:b/w:50,b=pr:a/h:20,fmt=f:webp/q:33,trim=t:10',
            'IMGPROXY_WATERMARK_PATH': '{dir}/wm.png',
        },
        'only-odd': {
            'IMGPROXY_PRESETS': 'w50=w;50,png=f;png,blur=bl;2',
            'IMGPROXY_ONLY_PRESETS': '1',
            'IMGPROXY_ARGUMENTS_SEPARATOR': ';',
        },
        'base-replace': {
            'IMGPROXY_BASE_URL': 'local:///dir one/',
            'IMGPROXY_URL_REPLACEMENTS': 'a/*/b=$1;x*=${1}y;s*m=$$1',
            'IMGPROXY_ALLOWED_SOURCES': 'local:///*/,local:///small',
        },
        'sep-long': {'IMGPROXY_ARGUMENTS_SEPARATOR': '--', 'IMGPROXY_PRESETS': 'p=w--50'},
    }


def split_path(path):
    """(signature, options text, source, extension, whether base64) of a path that is simple enough, or None."""
    m = re.match(
        r'^/(insecure|unsafe|_|\{sig\d?\})((?:/[A-Za-z_-]+:[^/]*)*)/plain/(local:///[^@{}]*|\{src\}/[^@]*)(?:@([a-z]*))?$',
        path,
    )
    if m:
        return m.group(1), m.group(2), m.group(3), m.group(4) or '', False
    m = re.match(
        r'^/(insecure|unsafe|_|\{sig\d?\})((?:/[A-Za-z_-]+:[^/]*)*)/\{b64:(local:///[^{}]*)\}(?:\.([a-z]*))?$', path
    )
    return (m.group(1), m.group(2), m.group(3), m.group(4) or '', True) if m else None


def join_path(signature, options, source, extension, base64):
    if base64:
        return '/%s%s/{b64:%s}%s' % (signature, options, source, '.' + extension if extension else '')
    return '/%s%s/plain/%s%s' % (signature, options, source, '@' + extension if extension else '')


class Drawer:
    def __init__(self, seed, cases, more=()):
        self.r = random.Random(seed)
        self.cases = cases
        self.more = list(more)
        self.areas = {}
        self.headers = {}
        for c in cases:
            if c['area'] in NOT_DRAWN or c.get('kind', 'http') != 'http' or c.get('pre'):
                continue
            parts = split_path(c['path'])
            if parts:
                self.areas.setdefault(c['area'], []).append((c['profile'], parts, c.get('headers', {})))

    # ---------------------------------------------------------------- families
    def recombine(self):
        """Options, source, format, configuration and headers of one area's cases, each from another case."""
        r = self.r
        area = r.choice(sorted(self.areas))
        pool = self.areas[area]
        pick = lambda: r.choice(pool)
        options = pick()[1][1]
        if r.random() < 0.2:
            options += r.choice(self.areas[r.choice(sorted(self.areas))])[1][1]
        profile, headers = (lambda c: (c[0], c[2]))(pick())
        source = pick()[1]
        parts = (pick()[1][0] if area == 'signature' else 'insecure', options, source[2], pick()[1][3], source[4])
        return {'family': 'recombine ' + area, 'profile': profile, 'path': join_path(*parts), 'headers': headers}

    def some_size(self):
        return self.r.choice(SIZES)

    def gravity(self, kinds=('side', 'fp', 'sm')):
        r = self.r
        kind = r.choice(kinds)
        if kind == 'sm':
            return 'sm'
        if kind == 'fp':
            return 'fp:%.3g:%.3g' % (r.random(), r.random())
        g = r.choice(GRAVITIES)
        how = r.random()
        if how < 0.35:
            return g
        if how < 0.65:
            return '%s:%d:%d' % (g, r.randint(-30, 60), r.randint(-30, 60))
        if how < 0.85:
            return '%s:%.2f:%.2f' % (g, r.uniform(-0.4, 0.6), r.uniform(-0.4, 0.6))
        return '%s:%.1f:%.1f' % (g, r.uniform(-9, 9), r.uniform(-9, 9))

    def option(self, name):
        r = self.r
        b = lambda: r.randint(0, 1)
        return {
            'rs': lambda: 'rs:%s:%d:%d:%d:%d' % (r.choice(TYPES), self.some_size(), self.some_size(), b(), b()),
            'c': lambda: (
                'c:%s:%s' % (r.choice([0, 50, 120, 0.33, 0.6, 1, 0.99, 37.8]), r.choice([0, 60, 90, 0.7, 0.1, 1]))
                + r.choice(['', ':' + self.gravity()])
            ),
            'g': lambda: 'g:' + self.gravity(),
            'z': lambda: 'z:' + r.choice(['0.5', '1.5', '0.7:1.2', '2', '0.1:3']),
            'dpr': lambda: 'dpr:' + r.choice(['0.5', '1.25', '1.5', '2', '3', '0.1']),
            'mw': lambda: 'mw:%d' % r.choice([1, 60, 180, 400]),
            'mh': lambda: 'mh:%d' % r.choice([1, 60, 180, 400]),
            'ex': lambda: 'ex:1' + r.choice(['', ':' + self.gravity(('side', 'fp'))]),
            'exar': lambda: 'exar:1' + r.choice(['', ':' + self.gravity(('side', 'fp'))]),
            'pd': lambda: 'pd:%d:%d:%d:%d' % tuple(r.choice([0, 0, 1, 5, 14, 60]) for _ in range(4)),
            'rot': lambda: 'rot:%d' % r.choice([0, 90, 180, 270]),
            'fl': lambda: 'fl:%d:%d' % (b(), b()),
            'ar': lambda: 'ar:%d' % b(),
            'bg': lambda: 'bg:' + r.choice(['fff', '336699', '12:200:90', '000', '777', '']),
            'bl': lambda: 'bl:%s' % r.choice([0.2, 0.7, 2, 4, 11]),
            'sh': lambda: 'sh:%s' % r.choice([0.3, 0.7, 2, 5]),
            'pix': lambda: 'pix:%d' % r.choice([2, 3, 9, 40]),
            't': lambda: 't:' + r.choice(['5', '15', '5::1:1', '15::1', '0', '30:fff', '10:f0f:0:1', '15:fff']),
            'wm': lambda: (
                'wm:%s:%s:%s:%s%s'
                % (
                    r.choice([0.4, 0.9, 1]),
                    r.choice(GRAVITIES + ['re', 're']),
                    r.choice([0, 7, -9, 0.2, -0.3, 40]),
                    r.choice([0, 5, -5, 0.1, 90]),
                    r.choice(['', ':0.2', ':0.5', ':1.5', ':0.01']),
                )
            ),
            'q': lambda: 'q:%d' % r.choice([1, 20, 60, 95, 100]),
            'sm': lambda: 'sm:%d' % b(),
            'scp': lambda: 'scp:%d' % b(),
            'kcr': lambda: 'kcr:%d' % b(),
            'ph': lambda: 'ph:%d' % b(),
            'eth': lambda: 'eth:1',
            'mb': lambda: 'mb:%d' % r.choice([500, 2000, 6000]),
            'fq': lambda: 'fq:' + r.choice(['jpg:30', 'webp:20:png:5', 'avif:30:tiff:60']),
            'skp': lambda: 'skp:' + r.choice(['png', 'jpg:webp', 'gif', 'svg']),
            'el': lambda: 'el:1',
        }[name]()

    def options(self, names, least, most):
        r = self.r
        chosen = r.sample(names, r.randint(least, min(most, len(names))))
        return ''.join('/' + self.option(n) for n in chosen)

    def source(self, moving=0.06):
        r = self.r
        if self.more and r.random() < 0.3:
            return 'local:///' + r.choice(self.more)
        return 'local:///' + (r.choice(MOVING) if r.random() < moving else r.choice(PICTURES))

    def combo(self):
        names = [
            'rs',
            'c',
            'g',
            'z',
            'dpr',
            'mw',
            'mh',
            'ex',
            'exar',
            'pd',
            'rot',
            'fl',
            'ar',
            'bg',
            'bl',
            'sh',
            'pix',
            't',
            'wm',
            'q',
            'sm',
            'scp',
            'ph',
            'kcr',
            'eth',
            'el',
        ]
        extension = self.r.choice(['', '', 'png', 'png', 'jpg', 'webp', 'gif', 'tiff'])
        return {
            'family': 'combo',
            'profile': self.r.choice(PICTURE_PROFILES + self.own_profiles()),
            'path': join_path('insecure', self.options(names, 2, 8), self.source(), extension, self.r.random() < 0.3),
        }

    def geometry(self):
        names = ['rs', 'c', 'g', 'z', 'dpr', 'mw', 'mh', 'ex', 'exar', 'pd', 'rot', 'fl', 'ar', 'el']
        return {
            'family': 'geometry',
            'profile': self.r.choice(['default', 'noautorotate', 'noshrink', 'limit-result', 'default']),
            'path': join_path('insecure', self.options(names, 1, 5), self.source(0), 'png', False),
        }

    def own_profiles(self):
        return [p for p in sorted(env_of_more_profiles()) if p not in ('only-odd', 'base-replace', 'sep-long')]

    def formats(self):
        names = ['rs', 'q', 'sm', 'scp', 'ph', 'kcr', 'bg', 'mb', 'fq', 'eth', 'skp', 'pd', 'bl', 'rot']
        accept = self.r.choice([None, None, None, 'image/webp', 'image/avif,image/webp', 'image/jxl,image/avif', '*/*'])
        return {
            'family': 'formats',
            'profile': self.r.choice(
                PICTURE_PROFILES + ['auto-webp', 'auto-all', 'enforce-webp', 'enforce-avif'] + self.own_profiles()
            ),
            'path': join_path(
                'insecure', self.options(names, 0, 3), self.source(0.2), self.r.choice(['', ''] + OUTPUTS), False
            ),
            'headers': {'Accept': accept} if accept else {},
        }

    def animation(self):
        names = [
            'rs',
            'c',
            'g',
            'z',
            'dpr',
            'mw',
            'mh',
            'ex',
            'exar',
            'pd',
            'rot',
            'fl',
            'bg',
            'bl',
            'pix',
            't',
            'wm',
            'q',
            'sm',
        ]
        return {
            'family': 'animation',
            'profile': self.r.choice(
                [
                    'anim',
                    'wm',
                    'wm-thin',
                    'result-anim',
                    'raw-all',
                    'limit-frames',
                    'preferred',
                    'enforce-webp',
                    'quantize',
                ]
            ),
            'path': join_path(
                'insecure',
                self.options(names, 0, 4),
                'local:///' + self.r.choice(MOVING + [m for m in self.more if m.startswith('m-')]),
                self.r.choice(['', '', 'gif', 'webp', 'png', 'jpg']),
                False,
            ),
        }

    def arguments(self):
        """One or two options with arguments an option may or may not take."""
        r = self.r
        odd = [
            '',
            '0',
            '1',
            '-1',
            '+1',
            '2',
            '1.5',
            '.5',
            '1.',
            '1e1',
            '1e400',
            '0x10',
            '0x1p3',
            '0X1P-2',
            '1_0',
            '_1',
            'inf',
            '-Inf',
            'NaN',
            'nan',
            't',
            'true',
            'True',
            'tRUE',
            'f',
            'x',
            ' 1',
            '1 ',
            '%31',
            '99999999999',
            '9223372036854775808',
            '-0',
            '00',
            '007',
            'ce',
            'sm',
            'fp',
            'no',
            're',
            'fff',
            'FFF',
            'ff',
            'fffff',
            '#fff',
            'ffffff',
            'gggggg',
            '255',
            '256',
            'jpg',
            'JPG',
            'jpeg',
            'webp',
            'best',
            'svg',
            'fit',
            'Fit',
            'fill',
            '0.3',
            '1.0001',
            '٣',
            'ü',
            '1,2',
            '90',
            '360',
            '-90',
            '45',
            '0.0000001',
            '1e-400',
            '0b11',
            '0o7',
            '0x',
            '1__0',
            'infinity',
            '+inf',
            '5_0.5_0',
        ]
        names = [
            'w',
            'h',
            's',
            'rs',
            'rt',
            'resize',
            'size',
            'resizing_type',
            'width',
            'height',
            'mw',
            'min-width',
            'mh',
            'min-height',
            'z',
            'zoom',
            'dpr',
            'el',
            'enlarge',
            'ex',
            'extend',
            'exar',
            'extend_ar',
            'extend_aspect_ratio',
            'g',
            'gravity',
            'c',
            'crop',
            't',
            'trim',
            'pd',
            'padding',
            'ar',
            'auto_rotate',
            'rot',
            'rotate',
            'fl',
            'flip',
            'bg',
            'background',
            'bl',
            'blur',
            'sh',
            'sharpen',
            'pix',
            'pixelate',
            'wm',
            'watermark',
            'sm',
            'strip_metadata',
            'kcr',
            'keep_copyright',
            'scp',
            'strip_color_profile',
            'ph',
            'preserve_hdr',
            'eth',
            'enforce_thumbnail',
            'q',
            'quality',
            'fq',
            'format_quality',
            'mb',
            'max_bytes',
            'f',
            'ext',
            'format',
            'skp',
            'skip_processing',
            'raw',
            'cb',
            'cachebuster',
            'exp',
            'expires',
            'fn',
            'filename',
            'att',
            'return_attachment',
            'pr',
            'preset',
            'msr',
            'max_src_resolution',
            'msfs',
            'max_src_file_size',
            'maf',
            'max_animation_frames',
            'mafr',
            'max_animation_frame_resolution',
            'mrd',
            'max_result_dimension',
        ]
        names += ['W', 'extend-ar', 'unknown', 'bga', 'dpi', 'crop_ar', '', 'min_width', 'zoom ', 'gr', 'style']

        def one():
            name = r.choice(names)
            count = r.choice([1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 9])
            lead = []
            if name in ('rs', 'resize', 'rt', 'resizing_type') and r.random() < 0.6:
                lead = [r.choice(TYPES)]
            if name in ('g', 'gravity', 'wm', 'watermark') and r.random() < 0.6:
                lead = ['0.5'] * (name[0] == 'w') + [r.choice(GRAVITIES + ['fp', 'sm', 're'])]
            sane = r.random() < 0.5
            return '/%s:%s' % (
                name,
                ':'.join(
                    lead
                    + [
                        r.choice(['1', '0', '20', '', '0.5', '2'] if sane else odd)
                        for _ in range(max(0, count - len(lead)) or (not lead))
                    ]
                ),
            )

        path = join_path(
            'insecure',
            ''.join(one() for _ in range(r.choice([1, 1, 1, 2]))),
            'local:///' + r.choice(['small.png', 'small.png', 'tiny.jpg', 'trans.gif']),
            r.choice(['', '', 'png', 'jpg']),
            False,
        )
        # These hold: unbounded enlargement is a matter of limits, not of the grammar.
        return {
            'family': 'arguments',
            'profile': r.choice(['default', 'secopts', 'default', 'wm', 'presets', 'preset-odd']),
            'path': re.sub(r'9{5,}\d*', '500', path) if 'el' in path else path,
        }

    def urls(self):
        r = self.r
        base = r.choice(
            [
                'local:///small.png',
                'local:///dir one/sp ace.png',
                'local:///a.b.c.png',
                'local:///noext',
                'small.png',
                '{src}/img/small.png',
                'mys3://small.png',
                'short://q/sp ace.png',
                'local:///dir one/per%cent.png',
                'local:///dir one/q?mark.png',
                'local:///dir one/ha#sh.png',
                'local:///dir one/plus+.png',
                'local:///dir one/\u00fcml\u00e4ut.png',
                'local:///dir one/a:b.png',
                'a/dir one/b',
                'xsmall',
                'LOCAL:///small.png',
                'local://host/small.png',
                'local:///./small.png',
                'local:///x/../small.png',
                'local:///../small.png',
                'local:small.png',
                '',
                'x',
            ]
        )
        options = r.choice(
            [
                '',
                '/w:20',
                '/w:20/h:10',
                '/w%3A20',
                '/rs%3Afill:20:20',
                '/w:20/',
                '/fn:a%2Fb',
                '/cb:' + 'x' * 40,
                '/pr:p',
                '/w--20',
                '/w;20',
                '/small',
                '/w50;blur',
                '/-',
                '/w:20/-/h:10',
            ]
        )
        extension = r.choice(['', '', 'png', 'jpg', 'JPG', 'tif', 'x', 'svg', 'best'])
        sep = r.choice(['', '', '', '/', '//'])
        if r.random() < 0.5:
            text = r.choice(['{b64:%s}', '{b64pad:%s}'])
            middle = (text % base) if base else ''
            tail = r.choice(
                [
                    '',
                    '.' + extension,
                    '.' + extension + '/',
                    '/name.jpg',
                    '.' + extension + '/name',
                    '/',
                    '.png.jpg',
                    '@' + extension,
                    '=',
                    '%3D',
                    '.',
                    '/.' + extension,
                ]
            )
            path = '/insecure' + options + '/' + sep + middle + tail
            if '{b64:' in path and r.random() < 0.4 and base:
                path = path.replace('{b64:', '{cut:', 1)
        else:
            esc = r.choice(
                [
                    lambda t: t,
                    lambda t: t.replace(' ', '%20').replace('?', '%3F').replace('#', '%23'),
                    lambda t: re.sub(r'[^a-z/:]', lambda m: ''.join('%%%02X' % b for b in m.group(0).encode()), t),
                    lambda t: t.replace(':///', ':/'),
                    lambda t: t.replace('://', '%3A%2F%2F'),
                    lambda t: t.replace('/', '%2F'),
                ]
            )
            text = base if '{' in base else esc(base).replace(' ', '%20').replace('#', '%23')
            path = (
                '/insecure'
                + options
                + '/'
                + sep
                + r.choice(['plain/', 'plain/', 'plain/', 'plain', 'plain//', 'Plain/'])
                + text
                + r.choice(['', '', '@' + extension, '@', '@@png', '?x=1', '?x=/plain/', '@png?y', '%40png', '/'])
            )
        return {
            'family': 'urls',
            'profile': r.choice(
                [
                    'default',
                    'default',
                    'baseurl',
                    'replace',
                    'base-replace',
                    'separator',
                    'sep-long',
                    'only-odd',
                    'only-presets',
                    'sources',
                    'presets',
                ]
            ),
            'path': path,
        }

    def signatures(self):
        r = self.r
        signature = r.choice(
            [
                '{sig}',
                '{sig}',
                '{sig1}',
                '{sig}=',
                '{sig}x',
                'friend',
                'other-friend',
                ' friend',
                'insecure',
                '',
                'w:1',
                '{sig}%3D',
                'AAAA',
                '{sig}A',
            ]
        )
        options = r.choice(['', '/w:20', '/w%3A20', '/w%3a20', '/w:x', '/pr:x', '/q:50/w:20', '//w:20'])
        tail = r.choice(
            [
                '/plain/local:///small.png',
                '/plain/local:/small.png',
                '/{b64:local:///small.png}.jpg',
                '/plain/local:///small.png@jpg',
                '/plain/local:///small.png?a',
                '/plain/local:///dir%20one/sp%20ace.png',
            ]
        )
        return {
            'family': 'signatures',
            'profile': r.choice(['signed', 'signed2', 'signed8', 'default']),
            'path': '/' + signature + options + tail,
        }

    def vectors(self):
        names = ['rs', 'c', 'g', 'z', 'dpr', 'ex', 'pd', 'rot', 'bg', 't', 'bl', 'skp', 'el', 'mw', 'wm']
        files = [
            'plain.svg',
            'viewbox.svg',
            'unit.svg',
            'percent.svg',
            'decl.svg',
            'script.svg',
            'use.svg',
            'shadow.svg',
            'style.svg',
            'broken.svg',
        ] + [m for m in self.more if m.endswith('.svg')]
        return {
            'family': 'vectors',
            'profile': self.r.choice(
                [
                    'default',
                    'default',
                    'svg-raster',
                    'svg-raw',
                    'svg-skip',
                    'limits',
                    'limit-result',
                    'preferred',
                    'wm-url',
                    'unlimited',
                    'enforce-jxl',
                ]
            ),
            'path': join_path(
                'insecure',
                self.options(names, 0, 3),
                'local:///' + self.r.choice(files),
                self.r.choice(['', '', 'svg', 'png', 'webp', 'jpg']),
                False,
            ),
        }

    def limits(self):
        r = self.r
        options = ''.join(
            '/%s:%s' % (n, r.choice(v))
            for n, v in r.sample(
                [
                    ('msr', ['0.001', '0.05', '1', '0']),
                    ('msfs', ['0', '500', '5000', '-1', '100000']),
                    ('maf', ['1', '2', '3', '100']),
                    ('mafr', ['0', '0.001', '0.01', '1']),
                    ('mrd', ['0', '-3', '40', '90', '1000']),
                ],
                r.randint(1, 3),
            )
        )
        return {
            'family': 'limits',
            'profile': r.choice(['secopts', 'limits', 'limit-frames', 'limit-result'])
            if r.random() < 0.2
            else 'secopts',
            'path': join_path(
                'insecure',
                options + self.options(['rs', 'pd', 'ex', 'exar', 'dpr', 'mw', 'rot', 'c'], 0, 3),
                self.source(0.4),
                r.choice(['', 'png', 'webp', 'gif']),
                False,
            ),
        }

    FAMILIES = [
        'recombine',
        'recombine',
        'recombine',
        'combo',
        'combo',
        'geometry',
        'geometry',
        'formats',
        'animation',
        'arguments',
        'arguments',
        'urls',
        'signatures',
        'vectors',
        'limits',
    ]

    def draw(self, families=None):
        while True:
            request = getattr(self, self.r.choice(families or self.FAMILIES))()
            request.setdefault('headers', {})
            if not TOO_SLOW.search(request['path']) and len(request['path']) < 1500:
                return request


def profiles():
    with open(os.path.join(HERE, 'cases.json')) as fh:
        d = json.load(fh)
    return {**d['profiles'], **env_of_more_profiles()}, d['cases']

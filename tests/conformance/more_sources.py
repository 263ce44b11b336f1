"""Pictures for compare.py beside those of sources.py: odd sizes, rare forms of each format.

Drawn from formulas with the pieces of sources.py; the recorded cases do not use them.
"""

import os
import struct

import numpy as np
from PIL import Image

import sources as S


def turned(n, a, save, **kw):
    """The upright picture `a`, stored so that EXIF orientation n shows it."""
    T = Image.Transpose
    ops = {
        1: [],
        2: [T.FLIP_LEFT_RIGHT],
        3: [T.ROTATE_180],
        4: [T.FLIP_TOP_BOTTOM],
        5: [T.TRANSPOSE],
        6: [T.ROTATE_90],
        7: [T.TRANSVERSE],
        8: [T.ROTATE_270],
    }
    im = S.pil(a)
    for o in ops[n]:
        im = im.transpose(o)
    return S.pilsave(im, save, exif=S.tiff_exif([(0x0112, n), (0x8298, 'Someone'), (0x010F, 'Maker Co')]), **kw)


def bmp_rle4(w, h):
    pal = b''.join(bytes([(i * 53) % 256, (i * 97) % 256, (i * 29) % 256, 0]) for i in range(16))
    data = b''
    for y in range(h):
        x = 0
        while x < w:
            n = min(w - x, 3 + (y * 5 + x) % 9)
            data += bytes([n, ((x // 4 + y) % 16) << 4 | (x // 6) % 16])
            x += n
        data += b'\0\0'
    data += b'\0\1'
    head = struct.pack('<IiiHHIIiiII', 40, w, h, 1, 4, 2, len(data), 2835, 2835, 16, 0)
    off = 14 + 40 + 64
    return b'BM' + struct.pack('<IHHI', off + len(data), 0, 0, off) + head + pal + data


def small_sizes(f):
    for w, h in [
        (1, 2),
        (2, 1),
        (2, 3),
        (1, 40),
        (40, 1),
        (5, 7),
        (15, 15),
        (16, 16),
        (17, 9),
        (33, 47),
        (3000, 2),
        (2, 3000),
        (1000, 20),
        (257, 255),
    ]:
        a = S.scene(w, h, w * 7 + h, 0)
        f['x%dx%d.png' % (w, h)] = S.png(a)
        f['x%dx%d.jpg' % (w, h)] = S.jpg(a, 92)
        if w * h < 4000:
            f['x%dx%d-alpha.png' % (w, h)] = S.png(np.dstack([a, S.alpha_mask(w, h)]))
            f['x%dx%d.webp' % (w, h)] = S.pilsave(S.pil(a), 'WEBP', quality=90)
    f['dot-clear.png'] = S.png(np.array([[[9, 8, 7, 0]]], np.uint8))
    f['dot-half.png'] = S.png(np.array([[[250, 8, 7, 128]]], np.uint8))


def orientations(f):
    for n in range(1, 9):
        a = S.scene(237, 163, 100, 0)
        f['t%d.jpg' % n] = turned(n, a, 'JPEG', quality=93)
        f['t%d.png' % n] = turned(n, a, 'PNG')
        f['t%d.webp' % n] = turned(n, a, 'WEBP', quality=92)
        f['t%d-big.jpg' % n] = turned(n, S.scene(1203, 805, 101), 'JPEG', quality=88)


def pngs(f):
    base = S.pil(S.scene(150, 110, 102, 0))
    for colours in (2, 3, 4, 15, 16, 17, 256):
        p = base.quantize(colours, dither=Image.Dither.NONE)
        f['pal%d.png' % colours] = S.pilsave(p, 'PNG', bits={2: 1, 3: 2, 4: 2, 15: 4, 16: 4, 17: 8, 256: 8}[colours])
    p = base.quantize(4, dither=Image.Dither.NONE)
    f['pal4-alpha.png'] = S.pilsave(p, 'PNG', bits=2, transparency=bytes([0, 128]))
    f['pal-icc.png'] = S.pilsave(p, 'PNG', bits=2, icc_profile=S.P3)
    g = S.scene(150, 110, 103, 0)[:, :, 0]
    for bits in (2, 4):
        packed = (g >> (8 - bits)).astype(np.uint8)
        per = 8 // bits
        rows = np.zeros((110, -(-150 // per)), np.uint8)
        for i in range(per):
            part = packed[:, i::per]
            rows[:, : part.shape[1]] |= part << (8 - bits * (i + 1))
        raw = b''.join(b'\0' + r.tobytes() for r in rows)
        f['grey%d.png' % bits] = (
            b'\x89PNG\r\n\x1a\n'
            + S.png_chunk(b'IHDR', struct.pack('>IIBBBBB', 150, 110, bits, 0, 0, 0, 0))
            + S.png_chunk(b'IDAT', S.zlib.compress(raw, 9))
            + S.png_chunk(b'IEND', b'')
        )
    f['grey-trns.png'] = S.png(g, 8, [(b'tRNS', struct.pack('>H', int(g[50, 50])))])
    f['grey16-trns.png'] = S.png(g.astype(np.uint16) * 257, 16, [(b'tRNS', struct.pack('>H', int(g[50, 50]) * 257))])
    f['graya16.png'] = S.png(np.dstack([g, S.alpha_mask(150, 110)]).astype(np.uint16) * 257, 16)
    f['gamma.png'] = S.png(S.scene(90, 60, 104, 0), 8, [(b'gAMA', struct.pack('>I', 100000))])
    f['srgb-chunk.png'] = S.png(
        S.scene(90, 60, 104, 0),
        8,
        [(b'sRGB', b'\0'), (b'pHYs', struct.pack('>IIB', 11811, 11811, 1)), (b'tEXt', b'Comment\0words')],
    )
    f['bkgd.png'] = S.png(S.rgba(90, 60, 105), 8, [(b'bKGD', struct.pack('>HHH', 255, 0, 0))])
    f['interlaced-alpha.png'] = S.vips_of(S.rgba(97, 61, 106)).pngsave_buffer(interlace=True)
    f['grayicc-alpha.png'] = S.pilsave(
        Image.fromarray(np.dstack([g, S.alpha_mask(150, 110)]), 'LA'), 'PNG', icc_profile=S.GRAY18
    )
    f['xmp.png'] = S.pilsave(
        S.pil(S.scene(90, 60, 104, 0)),
        'PNG',
        exif=S.tiff_exif([(0x8298, 'A'), (0x013B, 'B'), (0x0112, 3)]),
        icc_profile=S.ADOBE,
    )


def jpegs(f):
    a = S.scene(331, 227, 110)
    for name, sub in (('422', 1), ('420', 2), ('444', 0)):
        f['s%s.jpg' % name] = S.jpg(a, 88, subsampling=sub)
        f['s%s-prog.jpg' % name] = S.jpg(a, 88, subsampling=sub, progressive=True)
    f['s411.jpg'] = S.jpg(a, 88, subsampling='4:1:1')
    f['rgb-jpeg.jpg'] = S.pilsave(S.pil(a), 'JPEG', quality=90, keep_rgb=True)
    f['restart.jpg'] = S.pilsave(S.pil(a), 'JPEG', quality=90, restart_marker_blocks=3)
    f['gray-prog.jpg'] = S.pilsave(S.pil(a[:, :, 1]), 'JPEG', quality=85, progressive=True)
    f['cmyk-big.jpg'] = S.pilsave(S.pil(S.scene(900, 700, 111)).convert('CMYK'), 'JPEG', quality=90)
    f['dpi.jpg'] = S.pilsave(S.pil(a), 'JPEG', quality=90, dpi=(300, 300))
    f['q100.jpg'] = S.jpg(a, 100)
    f['q5.jpg'] = S.jpg(a, 5)
    f['big-p3.jpg'] = S.pilsave(S.pil(S.scene(1500, 1100, 112)), 'JPEG', quality=88, icc_profile=S.P3)
    f['big-gray.jpg'] = S.jpg(S.scene(1001, 777, 113)[:, :, 2], 88)
    f['big-odd.jpg'] = S.jpg(S.scene(1919, 1283, 114), 85)
    f['big-prog.jpg'] = S.jpg(S.scene(1283, 1919, 115), 85, progressive=True)
    f['gray-p3.jpg'] = S.pilsave(S.pil(a[:, :, 1]), 'JPEG', quality=90, icc_profile=S.P3)
    f['rgb-grayicc.jpg'] = S.pilsave(S.pil(a), 'JPEG', quality=90, icc_profile=S.GRAY18)
    f['exif-thumb.jpg'] = S.jpeg_segments(
        S.jpg(a, 90),
        [
            (0xFE, b'a comment'),
            (0xE1, b'Exif\0\0' + S.tiff_exif([(0x0112, 8), (0x013B, 'Only Artist')])),
            (0xED, S.iptc_block()),
        ],
    )
    f['xmp-only.jpg'] = S.jpeg_segments(S.jpg(a, 90), [(0xE1, b'http://ns.adobe.com/xap/1.0/\0' + S.XMP)])


def moving(f):
    def frame(i, w, h, alpha):
        a = S.scene(w, h, 120 + i, 0)
        return S.pil(np.dstack([a, S.alpha_mask(w, h)]) if alpha else a)

    kw = dict(save_all=True, optimize=False)
    fr = [frame(i, 61, 43, False).quantize(16, dither=Image.Dither.NONE) for i in range(3)]
    for d in (0, 1, 2, 3):
        f['m-disp%d.gif' % d] = S.pilsave(
            fr[0], 'GIF', append_images=fr[1:], duration=[0, 20, 1000], disposal=d, loop=1, **kw
        )
    f['m-noloop.gif'] = S.pilsave(fr[0], 'GIF', append_images=fr[1:], duration=50, **kw)
    f['m-wide.gif'] = S.pilsave(
        frame(0, 301, 11, False).quantize(4),
        'GIF',
        append_images=[frame(1, 301, 11, False).quantize(4)],
        duration=70,
        loop=0,
        **kw,
    )
    fa = [frame(i, 61, 43, True) for i in range(3)]
    f['m-alpha.webp'] = S.pilsave(
        fa[0], 'WEBP', save_all=True, append_images=fa[1:], duration=[0, 50, 2000], loop=0, lossless=True
    )
    f['m-kmin.webp'] = S.pilsave(
        frame(0, 80, 50, False),
        'WEBP',
        save_all=True,
        append_images=[frame(1, 80, 50, False)],
        duration=80,
        loop=5,
        quality=80,
        minimize_size=True,
    )
    f['m-icc.webp'] = S.pilsave(
        frame(0, 80, 50, False),
        'WEBP',
        save_all=True,
        append_images=[frame(1, 80, 50, False)],
        duration=80,
        loop=5,
        quality=80,
        icc_profile=S.P3,
    )
    f['m-two-colours.gif'] = S.pilsave(
        S.pil((S.scene(50, 40, 121, 0)[:, :, 0] > 120).astype(np.uint8) * 255).convert('1'), 'GIF'
    )
    f['m-exif.webp'] = S.pilsave(
        frame(0, 80, 50, False),
        'WEBP',
        save_all=True,
        append_images=[frame(1, 80, 50, False)],
        duration=80,
        quality=80,
        exif=S.tiff_exif([(0x0112, 6)]),
    )


def others(f):
    a = S.scene(97, 63, 130, 0)
    f['rle4.bmp'] = bmp_rle4(61, 40)
    f['p8-topdown.bmp'] = S.bmp(a, 8, top_down=True)
    f['p1-odd.bmp'] = S.bmp(S.scene(33, 9, 131, 0), 1)
    f['odd24.bmp'] = S.bmp(S.scene(3, 5, 131, 0), 24)
    f['pil.ico'] = S.pilsave(S.pil(S.rgba(64, 64, 132)), 'ICO', sizes=[(16, 16), (32, 32), (64, 64)])
    f['pil-bmp.ico'] = S.pilsave(S.pil(S.rgba(64, 64, 132)), 'ICO', sizes=[(32, 32), (48, 48)], bitmap_format='bmp')
    f['wide.ico'] = S.ico([(48, 16, S.png(S.rgba(48, 16, 133))), (16, 32, S.png(S.rgba(16, 32, 134)))])
    v = S.vips_of(S.scene(241, 181, 135))
    f['odd.avif'] = v.heifsave_buffer(compression='av1', Q=80, effort=1)
    f['odd.heic'] = v.heifsave_buffer(compression='hevc', Q=80)
    f['alpha.heic'] = S.vips_of(S.rgba(120, 90, 136)).heifsave_buffer(compression='hevc', Q=80)
    f['gray.avif'] = (
        S.vips_of(S.scene(120, 90, 136)).colourspace('b-w').heifsave_buffer(compression='av1', Q=80, effort=1)
    )
    f['p3.avif'] = (
        S.vips_of(S.scene(120, 90, 137)).copy().heifsave_buffer(compression='av1', Q=80, effort=1, bitdepth=8)
    )
    w = S.pil(S.scene(641, 483, 138))
    f['big.webp'] = S.pilsave(w, 'WEBP', quality=85)
    f['big-lossless.webp'] = S.pilsave(w, 'WEBP', lossless=True)
    f['big-alpha.webp'] = S.pilsave(S.pil(S.rgba(643, 481, 139)), 'WEBP', quality=85)
    f['icc-exif.webp'] = S.pilsave(
        w, 'WEBP', quality=85, icc_profile=S.ADOBE, exif=S.tiff_exif([(0x0112, 5), (0x8298, 'C')]), xmp=S.XMP
    )
    f['gray.tiff'] = S.pilsave(S.pil(a[:, :, 0]), 'TIFF')
    f['one-bit.tiff'] = S.pilsave(S.pil(a[:, :, 0]).convert('1'), 'TIFF', compression='group4')
    f['palette.tiff'] = S.pilsave(S.pil(a).quantize(16), 'TIFF')
    f['jpeg.tiff'] = S.pilsave(S.pil(a), 'TIFF', compression='jpeg')
    f['float.tiff'] = S.vips_of(a).cast('float').linear(1 / 255, 0).copy(interpretation='scrgb').tiffsave_buffer()
    f['lab.tiff'] = S.vips_of(a).colourspace('lab').tiffsave_buffer()
    f['tiled.tiff'] = S.vips_of(a).tiffsave_buffer(tile=True, tile_width=32, tile_height=32, compression='deflate')


def vectors(f):
    ns = 'xmlns="http://www.w3.org/2000/svg"'
    shape = '<rect x="10%" y="5" width="40" height="20" fill="#c3a"/><circle cx="60" cy="40" r="18" fill="teal"/>'
    t = {
        'v-width.svg': '<svg %s width="120">%s</svg>' % (ns, shape),
        'v-none.svg': '<svg %s>%s</svg>' % (ns, shape),
        'v-offset.svg': '<svg %s viewBox="20 10 90 60">%s</svg>' % (ns, shape),
        'v-mm.svg': '<svg %s width="20mm" height="3cm" viewBox="0 0 100 80">%s</svg>' % (ns, shape),
        'v-pt.svg': '<svg %s width="50pt" height="5pc">%s</svg>' % (ns, shape),
        'v-em.svg': '<svg %s width="5em" height="8ex">%s</svg>' % (ns, shape),
        'v-half.svg': '<svg %s width="50.5" height="33.3">%s</svg>' % (ns, shape),
        'v-ratio.svg': '<svg %s width="200" height="50" viewBox="0 0 100 80" preserveAspectRatio="none">%s</svg>'
        % (ns, shape),
        'v-prefix.svg': '<s:svg xmlns:s="http://www.w3.org/2000/svg" width="90" height="70">%s</s:svg>'
        % shape.replace('<', '<s:'),
        'v-nested.svg': '<svg %s width="90" height="70">%s<svg x="5" y="5" width="20" height="20"><rect width="9" height="9"/></svg></svg>'
        % (ns, shape),
        'v-cdata.svg': '<?xml version="1.0"?><?xml-stylesheet href="x.css"?><svg %s width="90" height="70"><style><![CDATA[.a{fill:red}]]></style><rect class="a" width="20" height="20"/>%s</svg>'
        % (ns, shape),
        'v-text.svg': '<svg %s width="90" height="70"><text x="5" y="20">a &lt; b &amp; c</text><desc>  spaced  </desc></svg>'
        % ns,
        'v-events.svg': '<svg %s width="90" height="70" OnLoad="a()" onclick="b()"><g onmouseover="c()" on="d" onfoo="e()">%s</g><SCRIPT>x</SCRIPT><script/></svg>'
        % (ns, shape),
        'v-hrefs.svg': '<svg %s xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="70"><a href=" JavaScript:x">%s</a><a xlink:href="https://a.test/b">y</a>'
        '<use xlink:href="data:x"/><use href=""/><image href="data:image/png;base64,AAAA"/><image href="ftp://x"/><a href="mailto:x">z</a><a href="&#106;avascript:x">w</a></svg>'
        % (ns, shape),
        'v-lead.svg': '\n\n  <!-- lead --><svg %s width="30" height="20">%s</svg>\n<!-- tail -->\n' % (ns, shape),
        'v-bom.svg': '\ufeff<svg %s width="30" height="20">%s</svg>' % (ns, shape),
        'v-big.svg': '<svg %s width="4000" height="3000" viewBox="0 0 100 80">%s</svg>' % (ns, shape),
        'v-thin.svg': '<svg %s width="1000" height="1" viewBox="0 0 100 80">%s</svg>' % (ns, shape),
        'v-style.svg': '<svg %s style="width:70px;height:50px">%s</svg>' % (ns, shape),
        'v-foreign.svg': '<svg %s width="30" height="20"><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="x"/><form/><p>k</p></foreignObject></svg>'
        % ns,
        'v-entity.svg': '<!DOCTYPE svg [<!ENTITY c "teal">]><svg %s width="30" height="20"><rect width="20" height="10" fill="&c;"/></svg>'
        % ns,
        'v-unclosed.svg': '<svg %s width="30" height="20"><g><rect width="20" height="10"/>' % ns,
        'v-mismatch.svg': '<svg %s width="30" height="20"><g></svg>' % ns,
    }
    for name, text in t.items():
        f[name] = text.encode()
    f['v-utf16.svg'] = t['v-lead.svg'].strip().encode('utf-16')
    f['v-latin.svg'] = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><svg %s width="30" height="20"><desc>\xe4</desc>%s</svg>'
        % (ns, shape)
    ).encode('latin-1')


PARTS = (small_sizes, orientations, pngs, jpegs, moving, others, vectors)


def write(dest):
    f = {}
    for part in PARTS:
        part(f)
    for name, data in f.items():
        path = os.path.join(dest, name)
        with open(path, 'wb') as fh:
            fh.write(data)
        os.utime(path, (S.MTIME, S.MTIME))

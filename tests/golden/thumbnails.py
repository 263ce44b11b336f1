"""HEIC and AVIF with an embedded thumbnail, written by libheif itself: libvips and Pillow write none."""

import ctypes
import tempfile


class Answer(ctypes.Structure):
    _fields_ = [('code', ctypes.c_int), ('subcode', ctypes.c_int), ('message', ctypes.c_char_p)]


FORMAT_HEVC, FORMAT_AV1 = 1, 4
COLOUR_RGB, CHROMA_RGB, CHANNEL_INTERLEAVED = 1, 10, 10
QUALITY = 80
X265_PRESET = b'ultrafast'


def library():
    heif = ctypes.CDLL('libheif.so.1')
    for name in ('heif_context_alloc', 'heif_image_get_plane'):
        getattr(heif, name).restype = ctypes.c_void_p
    return heif


def check(answer):
    if answer.code:
        raise OSError('libheif: %s' % answer.message.decode())


def call(heif, name, *arguments):
    function = getattr(heif, name)
    function.restype = Answer
    check(function(*arguments))


def image_of(heif, pixels):
    h, w = pixels.shape[:2]
    image, stride = ctypes.c_void_p(), ctypes.c_int()
    call(heif, 'heif_image_create', w, h, COLOUR_RGB, CHROMA_RGB, ctypes.byref(image))
    call(heif, 'heif_image_add_plane', image, CHANNEL_INTERLEAVED, w, h, 8)
    plane = heif.heif_image_get_plane(image, CHANNEL_INTERLEAVED, ctypes.byref(stride))
    for y in range(h):
        ctypes.memmove(plane + y * stride.value, pixels[y].tobytes(), w * 3)
    return image


def with_thumbnail(picture, other, side, coding):
    """The bytes of a file whose thumbnail is `other` at this longest side: one sees which of both was used."""
    heif = library()
    context = ctypes.c_void_p(heif.heif_context_alloc())
    encoder, main, small = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    call(heif, 'heif_context_get_encoder_for_format', context, coding, ctypes.byref(encoder))
    call(heif, 'heif_encoder_set_lossy_quality', encoder, QUALITY)
    if coding == FORMAT_HEVC:
        call(heif, 'heif_encoder_set_parameter_string', encoder, b'preset', X265_PRESET)
    whole = image_of(heif, picture)
    call(heif, 'heif_context_encode_image', context, whole, encoder, None, ctypes.byref(main))
    call(
        heif,
        'heif_context_encode_thumbnail',
        context,
        image_of(heif, other),
        main,
        encoder,
        None,
        side,
        ctypes.byref(small),
    )
    with tempfile.NamedTemporaryFile() as file:
        call(heif, 'heif_context_write_to_file', context, file.name.encode())
        return file.read()

// Callbacks of C: nothing is thrown through them.
#include "heif_codecs.h"

#include <dav1d/dav1d.h>
#include <libde265/de265.h>
#include <libheif/heif_plugin.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <new>

#include "heif_pointers.h"

namespace imgring::image {
namespace {

constexpr int kBits = 8;

// Who asked on this thread.
struct Asked {
  PieceTaker* taker = nullptr;
  std::uint32_t width = 0, height = 0;
  bool too_large = false;
};
thread_local Asked* asked = nullptr;

// Above all of libheif's own.
int priority_here() noexcept {
  constexpr int kFirst = 1000;
  return asked != nullptr ? kFirst : 0;
}

heif_error well() noexcept { return {heif_error_Ok, heif_suberror_Unspecified, "Success"}; }
heif_error no_good(const char* why) noexcept {
  return {heif_error_Decoder_plugin_error, heif_suberror_Unspecified, why};
}
heif_error no_memory() noexcept {
  return {heif_error_Memory_allocation_error, heif_suberror_Unspecified, "no memory"};
}

// One pixel, in the colours that libheif makes: it has nothing left to convert.
heif_error stand_in(heif_image** out) noexcept {
  heif_image* image = nullptr;
  heif_error error = heif_image_create(1, 1, heif_colorspace_RGB, heif_chroma_444, &image);
  for (const heif_channel channel : {heif_channel_R, heif_channel_G, heif_channel_B}) {
    if (error.code != heif_error_Ok) break;
    error = heif_image_add_plane(image, channel, 1, 1, kBits);
  }
  if (error.code != heif_error_Ok && image != nullptr) heif_image_release(image);
  if (error.code == heif_error_Ok) *out = image;
  return error;
}

heif_error give(const CodedPicture& piece, heif_image** out) noexcept {
  try {
    if (!asked->taker->take(piece)) return no_good("not wanted");
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  return stand_in(out);
}

void nothing() noexcept {}

// ---- AV1

class Av1 {
 public:
  static const char* name() noexcept { return "imgring AV1 planes"; }
  static int priority(heif_compression_format format) noexcept {
    return format == heif_compression_AV1 ? priority_here() : 0;
  }
  bool open() noexcept {
    Dav1dSettings settings;
    dav1d_default_settings(&settings);
    settings.n_threads = 1;
    settings.max_frame_delay = 1;
    settings.all_layers = 0;
    settings.logger = {nullptr, nullptr};
    const std::uint64_t pixels = std::uint64_t{asked->width} * asked->height;
    settings.frame_size_limit = static_cast<unsigned>(
        std::min<std::uint64_t>(pixels, std::numeric_limits<unsigned>::max()));
    return dav1d_open(&context_, &settings) == 0;
  }
  Av1() = default;
  Av1(const Av1&) = delete;
  Av1& operator=(const Av1&) = delete;
  ~Av1() {
    dav1d_data_unref(&data_);
    if (context_ != nullptr) dav1d_close(&context_);
  }

  heif_error push(ByteSpan bytes) noexcept {
    if (data_.sz != 0 || bytes.empty()) return no_good("data");
    std::uint8_t* room = dav1d_data_create(&data_, bytes.size());
    if (room == nullptr) return no_memory();
    std::memcpy(room, bytes.data(), bytes.size());
    return well();
  }

  heif_error decode(heif_image** out) noexcept {
    Dav1dPicture frame = {};
    const int result = first_picture(&frame);
    if (result < 0) {
      asked->too_large = asked->too_large || result == DAV1D_ERR(ERANGE);
      return result == DAV1D_ERR(ENOMEM) ? no_memory() : no_good("not decoded");
    }
    const heif_error error = give_frame(frame, out);
    dav1d_picture_unref(&frame);
    return error;
  }

 private:
  int first_picture(Dav1dPicture* frame) noexcept {
    while (true) {
      const std::size_t before = data_.sz;
      int result = before > 0 ? dav1d_send_data(context_, &data_) : 0;
      if (result < 0 && result != DAV1D_ERR(EAGAIN)) return result;
      result = dav1d_get_picture(context_, frame);
      // All is sent, or nothing moves any more.
      if (result != DAV1D_ERR(EAGAIN) || data_.sz == before) return result;
    }
  }

  static heif_error give_frame(const Dav1dPicture& frame, heif_image** out) noexcept {
    if (frame.p.bpc != kBits) return no_good("bits");
    CodedPicture piece;
    piece.grey = frame.p.layout == DAV1D_PIXEL_LAYOUT_I400;
    piece.matrix = static_cast<int>(frame.seq_hdr->mtrx);
    piece.full_range = frame.seq_hdr->color_range != 0;
    const int across = frame.p.layout == DAV1D_PIXEL_LAYOUT_I444 ? 1 : 2;
    const int down = frame.p.layout == DAV1D_PIXEL_LAYOUT_I420 ? 2 : 1;
    for (std::size_t i = 0; i < (piece.grey ? 1 : piece.planes.size()); ++i) {
      const int by_width = i == 0 ? 1 : across, by_height = i == 0 ? 1 : down;
      const std::ptrdiff_t stride = frame.stride[i == 0 ? 0 : 1];
      if (stride <= 0) return no_good("rows");
      piece.planes[i] = {static_cast<const std::uint8_t*>(frame.data[i]),
                         static_cast<std::size_t>(stride), (frame.p.w + by_width - 1) / by_width,
                         (frame.p.h + by_height - 1) / by_height};
    }
    return give(piece, out);
  }

  Dav1dContext* context_ = nullptr;
  Dav1dData data_ = {};
};

// ---- HEVC

class Hevc {
 public:
  static const char* name() noexcept { return "imgring HEVC planes"; }
  static int priority(heif_compression_format format) noexcept {
    return format == heif_compression_HEVC ? priority_here() : 0;
  }
  bool open() noexcept {
    context_.reset(de265_new_decoder());
    if (context_ == nullptr) return false;
    own_ = *de265_get_default_image_allocation_functions();
    de265_image_allocation bounded = {get_bounded, release_bounded};
    de265_set_image_allocation_functions(context_.get(), &bounded, this);
    return true;
  }

  // Units of the bit stream, each behind its length.
  heif_error push(ByteSpan bytes) noexcept {
    constexpr std::size_t kLengthBytes = 4;
    while (!bytes.empty()) {
      if (bytes.size() < kLengthBytes) return no_good("length of a unit");
      std::size_t unit = 0;
      for (std::size_t i = 0; i < kLengthBytes; ++i) unit = unit << 8 | bytes[i];
      bytes = bytes.subspan(kLengthBytes);
      if (unit > bytes.size()) return no_good("length of a unit");
      const int size = static_cast<int>(unit);
      if (de265_push_NAL(context_.get(), bytes.data(), size, 0, nullptr) != DE265_OK) {
        return no_memory();
      }
      bytes = bytes.subspan(unit);
    }
    return well();
  }

  heif_error decode(heif_image** out) noexcept {
    de265_flush_data(context_.get());
    int more = 1;
    while (more != 0) {
      more = 0;
      if (de265_decode(context_.get(), &more) != DE265_OK) return no_good("not decoded");
      const de265_image* image = de265_get_next_picture(context_.get());
      if (image != nullptr) return give_image(*image, out);
    }
    return no_good("no picture");
  }

 private:
  // What is coded may stand over the picture by a block, and is cut off then.
  static bool fits(const de265_image_spec& spec) noexcept {
    constexpr std::uint32_t kBlock = 64;
    const auto up = [](std::uint32_t side) { return (side / kBlock + 1) * kBlock; };
    return spec.width >= 0 && spec.height >= 0 &&
           static_cast<std::uint32_t>(spec.width) <= up(asked->width) &&
           static_cast<std::uint32_t>(spec.height) <= up(asked->height);
  }
  static int get_bounded(de265_decoder_context* context, de265_image_spec* spec, de265_image* image,
                         void* self) noexcept {
    if (!fits(*spec)) {
      asked->too_large = true;
      return 0;
    }
    return static_cast<Hevc*>(self)->own_.get_buffer(context, spec, image, nullptr);
  }
  static void release_bounded(de265_decoder_context* context, de265_image* image,
                              void* self) noexcept {
    static_cast<Hevc*>(self)->own_.release_buffer(context, image, nullptr);
  }

  static heif_error give_image(const de265_image& image, heif_image** out) noexcept {
    CodedPicture piece;
    piece.grey = de265_get_chroma_format(&image) == de265_chroma_mono;
    piece.matrix = de265_get_image_matrix_coefficients(&image);
    piece.full_range = de265_get_image_full_range_flag(&image) != 0;
    for (int i = 0; i < (piece.grey ? 1 : static_cast<int>(piece.planes.size())); ++i) {
      if (de265_get_bits_per_pixel(&image, i) != kBits) return no_good("bits");
      int stride = 0;
      const std::uint8_t* first = de265_get_image_plane(&image, i, &stride);
      piece.planes[static_cast<std::size_t>(i)] = {first, static_cast<std::size_t>(stride),
                                                   de265_get_image_width(&image, i),
                                                   de265_get_image_height(&image, i)};
    }
    return give(piece, out);
  }

  std::unique_ptr<de265_decoder_context, Deleter<de265_free_decoder>> context_;
  de265_image_allocation own_ = {};
};

// ---- for libheif

template <class Codec>
heif_error make(void** out) noexcept {
  std::unique_ptr<Codec> codec(new (std::nothrow) Codec);
  if (codec == nullptr || !codec->open()) return no_memory();
  *out = codec.release();
  return well();
}
template <class Codec>
void drop(void* codec) noexcept {
  delete static_cast<Codec*>(codec);
}
template <class Codec>
heif_error push(void* codec, const void* bytes, std::size_t size) noexcept {
  return static_cast<Codec*>(codec)->push({static_cast<const std::uint8_t*>(bytes), size});
}
template <class Codec>
heif_error decode(void* codec, heif_image** out) noexcept {
  *out = nullptr;
  return static_cast<Codec*>(codec)->decode(out);
}

template <class Codec>
heif_decoder_plugin plugin_of() noexcept {
  heif_decoder_plugin plugin = {};
  plugin.plugin_api_version = 1;
  plugin.get_plugin_name = Codec::name;
  plugin.init_plugin = nothing;
  plugin.deinit_plugin = nothing;
  plugin.does_support_format = Codec::priority;
  plugin.new_decoder = make<Codec>;
  plugin.free_decoder = drop<Codec>;
  plugin.push_data = push<Codec>;
  plugin.decode_image = decode<Codec>;
  return plugin;
}

// Whatever libheif throws.
class Asking {
 public:
  explicit Asking(Asked* mine) noexcept { asked = mine; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { asked = nullptr; }
};

}  // namespace

void register_piece_decoders() noexcept {
  static const heif_decoder_plugin av1 = plugin_of<Av1>(), hevc = plugin_of<Hevc>();
  if (!makes_colours()) return;
  heif_register_decoder_plugin(&av1);
  heif_register_decoder_plugin(&hevc);
}

HeifImagePtr decode_primary(ByteSpan source, const HeifWanted& wanted) {
  const HeifContextPtr context(heif_context_alloc());
  if (context == nullptr) return nullptr;
  if (wanted.threads) heif_context_set_max_decoding_threads(context.get(), *wanted.threads);
  if (!went_well(heif_context_read_from_memory_without_copy(context.get(), source.data(),
                                                            source.size(), nullptr))) {
    return nullptr;
  }
  heif_image_handle* raw = nullptr;
  if (!went_well(heif_context_get_primary_image_handle(context.get(), &raw))) return nullptr;
  const HeifHandlePtr handle(raw);
  if (heif_image_handle_has_alpha_channel(handle.get()) != 0 ||
      heif_image_handle_get_luma_bits_per_pixel(handle.get()) != kBits) {
    return nullptr;
  }
  heif_image* image = nullptr;
  if (!went_well(heif_decode_image(handle.get(), &image, wanted.space, wanted.chroma, nullptr))) {
    return nullptr;
  }
  return HeifImagePtr(image);
}

bool makes_colours() noexcept {
  constexpr std::uint32_t kMakesNone = 0x01130000;
  return heif_get_version_number() < kMakesNone;
}

std::expected<void, PieceError> decode_pieces(ByteSpan source, std::uint32_t width,
                                              std::uint32_t height, PieceTaker* taker) {
  Asked mine{taker, width, height};
  const Asking asking(&mine);
  const bool decoded = decode_primary(source, {heif_colorspace_RGB, heif_chroma_444, 0}) != nullptr;
  if (mine.too_large) return std::unexpected(PieceError::kTooLarge);
  if (!decoded) return std::unexpected(PieceError::kNotForUs);
  return {};
}

}  // namespace imgring::image

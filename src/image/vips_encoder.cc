// The libvips savers, on a memory image pulled by us: formats without a pull encoder, animations,
// palettes and images whose metadata only libvips writes right. Their sinks may start libvips
// threads (decision 3).
#include <array>

#include "encoders.h"
#include "heif_encoder.h"
#include "imgring/image/shelter.h"
#include "operation.h"
#include "saver_call.h"

namespace imgring::image {
namespace {

using config::ProcessingConfig;
using TargetPtr = std::unique_ptr<VipsTarget, Deleter<g_object_unref>>;

constexpr int kAvifSpeedMax = 9;
// What libaom makes of 10 bits ends the process on Debian; 8 and 12 work.
constexpr int kHeifDepth = 8, kHeifDepthHdr = 12;
constexpr int kProbeSide = 16;

bool is_16bit(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  return type == VIPS_INTERPRETATION_RGB16 || type == VIPS_INTERPRETATION_GREY16;
}

struct Context {
  SaverCall* op;
  VipsImage* image;
  int quality;
  const config::EncoderOptions& encoders;
  const ProcessingConfig* config;
};
using Arguments = void (*)(const Context&);

void jpeg_arguments(const Context& c) {
  c.op->set("Q", c.quality).set("optimize_coding", 1);
  c.op->set("interlace", static_cast<int>(c.encoders.jpeg_progressive));
  if (c.encoders.jpeg_no_subsample) {
    c.op->set("subsample_mode", static_cast<int>(VIPS_FOREIGN_SUBSAMPLE_OFF));
  }
}
void jxl_arguments(const Context& c) {
  c.op->set("Q", c.quality).set_if_known("effort", c.config->jxl_effort);
  if (c.encoders.jxl_lossless) c.op->set("lossless", 1);
}

// PNG palettes hold 1, 2, 4 or 8 bits.
int png_palette_bits(const Context& c) noexcept {
  if (c.encoders.png_quantize) {
    const int colours = c.encoders.png_quantization_colors;
    return colours > 16 ? 8 : colours > 4 ? 4 : colours > 2 ? 2 : 1;
  }
  const int depth = palette_depth(c.image);
  if (depth < 1 || depth > 8) return 0;
  return depth > 4 ? 8 : depth > 2 ? 4 : depth;
}
void png_arguments(const Context& c) {
  const int bits = png_palette_bits(c);
  c.op->set("interlace", static_cast<int>(c.encoders.png_interlaced));
  const VipsForeignPngFilter filter =
      bits == 0 ? VIPS_FOREIGN_PNG_FILTER_ALL : VIPS_FOREIGN_PNG_FILTER_NONE;
  c.op->set("filter", static_cast<int>(filter));
  if (bits != 0) c.op->set("palette", 1).set("bitdepth", bits);
}

// As the picture inside an icon is written: no palette, whatever the source had.
void bare_png_arguments(const Context& c) {
  c.op->set("filter", static_cast<int>(VIPS_FOREIGN_PNG_FILTER_NONE));
}

struct PresetName {
  config::WebpPreset preset;
  VipsForeignWebpPreset vips;
};
constexpr std::array kPresets = {
    PresetName{config::WebpPreset::kDefault, VIPS_FOREIGN_WEBP_PRESET_DEFAULT},
    PresetName{config::WebpPreset::kPhoto, VIPS_FOREIGN_WEBP_PRESET_PHOTO},
    PresetName{config::WebpPreset::kPicture, VIPS_FOREIGN_WEBP_PRESET_PICTURE},
    PresetName{config::WebpPreset::kDrawing, VIPS_FOREIGN_WEBP_PRESET_DRAWING},
    PresetName{config::WebpPreset::kIcon, VIPS_FOREIGN_WEBP_PRESET_ICON},
    PresetName{config::WebpPreset::kText, VIPS_FOREIGN_WEBP_PRESET_TEXT}};
void webp_arguments(const Context& c) {
  c.op->set("Q", c.quality).set("effort", c.config->webp_effort);
  const config::WebpCompression compression = c.encoders.webp_compression;
  const bool near = compression == config::WebpCompression::kNearLossless;
  if (compression != config::WebpCompression::kLossy) c.op->set("lossless", 1);
  if (near) c.op->set("near_lossless", 1);
  if (c.encoders.webp_smart_subsample) c.op->set("smart_subsample", 1);
  for (const PresetName& name : kPresets) {
    if (name.preset == c.encoders.webp_preset) c.op->set("preset", static_cast<int>(name.vips));
  }
}
void gif_arguments(const Context& c) {
  const int depth = palette_depth(c.image);
  c.op->set("bitdepth", depth >= 1 && depth <= 8 ? depth : 8);
}
void avif_arguments(const Context& c) {
  c.op->set("Q", c.quality).set("compression", static_cast<int>(VIPS_FOREIGN_HEIF_COMPRESSION_AV1));
  c.op->set("effort", kAvifSpeedMax - c.config->avif_speed);
  c.op->set("bitdepth", is_16bit(c.image) ? kHeifDepthHdr : kHeifDepth);
  if (c.encoders.avif_subsample == config::AvifSubsample::kAuto) return;
  const bool coarser = c.encoders.avif_subsample == config::AvifSubsample::kOn;
  const auto mode = coarser ? VIPS_FOREIGN_SUBSAMPLE_ON : VIPS_FOREIGN_SUBSAMPLE_OFF;
  c.op->set_if_known("subsample_mode", static_cast<int>(mode));
}
void heic_arguments(const Context& c) {
  c.op->set("Q", c.quality).set("bitdepth", kHeifDepth);
  c.op->set("compression", static_cast<int>(VIPS_FOREIGN_HEIF_COMPRESSION_HEVC));
}
void tiff_arguments(const Context& c) { c.op->set("Q", c.quality); }

struct Saver {
  ImageType type;
  const char* operation;
  Arguments arguments;
  const char* untrusted = nullptr;  // the class of libvips that is blocked unless named here
};
constexpr std::array kSavers = {
    Saver{ImageType::kJpeg, "jpegsave_target", jpeg_arguments},
    Saver{ImageType::kJxl, "jxlsave_target", jxl_arguments, "VipsForeignSaveJxl"},
    Saver{ImageType::kPng, "pngsave_target", png_arguments},
    Saver{ImageType::kWebp, "webpsave_target", webp_arguments},
    Saver{ImageType::kGif, "gifsave_target", gif_arguments},
    Saver{ImageType::kHeic, "heifsave_target", heic_arguments},
    Saver{ImageType::kAvif, "heifsave_target", avif_arguments},
    Saver{ImageType::kTiff, "tiffsave_target", tiff_arguments},
};

const Saver* saver_of(ImageType type) noexcept {
  for (const Saver& saver : kSavers) {
    if (saver.type == type) return &saver;
  }
  return nullptr;
}

struct FreeByGlib {
  void operator()(void* data) const noexcept { g_free(data); }
};

// The blob's memory without a copy (vips_target_steal reads freed memory in 8.14 once the target
// ended).
Bytes taken_from(VipsTarget* target) {
  VipsBlob* blob = nullptr;
  g_object_get(target, "blob", &blob, nullptr);
  if (blob == nullptr) return {};
  auto* area = reinterpret_cast<VipsArea*>(blob);
  const ByteSpan span(static_cast<std::uint8_t*>(area->data), area->length);
  Bytes bytes(span, std::unique_ptr<void, FreeByGlib>(area->data));
  area->free_fn = nullptr;
  vips_area_unref(area);
  return bytes;
}

// Ends a save between two strips once the flag is set. A saver that makes frames as they come (30
// frames of a GIF took 7 s) ends with the frame that it is at; one that encodes all at its end
// (HEIC and AVIF) knows no stop.
class StopsSave {
 public:
  StopsSave(VipsImage* image, const StopFlag& stop) : image_(image) {
    vips_image_set_progress(image, TRUE);
    handler_ =
        g_signal_connect(image, "eval", G_CALLBACK(on_progress), const_cast<StopFlag*>(&stop));
  }
  ~StopsSave() {
    g_signal_handler_disconnect(image_, handler_);
    vips_image_set_progress(image_, FALSE);
  }
  StopsSave(const StopsSave&) = delete;
  StopsSave& operator=(const StopsSave&) = delete;

 private:
  static void on_progress(VipsImage* image, VipsProgress*, const StopFlag* stop) noexcept {
    if (stop->stopped()) vips_image_set_kill(image, TRUE);
  }
  VipsImage* image_;
  gulong handler_;
};

SaverCall call_of(const Saver& saver, VipsImage* memory, const SaveParams& params) {
  static const ProcessingConfig kDefaults;
  const ProcessingConfig* config = params.config != nullptr ? params.config : &kDefaults;
  SaverCall call;
  saver.arguments({&call, memory, params.quality, params.encoders, config});
  return call;
}

void tell(const SaverCall& call, Operation* op) {
  for (const SaverCall::Argument& one : call.arguments()) {
    const auto put = [&](auto value) {
      one.if_known ? op->set_if_known(one.name.c_str(), value) : op->set(one.name.c_str(), value);
    };
    if (const auto* text = std::get_if<std::string>(&one.value)) put(text->c_str());
    if (const auto* whole = std::get_if<int>(&one.value)) put(*whole);
    if (const auto* real = std::get_if<double>(&one.value)) put(*real);
  }
}

Result<Bytes> run_saver(const Saver& saver, VipsImage* memory, const SaverCall& call) {
  const TargetPtr target(vips_target_new_to_memory());
  if (target == nullptr) return std::unexpected(vips_failure("target"));
  const ShortageWatch shortages;
  Operation op(saver.operation);
  op.set("in", memory).set("target", target.get());
  tell(call, &op);
  IMGRING_TRY_VOID(op.run());
  IMGRING_TRY_VOID(shortages.check());
  return taken_from(target.get());
}

}  // namespace

void unblock_savers() noexcept {
  for (const Saver& saver : kSavers) {
    if (saver.untrusted != nullptr) vips_operation_block_set(saver.untrusted, FALSE);
  }
}

bool vips_has_saver(ImageType type) noexcept {
  const Saver* saver = saver_of(type);
  return saver != nullptr && vips_has_operation(saver->operation);
}

// One tiny picture tells.
bool codec_works(ImageType type) {
  if (type != ImageType::kHeic && type != ImageType::kAvif) return true;
  const Saver* saver = saver_of(type);
  if (saver == nullptr) return false;
  VipsImage* raw = nullptr;
  if (vips_black(&raw, kProbeSide, kProbeSide, "bands", 3, nullptr) != 0) return false;
  const VipsImagePtr black(raw);
  auto picture = Operation("copy")
                     .set("in", black.get())
                     .set("interpretation", static_cast<int>(VIPS_INTERPRETATION_sRGB))
                     .image();
  if (picture) picture = copy_to_memory(picture->get(), StopFlag());
  const bool works =
      picture.has_value() &&
      save_memory(picture->get(), type, call_of(*saver, picture->get(), {}), StopFlag())
          .has_value();
  drop_vips_error();
  return works;
}

Result<Bytes> save_memory(VipsImage* memory, ImageType type, const SaverCall& call,
                          const StopFlag& stop) {
  const Saver* saver = saver_of(type);
  if (saver == nullptr) return fail(ErrorCode::kResultUnsupported, "no saver for this format");
  const StopsSave stops(memory, stop);
  const bool by_libheif = type == ImageType::kAvif && can_write_avif(memory);
  auto saved = by_libheif ? write_avif(memory, call) : run_saver(*saver, memory, call);
  if (!saved && stop.stopped()) return std::unexpected(stop_error(stop.reason()));
  return saved;
}

Result<Bytes> save_by_vips(VipsImage* image, ImageType type, const SaveParams& params,
                           const StopFlag& stop) {
  const Saver* saver = saver_of(type);
  if (saver == nullptr) return fail(ErrorCode::kResultUnsupported, "no saver for this format");
  IMGRING_TRY(const VipsImagePtr memory, copy_to_memory(image, stop));
  const SaverCall call = call_of(*saver, memory.get(), params);
  if (params.shelter != nullptr && params.shelter->saves(type)) {
    auto there = params.shelter->save(memory.get(), type, call);
    if (there || params.shelter->saves(type)) return there;
  }
  return save_memory(memory.get(), type, call, stop);
}

Result<Bytes> save_png_by_vips(VipsImage* image, const StopFlag& stop) {
  constexpr Saver kBarePng{ImageType::kPng, "pngsave_target", bare_png_arguments};
  IMGRING_TRY(const VipsImagePtr ready, ready_for_png(image));
  IMGRING_TRY(const VipsImagePtr memory, copy_to_memory(ready.get(), stop));
  const StopsSave stops(memory.get(), stop);
  return run_saver(kBarePng, memory.get(), call_of(kBarePng, memory.get(), {}));
}

}  // namespace imgring::image

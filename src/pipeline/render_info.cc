// What the info endpoint tells of a source, in the order of info.md section 2: by its header, its
// file, and the pixels of a small picture of it.
// Owns what it opens for the length of the call. Helper threads only.
#include <algorithm>
#include <optional>
#include <string>

#include "../image/encoders.h"
#include "hashsum.h"
#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "imgring/format/headers.h"
#include "imgring/format/tiff_reader.h"
#include "imgring/info/blocks.h"
#include "imgring/info/json.h"
#include "info_pixels.h"
#include "load.h"
#include "rendition.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using image::VipsImagePtr;
using info::Json;

// One source, opened as far as the keys before needed it.
struct InfoSource {
  const RenderJob& job;
  const url::InfoOptions& wanted;
  const image::StopFlag& stop;
  image::Shelter* shelter;
  SourceFacts facts;   // of one frame
  VipsImagePtr image;  // header only; null: not opened, or a vector
  bool vector() const noexcept { return facts_of(job.source_type).vector; }
};

// Formats whose header, read here, is as good as libvips' word.
bool header_is_enough(const RenderJob& job) {
  const ImageType type = job.source_type;
  const bool simple =
      info::has_own_blocks(type) || type == ImageType::kGif || type == ImageType::kBmp;
  const bool whole = !info::has_own_blocks(type) || info::reaches_pixels(job.source, type);
  return simple && whole && format::facts_of_header(job.source, type, 1).has_value();
}

Result<void> read_facts_into(InfoSource* source) {
  const RenderJob& job = source->job;
  const url::InfoOptions& wanted = source->wanted;
  const bool asked = wanted.wants_file() || wanted.dimensions || wanted.wants_metadata();
  if (!asked) return {};
  const bool cut = job.info->cut;
  if (cut || (!wanted.wants_file() && header_is_enough(job))) {
    const auto facts = format::facts_of_header(job.source, job.source_type, 1);
    if (!facts) return fail(ErrorCode::kBrokenImage, "a header without a size");
    source->facts = *facts;
    return {};
  }
  const LoadRequest request = load_request_of(job, source->shelter, source->stop);
  if (source->vector()) {
    IMGRING_TRY(const Opened opened, open_source(request));
    source->facts = opened.facts;
    return {};
  }
  IMGRING_TRY(source->image, load_whole(request));
  source->facts = facts_of_image(source->image.get(), job.source_type, 1);
  return {};
}

info::MetadataBlocks blocks_of(const InfoSource& source) {
  const RenderJob& job = source.job;
  if (info::has_own_blocks(job.source_type) || source.image == nullptr) {
    return info::metadata_blocks(job.source, job.source_type);
  }
  const auto text = [&](const char* field) {
    return std::string(as_text(image::blob_of(source.image.get(), field)));
  };
  info::MetadataBlocks out = info::metadata_blocks(job.source, job.source_type);
  if (out.exif.empty()) out.exif = text(VIPS_META_EXIF_NAME);
  out.xmp = text(VIPS_META_XMP_NAME);
  out.iptc = text(VIPS_META_IPTC_NAME);
  out.photoshop = text(VIPS_META_PHOTOSHOP_NAME);
  return out;
}

// Of PNG, whose header alone does not say.
int orientation_in(const info::MetadataBlocks& blocks) noexcept {
  constexpr std::string_view kExifHead("Exif\0\0", 6);
  std::string_view block = blocks.exif;
  if (block.starts_with(kExifHead)) block.remove_prefix(kExifHead.size());
  return block.size() < 8 ? 1 : format::TiffReader(as_bytes(block)).orientation();
}

void tell_header(const InfoSource& source, const info::MetadataBlocks& blocks, Json* out) {
  const url::InfoOptions& wanted = source.wanted;
  const format::Format& format = facts_of(source.job.source_type);
  if (wanted.size) out->set("size", Json::number(source.job.info->size_bytes));
  if (wanted.format) {
    out->set("format", Json::text(format.name));
    out->set("mime_type", Json::text(format.mime));
  }
  if (wanted.dimensions) {
    const Size size = turned_size(source.facts, url::PixelOptions());
    out->set("width", Json::number(size.width));
    out->set("height", Json::number(size.height));
    out->set("orientation", Json::number(source.facts.orientation));
  }
  if (wanted.exif) {
    out->set("exif", info::exif_json(as_bytes(blocks.exif), wanted.exif_canonical_names));
  }
  if (wanted.iptc) {
    const info::PhotoshopBlock photoshop = info::photoshop_block(as_bytes(blocks.photoshop));
    const ByteSpan datasets = photoshop.iptc.empty() ? as_bytes(blocks.iptc) : photoshop.iptc;
    Json iptc = info::iptc_json(datasets);
    if (iptc.size() > 0) out->set("iptc", std::move(iptc));
    Json resolution = info::photoshop_json(photoshop.resolution);
    if (resolution.size() > 0) out->set("photoshop", std::move(resolution));
  }
  if (wanted.xmp) {
    Json xmp = info::xmp_json(as_bytes(blocks.xmp));
    if (xmp.size() > 0) out->set("xmp", std::move(xmp));
  }
}

const char* nick(GType type, int value) noexcept { return vips_enum_nick(type, value); }

// A vector is what it is drawn as.
void tell_file(const InfoSource& source, Json* out) {
  const url::InfoOptions& wanted = source.wanted;
  VipsImage* const image = source.image.get();
  if (wanted.colorspace) {
    const VipsInterpretation space =
        image == nullptr ? VIPS_INTERPRETATION_sRGB : vips_image_guess_interpretation(image);
    out->set("colorspace", Json::text(nick(VIPS_TYPE_INTERPRETATION, space)));
  }
  if (wanted.bands) {
    constexpr int kDrawnBands = 4;
    out->set("bands", Json::number(image == nullptr ? kDrawnBands : vips_image_get_bands(image)));
  }
  if (wanted.sample_format) {
    const VipsBandFormat samples =
        image == nullptr ? VIPS_FORMAT_UCHAR : vips_image_get_format(image);
    out->set("sample_format", Json::text(nick(VIPS_TYPE_BAND_FORMAT, samples)));
  }
  if (wanted.pages_number) out->set("pages_number", Json::number(source.facts.pages));
}

Result<void> tell_hashsums(const InfoSource& source, Json* out) {
  if (!source.wanted.wants_hashsums()) return {};
  Json sums = Json::object();
  for (std::size_t i = 0; i < kDigestKindCount; ++i) {
    if (!source.wanted.hashsums[i]) continue;
    const auto kind = static_cast<DigestKind>(i);
    IMGRING_TRY(const std::string digest, sum_of(source.job.source, kind, source.stop));
    sums.set(name_of(kind), Json::text(hex_encode(as_bytes(digest))));
  }
  out->set("hashsums", std::move(sums));
  return {};
}

}  // namespace

url::RequestOptions info_picture_options(const url::RequestOptions& request,
                                         const url::InfoOptions& wanted) {
  url::RequestOptions out;
  out.max_src_resolution = request.max_src_resolution;
  out.max_src_file_size_bytes = request.max_src_file_size_bytes;
  out.page = request.page;
  out.hashsum = request.hashsum;
  if (!wanted.wants_pixels()) {
    for (int i = 1; i < kImageTypeCount; ++i) out.skip_processing.add(static_cast<ImageType>(i));
    return out;
  }
  out.format = ImageType::kPng;  // holds alpha
  out.max_result_dimension = kInfoPictureSide;
  return out;
}

Result<RenderedImage> render_info(const RenderJob& job, const image::StopFlag& stop) {
  // Outlives the pictures that it gives.
  image::Shelter shelter({job.children, job.config->sandbox, &stop, job.memory_bytes});
  InfoSource source{job, *job.info->options, stop, &shelter, {}, nullptr};
  if (!job.abilities.can_load(job.source_type)) {
    return fail(ErrorCode::kSourceUnsupported, "no loader for this format");
  }
  IMGRING_TRY_VOID(read_facts_into(&source));
  if (source.wanted.wants_pixels()) {
    IMGRING_TRY_VOID(check_resolution(source.facts, 1, *job.options));
  }
  info::MetadataBlocks blocks;
  if (source.wanted.wants_metadata() || source.wanted.dimensions) blocks = blocks_of(source);
  // Where libvips was not asked.
  const bool png = job.source_type == ImageType::kPng;
  if (png && source.image == nullptr) source.facts.orientation = orientation_in(blocks);
  Json out = Json::object();
  tell_header(source, blocks, &out);
  tell_file(source, &out);
  IMGRING_TRY_VOID(
      tell_pixels({job, source.wanted, stop, &shelter, source.facts, source.image.get()}, &out));
  IMGRING_TRY_VOID(tell_hashsums(source, &out));
  RenderedImage answer;
  answer.type = job.source_type;
  answer.bytes = Bytes::of(out.write());
  return answer;
}

}  // namespace imgring::pipeline

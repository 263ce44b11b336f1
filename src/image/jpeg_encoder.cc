// JPEG by libjpeg-turbo from pulled rows: the same bytes as the libvips saver with Q, optimised
// Huffman tables, optional progression and automatic subsampling. The tables of a sequential file
// are ours (codec/jpeg_codes.h). libjpeg reports errors by longjmp: the functions that call it hold
// no C++ object with a destructor.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "encoders.h"
#include "exif_block.h"
#include "imgring/codec/jpeg_codes.h"
#include "jpeg_tables.h"
#include "operation.h"
#include "row_puller.h"

#include <jerror.h>
#include <jpeglib.h>  // after cstdio, which it wants

namespace imgring::image {
namespace {

constexpr int kFullChromaFromQuality = 90;  // libvips' automatic subsampling
constexpr std::size_t kMarkerBytesMax = 65533, kXmpBytesMax = 60000;
constexpr std::size_t kIccOverheadBytes = 14;
constexpr std::size_t kFirstRoomBytes = 4096;  // of the file; doubled when it is full
constexpr std::string_view kXmpName{"http://ns.adobe.com/xap/1.0/\0", 29};

struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool out_of_memory;
};

// Of malloc(), and at any time whoever frees `bytes` frees all. jpeg_mem_dest() tells of a buffer
// that grew only with the last byte: who gives up before has the one that it freed.
struct Encoder {
  jpeg_compress_struct jpeg;
  ErrorManager errors;
  jpeg_destination_mgr into;
  unsigned char* bytes;
  std::size_t room_bytes, size_bytes;
};

struct Setup {
  int width, height, bands, quality;
  J_COLOR_SPACE space;
  bool progressive, full_chroma;
  int quant_table;
  bool refit;  // plain codes first, and those that fit when all is there
};

void on_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  errors->out_of_memory = errors->base.msg_code == JERR_OUT_OF_MEMORY;
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}
void on_message(j_common_ptr) {}

void make_room(j_compress_ptr jpeg, std::size_t room_bytes) {
  auto* e = static_cast<Encoder*>(jpeg->client_data);
  auto* const bytes = static_cast<unsigned char*>(std::realloc(e->bytes, room_bytes));
  if (bytes == nullptr) ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
  e->into.next_output_byte = bytes + e->room_bytes;
  e->into.free_in_buffer = room_bytes - e->room_bytes;
  e->bytes = bytes;
  e->room_bytes = room_bytes;
}
void begin_file(j_compress_ptr jpeg) { make_room(jpeg, kFirstRoomBytes); }
boolean go_on(j_compress_ptr jpeg) {
  make_room(jpeg, 2 * static_cast<Encoder*>(jpeg->client_data)->room_bytes);
  return TRUE;
}
void end_file(j_compress_ptr jpeg) {
  auto* e = static_cast<Encoder*>(jpeg->client_data);
  e->size_bytes = e->room_bytes - e->into.free_in_buffer;
}

void put_codes(const codec::JpegCodes& codes, JHUFF_TBL* table) noexcept {
  std::copy(codes.counts.begin(), codes.counts.end(), table->bits);
  std::copy(codes.symbols.begin(), codes.symbols.end(), table->huffval);
  table->sent_table = FALSE;
}

bool start(Encoder* e, const Setup* setup) noexcept {
  e->jpeg.err = jpeg_std_error(&e->errors.base);
  e->errors.base.error_exit = on_error;
  e->errors.base.output_message = on_message;
  if (setjmp(e->errors.back) != 0) return false;
  jpeg_create_compress(&e->jpeg);
  e->jpeg.client_data = e;
  e->into.init_destination = begin_file;
  e->into.empty_output_buffer = go_on;
  e->into.term_destination = end_file;
  e->jpeg.dest = &e->into;
  e->jpeg.image_width = static_cast<JDIMENSION>(setup->width);
  e->jpeg.image_height = static_cast<JDIMENSION>(setup->height);
  e->jpeg.input_components = setup->bands;
  e->jpeg.in_color_space = setup->space;
  jpeg_set_defaults(&e->jpeg);
  e->jpeg.optimize_coding = setup->refit ? FALSE : TRUE;
  for (int i = 0; setup->refit && i < 2; ++i) {
    put_codes(codec::plain_jpeg_codes(codec::JpegSymbols::kDc), e->jpeg.dc_huff_tbl_ptrs[i]);
    put_codes(codec::plain_jpeg_codes(codec::JpegSymbols::kAc), e->jpeg.ac_huff_tbl_ptrs[i]);
  }
  jpeg_set_quality(&e->jpeg, setup->quality, TRUE);
  if (setup->quant_table > 0) {
    const int scale = jpeg_quality_scaling(setup->quality);
    const JpegTables& tables = jpeg_tables(setup->quant_table);
    jpeg_add_quant_table(&e->jpeg, 0, tables.luma, scale, TRUE);
    jpeg_add_quant_table(&e->jpeg, 1, tables.chroma, scale, TRUE);
  }
  if (setup->progressive) jpeg_simple_progression(&e->jpeg);
  if (setup->full_chroma) {
    for (int band = 0; band < setup->bands; ++band) {
      e->jpeg.comp_info[band].h_samp_factor = 1;
      e->jpeg.comp_info[band].v_samp_factor = 1;
    }
  }
  e->jpeg.write_JFIF_header = FALSE;  // the EXIF block holds the resolution
  jpeg_start_compress(&e->jpeg, TRUE);
  return true;
}

struct Segment {
  int marker;
  const std::uint8_t* head;
  std::size_t head_bytes;
  const std::uint8_t* data;
  std::size_t data_bytes;
};

bool put_segment(Encoder* e, const Segment* segment) noexcept {
  if (setjmp(e->errors.back) != 0) return false;
  jpeg_write_m_header(&e->jpeg, segment->marker,
                      static_cast<unsigned>(segment->head_bytes + segment->data_bytes));
  for (std::size_t i = 0; i < segment->head_bytes; ++i) {
    jpeg_write_m_byte(&e->jpeg, segment->head[i]);
  }
  for (std::size_t i = 0; i < segment->data_bytes; ++i) {
    jpeg_write_m_byte(&e->jpeg, segment->data[i]);
  }
  return true;
}

bool put_rows(Encoder* e, const Strip* strip) noexcept {
  if (setjmp(e->errors.back) != 0) return false;
  JSAMPROW rows[kStripRows];
  for (int i = 0; i < strip->row_count; ++i) {
    // libjpeg does not write to its input; the type is not const.
    const std::size_t offset = static_cast<std::size_t>(i) * strip->stride_bytes;
    rows[i] = const_cast<JSAMPROW>(strip->first + offset);
  }
  jpeg_write_scanlines(&e->jpeg, rows, static_cast<JDIMENSION>(strip->row_count));
  return true;
}

bool finish(Encoder* e) noexcept {
  if (setjmp(e->errors.back) != 0) return false;
  jpeg_finish_compress(&e->jpeg);
  return true;
}

codec::JpegMcus mcus_of(const jpeg_compress_struct& jpeg) noexcept {
  codec::JpegMcus mcus;
  mcus.count = static_cast<std::int64_t>(jpeg.MCUs_per_row) * jpeg.MCU_rows_in_scan;
  if (jpeg.num_components > 1) {
    mcus.first_blocks = jpeg.comp_info[0].h_samp_factor * jpeg.comp_info[0].v_samp_factor;
    mcus.other_blocks = 2;
  }
  return mcus;
}

// Owns the libjpeg state; the C functions above do the calls that may jump.
class JpegWriter {
 public:
  JpegWriter() noexcept : encoder_(static_cast<Encoder*>(std::calloc(1, sizeof(Encoder)))) {}
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  ~JpegWriter() {
    if (encoder_ == nullptr) return;
    if (started_) jpeg_destroy_compress(&encoder_->jpeg);
    std::free(encoder_->bytes);
    std::free(encoder_);
  }

  Result<void> begin(const Setup& setup) {
    if (encoder_ == nullptr) return fail(ErrorCode::kOverloaded, "no memory for the encoder");
    started_ = true;
    refit_ = setup.refit;
    return checked(start(encoder_, &setup));
  }
  Result<void> segment(int marker, std::string_view head, ByteSpan data) {
    const Segment s{marker, reinterpret_cast<const std::uint8_t*>(head.data()), head.size(),
                    data.data(), data.size()};
    return checked(put_segment(encoder_, &s));
  }
  Result<void> rows(const Strip& strip) { return checked(put_rows(encoder_, &strip)); }
  Result<Bytes> end() {
    IMGRING_TRY_VOID(checked(finish(encoder_)));
    Bytes bytes = Bytes::of_malloc(encoder_->bytes, encoder_->size_bytes);
    encoder_->bytes = nullptr;
    return refit_ ? codec::refit_jpeg(bytes.span(), mcus_of(encoder_->jpeg)) : std::move(bytes);
  }

 private:
  Result<void> checked(bool ok) const {
    if (ok) return {};
    if (encoder_->errors.out_of_memory) {
      return fail(ErrorCode::kOverloaded, "no memory for the encoded picture");
    }
    // imgproxy answers 422 to libjpeg's complaints, e.g. a side above 65500.
    return fail(ErrorCode::kBrokenImage, std::string("VipsJpeg: ") + encoder_->errors.message);
  }

  Encoder* encoder_;
  bool started_ = false, refit_ = false;
};

Result<void> put_profile(JpegWriter* writer, ByteSpan profile) {
  constexpr std::size_t kPart = kMarkerBytesMax - kIccOverheadBytes;
  const std::size_t count = (profile.size() + kPart - 1) / kPart;
  if (count > 255) return {};  // the count is one byte; no real profile is 16 MB
  for (std::size_t i = 0; i < count; ++i) {
    std::string head("ICC_PROFILE\0", 12);
    head.push_back(static_cast<char>(i + 1));
    head.push_back(static_cast<char>(count));
    const ByteSpan part = profile.subspan(i * kPart, std::min(kPart, profile.size() - i * kPart));
    IMGRING_TRY_VOID(writer->segment(JPEG_APP0 + 2, head, part));
  }
  return {};
}

// In the order of the libvips saver. Too long for one segment: left out, as there.
Result<void> put_metadata(JpegWriter* writer, VipsImage* image) {
  const std::vector<std::uint8_t> exif = plain_exif_block(image);
  if (exif.size() <= kMarkerBytesMax) {
    IMGRING_TRY_VOID(writer->segment(JPEG_APP0 + 1, {}, exif));
  }
  const ByteSpan xmp = blob_of(image, VIPS_META_XMP_NAME);
  if (!xmp.empty() && xmp.size() <= kXmpBytesMax) {
    IMGRING_TRY_VOID(writer->segment(JPEG_APP0 + 1, kXmpName, xmp));
  }
  const ByteSpan iptc = blob_of(image, VIPS_META_IPTC_NAME);
  if (!iptc.empty() && iptc.size() <= kMarkerBytesMax) {
    IMGRING_TRY_VOID(writer->segment(JPEG_APP0 + 13, {}, iptc));
  }
  return put_profile(writer, fitting_profile(image));
}

J_COLOR_SPACE space_of(VipsImage* image) noexcept {
  if (vips_image_get_bands(image) == 1) return JCS_GRAYSCALE;
  return vips_image_get_bands(image) == 3 ? JCS_RGB : JCS_CMYK;
}

}  // namespace

bool can_pull_jpeg(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  const int bands = vips_image_get_bands(image);
  if (vips_image_get_coding(image) != VIPS_CODING_NONE) return false;
  if (vips_image_get_format(image) != VIPS_FORMAT_UCHAR || !has_plain_exif(image)) return false;
  if (bands == 1) return type == VIPS_INTERPRETATION_B_W;
  if (bands == 3) return type == VIPS_INTERPRETATION_sRGB;
  return bands == 4 && type == VIPS_INTERPRETATION_CMYK;
}

Result<Bytes> save_jpeg_rows(VipsImage* header, RowSource* rows, const SaveParams& params) {
  Setup setup{};
  setup.width = vips_image_get_width(header);
  setup.height = vips_image_get_height(header);
  setup.bands = vips_image_get_bands(header);
  setup.quality = params.quality;
  setup.space = space_of(header);
  setup.progressive = params.encoders.jpeg_progressive;
  setup.full_chroma = params.encoders.jpeg_no_subsample || params.quality >= kFullChromaFromQuality;
  setup.quant_table = params.encoders.jpeg_quant_table;
  // Inks, which are seldom, have other blocks.
  const std::int64_t sample_count = std::int64_t{setup.width} * setup.height * setup.bands;
  setup.refit = !setup.progressive && setup.bands <= 3 && codec::can_refit_jpeg() &&
                sample_count <= codec::kRefitSamplesMax;
  JpegWriter writer;
  IMGRING_TRY_VOID(writer.begin(setup));
  IMGRING_TRY_VOID(put_metadata(&writer, header));
  for (int top = 0; top < setup.height;) {
    IMGRING_TRY(const Strip strip, rows->pull(top));
    IMGRING_TRY_VOID(writer.rows(strip));
    top += strip.row_count;
  }
  return writer.end();
}

Result<Bytes> save_jpeg(VipsImage* image, const SaveParams& params, const StopFlag& stop) {
  VipsImagePtr inverted;
  VipsImage* pixels = image;
  if (space_of(image) == JCS_CMYK) {
    // libjpeg adds an Adobe marker, with which CMYK is stored inverted.
    IMGRING_TRY(inverted, Operation("invert").set("in", image).image());
    pixels = inverted.get();
  }
  RowPuller rows(pixels, stop);
  return save_jpeg_rows(image, &rows, params);
}

}  // namespace imgring::image

// One walk over the chunks says what is left out; the stream made of it walks again
// and leaves it out, so that nothing of the file is copied.
#include "imgring/format/png_view.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "imgring/base/byte_reader.h"

namespace imgring::format {
namespace {

constexpr std::size_t kSignatureBytes = 8, kFrameBytes = 12;  // length, name and checksum

struct Chunk {
  std::size_t at = 0, size_bytes = 0;  // size of what is in it
  std::string_view name;
  std::size_t end() const noexcept { return at + kFrameBytes + size_bytes; }
  // A small first letter.
  bool ancillary() const noexcept { return (name[0] & 0x20) != 0; }
  bool profile() const noexcept { return name == "iCCP"; }
  bool packed_text() const noexcept { return name == "zTXt" || name == "iTXt"; }
  // Palettes that are only suggested count with them: a decoder keeps them all.
  bool text() const noexcept { return name == "tEXt" || name == "sPLT" || packed_text(); }
};

// What stands at `at`, which need not be all there.
std::optional<Chunk> chunk_at(ByteSpan s, std::size_t at) noexcept {
  const auto length = read_be(s, at, 4);
  const auto name = slice(s, at + 4, 4);
  if (!length || !name) return std::nullopt;
  return Chunk{at, *length, as_text(*name)};
}

// Bytes zlib makes of `packed`, stopping above the limit.
std::size_t inflated_bytes(ByteSpan packed, std::size_t limit_bytes) noexcept {
  z_stream z{};
  if (inflateInit(&z) != Z_OK) return 0;
  std::array<std::uint8_t, 8192> sink;
  z.next_in = const_cast<std::uint8_t*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  std::size_t made = 0;
  int state = Z_OK;
  while (state == Z_OK && made <= limit_bytes) {
    z.next_out = sink.data();
    z.avail_out = static_cast<uInt>(sink.size());
    state = inflate(&z, Z_NO_FLUSH);
    made += sink.size() - z.avail_out;
  }
  inflateEnd(&z);
  return made;
}

// Where the compressed part of an iCCP, zTXt or iTXt chunk starts; its size when there is none.
std::size_t packed_offset(std::string_view name, ByteSpan data) noexcept {
  std::size_t at = 0;
  while (at < data.size() && data[at] != 0) ++at;
  if (name != "iTXt") return std::min(at + 2, data.size());
  if (at + 3 > data.size() || data[at + 1] == 0) return data.size();
  at += 3;
  for (int strings = 0; strings < 2; ++strings) {
    while (at < data.size() && data[at] != 0) ++at;
    at = std::min(at + 1, data.size());
  }
  return at;
}

std::size_t decoded_bytes(const Chunk& chunk, ByteSpan data) noexcept {
  const bool packed = chunk.packed_text() || chunk.profile();
  if (!packed || data.size() > kPngChunkBytesMax) return data.size();
  const ByteSpan stream = data.subspan(packed_offset(chunk.name, data));
  return std::max(data.size(), inflated_bytes(stream, kPngChunkBytesMax));
}

// Judges the chunks one after the other.
class Judge {
 public:
  explicit Judge(PngView* view) noexcept : view_(*view) {}

  void look_at(const Chunk& chunk, ByteSpan data) {
    if (!chunk.ancillary()) return;
    if (chunk.text() && ++texts_ > kPngTextChunksMax) end_texts(chunk.at);
    const bool decoded = chunk.text() || chunk.profile();
    if (decoded && chunk.at >= (chunk.text() ? view_.texts_end : view_.profiles_end)) return;
    const std::size_t size_bytes = decoded_bytes(chunk, data);
    if (size_bytes > kPngChunkBytesMax) view_.left_out.push_back(chunk.at);
    if (!decoded) return;
    decoded_bytes_ += std::min(size_bytes, kPngChunkBytesMax);
    if (decoded_bytes_ <= kPngChunksBytesMax) return;
    end_texts(chunk.at);
    view_.profiles_end = std::min(view_.profiles_end, chunk.at);
  }

 private:
  void end_texts(std::size_t at) noexcept { view_.texts_end = std::min(view_.texts_end, at); }

  PngView& view_;
  int texts_ = 0;
  std::size_t decoded_bytes_ = 0;
};

bool is_left_out(const PngView& view, const Chunk& chunk) noexcept {
  if (chunk.text() && chunk.at >= view.texts_end) return true;
  if (chunk.profile() && chunk.at >= view.profiles_end) return true;
  return std::binary_search(view.left_out.begin(), view.left_out.end(), chunk.at);
}

}  // namespace

PngView view_png(ByteSpan source) {
  PngView view;
  view.bytes = source;
  Judge judge(&view);
  std::size_t at = kSignatureBytes;
  while (const auto chunk = chunk_at(source, at)) {
    const auto data = slice(source, at + 8, chunk->size_bytes);
    if (!data) {
      // libpng takes memory for the length, before it finds out; for pixels it does not.
      if (chunk->ancillary()) view.bytes = source.first(at);
      return view;
    }
    judge.look_at(*chunk, *data);
    at = chunk->end();
    if (chunk->name != "IEND") continue;
    view.bytes = source.first(std::min(at, source.size()));
    return view;
  }
  return view;
}

CodedColours png_says(ByteSpan source) noexcept {
  constexpr int kChunksMax = 1000;  // it stands before the pixels
  std::size_t at = kSignatureBytes;
  for (int i = 0; i < kChunksMax; ++i) {
    const auto chunk = chunk_at(source, at);
    if (!chunk || chunk->name == "IDAT" || chunk->size_bytes > source.size()) break;
    const auto data = slice(source, at + 8, 4);
    if (chunk->name == "cICP" && chunk->size_bytes == 4 && data) {
      const bool rgb = (*data)[2] == 0 && (*data)[3] == 1;  // all of its range
      return rgb ? CodedColours{(*data)[0], (*data)[1]} : CodedColours{};
    }
    at = chunk->end();
  }
  return {};
}

PngViewStream::PngViewStream(PngView view) noexcept
    : view_(std::move(view)), piece_end_(std::min(kSignatureBytes, view_.bytes.size())) {}

std::size_t PngViewStream::read(void* into, std::size_t size_bytes) noexcept {
  while (at_ == piece_end_ && at_ < view_.bytes.size()) next_piece();
  const std::size_t count = std::min(size_bytes, piece_end_ - at_);
  if (count > 0) std::memcpy(into, view_.bytes.data() + at_, count);
  at_ += count;
  return count;
}

void PngViewStream::next_piece() noexcept {
  const auto chunk = chunk_at(view_.bytes, at_);
  piece_end_ = chunk ? std::min(chunk->end(), view_.bytes.size()) : view_.bytes.size();
  if (chunk && is_left_out(view_, *chunk)) at_ = piece_end_;
}

}  // namespace imgring::format

// Decoders of AV1 and HEVC for libheif before 1.19, which makes colours of all that a decoder gives
// it, at the picture's own size. Here the one who asked is given the decoder's planes, tile after
// tile, and libheif a pixel to go on with. They are libheif's first choice on a thread where
// somebody asked, and unknown to it elsewhere.
// Owns nothing that outlives a call but their registration. Helper threads, and the child.
// Source: libheif's interface of decoder plugins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "heif_pointers.h"
#include "imgring/base/text.h"

namespace imgring::image {

// 8 bits a sample. Good until the call that it is an argument of returns.
struct CodedPlane {
  const std::uint8_t* first = nullptr;
  std::size_t stride = 0;
  int width = 0, height = 0;
};
struct CodedPicture {
  std::array<CodedPlane, 3> planes;  // Y, Cb, Cr; of a grey one Y alone
  bool grey = false;
  int matrix = 2;  // H.273, table 4, by the coded picture itself
  bool full_range = false;
};

class PieceTaker {
 public:
  // In the file's order. False: decode no more.
  virtual bool take(const CodedPicture& piece) = 0;

 protected:
  ~PieceTaker() = default;
};

enum class PieceError {
  kNotForUs,  // libheif may read it all the same, or say what is wrong
  kTooLarge,  // a coded picture is larger than its header says, and was not decoded
};
// Decodes the primary picture of a file whose coded pictures are of `width` by `height`.
// Nothing from libheif's own threads: tiles are decoded one by one on the calling thread.
std::expected<void, PieceError> decode_pieces(ByteSpan source, std::uint32_t width,
                                              std::uint32_t height, PieceTaker* taker);

// As libheif decodes it, with all that its file says of turns and cuts.
struct HeifWanted {
  heif_colorspace space;
  heif_chroma chroma;
  std::optional<int> threads;  // 0: this one; nothing: as libheif has it
};
// Null: alpha, other than 8 bits, or not decoded.
HeifImagePtr decode_primary(ByteSpan source, const HeifWanted& wanted);
// libheif makes colours of what it decodes, and the two above are there.
bool makes_colours() noexcept;
// Once, before anything is decoded.
void register_piece_decoders() noexcept;

}  // namespace imgring::image

// Fuzz target: our deflate. The first byte says how much it is given at a time. What it checks:
// what libdeflate unpacks is what was packed.
#include <libdeflate.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "imgring/base/check.h"
#include "imgring/codec/png_writer.h"
#include "target.h"

FUZZ_TARGET(deflate) {
  using namespace imgring;
  if (size < 1) return 0;
  // Few inputs are as long as the window: some are repeated until they are.
  const std::size_t repeats = data[0] % 64 == 0 ? 1 + 100'000 / size : 1;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < repeats; ++i) bytes.insert(bytes.end(), data + 1, data + size);
  codec::PngOutput out(std::realloc);
  codec::PngDeflate deflate(std::realloc, out);
  IMGRING_CHECK(deflate.begin());
  const std::size_t step = 1 + std::size_t{data[0]} * 37;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    deflate.add(ByteSpan(bytes).subspan(at, std::min(step, bytes.size() - at)));
  }
  deflate.end();
  IMGRING_CHECK(!out.failed());
  const Bytes packed = out.take();
  std::vector<std::uint8_t> back(bytes.size() + 1);
  std::size_t back_bytes = 0;
  libdeflate_decompressor* unpacker = libdeflate_alloc_decompressor();
  const libdeflate_result result = libdeflate_deflate_decompress(
      unpacker, packed.span().data(), packed.span().size(), back.data(), back.size(), &back_bytes);
  libdeflate_free_decompressor(unpacker);
  IMGRING_CHECK(result == LIBDEFLATE_SUCCESS);
  back.resize(back_bytes);
  IMGRING_CHECK(back == bytes);
  return 0;
}

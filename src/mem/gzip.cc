// libdeflate for answers, zlib for sources.
#include "imgring/mem/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <utility>

#include "imgring/base/check.h"

namespace imgring::mem {
namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const noexcept { libdeflate_free_compressor(c); }
};

constexpr int kGzipWindow = 15 + 16;  // 32 KiB window, gzip framing only

}  // namespace

// With no compressor the bound holds for every level.
std::size_t gzip_bound(std::size_t size_bytes) noexcept {
  return libdeflate_gzip_compress_bound(nullptr, size_bytes);
}

Result<std::size_t> gzip_compress(int level, ByteSpan input, std::span<std::uint8_t> out) {
  IMGRING_CHECK(level >= 1);
  IMGRING_CHECK(level <= 9);
  // Some hundred KiB that are not cleared: cheap beside the work, and no idle memory per thread.
  std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(level));
  if (!compressor) return fail(ErrorCode::kOverloaded, "no memory for a compressor");
  return libdeflate_gzip_compress(compressor.get(), input.data(), input.size(), out.data(),
                                  out.size());
}

Gunzip::Gunzip() noexcept = default;
Gunzip::~Gunzip() = default;
Gunzip::Gunzip(Gunzip&&) noexcept = default;
Gunzip& Gunzip::operator=(Gunzip&&) noexcept = default;

void Gunzip::End::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

Result<void> Gunzip::start() {
  auto* stream = new (std::nothrow) z_stream();
  if (stream == nullptr) return fail(ErrorCode::kOverloaded, "no memory for inflate");
  stream_.reset(stream);
  if (inflateInit2(stream, kGzipWindow) == Z_OK) return {};
  stream_.reset();
  return fail(ErrorCode::kOverloaded, "no memory for inflate");
}

Result<Gunzip::Step> Gunzip::step(ByteSpan input, std::span<std::uint8_t> out) {
  if (failed_) return fail(ErrorCode::kTypeReadFailed, "gzip: used after an error");
  if (!stream_) IMGRING_TRY_VOID(start());
  const std::size_t in_size = std::min(input.size(), kGunzipStepBytesMax);
  const std::size_t out_size = std::min(out.size(), kGunzipStepBytesMax);
  std::uint8_t nowhere = 0;  // zlib wants an address even for no room
  // zlib 1.2 takes a pointer to non-const and does not write there.
  stream_->next_in = const_cast<std::uint8_t*>(input.data());
  stream_->avail_in = static_cast<unsigned>(in_size);
  stream_->next_out = out_size > 0 ? out.data() : &nowhere;
  stream_->avail_out = static_cast<unsigned>(out_size);

  Result<void> result = run_inflate();
  const Step step{.consumed_bytes = in_size - stream_->avail_in,
                  .produced_bytes = out_size - stream_->avail_out,
                  .needs_input = in_size == input.size() && stream_->avail_in == 0 &&
                                 (between_members_ || stream_->avail_out > 0)};
  consumed_ += step.consumed_bytes;
  produced_ += step.produced_bytes;
  if (result && produced_ > kGunzipRatioFromBytes && produced_ / kGunzipRatioMax > consumed_) {
    result = fail(ErrorCode::kSourceTooLarge, "gzip: more than 1000 bytes out of one");
  }
  if (result) return step;
  failed_ = true;
  stream_.reset();
  return std::unexpected(std::move(result).error());
}

// Until the input or the room ends.
Result<void> Gunzip::run_inflate() {
  for (;;) {
    if (between_members_) {
      if (stream_->avail_in == 0) return {};
      inflateReset(stream_.get());
      between_members_ = false;
    }
    switch (inflate(stream_.get(), Z_NO_FLUSH)) {
      case Z_OK: break;
      case Z_STREAM_END: between_members_ = true; break;
      case Z_BUF_ERROR:  // no more input or no more room: the ordinary end of a step
        return {};
      case Z_MEM_ERROR:  // the window is allocated late
        return fail(ErrorCode::kOverloaded, "no memory for inflate");
      default:
        return fail(ErrorCode::kTypeReadFailed,
                    std::string("gzip: ") + (stream_->msg ? stream_->msg : "damaged"));
    }
  }
}

Result<void> Gunzip::finish() const {
  if (between_members_ && !failed_) return {};
  return fail(ErrorCode::kSourceIncomplete, "gzip: the body ends inside a member");
}

}  // namespace imgring::mem

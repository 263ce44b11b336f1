// gzip: whole answers with libdeflate, sources step by step with zlib.
// Owns: the inflate state of one body. Touch: compressing on any thread; a Gunzip by one thread at
// a time.
// Promises: a step never makes more than 32 KiB, and hostile input is an Error, never unbounded
// work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "imgring/base/error.h"
#include "imgring/base/text.h"

struct z_stream_s;

namespace imgring::mem {

// The room that gzip_compress always fits into; the size to ask the gzip pool for.
std::size_t gzip_bound(std::size_t size_bytes) noexcept;
// Bytes written to out; 0 when it did not fit, which with out as long as the input means: does not
// pay. level 1..9.
Result<std::size_t> gzip_compress(int level, ByteSpan input, std::span<std::uint8_t> out);

// One turn of the loop (decision 11): a larger out is used up to this, and a larger input too, so
// that members that come to nothing cost no longer turn.
inline constexpr std::size_t kGunzipStepBytesMax = 32 * 1024;
// Decoded bytes from which the ratio counts, and the ratio (hardening.md section 3).
inline constexpr std::uint64_t kGunzipRatioFromBytes = 16 << 20;
inline constexpr std::uint64_t kGunzipRatioMax = 1000;

class Gunzip {
 public:
  Gunzip() noexcept;
  ~Gunzip();
  Gunzip(Gunzip&&) noexcept;
  Gunzip& operator=(Gunzip&&) noexcept;

  struct Step {
    std::size_t consumed_bytes;
    std::size_t produced_bytes;
    bool needs_input;  // all input was read and everything it gives has been written
  };
  // Call again with the rest of the input, and room, until needs_input. Members follow each other
  // as in Go's reader: anything but another member behind one is an error. kTypeReadFailed: not
  // gzip or damaged; kSourceTooLarge: the ratio; kOverloaded: no memory.
  Result<Step> step(ByteSpan input, std::span<std::uint8_t> out);
  // At the end of the body: kSourceIncomplete unless it ended with a member.
  Result<void> finish() const;
  std::uint64_t consumed_bytes() const noexcept { return consumed_; }
  std::uint64_t produced_bytes() const noexcept { return produced_; }

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  Result<void> start();
  Result<void> run_inflate();

  std::unique_ptr<z_stream_s, End> stream_;
  std::uint64_t consumed_ = 0;
  std::uint64_t produced_ = 0;
  bool between_members_ = false;  // at least one is complete and the next has not begun
  bool failed_ = false;
};

}  // namespace imgring::mem

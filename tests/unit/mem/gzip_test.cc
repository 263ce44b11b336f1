// Tests of src/mem/gzip.cc: round trips, cut, damaged and hostile sources.
#include "imgring/mem/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace imgring::mem {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes text_like(std::size_t size_bytes) {
  std::mt19937 random(1);
  Bytes bytes(size_bytes);
  const std::string_view alphabet = "<svg path=\"0123456789\"/>";
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(alphabet[random() % alphabet.size()]);
  return bytes;
}

Bytes noise(std::size_t size_bytes) {
  std::mt19937 random(2);
  Bytes bytes(size_bytes);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

Bytes compress(ByteSpan input, int level = 6) {
  Bytes out(gzip_bound(input.size()));
  const Result<std::size_t> size = gzip_compress(level, input, out);
  EXPECT_TRUE(size.has_value());
  EXPECT_GT(*size, 0u);
  out.resize(*size);
  return out;
}

struct Unpacked {
  Bytes bytes;
  std::optional<Error> error{};
};

// Feeds pieces of piece_bytes and gives room_bytes of room at a time.
struct Feed {
  std::size_t piece_bytes = 32 * 1024;
  std::size_t room_bytes = 32 * 1024;
};
Unpacked unpack(ByteSpan input, Feed feed = {}) {
  Gunzip gunzip;
  Unpacked out;
  Bytes room(feed.room_bytes);
  while (!input.empty()) {
    ByteSpan piece = input.first(std::min(feed.piece_bytes, input.size()));
    input = input.subspan(piece.size());
    for (bool more = true; more;) {
      const Result<Gunzip::Step> step = gunzip.step(piece, room);
      if (!step) {
        out.error = step.error();
        return out;
      }
      EXPECT_LE(step->produced_bytes, kGunzipStepBytesMax);
      EXPECT_TRUE(step->consumed_bytes + step->produced_bytes > 0 || step->needs_input);
      out.bytes.insert(out.bytes.end(), room.begin(), room.begin() + step->produced_bytes);
      piece = piece.subspan(step->consumed_bytes);
      more = !step->needs_input;
    }
    EXPECT_TRUE(piece.empty());
  }
  if (const Result<void> end = gunzip.finish(); !end) out.error = end.error();
  return out;
}

// Zeros as zlib packs them: 1027:1, near the most that deflate can (libdeflate's are 989:1).
Bytes bomb(std::size_t size_bytes) {
  Bytes zeros(size_bytes), out(gzip_bound(size_bytes));
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = zeros.data();
  stream.avail_in = static_cast<unsigned>(zeros.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

TEST(Gzip, EveryLevelComesBack) {
  const Bytes input = text_like(300'000);
  for (int level = 1; level <= 9; ++level) {
    SCOPED_TRACE(level);
    const Bytes packed = compress(input, level);
    EXPECT_LT(packed.size(), input.size());
    const Unpacked out = unpack(packed);
    EXPECT_FALSE(out.error);
    EXPECT_EQ(out.bytes, input);
  }
}

TEST(Gzip, AnySplitOfInputAndRoomGivesTheSame) {
  const Bytes input = text_like(5000);
  const Bytes packed = compress(input);
  for (const std::size_t piece : {1, 2, 7, 100, 100'000}) {
    for (const std::size_t room : {1, 3, 64, 5000, 100'000}) {
      SCOPED_TRACE(std::to_string(piece) + "/" + std::to_string(room));
      const Unpacked out = unpack(packed, {.piece_bytes = piece, .room_bytes = room});
      EXPECT_FALSE(out.error);
      EXPECT_EQ(out.bytes, input);
    }
  }
}

TEST(Gzip, NoiseFitsTheBoundAndNotItself) {
  const Bytes input = noise(100'000);
  EXPECT_EQ(unpack(compress(input)).bytes, input);
  Bytes small(input.size());
  const Result<std::size_t> size = gzip_compress(6, input, small);
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(*size, 0u);
  EXPECT_EQ(*gzip_compress(6, input, {}), 0u);
}

TEST(Gzip, EmptyInputRoundTrips) {
  const Unpacked out = unpack(compress({}));
  EXPECT_FALSE(out.error);
  EXPECT_TRUE(out.bytes.empty());
}

TEST(Gunzip, MembersFollowEachOther) {
  const Bytes a = text_like(1000), b = noise(1000);
  Bytes packed = compress(a), expected = a;
  append(packed, compress({}));
  append(packed, compress(b));
  append(expected, b);
  for (const std::size_t piece : {1, 50, 100'000}) {
    const Unpacked out = unpack(packed, {.piece_bytes = piece});
    EXPECT_FALSE(out.error);
    EXPECT_EQ(out.bytes, expected);
  }
}

TEST(Gunzip, CutBodyIsIncompleteAtEveryLength) {
  const Bytes packed = compress(text_like(500));
  EXPECT_EQ(Gunzip().finish().error().code, ErrorCode::kSourceIncomplete);
  for (std::size_t size = 1; size < packed.size(); ++size) {
    SCOPED_TRACE(size);
    const Unpacked out = unpack(ByteSpan(packed).first(size));
    ASSERT_TRUE(out.error);
    EXPECT_EQ(out.error->code, ErrorCode::kSourceIncomplete);
  }
}

TEST(Gunzip, NeitherDamageNorGarbagePasses) {
  const Bytes packed = compress(text_like(500));
  struct Case {
    std::string_view name;
    Bytes bytes;
  };
  std::vector<Case> cases;
  cases.push_back({"not gzip", text_like(100)});
  cases.push_back({"zeros", Bytes(100)});
  cases.push_back({"checksum", packed});
  cases.back().bytes[packed.size() - 8] ^= 1;
  cases.push_back({"length", packed});
  cases.back().bytes[packed.size() - 1] ^= 1;
  cases.push_back({"method", packed});
  cases.back().bytes[2] = 7;
  cases.push_back({"reserved flags", packed});
  cases.back().bytes[3] = 0xE0;
  cases.push_back({"garbage behind", packed});
  append(cases.back().bytes, text_like(20));
  cases.push_back({"zeros behind", packed});
  append(cases.back().bytes, Bytes(20));
  cases.push_back({"zlib framing", Bytes(compressBound(500))});
  uLongf size = cases.back().bytes.size();
  const Bytes plain = text_like(500);
  ASSERT_EQ(::compress(cases.back().bytes.data(), &size, plain.data(), plain.size()), Z_OK);
  cases.back().bytes.resize(size);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Unpacked out = unpack(c.bytes);
    ASSERT_TRUE(out.error);
    EXPECT_EQ(out.error->code, ErrorCode::kTypeReadFailed);
  }
}

TEST(Gunzip, ABitFlipAnywhereNeverHangsOrGrows) {
  const Bytes packed = compress(text_like(2000));
  for (std::size_t i = 0; i < packed.size() * 8; ++i) {
    Bytes bytes = packed;
    bytes[i / 8] ^= static_cast<std::uint8_t>(1 << (i % 8));
    EXPECT_LT(unpack(bytes).bytes.size(), 2'000'000u);
  }
}

TEST(Gunzip, StaysFailed) {
  Gunzip gunzip;
  Bytes room(100);
  EXPECT_FALSE(gunzip.step(Bytes(50), room).has_value());
  EXPECT_FALSE(gunzip.step(compress(text_like(50)), room).has_value());
  EXPECT_FALSE(gunzip.finish().has_value());
}

TEST(Gunzip, BombStopsSoonAfter16MiB) {
  const Bytes packed = bomb(64 << 20);
  ASSERT_GT((64 << 20) / packed.size(), kGunzipRatioMax) << "the bomb is one";
  Gunzip gunzip;
  Bytes room(kGunzipStepBytesMax);
  ByteSpan rest = packed;
  for (int steps = 0; steps < 100'000; ++steps) {
    const Result<Gunzip::Step> step = gunzip.step(rest, room);
    if (!step) {
      EXPECT_EQ(step.error().code, ErrorCode::kSourceTooLarge);
      EXPECT_GT(gunzip.produced_bytes(), kGunzipRatioFromBytes);
      EXPECT_LE(gunzip.produced_bytes(), kGunzipRatioFromBytes + 2 * kGunzipStepBytesMax);
      return;
    }
    rest = rest.subspan(step->consumed_bytes);
    ASSERT_FALSE(step->needs_input) << "it came out whole";
  }
  FAIL() << "no end";
}

TEST(Gunzip, ManyEmptyMembersCostInputNotTime) {
  const Bytes empty = compress({});
  Bytes packed;
  for (int i = 0; i < 20'000; ++i) append(packed, empty);
  Gunzip gunzip;
  Bytes room(10);
  const Result<Gunzip::Step> step = gunzip.step(packed, room);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->consumed_bytes, kGunzipStepBytesMax) << "a turn ends here";
  EXPECT_FALSE(step->needs_input);
  EXPECT_TRUE(unpack(packed).bytes.empty());
}

TEST(Gunzip, TheTrailerNeedsNoRoom) {
  const Bytes input = text_like(1000);
  const Bytes packed = compress(input);
  Gunzip gunzip;
  Bytes room(1000);
  const Result<Gunzip::Step> step = gunzip.step(packed, room);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->produced_bytes, 1000u);
  const Result<Gunzip::Step> last = gunzip.step(ByteSpan(packed).subspan(step->consumed_bytes), {});
  ASSERT_TRUE(last.has_value());
  EXPECT_TRUE(last->needs_input);
  EXPECT_TRUE(gunzip.finish().has_value());
}

TEST(Gunzip, MovesInTheMiddle) {
  const Bytes input = text_like(1000);
  const Bytes packed = compress(input);
  Bytes room(2000);
  Gunzip first;
  const Result<Gunzip::Step> a = first.step(ByteSpan(packed).first(100), room);
  ASSERT_TRUE(a.has_value());
  Gunzip second = std::move(first);
  const Result<Gunzip::Step> b = second.step(ByteSpan(packed).subspan(a->consumed_bytes),
                                             std::span(room).subspan(a->produced_bytes));
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(a->produced_bytes + b->produced_bytes, 1000u);
  EXPECT_TRUE(second.finish().has_value());
}

}  // namespace
}  // namespace imgring::mem

// What a child process is for: one row for each kind of work that is done shut in, and the values
// that go there and back. The sandbox knows no kind by itself. Whoever has such work makes its row
// (image/sandbox_kinds.h); server and child are one program, and find it by its name.
// Values, any thread; a row lives as long as the process. `prepare` and Work run in the child, on
// its main thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "imgring/base/error.h"
#include "imgring/base/stop.h"
#include "imgring/base/text.h"

namespace imgring::sandbox {

// Addresses of a child, where its kind names no other limit.
inline constexpr std::uint64_t kAddressBytesMax = std::uint64_t{1} << 30;

// What the bytes beside a question or an answer are. All of one message stand in one memory file.
// kFields: what is known of a picture beside its pixels, as the kind writes it.
enum class Part : std::uint8_t { kSource, kPixels, kResult, kFields, kEnd };
inline constexpr std::size_t kPartCount = static_cast<std::size_t>(Part::kEnd);

template <class T>
struct Parts {
  std::array<T, kPartCount> all{};
  T& operator[](Part part) noexcept { return all[static_cast<std::size_t>(part)]; }
  const T& operator[](Part part) const noexcept { return all[static_cast<std::size_t>(part)]; }
};

// Of the picture that a message is about: one page of it.
struct Picture {
  std::int32_t width = 0, height = 0;
  std::int32_t pages = 1;
  std::int32_t bands = 0;
};

// A small struct that only the kind knows, without pointers.
class Numbers {
 public:
  static constexpr std::size_t kBytesMax = 64;
  Numbers() = default;
  template <class T>
  explicit Numbers(const T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kBytesMax);
    std::memcpy(bytes_.data(), &value, sizeof value);
  }
  template <class T>
  T as() const noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kBytesMax);
    T value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }

 private:
  std::array<std::byte, kBytesMax> bytes_{};
};

struct Facts {
  Picture picture;
  Numbers numbers;
};

// A question, on both sides. The bytes of the first one of a job are there until the job ends,
// those of a later one until it is answered.
struct Request {
  Facts facts;
  Parts<ByteSpan> parts;
  std::size_t room_bytes = 0;      // that the parts of the answer may take
  std::uint32_t seconds_max = 0;   // for the whole job; the pool says
  const StopFlag* stop = nullptr;  // in the child: set when the server gives the job up
};

// Rows of a picture as they lie in memory.
struct Rows {
  const std::uint8_t* first = nullptr;
  std::size_t row_bytes = 0, stride_bytes = 0;
  int row_count = 0;
};

// Where the child writes the parts of its answer: a file of the size that the server gave.
class Room {
 public:
  Room() = default;
  Room(int fd, std::size_t size_bytes) noexcept : fd_(fd), size_bytes_(size_bytes) {}
  // A part is written in as many pieces as there are, before the next begins; parts stand in the
  // order of their enumeration. An error when there is no room.
  Result<void> append(Part part, ByteSpan bytes);
  Result<void> append(Part part, const Rows& rows);
  const Parts<std::uint64_t>& part_bytes() const noexcept { return part_bytes_; }

 private:
  Result<std::uint64_t> place_for(Part part, std::uint64_t bytes);
  int fd_ = -1;
  std::size_t size_bytes_ = 0;
  Parts<std::uint64_t> part_bytes_;
};

// One job in the child: a source, and what was asked about it so far.
class Work {
 public:
  virtual ~Work() = default;
  virtual Result<Facts> answer(const Request& request, Room& room) = 0;
};

struct Kind {
  std::string_view name;        // an argument of the child, and the end of its process's name
  struct Texts {                // of errors
    std::string_view does;      // "the child that ...": draws SVGs
    std::string_view does_one;  // draws this SVG
    std::string_view one;       // SVG
    std::string_view broken;    // SVGs can't be drawn
  } texts;
  // What a child is believed to say of a source; any other error is kBrokenImage.
  std::span<const ErrorCode> errors;
  // System calls that it may make beside those of every child (call_filter.cc).
  std::span<const int> calls;
  // Variables that are handed down beside languages and folders of libraries, and settings.
  std::span<const char* const> inherited;
  std::span<const char* const> environment;
  // Sources from here on are worked on one after the other. 0: side by side.
  std::size_t large_bytes = 0;
  // Its limit of addresses, and the most that a job is granted; a gigabyte.
  std::uint64_t address_bytes_max = kAddressBytesMax;
  // Threads of libraries: the processors that they see at most, the times of which a job may take
  // the seconds of, and the addresses that they reserve beside what a job is granted.
  unsigned threads_max = 1;
  std::uint64_t thread_address_bytes = 0;
  // Descriptors beside those that it has when it is ready: two come with a question, and libraries
  // read kept files. One that was taken over could keep memory files that nobody counts.
  unsigned descriptors_max = 8;
  // Where no child can be shut in, its work is done in the server (decision 42): what pool and log
  // say of it is a warning.
  bool dispensable = false;
  // It looks at Request::stop: it is told to stop, and has kStopTime before it is killed.
  bool stoppable = false;
  // Whatever needs files, before it shuts itself in; null: nothing does.
  Result<void> (*prepare)() = nullptr;
  std::unique_ptr<Work> (*begin)() = nullptr;
};

}  // namespace imgring::sandbox

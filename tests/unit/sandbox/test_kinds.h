// Kinds of work of the tests' own. The test program is their child, too: it is started again with
// the name of one (test_program.cc).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "imgring/sandbox/kind.h"

namespace imgring::sandbox::test {

// Gives back what it gets, the source of its first question as the result.
extern const Kind kEcho;
// Does what the question's number says.
enum class Whim : std::uint32_t {
  kNothing,
  kAbort,
  kFault,
  kExit,
  kLoop,
  kNoRoom,      // writes more than there is room for
  kBrokenSvg,   // an error that is believed
  kForbidden,   // and one that is not
  kGreedy,      // takes 512 MiB of addresses; a bad_alloc ends it
  kObedient,    // goes on until it is told to stop
  kProcessors,  // says how many processors it sees
};
extern const Kind kFickle;
// The same, and it can be told to stop; it sees two processors at most.
extern const Kind kPolite;
// Tries what a child may not do. The answer's number is the errno, 0 where it went well.
enum class Try : std::uint32_t {
  kReadFile,
  kReadKeptFile,
  kWriteKeptFile,
  kMakeFile,
  kLookAtFile,
  kRemoveFile,
  kSocket,
  kUnixSocket,
  kFork,
  kProgram,
  kSignalServer,
  kTrace,
  kReadServer,
  kRing,
  kCodeMemory,
  kCodeLater,
  kCodeOfFile,
  kRaiseAddresses,
  kMuchMemory,
  kWriteSource,
  kGrowSource,
  kShrinkSource,
  kMapSourceForWriting,
  kGrowRoom,
  kShrinkRoom,
  kUnsealRoom,
  kParentsId,  // a call that no child makes
  kManyDescriptors,
  kEnd,
};
extern const Kind kPrisoner;
// The same, but may ask for its parent's id.
extern const Kind kTrusty;
// Says what it finds of a variable whose name is the source.
extern const Kind kCurious;
// Can't get ready.
extern const Kind kUnready;

// Found by its size among the descriptors of the child.
inline constexpr std::size_t kTriedSourceBytes = 12345;
inline constexpr std::size_t kTriedRoomBytes = 3 * 4096;
// What a prisoner keeps.
inline constexpr const char* kKeptFile = "/proc/version";

std::span<const Kind* const> test_kinds();

}  // namespace imgring::sandbox::test

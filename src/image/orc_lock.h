// One at a time through the code memory of Orc, the compiler behind libvips' vector loops.
// Owns: one mutex of the process. Any thread; init_vips calls guard_orc once, before the first
// helper.
// Promises: two helpers that set up or free vector loops at the same time do not meet in Orc's
// lists of memory, which it changes without a lock (0.4.33; many small resizes at once ended the
// process). Later libvips has no Orc: then nothing here is ever called.
#pragma once

namespace imgring::image {

// Keeps the functions of orc_lock.cc in the program, where libvips finds them before Orc's own.
void guard_orc() noexcept;

}  // namespace imgring::image

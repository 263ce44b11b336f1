// The levels of processors that Highway does not compile our loops for, as each file's
// HWY_DISABLED_TARGETS. SSSE3 without SSE4 is older than 2008, levels above the first AVX-512 bring
// nothing that our loops use, and SVE has no size. Each level is a second of compiling.
#pragma once

#define IMGRING_LEVELS_OFF_OF_ALL \
  (HWY_SSSE3 | (HWY_AVX3 - 1) | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
// What a sanitizer finds it finds in registers of each size: SSE4's are SSE2's. There each level is
// half a minute.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IMGRING_LEVELS_OFF (IMGRING_LEVELS_OFF_OF_ALL | HWY_SSE4)
#else
#define IMGRING_LEVELS_OFF IMGRING_LEVELS_OFF_OF_ALL
#endif

// Without inlining one function looks up the tables of all files: they have to have the same
// levels.
#ifdef __OPTIMIZE__
// Registers above 32 bytes bring nothing for sets of 16 lanes.
#define IMGRING_LEVELS_OFF_OF_SETS (IMGRING_LEVELS_OFF | (HWY_AVX2 - 1))
// No registers at all: AVX2 stands for BMI2, which has come with it, and the lowest for all others.
#define IMGRING_LEVELS_OFF_OF_BITS (IMGRING_LEVELS_OFF_OF_SETS | HWY_SSE4)
#else
#define IMGRING_LEVELS_OFF_OF_SETS IMGRING_LEVELS_OFF
#define IMGRING_LEVELS_OFF_OF_BITS IMGRING_LEVELS_OFF
#endif

// Instruction sets that SIMD code is compiled for; include before hwy/foreach_target.h or hwy/highway.h.
// Few on purpose: every one costs compile time and size. The baseline (scalar or emulated) is always built.
#pragma once

#define HWY_DISABLED_TARGETS \
  (~(HWY_SCALAR | HWY_EMU128 | HWY_SSE4 | HWY_AVX2 | HWY_AVX3 | HWY_NEON))  // NOLINT(hicpp-signed-bitwise)

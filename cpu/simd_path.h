// Which instruction set kernels are chosen from: the best one of the machine, or of those up to the one that
// LINNET_SIMD names. Results differ between them in the last bits, so naming one makes machines agree, and
// lets one machine show what another would do.
#pragma once

namespace linnet::cpu {

/// To be called before a kernel is chosen; only the first call counts. Throws Error where LINNET_SIMD names
/// none that this build has.
void limit_simd_path();

}  // namespace linnet::cpu

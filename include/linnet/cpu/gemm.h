// The matrix product as a ladder to read and to time: the textbook's loops, the same cut into cache blocks,
// and what matmul() runs. docs/performance.md climbs it, `linnet bench gemm` times the rungs side by side.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <linnet/core/ndarray.h>

namespace linnet {

enum class GemmAlgorithm : uint8_t {
  Naive,    ///< Three loops, an element of the result after the other.
  Blocked,  ///< Loops in an order that runs along rows, over blocks that stay in a cache; no intrinsics.
  Tuned,    ///< The library's own, as matmul(a, b): packed panels, register tiles, threads.
};
/// "naive", "blocked", "tuned".
const char* name(GemmAlgorithm algorithm);
/// Throws Error for an unknown name, listing those there are.
GemmAlgorithm gemm_algorithm(const std::string& name);
/// All of them, the slowest first.
std::span<const GemmAlgorithm> gemm_algorithms();

/// a (M, K) b (K, N), float32 or float64, computed in that dtype, with any strides; K = 0 gives zeros. Naive
/// and Blocked use the calling thread only. Throws Error unless both are matrices on the CPU of one dtype and
/// one K.
NDArray matmul(const NDArray& a, const NDArray& b, GemmAlgorithm algorithm);

}  // namespace linnet

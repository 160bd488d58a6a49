// Random numbers, counter-based: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011), keyed by a seed and a stream. The same draw gives the same bits on every
// device, at any thread count and vector width.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>

namespace linnet {

class NDArray;

/// One Philox block: four 32-bit words from a 128-bit counter and a 64-bit key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A position in a random sequence. Copyable; thread-safe; drawing moves the position on.
class Generator {
 public:
  /// Streams of one seed are independent sequences.
  explicit Generator(uint64_t seed = 0, uint64_t stream = 0);
  Generator(const Generator& other);
  Generator& operator=(const Generator& other);

  uint64_t seed() const;
  uint64_t stream() const;
  /// Blocks (of four words) drawn so far; together with seed and stream the whole state.
  uint64_t position() const;
  void set_position(uint64_t blocks);

  /// Takes the next `blocks` blocks and returns the first one's index.
  uint64_t reserve(uint64_t blocks);

  uint32_t next_u32();
  /// Uniform in [0, 1), 53 bits.
  double next_uniform();
  /// Uniform in [0, bound), without bias. bound >= 1.
  uint64_t next_below(uint64_t bound);
  /// 0 ... n-1 in random order.
  std::vector<int64_t> permutation(int64_t n);

 private:
  mutable std::mutex mutex_;
  uint64_t seed_;
  uint64_t stream_;
  uint64_t position_ = 0;
};

/// The generator that initialisers and the functions below use. One for the process.
Generator& default_generator();
/// Restarts the default generator at `seed`.
void manual_seed(uint64_t seed);

/// Uniform in [0, 1).
NDArray random_uniform(const Shape& shape, DType dtype = DType::Float32, Device device = default_device());
/// Standard normal, by inversion of the distribution function.
NDArray random_normal(const Shape& shape, DType dtype = DType::Float32, Device device = default_device());
/// Uniform integers in [low, high).
NDArray random_integers(int64_t low, int64_t high, const Shape& shape, DType dtype = DType::Int64,
                        Device device = default_device());

}  // namespace linnet

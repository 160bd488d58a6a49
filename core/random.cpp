// Generators, and arrays of random numbers. An array takes whole Philox blocks from the default generator, so
// what one draw leaves unused is skipped.
#include <linnet/core/random.h>

#include <numeric>

#include <linnet/core/ndarray.h>
#include "core/fail.h"
#include "core/operands.h"
#include "core/philox.h"
#include "core/stand_in.h"

namespace linnet {
namespace {

/// An array drawn from the next blocks of the default generator.
NDArray draw(RandomSpec spec, const Shape& shape, DType dtype, Device device) {
  NDArray out = NDArray::empty(shape, dtype, device);
  if (Backend* const stand_in = StandIn::active()) {  // draws nothing, so the generator stays where it is
    stand_in->random(spec, {}, result_view(out));
    return out;
  }
  const bool word_each = dtype == DType::Float32 && spec.kind != RandomKind::Integers;
  const uint64_t per_block = word_each ? 4 : 2;
  const uint64_t blocks = (static_cast<uint64_t>(out.numel()) + per_block - 1) / per_block;
  Generator& generator = default_generator();
  spec.seed = generator.seed();
  spec.stream = generator.stream();
  const auto first = static_cast<int64_t>(generator.reserve(blocks));
  const NDArray counter = NDArray::scalar(first, DType::Int64, device);
  device.backend().random(spec, counter.read_view(), result_view(out));
  return out;
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  const philox::Block block =
      philox::philox4x32_10({{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]);
  return {block.word[0], block.word[1], block.word[2], block.word[3]};
}

Generator::Generator(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}

Generator::Generator(const Generator& other) {
  const std::lock_guard lock(other.mutex_);
  seed_ = other.seed_;
  stream_ = other.stream_;
  position_ = other.position_;
}

Generator& Generator::operator=(const Generator& other) {
  if (this == &other) return *this;
  const Generator copy(other);
  const std::lock_guard lock(mutex_);
  seed_ = copy.seed_;
  stream_ = copy.stream_;
  position_ = copy.position_;
  return *this;
}

uint64_t Generator::seed() const {
  const std::lock_guard lock(mutex_);
  return seed_;
}

uint64_t Generator::stream() const {
  const std::lock_guard lock(mutex_);
  return stream_;
}

uint64_t Generator::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

void Generator::set_position(uint64_t blocks) {
  const std::lock_guard lock(mutex_);
  position_ = blocks;
}

uint64_t Generator::reserve(uint64_t blocks) {
  const std::lock_guard lock(mutex_);
  const uint64_t first = position_;
  position_ += blocks;
  return first;
}

// A single number takes a whole block, so that position() is the whole state.
uint32_t Generator::next_u32() {
  const std::lock_guard lock(mutex_);
  return philox::block(seed_, stream_, position_++).word[0];
}

double Generator::next_uniform() {
  const std::lock_guard lock(mutex_);
  return philox::uniform_double(philox::block(seed_, stream_, position_++).bits64(0));
}

uint64_t Generator::next_below(uint64_t bound) {
  check(bound >= 1, "random", "next_below(0) has no number to give; expected a bound of at least 1");
  // Products whose low half is below 2^64 mod bound are the surplus that would favour some results: D.
  // Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019).
  const uint64_t surplus = (0 - bound) % bound;
  const std::lock_guard lock(mutex_);
  for (;;) {
    const uint64_t bits = philox::block(seed_, stream_, position_++).bits64(0);
    if (bits * bound >= surplus) return philox::multiply_high(bits, bound);
  }
}

std::vector<int64_t> Generator::permutation(int64_t n) {
  check(n >= 0, "random", "a permutation of {} numbers; expected at least 0", n);
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[next_below(i)]);
  return order;
}

Generator& default_generator() {
  static Generator& generator = *new Generator;
  return generator;
}

void manual_seed(uint64_t seed) {
  default_generator() = Generator(seed);
}

NDArray random_uniform(const Shape& shape, DType dtype, Device device) {
  require_floating("random_uniform", dtype);
  return draw({RandomKind::Uniform, 0, 0}, shape, dtype, device);
}

NDArray random_normal(const Shape& shape, DType dtype, Device device) {
  require_floating("random_normal", dtype);
  return draw({RandomKind::Normal, 0, 0}, shape, dtype, device);
}

NDArray random_integers(int64_t low, int64_t high, const Shape& shape, DType dtype, Device device) {
  check(low < high, "random_integers", "no integer in [{}, {}); expected low < high", low, high);
  check(Scalar(low).fits(dtype) && Scalar(high - 1).fits(dtype), "random_integers",
        "integers in [{}, {}) do not fit {}; choose a wider dtype", low, high, name(dtype));
  return draw({RandomKind::Integers, 0, 0, low, high}, shape, dtype, device);
}

}  // namespace linnet

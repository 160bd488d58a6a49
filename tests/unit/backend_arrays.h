// Arrays for testing backends directly: any dtype and layout, elements read and written as double in
// row-major order of the logical shape. The memory around the elements is filled with a pattern, so a write
// outside them shows.
#pragma once

#include <gtest/gtest.h>
#include <linnet/cpu/threads.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "core/view.h"

namespace linnet::test {

enum class Order { Dense, Reversed, Sliced, Broadcast };
inline constexpr Order kWritable[] = {Order::Dense, Order::Reversed, Order::Sliced};
inline constexpr Order kReadable[] = {Order::Dense, Order::Reversed, Order::Sliced, Order::Broadcast};
inline constexpr DType kAllTypes[] = {DType::Float32, DType::Float64, DType::Int32,
                                      DType::Int64,   DType::UInt8,   DType::Bool};
inline constexpr DType kFloatTypes[] = {DType::Float32, DType::Float64};

inline const Shape kShapes[] = {{}, {1}, {5}, {0}, {4, 5}, {3, 0, 2}, {1, 7, 1, 3}, {2, 1, 3, 1, 2, 1, 1, 2}};

/// Calls f(T{}) with the type that elements of a dtype are stored in.
template <class F>
auto with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Float32:
      return f(float{});
    case DType::Float64:
      return f(double{});
    case DType::Int32:
      return f(int32_t{});
    case DType::Int64:
      return f(int64_t{});
    default:
      return f(uint8_t{});
  }
}

class TestArray {
 public:
  TestArray(DType dtype, const Shape& shape, Order order = Order::Dense)
      : dtype_(dtype), shape_(shape), strides_(shape), offset_(order == Order::Sliced ? 3 : 0) {
    int64_t step = order == Order::Sliced ? 2 : 1;
    const int rank = shape.rank();
    for (int i = 0; i < rank; ++i) {
      const int d = order == Order::Reversed ? i : rank - 1 - i;
      const bool repeats = order == Order::Broadcast && d % 2 == 0;
      strides_[d] = repeats ? 0 : step;
      if (!repeats) step *= order == Order::Sliced ? 2 * shape[d] + 1 : shape[d];
    }
    bytes_.assign((static_cast<size_t>(step) + 8) * size_of(dtype), kPattern);
  }
  /// With elements f(i), i counting in row-major order.
  TestArray(DType dtype, const Shape& shape, Order order, const std::function<double(int64_t)>& f)
      : TestArray(dtype, shape, order) {
    for (int64_t i = 0; i < numel(); ++i) set(i, f(i));
  }

  View view() { return {bytes_.data() + byte_of(0), dtype_, shape_, strides_}; }
  int64_t numel() const { return shape_.product(); }
  const Shape& shape() const { return shape_; }
  const std::vector<unsigned char>& bytes() const { return bytes_; }

  double get(int64_t i) const {
    return with_type(dtype_, [&](auto value) {
      std::memcpy(&value, bytes_.data() + byte_of(i), sizeof value);
      return static_cast<double>(value);
    });
  }
  void set(int64_t i, double x) {
    with_type(dtype_, [&](auto value) {
      value = static_cast<decltype(value)>(x);
      std::memcpy(bytes_.data() + byte_of(i), &value, sizeof value);
    });
  }
  double at(const Dims& index) const { return get(linear(index)); }
  std::vector<double> values() const {
    std::vector<double> all;
    for (int64_t i = 0; i < numel(); ++i) all.push_back(get(i));
    return all;
  }

  /// Whether the memory that belongs to no element still has the pattern.
  bool clean_around() const {
    std::vector<bool> owned(bytes_.size());
    for (int64_t i = 0; i < numel(); ++i) {
      for (size_t b = 0; b < size_of(dtype_); ++b) owned[static_cast<size_t>(byte_of(i)) + b] = true;
    }
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if (!owned[i] && bytes_[i] != kPattern) return false;
    }
    return true;
  }

  /// Row-major number of an index, and back.
  int64_t linear(const Dims& index) const {
    int64_t i = 0;
    for (int d = 0; d < shape_.rank(); ++d) i = i * shape_[d] + index[d];
    return i;
  }
  Dims index(int64_t i) const {
    Dims result = shape_;
    for (int d = shape_.rank() - 1; d >= 0; --d) {
      result[d] = i % shape_[d];
      i /= shape_[d];
    }
    return result;
  }

 private:
  static constexpr unsigned char kPattern = 0xA5;

  int64_t byte_of(int64_t i) const {
    int64_t at = offset_;
    if (numel() > 0) {
      const Dims place = index(i);
      for (int d = 0; d < shape_.rank(); ++d) at += place[d] * strides_[d];
    }
    return at * static_cast<int64_t>(size_of(dtype_));
  }

  DType dtype_;
  Shape shape_;
  Strides strides_;
  int64_t offset_;
  std::vector<unsigned char> bytes_;
};

/// Small whole numbers of both signs (0 and 1 for bool, non-negative for uint8): exact in every dtype.
inline std::function<double(int64_t)> whole_numbers(DType dtype, int64_t seed = 0) {
  return [=](int64_t i) {
    const int64_t x = (i * 7 + seed * 5 + i / 3) % 11;
    if (dtype == DType::Bool) return static_cast<double>(x % 2);
    return static_cast<double>(dtype == DType::UInt8 ? x : x - 5);
  };
}

/// Numbers in (-2, 2) without a pattern.
inline std::function<double(int64_t)> fractions(int64_t seed = 0) {
  return [=](int64_t i) { return 2 * std::sin(static_cast<double>(i * 12 + seed * 77) * 0.7 + 0.3); };
}

/// Runs f with 1, 2 and 3 threads and expects the same bytes of it.
inline void expect_same_for_any_threads(const std::function<std::vector<unsigned char>()>& f) {
  const int before = num_threads();
  set_num_threads(1);
  const auto expected = f();
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    EXPECT_TRUE(f() == expected) << threads << " threads";
  }
  set_num_threads(before);
}

}  // namespace linnet::test

// Arrays for tests of the CPU kernels: memory of one's own under a View with any order of dimensions and any
// gaps, filled with reproducible values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "core/view.h"

namespace linnet::test {

/// How an array lies in memory: its dimensions from the slowest to the fastest, and the step of the fastest.
/// Above each dimension `gap` elements stay unused, as in a slice.
struct Placement {
  std::vector<int> order;  // empty: row-major
  int64_t step = 1;
  int64_t gap = 0;
};

template <class T>
class Array {
 public:
  explicit Array(const Shape& shape, const Placement& placement = {}, T value = T(0)) {
    std::vector<int> order = placement.order;
    for (int d = 0; order.size() < static_cast<size_t>(shape.rank()); ++d) order.push_back(d);
    view_.dtype = dtype_of<T>;
    view_.shape = shape;
    view_.strides = Dims::filled(shape.rank(), 1);
    int64_t size = placement.step;
    for (auto d = order.rbegin(); d != order.rend(); ++d) {
      view_.strides[*d] = size;
      size = size * std::max<int64_t>(shape[*d], 1) + placement.gap;
    }
    memory_.assign(static_cast<size_t>(size) + 1, value);
    view_.data = memory_.data();
  }
  Array(const Array& other) : memory_(other.memory_), view_(other.view_) { view_.data = memory_.data(); }
  Array& operator=(const Array&) = delete;

  /// Values in [-1, 1), the same for any placement.
  Array& randomize(uint32_t seed) {
    std::mt19937 random(seed);
    for_each([&](T& value) { value = static_cast<T>(static_cast<double>(random()) / 2147483648.0 - 1.0); });
    return *this;
  }

  const View& view() const { return view_; }
  std::vector<T>& memory() { return memory_; }

  template <class... Indices>
  T& operator()(Indices... indices) const {
    int64_t offset = 0;
    int d = 0;
    ((offset += indices * view_.strides[d++]), ...);
    return view_.template as<T>()[offset];
  }

  /// The elements in row-major order.
  std::vector<T> values() const {
    std::vector<T> values;
    for_each([&](T& value) { values.push_back(value); });
    return values;
  }

  /// Calls body(element) in row-major order.
  template <class F>
  void for_each(F&& body) const {
    const int64_t n = view_.numel();
    for (int64_t i = 0; i < n; ++i) {
      int64_t rest = i;
      int64_t offset = 0;
      for (int d = view_.rank() - 1; d >= 0; --d) {
        offset += rest % view_.shape[d] * view_.strides[d];
        rest /= view_.shape[d];
      }
      body(view_.template as<T>()[offset]);
    }
  }

 private:
  std::vector<T> memory_;
  View view_;
};

template <class T>
double epsilon() {
  return static_cast<double>(std::numeric_limits<T>::epsilon());
}

}  // namespace linnet::test

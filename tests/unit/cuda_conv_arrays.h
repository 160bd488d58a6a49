// Convolutions on the GPU and on the CPU for tests: operands in any order of memory, results poisoned
// beforehand, the CPU's direct loops as the reference. Tolerances as in cpu_conv_test.cpp: |error| <= 2
// sqrt(K) eps |reference| for sums of K products of random signs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/conv_phases.h"
#include "core/conv_textbook.h"
#include "cpu/conv.h"
#include "cuda/backend.h"
#include "cuda/conv.h"
#include "tests/unit/conv_operands.h"
#include "tests/unit/cuda_device.h"

namespace linnet::test {

// Logical NCHW (or OIHW) arrays in the orders of memory that occur: rows last, channels last, slices of both,
// images last, and one in which no dimension has unit stride.
inline const std::vector<Placement> kPlacements = {
    {},
    {{0, 2, 3, 1}, 1, 0},
    {{0, 1, 2, 3}, 1, 3},
    {{0, 2, 3, 1}, 1, 2},
    {{1, 0, 2, 3}, 1, 0},
    {{3, 0, 1, 2}, 2, 1},
};
inline constexpr ConvAlgorithm kAlgorithms[] = {ConvAlgorithm::Auto, ConvAlgorithm::Direct,
                                                ConvAlgorithm::Im2col, ConvAlgorithm::Implicit,
                                                ConvAlgorithm::DilateFlip};

inline CudaBackend& backend() {
  return static_cast<CudaBackend&>(device("cuda").backend());
}

/// A host array's memory on the GPU, gaps and all.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(const Array<T>& host) : host_(host), bytes_(host_.memory().size() * sizeof(T)) {
    memory_ = backend().allocate(bytes_);
    backend().copy_from_host(memory_, host_.memory().data(), bytes_);
  }
  ~OnDevice() { backend().deallocate(memory_, bytes_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  View view() const {
    View view = host_.view();
    view.data = memory_;
    return view;
  }
  Array<T> back() {
    backend().copy_to_host(host_.memory().data(), memory_, bytes_);
    return host_;
  }

 private:
  Array<T> host_;
  size_t bytes_;
  void* memory_;
};

template <class T>
constexpr T kPoison = std::numeric_limits<T>::quiet_NaN();

template <class T>
struct Results {
  Array<T> y, gx, gw;
};

template <class T>
Results<T> on_cpu(const Conv2dGeometry& g) {
  const Operands<T> o(g, {}, {});
  Results<T> r{Array<T>(g.output_shape()), Array<T>(g.input_shape()), Array<T>(g.filter_shape())};
  cpu::conv_direct::conv2d(g, o.x.view(), o.w.view(), o.bias.view(), r.y.view());
  cpu::conv_direct::conv2d_grad_input(g, o.gy.view(), o.w.view(), r.gx.view());
  cpu::conv_direct::conv2d_grad_weight(g, o.x.view(), o.gy.view(), r.gw.view());
  return r;
}

/// The three functions into poisoned results.
template <class T>
Results<T> on_cuda(const Conv2dGeometry& g, const Placement& image = {}, const Placement& filter = {}) {
  const Operands<T> o(g, image, filter);
  const OnDevice<T> x(o.x), w(o.w), bias(o.bias), gy(o.gy);
  OnDevice<T> y(Array<T>(g.output_shape(), image, kPoison<T>));
  OnDevice<T> gx(Array<T>(g.input_shape(), image, kPoison<T>));
  OnDevice<T> gw(Array<T>(g.filter_shape(), filter, kPoison<T>));
  backend().conv2d(g, x.view(), w.view(), bias.view(), y.view());
  if (g.algorithm == ConvAlgorithm::DilateFlip) {
    conv_textbook::grad_input(backend(), g, gy.view(), w.view(), gx.view());
    conv_textbook::grad_weight(backend(), g, x.view(), gy.view(), gw.view());
  } else if (g.algorithm == ConvAlgorithm::Implicit) {
    conv_phases::grad_input(backend(), g, gy.view(), w.view(), gx.view());
    backend().conv2d_grad_weight(g, x.view(), gy.view(), gw.view());
  } else {
    backend().conv2d_grad_input(g, gy.view(), w.view(), gx.view());
    backend().conv2d_grad_weight(g, x.view(), gy.view(), gw.view());
  }
  return {y.back(), gx.back(), gw.back()};
}

template <class T>
void expect_near(Array<T> array, const Array<T>& expected, int64_t terms, const char* what) {
  const std::vector<T> got = array.values();
  const std::vector<T> reference = expected.values();
  ASSERT_EQ(got.size(), reference.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(reference[i]), 2);
    norm += std::pow(static_cast<double>(reference[i]), 2);
  }
  const double tolerance = 2 * std::sqrt(static_cast<double>(terms)) * epsilon<T>() * std::sqrt(norm);
  EXPECT_LE(std::sqrt(error), tolerance) << what;
  const auto poison =
      std::count_if(array.memory().begin(), array.memory().end(), [](T value) { return std::isnan(value); });
  EXPECT_EQ(static_cast<size_t>(poison), array.memory().size() - got.size()) << what << ": gaps written to";
}

template <class T>
void expect_results_near(const Conv2dGeometry& g, const Results<T>& results, const Results<T>& expected) {
  expect_near(results.y, expected.y, g.channels_per_group() * g.R * g.S + 1, "forward");
  expect_near(results.gx, expected.gx, g.filters_per_group() * g.R * g.S, "grad_input");
  expect_near(results.gw, expected.gw, g.N * g.P * g.Q, "grad_weight");
}

template <class T>
void expect_same(const Results<T>& a, const Results<T>& b) {
  EXPECT_EQ(a.y.values(), b.y.values());
  EXPECT_EQ(a.gx.values(), b.gx.values());
  EXPECT_EQ(a.gw.values(), b.gw.values());
}

/// conv2d, then ReLU, against that in one pass: the same bits, gaps in memory and NaN included. Gives the
/// latter.
template <class T>
std::vector<T> expect_relu_same(const Conv2dGeometry& g, const Array<T>& image, const Array<T>& filters,
                                const View& bias, const Placement& placement = {}) {
  const OnDevice<T> x(image), w(filters);
  OnDevice<T> y(Array<T>(g.output_shape(), placement, T(7))),
      in_two(Array<T>(g.output_shape(), placement, T(7)));
  backend().conv2d(g, x.view(), w.view(), bias, in_two.view());
  backend().unary(UnaryKind::Relu, in_two.view(), in_two.view());
  backend().conv2d_relu(g, x.view(), w.view(), bias, y.view());
  Array<T> got = y.back(), expected = in_two.back();
  const size_t bytes = got.memory().size() * sizeof(T);
  EXPECT_EQ(std::memcmp(got.memory().data(), expected.memory().data(), bytes), 0)
      << (bias.defined() ? "bias" : "no bias");
  return got.values();
}

/// The same for random operands with a NaN among the pixels, with a bias and without.
template <class T>
void expect_relu_same(const Conv2dGeometry& g, const Placement& placement = {},
                      const Placement& filter = {}) {
  const Operands<T> o(g, placement, filter);
  if (o.x.view().numel() > 0) o.x(g.N - 1, 0, g.H / 2, g.W / 2) = kPoison<T>;
  const OnDevice<T> bias(o.bias);
  expect_relu_same(g, o.x, o.w, bias.view(), placement);
  expect_relu_same(g, o.x, o.w, View{}, placement);
}

inline Conv2dGeometry geometry(const Case& c, ConvAlgorithm algorithm) {
  Conv2dOptions options = c.options;
  options.algorithm = algorithm;
  return Conv2dGeometry::make(c.x, c.w, options);
}

/// A bound on columns while the object lives.
class ColumnBytes {
 public:
  explicit ColumnBytes(int64_t bytes) : before_(cuda::column_bytes()) { cuda::set_column_bytes(bytes); }
  ~ColumnBytes() { cuda::set_column_bytes(before_); }
  ColumnBytes(const ColumnBytes&) = delete;
  ColumnBytes& operator=(const ColumnBytes&) = delete;

 private:
  int64_t before_;
};

}  // namespace linnet::test

// The convolutions of the CPU: direct loops against contributions pushed one by one, the algorithms by
// products against direct loops, over geometries that are hard in one way or another. Tolerances are
// norm-wise: |error| <= 2 sqrt(K) eps |reference| for sums of K products of random signs.
#include "cpu/conv.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/conv_phases.h"
#include "cpu/backend.h"
#include "cpu/parallel.h"
#include "tests/unit/conv_operands.h"

namespace linnet::cpu {
namespace {

using test::Array;
using test::Case;
using test::epsilon;
using test::Operands;
using test::Placement;

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"plain", {2, 3, 6, 5}, {4, 3, 3, 2}, {}},
      {"one element", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
      {"1x1", {2, 5, 4, 3}, {6, 5, 1, 1}, {}},
      {"1x1 with stride", {2, 5, 5, 4}, {3, 5, 1, 1}, {.stride = {2, 3}}},
      {"1x1 with padding", {1, 2, 3, 4}, {3, 2, 1, 1}, {.padding = {1, 2}}},
      {"same", {2, 3, 7, 8}, {4, 3, 3, 3}, {.padding = 1}},
      {"stride with leftovers", {2, 3, 10, 9}, {4, 3, 3, 3}, {.stride = {3, 2}}},
      {"stride beyond the kernel", {2, 2, 11, 13}, {3, 2, 2, 3}, {.stride = {5, 4}}},
      {"tiles", {2, 3, 8, 6}, {4, 3, 2, 2}, {.stride = 2}},
      {"tiles with padding", {2, 32, 14, 14}, {16, 32, 2, 2}, {.stride = 2, .padding = 1}},
      {"padding beyond the kernel", {1, 2, 3, 4}, {3, 2, 2, 2}, {.padding = {3, 4}}},
      {"asymmetric padding", {2, 2, 5, 6}, {3, 2, 3, 3}, {.stride = 2, .padding = {0, 3, 2, 1}}},
      {"kernel beyond the image", {2, 2, 2, 3}, {3, 2, 4, 5}, {.padding = 2}},
      {"kernel is the image", {3, 4, 5, 3}, {6, 4, 5, 3}, {}},
      {"dilation", {2, 2, 9, 10}, {3, 2, 3, 2}, {.dilation = {2, 3}}},
      {"dilation and stride",
       {2, 3, 12, 11},
       {2, 3, 3, 3},
       {.stride = {2, 3}, .padding = {2, 1}, .dilation = {3, 2}}},
      {"groups", {2, 6, 6, 5}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}},
      {"depthwise", {2, 5, 6, 7}, {5, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 5}},
      {"depthwise, whole vectors", {2, 16, 9, 24}, {16, 1, 3, 3}, {.padding = 1, .groups = 16}},
      {"depthwise, stride and dilation",
       {3, 19, 11, 21},
       {19, 1, 3, 2},
       {.stride = {2, 3}, .padding = {1, 2}, .dilation = {2, 3}, .groups = 19}},
      {"depthwise, asymmetric padding", {2, 9, 6, 33}, {9, 1, 5, 4}, {.padding = {0, 3, 4, 1}, .groups = 9}},
      {"depthwise, padding beyond the kernel", {1, 8, 4, 16}, {8, 1, 2, 2}, {.padding = {3, 4}, .groups = 8}},
      {"depthwise, stride beyond the kernel", {2, 8, 11, 13}, {8, 1, 2, 3}, {.stride = {5, 4}, .groups = 8}},
      {"depthwise, many images", {35, 4, 5, 5}, {4, 1, 3, 3}, {.groups = 4}},
      {"depthwise, two filters a channel", {1, 4, 5, 5}, {8, 1, 2, 2}, {.groups = 4}},
      {"many channels, narrow image", {3, 40, 4, 3}, {33, 40, 3, 3}, {.padding = 1}},
      {"several bands", {2, 24, 40, 19}, {5, 24, 3, 3}, {.padding = {2, 0, 1, 1}}},
      {"several bands a row", {1, 300, 2, 250}, {3, 300, 2, 3}, {.padding = {0, 1}}},
      {"several bands, channels last", {1, 60, 60, 37}, {4, 60, 3, 3}, {.stride = {2, 1}, .padding = 1}},
      {"wide row, more channels", {1, 400, 1, 240}, {2, 400, 1, 3}, {.padding = {0, 1}}},
      {"1x1, channels beyond pixels", {3, 21, 4, 5}, {10, 21, 1, 1}, {}},
      {"whole vectors of pixels", {2, 5, 9, 24}, {6, 5, 3, 3}, {.padding = {0, 1}}},
      {"several panels of filters, the last one narrow", {5, 5, 9, 24}, {27, 5, 3, 3}, {.padding = {0, 1}}},
      {"rows longer than a panel", {1, 2, 3, 1100}, {3, 2, 2, 3}, {.stride = {1, 2}}},
      {"channels a power of two", {2, 128, 5, 6}, {9, 128, 2, 3}, {.padding = 1}},
      {"many images", {70, 4, 9, 9}, {20, 4, 3, 3}, {}},
      {"many images, one channel", {67, 1, 14, 14}, {32, 1, 2, 2}, {.stride = 2}},
      {"3x3", {2, 16, 9, 10}, {16, 16, 3, 3}, {.padding = 1}},
      {"3x3, whole tiles", {2, 32, 10, 14}, {48, 32, 3, 3}, {}},
      {"3x3, no whole vectors", {3, 21, 6, 7}, {19, 21, 3, 3}, {.padding = {0, 2, 1, 0}}},
      {"3x3, fewer outputs than a tile", {5, 17, 4, 3}, {33, 17, 3, 3}, {}},
      {"3x3, padding beyond the kernel", {1, 16, 3, 4}, {16, 16, 3, 3}, {.padding = {3, 4}}},
      {"3x3, several blocks of channels", {2, 270, 6, 6}, {18, 270, 3, 3}, {.padding = 1}},
      {"3x3, many images", {70, 16, 5, 5}, {16, 16, 3, 3}, {.padding = 1}},
      {"3x3, rows of more tiles than a panel", {1, 16, 3, 1100}, {17, 16, 3, 3}, {}},
  };
  return all;
}

// Logical NCHW (or OIHW) arrays in the orders of memory that occur: rows last, channels last, slices of both,
// and one in which no dimension has unit stride.
const std::vector<Placement> kPlacements = {
    {}, {{0, 2, 3, 1}, 1, 0}, {{0, 1, 2, 3}, 1, 3}, {{0, 2, 3, 1}, 1, 2}, {{3, 0, 1, 2}, 2, 1},
};

constexpr ConvAlgorithm kKernels[] = {ConvAlgorithm::Auto, ConvAlgorithm::Direct, ConvAlgorithm::Im2col,
                                      ConvAlgorithm::Implicit, ConvAlgorithm::Winograd};

struct Expected {
  std::vector<double> y, gx, gw;
};

// All three functions at once: each product of the sum goes to the places it belongs to.
template <class T>
Expected push(const Conv2dGeometry& g, const Array<T>& x, const Array<T>& w, const Array<T>& bias,
              const Array<T>& gy) {
  Array<double> y(g.output_shape());
  Array<double> gx(g.input_shape());
  Array<double> gw(g.filter_shape());
  for (int64_t n = 0; n < g.N; ++n) {
    for (int64_t c = 0; c < g.C; ++c) {
      for (int64_t h = 0; h < g.H; ++h) {
        for (int64_t v = 0; v < g.W; ++v) {
          for (int64_t r = 0; r < g.R; ++r) {
            for (int64_t s = 0; s < g.S; ++s) {
              const int64_t up = h + g.pad_top - r * g.dilation_h;
              const int64_t left = v + g.pad_left - s * g.dilation_w;
              if (up < 0 || left < 0 || up % g.stride_h != 0 || left % g.stride_w != 0) continue;
              const int64_t p = up / g.stride_h;
              const int64_t q = left / g.stride_w;
              if (p >= g.P || q >= g.Q) continue;
              const int64_t group = c / g.channels_per_group();
              for (int64_t k = group * g.filters_per_group(); k < (group + 1) * g.filters_per_group(); ++k) {
                const int64_t cg = c % g.channels_per_group();
                y(n, k, p, q) += static_cast<double>(x(n, c, h, v)) * static_cast<double>(w(k, cg, r, s));
                gx(n, c, h, v) += static_cast<double>(gy(n, k, p, q)) * static_cast<double>(w(k, cg, r, s));
                gw(k, cg, r, s) += static_cast<double>(gy(n, k, p, q)) * static_cast<double>(x(n, c, h, v));
              }
            }
          }
        }
      }
    }
  }
  for (int64_t n = 0; n < g.N; ++n) {
    for (int64_t k = 0; k < g.K; ++k) {
      for (int64_t p = 0; p < g.P; ++p) {
        for (int64_t q = 0; q < g.Q; ++q) y(n, k, p, q) += static_cast<double>(bias(k));
      }
    }
  }
  return {y.values(), gx.values(), gw.values()};
}

// The input gradient as the operators ask for it: by implicit GEMM it is composed of forward convolutions.
void grad_input(const Conv2dGeometry& g, const View& gy, const View& w, const View& gx) {
  if (g.algorithm != ConvAlgorithm::Implicit) return conv2d_grad_input(g, gy, w, gx);
  conv_phases::grad_input(device("cpu").backend(), g, gy, w, gx);
}

// The three functions into poisoned results.
template <class T>
struct Results {
  Results(const Conv2dGeometry& g, const Operands<T>& o, const Placement& image, const Placement& filter)
      : y(g.output_shape(), image, kPoison),
        gx(g.input_shape(), image, kPoison),
        gw(g.filter_shape(), filter, kPoison) {
    conv2d(g, o.x.view(), o.w.view(), o.bias.view(), y.view());
    grad_input(g, o.gy.view(), o.w.view(), gx.view());
    conv2d_grad_weight(g, o.x.view(), o.gy.view(), gw.view());
  }
  static constexpr T kPoison = std::numeric_limits<T>::quiet_NaN();
  Array<T> y, gx, gw;
};

template <class T, class U>
void expect_near(const Array<T>& values, const std::vector<U>& reference, int64_t terms, const char* what) {
  const std::vector<T> got = values.values();
  ASSERT_EQ(got.size(), reference.size());
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(reference[i]), 2);
    norm += std::pow(static_cast<double>(reference[i]), 2);
  }
  const double tolerance = 2 * std::sqrt(static_cast<double>(terms)) * epsilon<T>() * std::sqrt(norm);
  EXPECT_LE(std::sqrt(error), tolerance) << what;
}

template <class T, class R>
void expect_results_near(const Conv2dGeometry& g, const Results<T>& results, const R& reference) {
  const int64_t filter = g.channels_per_group() * g.R * g.S;
  expect_near(results.y, reference.y, filter + 1, "forward");
  expect_near(results.gx, reference.gx, g.filters_per_group() * g.R * g.S, "grad_input");
  expect_near(results.gw, reference.gw, g.N * g.P * g.Q, "grad_weight");
}

Conv2dGeometry geometry(const Case& c, ConvAlgorithm algorithm) {
  Conv2dOptions options = c.options;
  options.algorithm = algorithm;
  return Conv2dGeometry::make(c.x, c.w, options);
}

template <class T>
void check_direct(const Case& c) {
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Direct);
  for (size_t i : {0U, 4U}) {
    const Operands<T> operands(g, kPlacements[i], kPlacements[4 - i]);
    const Results<T> results(g, operands, kPlacements[i], kPlacements[4 - i]);
    expect_results_near(g, results, push(g, operands.x, operands.w, operands.bias, operands.gy));
  }
}

template <class T>
void check_products(const Case& c, ConvAlgorithm algorithm) {
  const Conv2dGeometry g = geometry(c, algorithm);
  const Conv2dGeometry oracle = geometry(c, ConvAlgorithm::Direct);
  const Results<T> results(oracle, Operands<T>(oracle, {}, {}), {}, {});
  const auto doubles = [](const std::vector<T>& v) { return std::vector<double>(v.begin(), v.end()); };
  const Expected expected = {doubles(results.y.values()), doubles(results.gx.values()),
                             doubles(results.gw.values())};
  for (size_t i = 0; i < kPlacements.size(); ++i) {
    for (size_t j : {i, (i + 1) % kPlacements.size()}) {
      SCOPED_TRACE(testing::Message()
                   << name(dtype_of<T>) << ", image placed as " << i << ", filters as " << j);
      const Operands<T> operands(g, kPlacements[i], kPlacements[j]);
      expect_results_near(g, Results<T>(g, operands, kPlacements[i], kPlacements[j]), expected);
    }
  }
}

template <class T>
bool same_bits(Array<T>& a, Array<T>& b) {
  return std::memcmp(a.memory().data(), b.memory().data(), a.memory().size() * sizeof(T)) == 0;
}

// conv2d, then ReLU; and that in one pass, whose gaps in memory and NaN are to be the same, too.
template <class T>
void check_relu(const Conv2dGeometry& g, const Placement& image, const Placement& filter) {
  Operands<T> o(g, image, filter);
  if (g.N * g.C * g.H * g.W > 0) o.x(g.N - 1, 0, g.H / 2, g.W / 2) = std::numeric_limits<T>::quiet_NaN();
  for (const View& bias : {o.bias.view(), View{}}) {
    Array<T> expected(g.output_shape(), image, T(7)), y(expected);
    conv2d(g, o.x.view(), o.w.view(), bias, expected.view());
    cpu_backend().unary(UnaryKind::Relu, expected.view(), expected.view());
    cpu_backend().conv2d_relu(g, o.x.view(), o.w.view(), bias, y.view());
    EXPECT_TRUE(same_bits(y, expected)) << (bias.defined() ? "bias" : "no bias");
  }
}

/// Whether filters can be packed for it.
bool is_by_products(const Conv2dGeometry& g) {
  if (g.algorithm == ConvAlgorithm::Direct || g.N == 0) return false;
  const bool named = g.algorithm == ConvAlgorithm::Im2col || g.algorithm == ConvAlgorithm::Implicit;
  return named || !conv_depthwise::suits(g);
}

// Filters packed for a batch of one more, from operands without memory; then conv2d, and ReLU of that.
template <class T>
void check_packed(const Conv2dGeometry& g, const Placement& image, const Placement& filter) {
  const Operands<T> o(g, image, filter);
  Array<T> expected(g.output_shape(), image, T(7));
  Conv2dGeometry other = g;
  ++other.N;
  View x = o.x.view(), y = expected.view();
  x.data = y.data = nullptr;
  ++x.shape[0];
  ++y.shape[0];
  const int64_t bytes = packed_conv2d_bytes(other, x, y);
  ASSERT_EQ(bytes > 0, is_by_products(g));
  if (bytes == 0) return;
  std::vector<char> memory(static_cast<size_t>(bytes));
  const View packed{memory.data(), DType::UInt8, {bytes}, {1}};
  pack_conv2d(other, x, o.w.view(), y, packed);
  for (const View& bias : {o.bias.view(), View{}}) {
    Array<T> plain(expected), rectified(expected);
    conv2d(g, o.x.view(), o.w.view(), bias, expected.view());
    conv2d_packed(g, o.x.view(), packed, bias, plain.view(), false);
    EXPECT_TRUE(same_bits(plain, expected)) << (bias.defined() ? "bias" : "no bias");
    cpu_backend().unary(UnaryKind::Relu, expected.view(), expected.view());
    conv2d_packed(g, o.x.view(), packed, bias, rectified.view(), true);
    EXPECT_TRUE(same_bits(rectified, expected)) << (bias.defined() ? "bias" : "no bias");
  }
}

class CpuConv : public testing::TestWithParam<size_t> {
 protected:
  const Case& param() const { return cases()[GetParam()]; }
};

TEST_P(CpuConv, DirectIsTheDefinition) {
  check_direct<float>(param());
  check_direct<double>(param());
}

TEST_P(CpuConv, Im2colIsDirect) {
  check_products<float>(param(), ConvAlgorithm::Im2col);
  check_products<double>(param(), ConvAlgorithm::Im2col);
}

TEST_P(CpuConv, ImplicitIsDirect) {
  check_products<float>(param(), ConvAlgorithm::Implicit);
  check_products<double>(param(), ConvAlgorithm::Implicit);
}

TEST_P(CpuConv, WinogradIsDirect) {
  check_products<float>(param(), ConvAlgorithm::Winograd);
  check_products<double>(param(), ConvAlgorithm::Winograd);
}

TEST_P(CpuConv, AutoIsDirect) {
  check_products<float>(param(), ConvAlgorithm::Auto);
  check_products<double>(param(), ConvAlgorithm::Auto);
}

TEST_P(CpuConv, ReluInOnePassHasTheSameBits) {
  for (ConvAlgorithm algorithm : kKernels) {
    for (size_t i = 0; i < kPlacements.size(); ++i) {
      SCOPED_TRACE(testing::Message() << name(algorithm) << ", placed as " << i);
      const Conv2dGeometry g = geometry(param(), algorithm);
      check_relu<float>(g, kPlacements[i], kPlacements[0]);
      check_relu<double>(g, kPlacements[i], kPlacements[i]);
    }
  }
}

TEST_P(CpuConv, PackedFiltersGiveTheSameBits) {
  for (ConvAlgorithm algorithm : kKernels) {
    for (size_t i = 0; i < kPlacements.size(); ++i) {
      SCOPED_TRACE(testing::Message() << name(algorithm) << ", placed as " << i);
      const Conv2dGeometry g = geometry(param(), algorithm);
      check_packed<float>(g, kPlacements[i], kPlacements[0]);
      check_packed<double>(g, kPlacements[i], kPlacements[i]);
    }
  }
}

// <conv(x, w), gy> = <x, grad_input(gy, w)> = <w, grad_weight(x, gy)>
TEST_P(CpuConv, GradientsAreAdjoint) {
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry(param(), algorithm);
    const Operands<double> o(g, {}, {});
    Results<double> results(g, o, {}, {});
    conv2d(g, o.x.view(), o.w.view(), {}, results.y.view());
    const auto dot = [](const Array<double>& a, const Array<double>& b, double& size) {
      double sum = 0;
      const std::vector<double> left = a.values();
      const std::vector<double> right = b.values();
      for (size_t i = 0; i < left.size(); ++i) {
        sum += left[i] * right[i];
        size += std::abs(left[i] * right[i]);
      }
      return sum;
    };
    double size = 0;
    const double forward = dot(results.y, o.gy, size);
    EXPECT_NEAR(dot(o.x, results.gx, size), forward, 1e-14 * size);
    EXPECT_NEAR(dot(o.w, results.gw, size), forward, 1e-14 * size);
  }
}

TEST_P(CpuConv, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry(param(), algorithm);
    const Operands<float> operands(g, {}, {});
    set_num_threads(1);
    const Results<float> one(g, operands, {}, {});
    for (int threads : {2, 3}) {
      set_num_threads(threads);
      const Results<float> several(g, operands, {}, {});
      EXPECT_EQ(several.y.values(), one.y.values()) << threads;
      EXPECT_EQ(several.gx.values(), one.gx.values()) << threads;
      EXPECT_EQ(several.gw.values(), one.gw.values()) << threads;
    }
  }
  set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Geometries, CpuConv, testing::Range<size_t>(0, cases().size()),
                         [](const testing::TestParamInfo<size_t>& item) {
                           std::string text = cases()[item.param].name;
                           for (char& letter : text)
                             letter = std::isalnum(static_cast<unsigned char>(letter)) ? letter : '_';
                           return text;
                         });

/// What Auto takes for a function, the forward convolution or a gradient, known by its bits.
std::string automatic_choice(const Case& c, const Placement& image = {},
                             Array<float> Results<float>::*function = &Results<float>::y) {
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Auto);
  const Operands<float> operands(g, image, {});
  const Results<float> automatic(g, operands, image, {});
  std::string choice;
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit, ConvAlgorithm::Winograd}) {
    if (algorithm == ConvAlgorithm::Winograd && !conv_winograd::suits(g)) continue;
    const Results<float> other(geometry(c, algorithm), operands, image, {});
    if ((automatic.*function).values() == (other.*function).values()) choice += name(algorithm);
  }
  return choice;
}

TEST(CpuConvDetails, AutoChoosesByShape) {
  const Placement last = {{0, 2, 3, 1}, 1, 0};
  // The two add taps up in different orders, or blocks of them.
  EXPECT_EQ(automatic_choice({"", {2, 8, 18, 18}, {16, 8, 3, 3}, {}}), "implicit");
  EXPECT_EQ(automatic_choice({"", {2, 16, 9, 17}, {24, 8, 3, 3}, {.padding = 1, .groups = 2}}), "implicit");
  EXPECT_EQ(automatic_choice({"a stride", {2, 8, 37, 37}, {16, 8, 3, 3}, {.stride = 2}}), "implicit");
  EXPECT_EQ(automatic_choice({"broken vectors", {1, 32, 21, 21}, {8, 32, 3, 3}, {}}), "im2col");
  EXPECT_EQ(automatic_choice({"whole vectors", {1, 32, 26, 26}, {8, 32, 3, 3}, {}}), "implicit");
  EXPECT_EQ(automatic_choice({"short rows", {2, 8, 18, 17}, {16, 8, 3, 3}, {}}), "im2col");
  EXPECT_EQ(automatic_choice({"few channels", {2, 3, 18, 18}, {16, 3, 3, 3}, {}}), "im2col");
  EXPECT_EQ(automatic_choice({"channels last", {2, 80, 8, 8}, {32, 40, 3, 3}, {.groups = 2}}, last),
            "implicit");
  EXPECT_EQ(automatic_choice({"few pixels", {2, 80, 8, 8}, {800, 40, 3, 3}, {.groups = 2}}, last), "im2col");
}

TEST(CpuConvDetails, AutoChoosesTheInputGradientByShape) {
  const Placement last = {{0, 2, 3, 1}, 1, 0};
  const auto choice = [](const Case& c, const Placement& image = {}) {
    return automatic_choice(c, image, &Results<float>::gx);
  };
  EXPECT_EQ(choice({"", {2, 8, 18, 18}, {16, 8, 3, 3}, {}}), "implicit");
  EXPECT_EQ(choice({"groups", {2, 16, 9, 17}, {24, 8, 3, 3}, {.padding = 1, .groups = 2}}), "implicit");
  EXPECT_EQ(choice({"a stride", {2, 8, 37, 37}, {16, 8, 3, 3}, {.stride = 2}}), "im2col");
  EXPECT_EQ(choice({"broken vectors", {1, 8, 21, 21}, {32, 8, 3, 3}, {}}), "im2col");
  EXPECT_EQ(choice({"whole vectors", {1, 8, 24, 24}, {32, 8, 3, 3}, {}}), "implicit");
  EXPECT_EQ(choice({"short rows", {2, 8, 18, 11}, {16, 8, 3, 3}, {}}), "im2col");
  EXPECT_EQ(choice({"channels last", {2, 32, 8, 8}, {80, 16, 3, 3}, {.groups = 2}}, last), "implicit");
  EXPECT_EQ(choice({"channels last, a stride", {2, 16, 8, 8}, {40, 16, 3, 3}, {.stride = 2}}, last),
            "implicit");
  EXPECT_EQ(choice({"few channels", {2, 3, 18, 18}, {16, 3, 3, 3}, {}}, last), "im2col");
  EXPECT_EQ(choice({"few pixels", {1, 144, 7, 7}, {224, 72, 3, 3}, {.groups = 2}}, last), "im2col");
}

TEST(CpuConvDetails, AutoChoosesTheWeightGradientByShape) {
  const auto choice = [](const Case& c) { return automatic_choice(c, {}, &Results<float>::gw); };
  // The two cut the pixels of an image into different blocks.
  EXPECT_EQ(choice({"", {1, 3, 32, 32}, {16, 3, 3, 3}, {}}), "implicit");
  EXPECT_EQ(choice({"", {1, 16, 63, 63}, {24, 8, 3, 3}, {.stride = 2, .groups = 2}}), "implicit");
  EXPECT_EQ(choice({"short rows", {1, 8, 153, 7}, {16, 8, 3, 3}, {}}), "im2col");
  EXPECT_EQ(choice({"short rows, no taps", {1, 8, 77, 11}, {16, 8, 1, 1}, {}}), "im2col");
  EXPECT_EQ(choice({"few filters", {1, 8, 32, 32}, {3, 8, 3, 3}, {}}), "im2col");
  EXPECT_EQ(choice({"short runs", {1, 1, 32, 32}, {16, 1, 3, 3}, {}}), "im2col");
  EXPECT_EQ(choice({"large sums", {1, 384, 42, 42}, {320, 192, 3, 3}, {.groups = 2}}), "im2col");
}

TEST(CpuConvDetails, AutoChoosesWinogradByShape) {
  const Placement last = {{0, 2, 3, 1}, 1, 0};
  for (const auto function : {&Results<float>::y, &Results<float>::gx, &Results<float>::gw}) {
    const Conv2dOptions padded = {.padding = 1};
    EXPECT_EQ(automatic_choice({"", {2, 16, 8, 9}, {16, 16, 3, 3}, padded}, {}, function), "winograd");
    EXPECT_EQ(automatic_choice({"", {2, 16, 8, 9}, {16, 16, 3, 3}, padded}, last, function), "winograd");
  }
  // Tiles of one image repay the transforms of so many filters, forward; those of the batch, for gradients.
  const Case many = {"", {4, 128, 8, 8}, {128, 128, 3, 3}, {.padding = 1}};
  EXPECT_EQ(automatic_choice(many, last), "im2col");
  EXPECT_EQ(automatic_choice(many, last, &Results<float>::gx), "winograd");
  EXPECT_EQ(automatic_choice(many, last, &Results<float>::gw), "winograd");
  const auto suits = [](const Shape& x, const Shape& w, const Conv2dOptions& options) {
    return conv_winograd::suits(Conv2dGeometry::make(x, w, options));
  };
  EXPECT_TRUE(suits({1, 16, 3, 3}, {16, 16, 3, 3}, {}));
  EXPECT_FALSE(suits({1, 15, 8, 8}, {16, 15, 3, 3}, {}));
  EXPECT_FALSE(suits({1, 16, 8, 8}, {15, 16, 3, 3}, {}));
  EXPECT_FALSE(suits({1, 16, 8, 8}, {16, 16, 2, 3}, {}));
  EXPECT_FALSE(suits({1, 16, 8, 8}, {16, 16, 3, 5}, {.padding = 2}));
  EXPECT_FALSE(suits({1, 16, 8, 8}, {16, 16, 3, 3}, {.stride = {1, 2}}));
  EXPECT_FALSE(suits({1, 16, 8, 8}, {16, 16, 3, 3}, {.dilation = {2, 1}}));
  EXPECT_FALSE(suits({1, 32, 8, 8}, {32, 16, 3, 3}, {.groups = 2}));
}

// The last channels of wider pixels: nothing lies behind those of the last one (which a sanitizer sees).
TEST(CpuConvDetails, SlicesOfPixelsAreReadToTheirEnd) {
  constexpr int64_t kWide = 32, kChannels = 21, kPixels = 8 * 9;
  std::vector<float> memory(static_cast<size_t>(kPixels * kWide));
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i % 11);
  for (const Shape& filter : {Shape{16, kChannels, 3, 3}, Shape{kChannels, 1, 3, 3}}) {
    const Conv2dGeometry g =
        geometry({"", {1, kChannels, 8, 9}, filter, {.groups = kChannels / filter[1]}}, ConvAlgorithm::Auto);
    const Operands<float> o(g, {{0, 2, 3, 1}, 1, 0}, {});
    Array<float> x(g.input_shape());
    const View slice{memory.data() + kWide - kChannels,
                     DType::Float32,
                     g.input_shape(),
                     {kPixels * kWide, 1, 9 * kWide, kWide}};
    for (int64_t c = 0; c < kChannels; ++c) {
      for (int64_t h = 0; h < 8; ++h) {
        for (int64_t w = 0; w < 9; ++w) x(0, c, h, w) = slice.as<float>()[(9 * h + w) * kWide + c];
      }
    }
    Array<float> y(g.output_shape(), {{0, 2, 3, 1}, 1, 0}), expected(y);
    conv2d(g, slice, o.w.view(), o.bias.view(), y.view());
    conv_direct::conv2d(g, x.view(), o.w.view(), o.bias.view(), expected.view());
    expect_near(y, expected.values(), g.channels_per_group() * 9 + 1, "forward");
  }
}

TEST(CpuConvDetails, WinogradOfAnImageDoesNotDependOnTheBatch) {
  const Case batch = {"", {7, 18, 9, 13}, {20, 18, 3, 3}, {.padding = 1}};
  Case single = batch;
  single.x = {1, 18, 9, 13};
  const Conv2dGeometry all = geometry(batch, ConvAlgorithm::Auto),
                       one = geometry(single, ConvAlgorithm::Auto);
  const Operands<float> operands(all, {}, {});
  const Array<float> y(all.output_shape());
  conv2d(all, operands.x.view(), operands.w.view(), operands.bias.view(), y.view());
  const std::vector<float> together = y.values();
  for (int64_t n = 0; n < all.N; ++n) {
    const Array<float> alone(one.output_shape());
    conv2d(one, narrow(operands.x.view(), 0, n, 1), operands.w.view(), operands.bias.view(), alone.view());
    const std::vector<float> values = alone.values();
    EXPECT_TRUE(
        std::equal(values.begin(), values.end(), together.begin() + n * static_cast<int64_t>(values.size())))
        << n;
  }
}

// Who asks for float64 gets its precision.
TEST(CpuConvDetails, AutoKeepsFloat64FromWinograd) {
  const Case c = {"", {2, 16, 8, 16}, {16, 16, 3, 3}, {.padding = 1}};
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Auto);
  const Operands<double> operands(g, {}, {});
  const Results<double> automatic(g, operands, {}, {});
  EXPECT_EQ(automatic.y.values(),
            (Results<double>(geometry(c, ConvAlgorithm::Implicit), operands, {}, {}).y.values()));
}

// Products that are too small for a float, and negative: rounded to -0, which ReLU keeps.
TEST(CpuConvDetails, ReluKeepsNanAndNegativeZero) {
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry({"", {1, 1, 1, 5}, {2, 1, 1, 1}, {}}, algorithm);
    const Array<float> x(g.input_shape()), w(g.filter_shape()), y(g.output_shape());
    const float inputs[] = {1e-30F, -2, std::numeric_limits<float>::quiet_NaN(), 3, -1e-30F};
    for (int64_t i = 0; i < 5; ++i) x(0, 0, 0, i) = inputs[i];
    w(0, 0, 0, 0) = -1e-30F;
    w(1, 0, 0, 0) = 2;
    conv2d(g, x.view(), w.view(), {}, y.view(), false);
    // A product that underflows is -0; added to 0 it stays so where multiply and add are one instruction.
    const bool negative = std::signbit(y.values()[0]);
    conv2d(g, x.view(), w.view(), {}, y.view(), true);
    const std::vector<float> got = y.values();
    EXPECT_TRUE(got[0] == 0 && std::signbit(got[0]) == negative) << name(algorithm);
    EXPECT_TRUE(got[4] == 0 && !std::signbit(got[4])) << name(algorithm);
    EXPECT_TRUE(std::isnan(got[2]) && std::isnan(got[7])) << name(algorithm);
    EXPECT_TRUE(got[6] == 0 && !std::signbit(got[6])) << name(algorithm);
    EXPECT_EQ(got[8], 6) << name(algorithm);
  }
}

TEST(CpuConvDetails, NoImagesGiveZeroFilterGradients) {
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry({"", {0, 3, 5, 5}, {4, 3, 3, 3}, {}}, algorithm);
    const Operands<float> operands(g, {}, {});
    const Results<float> results(g, operands, {}, {});
    EXPECT_EQ(results.gw.values(), std::vector<float>(4 * 27, 0.0F));
    const Conv2dGeometry depthwise = geometry({"", {0, 3, 5, 5}, {3, 1, 3, 3}, {.groups = 3}}, algorithm);
    const Operands<float> few(depthwise, {}, {});
    EXPECT_EQ(Results<float>(depthwise, few, {}, {}).gw.values(), std::vector<float>(27, 0.0F));
  }
}

TEST(CpuConvDetails, NoChannelsGiveTheBias) {
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry({"", {2, 0, 5, 5}, {4, 0, 3, 3}, {}}, algorithm);
    const Operands<float> operands(g, {}, {});
    const Results<float> results(g, operands, {}, {});
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(results.y(1, k, 2, 0), operands.bias(k));
  }
}

TEST(CpuConvDetails, NoFiltersGiveZeroInputGradients) {
  for (ConvAlgorithm algorithm : kKernels) {
    const Conv2dGeometry g = geometry({"", {2, 3, 4, 4}, {0, 3, 3, 3}, {}}, algorithm);
    const Operands<float> operands(g, {}, {});
    const Results<float> results(g, operands, {}, {});
    EXPECT_EQ(results.gx.values(), std::vector<float>(2 * 48, 0.0F));
  }
}

// A batch that repeats one image, as broadcasting makes it.
class CpuConvBroadcast : public testing::TestWithParam<ConvAlgorithm> {};

TEST_P(CpuConvBroadcast, IsDirect) {
  const Case c{"", {3, 2, 5, 6}, {4, 2, 3, 3}, {.padding = 1}};
  const Conv2dGeometry g = geometry(c, GetParam());
  const Operands<float> operands(g, {}, {});
  View x = operands.x.view();
  View gy = operands.gy.view();
  View w = operands.w.view();
  x.strides = {0, 30, 6, 1};
  gy.strides = {0, 0, 0, 0};
  w.strides = {9, 0, 3, 1};
  const Conv2dGeometry oracle = geometry(c, ConvAlgorithm::Direct);
  const Array<float> y(g.output_shape());
  const Array<float> y2(g.output_shape());
  conv2d(g, x, w, {}, y.view());
  conv2d(oracle, x, w, {}, y2.view());
  expect_near(y, y2.values(), 18, "forward");
  const Array<float> gx(g.input_shape());
  const Array<float> gx2(g.input_shape());
  grad_input(g, gy, w, gx.view());
  conv2d_grad_input(oracle, gy, w, gx2.view());
  expect_near(gx, gx2.values(), 36, "grad_input");
  const Array<float> gw(g.filter_shape());
  const Array<float> gw2(g.filter_shape());
  conv2d_grad_weight(g, x, gy, gw.view());
  conv2d_grad_weight(oracle, x, gy, gw2.view());
  expect_near(gw, gw2.values(), 90, "grad_weight");
}

INSTANTIATE_TEST_SUITE_P(Algorithms, CpuConvBroadcast,
                         testing::Values(ConvAlgorithm::Im2col, ConvAlgorithm::Implicit),
                         [](const auto& item) { return std::string(name(item.param)); });

}  // namespace
}  // namespace linnet::cpu

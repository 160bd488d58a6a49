// Philox against its published vectors, the conversions to numbers, the generator and the random arrays.
#include <linnet/core/ndarray.h>
#include <linnet/core/random.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/philox.h"
#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using Words = std::array<uint32_t, 4>;

TEST(Philox, KnownAnswers) {  // kat_vectors of Random123, philox4x32 with 10 rounds
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, BlocksAreKeyedBySeedStreamAndIndex) {
  const auto block = philox::block(0x0000000200000001, 0x0000000400000003, 0x0000000600000005);
  const Words expected = philox4x32({5, 6, 3, 4}, {1, 2});
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), block.word));
  EXPECT_EQ(block.bits64(1), uint64_t{expected[2]} | uint64_t{expected[3]} << 32);
}

TEST(Philox, UniformNumbersAreInRange) {
  EXPECT_EQ(philox::uniform_float(0), 0.0F);
  EXPECT_EQ(philox::uniform_float(0xFFFFFFFF), 1 - 0x1p-24F);
  EXPECT_EQ(philox::uniform_double(0), 0.0);
  EXPECT_EQ(philox::uniform_double(~uint64_t{0}), 1 - 0x1p-53);
}

TEST(Philox, IntegersCoverTheirRange) {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min(), kHigh = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(philox::multiply_high(~uint64_t{0}, ~uint64_t{0}), ~uint64_t{0} - 1);
  EXPECT_EQ(philox::multiply_high(0x123456789ABCDEF0, uint64_t{1} << 36), 0x123456789U);
  EXPECT_EQ(philox::integer_between(0, -3, 5), -3);
  EXPECT_EQ(philox::integer_between(~uint64_t{0}, -3, 5), 4);
  EXPECT_EQ(philox::integer_between(uint64_t{1} << 63, -3, 5), 1);
  EXPECT_EQ(philox::integer_between(0, kLow, kHigh), kLow);
  EXPECT_EQ(philox::integer_between(~uint64_t{0}, kLow, kHigh), kHigh - 1);
}

TEST(Philox, LogarithmIsAccurate) {
  for (double x = 1e-17; x < 0.5; x *= 1.003) {
    ASSERT_NEAR(philox::log_positive(x) / std::log(x), 1, 5e-16) << x;
  }
}

TEST(Philox, NormalQuantileInvertsTheDistribution) {
  // p(z) = erfc(-z / sqrt 2) / 2; an error of p is one of z times the density.
  for (double p = 0x1p-50; p < 0.5; p *= 1.01) {
    const double q = p - 0.5, z = philox::normal_quantile(q);
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    ASSERT_NEAR(z, z + (std::erfc(-z / std::sqrt(2.0)) / 2 - (0.5 + q)) / density, 4e-15 * (1 + std::fabs(z)))
        << p;
    ASSERT_EQ(philox::normal_quantile(-q), -z);
  }
  EXPECT_EQ(philox::normal_quantile(0), 0);
  EXPECT_NEAR(philox::normal_quantile(0.475), 1.959963984540054, 1e-15);  // 97.5 %
  EXPECT_NEAR(philox::normal_quantile(-0.499), -3.090232306167813, 1e-14);
}

TEST(Philox, NormalNumbersAreFiniteAndSymmetric) {
  EXPECT_NEAR(philox::normal_float(0), -6.3379F, 1e-3F);
  EXPECT_NEAR(philox::normal_double(0), -8.2923, 1e-3);
  for (const uint32_t word : {0U, 1U, 12345U, 0x7FFFFFFFU}) {
    EXPECT_EQ(philox::normal_float(word), -philox::normal_float(~word));
    EXPECT_EQ(philox::normal_double(uint64_t{word} << 11), -philox::normal_double(~(uint64_t{word} << 11)));
  }
}

TEST(Generator, ContinuesWhereItsStateSays) {
  Generator a(7, 3);
  EXPECT_EQ(a.seed(), 7U);
  EXPECT_EQ(a.stream(), 3U);
  EXPECT_EQ(a.position(), 0U);
  EXPECT_EQ(a.next_u32(), philox::block(7, 3, 0).word[0]);
  EXPECT_EQ(a.reserve(5), 1U);
  EXPECT_EQ(a.position(), 6U);
  Generator b = a;
  EXPECT_EQ(a.next_uniform(), b.next_uniform());
  b.set_position(0);
  EXPECT_EQ(b.next_u32(), Generator(7, 3).next_u32());
  b = a;
  b = *&b;
  EXPECT_EQ(b.position(), a.position());
  EXPECT_NE(Generator(7, 4).next_u32(), Generator(7, 3).next_u32());
  EXPECT_NE(Generator(8, 3).next_u32(), Generator(7, 3).next_u32());
}

TEST(Generator, DrawsBelowABoundWithoutBias) {
  Generator generator(1);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[generator.next_below(7)];
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000;
  EXPECT_LT(chi_square, 22.5);  // 6 degrees of freedom: exceeded once in a thousand
  EXPECT_EQ(generator.next_below(1), 0U);
  const uint64_t position = generator.position();
  int above = 0;
  for (int i = 0; i < 100; ++i)
    above += generator.next_below(3 * (uint64_t{1} << 62)) >= uint64_t{1} << 63 ? 1 : 0;
  EXPECT_GT(above, 15);
  EXPECT_GT(generator.position(), position + 110);  // a quarter of the draws is repeated
  EXPECT_ERROR(generator.next_below(0), "[random] next_below(0) has no number to give");
}

TEST(Generator, PermutationsHaveEveryNumberOnce) {
  Generator generator(5);
  std::vector<int64_t> order = generator.permutation(1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(generator.permutation(1000), order);
  EXPECT_EQ(Generator(5).permutation(1000), order);
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_TRUE(generator.permutation(0).empty());
  EXPECT_ERROR(generator.permutation(-1), "[random] a permutation of -1 numbers");
  std::set<std::vector<int64_t>> all;
  for (int i = 0; i < 200; ++i) all.insert(generator.permutation(3));
  EXPECT_EQ(all.size(), 6U);
}

/// Mean, variance and the Kolmogorov-Smirnov distance to a distribution function.
struct Statistics {
  double mean, variance, distance;
};
Statistics statistics_of(std::vector<double> x, double (*distribution)(double)) {
  const auto n = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double variance = 0, distance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  std::sort(x.begin(), x.end());
  for (size_t i = 0; i < x.size(); ++i) {
    const double p = distribution(x[i]);
    distance = std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return {mean, variance, distance};
}

TEST(RandomArrays, FollowTheirDistributions) {
  manual_seed(11);
  constexpr int64_t kN = 200000;
  const double limit =
      1.95 / std::sqrt(static_cast<double>(kN));  // of the distance: exceeded once in a thousand
  for (const DType type : kFloatTypes) {
    const auto uniform =
        statistics_of(random_uniform({kN}, type).to_vector<double>(), [](double v) { return v; });
    EXPECT_NEAR(uniform.mean, 0.5, 0.002);
    EXPECT_NEAR(uniform.variance, 1.0 / 12, 0.001);
    EXPECT_LT(uniform.distance, limit);
    const auto normal = statistics_of(random_normal({kN}, type).to_vector<double>(),
                                      [](double v) { return std::erfc(-v / std::sqrt(2.0)) / 2; });
    EXPECT_NEAR(normal.mean, 0, 0.007);
    EXPECT_NEAR(normal.variance, 1, 0.011);
    EXPECT_LT(normal.distance, limit);
  }
  std::vector<int> counts(10);
  for (const int64_t v : random_integers(-5, 5, {kN}).to_vector<int64_t>())
    ++counts.at(static_cast<size_t>(v + 5));
  for (const int count : counts) EXPECT_NEAR(count, 20000, 500);
}

TEST(RandomArrays, ElementsComeFromTheirBlocks) {
  manual_seed(42);
  default_generator().set_position(100);
  const auto uniform = random_uniform({2, 3}).to_vector<float>();              // blocks 100, 101
  const auto normal = random_normal({3}, DType::Float64).to_vector<double>();  // 102, 103
  const auto integers = random_integers(0, 1000, {5}).to_vector<int64_t>();    // 104 to 106
  EXPECT_EQ(default_generator().position(), 107U);
  for (uint64_t i = 0; i < 6; ++i)
    EXPECT_EQ(uniform[i], philox::uniform_float(philox::block(42, 0, 100 + i / 4).word[i % 4]));
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(normal[i],
              philox::normal_double(philox::block(42, 0, 102 + i / 2).bits64(static_cast<int>(i % 2))));
  }
  for (uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(integers[i], philox::integer_between(
                               philox::block(42, 0, 104 + i / 2).bits64(static_cast<int>(i % 2)), 0, 1000));
  }
}

TEST(RandomArrays, TheSeedRepeatsThem) {
  manual_seed(3);
  const auto first = random_normal({10}).to_vector<float>();
  const auto second = random_normal({10}).to_vector<float>();
  manual_seed(3);
  EXPECT_EQ(random_normal({10}).to_vector<float>(), first);
  EXPECT_NE(first, second);
  EXPECT_EQ(random_uniform({0, 4}).numel(), 0);
  EXPECT_EQ(random_uniform({}).rank(), 0);
  EXPECT_EQ(random_integers(0, 2, {4}, DType::Bool).dtype(), DType::Bool);
  EXPECT_EQ(random_integers(7, 8, {3}, DType::Float32).to_vector<float>(), (std::vector<float>{7, 7, 7}));
}

TEST(RandomArrays, RefuseWhatTheyCannotDraw) {
  EXPECT_ERROR(random_uniform({2}, DType::Int32),
               "[random_uniform] operand is int32; expected float32 or float64");
  EXPECT_ERROR(random_normal({2}, DType::Bool), "[random_normal] operand is bool");
  EXPECT_ERROR(random_integers(3, 3, {2}), "[random_integers] no integer in [3, 3); expected low < high");
  EXPECT_ERROR(random_integers(0, 300, {2}, DType::UInt8),
               "[random_integers] integers in [0, 300) do not fit uint8");
}

TEST(RandomBackend, DrawsInRowMajorOrderWhateverTheLayout) {
  int64_t counter = 9;
  const View at = {&counter, DType::Int64, {}, {}};
  for (const RandomKind kind : {RandomKind::Uniform, RandomKind::Normal, RandomKind::Integers}) {
    for (const DType type : kFloatTypes) {
      TestArray dense(type, {3, 5, 7});
      cpu_backend().random({kind, 1, 2, -50, 50}, at, dense.view());
      for (const Order order : {Order::Reversed, Order::Sliced}) {
        TestArray other(type, {3, 5, 7}, order);
        cpu_backend().random({kind, 1, 2, -50, 50}, at, other.view());
        EXPECT_EQ(other.values(), dense.values());
        EXPECT_TRUE(other.clean_around());
      }
    }
  }
}

TEST(RandomBackend, ThreadsDoNotMatter) {
  int64_t counter = 1;
  const View at = {&counter, DType::Int64, {}, {}};
  for (const DType type : kFloatTypes) {
    expect_same_for_any_threads([&] {
      TestArray out(type, {100003});
      cpu_backend().random({RandomKind::Normal, 1, 0}, at, out.view());
      return out.bytes();
    });
  }
}

}  // namespace
}  // namespace linnet

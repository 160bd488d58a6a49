// The matrix product against sums in double. Tolerance of an element: 2 sqrt(K) eps |a row| |b column|, as
// the roundings of K additions that are no worse than independent ones give, plus eps for each further term.
#include "cpu/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cpu/gemm_kernel.h"
#include "cpu/matmul.h"
#include "cpu/parallel.h"
#include "tests/unit/matrix_placements.h"

namespace linnet::cpu {
namespace {

using test::Array;
using test::epsilon;
using test::Placement;

struct Case {
  int64_t batch = 1, M = 1, N = 1, K = 1;
  double alpha = 1, beta = 0;
  bool bias = false;
  Placement a = {}, b = {}, c = {};
  bool share_a = false, share_b = false;  // stride 0 over the batch
};

template <class T>
Array<T> run(const Case& t, const Array<T>& a, const Array<T>& b, const Array<T>& c, const Array<T>& bias) {
  Array<T> result = c;
  View left = a.view();
  View right = b.view();
  if (t.share_a) left.strides[0] = 0;
  if (t.share_b) right.strides[0] = 0;
  gemm(t.alpha, left, right, t.beta, result.view(), t.bias ? bias.view() : View{});
  return result;
}

template <class T>
void check_case(const Case& t) {
  SCOPED_TRACE(testing::Message() << name(dtype_of<T>) << " batch " << t.batch << " M " << t.M << " N " << t.N
                                  << " K " << t.K << " alpha " << t.alpha << " beta " << t.beta);
  const Array<T> a = Array<T>({t.batch, t.M, t.K}, t.a).randomize(1);
  const Array<T> b = Array<T>({t.batch, t.K, t.N}, t.b).randomize(2);
  const Array<T> bias = Array<T>({t.N}, {{}, 3, 0}).randomize(3);
  Array<T> c({t.batch, t.M, t.N}, t.c, std::numeric_limits<T>::quiet_NaN());
  if (t.beta != 0) c.randomize(4);
  const Array<T> result = run(t, a, b, c, bias);
  for (int64_t n = 0; n < t.batch; ++n) {
    for (int64_t i = 0; i < t.M; ++i) {
      for (int64_t j = 0; j < t.N; ++j) {
        double sum = 0;
        double aa = 0;
        double bb = 0;
        for (int64_t k = 0; k < t.K; ++k) {
          const double left = a(t.share_a ? 0 : n, i, k);
          const double right = b(t.share_b ? 0 : n, k, j);
          sum += left * right;
          aa += left * left;
          bb += right * right;
        }
        const double old = t.beta != 0 ? t.beta * static_cast<double>(c(n, i, j)) : 0;
        const double add = t.bias ? static_cast<double>(bias(j)) : 0;
        const double tolerance =
            epsilon<T>() * (2 * std::sqrt(static_cast<double>(t.K)) * std::abs(t.alpha) * std::sqrt(aa * bb) +
                            2 * std::abs(old) + 2 * std::abs(add));
        ASSERT_NEAR(result(n, i, j), t.alpha * sum + old + add, tolerance) << n << ", " << i << ", " << j;
      }
    }
  }
  // What lies between the elements of c stays as it was.
  Array<T> before = c;
  Array<T> after = result;
  for (int64_t n = 0; n < t.batch; ++n) {
    for (int64_t i = 0; i < t.M; ++i) {
      for (int64_t j = 0; j < t.N; ++j) before(n, i, j) = after(n, i, j) = 0;
    }
  }
  EXPECT_EQ(std::memcmp(before.memory().data(), after.memory().data(), before.memory().size() * sizeof(T)),
            0);
}

void check_both(const Case& t) {
  check_case<float>(t);
  check_case<double>(t);
}

// Extents around the sizes of tiles and blocks, whatever this machine's are.
TEST(CpuGemm, EdgesOfTilesAndBlocks) {
  const int64_t rows = gemm_kernels<float>().rows;
  const int64_t columns = gemm_kernels<float>().columns();
  const int64_t lanes = gemm_kernels<float>().lanes;
  for (int64_t M : {int64_t{1}, int64_t{2}, rows - 1, rows, rows + 1, 3 * rows + 1}) {
    for (int64_t N :
         {int64_t{1}, lanes - 1, lanes, lanes + 1, columns - 1, columns, columns + 1, 2 * columns + lanes}) {
      for (int64_t K : {1, 2, 7}) check_both({.M = M, .N = std::max<int64_t>(N, 1), .K = K});
    }
  }
  for (int64_t K : {255, 256, 257, 511, 513, 700})
    check_both({.M = rows + 1, .N = columns + 1, .K = K, .bias = true});
  check_both({.M = 1030, .N = 5, .K = 9});
  check_both({.M = 7, .N = 2100, .K = 9});
  check_both({.M = 1100, .N = 2070, .K = 3});
}

TEST(CpuGemm, EmptyExtents) {
  check_both({.M = 0, .N = 5, .K = 3});
  check_both({.M = 5, .N = 0, .K = 3});
  check_both({.batch = 0, .M = 5, .N = 2, .K = 3});
  check_both({.M = 5, .N = 40, .K = 0});
  check_both({.M = 5, .N = 3, .K = 0, .beta = 0.5, .bias = true});
  check_both({.M = 5, .N = 3, .K = 0, .beta = 1});
}

TEST(CpuGemm, AlphaBetaBias) {
  for (double alpha : {1.0, 0.0, -0.5}) {
    for (double beta : {0.0, 1.0, -2.0}) {
      for (bool bias : {false, true}) {
        check_both({.M = 17, .N = 45, .K = 300, .alpha = alpha, .beta = beta, .bias = bias});
        check_both({.M = 5, .N = 3, .K = 11, .alpha = alpha, .beta = beta, .bias = bias});
      }
    }
  }
}

TEST(CpuGemm, AllPlacements) {
  for (const Placement& a : test::kMatrixPlacements) {
    for (const Placement& b : test::kMatrixPlacements) {
      for (const Placement& c : test::kMatrixPlacements) {
        check_both({.batch = 2, .M = 14, .N = 37, .K = 21, .beta = 1, .bias = true, .a = a, .b = b, .c = c});
        check_case<float>({.batch = 2, .M = 37, .N = 6, .K = 9, .a = a, .b = b, .c = c});
      }
    }
  }
}

// Operands are read where they lie where they are small, or the other one is narrow; a few rows by dense
// columns have a way of their own.
TEST(CpuGemm, NarrowAndFewRows) {
  const Placement transposed = {{0, 2, 1}, 1, 0};
  for (int64_t M : {1, 2, 4, 5, 7, 19}) {
    for (int64_t N : {1, 3, 8, 16, 31, 33, 64, 70, 250}) {
      check_both({.M = M, .N = N, .K = 37, .alpha = 2, .beta = 1, .bias = true, .b = transposed});
      check_both({.M = N, .N = M, .K = 37, .beta = -1, .bias = true});
      check_both({.M = N, .N = M, .K = 37, .beta = 1, .bias = true, .a = transposed, .c = transposed});
    }
  }
  for (int64_t K : {1, 2, 3, 63, 64, 65, 255, 257, 600, 2048}) {
    check_both({.M = 1, .N = 45, .K = K, .bias = true, .b = transposed});
    check_both({.M = 3, .N = 45, .K = K, .beta = 1, .b = transposed, .c = transposed});
    check_both({.M = 200, .N = 17, .K = K, .bias = true});
    check_both({.M = 17, .N = 200, .K = K, .a = transposed});
  }
}

// An element's bits depend on K alone: not on how many rows and columns there are, nor on where they lie.
TEST(CpuGemm, SameBitsWhateverIsBesideThem) {
  const int64_t K = 700, rows = 40, columns = 90;
  const Array<float> a = Array<float>({1, rows, K}).randomize(1);
  const Array<float> b = Array<float>({1, K, columns}).randomize(2);
  const Array<float> dense_columns = Array<float>({1, K, columns}, {{0, 2, 1}, 1, 0}).randomize(2);
  Array<float> whole({1, rows, columns});
  gemm(1, a.view(), b.view(), 0, whole.view(), {});
  for (int64_t M : {1, 3, 5, 13}) {
    for (int64_t N : {1, 7, 16, 40, 89}) {
      for (const Array<float>* right : {&b, &dense_columns}) {
        Array<float> part({1, M, N});
        View left = a.view(), middle = right->view();
        left.shape[1] = M;
        middle.shape[2] = N;
        gemm(1, left, middle, 0, part.view(), {});
        for (int64_t i = 0; i < M; ++i) {
          for (int64_t j = 0; j < N; ++j) ASSERT_EQ(part(0, i, j), whole(0, i, j)) << M << " " << N;
        }
      }
    }
  }
}

TEST(CpuGemm, SharedOperandsOfABatch) {
  for (const Placement& c : test::kMatrixPlacements) {
    check_both({.batch = 3, .M = 14, .N = 37, .K = 21, .bias = true, .c = c, .share_a = true});
    check_both({.batch = 3, .M = 14, .N = 37, .K = 21, .bias = true, .c = c, .share_b = true});
    check_both({.batch = 3, .M = 4, .N = 5, .K = 6, .c = c, .share_a = true, .share_b = true});
  }
}

TEST(CpuGemm, SeveralBatchDimensions) {
  const Array<float> a = Array<float>({2, 3, 4, 5}).randomize(1);
  const Array<float> b = Array<float>({2, 3, 5, 6}, {{1, 3, 0, 2}, 1, 0}).randomize(2);
  const Array<float> c({2, 3, 4, 6});
  gemm(1, a.view(), b.view(), 0, c.view(), {});
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      for (int64_t m = 0; m < 4; ++m) {
        for (int64_t n = 0; n < 6; ++n) {
          double sum = 0;
          for (int64_t k = 0; k < 5; ++k)
            sum += static_cast<double>(a(i, j, m, k)) * static_cast<double>(b(i, j, k, n));
          ASSERT_NEAR(c(i, j, m, n), sum, 1e-6);
        }
      }
    }
  }
}

TEST(CpuGemm, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  const std::vector<Case> cases = {{.M = 300, .N = 200, .K = 600, .beta = 1, .bias = true},
                                   {.M = 2000, .N = 16, .K = 72},
                                   {.M = 128, .N = 250, .K = 1024, .b = {{0, 2, 1}, 1, 0}},
                                   {.batch = 40, .M = 30, .N = 30, .K = 30},
                                   {.M = 1, .N = 3000, .K = 500},
                                   {.M = 9, .N = 4096, .K = 64, .c = {{0, 2, 1}, 1, 0}}};
  for (const Case& t : cases) {
    const Array<float> a = Array<float>({t.batch, t.M, t.K}, t.a).randomize(1);
    const Array<float> b = Array<float>({t.batch, t.K, t.N}, t.b).randomize(2);
    const Array<float> c = Array<float>({t.batch, t.M, t.N}, t.c).randomize(3);
    const Array<float> bias = Array<float>({t.N}).randomize(4);
    set_num_threads(1);
    const std::vector<float> expected = run(t, a, b, c, bias).values();
    for (int threads : {2, 3}) {
      set_num_threads(threads);
      const std::vector<float> values = run(t, a, b, c, bias).values();
      EXPECT_EQ(std::memcmp(values.data(), expected.data(), expected.size() * sizeof(float)), 0) << threads;
    }
  }
  set_num_threads(before);
}

// Operands packed beforehand give the bits of operands packed on the way.
TEST(CpuMatmul, PackedOperands) {
  const int64_t M = 70;
  const int64_t N = 83;
  const int64_t K = 523;
  const Array<float> a = Array<float>({M, K}).randomize(1);
  const Array<float> b = Array<float>({K, N}).randomize(2);
  const Array<float> bias = Array<float>({M}).randomize(3);
  std::vector<float> packed_a(static_cast<size_t>(packed_a_size<float>(M, K)));
  std::vector<float> packed_b(static_cast<size_t>(packed_b_size<float>(K, N)));
  pack_a<float>(M, K, {a.view().as<float>(), K, 1}, packed_a.data());
  pack_b<float>(K, N, {b.view().as<float>(), N, 1}, packed_b.data());
  std::vector<std::vector<float>> results;
  for (int packed = 0; packed < 4; ++packed) {
    std::vector<float>& c = results.emplace_back(static_cast<size_t>(M * N), 7.0F);
    Matmul<float> p;
    p.M = M, p.N = N, p.K = K;
    p.c = {c.data(), N, 1};
    p.row_bias = bias.view().as<float>();
    if ((packed & 1) != 0)
      p.packed_a = packed_a.data();
    else
      p.a = {a.view().as<float>(), K, 1};
    if ((packed & 2) != 0)
      p.packed_b = packed_b.data();
    else
      p.b = {b.view().as<float>(), N, 1};
    matmul(p);
    EXPECT_EQ(c, results[0]) << packed;
  }
}

// Small results of long sums, whose blocks threads take: packed operands and not, with all that is done at
// the end.
template <class T>
void check_long_sums(int64_t M, int64_t N, int64_t K) {
  const int before = num_threads();
  const Array<T> a = Array<T>({M, K}).randomize(1), b = Array<T>({K, N}).randomize(2);
  const Array<T> rows = Array<T>({M}).randomize(3), columns = Array<T>({N}).randomize(4);
  std::vector<T> packed_a(static_cast<size_t>(packed_a_size<T>(M, K)));
  std::vector<T> packed_b(static_cast<size_t>(packed_b_size<T>(K, N)));
  pack_a<T>(M, K, {a.view().template as<T>(), K, 1}, packed_a.data());
  pack_b<T>(K, N, {b.view().template as<T>(), N, 1}, packed_b.data());
  for (const int how : {0, 1, 2, 3}) {
    for (const T beta : {T(0), T(-0.5)}) {
      std::vector<T> results[3];
      for (const int threads : {1, 2, 3}) {
        set_num_threads(threads);
        const Array<T> c = Array<T>({M, N}).randomize(5);
        Matmul<T> p;
        p.M = M, p.N = N, p.K = K;
        p.c = {c.view().template as<T>(), N, 1};
        p.beta = beta;
        p.row_bias = how == 1 ? rows.view().template as<T>() : nullptr;
        p.col_bias = how == 2 ? columns.view().template as<T>() : nullptr;
        p.relu = how >= 2;
        (how & 1) != 0 ? void(p.packed_a = packed_a.data()) : void(p.a = {a.view().template as<T>(), K, 1});
        (how & 2) != 0 ? void(p.packed_b = packed_b.data()) : void(p.b = {b.view().template as<T>(), N, 1});
        matmul(p);
        results[threads - 1] = c.values();
      }
      EXPECT_EQ(results[1], results[0]) << "operands " << how << ", beta " << beta;
      EXPECT_EQ(results[2], results[0]) << "operands " << how << ", beta " << beta;
    }
  }
  set_num_threads(before);
}

TEST(CpuMatmul, LongSumsOfSmallResults) {
  check_long_sums<float>(128, 250, 2048);
  check_long_sums<float>(37, 45, 3001);
  check_long_sums<double>(45, 37, 5000);
}

// Backend::gemm_packed: the bits of gemm, then ReLU; few rows and many, panels that are whole and not, one
// block of K and several, any strides of the operands.
template <class T>
void check_packed_products() {
  const int64_t lanes = gemm_kernels<T>().lanes;
  for (const int64_t M : {1, 2, 7, 40}) {
    for (const int64_t N : {lanes, 2 * lanes - 1, 3 * lanes + 1, 4 * lanes, 9 * lanes + 3}) {
      for (const int64_t K : {1, 30, 523, 5000}) {
        for (const Placement& placement : {Placement{}, Placement{{1, 0}, 1, 0}, Placement{{0, 1}, 2, 3}}) {
          SCOPED_TRACE(testing::Message() << name(dtype_of<T>) << " M " << M << " N " << N << " K " << K);
          const Array<T> a = Array<T>({M, K}, placement).randomize(1),
                         b = Array<T>({K, N}, placement).randomize(2);
          const Array<T> bias = Array<T>({N}, {{}, 3, 0}).randomize(3);
          Array<T> expected({M, N}), result({M, N}, placement, std::numeric_limits<T>::quiet_NaN());
          const int64_t bytes = packed_gemm_bytes(b.view());
          ASSERT_GT(bytes, 0);
          std::vector<char> memory(static_cast<size_t>(bytes));
          const View packed{memory.data(), DType::UInt8, {bytes}, {1}};
          pack_gemm(b.view(), packed);
          for (const bool with_bias : {false, true}) {
            const View added = with_bias ? bias.view() : View{};
            gemm(1, a.view(), b.view(), 0, expected.view(), added);
            for (const bool relu : {false, true}) {
              gemm_packed(a.view(), packed, result.view(), added, relu);
              for (int64_t i = 0; i < M; ++i) {
                for (int64_t j = 0; j < N; ++j) {
                  const T e = relu && expected(i, j) < 0 ? T(0) : expected(i, j);
                  ASSERT_EQ(result(i, j), e) << i << ", " << j << " relu " << relu;
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(CpuGemm, PackedProductsHaveTheBitsOfOthers) {
  check_packed_products<float>();
  check_packed_products<double>();
  const Array<float> narrow({10, gemm_kernels<float>().lanes - 1});
  EXPECT_EQ(packed_gemm_bytes(narrow.view()), 0);
}

}  // namespace
}  // namespace linnet::cpu

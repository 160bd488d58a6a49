// The matrix product on the GPU in all layouts of its three matrices against the CPU's. Tolerance: that of
// convolutions (cuda_conv_arrays.h).
#include "cuda/gemm.h"

#include <vector>

#include "cpu/gemm.h"
#include "tests/unit/cuda_conv_arrays.h"
#include "tests/unit/matrix_placements.h"

namespace linnet {
namespace {

using test::Array;
using test::OnDevice;
using test::Placement;

using CudaGemm = test::CudaTest;

struct Case {
  int64_t batch = 1, M = 1, N = 1, K = 1;
  double alpha = 1, beta = 0;
  bool bias = false;
  Placement a = {}, b = {}, c = {};
};

template <class T>
void check_case(const Case& t) {
  SCOPED_TRACE(testing::Message() << name(dtype_of<T>) << " batch " << t.batch << " M " << t.M << " N " << t.N
                                  << " K " << t.K << " alpha " << t.alpha << " beta " << t.beta);
  const Array<T> a = Array<T>({t.batch, t.M, t.K}, t.a).randomize(1);
  const Array<T> b = Array<T>({t.batch, t.K, t.N}, t.b).randomize(2);
  const Array<T> bias = Array<T>({t.N}, {{}, 3, 0}).randomize(3);
  Array<T> c({t.batch, t.M, t.N}, t.c, test::kPoison<T>);
  if (t.beta != 0) c.randomize(4);
  const OnDevice<T> left(a), right(b), add(bias);
  OnDevice<T> result(c);
  cuda::gemm(test::backend(), t.alpha, left.view(), right.view(), t.beta, result.view(),
             t.bias ? add.view() : View{});
  cpu::gemm(t.alpha, a.view(), b.view(), t.beta, c.view(), t.bias ? bias.view() : View{});
  test::expect_near(result.back(), c, t.K + 2, "c");
}

void check_both(const Case& t) {
  check_case<float>(t);
  check_case<double>(t);
}

TEST_F(CudaGemm, AllPlacements) {
  for (const Placement& a : test::kMatrixPlacements) {
    for (const Placement& b : test::kMatrixPlacements) {
      for (const Placement& c : test::kMatrixPlacements) {
        check_both({.batch = 2, .M = 5, .N = 7, .K = 4, .beta = 0.5, .bias = true, .a = a, .b = b, .c = c});
        check_case<float>({.batch = 2, .M = 6, .N = 3, .K = 5, .alpha = -2, .a = a, .b = b, .c = c});
      }
    }
  }
}

TEST_F(CudaGemm, RowsAndColumns) {
  for (const Placement& placement : test::kMatrixPlacements) {
    const Case row{.batch = 2, .M = 1, .N = 6, .K = 3, .a = placement, .b = placement, .c = placement};
    const Case column{.batch = 2, .M = 6, .N = 1, .K = 3, .a = placement, .b = placement, .c = placement};
    const Case outer{.batch = 2, .M = 4, .N = 5, .K = 1, .a = placement, .b = placement, .c = placement};
    for (const Case& t : {row, column, outer}) check_both(t);
  }
}

TEST_F(CudaGemm, EmptyExtents) {
  check_both({.M = 0, .N = 5, .K = 3});
  check_both({.M = 5, .N = 0, .K = 3});
  check_both({.batch = 0, .M = 5, .N = 2, .K = 3});
  check_both({.M = 5, .N = 4, .K = 0});
  check_both({.M = 5, .N = 3, .K = 0, .beta = 0.5, .bias = true});
  check_both({.M = 5, .N = 3, .K = 0, .beta = 1, .c = {{0, 2, 1}, 1, 0}});
}

}  // namespace
}  // namespace linnet

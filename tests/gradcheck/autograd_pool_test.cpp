// Pooling and upsampling differentiated through something that is not linear, so that second gradients have
// something to find, in other orders of memory too. Their gradients by themselves: check/cases_pool.cpp.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

TEST(PoolGradcheck, MaximaOfSquares) {
  for (const Pool2dOptions& options :
       {Pool2dOptions{.kernel = 2}, Pool2dOptions{.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true},
        Pool2dOptions{.kernel = {2, 3}, .stride = 1, .dilation = {2, 1}}}) {
    check_both([&](const Tensors& in) { return square(max_pool2d(in[0] * in[0], options)); },
               {randoms({1, 2, 5, 6}, 1)});
    check_both(
        [&](const Tensors& in) {
          return square(max_pool2d(exp(in[0].to(MemoryOrder::ChannelsLast)), options));
        },
        {randoms({1, 2, 5, 6}, 2)});
  }
  check_both(
      [](const Tensors& in) {
        return square(adaptive_max_pool2d(in[0], {2, 3}));
      },
      {randoms({1, 2, 5, 4}, 3)});
}

TEST(PoolGradcheck, AveragesOfSquares) {
  const Pool2dOptions options{.kernel = {2, 3}, .stride = 2, .padding = 1, .count_include_pad = false};
  check_both([&](const Tensors& in) { return square(avg_pool2d(square(in[0]), options)); },
             {randoms({1, 2, 5, 6}, 4)});
  check_both([](const Tensors& in) { return square(adaptive_avg_pool2d(square(in[0]), 1)); },
             {randoms({2, 2, 3, 4}, 5)});
  check_both(
      [](const Tensors& in) {
        return square(adaptive_avg_pool2d(square(in[0].transpose(2, 3)), {2, 3}));
      },
      {randoms({1, 2, 5, 4}, 6)});
}

TEST(PoolGradcheck, UpsamplingsOfSquares) {
  for (const UpsampleMode mode : {UpsampleMode::Nearest, UpsampleMode::Bilinear}) {
    check_both(
        [&](const Tensors& in) {
          return square(upsample(square(in[0]), {.scale_factor = {2, 1.5}, .mode = mode}));
        },
        {randoms({1, 2, 3, 4}, 7)});
  }
}

TEST(PoolGradcheck, ThirdDerivatives) {
  const Tensor x = Tensor(randoms({1, 1, 4, 4}, 8, 0.5, 1)).requires_grad_();
  const auto third = [&](const Tensor& y) {
    const Tensor first = autograd::grad(sum(y * y * y), {x}, {.create_graph = true})[0];
    const Tensor second = autograd::grad(sum(first), {x}, {.create_graph = true})[0];
    return autograd::grad(sum(second), {x})[0].to_vector<double>();
  };
  // The sum of cubes of maxima: 6 where x is one. Of means of four: 6 (4 / 4)^2 / 4, of each.
  const std::vector<double> largest =
      max_pool2d_grad(NDArray::full({1, 1, 2, 2}, 6.0, DType::Float64),
                      max_pool2d_with_indices(x.data(), {.kernel = 2}).indices,
                      Pool2dGeometry::make(PoolKind::Max, x.shape(), {.kernel = 2}))
          .to_vector<double>();
  EXPECT_EQ(third(max_pool2d(x, {.kernel = 2})), largest);
  for (const double value : third(avg_pool2d(x, {.kernel = 2}))) EXPECT_NEAR(value, 1.5, 1e-13);
}

}  // namespace
}  // namespace linnet

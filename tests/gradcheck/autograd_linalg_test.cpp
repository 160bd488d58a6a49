// Matrix products and linear, for operands of every rank and for strided ones.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

Tensor product(const Tensors& in) {
  return matmul(in[0], in[1]);
}

TEST(LinalgGradcheck, MatmulOfEveryRank) {
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{3}, {3}},
      {{2, 3}, {3}},
      {{3}, {3, 4}},
      {{2, 3}, {3, 4}},
      {{5, 2, 3}, {3, 4}},
      {{2, 3}, {5, 3, 4}},
      {{5, 2, 3}, {5, 3, 4}},
      {{1, 2, 3}, {5, 3, 4}},
      {{3}, {5, 3, 4}},
      {{5, 2, 3}, {3}},
      {{2, 1, 2, 3}, {3, 3, 2}},
      {{2, 3, 2, 3}, {3, 2}},
      {{2, 0}, {0, 3}},
      {{0, 3}, {3, 2}},
      {{1, 3}, {3, 1}},
  };
  uint64_t seed = 1;
  for (const auto& [a, b] : shapes) {
    SCOPED_TRACE(to_string(a) + " x " + to_string(b));
    check_both(product, {randoms(a, seed), randoms(b, seed + 1)});
    seed += 2;
  }
}

TEST(LinalgGradcheck, MatmulOfViews) {
  check_both([](const Tensors& in) { return matmul(in[0].transpose(0, 1), in[1].transpose(0, 1)); },
             {randoms({3, 2}, 51), randoms({4, 3}, 52)});
  check_both([](const Tensors& in) { return matmul(in[0].slice(1, 0, 6, 2), in[1].slice(0, 1, 6, 2)); },
             {randoms({2, 6}, 53), randoms({6, 3}, 54)});
  check_both(
      [](const Tensors& in) {
        return matmul(in[0].permute({1, 2, 0}), in[1].broadcast_to({2, 4, 3}));
      },
      {randoms({4, 2, 3}, 55), randoms({4, 3}, 56)});
  check_both([](const Tensors& in) { return matmul(in[0].transpose(0, 1), in[1]); },
             {randoms({2, 3, 4}, 57), randoms({4, 2}, 58)});
  check_both([](const Tensors& in) { return matmul(in[0], in[0]); }, {randoms({3, 3}, 59)});
}

TEST(LinalgGradcheck, LinearOfEveryRank) {
  uint64_t seed = 60;
  for (const Shape& x : {Shape{3}, Shape{4, 3}, Shape{2, 4, 3}, Shape{2, 1, 2, 3}, Shape{0, 3}}) {
    SCOPED_TRACE(to_string(x));
    check_both([](const Tensors& in) { return linear(in[0], in[1], in[2]); },
               {randoms(x, seed), randoms({2, 3}, seed + 1), randoms({2}, seed + 2)});
    check_both([](const Tensors& in) { return linear(in[0], in[1]); },
               {randoms(x, seed), randoms({2, 3}, seed + 1)});
    seed += 3;
  }
  check_both([](const Tensors& in) { return linear(in[0].transpose(0, 1), in[1].transpose(0, 1), in[2]); },
             {randoms({3, 4}, 80), randoms({3, 2}, 81), randoms({2}, 82)});
}

}  // namespace
}  // namespace linnet

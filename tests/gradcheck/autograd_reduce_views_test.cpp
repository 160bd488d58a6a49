// Reductions, indexing, views and conversions.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

using Reduce = Tensor (*)(const Tensor&, const Dims&, bool);

void check_reduction(Reduce f) {
  for (const bool keepdims : {false, true}) {
    for (const Dims& dims : {Dims{}, Dims{0}, Dims{-1}, Dims{2, 0}, Dims{0, 1, 2}}) {
      // Squared first, so that the second gradient is not zero.
      check_both([&](const Tensors& in) { return square(f(square(in[0]) + in[0], dims, keepdims)); },
                 {randoms({2, 3, 2}, 1)});
    }
  }
  check_both(
      [&](const Tensors& in) {
        return f(in[0].permute({2, 0, 1}).slice(0, 0, 3, 2), {1}, false);
      },
      {randoms({2, 3, 4}, 2)});
  check_both([&](const Tensors& in) { return f(in[0], {}, false); }, {randoms({}, 3)});
}

TEST(ReduceGradcheck, Sum) {
  check_reduction(sum);
}
TEST(ReduceGradcheck, Mean) {
  check_reduction(mean);
}
TEST(ReduceGradcheck, Amax) {
  check_reduction(amax);
}
TEST(ReduceGradcheck, Amin) {
  check_reduction(amin);
}

TEST(ReduceGradcheck, SumTo) {
  for (const Shape& shape :
       {Shape{3, 1}, Shape{1, 2}, Shape{2}, Shape{1}, Shape{}, Shape{4, 1, 1}, Shape{4, 3, 2}}) {
    check_both([&](const Tensors& in) { return square(sum_to(in[0], shape)); }, {randoms({4, 3, 2}, 4)});
  }
}

TEST(IndexGradcheck, GatherAndScatterAdd) {
  const NDArray rows = NDArray::from_data<int64_t>({0, 2, 2, 1, 0, 0, 1, 1}, {4, 2});
  const NDArray columns = NDArray::from_data<int64_t>({1, 1, 0}, {3, 1});
  check_both([&](const Tensors& in) { return square(gather(in[0], 0, rows)); }, {randoms({3, 2}, 5)});
  check_both([&](const Tensors& in) { return square(gather(in[0], -1, columns)); }, {randoms({3, 2}, 6)});
  check_both(
      [&](const Tensors& in) {
        return square(scatter_add({3, 2}, 0, rows, in[0]));
      },
      {randoms({4, 2}, 7)});
  check_both(
      [&](const Tensors& in) {
        return square(scatter_add({3, 4}, 1, columns, in[0]));
      },
      {randoms({3, 1}, 8)});
}

TEST(ViewGradcheck, Views) {
  const std::vector<autograd::Function> views = {
      [](const Tensors& in) {
        return in[0].permute({2, 0, 1});
      },
      [](const Tensors& in) {
        return in[0].permute({-1, 0, -2});
      },
      [](const Tensors& in) { return in[0].transpose(0, -1); },
      [](const Tensors& in) { return in[0].slice(1, 1, 3); },
      [](const Tensors& in) { return in[0].slice(-1, -3, -1); },
      [](const Tensors& in) { return in[0].slice(1, 0, 100, 2); },
      [](const Tensors& in) { return in[0].slice(0, 1, 1); },
      [](const Tensors& in) { return in[0].select(1, 2); },
      [](const Tensors& in) { return in[0].select(-1, -1); },
      [](const Tensors& in) {
        return in[0].broadcast_to({5, 2, 3, 4});
      },
      [](const Tensors& in) { return in[0].expand_dims(1); },
      [](const Tensors& in) { return in[0].expand_dims(-1); },
      [](const Tensors& in) { return in[0].slice(0, 0, 1).squeeze(); },
      [](const Tensors& in) { return in[0].slice(0, 0, 1).squeeze(0); },
      [](const Tensors& in) {
        return in[0].reshape({4, -1});
      },
      [](const Tensors& in) {
        return in[0].transpose(0, 1).reshape({6, 4});
      },
      [](const Tensors& in) { return in[0].flatten(); },
      [](const Tensors& in) { return in[0].transpose(0, 2).flatten(1); },
      [](const Tensors& in) { return in[0].transpose(0, 2).contiguous(); },
      [](const Tensors& in) {
        return in[0].reshape({2, 3, 2, 2}).to(MemoryOrder::ChannelsLast);
      },
      [](const Tensors& in) {
        return unslice(in[0], {2, 8, 4}, 1, 1, 7, 2);
      },
      [](const Tensors& in) {
        return unslice(in[0], {2, 3, 9}, -1, -5, -1);
      },
  };
  for (const autograd::Function& f : views) {
    check_both([&](const Tensors& in) { return square(f(in)) + f(in); }, {randoms({2, 3, 4}, 9)});
  }
}

TEST(ViewGradcheck, BroadcastFromOnes) {
  check_both([](const Tensors& in) { return square(in[0].broadcast_to({2, 3, 4})); }, {randoms({3, 1}, 10)});
  check_both([](const Tensors& in) { return square(in[0].broadcast_to({2, 3})); }, {randoms({}, 11)});
}

}  // namespace
}  // namespace linnet

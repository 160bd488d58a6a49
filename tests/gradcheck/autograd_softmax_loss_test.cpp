// Softmax, log-softmax and the losses with their options.
#include "tests/gradcheck/gradcheck_both.h"

namespace linnet {
namespace {

TEST(SoftmaxGradcheck, AlongEveryDimension) {
  for (const int dim : {0, 1, 2, -1}) {
    check_both([&](const Tensors& in) { return softmax(in[0], dim); }, {randoms({2, 3, 2}, 1, -2, 2)});
    check_both([&](const Tensors& in) { return log_softmax(in[0], dim); }, {randoms({2, 3, 2}, 2, -2, 2)});
  }
  check_both([](const Tensors& in) { return softmax(in[0].transpose(0, 1), 1); }, {randoms({3, 2}, 3)});
  check_both([](const Tensors& in) { return log_softmax(in[0].slice(1, 0, 6, 2), 1); }, {randoms({2, 6}, 4)});
}

TEST(LossGradcheck, CrossEntropyOfLabels) {
  const NDArray labels = NDArray::from_data<int64_t>({2, 0, -100, 1}, {4});
  const NDArray weight = randoms({3}, 5, 0.5, 2);
  for (const Reduction reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    for (const double smoothing : {0.0, 0.2}) {
      for (const bool weighted : {false, true}) {
        CrossEntropyOptions options;
        options.reduction = reduction;
        options.label_smoothing = smoothing;
        if (weighted) options.weight = weight;
        check_both([&](const Tensors& in) { return cross_entropy(in[0], labels, options); },
                   {randoms({4, 3}, 6, -2, 2)});
      }
    }
  }
  check_both(
      [&](const Tensors& in) {
        return cross_entropy(in[0], NDArray::from_data<int64_t>({0, 1, 2, 2}, {2, 2, 1}), {.weight = weight});
      },
      {randoms({2, 3, 2, 1}, 7)});
}

TEST(LossGradcheck, CrossEntropyOfProbabilities) {
  const NDArray weight = randoms({3}, 8, 0.5, 2);
  for (const Reduction reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    CrossEntropyOptions options;
    options.reduction = reduction;
    options.label_smoothing = 0.1;
    options.weight = weight;
    check_both([&](const Tensors& in) { return cross_entropy(in[0], in[1], options); },
               {randoms({2, 3, 2}, 9, -2, 2), randoms({2, 3, 2}, 10, 0, 1)});
  }
}

TEST(LossGradcheck, NllAndMse) {
  const NDArray labels = NDArray::from_data<int64_t>({2, 0}, {2});
  check_both([&](const Tensors& in) { return nll_loss(square(in[0]), labels); }, {randoms({2, 3}, 11)});
  for (const Reduction reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    check_both([&](const Tensors& in) { return mse_loss(in[0], in[1], {.reduction = reduction}); },
               {randoms({2, 3}, 12), randoms({2, 3}, 13)});
  }
}

}  // namespace
}  // namespace linnet

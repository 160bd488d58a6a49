// Cases of the losses that compare two arrays of one shape, element by element.
#include <algorithm>
#include <cmath>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

using Loss = std::function<Tensor(const Tensors& in, Reduction reduction)>;
using Element = std::function<double(const std::vector<double>& in)>;

void add(OpCases& cases, const char* op, const std::string& about, const std::vector<OpInput>& inputs,
         const Loss& run, const Element& loss) {
  for (const Reduction reduction : {Reduction::Mean, Reduction::Sum, Reduction::None}) {
    const char* by = reduction == Reduction::Mean ? "mean" : reduction == Reduction::Sum ? "sum" : "none";
    cases.push_back({op, about.empty() ? by : about + ", " + by, inputs,
                     [=](const Tensors& in) { return run(in, reduction); },
                     [=](const std::vector<Values>& in) {
                       const Values losses = build(in[0].shape, [&](const Dims& index) {
                         std::vector<double> at;
                         for (const Values& operand : in) at.push_back(broadcast_element(operand, index));
                         return loss(at);
                       });
                       return reduced(losses, reduction, static_cast<long double>(losses.at.size()));
                     },
                     reduction == Reduction::None ? 1 : inputs[0].shape.product()});
  }
}

double cross_entropy_of(double p, double target) {
  return -(target * std::max(std::log(p), -100.0) + (1 - target) * std::max(std::log1p(-p), -100.0));
}

double with_logits(double x, double target, double pos_weight) {
  const double softened = std::max(-x, 0.0) + std::log1p(std::exp(-std::abs(x)));  // log(1 + exp(-x))
  return (1 - target) * x + (1 + (pos_weight - 1) * target) * softened;
}

void add_distances(OpCases& cases) {
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{331, 67}}) {
    const std::string about = shape.rank() == 0 ? "0-d" : shape.product() > 100 ? "large" : "";
    add(
        cases, "mse_loss", about, {input(shape), input(shape)},
        [](const Tensors& in, Reduction r) { return mse_loss(in[0], in[1], {.reduction = r}); },
        [](const std::vector<double>& at) { return (at[0] - at[1]) * (at[0] - at[1]); });
    add(
        cases, "l1_loss", about, {input(shape, distinct()), input(shape, distinct(0.0625))},
        [](const Tensors& in, Reduction r) { return l1_loss(in[0], in[1], {.reduction = r}); },
        [](const std::vector<double>& at) { return std::abs(at[0] - at[1]); });
  }
  for (const double beta : {1.0, 0.25, 0.0}) {
    const std::string about = beta == 1 ? "" : beta == 0 ? "beta 0" : "beta 0.25";
    add(
        cases, "smooth_l1_loss", about, {input({3, 5}, distinct()), input({3, 5}, distinct(0.0625))},
        [beta](const Tensors& in, Reduction r) {
          return smooth_l1_loss(in[0], in[1], {.beta = beta, .reduction = r});
        },
        [beta](const std::vector<double>& at) {
          const double d = std::abs(at[0] - at[1]);
          return d < beta ? d * d / (2 * beta) : d - beta / 2;
        });
  }
}

void add_binary(OpCases& cases) {
  const Draw probability = uniform(0.125, 0.875);
  add(
      cases, "binary_cross_entropy", "", {input({3, 5}, probability), input({3, 5}, probability)},
      [](const Tensors& in, Reduction r) { return binary_cross_entropy(in[0], in[1], {.reduction = r}); },
      [](const std::vector<double>& at) { return cross_entropy_of(at[0], at[1]); });
  add(
      cases, "binary_cross_entropy", "certain",
      {constant({8}, numbers({0, 1, 0, 1})), constant({8}, numbers({0, 1, 1, 0}))},
      [](const Tensors& in, Reduction r) { return binary_cross_entropy(in[0], in[1], {.reduction = r}); },
      [](const std::vector<double>& at) { return cross_entropy_of(at[0], at[1]); });
  add(
      cases, "binary_cross_entropy", "weighted",
      {input({3, 5}, probability), input({3, 5}, probability), constant({5}, uniform(0.5, 2))},
      [](const Tensors& in, Reduction r) {
        return binary_cross_entropy(in[0], in[1], {.weight = in[2], .reduction = r});
      },
      [](const std::vector<double>& at) { return at[2] * cross_entropy_of(at[0], at[1]); });
  for (const Shape& shape : {Shape{3, 5}, Shape{131, 67}}) {
    add(
        cases, "binary_cross_entropy_with_logits", shape.product() > 100 ? "large" : "",
        {input(shape, uniform(-4, 4)), input(shape, probability)},
        [](const Tensors& in, Reduction r) {
          return binary_cross_entropy_with_logits(in[0], in[1], {.reduction = r});
        },
        [](const std::vector<double>& at) { return with_logits(at[0], at[1], 1); });
  }
  add(
      cases, "binary_cross_entropy_with_logits", "far from 0",
      {constant({6}, numbers({-500, 500, 90})), constant({6}, numbers({0, 1, 1, 0.5}))},
      [](const Tensors& in, Reduction r) {
        return binary_cross_entropy_with_logits(in[0], in[1], {.reduction = r});
      },
      [](const std::vector<double>& at) { return with_logits(at[0], at[1], 1); });
  add(
      cases, "binary_cross_entropy_with_logits", "weighted",
      {input({3, 5}, uniform(-4, 4)), input({3, 5}, probability), constant({3, 1}, uniform(0.5, 2)),
       constant({5}, uniform(0.5, 3))},
      [](const Tensors& in, Reduction r) {
        return binary_cross_entropy_with_logits(in[0], in[1],
                                                {.weight = in[2], .pos_weight = in[3], .reduction = r});
      },
      [](const std::vector<double>& at) { return at[2] * with_logits(at[0], at[1], at[3]); });
}

void add_divergence(OpCases& cases) {
  const auto run = [](bool log_target) {
    return [log_target](const Tensors& in, Reduction r) {
      return kl_div(in[0], in[1], {.log_target = log_target, .reduction = r});
    };
  };
  const auto divergence = [](const std::vector<double>& at) {
    return at[1] == 0 ? 0 : at[1] * (std::log(at[1]) - at[0]);
  };
  add(cases, "kl_div", "", {input({3, 5}, uniform(-3, -0.25)), input({3, 5}, uniform(0.125, 1))}, run(false),
      divergence);
  add(cases, "kl_div", "impossible ones",
      {input({6}, uniform(-3, -0.25)), constant({6}, numbers({0, 0.5, 1}))}, run(false), divergence);
  add(cases, "kl_div", "logarithms", {input({3, 5}, uniform(-3, -0.25)), input({3, 5}, uniform(-3, -0.25))},
      run(true), [](const std::vector<double>& at) { return std::exp(at[1]) * (at[1] - at[0]); });
  cases.push_back({"kl_div",
                   "mean over the batch",
                   {input({3, 5}, uniform(-3, -0.25)), input({3, 5}, uniform(0.125, 1))},
                   [](const Tensors& in) { return kl_div(in[0], in[1], {.batch_mean = true}); },
                   [divergence](const std::vector<Values>& in) {
                     return reduced(zip(in[0], in[1],
                                        [&](double x, double t) {
                                          return divergence({x, t});
                                        }),
                                    Reduction::Mean, 3);
                   },
                   15});
}

}  // namespace

OpCases pair_loss_cases() {
  OpCases cases;
  add_distances(cases);
  add_binary(cases);
  add_divergence(cases);
  return cases;
}

}  // namespace linnet::checks

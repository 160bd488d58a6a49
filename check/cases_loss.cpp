// Cases of the losses over classes. References compute every position by the definition, in PyTorch's reading
// of it.
#include <cmath>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

struct Options {
  bool log_probabilities = false;  ///< nll_loss: the input is not put through log-softmax.
  bool probabilities = false;      ///< The target holds probabilities instead of labels.
  bool weighted = false;
  int64_t ignore_index = -100;
  Reduction reduction = Reduction::Mean;
  double smoothing = 0;
};

int class_dim(const Shape& shape) {
  return shape.rank() == 1 ? 0 : 1;
}

Shape positions_of(const Shape& shape) {
  Shape positions = shape;
  positions.erase(class_dim(shape));
  return positions;
}

/// Input, target and, where weighted, class weights.
Values reference(const std::vector<Values>& in, const Options& options) {
  const Values& x = in[0];
  const int dim = class_dim(x.shape);
  const int64_t classes = x.shape[dim];
  Values losses = filled(positions_of(x.shape));
  long double divisor = 0;
  for_each_index(losses.shape, [&](const Dims& place) {
    const auto at = [&](int64_t c) {
      Dims index = place;
      index.insert(dim, c);
      return index;
    };
    const auto weight = [&](int64_t c) -> long double {
      return options.weighted ? in[2].at[static_cast<size_t>(c)] : 1;
    };
    long double normaliser = 0;
    for (int64_t c = 0; c < classes; ++c) normaliser += std::exp(static_cast<long double>(element(x, at(c))));
    const auto log_p = [&](int64_t c) -> long double {
      return element(x, at(c)) - (options.log_probabilities ? 0 : std::log(normaliser));
    };
    long double loss = 0;
    const auto label = options.probabilities ? 0 : static_cast<int64_t>(element(in[1], place));
    if (!options.probabilities && label == options.ignore_index) return;
    for (int64_t c = 0; c < classes; ++c) {
      const long double target = options.probabilities ? element(in[1], at(c)) : c == label;
      const long double smoothed = target * (1 - options.smoothing) + options.smoothing / classes;
      loss -= weight(c) * smoothed * log_p(c);
    }
    divisor += options.probabilities ? 1 : weight(label);
    element(losses, place) = static_cast<double>(loss);
  });
  return reduced(losses, options.reduction, divisor);
}

std::string describe(const Options& options) {
  std::string text = options.probabilities ? "probabilities" : "labels";
  text += options.reduction == Reduction::Mean  ? ", mean"
          : options.reduction == Reduction::Sum ? ", sum"
                                                : ", none";
  if (options.weighted) text += ", weighted";
  if (options.ignore_index >= 0) text += ", a class ignored";
  if (options.smoothing > 0) text += ", smoothed";
  return text;
}

void add(OpCases& cases, const std::string& about, const Shape& shape, const Options& options) {
  const int64_t classes = shape[class_dim(shape)];
  std::vector<OpInput> inputs = {input(shape, uniform(-3, 3))};
  if (options.probabilities) {
    inputs.push_back(input(shape, uniform(0, 1)));
  } else {
    inputs.push_back(constant(positions_of(shape), whole(0, classes - 1), DType::Int64));
  }
  if (options.weighted) inputs.push_back(constant({classes}, uniform(0.5, 2)));
  const auto run = [options](const Tensors& in) {
    const Tensor weight = options.weighted ? in[2] : Tensor();
    if (options.log_probabilities) {
      return nll_loss(
          in[0], in[1],
          {.weight = weight, .ignore_index = options.ignore_index, .reduction = options.reduction});
    }
    return cross_entropy(in[0], in[1],
                         {.weight = weight,
                          .ignore_index = options.ignore_index,
                          .reduction = options.reduction,
                          .label_smoothing = options.smoothing});
  };
  cases.push_back({options.log_probabilities ? "nll_loss" : "cross_entropy", about + ", " + describe(options),
                   inputs, run, [options](const std::vector<Values>& in) { return reference(in, options); },
                   options.reduction == Reduction::None ? classes : shape.product()});
}

void add_all_options(OpCases& cases, const std::string& about, const Shape& shape) {
  for (const Reduction reduction : {Reduction::Mean, Reduction::Sum, Reduction::None}) {
    for (const bool weighted : {false, true}) {
      for (const double smoothing : {0.0, 0.25}) {
        for (const int64_t ignore : {-100, 1}) {
          add(cases, about, shape,
              {.weighted = weighted, .ignore_index = ignore, .reduction = reduction, .smoothing = smoothing});
        }
        add(cases, about, shape,
            {.probabilities = true, .weighted = weighted, .reduction = reduction, .smoothing = smoothing});
      }
      for (const int64_t ignore : {-100, 1}) {
        add(cases, about, shape,
            {.log_probabilities = true,
             .weighted = weighted,
             .ignore_index = ignore,
             .reduction = reduction});
      }
    }
  }
}

}  // namespace

OpCases loss_cases() {
  OpCases cases;
  add_all_options(cases, "2-d", {7, 5});
  add_all_options(cases, "4-d", {2, 3, 3, 2});
  add(cases, "1-d", {6}, {});
  add(cases, "1-d", {6}, {.reduction = Reduction::None, .smoothing = 0.25});
  add(cases, "1-d", {6}, {.probabilities = true});
  add(cases, "1-d", {6}, {.log_probabilities = true});
  add(cases, "large", {331, 67}, {});
  add(cases, "large", {331, 67}, {.log_probabilities = true, .weighted = true});
  add(cases, "large", {331, 67}, {.probabilities = true, .weighted = true, .smoothing = 0.25});
  add(cases, "no rows", {0, 3}, {.reduction = Reduction::Sum});
  add(cases, "no rows", {0, 3}, {.reduction = Reduction::None, .smoothing = 0.25});
  return cases;
}

}  // namespace linnet::checks

// Cases of batch_norm, layer_norm and group_norm. The reference normalises the elements that share a group,
// whatever that is, and scales each by its own weight and bias.
#include <cmath>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

constexpr double kEps = 1e-2;  // large enough to be seen

/// group_of(index) numbers the elements that share mean and variance, parameter_of(index) their weights.
template <class Group, class Parameter>
Values normalised(const Values& x, const Values* weight, const Values* bias, const Group& group_of,
                  const Parameter& parameter_of) {
  std::vector<long double> count(x.at.size()), mean(x.at.size()), variance(x.at.size());
  for_each_index(x.shape, [&](const Dims& index) {
    const size_t group = group_of(index);
    ++count[group];
    mean[group] += element(x, index);
  });
  for (size_t i = 0; i < mean.size(); ++i) mean[i] /= count[i] > 0 ? count[i] : 1;
  for_each_index(x.shape, [&](const Dims& index) {
    const size_t group = group_of(index);
    const long double away = element(x, index) - mean[group];
    variance[group] += away * away / count[group];
  });
  return build(x.shape, [&](const Dims& index) {
    const size_t group = group_of(index), parameter = parameter_of(index);
    const long double y = (element(x, index) - mean[group]) / std::sqrt(variance[group] + kEps);
    return y * (weight != nullptr ? weight->at[parameter] : 1) + (bias != nullptr ? bias->at[parameter] : 0);
  });
}

size_t channel_of(const Dims& index) {
  return static_cast<size_t>(index[1]);
}

const Values* at(const std::vector<Values>& in, size_t i) {
  return i < in.size() ? &in[i] : nullptr;
}

Tensor given(const Tensors& in, size_t i) {
  return i < in.size() ? in[i] : Tensor();
}

std::vector<OpInput> with_affine(const Shape& x, const Shape& parameters, bool affine) {
  if (!affine) return {input(x)};
  return {input(x), input(parameters), input(parameters)};
}

void add_batch(OpCases& cases, const std::string& about, const Shape& shape, bool affine) {
  cases.push_back({"batch_norm", about + ", training", with_affine(shape, {shape[1]}, affine),
                   [](const Tensors& in) {
                     return batch_norm(in[0], {}, {}, given(in, 1), given(in, 2),
                                       {.training = true, .eps = kEps});
                   },
                   [](const std::vector<Values>& in) {
                     return normalised(in[0], at(in, 1), at(in, 2), channel_of, channel_of);
                   },
                   shape.product()});
  std::vector<OpInput> inputs = with_affine(shape, {shape[1]}, affine);
  inputs.insert(inputs.begin() + 1, {constant({shape[1]}), constant({shape[1]}, uniform(0.25, 2))});
  cases.push_back({"batch_norm", about + ", evaluating", inputs,
                   [](const Tensors& in) {
                     return batch_norm(in[0], in[1], in[2], given(in, 3), given(in, 4), {.eps = kEps});
                   },
                   [](const std::vector<Values>& in) {
                     return build(in[0].shape, [&](const Dims& index) {
                       const size_t c = channel_of(index);
                       const double y = (element(in[0], index) - in[1].at[c]) / std::sqrt(in[2].at[c] + kEps);
                       return in.size() > 3 ? y * in[3].at[c] + in[4].at[c] : y;
                     });
                   },
                   2});
}

void add_layer(OpCases& cases, const std::string& about, const Shape& shape, const Shape& over, bool affine) {
  const int64_t size = over.product();
  cases.push_back(
      {"layer_norm", about, with_affine(shape, over, affine),
       [over](const Tensors& in) { return layer_norm(in[0], over, given(in, 1), given(in, 2), kEps); },
       [shape, size](const std::vector<Values>& in) {
         const auto flat = [&](const Dims& index) { return static_cast<int64_t>(position(shape, index)); };
         return normalised(
             in[0], at(in, 1), at(in, 2),
             [&](const Dims& index) { return static_cast<size_t>(flat(index) / size); },
             [&](const Dims& index) { return static_cast<size_t>(flat(index) % size); });
       },
       size});
}

void add_group(OpCases& cases, const std::string& about, const Shape& shape, int64_t groups, bool affine) {
  const int64_t channels = shape[1] / groups;
  cases.push_back(
      {"group_norm", about, with_affine(shape, {shape[1]}, affine),
       [groups](const Tensors& in) { return group_norm(in[0], groups, given(in, 1), given(in, 2), kEps); },
       [groups, channels](const std::vector<Values>& in) {
         return normalised(
             in[0], at(in, 1), at(in, 2),
             [&](const Dims& index) { return static_cast<size_t>(index[0] * groups + index[1] / channels); },
             channel_of);
       },
       shape.product() / shape[0] / groups});
}

}  // namespace

OpCases norm_cases() {
  OpCases cases;
  add_batch(cases, "pictures", {2, 3, 2, 3}, true);
  add_batch(cases, "pictures, no affine", {2, 3, 2, 3}, false);
  add_batch(cases, "features", {5, 3}, true);
  add_batch(cases, "features, many channels", {3, 37}, true);
  add_batch(cases, "long planes", {2, 2, 17, 19}, true);
  add_batch(cases, "large", {5, 17, 9, 11}, true);
  add_layer(cases, "last dimension", {2, 3, 5}, {5}, true);
  add_layer(cases, "three dimensions", {2, 2, 2, 3}, {2, 2, 3}, true);
  add_layer(cases, "no affine", {3, 4}, {4}, false);
  add_layer(cases, "large", {67, 131}, {131}, true);
  add_group(cases, "two groups", {2, 4, 2, 3}, 2, true);
  add_group(cases, "one group, no affine", {2, 4, 3}, 1, false);
  add_group(cases, "a group for each channel", {2, 3, 2, 2}, 3, true);
  add_group(cases, "large", {3, 24, 7, 9}, 4, true);
  return cases;
}

}  // namespace linnet::checks

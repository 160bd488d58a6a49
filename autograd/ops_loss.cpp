// Losses, composed of differentiable operators but for the cross-entropy of labels; the formulas are
// PyTorch's. Class labels are checked on the host before anything is computed. Where reading them would wait
// for the device they are left to gather, whose error comes when the device is next waited for; arrays
// without elements, on meta, are taken on trust.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "core/backend.h"
#include "core/cross_entropy.h"
#include "core/fail.h"
#include "core/stand_in.h"

namespace linnet {

using autograd::record;
using autograd::Saved;

namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::None:
      return losses;
    case Reduction::Mean:
      return mean(losses);
    case Reduction::Sum:
      return sum(losses);
  }
  return losses;
}

/// Classes are dimension 1, or 0 of 1-d scores.
int class_dim(const Tensor& scores) {
  return scores.rank() == 1 ? 0 : 1;
}

bool same_device(const Tensor& a, const Tensor& b) {
  return StandIn::active() != nullptr || a.device() == b.device();
}

Shape position_of(int64_t flat, const Shape& shape) {
  Shape position = shape;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    position[i] = flat % shape[i];
    flat /= shape[i];
  }
  return position;
}

/// Throws for a label that is no class. Returns whether some are, or may be, to be ignored.
bool check_labels(const NDArray& labels, int64_t classes, int64_t ignore_index, const char* where) {
  if (StandIn::active() != nullptr || !labels.device().backend().has_values()) return false;
  if (labels.device().backend().runs_ahead()) return true;
  bool some_ignored = false;
  const std::vector<int64_t> values = labels.to_vector<int64_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == ignore_index) {
      some_ignored = true;
    } else if (values[i] < 0 || values[i] >= classes) {
      fail(where,
           "label {} at position {} is outside [0, {}); expected a class, or {} for positions to ignore; "
           "labels "
           "have shape {}",
           values[i], position_of(static_cast<int64_t>(i), labels.shape()), classes, ignore_index,
           labels.shape());
    }
  }
  return some_ignored;
}

void check_scores(const Tensor& scores, const char* what, const char* where) {
  check(scores.defined() && scores.rank() >= 1 && is_floating(scores.dtype()), where,
        "the {} are {} {}; expected a floating dtype and shape (N, C, ...) or (C,)", what,
        scores.defined() ? name(scores.dtype()) : "undefined", scores.defined() ? scores.shape() : Shape());
}

void check_weight(const Tensor& weight, const Tensor& scores, const char* where) {
  if (!weight.defined()) return;
  const int64_t classes = scores.size(class_dim(scores));
  check(weight.shape() == Shape{classes} && weight.dtype() == scores.dtype() && same_device(weight, scores),
        where, "the class weights are {} {} on {}; expected {} ({},) on {}", weight.dtype(), weight.shape(),
        weight.device(), scores.dtype(), classes, scores.device());
}

void check_label_shape(const Tensor& scores, const Tensor& labels, const char* where) {
  Shape expected = scores.shape();
  expected.erase(class_dim(scores));
  check(labels.shape() == expected && same_device(labels, scores), where,
        "the labels have shape {} on {}; for scores of shape {} expected {} on {}", labels.shape(),
        labels.device(), scores.shape(), expected, scores.device());
}

/// Class labels, each with its factor in the loss.
struct Labels {
  NDArray classes;  ///< With the class dimension, extent 1; ignored ones are 0.
  NDArray ignored;  ///< Bool; undefined where it is known that none is.
  NDArray factor;   ///< Class weights, 0 where ignored; undefined where all are 1.
};

Labels read_labels(const Tensor& scores, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                   const char* where) {
  const NDArray& labels = target.data();
  const int dim = class_dim(scores);
  Labels result;
  NDArray classes = labels;
  if (check_labels(labels, scores.size(dim), ignore_index, where)) {
    result.ignored = labels == ignore_index;
    classes = linnet::where(result.ignored, 0, labels);
  }
  if (weight.defined()) result.factor = gather(weight.data(), 0, classes.flatten()).reshape(labels.shape());
  if (result.ignored.defined()) {
    const NDArray factor = result.factor.defined()
                               ? result.factor
                               : NDArray::ones(labels.shape(), scores.dtype(), scores.device());
    result.factor = linnet::where(result.ignored, 0, factor);
  }
  result.classes = classes.expand_dims(dim);
  return result;
}

/// Mean divides by the sum of the factors; none ignored and no weights make that the plain mean.
Tensor reduced(const Tensor& losses, const Labels& labels, Reduction reduction) {
  if (reduction == Reduction::Mean && labels.factor.defined()) return sum(losses) / sum(labels.factor);
  return reduced(losses, reduction);
}

/// -log softmax(x)[label] for each position, with extent 1 in the class dimension. Fused; the gradient is
/// written out in operators where it is itself recorded.
Tensor label_losses(const Tensor& x, const NDArray& classes, int dim) {
  const CrossEntropies y = cross_entropies(x.data(), classes, dim);
  return record(
      "cross_entropy", {x, classes}, y.losses,
      [dim, largest = y.largest, log_sum = y.log_sum](const Saved& saved, const Tensor& gy) -> Tensors {
        const Tensor scores = saved.input(0);
        const NDArray labels = saved.input(1).data();
        if (grad_enabled()) {
          const Tensor at_label = scatter_add(scores.shape(), dim, labels, gy);
          return {softmax(scores, dim) * gy - at_label, {}};
        }
        return {cross_entropies_grad(gy.data(), scores.data(), largest, log_sum, labels, dim), {}};
      });
}

/// Losses of positions, with extent 1 in the class dimension, times their factors; 0 where ignored.
Tensor factored(const Tensor& each, const Labels& labels, bool weighted) {
  Tensor losses = each.squeeze(class_dim(each));
  if (weighted) losses = losses * labels.factor;
  return labels.ignored.defined() ? where(labels.ignored, 0, losses) : losses;
}

/// Class weights, shaped to broadcast over scores.
NDArray weight_like(const Tensor& weight, const Tensor& scores) {
  Shape shape = Dims::filled(scores.rank(), 1);
  shape[class_dim(scores)] = weight.numel();
  return weight.data().reshape(shape);
}

/// -sum over classes of w_c p_c log p_c, for each position; p may be undefined (1 everywhere).
Tensor class_sum(const Tensor& log_p, const Tensor& p, const Tensor& weight) {
  Tensor terms = p.defined() ? p * log_p : log_p;
  if (weight.defined()) terms = terms * weight_like(weight, log_p);
  return -sum(terms, {class_dim(log_p)});
}

Tensor label_loss(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  const char* where = "cross_entropy";
  check_label_shape(logits, target, where);
  const Labels labels = read_labels(logits, target, options.weight, options.ignore_index, where);
  const int dim = class_dim(logits);
  const bool weighted = options.weight.defined();
  if (options.label_smoothing == 0) {
    return reduced(factored(label_losses(logits, labels.classes, dim), labels, weighted), labels,
                   options.reduction);
  }
  const Tensor log_p = log_softmax(logits, dim);
  const Tensor loss =
      reduced(factored(-gather(log_p, dim, labels.classes), labels, weighted), labels, options.reduction);
  const double share = options.label_smoothing / static_cast<double>(logits.size(dim));
  Tensor smooth = class_sum(log_p, {}, options.weight);
  if (labels.ignored.defined()) smooth = linnet::where(labels.ignored, 0, smooth);
  return loss * (1 - options.label_smoothing) + reduced(smooth, labels, options.reduction) * share;
}

Tensor probability_loss(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  check(target.shape() == logits.shape() && same_device(target, logits), "cross_entropy",
        "the target probabilities have shape {} on {}; the logits {} on {}; they must agree", target.shape(),
        target.device(), logits.shape(), logits.device());
  check(options.ignore_index == CrossEntropyOptions().ignore_index, "cross_entropy",
        "ignore_index is {}, but the target holds probabilities {}; only integer labels can be ignored",
        options.ignore_index, target.shape());
  const double epsilon = options.label_smoothing;
  const double share = epsilon / static_cast<double>(logits.size(class_dim(logits)));
  const Tensor p = epsilon == 0 ? target : target * (1 - epsilon) + share;
  return reduced(class_sum(log_softmax(logits, class_dim(logits)), p, options.weight), options.reduction);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  check_scores(logits, "logits", "cross_entropy");
  check_weight(options.weight, logits, "cross_entropy");
  check(options.label_smoothing >= 0 && options.label_smoothing <= 1, "cross_entropy",
        "label_smoothing is {}; expected a number in [0, 1]", options.label_smoothing);
  check(target.defined(), "cross_entropy",
        "the target is undefined; expected labels or probabilities for logits {}", logits.shape());
  if (target.dtype() == DType::Int64) return label_loss(logits, target, options);
  check(target.dtype() == logits.dtype(), "cross_entropy",
        "the target is {} {}; for logits {} {} expected int64 labels, or probabilities in {}; convert it "
        "with to()",
        target.dtype(), target.shape(), logits.dtype(), logits.shape(), logits.dtype());
  return probability_loss(logits, target, options);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllLossOptions& options) {
  check_scores(log_probabilities, "log-probabilities", "nll_loss");
  check_weight(options.weight, log_probabilities, "nll_loss");
  check(target.defined() && target.dtype() == DType::Int64, "nll_loss",
        "the labels are {}; expected int64; convert them with to()",
        target.defined() ? name(target.dtype()) : "undefined");
  check_label_shape(log_probabilities, target, "nll_loss");
  const Labels labels =
      read_labels(log_probabilities, target, options.weight, options.ignore_index, "nll_loss");
  const Tensor each = -gather(log_probabilities, class_dim(log_probabilities), labels.classes);
  return reduced(factored(each, labels, options.weight.defined()), labels, options.reduction);
}

namespace {

void check_pair(const Tensor& x, const Tensor& target, const char* where) {
  check(x.defined() && target.defined(), where, "the {} is undefined; expected two tensors of one shape",
        x.defined() ? "target" : "input");
  check(x.shape() == target.shape(), where, "the input has shape {}, the target {}; they must be equal",
        x.shape(), target.shape());
  check(is_floating(x.dtype()), where, "the input is {}; expected a floating dtype", x.dtype());
}

Tensor weighted(const Tensor& losses, const Tensor& weight, const char* where) {
  if (!weight.defined()) return losses;
  check(broadcast_shapes(losses.shape(), weight.shape(), where) == losses.shape(), where,
        "the weight has shape {}, the losses {}; expected one that broadcasts to it", weight.shape(),
        losses.shape());
  return losses * weight.detach();
}

/// x log(y), 0 where x is 0 whatever y is.
Tensor times_log(const Tensor& x, const Tensor& log_y) {
  return where(x.data() == 0, 0, x * log_y);
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, const MseLossOptions& options) {
  check_pair(x, target, "mse_loss");
  return reduced(square(x - target), options.reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, const L1LossOptions& options) {
  check_pair(x, target, "l1_loss");
  return reduced(abs(x - target), options.reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& options) {
  check_pair(x, target, "smooth_l1_loss");
  const double beta = options.beta;
  check(beta >= 0, "smooth_l1_loss", "beta is {}; expected at least 0", beta);
  if (beta == 0) return l1_loss(x, target, {options.reduction});
  const Tensor d = abs(x - target);
  return reduced(where(d.data() < beta, square(x - target) * (0.5 / beta), d - 0.5 * beta),
                 options.reduction);
}

Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, const BinaryCrossEntropyOptions& options) {
  constexpr const char* kWhere = "binary_cross_entropy";
  check_pair(p, target, kWhere);
  const auto bounded_log = [](const Tensor& x) { return maximum(log(x), -100); };
  const Tensor losses = -(target * bounded_log(p) + (1 - target) * bounded_log(1 - p));
  return reduced(weighted(losses, options.weight, kWhere), options.reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsOptions& options) {
  constexpr const char* kWhere = "binary_cross_entropy_with_logits";
  check_pair(logits, target, kWhere);
  const Tensor softened = softplus(-logits);  // log(1 + exp(-x))
  Tensor positive = softened;
  if (options.pos_weight.defined()) {
    positive = softened * (1 + weighted(target, options.pos_weight - 1, kWhere));
  }
  const Tensor losses = (1 - target) * logits + positive;
  return reduced(weighted(losses, options.weight, kWhere), options.reduction);
}

Tensor kl_div(const Tensor& log_p, const Tensor& target, const KlDivOptions& options) {
  check_pair(log_p, target, "kl_div");
  const Tensor losses =
      options.log_target ? exp(target) * (target - log_p) : times_log(target, log(target)) - target * log_p;
  if (!options.batch_mean) return reduced(losses, options.reduction);
  check(log_p.rank() >= 1, "kl_div", "a mean over the batch of shape {}; expected (N, ...)", log_p.shape());
  return sum(losses) / static_cast<double>(log_p.size(0));
}

}  // namespace linnet

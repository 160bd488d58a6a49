#include "check/trace.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/check/outcome.h>
#include "autograd/node.h"
#include "core/fail.h"
#include "nn/observer.h"
#include "nn/walk.h"

namespace linnet::checks {
namespace {

/// Both sides of a cut: what came out of a segment, with the graph behind it, and the leaf that stands in its
/// place for whoever reads it.
struct Cut {
  Tensor made;
  Tensor leaf;
};

/// Turns `at` into a leaf, for everyone who has a handle to it.
Cut cut(const Tensor& at) {
  autograd::TensorImpl& impl = *at.impl();
  Cut sides{Tensor(impl.data), at};
  if (impl.node != nullptr) {
    sides.made.impl()->node = std::exchange(impl.node, nullptr);
    impl.requires_grad = true;
  }
  return sides;
}

class Tracer final : public nn::CallObserver {
 public:
  Tracer(const nn::Module& model, const Tensor& images, Device device, const Trace* teacher)
      : root_(nn::type_name(model)), device_(device), teacher_(teacher), images_(images) {
    for (const nn::Located& at : nn::walk(model)) paths_.emplace(at.module, at.path);
    known_.insert(images.impl().get());
  }

  void before(const nn::Module& module, const Tensor& x) override {
    if (!open_.empty()) add(*open_.back().module, "input of " + path(module), x, 0);
    open_.push_back({&module, x.defined() ? x.numel() : 0});
  }

  void after(const nn::Module& module, const Tensor& y) override {
    add(module, "output", y, open_.back().read);
    open_.pop_back();
  }

  /// The last segment, which nobody reads.
  void add_loss(const Tensor& loss, const NDArray& logits) {
    // The logarithm of a probability near 1 is a small difference of logits: those of a row, on average.
    const double rows = logits.rank() > 0 ? std::sqrt(static_cast<double>(logits.size(0))) : 1;
    const double row = norm(values_of(logits)) / std::max(rows, 1.0);
    trace.segments.push_back(
        {"cross_entropy", "cross_entropy", "loss", loss.data(), logits.numel(), row, {}});
    check_like_teacher();
    cuts.push_back({loss, {}});
  }

  Trace trace;
  std::vector<Cut> cuts;  // of each segment

 private:
  struct Open {
    const nn::Module* module;
    int64_t read;
  };

  std::string path(const nn::Module& module) const {
    const auto found = paths_.find(&module);
    if (found == paths_.end()) return "?";
    return found->second.empty() ? root_ : found->second;
  }

  /// `at` ends a segment unless it is the end of one already, or was not computed.
  void add(const nn::Module& module, const std::string& what, const Tensor& at, int64_t read) {
    if (!at.defined() || (at.is_leaf() && at.requires_grad())) return;
    if (!known_.insert(at.impl().get()).second) return;
    trace.segments.push_back({path(module), module.describe(), what, at.data(), read, 0, {}});
    check_like_teacher();
    cuts.push_back(cut(at));
    if (teacher_ != nullptr) {
      Tensor leaf = cuts.back().leaf;
      leaf.set_data(teacher_->segments[cuts.size() - 1].value.to(device_));
    }
  }

  void check_like_teacher() const {
    if (teacher_ == nullptr) return;
    const size_t i = trace.segments.size() - 1;
    const Segment& found = trace.segments[i];
    check(i < teacher_->segments.size(), "parity",
          "on {} the model computes one more thing than on the other device: {} of {}; both must call the "
          "same modules",
          device_, found.what, found.layer);
    const Segment& expected = teacher_->segments[i];
    check(found.layer == expected.layer && found.what == expected.what, "parity",
          "on {} the model computes {} of {} where the other device computes {} of {}; both must call the "
          "same modules",
          device_, found.what, found.layer, expected.what, expected.layer);
    check(found.value.shape() == expected.value.shape() && found.value.dtype() == expected.value.dtype(),
          "parity", "{} of {} is {} {} on {}; on the other device it is {} {}", found.what, found.layer,
          found.value.dtype(), found.value.shape(), device_, expected.value.dtype(), expected.value.shape());
  }

  std::string root_;
  Device device_;
  const Trace* teacher_;
  Tensor images_;  // keeps its address from being another's
  std::unordered_map<const nn::Module*, std::string> paths_;
  std::unordered_set<const void*> known_;
  std::vector<Open> open_;
};

void accumulate(NDArray& sum, const NDArray& more) {
  sum = sum.defined() ? add(sum, more) : more;
}

/// Walks the segments from the last to the first; each gives gradients to the leaves that it read.
class BackwardWalk {
 public:
  BackwardWalk(const nn::Module& model, Tracer& tracer, const Trace* teacher)
      : parameters_(model.named_parameters()), sums_(parameters_.size()), tracer_(tracer), teacher_(teacher) {
    tracer.trace.gradients.resize(tracer.cuts.size());
  }

  void run() {
    for (size_t i = tracer_.cuts.size(); i-- > 0;) {
      const Tensor& made = tracer_.cuts[i].made;
      const bool is_loss = i + 1 == tracer_.cuts.size();
      const NDArray gradient =
          is_loss ? NDArray::ones(made.shape(), made.dtype(), made.device()) : gradient_by(i, made.device());
      if (made.is_leaf() || !gradient.defined()) continue;
      // A segment's operators may be part of a later one, too.
      autograd::backward(made, {.retain_graph = true, .gy = gradient});
      collect(i);
    }
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (sums_[i].defined()) {
        tracer_.trace.parameter_gradients.push_back({parameters_[i].name, sums_[i]});
      }
    }
  }

 private:
  NDArray gradient_by(size_t i, Device device) const {
    const NDArray& gradient = (teacher_ != nullptr ? *teacher_ : tracer_.trace).gradients[i];
    return gradient.defined() ? gradient.to(device) : gradient;
  }

  void collect(size_t of) {
    Trace& trace = tracer_.trace;
    const auto take = [&](Tensor leaf, const std::string& name, bool of_parameter, NDArray& sum) {
      const Tensor gradient = leaf.grad();
      if (!gradient.defined()) return;
      trace.segments[of].gradients.push_back({name, gradient.data(), of_parameter});
      accumulate(sum, gradient.data());
      leaf.zero_grad();
    };
    for (size_t i = 0; i < parameters_.size(); ++i)
      take(parameters_[i].tensor, parameters_[i].name, true, sums_[i]);
    for (size_t i = 0; i < of; ++i) {
      const Segment& read = trace.segments[i];
      const std::string name = read.what == "output" ? "output of " + read.layer : read.what;
      take(tracer_.cuts[i].leaf, name, false, trace.gradients[i]);
    }
  }

  std::vector<nn::NamedTensor> parameters_;
  std::vector<NDArray> sums_;
  Tracer& tracer_;
  const Trace* teacher_;
};

}  // namespace

int64_t Segment::terms(int64_t batch) const {
  int64_t elements = read + value.numel();
  for (const TracedGradient& gradient : gradients) {
    if (!gradient.of_parameter) elements += gradient.value.numel();
  }
  return std::max<int64_t>(elements / batch, 1);
}

Trace trace(const nn::Module& model, const NDArray& images, const NDArray& labels, Device device,
            const Trace* teacher) {
  const Tensor x = images.to(device);
  Tracer tracer(model, x, device, teacher);
  const Tensor y = model(x);
  tracer.add_loss(cross_entropy(y, labels.to(device)), y.data());
  check(teacher == nullptr || teacher->segments.size() == tracer.trace.segments.size(), "parity",
        "on {} the model computes {} things, {} on the other device; both must call the same modules", device,
        tracer.trace.segments.size(), teacher != nullptr ? teacher->segments.size() : 0);
  BackwardWalk(model, tracer, teacher).run();
  return std::move(tracer.trace);
}

}  // namespace linnet::checks

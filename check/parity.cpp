#include <linnet/check/parity.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <linnet/autograd/tensor.h>
#include <linnet/core/random.h>
#include <linnet/nn/optim.h>
#include "check/trace.h"
#include "core/fail.h"
#include "nn/walk.h"

namespace linnet {
namespace {

using checks::Outcome;
using checks::Segment;
using checks::Trace;
using checks::TracedGradient;

/// Puts copies of the model's values on a device, and in the end the values themselves back.
class BorrowedModel {
 public:
  explicit BorrowedModel(const nn::Module& model) : generator_(default_generator()) {
    std::unordered_set<const void*> seen;
    for (const nn::Located& at : nn::walk(model)) {
      for (const auto& [name, tensor] : at.members.parameters) keep(*tensor, seen);
      for (const auto& [name, tensor] : at.members.buffers) keep(*tensor, seen);
    }
  }
  ~BorrowedModel() {
    for (Kept& kept : kept_) {
      kept.tensor.zero_grad();
      kept.tensor.set_data(kept.data);
      kept.tensor.set_grad(kept.grad);
    }
    default_generator() = generator_;
  }
  BorrowedModel(const BorrowedModel&) = delete;
  BorrowedModel& operator=(const BorrowedModel&) = delete;

  void place(Device device) {
    for (Kept& kept : kept_) {
      NDArray data = kept.data.to(device);
      if (data.shares_storage(kept.data)) data = data.clone();
      kept.tensor.zero_grad();
      kept.tensor.set_data(std::move(data));
    }
    default_generator() = generator_;
  }

 private:
  struct Kept {
    Tensor tensor;
    NDArray data;
    Tensor grad;
  };

  void keep(const Tensor& tensor, std::unordered_set<const void*>& seen) {
    if (seen.insert(tensor.impl().get()).second) kept_.push_back({tensor, tensor.data(), tensor.grad()});
  }

  std::vector<Kept> kept_;
  Generator generator_;
};

/// A parameter or buffer, and what was made of it.
struct Made {
  std::string member;  ///< "conv1.weight"
  std::string what;    ///< "conv1.weight after a step"
  NDArray array;
};

/// What one device computed. Buffers are those after the forward pass, `stepped` is what a step of Adam made
/// of the parameters, with its moments.
struct Side {
  Trace trace;
  std::vector<Made> buffers;
  std::vector<Made> stepped;
};

std::vector<Made> step(const nn::Module& model, const std::vector<nn::NamedArray>& gradients, Device device) {
  if (gradients.empty()) return {};
  std::vector<nn::NamedTensor> parameters;
  Tensors tensors;
  for (nn::NamedTensor& named : model.named_parameters()) {
    for (const nn::NamedArray& gradient : gradients) {
      if (gradient.name != named.name) continue;
      named.tensor.set_grad(Tensor(gradient.array.to(device)));
      tensors.push_back(named.tensor);
      parameters.push_back(named);
    }
  }
  optim::Adam adam(tensors);
  adam.step();
  std::vector<Made> made;
  for (const nn::NamedTensor& named : parameters) {
    made.push_back({named.name, named.name + " after a step", named.tensor.data().clone()});
  }
  for (nn::NamedArray& moment : adam.state()) {
    const size_t dot = moment.name.find('.');
    if (dot == std::string::npos || moment.name.substr(dot) == ".step") continue;
    const std::string& parameter = parameters[std::stoul(moment.name)].name;  // "3.mean"
    made.push_back(
        {parameter, "Adam's " + moment.name.substr(dot + 1) + " of " + parameter, std::move(moment.array)});
  }
  return made;
}

/// The gradients for Adam are the teacher's where there is one.
Side run(BorrowedModel& borrowed, const nn::Module& model, const NDArray& images, const NDArray& labels,
         Device device, const Side* teacher) {
  Side side;
  borrowed.place(device);
  side.trace = checks::trace(model, images, labels, device, teacher != nullptr ? &teacher->trace : nullptr);
  for (const nn::NamedTensor& named : model.named_buffers()) {
    side.buffers.push_back({named.name, named.name, named.tensor.data().clone()});
  }
  side.stepped = step(model, (teacher != nullptr ? teacher->trace : side.trace).parameter_gradients, device);
  return side;
}

class Comparer {
 public:
  Comparer(const nn::Module& model, int64_t batch, const Side& expected, const Side& found,
           ParityReport& report)
      : model_(model), batch_(batch), expected_(expected), found_(found), report_(report) {}

  void run() {
    const std::vector<Segment>& segments = expected_.trace.segments;
    const size_t loss = segments.size() - 1;
    for (size_t i = 0; i < loss; ++i) add_value(segments[i], found_.trace.segments[i]);
    for (size_t i = 0; i < expected_.buffers.size(); ++i) {
      add_member(ParityPhase::Forward, found_.buffers[i], expected_.buffers[i]);
    }
    add_value(segments[loss], found_.trace.segments[loss]);
    for (size_t i = segments.size(); i-- > 0;) add_gradients(i);
    for (size_t i = 0; i < expected_.stepped.size(); ++i) {
      add_member(ParityPhase::Update, found_.stepped[i], expected_.stepped[i]);
    }
  }

 private:
  void add_value(const Segment& expected, const Segment& found) {
    add(ParityPhase::Forward, expected, expected.what, found.value, expected.value, expected.terms(batch_),
        expected.least);
  }

  /// A gradient by a parameter sums over the whole batch, as far as the result has it.
  void add_gradients(size_t segment) {
    const Segment& expected = expected_.trace.segments[segment];
    const Segment& found = found_.trace.segments[segment];
    const NDArray& by_value = expected_.trace.gradients[segment];
    const double gy = by_value.defined() ? checks::norm(checks::values_of(by_value)) : 1;
    for (size_t i = 0; i < expected.gradients.size(); ++i) {
      const TracedGradient& gradient = expected.gradients[i];
      check(i < found.gradients.size() && found.gradients[i].of == gradient.of, "parity",
            "{} gives the gradient of {} on {} and not on {}; both must call the same operators",
            expected.layer, gradient.of, report_.reference, report_.device);
      add(ParityPhase::Backward, expected, "gradient of " + gradient.of, found.gradients[i].value,
          gradient.value, gradient.of_parameter ? expected.value.numel() : expected.terms(batch_), gy);
    }
  }

  /// `least` is rounded as one term, where all that is left of it is rounding.
  void add(ParityPhase phase, const Segment& segment, const std::string& what, const NDArray& found,
           const NDArray& expected, int64_t terms, double least) {
    const DType dtype = expected.dtype();
    const double share =
        is_floating(dtype) ? checks::tolerance(dtype, 1) / checks::tolerance(dtype, terms) : 0;
    report_.entries.push_back({phase, segment.layer, segment.module, what, expected.shape(),
                               checks::compare(found, expected, terms, least * share)});
  }

  void add_member(ParityPhase phase, const Made& found, const Made& expected) {
    const size_t dot = expected.member.rfind('.');
    const std::string path = dot == std::string::npos ? "" : expected.member.substr(0, dot);
    std::string description;
    for (const auto& [name, module] : model_.modules()) {
      if (name == path) description = module->describe();
    }
    report_.entries.push_back({phase, path.empty() ? nn::type_name(model_) : path, description, expected.what,
                               expected.array.shape(), checks::compare(found.array, expected.array, 1)});
  }

  const nn::Module& model_;
  int64_t batch_;
  const Side& expected_;
  const Side& found_;
  ParityReport& report_;
};

}  // namespace

ParityReport parity(nn::Module& model, const NDArray& images, const NDArray& labels, Device reference,
                    Device device) {
  check(reference.defined() && device.defined(), "parity",
        "a device is undefined; expected two from linnet::device(name)");
  check(grad_enabled(), "parity",
        "gradients are off on this thread; end the NoGrad around it: the backward pass is compared, too");
  ParityReport report;
  report.reference = reference.name();
  report.device = device.name();
  BorrowedModel borrowed(model);
  const Side expected = run(borrowed, model, images, labels, reference, nullptr);
  const Side found = run(borrowed, model, images, labels, device, &expected);
  const int64_t batch = images.rank() > 0 ? std::max<int64_t>(images.size(0), 1) : 1;
  Comparer(model, batch, expected, found, report).run();
  return report;
}

}  // namespace linnet

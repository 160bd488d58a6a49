// The backward pass: nodes in falling order of their numbers, each called once, when all gradients by its
// result have come in. No recursion. Gradients are summed in that order, so the result is deterministic.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "autograd/node.h"
#include "core/fail.h"
#include "core/operands.h"

namespace linnet::autograd {
namespace {

bool dense_like(const NDArray& gradient, const NDArray& leaf) {
  return prefers_channels_last(leaf) ? gradient.is_channels_last() : gradient.is_contiguous();
}

NDArray copy_like(const NDArray& gradient, const NDArray& leaf) {
  NDArray copy = NDArray::empty_like_order(leaf, gradient.shape(), gradient.dtype());
  copy.copy_(gradient);
  return copy;
}

/// The operator's own error, with the rule's name added.
[[noreturn]] void rethrow_from_rule(const Error& error, const std::string& op) {
  if (error.where() == "backward") throw error;
  const std::string prefix = "[" + error.where() + "] ";
  std::string text = error.what();
  if (text.rfind(prefix, 0) == 0) text.erase(0, prefix.size());
  throw Error(error.where(), text + "; in the backward rule of " + op);
}

/// Nodes on some path from `root` to a target.
std::unordered_set<const Node*> nodes_towards(const std::unordered_set<const void*>& targets, Node* root) {
  std::vector<Node*> nodes{root};
  std::unordered_set<const Node*> seen{root};
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const Node::Input& input : nodes[i]->inputs) {
      if (input.node && seen.insert(input.node.get()).second) nodes.push_back(input.node.get());
    }
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->number < b->number; });
  std::unordered_set<const Node*> towards;
  for (const Node* node : nodes) {
    for (const Node::Input& input : node->inputs) {
      if (targets.count(input.leaf.get()) || targets.count(input.node.get()) ||
          towards.count(input.node.get())) {
        towards.insert(node);
      }
    }
  }
  return towards;
}

struct Sum {
  Tensor value = {};
  bool mine = false;  ///< Made here by adding, so it may be added to in place.
};

struct Pending {
  Node* node;
  Sum sum;
};

/// One walk from y. With targets it collects their gradients; without, it adds to the leaves' grad().
class Pass {
 public:
  Pass(const Tensor& y, Tensor gy, const GradOptions& options, const Tensors* targets)
      : create_graph_(options.create_graph),
        retain_(options.retain_graph || options.create_graph),
        collect_(targets != nullptr) {
    Node* root = y.impl()->node.get();
    if (collect_) {
      for (const Tensor& target : *targets) targets_.insert(gradient_key(target));
      if (root) towards_ = nodes_towards(targets_, root);
    }
    if (root) {
      add_to(*root, std::move(gy));
    } else {
      add_to(y.impl(), std::move(gy));
    }
  }

  void run() {
    while (!pending_.empty()) {
      visited_ = pending_.extract(pending_.begin());
      Node& node = *visited_.mapped().node;
      Tensor gy = std::move(visited_.mapped().sum.value);
      if (targets_.count(&node)) collected_[&node].value = gy;
      if (collect_ && !towards_.count(&node)) continue;
      Tensors gradients = call_rule(node, gy);
      gy = {};  // so that a view of it may be a leaf's gradient without a copy
      for (size_t i = 0; i < node.inputs.size(); ++i) deliver(node, i, std::move(gradients[i]));
      if (!retain_) node.free();
    }
  }

  Tensor collected(const Tensor& target) const {
    const auto found = collected_.find(gradient_key(target));
    if (found != collected_.end()) return found->second.value;
    return NDArray::zeros(target.shape(), target.dtype(), target.device());
  }

 private:
  using ByNumber = std::map<uint64_t, Pending, std::greater<>>;

  bool wanted(const Node::Input& input) const {
    if (!input.needs_gradient()) return false;
    if (!collect_) return true;
    return targets_.count(input.leaf.get()) || targets_.count(input.node.get()) ||
           towards_.count(input.node.get());
  }

  Tensors call_rule(Node& node, const Tensor& gy) const {
    check(!node.freed(), "backward",
          "the graph behind {} -> {} was freed by an earlier backward pass; give that one "
          "{{.retain_graph = true}}",
          node.name, node.shape);
    for (Node::Input& input : node.inputs) input.wanted = wanted(input);
    Tensors gradients;
    try {
      gradients = node.rule(Saved(node), gy);
    } catch (const Error& error) {
      rethrow_from_rule(error, node.name);
    }
    check(gradients.size() == node.inputs.size(), "backward",
          "the rule of {} gave {} gradients; expected one for each of its {} inputs (undefined where zero)",
          node.name, gradients.size(), node.inputs.size());
    return gradients;
  }

  void deliver(const Node& node, size_t i, Tensor gradient) {
    const Node::Input& input = node.inputs[i];
    if (!input.wanted || !gradient.defined()) return;
    check(gradient.shape() == input.shape && gradient.dtype() == input.dtype &&
              gradient.device() == input.device,
          "backward",
          "the rule of {} gave input {} a gradient of {} {} on {}; expected {} {} on {}, as the input",
          node.name, i, gradient.dtype(), gradient.shape(), gradient.device(), input.dtype, input.shape,
          input.device);
    if (input.node) {
      add_to(*input.node, std::move(gradient));
    } else {
      add_to(input.leaf, std::move(gradient));
    }
  }

  void add_to(Node& node, Tensor gradient) {
    const auto found = pending_.find(node.number);
    if (found != pending_.end()) return add_to(found->second.sum, std::move(gradient));
    Pending pending{&node, {std::move(gradient)}};
    if (visited_.empty()) {
      pending_.emplace(node.number, std::move(pending));
    } else {
      visited_.key() = node.number;
      visited_.mapped() = std::move(pending);
      pending_.insert(std::move(visited_));
    }
  }

  void add_to(Sum& sum, Tensor gradient) const {
    if (!sum.value.defined()) {
      sum.value = std::move(gradient);
    } else if (sum.mine && !create_graph_) {
      sum.value.data().add_(gradient.data());
    } else {
      sum.value = add(sum.value, gradient);
      sum.mine = true;
    }
  }

  void add_to(const std::shared_ptr<TensorImpl>& leaf, Tensor gradient) {
    if (collect_) {
      if (targets_.count(leaf.get())) add_to(collected_[leaf.get()], std::move(gradient));
      return;
    }
    check(
        !leaf->is_parameter || leaf->listed, "backward",
        "parameter '{}' of shape {} was reached, but no fields() lists it; list it in its module's fields(), "
        "so that optimisers, files and devices see it",
        leaf->label, leaf->data.shape());
    Tensor& grad = leaf->grad;
    if (create_graph_) {
      grad = grad.defined() ? add(grad, gradient) : recorded_copy(gradient, leaf->data);
    } else if (!grad.defined()) {
      const bool sole = gradient.impl().use_count() == 1 && gradient.data().use_count() == 1;
      const NDArray& data = gradient.data();
      grad = Tensor(sole && dense_like(data, leaf->data) ? data : copy_like(data, leaf->data));
    } else if (!grad.requires_grad() && dense_like(grad.data(), leaf->data)) {
      grad.data().add_(gradient.data());
    } else {
      grad = add(grad, gradient);
    }
  }

  static Tensor recorded_copy(const Tensor& gradient, const NDArray& leaf) {
    return record(
        "clone", {gradient}, copy_like(gradient.data(), leaf),
        [](const Saved&, const Tensor& gy) -> Tensors { return {gy}; }, Keep::Nothing);
  }

  bool create_graph_;
  bool retain_;
  bool collect_;
  std::unordered_set<const void*> targets_;
  std::unordered_set<const Node*> towards_;
  ByNumber pending_;             ///< Nodes to visit, the latest first.
  ByNumber::node_type visited_;  ///< The entry of the node at hand, for the next one to be added.
  std::unordered_map<const void*, Sum> collected_;
};

Tensor initial_gradient(const Tensor& y, const GradOptions& options, const char* where) {
  const Tensor& gy = options.gy;
  if (!gy.defined()) {
    check(y.numel() == 1, where,
          "the tensor has shape {}, {} elements; without a gradient by it, it must have one; sum() it or "
          "give gy",
          y.shape(), y.numel());
    return NDArray::ones(y.shape(), y.dtype(), y.device());
  }
  check(gy.shape() == y.shape() && gy.dtype() == y.dtype() && gy.device() == y.device(), where,
        "gy is {} {} on {}; the tensor is {} {} on {}; they must agree", gy.dtype(), gy.shape(), gy.device(),
        y.dtype(), y.shape(), y.device());
  return options.create_graph ? gy : gy.detach();
}

}  // namespace

void backward(const Tensor& y, const GradOptions& options) {
  check(y.defined(), "backward", "the tensor is undefined; expected the result of operators");
  check(
      y.requires_grad(), "backward",
      "the tensor of shape {} has no graph: nothing it was made from requires a gradient, or NoGrad was on; "
      "call requires_grad_() on a leaf before computing it",
      y.shape());
  Tensor gy = initial_gradient(y, options, "backward");
  const GradMode mode(options.create_graph);
  Pass(y, std::move(gy), options, nullptr).run();
}

Tensors grad(const Tensor& y, const Tensors& xs, const GradOptions& options) {
  check(y.defined(), "grad", "the tensor is undefined; expected the result of operators");
  for (size_t i = 0; i < xs.size(); ++i) {
    check(xs[i].defined(), "grad", "x {} is undefined; expected a tensor that requires a gradient", i);
    check(xs[i].requires_grad(), "grad",
          "x {} of shape {} does not require a gradient; call requires_grad_() on it before computing y", i,
          xs[i].shape());
  }
  Tensor gy = initial_gradient(y, options, "grad");
  const GradMode mode(options.create_graph);
  Pass pass(y, std::move(gy), options, &xs);
  pass.run();
  Tensors result;
  for (const Tensor& x : xs) result.push_back(pass.collected(x));
  return result;
}

}  // namespace linnet::autograd

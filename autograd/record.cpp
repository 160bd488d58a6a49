// Recording: what an operator leaves behind for its backward rule, and how the rule reads it.
#include <linnet/autograd/autograd.h>

#include "autograd/node.h"
#include "core/fail.h"

namespace linnet::autograd {
namespace {

std::atomic<uint64_t> next_number{1};

bool keeps_inputs(Keep keep) {
  return keep == Keep::Inputs || keep == Keep::Both;
}
bool keeps_output(Keep keep) {
  return keep == Keep::Output || keep == Keep::Both;
}

Tensor with_node(NDArray&& data, std::shared_ptr<Node> node, uint64_t id) {
  Tensor tensor(std::move(data));
  tensor.impl()->node = std::move(node);
  if (id != 0) tensor.impl()->id = id;
  return tensor;
}

}  // namespace

void Kept::fail_changed(std::string_view op, std::string_view what) const {
  fail("backward",
       "{} of {} {} was changed in place after it was saved: version {}, saved at {}; clone() it before "
       "changing it",
       what, op, array_.shape(), array_.version(), version_);
}

Node::Node(std::string name_, std::span<const Tensor> inputs_, const NDArray& y, Rule rule_, Keep keep_)
    : name(std::move(name_)),
      number(next_number.fetch_add(1, std::memory_order_relaxed)),
      keep(keep_),
      shape(y.shape()),
      dtype(y.dtype()),
      device(y.device()),
      rule(std::move(rule_)) {
  inputs.reserve(inputs_.size());
  for (const Tensor& tensor : inputs_) {
    if (tensor.defined()) {
      inputs.emplace_back(tensor.impl());
    } else {
      inputs.emplace_back();
    }
  }
  if (keep == Keep::Nothing) return;
  kept.reserve(inputs_.size() + 1);
  if (keeps_inputs(keep)) {
    for (const Tensor& tensor : inputs_) kept.emplace_back(array_of(tensor));
  }
  if (keeps_output(keep)) kept.emplace_back(y);
}

Node::~Node() {
  // Dropping the inputs may end the nodes behind them, and so on: nodes that end meanwhile line up here
  // instead of recursing.
  struct Remains {
    Inputs inputs;
    Rule rule;
  };
  thread_local std::vector<Remains>* queue = nullptr;
  if (queue) {
    queue->push_back({std::move(inputs), std::move(rule)});
    return;
  }
  std::vector<Remains> mine;
  queue = &mine;
  mine.push_back({std::move(inputs), std::move(rule)});
  while (!mine.empty()) {
    const Remains last = std::move(mine.back());
    mine.pop_back();
  }
  queue = nullptr;
}

void Node::free() {
  rule = nullptr;
  kept = {};
  freed_ = true;
}

const void* gradient_key(const Tensor& tensor) {
  const TensorImpl& impl = *tensor.impl();
  return impl.node ? static_cast<const void*>(impl.node.get()) : &impl;
}

Tensor Saved::input(int i) const {
  check(i >= 0 && i < static_cast<int>(node_.inputs.size()), node_.name,
        "the rule reads input {}, but the operator has {}", i, node_.inputs.size());
  check(keeps_inputs(node_.keep), node_.name,
        "the rule reads input {}, but the operator does not keep its inputs; record it with Keep::Inputs or "
        "Keep::Both",
        i);
  check(!node_.freed(), node_.name, "the rule reads input {} after it was freed", i);
  const Node::Input& input = node_.inputs[static_cast<size_t>(i)];
  if (!input.defined) return {};
  const NDArray& data = node_.kept[static_cast<size_t>(i)].get(node_.name, i);
  if (!input.leaf) return with_node(NDArray(data), input.node, input.id);
  check(input.leaf->data.shares_storage(data), "backward",
        "input {} of {} {} was replaced by set_data() after it was saved; run the forward pass again", i,
        node_.name, input.shape);
  return Tensor(input.leaf);
}

Tensor Saved::output() const {
  check(keeps_output(node_.keep), node_.name,
        "the rule reads the output, but the operator does not keep it; record it with Keep::Output or "
        "Keep::Both");
  check(!node_.freed(), node_.name, "the rule reads the output after it was freed");
  return with_node(NDArray(node_.kept.back().get(node_.name, "output")),
                   std::const_pointer_cast<Node>(node_.shared_from_this()), 0);
}

bool Saved::needs(int i) const {
  check(i >= 0 && i < static_cast<int>(node_.inputs.size()), node_.name,
        "the rule asks for input {}, but the operator has {}", i, node_.inputs.size());
  return node_.inputs[static_cast<size_t>(i)].wanted;
}

namespace {

Tensor record_all(std::string&& name, std::span<const Tensor> inputs, NDArray&& y, Rule&& rule, Keep keep) {
  bool needed = false;
  for (const Tensor& input : inputs) needed = needed || input.requires_grad();
  if (!needed || !grad_enabled() || !is_floating(y.dtype())) return Tensor(std::move(y));
  auto node = std::allocate_shared<Node>(Recycled<Node>(), std::move(name), inputs, y, std::move(rule), keep);
  return with_node(std::move(y), std::move(node), 0);
}

}  // namespace

Tensor record(std::string name, const Tensors& inputs, NDArray y, Rule rule, Keep keep) {
  return record_all(std::move(name), inputs, std::move(y), std::move(rule), keep);
}

Tensor record(std::string name, std::initializer_list<Tensor> inputs, NDArray y, Rule rule, Keep keep) {
  return record_all(std::move(name), std::span(inputs.begin(), inputs.size()), std::move(y), std::move(rule),
                    keep);
}

}  // namespace linnet::autograd

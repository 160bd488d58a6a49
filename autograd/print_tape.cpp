// print_tape: the recorded operators behind a tensor, as text.
#include <linnet/autograd/tensor.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "autograd/node.h"
#include "core/fail.h"

namespace linnet {
namespace {

using autograd::Node;
using autograd::TensorImpl;

std::vector<const Node*> nodes_behind(const Node* last) {
  std::vector<const Node*> nodes{last};
  std::unordered_set<const Node*> seen{last};
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const Node::Input& input : nodes[i]->inputs) {
      if (input.node && seen.insert(input.node.get()).second) nodes.push_back(input.node.get());
    }
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->number < b->number; });
  return nodes;
}

std::string leaf_text(const TensorImpl* leaf, DType dtype, const Shape& shape) {
  const char* kind = leaf ? "leaf" : "constant";
  if (leaf && leaf->is_parameter) return format_text("parameter \"{}\" {} {}", leaf->label, dtype, shape);
  return format_text("{} {} {}", kind, dtype, shape);
}

}  // namespace

std::string print_tape(const Tensor& y) {
  check(y.defined(), "print_tape", "the tensor is undefined; expected the result of operators");
  if (y.is_leaf()) {
    return format_text("%0: {}\n",
                       leaf_text(y.requires_grad() ? y.impl().get() : nullptr, y.dtype(), y.shape()));
  }
  const std::vector<const Node*> nodes = nodes_behind(y.impl()->node.get());
  std::string text;
  size_t count = 0;
  std::unordered_map<uint64_t, size_t> leaves;
  for (const Node* node : nodes) {
    for (const Node::Input& input : node->inputs) {
      if (!input.defined || input.node || !leaves.try_emplace(input.id, count).second) continue;
      text += format_text("%{}: {}\n", count++, leaf_text(input.leaf.get(), input.dtype, input.shape));
    }
  }
  std::unordered_map<const Node*, size_t> results;
  for (const Node* node : nodes) {
    std::string operands;
    for (const Node::Input& input : node->inputs) {
      if (!operands.empty()) operands += ", ";
      if (!input.defined) {
        operands += "none";
      } else {
        operands += format_text("%{}", input.node ? results.at(input.node.get()) : leaves.at(input.id));
      }
    }
    results[node] = count;
    text += format_text("%{} = {}({}) -> {} {}\n", count++, node->name, operands, node->dtype, node->shape);
  }
  return text;
}

}  // namespace linnet

// The graph behind Tensors: a TensorImpl is what Tensor handles share, a Node is one recorded operator.
// Edges lead from a node to the nodes and leaves it read, never forward, so there are no cycles: a node keeps
// its result as an array, not as a Tensor. Numbers grow with time; a node's inputs always have smaller ones.
// Private to autograd.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/autograd/autograd.h>
#include "core/recycled.h"

namespace linnet::autograd {

struct TensorImpl {
  explicit TensorImpl(NDArray array) : data(std::move(array)) {}

  NDArray data;
  Tensor grad = {};
  bool requires_grad = false;            ///< Of leaves; a tensor with a node always needs a gradient.
  std::shared_ptr<Node> node = nullptr;  ///< The operator that made it; null for leaves.
  uint64_t id = 0;                       ///< Tells constants apart in print_tape.

  bool is_parameter = false;  ///< Belongs to a module, which must list it: see parameter.h.
  std::atomic<bool> listed = false;
  std::string label = {};
};

/// The array of an operand that may be left out.
inline NDArray array_of(const Tensor& operand) {
  return operand.defined() ? operand.data() : NDArray();
}

/// An array as it was when it was saved.
class Kept {
 public:
  Kept() = default;
  explicit Kept(NDArray array) : array_(std::move(array)), version_(array_.version()) {}

  bool defined() const { return array_.defined(); }
  /// Throws if the array was changed in place since; `what` of `op` names it.
  const NDArray& get(std::string_view op, std::string_view what) const {
    if (changed()) [[unlikely]]
      fail_changed(op, what);
    return array_;
  }
  const NDArray& get(std::string_view op, int input) const {
    if (changed()) [[unlikely]]
      fail_changed(op, "input " + std::to_string(input));
    return array_;
  }
  /// The array whatever happened to it.
  const NDArray& unchecked() const { return array_; }

 private:
  bool changed() const { return array_.version() != version_; }
  [[noreturn]] void fail_changed(std::string_view op, std::string_view what) const;

  NDArray array_;
  uint64_t version_ = 0;
};

class Node : public std::enable_shared_from_this<Node> {
 public:
  /// An input: the node that made it, or the leaf whose gradient is wanted, or neither for a constant.
  struct Input {
    Input() = default;  ///< Of an operand that was left out.
    explicit Input(const std::shared_ptr<TensorImpl>& of)
        : node(of->node),
          leaf(!of->node && of->requires_grad ? of : nullptr),
          defined(true),
          id(of->id),
          shape(of->data.shape()),
          dtype(of->data.dtype()),
          device(of->data.device()) {}

    std::shared_ptr<Node> node = nullptr;
    std::shared_ptr<TensorImpl> leaf = nullptr;
    bool defined = false;
    bool wanted = false;  ///< Set by the engine before it calls the rule.
    uint64_t id = 0;
    Shape shape = {};
    DType dtype = DType::Float32;
    Device device = {};

    bool needs_gradient() const { return node != nullptr || leaf != nullptr; }
  };
  using Inputs = std::vector<Input, Recycled<Input>>;

  Node(std::string name, std::span<const Tensor> inputs, const NDArray& y, Rule rule, Keep keep);
  /// Does not recurse, however long the chain behind this node is.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Drops what the rule needs; the edges stay.
  void free();
  bool freed() const { return freed_; }

  std::string name;
  uint64_t number;
  Keep keep;
  Shape shape;  ///< Of the result.
  DType dtype;
  Device device;
  Inputs inputs;
  Rule rule;
  std::vector<Kept, Recycled<Kept>> kept;  ///< The inputs where they are kept, then the result where that is.

 private:
  bool freed_ = false;
};

/// Where the gradient of a tensor gathers: its node, or itself for a leaf.
const void* gradient_key(const Tensor& tensor);

/// Switches recording on or off for this thread while it lives.
class GradMode {
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

}  // namespace linnet::autograd

// Recording operators of one's own, and gradients as values.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include <linnet/autograd/tensor.h>

namespace linnet::autograd {

class Node;

/// What a backward rule may see of the forward pass. A tensor changed in place since is an error.
class Saved {
 public:
  explicit Saved(const Node& node) : node_(node) {}

  /// Input i with its graph, so that rules written in Tensors can be differentiated again.
  Tensor input(int i) const;
  /// The operator's result, likewise.
  Tensor output() const;
  /// Whether anybody wants the gradient by input i; where not, the rule may return an undefined Tensor.
  bool needs(int i) const;

 private:
  const Node& node_;
};

/// Gradients by the inputs, in their order, given the gradient by the output. Undefined means zero.
using Rule = std::function<Tensors(const Saved& saved, const Tensor& gy)>;

/// What a rule reads from Saved. Keeping less frees memory sooner and lets more be changed in place.
enum class Keep : uint8_t { Nothing, Inputs, Output, Both };

/// Wraps `y`, computed from `inputs` by the operator `name`, into a Tensor whose gradient `rule` gives.
/// Records nothing where no input needs a gradient, or under NoGrad.
Tensor record(std::string name, const Tensors& inputs, NDArray y, Rule rule, Keep keep = Keep::Inputs);
Tensor record(std::string name, std::initializer_list<Tensor> inputs, NDArray y, Rule rule,
              Keep keep = Keep::Inputs);

struct GradOptions {
  bool retain_graph = false;  ///< Keep the graph for another pass.
  bool create_graph = false;  ///< Record the gradients themselves; implies retain_graph.
  Tensor gy = {};             ///< Gradient by y; ones for a scalar y.
};
/// Gradients of y by each of `xs` (leaves or not), without touching any grad(). Zeros where y does not
/// depend on x.
Tensors grad(const Tensor& y, const Tensors& xs, const GradOptions& options = {});

/// Backward into leaves, with options.
void backward(const Tensor& y, const GradOptions& options = {});

struct GradcheckOptions {
  double step = 1e-6;       ///< Central differences, x -/+ step.
  double tolerance = 1e-6;  ///< Norm-wise per input: |numeric - analytic| <= tolerance * max(1, |numeric|).
};
using Function = std::function<Tensor(const Tensors&)>;
/// Compares f's gradients at `inputs` (Float64) with central differences, under a random weighting of its
/// results. Throws Error naming the input, element and both values where they differ.
void gradcheck(const Function& f, const Tensors& inputs, const GradcheckOptions& options = {});
/// The same for the gradients of the gradients.
void gradgradcheck(const Function& f, const Tensors& inputs, const GradcheckOptions& options = {});

}  // namespace linnet::autograd

// Tensor: an NDArray with a gradient and a place in the graph of operators that made it. A handle: copies
// share the array, the gradient and the place.
//
// There is no global tape. Each operator that needs a gradient hangs a node on its result; the graph lives
// as long as tensors that lead into it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include <linnet/core/ndarray.h>
#include <linnet/core/random.h>

namespace linnet {

namespace autograd {
struct TensorImpl;
}

class Tensor {
 public:
  /// Undefined: "no bias", "no gradient".
  Tensor() = default;
  /// Without gradient.
  Tensor(NDArray data);  // NOLINT(google-explicit-constructor): arrays go where tensors are wanted

  bool defined() const { return impl_ != nullptr; }
  const NDArray& data() const;
  /// Puts another array in place, keeping identity and gradient; for moving parameters between devices.
  void set_data(NDArray data);

  // ---- what it is
  const Shape& shape() const { return data().shape(); }
  int rank() const { return data().rank(); }
  int64_t size(int dim) const { return data().size(dim); }
  int64_t numel() const { return data().numel(); }
  DType dtype() const { return data().dtype(); }
  Device device() const { return data().device(); }
  template <class T>
  T item() const {
    return data().item<T>();
  }
  template <class T>
  std::vector<T> to_vector() const {
    return data().to_vector<T>();
  }

  // ---- gradients
  bool requires_grad() const;
  /// For leaves of floating dtype; throws otherwise.
  Tensor& requires_grad_(bool requires_grad = true);
  /// Not made by an operator that recorded.
  bool is_leaf() const;
  /// Sum of the gradients that reached this leaf; undefined before the first.
  Tensor grad() const;
  void set_grad(Tensor grad);
  void zero_grad() { set_grad({}); }

  /// Adds the gradient of this scalar to every leaf it was made from, and frees the graph.
  /// Throws for more than one element, or without a graph.
  void backward() const;
  /// The same for any shape, given the gradient `gy` by this tensor.
  void backward(const Tensor& gy) const;

  /// The same array without its graph.
  Tensor detach() const;

  // ---- views, differentiable (autograd/ops.h has the rest)
  Tensor permute(const Dims& order) const;
  Tensor transpose(int dim0, int dim1) const;
  Tensor slice(int dim, int64_t start, int64_t stop, int64_t step = 1) const;
  Tensor select(int dim, int64_t index) const;
  Tensor broadcast_to(const Shape& shape) const;
  Tensor squeeze() const;
  Tensor squeeze(int dim) const;
  Tensor expand_dims(int dim) const;
  Tensor reshape(const Shape& shape) const;
  Tensor flatten(int start = 0, int stop = -1) const;
  Tensor contiguous() const;
  Tensor to(Device device) const;
  Tensor to(DType dtype) const;
  Tensor to(MemoryOrder order) const;

  const std::shared_ptr<autograd::TensorImpl>& impl() const { return impl_; }
  explicit Tensor(std::shared_ptr<autograd::TensorImpl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<autograd::TensorImpl> impl_;
};

using Tensors = std::vector<Tensor>;

/// Prints the array, and the operator that made it.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

/// What was recorded, a line an operator, in the order of recording.
std::string print_tape(const Tensor& y);

/// While one lives, this thread records nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// Whether this thread records.
bool grad_enabled();

}  // namespace linnet

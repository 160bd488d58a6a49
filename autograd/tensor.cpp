// Tensor but for its views (ops_views.cpp): construction, leaves and their gradients, NoGrad, printing.
#include <linnet/autograd/tensor.h>

#include <ostream>

#include "autograd/node.h"
#include "autograd/parameter.h"
#include "core/fail.h"
#include "core/recycled.h"

namespace linnet {
namespace {

std::atomic<uint64_t> next_id{1};
thread_local bool recording = true;

autograd::TensorImpl& impl_of(const Tensor& tensor, const char* where) {
  check(tensor.defined(), where, "the tensor is undefined; expected one with data");
  return *tensor.impl();
}

}  // namespace

Tensor::Tensor(NDArray data) {
  if (!data.defined()) return;
  impl_ = std::allocate_shared<autograd::TensorImpl>(Recycled<autograd::TensorImpl>(), std::move(data));
  impl_->id = next_id.fetch_add(1, std::memory_order_relaxed);
}

const NDArray& Tensor::data() const {
  return impl_of(*this, "data").data;
}

void Tensor::set_data(NDArray data) {
  autograd::TensorImpl& impl = impl_of(*this, "set_data");
  check(data.defined(), "set_data", "the new array is undefined; expected one for a tensor of shape {}",
        impl.data.shape());
  check(impl.node == nullptr || data.shape() == impl.data.shape(), "set_data",
        "an array of shape {} cannot replace the result of {}, of shape {}; the shapes must be equal",
        data.shape(), impl.node ? impl.node->name : "", impl.data.shape());
  check(!impl.requires_grad || is_floating(data.dtype()), "set_data",
        "an array of {} cannot replace a tensor that requires a gradient; expected a floating dtype",
        data.dtype());
  impl.data = std::move(data);
}

bool Tensor::requires_grad() const {
  return impl_ && (impl_->requires_grad || impl_->node);
}

Tensor& Tensor::requires_grad_(bool requires_grad) {
  autograd::TensorImpl& impl = impl_of(*this, "requires_grad_");
  check(impl.node == nullptr, "requires_grad_",
        "the tensor of shape {} is the result of {}; only leaves can be told to want a gradient; detach() it "
        "first",
        impl.data.shape(), impl.node ? impl.node->name : "");
  check(!requires_grad || is_floating(impl.data.dtype()), "requires_grad_",
        "the tensor of shape {} has dtype {}; gradients need float32 or float64", impl.data.shape(),
        impl.data.dtype());
  impl.requires_grad = requires_grad;
  return *this;
}

bool Tensor::is_leaf() const {
  return !impl_ || impl_->node == nullptr;
}

Tensor Tensor::grad() const {
  return impl_of(*this, "grad").grad;
}

void Tensor::set_grad(Tensor grad) {
  autograd::TensorImpl& impl = impl_of(*this, "set_grad");
  if (grad.defined()) {
    check(grad.shape() == impl.data.shape() && grad.dtype() == impl.data.dtype() &&
              grad.device() == impl.data.device(),
          "set_grad", "the gradient is {} {} on {}; the tensor is {} {} on {}; they must agree", grad.dtype(),
          grad.shape(), grad.device(), impl.data.dtype(), impl.data.shape(), impl.data.device());
  }
  impl.grad = std::move(grad);
}

void Tensor::backward() const {
  autograd::backward(*this);
}

void Tensor::backward(const Tensor& gy) const {
  autograd::backward(*this, {.gy = gy});
}

Tensor Tensor::detach() const {
  return Tensor(data());
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  out << tensor.data();
  if (!tensor.is_leaf()) return out << "\nmade by " << tensor.impl()->node->name;
  return tensor.requires_grad() ? out << "\nleaf that requires a gradient" : out;
}

NoGrad::NoGrad() : before_(recording) {
  recording = false;
}
NoGrad::~NoGrad() {
  recording = before_;
}

bool grad_enabled() {
  return recording;
}

namespace autograd {

GradMode::GradMode(bool enabled) : before_(recording) {
  recording = enabled;
}
GradMode::~GradMode() {
  recording = before_;
}

void mark_parameter(Tensor& tensor, std::string label) {
  TensorImpl& impl = impl_of(tensor, "parameter");
  impl.is_parameter = true;
  impl.label = std::move(label);
}

void mark_listed(Tensor& tensor) {
  impl_of(tensor, "parameter").listed = true;
}

}  // namespace autograd
}  // namespace linnet

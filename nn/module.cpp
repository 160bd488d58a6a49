#include <linnet/nn/module.h>

#include <algorithm>
#include <unordered_set>

#include "autograd/parameter.h"
#include "core/fail.h"
#include "nn/observer.h"
#include "nn/walk.h"

namespace linnet::nn {
namespace {

thread_local CallObserver* observer = nullptr;
thread_local int calls_around = 0;

class Call {
 public:
  Call() { ++calls_around; }
  ~Call() { --calls_around; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};

/// Says where below `outer` the error was raised; the first module on the way out raised it itself.
void locate(Error& error, const Module& outer) noexcept {
  try {
    const void* raised_in = error.module() != nullptr ? error.module() : &outer;
    for (const Located& at : walk(outer)) {
      if (at.module != raised_in) continue;
      const std::string what = at.module->describe();
      error.set_module(raised_in, at.path,
                       at.path.empty() ? what : format_text("{}: {} of {}", at.path, what, type_name(outer)));
      return;
    }
  } catch (...) {  // the error itself matters more than the place
  }
}

/// Puts what `convert` makes of the array in its place, and likewise the gradient.
template <class Convert>
void replace(Tensor& tensor, Convert convert) {
  const Tensor grad = tensor.grad();
  NDArray converted = convert(tensor.data());
  tensor.zero_grad();
  tensor.set_data(std::move(converted));
  if (grad.defined()) tensor.set_grad(Tensor(convert(grad.data())));
}

template <class Visit>
void for_each_tensor(const Module& root, Visit visit) {
  for (const Located& at : walk(root)) {
    for (const auto& [name, tensor] : at.members.parameters) visit(*tensor);
    for (const auto& [name, tensor] : at.members.buffers) visit(*tensor);
  }
}

}  // namespace

CallObserver::CallObserver() : outer_(observer) {
  observer = this;
}
CallObserver::~CallObserver() {
  observer = outer_;
}
CallObserver* CallObserver::current() {
  return observer;
}

Fields& Fields::operator()(const std::string& name, Tensor& parameter) {
  if (parameter.defined()) on_parameter(name, parameter);
  return *this;
}

Fields& Fields::operator()(const std::string& name, Module& child) {
  on_child(name, child);
  return *this;
}

Fields& Fields::buffer(const std::string& name, Tensor& buffer) {
  if (buffer.defined()) on_buffer(name, buffer);
  return *this;
}

Tensor Module::forward(const Tensor& x) const {
  fail("forward",
       "{} has no forward for one input, {}; override `Tensor forward(const Tensor&) const`, or "
       "call the form of forward that it has",
       type_name(*this), x.defined() ? "here of shape " + to_string(x.shape()) : "here undefined");
}

void Module::fields(Fields&) {}

std::string Module::describe() const {
  return type_name(*this);
}

Tensor Module::operator()(const Tensor& x) const {
  if (calls_around == 0 && grad_enabled()) mark_listed_parameters(*this);
  const Call call;
  try {
    if (observer != nullptr) observer->before(*this, x);
    Tensor y = forward(x);
    if (observer != nullptr) observer->after(*this, y);
    return y;
  } catch (Error& error) {
    locate(error, *this);
    throw;
  }
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> found;
  for (NamedTensor& named : named_parameters()) found.push_back(std::move(named.tensor));
  return found;
}

std::vector<NamedTensor> Module::named_parameters() const {
  std::vector<NamedTensor> found;
  std::unordered_set<const void*> seen;  // a shared parameter is one parameter
  for (const Located& at : walk(*this)) {
    for (const auto& [name, tensor] : at.members.parameters) {
      autograd::mark_listed(*tensor);
      if (seen.insert(tensor->impl().get()).second) found.push_back({join_path(at.path, name), *tensor});
    }
  }
  return found;
}

std::vector<NamedTensor> Module::named_buffers() const {
  std::vector<NamedTensor> found;
  for (const Located& at : walk(*this)) {
    for (const auto& [name, tensor] : at.members.buffers)
      found.push_back({join_path(at.path, name), *tensor});
  }
  return found;
}

std::vector<std::pair<std::string, Module*>> Module::children() const {
  return walk(*this).front().members.children;
}

std::vector<std::pair<std::string, Module*>> Module::modules() const {
  std::vector<std::pair<std::string, Module*>> found;
  for (const Located& at : walk(*this)) found.emplace_back(at.path, at.module);
  return found;
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const NamedTensor& named : named_parameters()) count += named.tensor.numel();
  return count;
}

void Module::to(Device device) {
  check(device.defined(), "to", "the device is undefined; expected one from linnet::device(name)");
  for_each_tensor(*this, [&](Tensor& tensor) {
    if (tensor.device() != device) replace(tensor, [&](const NDArray& array) { return array.to(device); });
  });
}

void Module::to(DType dtype) {
  check(is_floating(dtype), "to", "parameters cannot become {}; expected a floating dtype", dtype);
  for_each_tensor(*this, [&](Tensor& tensor) {
    if (is_floating(tensor.dtype()) && tensor.dtype() != dtype) {
      replace(tensor, [&](const NDArray& array) { return array.to(dtype); });
    }
  });
}

void Module::to(MemoryOrder order) {
  for_each_tensor(*this, [&](Tensor& tensor) {
    if (tensor.rank() == 4) replace(tensor, [&](const NDArray& array) { return array.to(order); });
  });
}

void Module::train(bool training) {
  for (const Located& at : walk(*this)) at.module->training_ = training;
}

void Module::zero_grad() {
  for (Tensor& parameter : parameters()) parameter.zero_grad();
}

Tensor parameter(NDArray value, std::string label) {
  Tensor made{std::move(value)};
  made.requires_grad_();
  autograd::mark_parameter(made, std::move(label));
  return made;
}

}  // namespace linnet::nn

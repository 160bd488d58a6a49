#include <linnet/nn/sequential.h>

#include "core/fail.h"
#include "nn/walk.h"

namespace linnet::nn {

void detail::AnyModule::fail_not_cloneable(const Module& module) {
  fail("clone",
       "{} has neither a default constructor nor a member `{} clone() const`; give it one to copy the "
       "Sequential that holds it",
       type_name(module), type_name(module));
}

Sequential::Sequential(std::initializer_list<Child> children) {
  children_.reserve(children.size());
  for (const Child& child : children) children_.push_back(std::move(child.module_));
}

Tensor Sequential::forward(const Tensor& x) const {
  Tensor y = x;
  for (const detail::AnyModule& child : children_) y = (*child)(y);
  return y;
}

void Sequential::fields(Fields& f) {
  for (size_t i = 0; i < children_.size(); ++i) f(std::to_string(i), *children_[i]);
}

Sequential Sequential::clone() const {
  Sequential copy;
  copy.train(is_training());
  for (const detail::AnyModule& child : children_) copy.children_.push_back(child.clone());
  return copy;
}

Module& Sequential::operator[](size_t i) const {
  check(i < children_.size(), "Sequential", "there is no module {}; there are {}, counted from 0", i,
        children_.size());
  return *children_[i];
}

}  // namespace linnet::nn

#include "check/cases.h"

#include <iterator>

namespace linnet::checks {

bool OpCase::differentiable() const {
  for (const OpInput& in : inputs) {
    if (in.differentiable) return true;
  }
  return false;
}

int64_t OpCase::size() const {
  int64_t elements = 0;
  for (const OpInput& in : inputs) elements += in.shape.product();
  return elements;
}

OpCases op_cases() {
  OpCases all;
  for (OpCases (*family)() :
       {elementwise_cases, activation_cases, comparison_cases, reduce_cases, indexing_cases, view_cases,
        joining_cases, linalg_cases, einsum_cases, conv_cases, pool_cases, softmax_cases, statistics_cases,
        norm_cases, dropout_cases, loss_cases, pair_loss_cases}) {
    OpCases cases = family();
    all.insert(all.end(), std::make_move_iterator(cases.begin()), std::make_move_iterator(cases.end()));
  }
  return all;
}

}  // namespace linnet::checks

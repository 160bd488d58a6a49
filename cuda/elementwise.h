// What the kernels of the elementwise operators share: an operand that is an array or a number.
#pragma once

#include "core/elements.h"
#include "core/elementwise.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet::cuda {

template <class T>
struct Source {
  const T* data;  ///< null: the number
  T number;

  __device__ T at(int64_t offset) const { return data != nullptr ? data[offset] : number; }
};

template <class Element>
Source<typename Element::Stored> source_of(const Operand& operand) {
  using T = typename Element::Stored;
  if (operand.is_number) return {nullptr, Element::from(operand.number)};
  return {operand.view.as<const T>(), T()};
}

/// Strides of an operand in a loop of that rank; a number has none.
inline Strides strides_of(const Operand& operand, int rank) {
  return operand.is_number ? Strides::filled(rank, 0) : operand.view.strides;
}

/// Whether operand k of the loop is a dense run wherever it is an array.
template <int N>
bool is_dense(const StridedLoop<N>& loop, int k, bool is_number = false) {
  return loop.rank == 1 && (is_number || loop.total <= 1 || loop.inner_stride(k) == 1);
}

}  // namespace linnet::cuda

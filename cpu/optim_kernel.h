// The optimisers' steps over dense runs (core/optim_math.h has the formulas), compiled for every instruction
// set and chosen at run time. No operation is contracted, so an element has the bits of the formula in each
// of them. A parameter, its gradient and its state never share memory.
#pragma once

#include <cstdint>

#include "core/optim_math.h"

namespace linnet::cpu {

template <class T>
struct OptimKernels {
  void (*sgd)(const SgdStep<T>& update, int64_t n, T* parameter, const T* gradient);
  void (*momentum)(const SgdStep<T>& update, int64_t n, T* parameter, const T* gradient, T* buffer);
  void (*adam)(const AdamStep<T>& update, int64_t n, T* parameter, const T* gradient, T* mean, T* square);
};

template <class T>
const OptimKernels<T>& optim_kernels();

}  // namespace linnet::cpu

#include "cpu/optim_kernel.h"

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/optim_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

// The update is copied, so that its coefficients stay in registers.
template <class T>
void sgd(const SgdStep<T>& step, int64_t n, T* HWY_RESTRICT p, const T* HWY_RESTRICT g) {
  const SgdStep<T> update = step;
  for (int64_t i = 0; i < n; ++i) update(p[i], g[i]);
}

template <class T>
void momentum(const SgdStep<T>& step, int64_t n, T* HWY_RESTRICT p, const T* HWY_RESTRICT g,
              T* HWY_RESTRICT buffer) {
  const SgdStep<T> update = step;
  for (int64_t i = 0; i < n; ++i) update(p[i], g[i], buffer[i]);
}

template <class T>
void adam(const AdamStep<T>& step, int64_t n, T* HWY_RESTRICT p, const T* HWY_RESTRICT g,
          T* HWY_RESTRICT mean, T* HWY_RESTRICT square) {
  const AdamStep<T> update = step;
  for (int64_t i = 0; i < n; ++i) update(p[i], g[i], mean[i], square[i]);
}

template <class T>
OptimKernels<T> kernels() {
  return {sgd<T>, momentum<T>, adam<T>};
}

}  // namespace

void make_optim_kernels(OptimKernels<float>& single, OptimKernels<double>& twice) {
  single = kernels<float>();
  twice = kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(OptimKernels, optim_kernels, make_optim_kernels);
#endif

// The optimisers' steps (core/optim_math.h has the formulas): one thread an element. Learning rate and step
// are read on the device, by one thread a block. A parameter, its gradient and its state never share memory.
#include <type_traits>

#include "core/elements.h"
#include "core/optim_math.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

// The specifications go to kernels as they are; only their numbers and addresses are used there.
static_assert(std::is_trivially_copyable_v<SgdSpec> && std::is_trivially_copyable_v<AdamSpec>);

/// Operands: parameter, gradient, momentum.
template <class T>
__global__ void sgd_kernel(StridedLoop<3> loop, SgdSpec spec, T* parameter, const T* gradient, T* momentum) {
  const SgdStep<T> update(spec, *static_cast<const double*>(spec.lr.data),
                          *static_cast<const int64_t*>(spec.step.data));
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<3> offset = cuda::offsets_of(loop, i);
    if (update.has_momentum) {
      update(parameter[offset.at[0]], gradient[offset.at[1]], momentum[offset.at[2]]);
    } else {
      update(parameter[offset.at[0]], gradient[offset.at[1]]);
    }
  }
}

/// Operands: parameter, gradient, mean, square.
template <class T>
__global__ void adam_kernel(StridedLoop<4> loop, AdamSpec spec, T* parameter, const T* gradient, T* mean,
                            T* square) {
  // Powers in double are slow, and the same for every element.
  __shared__ double mean_correction, square_share;
  if (threadIdx.x == 0) {
    const int64_t step = *static_cast<const int64_t*>(spec.step.data);
    mean_correction = adam_correction(spec.beta1, step);
    square_share = adam_correction(spec.beta2, step);
  }
  __syncthreads();
  const AdamStep<T> update(spec, *static_cast<const double*>(spec.lr.data), mean_correction, square_share);
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<4> offset = cuda::offsets_of(loop, i);
    update(parameter[offset.at[0]], gradient[offset.at[1]], mean[offset.at[2]], square[offset.at[3]]);
  }
}

}  // namespace

void CudaBackend::sgd(const SgdSpec& spec, std::span<const SgdSlot> slots) {
  const Call call(*this, "sgd");
  for (const SgdSlot& slot : slots) {
    const View& p = slot.parameter;
    const auto loop = strided_loop<3>(p.shape, {p.strides, slot.gradient.strides,
                                                slot.momentum.defined() ? slot.momentum.strides : p.strides});
    if (loop.total == 0) continue;
    visit_floating(p.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      cuda::launch(sgd_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop, spec,
                   p.as<T>(), slot.gradient.as<const T>(), slot.momentum.as<T>());
    });
  }
}

void CudaBackend::adam(const AdamSpec& spec, std::span<const AdamSlot> slots) {
  const Call call(*this, "adam");
  for (const AdamSlot& slot : slots) {
    const View& p = slot.parameter;
    const auto loop =
        strided_loop<4>(p.shape, {p.strides, slot.gradient.strides, slot.mean.strides, slot.square.strides});
    if (loop.total == 0) continue;
    visit_floating(p.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      cuda::launch(adam_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop, spec,
                   p.as<T>(), slot.gradient.as<const T>(), slot.mean.as<T>(), slot.square.as<T>());
    });
  }
}

}  // namespace linnet

// The optimisers' steps, one pass over each parameter (core/optim_math.h has the formulas). A parameter, its
// gradient and its state never share memory.
#include "core/elements.h"
#include "core/optim_math.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// The update by value, the pointers unaliased: its coefficients stay in registers and the loop in vectors.
template <class Update, class T, class... State>
void update_dense(Update update, int64_t n, T* __restrict p, const T* __restrict g,
                  State* __restrict... state) {
  for (int64_t i = 0; i < n; ++i) update(p[i], g[i], state[i]...);
}

template <class T>
void sgd_slot(const SgdStep<T>& update, const SgdSlot& slot) {
  const auto loop = strided_loop<2>(slot.parameter.shape, {slot.parameter.strides, slot.gradient.strides});
  const int64_t ps = loop.inner_stride(0), gs = loop.inner_stride(1);
  cpu::parallel_walk(loop, [&](const auto& at, int64_t, int64_t n) {
    T* p = slot.parameter.as<T>() + at[0];
    const T* g = slot.gradient.as<const T>() + at[1];
    if (loop.dense()) {
      update_dense(update, n, p, g);
    } else {
      for (int64_t i = 0; i < n; ++i) update(p[i * ps], g[i * gs]);
    }
  });
}

template <class T>
void momentum_slot(const SgdStep<T>& update, const SgdSlot& slot) {
  const auto loop = strided_loop<3>(slot.parameter.shape,
                                    {slot.parameter.strides, slot.gradient.strides, slot.momentum.strides});
  const int64_t ps = loop.inner_stride(0), gs = loop.inner_stride(1), bs = loop.inner_stride(2);
  cpu::parallel_walk(loop, [&](const auto& at, int64_t, int64_t n) {
    T* p = slot.parameter.as<T>() + at[0];
    const T* g = slot.gradient.as<const T>() + at[1];
    T* buffer = slot.momentum.as<T>() + at[2];
    if (loop.dense()) {
      update_dense(update, n, p, g, buffer);
    } else {
      for (int64_t i = 0; i < n; ++i) update(p[i * ps], g[i * gs], buffer[i * bs]);
    }
  });
}

template <class T>
void adam_slot(const AdamStep<T>& update, const AdamSlot& slot) {
  const auto loop = strided_loop<4>(slot.parameter.shape, {slot.parameter.strides, slot.gradient.strides,
                                                           slot.mean.strides, slot.square.strides});
  const int64_t ps = loop.inner_stride(0), gs = loop.inner_stride(1);
  const int64_t ms = loop.inner_stride(2), ss = loop.inner_stride(3);
  cpu::parallel_walk(loop, [&](const auto& at, int64_t, int64_t n) {
    T* p = slot.parameter.as<T>() + at[0];
    const T* g = slot.gradient.as<const T>() + at[1];
    T* mean = slot.mean.as<T>() + at[2];
    T* square = slot.square.as<T>() + at[3];
    if (loop.dense()) {
      update_dense(update, n, p, g, mean, square);
    } else {
      for (int64_t i = 0; i < n; ++i) update(p[i * ps], g[i * gs], mean[i * ms], square[i * ss]);
    }
  });
}

}  // namespace

void CpuBackend::sgd(const SgdSpec& spec, std::span<const SgdSlot> slots) {
  const double lr = *spec.lr.as<const double>();
  const int64_t step = *spec.step.as<const int64_t>();
  for (const SgdSlot& slot : slots) {
    visit_floating(slot.parameter.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      const SgdStep<T> update(spec, lr, step);
      if (update.has_momentum) {
        momentum_slot(update, slot);
      } else {
        sgd_slot(update, slot);
      }
    });
  }
}

void CpuBackend::adam(const AdamSpec& spec, std::span<const AdamSlot> slots) {
  const double lr = *spec.lr.as<const double>();
  const int64_t step = *spec.step.as<const int64_t>();
  for (const AdamSlot& slot : slots) {
    visit_floating(slot.parameter.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      adam_slot(AdamStep<T>(spec, lr, adam_correction(spec.beta1, step), adam_correction(spec.beta2, step)),
                slot);
    });
  }
}

}  // namespace linnet

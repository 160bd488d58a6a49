// The optimisers' steps (core/optim_math.h has the formulas): one pass over all parameters together, cut into
// even chunks whatever the sizes of single ones are; dense runs by cpu/optim_kernel.h. A parameter, its
// gradient and its state never share memory.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/optim_kernel.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// The views of a slot that a step walks over; the parameter is the first.
std::array<View, 2> plain_views(const SgdSlot& slot) {
  return {slot.parameter, slot.gradient};
}
std::array<View, 3> momentum_views(const SgdSlot& slot) {
  return {slot.parameter, slot.gradient, slot.momentum};
}
std::array<View, 4> adam_views(const AdamSlot& slot) {
  return {slot.parameter, slot.gradient, slot.mean, slot.square};
}

/// Calls body(addresses, n) for dense runs that make up the elements [begin, end) of a slot. Others pass
/// through buffers; only the gradient, the second view, is not written back.
template <class T, size_t N, class Body>
void walk_slot(const std::array<View, N>& views, int64_t begin, int64_t end, const Body& body) {
  std::array<Strides, N> strides;
  for (size_t k = 0; k < N; ++k) strides[k] = views[k].strides;
  const auto loop = strided_loop<static_cast<int>(N)>(views[0].shape, strides);
  cpu::walk(loop, begin, end, [&](const auto& at, int64_t, int64_t n) {
    std::array<T*, N> data;
    for (size_t k = 0; k < N; ++k) data[k] = views[k].template as<T>() + at[k];
    if (loop.dense()) return body(data, n);
    constexpr int64_t kBlock = 128;
    T blocks[N][kBlock];
    std::array<T*, N> buffers;
    for (size_t k = 0; k < N; ++k) buffers[k] = blocks[k];
    for (int64_t first = 0; first < n; first += kBlock) {
      const int64_t count = std::min(kBlock, n - first);
      for (size_t k = 0; k < N; ++k) {
        const int64_t stride = loop.inner_stride(static_cast<int>(k));
        for (int64_t i = 0; i < count; ++i) blocks[k][i] = data[k][(first + i) * stride];
      }
      body(buffers, count);
      for (size_t k = 0; k < N; ++k) {
        const int64_t stride = loop.inner_stride(static_cast<int>(k));
        for (int64_t i = 0; k != 1 && i < count; ++i) data[k][(first + i) * stride] = blocks[k][i];
      }
    }
  });
}

/// The same for all slots of a dtype, on several threads: their elements are numbered through.
template <class T, class Slot, size_t N, class Body>
void walk_slots(DType dtype, std::span<const Slot> slots, std::array<View, N> (*views_of)(const Slot&),
                const Body& body) {
  int64_t total = 0;
  for (const Slot& slot : slots) total += slot.parameter.dtype == dtype ? slot.parameter.numel() : 0;
  cpu::parallel_range(total, cpu::kGrain, [&](int64_t begin, int64_t end) {
    int64_t first = 0;
    for (const Slot& slot : slots) {
      if (slot.parameter.dtype != dtype) continue;
      const int64_t size = slot.parameter.numel();
      const int64_t from = std::max(begin - first, int64_t{0}), to = std::min(end - first, size);
      if (from < to) walk_slot<T>(views_of(slot), from, to, body);
      first += size;
      if (first >= end) return;
    }
  });
}

template <class F>
void for_each_floating(F&& f) {
  f(Element<DType::Float32>());
  f(Element<DType::Float64>());
}

}  // namespace

void CpuBackend::sgd(const SgdSpec& spec, std::span<const SgdSlot> slots) {
  const double lr = *spec.lr.as<const double>();
  const int64_t step = *spec.step.as<const int64_t>();
  for_each_floating([&](auto element) {
    using T = typename decltype(element)::Stored;
    const SgdStep<T> update(spec, lr, step);
    const cpu::OptimKernels<T>& kernels = cpu::optim_kernels<T>();
    if (update.has_momentum) {
      walk_slots<T>(element.kDType, slots, momentum_views, [&](const std::array<T*, 3>& at, int64_t n) {
        kernels.momentum(update, n, at[0], at[1], at[2]);
      });
    } else {
      walk_slots<T>(element.kDType, slots, plain_views,
                    [&](const std::array<T*, 2>& at, int64_t n) { kernels.sgd(update, n, at[0], at[1]); });
    }
  });
}

void CpuBackend::adam(const AdamSpec& spec, std::span<const AdamSlot> slots) {
  const double lr = *spec.lr.as<const double>();
  const int64_t step = *spec.step.as<const int64_t>();
  for_each_floating([&](auto element) {
    using T = typename decltype(element)::Stored;
    const AdamStep<T> update(spec, lr, adam_correction(spec.beta1, step), adam_correction(spec.beta2, step));
    const cpu::OptimKernels<T>& kernels = cpu::optim_kernels<T>();
    walk_slots<T>(element.kDType, slots, adam_views, [&](const std::array<T*, 4>& at, int64_t n) {
      kernels.adam(update, n, at[0], at[1], at[2], at[3]);
    });
  });
}

}  // namespace linnet

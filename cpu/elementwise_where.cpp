// where: a choice between two operands by a bool.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/source.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

template <class T>
void row(T* out, int64_t so, const uint8_t* c, int64_t sc, const T* a, int64_t sa, const T* b, int64_t sb,
         int64_t n) {
  if (so == 1 && sc == 1 && sa == 1 && sb == 1) {
    LINNET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = c[i] != 0 ? a[i] : b[i];
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * so] = c[i * sc] != 0 ? a[i * sa] : b[i * sb];
  }
}

}  // namespace

void CpuBackend::where(const View& condition, const Operand& a, const Operand& b, const View& out) {
  const cpu::Source p(a, out.dtype, out.rank()), q(b, out.dtype, out.rank());
  const auto loop = strided_loop<4>(out.shape, {out.strides, condition.strides, p.strides(), q.strides()});
  visit_dtype(out.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
      row(out.as<T>() + offset[0], loop.inner_stride(0), condition.as<const uint8_t>() + offset[1],
          loop.inner_stride(1), reinterpret_cast<const T*>(p.element(offset[2])), loop.inner_stride(2),
          reinterpret_cast<const T*>(q.element(offset[3])), loop.inner_stride(3), n);
    });
  });
}

}  // namespace linnet

// Elementwise operators of two operands, comparisons included: in vectors where there is a kernel
// (cpu/elementwise_kernel.h), by the functor elsewhere. A number is an operand of stride 0.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/elementwise_kernel.h"
#include "cpu/source.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

struct Run {
  void* out;
  const void* a;
  const void* b;
  int64_t out_stride, a_stride, b_stride, n;
  bool streamed;
};

constexpr int64_t kShortRow = 8;  // not worth the call of a kernel; its results have the same bits

template <class T>
bool run_kernel(BinaryKind kind, const Run& r) {
  if (!cpu::has_kernel(kind) || r.n < kShortRow) return false;
  if (r.out_stride != 1 || r.a_stride > 1 || r.b_stride > 1) return false;
  const auto kernel = cpu::elementwise_kernels<T>().of(kind);
  const T* a = static_cast<const T*>(r.a);
  const T* b = static_cast<const T*>(r.b);
  T* out = static_cast<T*>(r.out);
  cpu::fill_row(out, r.n, r.streamed, [&](int64_t first, int64_t count, bool past_caches) {
    kernel(a + first * r.a_stride, r.a_stride, b + first * r.b_stride, r.b_stride, out + first, count,
           past_caches);
  });
  return true;
}

/// kDense: there is no kernel that takes dense rows.
template <bool kDense, class T, class Out, class F>
void run_row(const Run& r, F f) {
  auto* out = static_cast<Out*>(r.out);
  const auto* a = static_cast<const T*>(r.a);
  const auto* b = static_cast<const T*>(r.b);
  const auto one = [f](T p, T q) { return static_cast<Out>(functor::apply(f, p, q)); };
  const int64_t n = r.n;
  if constexpr (kDense) {
    if (r.out_stride == 1 && r.a_stride == 1 && r.b_stride == 1) {
      LINNET_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) out[i] = one(a[i], b[i]);
      return;
    }
    if constexpr (std::is_floating_point_v<T>) {  // worth its code only here
      if (r.out_stride == 1 && r.a_stride == 1 && r.b_stride == 0) {
        const T q = *b;
        LINNET_INDEPENDENT
        for (int64_t i = 0; i < n; ++i) out[i] = one(a[i], q);
        return;
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) out[i * r.out_stride] = one(a[i * r.a_stride], b[i * r.b_stride]);
}

/// Bool comes here as the bytes 0 and 1, on which its operators are those of uint8.
template <class T>
void row(BinaryKind kind, const Run& r) {
  if constexpr (std::is_floating_point_v<T>) {
    if (run_kernel<T>(kind, r)) return;
  }
  visit(kind, [&](auto k, auto f) {
    if constexpr (is_comparison(k())) {
      run_row<true, T, uint8_t>(r, f);
    } else if constexpr (std::is_floating_point_v<T>) {
      run_row<!cpu::has_kernel(k()), T, T>(r, f);
    } else if constexpr (works_on_integers(k())) {
      run_row<true, T, T>(r, f);
    }
  });
}

}  // namespace

void CpuBackend::binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) {
  const DType dtype = !a.is_number ? a.view.dtype : !b.is_number ? b.view.dtype : out.dtype;
  if (dtype == DType::Bool ? !works_on_bool(kind) : !is_floating(dtype) && !works_on_integers(kind)) {
    fail_dtype(linnet::name(kind), dtype, works_on_integers(kind));
  }
  void (*run)(BinaryKind, const Run&) = nullptr;
  visit_dtype(dtype, [&](auto element) { run = row<typename decltype(element)::Stored>; });
  const cpu::Source p(a, dtype, out.rank()), q(b, dtype, out.rank());
  if (out.numel() == 1) return run(kind, {out.data, p.element(0), q.element(0), 1, 1, 1, 1, false});
  const bool streamed = cpu::is_streamed(out) && out.data != a.view.data && out.data != b.view.data;
  const auto loop = strided_loop<3>(out.shape, {out.strides, p.strides(), q.strides()});
  cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
    run(kind, {element(out, offset[0]), p.element(offset[1]), q.element(offset[2]), loop.inner_stride(0),
               loop.inner_stride(1), loop.inner_stride(2), n, streamed});
  });
}

}  // namespace linnet

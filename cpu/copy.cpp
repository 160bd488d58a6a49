// Copies with any strides and dtypes, and fills. Within a dtype dense runs go by memcpy; where the two sides
// disagree on the fastest dimension (a transpose) the copy goes in square blocks, so that both are read and
// written a cache line at a time.
#include <cstring>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

using cpu::parallel_range;
using cpu::parallel_walk;
constexpr int64_t kBlock = 32;

template <class T>
void copy_row(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t n) {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else if (to_stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * from_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

/// The dimension along which `from` (operand 1) is dense where the innermost one is not; -1 if there is none.
int transposed_dim(const StridedLoop<2>& loop) {
  const auto last = static_cast<size_t>(loop.rank - 1);
  if (loop.stride[0][last] != 1 || loop.stride[1][last] < 2) return -1;
  for (int d = loop.rank - 2; d >= 0; --d) {
    if (loop.stride[1][static_cast<size_t>(d)] == 1 && loop.extent[static_cast<size_t>(d)] >= 4) return d;
  }
  return -1;
}

/// Copies a transpose. Dimensions: `across`, dense in `from`, and the innermost one, dense in `to`; the
/// others are walked one by one.
template <class T>
void copy_transposed(StridedLoop<2> loop, int across, T* to, const T* from) {
  const auto last = static_cast<size_t>(loop.rank - 1);
  const auto a = static_cast<size_t>(across);
  const int64_t rows = loop.extent[a], columns = loop.extent[last];
  const int64_t to_stride = loop.stride[0][a], from_stride = loop.stride[1][last];
  const int64_t row_blocks = (rows + kBlock - 1) / kBlock, column_blocks = (columns + kBlock - 1) / kBlock;
  // The same loop with blocks in place of elements: every step is a block.
  loop.extent[a] = row_blocks;
  loop.extent[last] = column_blocks;
  loop.stride[0][a] *= kBlock;
  loop.stride[1][a] *= kBlock;
  loop.stride[0][last] *= kBlock;
  loop.stride[1][last] *= kBlock;
  loop.total = loop.total / (rows * columns) * (row_blocks * column_blocks);
  parallel_range(loop.total, cpu::kGrain / (kBlock * kBlock), [&](int64_t begin, int64_t end) {
    cpu::walk(loop, begin, end, [&](const auto& offset, int64_t first, int64_t count) {
      // The position along `across` follows from the block's number.
      int64_t inside = 1;
      for (size_t d = a + 1; d <= last; ++d) inside *= loop.extent[d];
      const int64_t m = std::min(kBlock, rows - first / inside % row_blocks * kBlock);
      for (int64_t block = 0; block < count; ++block) {
        const int64_t n = std::min(kBlock, columns - (first + block) % column_blocks * kBlock);
        T* t = to + offset[0] + block * loop.stride[0][last];
        const T* f = from + offset[1] + block * loop.stride[1][last];
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) t[i * to_stride + j] = f[i + j * from_stride];
        }
      }
    });
  });
}

template <class T>
void copy_same(const StridedLoop<2>& loop, T* to, const T* from) {
  const int across = transposed_dim(loop);
  if (across >= 0) return copy_transposed(loop, across, to, from);
  parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
    copy_row(to + offset[0], loop.inner_stride(0), from + offset[1], loop.inner_stride(1), n);
  });
}

template <class To, class From>
void convert_row(void* to, int64_t to_stride, const void* from, int64_t from_stride, int64_t n) {
  auto* t = static_cast<typename To::Stored*>(to);
  const auto* f = static_cast<const From*>(from);
  if (to_stride == 1 && from_stride == 1) {
    LINNET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) t[i] = To::store(f[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) t[i * to_stride] = To::store(f[i * from_stride]);
  }
}

void copy_converted(const StridedLoop<2>& loop, const View& to, const View& from) {
  void (*run)(void*, int64_t, const void*, int64_t, int64_t) = nullptr;
  visit_dtype(to.dtype, [&](auto t) {
    visit_dtype(from.dtype, [&](auto f) { run = convert_row<decltype(t), typename decltype(f)::Stored>; });
  });
  parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
    run(element(to, offset[0]), loop.inner_stride(0), element(from, offset[1]), loop.inner_stride(1), n);
  });
}

template <class T>
void fill_row(T* to, int64_t stride, T value, int64_t n) {
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = value;
  }
}

}  // namespace

void CpuBackend::copy(const View& from, const View& to) {
  if (to.numel() == 0) return;
  const auto loop = strided_loop<2>(to.shape, {to.strides, from.strides});
  if (from.dtype == to.dtype) {
    return visit_dtype(to.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      copy_same(loop, to.as<T>(), from.as<T>());
    });
  }
  copy_converted(loop, to, from);
}

void CpuBackend::fill(Scalar value, const View& to) {
  if (to.numel() == 0) return;
  const auto loop = strided_loop<1>(to.shape, {to.strides});
  visit_dtype(to.dtype, [&](auto element) {
    using E = decltype(element);
    using T = typename E::Stored;
    const T stored = E::from(value);
    parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
      fill_row(to.as<T>() + offset[0], loop.inner_stride(0), stored, n);
    });
  });
}

}  // namespace linnet

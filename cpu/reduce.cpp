// Sums, maxima and minima over any set of dimensions. (Positions of extremes: cpu/arg_reduce.cpp.)
//
// Floating sums add up in double, sums of integers and bool in int64 (wrapping); one rounding at the end. The
// reduced elements of an output are cut into parts by shape alone; a part is added in kLanes interleaved
// accumulators, which are combined as a tree, and the parts in order, so the bits do not depend on threads.
// Maxima and minima are NaN where there is one.
//
// Two forms: along rows, where a reduced dimension is innermost (or the kept one is short); and down columns,
// where the innermost dimension is kept and a row of accumulators takes in rows of x, four at a time. Dense
// rows of floating elements go through cpu/reduce_kernel.h.
#include <cstddef>

#include "core/elements.h"
#include "core/reduce_math.h"
#include "cpu/backend.h"
#include "cpu/reduce_kernel.h"
#include "cpu/scratch.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

constexpr int64_t kPart = 32768;   // elements whose sum is one partial result
constexpr int64_t kBlock = 128;    // elements that are brought together; a multiple of kLanes
constexpr int64_t kColumns = 256;  // accumulators of the column form

/// Accumulators that runs of elements are added to.
template <ReduceKind K, class T, class Acc>
struct Lanes {
  using Lane = std::conditional_t<K == ReduceKind::Sum, Acc, T>;

  static void start(void* lanes) {
    for (int64_t l = 0; l < cpu::kLanes; ++l) static_cast<Lane*>(lanes)[l] = reduce_identity<K, Lane>();
  }
  static void add(void* lanes, const void* data, int64_t stride, int64_t n) {
    auto* lane = static_cast<Lane*>(lanes);
    const T* x = static_cast<const T*>(data);
    if constexpr (std::is_floating_point_v<T>) {
      if (stride == 1) return kernel()(lane, x, n);
      T block[kBlock];
      for (int64_t first = 0; first < n; first += kBlock) {
        const int64_t count = std::min(kBlock, n - first);
        for (int64_t i = 0; i < count; ++i) block[i] = x[(first + i) * stride];
        kernel()(lane, block, count);
      }
    } else {
      int64_t i = 0;
      if (stride == 1) {
        for (; i + cpu::kLanes <= n; i += cpu::kLanes) {
          for (int64_t l = 0; l < cpu::kLanes; ++l) {
            lane[l] = combine<K, Lane>(lane[l], static_cast<Lane>(x[i + l]));
          }
        }
      }
      for (; i < n; ++i) {
        Lane& to = lane[i % cpu::kLanes];
        to = combine<K, Lane>(to, static_cast<Lane>(x[i * stride]));
      }
    }
  }
  static Acc finish(void* lanes) {
    auto* lane = static_cast<Lane*>(lanes);
    for (int64_t width = cpu::kLanes / 2; width > 0; width /= 2) {
      for (int64_t l = 0; l < width; ++l) lane[l] = combine<K, Lane>(lane[l], lane[l + width]);
    }
    return static_cast<Acc>(lane[0]);
  }

 private:
  static auto kernel() {
    const cpu::ReduceKernels<T>& kernels = cpu::reduce_kernels<T>();
    if constexpr (K == ReduceKind::Sum) return kernels.sum;
    if constexpr (K == ReduceKind::Max) return kernels.max;
    if constexpr (K == ReduceKind::Min) return kernels.min;
  }
};

/// acc[j] takes in the elements x[r * step + j * stride] of all rows r.
template <ReduceKind K, class T, class Acc>
void reduce_rows(Acc* acc, const void* data, int64_t step, int64_t rows, int64_t stride, int64_t n) {
  const T* x = static_cast<const T*>(data);
  if constexpr (K == ReduceKind::Sum && std::is_floating_point_v<T>) {
    if (stride == 1) return cpu::reduce_kernels<T>().sum_rows(acc, x, step, rows, n);
  }
  for (; rows > 0; --rows, x += step) {
    if (stride == 1) {
      for (int64_t j = 0; j < n; ++j) acc[j] = combine<K, Acc>(acc[j], static_cast<Acc>(x[j]));
    } else {
      for (int64_t j = 0; j < n; ++j) acc[j] = combine<K, Acc>(acc[j], static_cast<Acc>(x[j * stride]));
    }
  }
}

/// A reduction of one element type, with its results in double or int64.
template <class Acc>
struct Kernel {
  Acc identity;
  Acc (*combine)(Acc, Acc);
  void (*start)(void* lanes);
  void (*add)(void* lanes, const void* x, int64_t stride, int64_t n);
  Acc (*finish)(void* lanes);
  void (*rows)(Acc* acc, const void* x, int64_t step, int64_t rows, int64_t stride, int64_t n);
};

template <ReduceKind K, class T, class Acc>
constexpr auto kernel_for() {
  using L = Lanes<K, T, Acc>;
  return Kernel<Acc>{reduce_identity<K, Acc>(), combine<K, Acc>, L::start, L::add, L::finish,
                     reduce_rows<K, T, Acc>};
}

template <class T, class Acc>
Kernel<Acc> kernel_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::Max:
      return kernel_for<ReduceKind::Max, T, Acc>();
    case ReduceKind::Min:
      return kernel_for<ReduceKind::Min, T, Acc>();
    case ReduceKind::Sum:
      break;
  }
  return kernel_for<ReduceKind::Sum, T, Acc>();
}

/// One call of reduce: the dimensions of x in two loops. Operands of `kept`: x, out; of `reduced`: x.
template <class Acc>
class Reduction {
 public:
  Reduction(const Kernel<Acc>& kernel, const View& x, const View& out) : kernel_(kernel), x_(x), out_(out) {
    Shape kept, reduced;
    Strides kept_x, kept_out, reduced_x;
    for (int d = 0; d < x.rank(); ++d) {
      const bool stays = out.shape[d] == x.shape[d];
      (stays ? kept : reduced).push_back(x.shape[d]);
      (stays ? kept_x : reduced_x).push_back(x.strides[d]);
      if (stays) kept_out.push_back(out.strides[d]);
    }
    kept_ = strided_loop<2>(kept, {kept_x, kept_out});
    reduced_ = strided_loop<1>(reduced, {reduced_x});
  }

  void run() const {
    const bool columns =
        reduced_.total > 1 && kept_.inner_extent() >= 8 && kept_.inner_stride(0) < reduced_.inner_stride(0);
    if (columns) {
      by_columns();
    } else {
      by_rows();
    }
  }

 private:
  // Partial results of a part are numbered as the loop over kept dimensions is.
  void by_rows() const;
  void by_columns() const;
  Acc row_part(int64_t offset, int64_t begin, int64_t end) const;
  void column_part(int64_t offset, int64_t columns, int64_t begin, int64_t end, Acc* acc) const;
  void store(const Acc* partial, int64_t parts) const;

  Kernel<Acc> kernel_;
  View x_;
  View out_;
  StridedLoop<2> kept_;
  StridedLoop<1> reduced_;
};

/// Elements [begin, end) of the reduced dimensions, for the output whose elements begin at `offset`.
template <class Acc>
Acc Reduction<Acc>::row_part(int64_t offset, int64_t begin, int64_t end) const {
  alignas(64) std::byte lanes[cpu::kLanes * 8];  // no accumulator is larger
  kernel_.start(lanes);
  cpu::walk(reduced_, begin, end, [&](const auto& at, int64_t, int64_t n) {
    kernel_.add(lanes, element(x_, offset + at[0]), reduced_.inner_stride(0), n);
  });
  return kernel_.finish(lanes);
}

template <class Acc>
void Reduction<Acc>::by_rows() const {
  const int64_t outputs = kept_.total, size = reduced_.total;
  const int64_t parts = std::max<int64_t>(1, size / kPart);
  const int64_t grain = std::max<int64_t>(1, cpu::kGrain / std::max<int64_t>(1, size / parts));
  const cpu::Scratch<Acc> partial(outputs * parts);
  cpu::parallel_range(outputs * parts, grain, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin / outputs; part * outputs < end; ++part) {
      const int64_t base = part * outputs;
      cpu::walk(kept_, std::max(begin - base, int64_t{0}), std::min(end - base, outputs),
                [&](const auto& at, int64_t first, int64_t n) {
                  for (int64_t i = 0; i < n; ++i) {
                    partial[base + first + i] =
                        row_part(at[0] + i * kept_.inner_stride(0), cpu::chunk_begin(size, parts, part),
                                 cpu::chunk_begin(size, parts, part + 1));
                  }
                });
    }
  });
  store(partial.data(), parts);
}

/// The same for `columns` neighbours of the innermost kept dimension.
template <class Acc>
void Reduction<Acc>::column_part(int64_t offset, int64_t columns, int64_t begin, int64_t end,
                                 Acc* acc) const {
  std::fill(acc, acc + columns, kernel_.identity);
  cpu::walk(reduced_, begin, end, [&](const auto& at, int64_t, int64_t n) {
    kernel_.rows(acc, element(x_, offset + at[0]), reduced_.inner_stride(0), n, kept_.inner_stride(0),
                 columns);
  });
}

template <class Acc>
void Reduction<Acc>::by_columns() const {
  const int64_t width = kept_.inner_extent(), size = reduced_.total;
  const int64_t block_width = std::min(width, kColumns), blocks = (width + kColumns - 1) / kColumns;
  const int64_t parts = cpu::range_chunks(size, kPart / block_width);
  const int64_t grain = std::max<int64_t>(1, cpu::kGrain / (size / parts * block_width));
  const cpu::Scratch<Acc> partial(kept_.total * parts);
  cpu::parallel_range(kept_.total / width * blocks * parts, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t part = item % parts, block = item / parts % blocks, row = item / parts / blocks;
      const int64_t column = block * kColumns, output = row * width + column;
      cpu::walk(kept_, output, output + 1, [&](const auto& at, int64_t, int64_t) {
        column_part(at[0], std::min(kColumns, width - column), cpu::chunk_begin(size, parts, part),
                    cpu::chunk_begin(size, parts, part + 1), partial.data() + part * kept_.total + output);
      });
    }
  });
  store(partial.data(), parts);
}

/// Combines the parts in order.
template <class Acc>
void Reduction<Acc>::store(const Acc* partial, int64_t parts) const {
  visit_dtype(out_.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cpu::parallel_walk(kept_, [&](const auto& at, int64_t first, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        Acc total = kernel_.identity;
        for (int64_t p = 0; p < parts; ++p) {
          total = kernel_.combine(total, partial[p * kept_.total + first + i]);
        }
        out_.as<T>()[at[1] + i * kept_.inner_stride(1)] = static_cast<T>(total);
      }
    });
  });
}

}  // namespace

void CpuBackend::reduce(ReduceKind kind, const View& x, const View& out) {
  if (out.numel() == 0) return;
  visit_dtype(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    using Acc = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
    Reduction<Acc>(kernel_of<T, Acc>(kind), x, out).run();
  });
}

}  // namespace linnet

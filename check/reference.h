// What references share: walking over index tuples, elementwise maps with broadcasting, reductions. Plain
// loops over doubles that call nothing of the library but Dims. Sums run in long double, so that a
// reference's own rounding does not count where the compiler has one.
#pragma once

#include <linnet/autograd/ops.h>
#include <linnet/check/op_case.h>
#include <linnet/core/conv2d.h>

namespace linnet::checks {

/// Calls f with every index tuple of the shape, in row-major order.
template <class F>
void for_each_index(const Shape& shape, const F& f) {
  if (shape.product() == 0) return;
  Dims index = Dims::filled(shape.rank(), 0);
  while (true) {
    f(static_cast<const Dims&>(index));
    int i = shape.rank() - 1;
    while (i >= 0 && ++index[i] == shape[i]) index[i--] = 0;
    if (i < 0) return;
  }
}

inline size_t position(const Shape& shape, const Dims& index) {
  int64_t result = 0;
  for (int i = 0; i < shape.rank(); ++i) result = result * shape[i] + index[i];
  return static_cast<size_t>(result);
}

inline double& element(Values& values, const Dims& index) {
  return values.at[position(values.shape, index)];
}
inline double element(const Values& values, const Dims& index) {
  return values.at[position(values.shape, index)];
}

inline Values filled(const Shape& shape, double value = 0) {
  return {shape, std::vector<double>(static_cast<size_t>(shape.product()), value)};
}

/// A result of that shape whose element at an index is f(index).
template <class F>
Values build(const Shape& shape, const F& f) {
  Values result = filled(shape);
  for_each_index(shape, [&](const Dims& index) { element(result, index) = static_cast<double>(f(index)); });
  return result;
}

template <class F>
Values map(const Values& x, const F& f) {
  return build(x.shape, [&](const Dims& index) { return f(element(x, index)); });
}

/// x's element for an index of a shape it broadcasts to.
inline double broadcast_element(const Values& x, const Dims& index) {
  Dims own = x.shape;
  const int skip = index.rank() - x.shape.rank();
  for (int i = 0; i < own.rank(); ++i) own[i] = x.shape[i] == 1 ? 0 : index[skip + i];
  return element(x, own);
}

/// The index within [0, n) that is read for one beyond the border; not for zeros.
inline int64_t border_source(int64_t i, int64_t n, PaddingMode mode) {
  switch (mode) {
    case PaddingMode::Reflect:
      return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    case PaddingMode::Circular:
      return (i + n) % n;
    default:
      return i < 0 ? 0 : i >= n ? n - 1 : i;
  }
}

/// x with elements in front and behind along one dimension; negative numbers cut off, first.
inline Values bordered(const Values& x, int dim, int64_t before, int64_t after, PaddingMode mode,
                       double value = 0) {
  const int64_t cut_before = before < 0 ? -before : 0, cut_after = after < 0 ? -after : 0;
  const int64_t kept = x.shape[dim] - cut_before - cut_after;
  Shape shape = x.shape;
  shape[dim] += before + after;
  return build(shape, [&](Dims index) {
    const int64_t i = index[dim] - (before > 0 ? before : 0);
    if (mode == PaddingMode::Zeros && (i < 0 || i >= kept)) return value;
    index[dim] = cut_before + border_source(i, kept, mode);
    return element(x, index);
  });
}

/// Whether a reduction over `dims` (all, where empty; from the end, where negative) takes in dimension i.
inline bool reduces(const Dims& dims, int i, int rank) {
  if (dims.empty()) return true;
  for (const int64_t dim : dims) {
    if (dim == i || dim + rank == i) return true;
  }
  return false;
}

/// With reduced dimensions of extent 1, and without them.
inline Shape kept_shape(const Shape& shape, const Dims& dims) {
  Shape kept = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (reduces(dims, i, shape.rank())) kept[i] = 1;
  }
  return kept;
}
inline Shape dropped_shape(const Shape& shape, const Dims& dims) {
  Shape dropped;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!reduces(dims, i, shape.rank())) dropped.push_back(shape[i]);
  }
  return dropped;
}

/// Calls f(position in kept_shape, element) for every element, in row-major order.
template <class F>
void for_each_reduced(const Values& x, const Dims& dims, const F& f) {
  const Shape kept = kept_shape(x.shape, dims);
  for_each_index(x.shape, [&](Dims index) {
    const double value = element(x, index);
    for (int i = 0; i < kept.rank(); ++i) {
      if (reduces(dims, i, kept.rank())) index[i] = 0;
    }
    f(position(kept, index), value);
  });
}

/// NumPy's rule, for shapes that fit.
inline Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape result = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int skip = result.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    if (result[skip + i] == 1) result[skip + i] = shorter[i];
  }
  return result;
}

/// f over two operands that broadcast.
template <class F>
Values zip(const Values& a, const Values& b, const F& f) {
  return build(broadcast_shape(a.shape, b.shape), [&](const Dims& index) {
    return f(broadcast_element(a, index), broadcast_element(b, index));
  });
}

/// What a loss makes of the losses of all places.
inline Values reduced(const Values& losses, Reduction reduction, long double divisor) {
  if (reduction == Reduction::None) return losses;
  long double total = 0;
  for (const double loss : losses.at) total += loss;
  return {{}, {static_cast<double>(reduction == Reduction::Mean ? total / divisor : total)}};
}

}  // namespace linnet::checks

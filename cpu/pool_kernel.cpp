#include "cpu/pool_kernel.h"

#include <algorithm>

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/pool_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Place = typename PoolKernels<T>::Place;
/// Vectors of up to 64 bytes, and of 16 for short lines.
template <class T>
using Wide = hn::CappedTag<T, 64 / sizeof(T)>;
template <class T>
using Narrow = hn::CappedTag<T, 16 / sizeof(T)>;
template <class D>
using PlaceTag = hn::RebindToSigned<D>;
template <class D>
using PlaceVec = hn::Vec<PlaceTag<D>>;

/// The window of one result.
template <class T, bool with_places>
HWY_INLINE void one(const MaxLines& work, const T* x, Place<T> place, T* y, int64_t* to) {
  T best = *x;
  Place<T> at = place;
  for (int64_t r = 0; r < work.rows; ++r) {
    for (int64_t s = 0; s < work.columns; ++s) {
      const T value = x[r * work.row.image + s * work.column.image];
      if (!(value > best || value != value)) continue;
      best = value;
      at = place + static_cast<Place<T>>(r * work.row.place + s * work.column.place);
    }
  }
  *y = best;
  if constexpr (with_places) *to = at;
}

/// Neighbours in memory, or every second of them: then the elements between those are read too, which lie
/// between a result's first tap and its other ones.
template <int step, class D>
HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* x, bool first_tap) {
  if constexpr (step == 1) return hn::LoadU(d, x);
  hn::Vec<D> even, odd;
  hn::LoadInterleaved2(d, first_tap ? x : x - 1, even, odd);
  return first_tap ? even : odd;
}

template <class D>
HWY_INLINE void store_places(D d, hn::Vec<D> at, int64_t* to) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    hn::StoreU(at, d, to);
  } else {
    alignas(64) int32_t narrow[16];
    hn::Store(at, d, narrow);
    for (size_t i = 0; i < hn::Lanes(d); ++i) to[i] = narrow[i];
  }
}

/// The windows of a vector of results, `step` elements apart.
template <int step, bool with_places, class D, class T>
HWY_INLINE void together(D d, const MaxLines& work, const T* x, PlaceVec<D> place, T* y, int64_t* to) {
  const PlaceTag<D> di;
  hn::Vec<D> best = load<step>(d, x, true);
  PlaceVec<D> at = place;
  for (int64_t r = 0; r < work.rows; ++r) {
    for (int64_t s = 0; s < work.columns; ++s) {
      const auto value = load<step>(d, x + r * work.row.image + s * work.column.image, s == 0);
      const auto better = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
      best = hn::IfThenElse(better, value, best);
      if constexpr (with_places) {
        const auto tap = static_cast<Place<T>>(r * work.row.place + s * work.column.place);
        at = hn::IfThenElse(hn::RebindMask(di, better), hn::Add(place, hn::Set(di, tap)), at);
      }
    }
  }
  hn::StoreU(best, d, y);
  if constexpr (with_places) store_places(di, at, to);
}

/// Whole vectors; the last one overlaps its neighbour.
template <class D, int step, bool with_places, class T = hn::TFromD<D>>
void line(const MaxLines& work, const T* x, Place<T> place, T* y, int64_t* to) {
  const D d;
  const PlaceTag<D> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto advance = static_cast<Place<T>>(work.result.place);
  const auto advances = hn::Mul(hn::Iota(di, 0), hn::Set(di, advance));
  for (int64_t i = 0; i < work.count; i += lanes) {
    const int64_t first = std::min(i, work.count - lanes);
    const auto at = hn::Add(hn::Set(di, place + static_cast<Place<T>>(first) * advance), advances);
    together<step, with_places>(d, work, x + first * step, at, y + first, with_places ? to + first : nullptr);
  }
}

/// Results that are not in vectors' steps, or fewer than a vector has.
template <class T, bool with_places>
void one_by_one(const MaxLines& work, const T* x, Place<T> place, T* y, int64_t* to) {
  for (int64_t i = 0; i < work.count; ++i) {
    one<T, with_places>(work, x + i * work.result.image, place + static_cast<Place<T>>(i * work.result.place),
                        y + i, with_places ? to + i : nullptr);
  }
}

template <class D, bool with_places, class T = hn::TFromD<D>>
auto way(const MaxLines& work) {
  const bool pairs = work.result.image == 2 && work.columns > 1 && work.column.image > 0;
  if (work.count >= static_cast<int64_t>(hn::Lanes(D()))) {
    if (work.result.image == 1) return line<D, 1, with_places>;
    if (pairs) return line<D, 2, with_places>;
  }
  return one_by_one<T, with_places>;
}

template <class T, bool with_places>
void lines(const MaxLines& work, const T* x, Place<T> place, T* y, int64_t* to) {
  const bool wide = work.count >= static_cast<int64_t>(hn::Lanes(Wide<T>()));
  const auto run = wide ? way<Wide<T>, with_places>(work) : way<Narrow<T>, with_places>(work);
  for (int64_t l = 0; l < work.lines; ++l) {
    run(work, x + l * work.line.image, place + static_cast<Place<T>>(l * work.line.place),
        y + l * work.y_line, with_places ? to + l * work.places_line : nullptr);
  }
}

template <class T>
void largest(const MaxLines& work, const T* x, Place<T> place, T* y, int64_t* places) {
  if (places == nullptr) return lines<T, false>(work, x, place, y, places);
  lines<T, true>(work, x, place, y, places);
}

}  // namespace

void make_pool_kernels(PoolKernels<float>& single, PoolKernels<double>& twice) {
  single = {largest<float>};
  twice = {largest<double>};
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(PoolKernels, pool_kernels, make_pool_kernels);
#endif

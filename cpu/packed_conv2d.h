// A forward convolution by matrix products in two steps, packing filters and convolving, and in both at once.
// An algorithm is a class Forward<T>(geometry, x, y, relu) with packed_elements(), pack(w, to) and
// run(packed, bias).
#pragma once

#include <cstdint>

#include "core/elements.h"
#include "cpu/conv.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

template <template <class> class Forward>
struct ForwardSteps {
  static void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                     const View& y, bool relu) {
    if (y.numel() == 0) return;
    visit_floating(y.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      Forward<T> forward(geometry, x, y, relu);
      const Scratch<T> packed(forward.packed_elements());
      forward.pack(w, packed.data());
      forward.run(packed.data(), bias);
    });
  }

  static int64_t bytes(const Conv2dGeometry& geometry, const View& x, const View& y) {
    int64_t bytes = 0;
    visit_floating(y.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      bytes = Forward<T>(geometry, x, y, false).packed_elements() * static_cast<int64_t>(sizeof(T));
    });
    return bytes;
  }
  static void pack(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                   const View& packed) {
    visit_floating(y.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      Forward<T>(geometry, x, y, false).pack(w, packed.as<T>());
    });
  }
  static void packed_conv2d(const Conv2dGeometry& geometry, const View& x, const View& packed,
                            const View& bias, const View& y, bool relu) {
    if (y.numel() == 0) return;
    visit_floating(y.dtype, [&](auto element) {
      using T = typename decltype(element)::Stored;
      Forward<T>(geometry, x, y, relu).run(packed.as<const T>(), bias);
    });
  }
  static constexpr PackedConv2d kPacked{&bytes, &pack, &packed_conv2d};
};

}  // namespace linnet::cpu

// Plain-old-data descriptions of operands, as backends see them: no ownership, no checks.
#pragma once

#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>
#include <linnet/core/scalar.h>

namespace linnet {

/// Strided elements in a device's memory. Strides count elements and are never negative; a stride of 0
/// repeats (broadcast operands). Any extent may be 0; rank 0 is one element.
struct View {
  void* data = nullptr;
  DType dtype = DType::Float32;
  Shape shape;
  Strides strides;

  bool defined() const { return data != nullptr; }
  int rank() const { return shape.rank(); }
  int64_t numel() const { return shape.product(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// An input of an elementwise operator: a view already broadcast to the output's shape, or a number.
struct Operand {
  Operand(const View& v) : view(v) {}                // NOLINT(google-explicit-constructor)
  Operand(Scalar n) : number(n), is_number(true) {}  // NOLINT(google-explicit-constructor)
  View view;
  Scalar number = 0;
  bool is_number = false;
};

}  // namespace linnet

// Temporaries of one call of a backend, and its operators with a new result: what functions composed of a
// backend's primitives are written with.
#pragma once

#include <vector>

#include "core/backend.h"

namespace linnet {

class BackendScratch {
 public:
  explicit BackendScratch(Backend& backend) : backend_(backend) {}
  ~BackendScratch() {
    for (const Block& block : blocks_) backend_.deallocate(block.memory, block.bytes);
  }
  BackendScratch(const BackendScratch&) = delete;
  BackendScratch& operator=(const BackendScratch&) = delete;

  View make(const Shape& shape, DType dtype) {
    const size_t bytes = static_cast<size_t>(shape.product()) * size_of(dtype);
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back({backend_.allocate(bytes == 0 ? 1 : bytes), bytes == 0 ? 1 : bytes});
    return {blocks_.back().memory, dtype, shape, contiguous_strides(shape)};
  }
  View like(const View& view) { return make(view.shape, view.dtype); }

  // ---- operators with a new result
  View binary(BinaryKind kind, const Operand& a, const Operand& b, const View& shaped) {
    View out = make(shaped.shape, is_comparison(kind) ? DType::Bool : shaped.dtype);
    backend_.binary(kind, a, b, out);
    return out;
  }
  View unary(UnaryKind kind, const View& x) {
    View out = like(x);
    backend_.unary(kind, x, out);
    return out;
  }
  View convert(const View& x, DType dtype) {
    View out = make(x.shape, dtype);
    backend_.copy(x, out);
    return out;
  }
  /// x reduced along `dim`, seen with x's extents again.
  View reduce(ReduceKind kind, const View& x, int dim) {
    Shape shape = x.shape;
    shape[dim] = 1;
    View out = make(shape, x.dtype);
    backend_.reduce(kind, x, out);
    out.shape = x.shape;
    out.strides[dim] = 0;
    return out;
  }

 private:
  struct Block {
    void* memory;
    size_t bytes;
  };
  Backend& backend_;
  std::vector<Block> blocks_;
};

}  // namespace linnet

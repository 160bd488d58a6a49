#include <linnet/core/dims.h>

#include <algorithm>
#include <ostream>

#include "core/fail.h"

namespace linnet {

Dims::Dims(std::initializer_list<int64_t> values)
    : Dims(std::span<const int64_t>(values.begin(), values.size())) {}

Dims::Dims(std::span<const int64_t> values) : rank_(static_cast<int>(values.size())) {
  check(values.size() <= kMaxRank, "dims", "{} dimensions; at most {} are supported", values.size(),
        kMaxRank);
  std::copy(values.begin(), values.end(), values_.begin());
}

Dims Dims::filled(int rank, int64_t value) {
  check(rank >= 0 && rank <= kMaxRank, "dims", "{} dimensions; at most {} are supported", rank, kMaxRank);
  Dims dims;
  dims.rank_ = rank;
  std::fill(dims.begin(), dims.end(), value);
  return dims;
}

void Dims::push_back(int64_t value) {
  insert(rank_, value);
}

void Dims::insert(int position, int64_t value) {
  check(rank_ < kMaxRank, "dims", "more than {} dimensions", kMaxRank);
  std::copy_backward(begin() + position, end(), end() + 1);
  values_[static_cast<size_t>(position)] = value;
  ++rank_;
}

void Dims::erase(int position) {
  std::copy(begin() + position + 1, end(), begin() + position);
  --rank_;
  values_[static_cast<size_t>(rank_)] = 0;
}

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (int i = 0; i < dims.rank(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + (dims.rank() == 1 ? ",)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  return out << to_string(dims);
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides = shape;
  if (!shape.empty()) strides[shape.rank() - 1] = 1;
  for (int i = shape.rank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * std::max<int64_t>(shape[i + 1], 1);
  return strides;
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* where) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const int skip = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const int64_t x = longer[skip + i];
    const int64_t y = shorter[i];
    check(x == y || x == 1 || y == 1, where,
          "shapes {} and {} do not broadcast; extents aligned from the right must be equal or 1, "
          "but dimension {} has {} and {}",
          a, b, i - shorter.rank(), x, y);
    result[skip + i] = x == 1 ? y : x;
  }
  return result;
}

int normalize_dim(int dim, int rank, const char* where) {
  check(dim >= -rank && dim < rank, where, "dimension {} is outside [{}, {}) of an array of rank {}", dim,
        -rank, rank, rank);
  return dim < 0 ? dim + rank : dim;
}

}  // namespace linnet

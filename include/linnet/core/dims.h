// Extents or strides of an array: up to eight 64-bit integers, stored inline.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace linnet {

class Dims {
 public:
  static constexpr int kMaxRank = 8;

  Dims() = default;
  /// Throws when there are more than eight values.
  Dims(std::initializer_list<int64_t> values);  // NOLINT(google-explicit-constructor): {2, 3} is a shape
  explicit Dims(std::span<const int64_t> values);
  /// `rank` times `value`.
  static Dims filled(int rank, int64_t value);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }

  /// Unchecked; 0 <= i < rank().
  int64_t operator[](int i) const { return values_[static_cast<size_t>(i)]; }
  int64_t& operator[](int i) { return values_[static_cast<size_t>(i)]; }
  int64_t back() const { return (*this)[rank_ - 1]; }

  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + rank_; }
  int64_t* begin() { return values_.data(); }
  int64_t* end() { return values_.data() + rank_; }

  void push_back(int64_t value);
  void insert(int position, int64_t value);
  void erase(int position);

  /// Product of all values; 1 for rank 0.
  int64_t product() const {
    int64_t result = 1;
    for (const int64_t value : *this) result *= value;
    return result;
  }

  friend bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  std::array<int64_t, kMaxRank> values_{};
  int rank_ = 0;
};

/// Extents of an array, outermost first.
using Shape = Dims;
/// Steps between neighbours along each dimension, in elements.
using Strides = Dims;

/// "(2, 3)", "(4,)", "()".
std::string to_string(const Dims& dims);
std::ostream& operator<<(std::ostream& out, const Dims& dims);

/// Strides of a dense row-major array.
Strides contiguous_strides(const Shape& shape);

/// The shape two operands broadcast to under NumPy's rules. Throws Error naming `where` and both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* where);

/// Maps a dimension in [-rank, rank) to [0, rank). Throws Error naming `where`.
int normalize_dim(int dim, int rank, const char* where);

}  // namespace linnet

// NDArray: a strided, typed array on a device. It is a handle: copies share elements, clone() copies them,
// `const` protects the handle and not the elements. It knows nothing of gradients.
//
// Views (permute, slice, broadcast_to, as_strided, view, ...) never copy; reshape, flatten and contiguous
// copy only where the strides force it. 0-d and empty arrays are legal everywhere.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>
#include <linnet/core/error.h>
#include <linnet/core/scalar.h>

namespace linnet {

class Storage;
struct View;

/// The order in memory of an NCHW array's elements: rows last (NCHW) or channels last (NHWC).
enum class MemoryOrder : uint8_t { Contiguous, ChannelsLast };

class NDArray {
 public:
  /// Undefined: no shape, no elements. Only defined(), assignment and destruction are allowed.
  NDArray() = default;

  // ---- making arrays
  /// Elements are not initialised.
  static NDArray empty(const Shape& shape, DType dtype = DType::Float32, Device device = default_device());
  static NDArray zeros(const Shape& shape, DType dtype = DType::Float32, Device device = default_device());
  static NDArray ones(const Shape& shape, DType dtype = DType::Float32, Device device = default_device());
  static NDArray full(const Shape& shape, Scalar value, DType dtype = DType::Float32,
                      Device device = default_device());
  /// 0, 1, ..., n-1.
  static NDArray arange(int64_t n, DType dtype = DType::Float32, Device device = default_device());
  /// start, start + step, ... below stop (above it, for a negative step).
  static NDArray arange(Scalar start, Scalar stop, Scalar step = 1, DType dtype = DType::Float32,
                        Device device = default_device());
  /// 0-d.
  static NDArray scalar(Scalar value, DType dtype = DType::Float32, Device device = default_device());
  /// Copies `values`, row-major, into a new array of T's dtype. Throws unless their number fits the shape.
  template <class T>
  static NDArray from_data(std::span<T> values, const Shape& shape, Device device = default_device()) {
    return from_bytes(values.data(), values.size(), dtype_of<T>, shape, device);
  }
  template <class T>
  static NDArray from_data(const std::vector<T>& values, const Shape& shape,
                           Device device = default_device()) {
    return from_data(std::span<const T>(values), shape, device);
  }
  template <class T>
  static NDArray from_data(std::initializer_list<T> values, const Shape& shape,
                           Device device = default_device()) {
    return from_data(std::span<const T>(values.begin(), values.size()), shape, device);
  }

  // ---- what it is
  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int rank() const { return shape_.rank(); }
  /// Extent of a dimension; negative dimensions count from the end.
  int64_t size(int dim) const;
  int64_t numel() const { return shape_.product(); }
  DType dtype() const { return dtype_; }
  Device device() const;
  /// Position of the first element in the storage, in elements.
  int64_t offset() const { return offset_; }
  /// Dense and row-major.
  bool is_contiguous() const;
  /// 4-d, dense, and channels are neighbours in memory.
  bool is_channels_last() const;
  /// Whether two arrays share their memory.
  bool shares_storage(const NDArray& other) const { return storage_ == other.storage_; }
  /// Times the memory was written in place, through any view of it.
  uint64_t version() const;

  // ---- views: never a copy
  NDArray permute(const Dims& order) const;
  NDArray transpose(int dim0, int dim1) const;
  /// Elements start, start + step, ... below stop along `dim`. Negative positions count from the end;
  /// they are clipped as in Python. step >= 1.
  NDArray slice(int dim, int64_t start, int64_t stop, int64_t step = 1) const;
  /// Position `index` of `dim`, which disappears.
  NDArray select(int dim, int64_t index) const;
  NDArray broadcast_to(const Shape& shape) const;
  /// Drops every dimension of extent 1; or that one, which must be 1.
  NDArray squeeze() const;
  NDArray squeeze(int dim) const;
  NDArray expand_dims(int dim) const;
  /// Any view of the extent this one spans: `offset` counts elements from this view's first element.
  /// Throws when it would reach outside the memory between this view's first and last element.
  NDArray as_strided(const Shape& shape, const Strides& strides, int64_t offset = 0) const;
  /// The same elements in another shape; one extent may be -1. Throws where the strides forbid a view.
  NDArray view(const Shape& shape) const;
  /// The whole memory as it lies, as a 1-d array.
  NDArray storage() const;

  // ---- views where possible, copies otherwise
  NDArray reshape(const Shape& shape) const;
  /// Joins dimensions start to stop, both included.
  NDArray flatten(int start = 0, int stop = -1) const;
  /// Dense row-major; this array itself where it is so already.
  NDArray contiguous() const;
  NDArray to(Device device) const;
  NDArray to(DType dtype) const;
  NDArray to(MemoryOrder order) const;
  /// A copy with memory of its own, dense, in the same order of dimensions.
  NDArray clone() const;

  // ---- reading
  /// The only element, converted to T. Throws unless there is exactly one and T can hold it.
  template <class T>
  T item() const {
    T value;
    read(&value, 1, dtype_of<T>);
    return value;
  }
  /// All elements in row-major order, converted to T; throws where T cannot hold one.
  template <class T>
  std::vector<T> to_vector() const {
    if constexpr (std::is_same_v<T, bool>) {  // std::vector<bool> has no elements to write to
      std::vector<uint8_t> bytes(static_cast<size_t>(numel()));
      read_all(bytes.data(), DType::Bool);
      return {bytes.begin(), bytes.end()};
    } else {
      std::vector<T> values(static_cast<size_t>(numel()));
      read_all(values.data(), dtype_of<T>);
      return values;
    }
  }

  // ---- writing in place; all return *this. An array that overlaps itself (broadcast, windows) refuses.
  const NDArray& fill_(Scalar value) const;
  const NDArray& zero_() const { return fill_(0); }
  /// Elements of `source`, broadcast and converted.
  const NDArray& copy_(const NDArray& source) const;
  /// this += alpha * other.
  const NDArray& add_(const NDArray& other, Scalar alpha = 1) const;
  const NDArray& mul_(Scalar factor) const;

  // ---- for operators and backends
  /// What a backend sees. `writable` counts a version; throws where the array overlaps itself.
  View read_view() const;
  View write_view() const;
  /// Number of handles to the memory.
  int64_t use_count() const { return storage_.use_count(); }
  /// Dense, with dimensions in memory in the order of `like`'s strides.
  static NDArray empty_like_order(const NDArray& like, const Shape& shape, DType dtype);

 private:
  NDArray(std::shared_ptr<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset,
          DType dtype)
      : storage_(std::move(storage)), shape_(shape), strides_(strides), offset_(offset), dtype_(dtype) {}
  static NDArray from_bytes(const void* values, size_t count, DType dtype, const Shape& shape, Device device);
  NDArray with(const Shape& shape, const Strides& strides, int64_t offset) const;
  void read(void* value, int64_t expected, DType dtype) const;
  void read_all(void* values, DType dtype) const;

  std::shared_ptr<Storage> storage_;
  Shape shape_;
  Strides strides_;
  int64_t offset_ = 0;
  DType dtype_ = DType::Float32;
};

/// As NumPy prints: nested brackets, common width, "..." in the middle of long dimensions.
std::ostream& operator<<(std::ostream& out, const NDArray& array);
std::string to_string(const NDArray& array);

}  // namespace linnet

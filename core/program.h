// A program: the calls of a backend that a computation made once (core/recorder.h), kept to be made again
// with other input and without what led to them: no modules, no checks, no shapes to infer. Its numbers hold
// for any batch: every extent, stride and offset is `at` for the recorded batch and `step` more for each
// further image. core/program_passes.h makes it shorter, core/executable.h runs it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/core/ndarray.h>
#include "core/backend.h"

namespace linnet {

/// Memory that calls read or write.
struct Buffer {
  enum class Kind : uint8_t { Input, Constant, Temporary };
  Kind kind = Kind::Temporary;
  int64_t bytes = 0, bytes_step = 0;
  NDArray constant = {};  ///< Of a Constant: its memory.
};

/// Where strided elements lie in a buffer: extents and strides count elements, the offset counts bytes.
struct Arrangement {
  Shape shape;
  Strides strides;
  int64_t offset = 0;
  friend bool operator==(const Arrangement&, const Arrangement&) = default;
};

/// An operand: elements of a buffer.
struct Place {
  int buffer = -1;  ///< Of an operand that is left out.
  DType dtype = DType::Float32;
  Arrangement at;
  Arrangement step;  ///< What one more image adds.

  bool defined() const { return buffer >= 0; }
  Arrangement of_batch(int64_t more) const;
};
/// Whether it depends on the batch.
bool has_steps(const Place& place);
/// Whether two places have one dtype and lie alike in their buffers. The stride of an extent of 1 says
/// nothing.
bool lie_alike(const Place& a, const Place& b);
inline bool same_elements(const Place& a, const Place& b) {
  return a.buffer == b.buffer && lie_alike(a, b);
}

/// One call of a Backend's function.
struct Call {
  /// Makes it with the views of `reads`, then of `writes`.
  using Run = std::function<void(Backend&, std::span<const View>)>;
  static constexpr size_t kMostViews = 6;

  const char* name = "";  ///< The function's.
  std::vector<Place> reads, writes;
  std::vector<double> numbers;  ///< All else that the function takes, but for the batch in a geometry.
  Run run;
  std::optional<Conv2dGeometry> geometry = {};  ///< Of forward convolutions.

  bool is(std::string_view function) const { return function == name; }
};

/// The geometry for as many images as the view has.
template <class Geometry>
Geometry for_images(Geometry geometry, const View& images) {
  geometry.N = images.shape[0];
  return geometry;
}

/// What makes calls of several kinds; numbers stand for operands that are no views.
Call::Run run_conv2d(const Conv2dGeometry& geometry, bool relu);
Call::Run run_binary(BinaryKind kind, std::optional<Scalar> a, std::optional<Scalar> b);
Call::Run run_gemm_packed(bool relu);
Call::Run run_conv2d_packed(const Conv2dGeometry& geometry, bool relu);

struct Program {
  Device device;
  Place input;
  Place result;
  bool any_batch = false;  ///< Else the recorded shape alone.
  std::vector<Buffer> buffers;
  std::vector<Call> calls;

  const Buffer& buffer(const Place& place) const { return buffers[static_cast<size_t>(place.buffer)]; }
  bool is_constant(const Place& place) const {
    return !place.defined() || buffer(place).kind == Buffer::Kind::Constant;
  }
  /// Adds a constant; where it lies.
  Place constant(const NDArray& dense);
};

/// Strides of dense elements whose dimensions lie in memory in the order of `strides`; elements that those
/// repeat (stride 0) stay repeated.
Strides dense_in_order(const Shape& shape, const Strides& strides);

/// The elements of a place, of the recorded batch, in a buffer's memory.
View view_in(const Place& place, const NDArray& memory);

/// The elements of a constant as an array.
NDArray array_of(const Program& program, const Place& constant);

/// A line for each call: its name and the shapes it reads and writes.
std::string to_string(const Program& program);

}  // namespace linnet

#include "io/stored_array.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>

#include "core/fail.h"
#include "core/printable.h"
#include "core/view.h"
#include "io/half.h"

namespace linnet {
namespace {

static_assert(std::endian::native == std::endian::little, "elements in files are little-endian");

/// NDArray's own limit.
constexpr uint64_t kMostElements = std::numeric_limits<int64_t>::max() / 8;

template <class Convert>
void widen(const void* from, float* to, int64_t count, Convert convert) {
  const char* next = static_cast<const char*>(from);
  for (int64_t i = 0; i < count; ++i, next += sizeof(uint16_t)) {
    uint16_t bits = 0;
    std::memcpy(&bits, next, sizeof bits);
    to[i] = convert(bits);
  }
}

}  // namespace

size_t size_of(StoredType type) {
  const bool half = type == StoredType::Float16 || type == StoredType::BFloat16;
  return half ? sizeof(uint16_t) : size_of(loaded_as(type));
}

DType loaded_as(StoredType type) {
  switch (type) {
    case StoredType::Float32:
    case StoredType::Float16:
    case StoredType::BFloat16:
      return DType::Float32;
    case StoredType::Float64:
      return DType::Float64;
    case StoredType::Int32:
      return DType::Int32;
    case StoredType::Int64:
      return DType::Int64;
    case StoredType::UInt8:
      return DType::UInt8;
    case StoredType::Bool:
      return DType::Bool;
  }
  fail("load", "StoredType has no value {}", static_cast<int>(type));
}

const char* name(StoredType type) {
  if (type == StoredType::Float16) return "float16";
  if (type == StoredType::BFloat16) return "bfloat16";
  return name(loaded_as(type));
}

std::optional<uint64_t> stored_bytes(StoredType type, std::span<const uint64_t> extents) {
  uint64_t count = 1;
  uint64_t span = 1;  // without the zeros
  for (const uint64_t extent : extents) {
    const uint64_t steps = std::max<uint64_t>(extent, 1);
    if (span > kMostElements / steps) return std::nullopt;
    span *= steps;
    count *= extent;
  }
  return count * size_of(type);
}

NDArray stored_array(StoredType type, const void* bytes, const Shape& shape) {
  NDArray array = NDArray::empty(shape, loaded_as(type), device("cpu"));
  const int64_t count = array.numel();
  if (count == 0) return array;
  const View view = array.write_view();
  if (type == StoredType::Float16) {
    widen(bytes, view.as<float>(), count, float16_to_float32);
  } else if (type == StoredType::BFloat16) {
    widen(bytes, view.as<float>(), count, bfloat16_to_float32);
  } else {
    std::memcpy(view.data, bytes, static_cast<size_t>(count) * size_of(type));
  }
  if (type == StoredType::Bool) {
    auto* values = view.as<uint8_t>();
    std::transform(values, values + count, values, [](uint8_t value) { return value != 0 ? 1 : 0; });
  }
  return array;
}

uint64_t byte_count(const NDArray& array) {
  return static_cast<uint64_t>(array.numel()) * size_of(array.dtype());
}

NDArray as_stored(const NDArray& array) {
  return array.to(device("cpu")).contiguous();
}

std::span<const uint8_t> element_bytes(const NDArray& stored) {
  const uint64_t count = byte_count(stored);
  if (count == 0) return {};
  return {static_cast<const uint8_t*>(stored.read_view().data), count};
}

void check_tensors(const nn::StateDict& tensors, const char* where, const std::string& file) {
  std::set<std::string_view> names;
  for (const auto& [name, array] : tensors) {
    check(names.insert(name).second, where, "{}: the name \"{}\" is there twice; names must differ", file,
          printable(name));
    check(array.defined(), where, "{}: \"{}\" is undefined; expected an array", file, printable(name));
  }
}

}  // namespace linnet

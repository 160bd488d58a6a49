#include "check/arrange.h"

#include <limits>

#include "check/reference.h"

namespace linnet::checks {
namespace {

uint64_t hash(const std::string& text) {  // FNV-1a
  uint64_t value = 0xcbf29ce484222325U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return value;
}

Dims reversed(int rank) {
  Dims order = Dims::filled(rank, 0);
  for (int i = 0; i < rank; ++i) order[i] = rank - 1 - i;
  return order;
}

/// Every second element of an array twice as large, the others NaN (integers: 77, bool: true).
NDArray every_second(const NDArray& array) {
  Shape twice = array.shape();
  for (int64_t& extent : twice) extent = 2 * extent + 1;
  const Scalar between = is_floating(array.dtype())     ? Scalar(std::numeric_limits<double>::quiet_NaN())
                         : array.dtype() == DType::Bool ? Scalar(1)
                                                        : Scalar(77);
  NDArray view = NDArray::full(twice, between, array.dtype(), array.device());
  for (int i = 0; i < array.rank(); ++i) view = view.slice(i, 1, twice[i], 2);
  view.copy_(array);
  return view;
}

}  // namespace

std::string describe(const Arrangement& arrangement) {
  switch (arrangement.layout) {
    case MemoryLayout::Contiguous:
      return "contiguous";
    case MemoryLayout::Permuted:
      return "permuted";
    case MemoryLayout::Sliced:
      return "sliced";
    case MemoryLayout::ChannelsLast:
      return "channels last";
    case MemoryLayout::Broadcast:
      return "broadcast along " + std::to_string(arrangement.dim);
  }
  return "";
}

std::vector<Arrangement> arrangements(const Shape& shape) {
  std::vector<Arrangement> all;
  if (shape.rank() >= 2) all.push_back({MemoryLayout::Permuted});
  if (shape.rank() >= 1) all.push_back({MemoryLayout::Sliced});
  if (shape.rank() == 4) all.push_back({MemoryLayout::ChannelsLast});
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] > 1 && shape.product() > 0) all.push_back({MemoryLayout::Broadcast, i});
  }
  return all;
}

std::vector<Values> draw_inputs(const OpCase& op) {
  std::vector<Values> inputs;
  for (const OpInput& in : op.inputs) {
    Generator generator(hash(op.name()), inputs.size());
    inputs.push_back({in.shape, in.draw(generator, in.shape.product())});
  }
  return inputs;
}

Values arranged_values(const Values& values, const Arrangement& arrangement) {
  if (arrangement.layout != MemoryLayout::Broadcast) return values;
  return build(values.shape, [&](Dims index) {
    index[arrangement.dim] = 0;
    return element(values, index);
  });
}

NDArray arranged_array(const Values& values, const Arrangement& arrangement, DType dtype, Device device) {
  const NDArray array = NDArray::from_data(values.at, values.shape, device).to(dtype);
  switch (arrangement.layout) {
    case MemoryLayout::Contiguous:
      return array;
    case MemoryLayout::Permuted:
      return array.permute(reversed(array.rank())).contiguous().permute(reversed(array.rank()));
    case MemoryLayout::Sliced:
      return every_second(array);
    case MemoryLayout::ChannelsLast:
      return array.to(MemoryOrder::ChannelsLast);
    case MemoryLayout::Broadcast:
      return array.slice(arrangement.dim, 0, 1).broadcast_to(array.shape());
  }
  return array;
}

}  // namespace linnet::checks

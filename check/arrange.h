// Inputs of a case in memory: drawn once, then arranged in the layouts an operator may meet.
#pragma once

#include <linnet/check/op_case.h>

namespace linnet::checks {

enum class MemoryLayout : uint8_t { Contiguous, Permuted, Sliced, ChannelsLast, Broadcast };

/// Broadcast repeats the first position of dimension `dim`; its values are others than the drawn ones.
struct Arrangement {
  MemoryLayout layout = MemoryLayout::Contiguous;
  int dim = 0;
};
/// "permuted", "broadcast along 1".
std::string describe(const Arrangement& arrangement);

/// All but Contiguous that an array of that shape can have.
std::vector<Arrangement> arrangements(const Shape& shape);

/// The inputs of a case; the same for every call.
std::vector<Values> draw_inputs(const OpCase& op);

/// The values an arrangement gives: those of broadcasts repeat.
Values arranged_values(const Values& values, const Arrangement& arrangement);
/// An array of these values laid out in that way.
NDArray arranged_array(const Values& values, const Arrangement& arrangement, DType dtype, Device device);

}  // namespace linnet::checks

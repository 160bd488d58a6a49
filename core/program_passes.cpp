#include "core/program_passes.h"

#include <algorithm>
#include <utility>

#include <linnet/core/ops.h>
#include "core/fail.h"

namespace linnet {
namespace {

/// Which calls read a buffer and write it, each in order.
struct Users {
  std::vector<size_t> readers, writers;
};

bool touches(const std::vector<Place>& places, int buffer) {
  return std::any_of(places.begin(), places.end(),
                     [&](const Place& place) { return place.buffer == buffer; });
}

Users users_of(const Program& program, int buffer) {
  Users users;
  for (size_t i = 0; i < program.calls.size(); ++i) {
    if (touches(program.calls[i].reads, buffer)) users.readers.push_back(i);
    if (touches(program.calls[i].writes, buffer)) users.writers.push_back(i);
  }
  return users;
}

const std::vector<double> kPlainProduct{1, 0};  // alpha and beta
constexpr size_t kNone = static_cast<size_t>(-1);

/// The call that alone reads a temporary; kNone where there is none or it is the result.
size_t only_reader(const Program& program, const Place& place) {
  if (!place.defined() || place.buffer == program.result.buffer) return kNone;
  if (program.buffer(place).kind != Buffer::Kind::Temporary) return kNone;
  const Users users = users_of(program, place.buffer);
  return users.writers.size() == 1 && users.readers.size() == 1 ? users.readers[0] : kNone;
}

/// Whether call `later` may write its result when call `earlier` is made: none between them uses that buffer.
bool may_write_sooner(const Program& program, size_t earlier, size_t later) {
  const int buffer = program.calls[later].writes[0].buffer;
  for (size_t i = earlier + 1; i < later; ++i) {
    if (touches(program.calls[i].reads, buffer) || touches(program.calls[i].writes, buffer)) return false;
  }
  return true;
}

/// The call that makes what call `reader` reads at `place`, where all of it serves that call alone: only then
/// may the two become one.
size_t maker_of(const Program& program, const Place& place, size_t reader) {
  if (only_reader(program, place) != reader) return kNone;
  const size_t at = users_of(program, place.buffer).writers[0];
  const Call& maker = program.calls[at];
  if (maker.writes.size() != 1 || !same_elements(maker.writes[0], place)) return kNone;
  return may_write_sooner(program, at, reader) ? at : kNone;
}

void erase_call(Program& program, size_t i) {
  program.calls.erase(program.calls.begin() + static_cast<std::ptrdiff_t>(i));
}

/// Calls shorten(program, i) for each call; it returns whether it removed that call.
template <class F>
void for_each_call(Program& program, F&& shorten) {
  for (size_t i = 0; i < program.calls.size();) {
    if (!shorten(program, i)) ++i;
  }
}

// ---- constants

bool fold_constant(Program& program, size_t i) {
  const Call call = program.calls[i];
  for (const Place& place : call.reads) {
    if (!program.is_constant(place) || has_steps(place)) return false;
  }
  for (const Place& place : call.writes) {
    if (has_steps(place) || users_of(program, place.buffer).writers.size() != 1) return false;
  }
  std::vector<View> views;
  for (const Place& place : call.reads) {
    views.push_back(place.defined() ? view_in(place, program.buffer(place).constant) : View());
  }
  for (const Place& place : call.writes) {
    Buffer& buffer = program.buffers[static_cast<size_t>(place.buffer)];
    buffer.kind = Buffer::Kind::Constant;
    buffer.constant = NDArray::empty({buffer.bytes}, DType::UInt8, program.device);
    views.push_back(view_in(place, buffer.constant));
  }
  call.run(program.device.backend(), views);
  erase_call(program, i);
  return true;
}

// ---- batch norms

/// Where a call that multiplies by constants has them; the dimension of the filters that results are counted
/// by.
struct Filters {
  Place weight, bias;
  int dim;
};
std::optional<Filters> filters_of(const Program& program, const Call& call) {
  Filters filters;
  if (call.is("conv2d")) {
    filters = {call.reads[1], call.reads[2], 0};
  } else if (call.is("gemm") && call.numbers == kPlainProduct && call.writes[0].at.shape.rank() == 2) {
    filters = {call.reads[1], call.reads[2], 1};
  } else {
    return std::nullopt;
  }
  if (!program.is_constant(filters.weight) || !program.is_constant(filters.bias)) return std::nullopt;
  return filters;
}

NDArray in_double(const Program& program, const Place& place) {
  return array_of(program, place).to(DType::Float64);
}

/// The array as a constant in the order of memory of another one, where that has one.
Place in_order_of(Program& program, const NDArray& array, const Place& like) {
  const NDArray memory = NDArray::empty(array.shape(), array.dtype(), program.device);
  Place place = program.constant(memory);
  const Strides strides = dense_in_order(like.at.shape, like.at.strides);
  bool repeats = false;
  for (int d = 0; d < array.rank(); ++d) repeats = repeats || (strides[d] == 0 && array.shape()[d] > 1);
  if (!repeats) place.at.strides = strides;
  program.device.backend().copy(array.read_view(), view_in(place, memory));
  return place;
}

bool fold_batch_norm(Program& program, size_t i) {
  const Call norm = program.calls[i];
  if (!norm.is("batch_norm")) return false;
  for (size_t k = 1; k < norm.reads.size(); ++k) {
    if (!program.is_constant(norm.reads[k])) return false;
  }
  const size_t at = maker_of(program, norm.reads[0], i);
  if (at == kNone) return false;
  const std::optional<Filters> filters = filters_of(program, program.calls[at]);
  if (!filters) return false;

  const Place &mean = norm.reads[1], &variance = norm.reads[2], &weight = norm.reads[3],
              &bias = norm.reads[4];
  const DType dtype = filters->weight.dtype;
  NDArray scale = 1 / sqrt(in_double(program, variance) + norm.numbers[0]);
  if (weight.defined()) scale = scale * in_double(program, weight);
  NDArray shift = NDArray::zeros(scale.shape(), DType::Float64, program.device);
  if (filters->bias.defined()) shift = in_double(program, filters->bias);
  shift = (shift - in_double(program, mean)) * scale;
  if (bias.defined()) shift = shift + in_double(program, bias);
  Shape along = Dims::filled(filters->weight.at.shape.rank(), 1);
  along[filters->dim] = scale.numel();
  const NDArray scaled = (in_double(program, filters->weight) * scale.reshape(along)).to(dtype);
  const Place weights = in_order_of(program, scaled, filters->weight);
  const Place biases = program.constant(shift.to(dtype));

  Call& maker = program.calls[at];
  maker.reads[1] = weights;
  maker.reads[2] = biases;
  maker.writes[0] = norm.writes[0];
  erase_call(program, i);
  return true;
}

// ---- ReLU

bool is_sum(const Call& call) {
  return call.is("binary") && call.numbers[0] == static_cast<double>(BinaryKind::Add) &&
         is_floating(call.writes[0].dtype) && call.reads[0].defined() && call.reads[1].defined();
}

bool is_unary(const Call& call, UnaryKind kind) {
  return call.is("unary") && call.numbers[0] == static_cast<double>(kind);
}

bool fuse_one_relu(Program& program, size_t i) {
  if (!is_unary(program.calls[i], UnaryKind::Relu)) return false;
  const size_t at = maker_of(program, program.calls[i].reads[0], i);
  if (at == kNone) return false;
  Call& maker = program.calls[at];
  if (maker.is("conv2d")) {
    maker.name = "conv2d_relu";
    maker.run = run_conv2d(*maker.geometry, true);
  } else if (is_sum(maker)) {
    maker.numbers[0] = static_cast<double>(BinaryKind::AddRelu);
    maker.run = run_binary(BinaryKind::AddRelu, std::nullopt, std::nullopt);
  } else {
    return false;
  }
  maker.writes[0] = program.calls[i].writes[0];
  erase_call(program, i);
  return true;
}

// ---- operands in the device's order

/// Whether an operand is the same each time.
bool stays(const Program& program, const Place& operand) {
  return operand.defined() && program.is_constant(operand) && !has_steps(operand);
}

bool pack_product(Program& program, size_t i) {
  Backend& backend = program.device.backend();
  Call& call = program.calls[i];
  if (!call.is("gemm") || call.numbers != kPlainProduct) return false;
  const Place b = call.reads[1];
  if (!stays(program, b) || b.at.shape.rank() != 2) return false;
  const View dense = view_in(b, program.buffer(b).constant);
  const int64_t bytes = backend.packed_gemm_bytes(dense);
  if (bytes == 0) return false;
  const NDArray packed = NDArray::empty({bytes}, DType::UInt8, program.device);
  backend.pack_gemm(dense, packed.read_view());
  const size_t next = only_reader(program, call.writes[0]);
  const bool relu = next != kNone && is_unary(program.calls[next], UnaryKind::Relu) &&
                    maker_of(program, program.calls[next].reads[0], next) == i;
  const Place bias = call.reads[2];
  call.reads = {call.reads[0], program.constant(packed), bias};
  call.name = relu ? "gemm_packed_relu" : "gemm_packed";
  call.run = run_gemm_packed(relu);
  if (relu) {
    call.writes[0] = program.calls[next].writes[0];
    erase_call(program, next);
  }
  return false;
}

/// A place of the recorded batch, without memory.
View shape_of(const Place& place) {
  return {nullptr, place.dtype, place.at.shape, place.at.strides};
}

bool pack_conv2d_filters(Program& program, size_t i) {
  Backend& backend = program.device.backend();
  Call& call = program.calls[i];
  const bool relu = call.is("conv2d_relu");
  if (!relu && !call.is("conv2d")) return false;
  const Place w = call.reads[1];
  if (!stays(program, w)) return false;
  const View x = shape_of(call.reads[0]), y = shape_of(call.writes[0]);
  const int64_t bytes = backend.packed_conv2d_bytes(*call.geometry, x, y);
  if (bytes == 0) return false;
  const NDArray packed = NDArray::empty({bytes}, DType::UInt8, program.device);
  backend.pack_conv2d(*call.geometry, x, view_in(w, program.buffer(w).constant), y, packed.read_view());
  call.reads[1] = program.constant(packed);
  call.name = relu ? "conv2d_packed_relu" : "conv2d_packed";
  call.run = run_conv2d_packed(*call.geometry, relu);
  return false;
}

// ---- memory

/// Whether results may lie where that operand of an elementwise call does: the operand's buffer ends here,
/// the result's begins here, and they are alike.
bool may_write_over(const Program& program, size_t i, const Place& operand) {
  const Place& result = program.calls[i].writes[0];
  if (!operand.defined() || operand.buffer == result.buffer || !lie_alike(operand, result)) return false;
  const Buffer &from = program.buffer(operand), &to = program.buffer(result);
  if (from.kind != Buffer::Kind::Temporary || operand.buffer == program.result.buffer) return false;
  if (from.bytes != to.bytes || from.bytes_step != to.bytes_step) return false;
  for (const Place& other : program.calls[i].reads) {
    if (other.buffer == operand.buffer && !same_elements(other, operand)) return false;
  }
  const Users before = users_of(program, result.buffer), after = users_of(program, operand.buffer);
  return after.readers.back() == i && after.writers.back() < i && before.writers.front() == i &&
         (before.readers.empty() || before.readers.front() > i);
}

void rename_buffer(Program& program, int from, int to) {
  const auto rename = [&](Place& place) {
    if (place.buffer == from) place.buffer = to;
  };
  for (Call& call : program.calls) {
    std::for_each(call.reads.begin(), call.reads.end(), rename);
    std::for_each(call.writes.begin(), call.writes.end(), rename);
  }
  rename(program.result);
}

bool reuse_operand(Program& program, size_t i) {
  const Call& call = program.calls[i];
  if (!call.is("unary") && !call.is("binary")) return false;
  for (const Place& operand : call.reads) {
    if (!may_write_over(program, i, operand)) continue;
    rename_buffer(program, call.writes[0].buffer, operand.buffer);
    break;
  }
  return false;
}

}  // namespace

void fold_constants(Program& program) {
  for_each_call(program, fold_constant);
}
void fold_batch_norms(Program& program) {
  for_each_call(program, fold_batch_norm);
}
void fuse_relu(Program& program) {
  for_each_call(program, fuse_one_relu);
}
void pack_products(Program& program) {
  for_each_call(program, pack_product);
  for_each_call(program, pack_conv2d_filters);
}
void reuse_operands(Program& program) {
  for_each_call(program, reuse_operand);
}

void drop_unread(Program& program) {
  for (size_t i = program.calls.size(); i-- > 0;) {
    const auto unread = [&](const Place& place) {
      return place.buffer != program.result.buffer && users_of(program, place.buffer).readers.empty();
    };
    const std::vector<Place>& writes = program.calls[i].writes;
    if (std::all_of(writes.begin(), writes.end(), unread)) erase_call(program, i);
  }
}

void forget_constants(Program& program) {
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    const int index = static_cast<int>(i);
    if (index != program.result.buffer && users_of(program, index).readers.empty()) {
      program.buffers[i].constant = NDArray();
    }
  }
}

void optimize(Program& program) {
  drop_unread(program);
  fold_constants(program);
  fold_batch_norms(program);
  fuse_relu(program);
  pack_products(program);
  reuse_operands(program);
  forget_constants(program);
}

}  // namespace linnet

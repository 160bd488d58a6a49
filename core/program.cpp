#include "core/program.h"

#include <algorithm>

#include "core/format.h"

namespace linnet {
namespace {

void add(Dims& to, const Dims& step, int64_t times) {
  for (int i = 0; i < to.rank(); ++i) to[i] += times * step[i];
}

/// What a call does, for people: elementwise ones by their kind.
std::string title(const Call& call) {
  if (call.is("unary")) return name(static_cast<UnaryKind>(call.numbers[0]));
  if (call.is("binary")) return name(static_cast<BinaryKind>(call.numbers[0]));
  return call.name;
}

std::string shapes(const std::vector<Place>& places) {
  std::vector<std::string> texts;
  for (const Place& place : places) {
    if (place.defined()) texts.push_back(to_string(place.at.shape));
  }
  return join(texts, " ");
}

}  // namespace

bool has_steps(const Place& place) {
  const auto some = [](const Dims& dims) {
    return std::any_of(dims.begin(), dims.end(), [](int64_t n) { return n != 0; });
  };
  return some(place.step.shape) || some(place.step.strides) || place.step.offset != 0;
}

bool lie_alike(const Place& a, const Place& b) {
  const auto same = [](const Arrangement& x, const Arrangement& y) {
    return x.shape == y.shape && x.offset == y.offset;
  };
  if (a.dtype != b.dtype || !same(a.at, b.at) || !same(a.step, b.step)) return false;
  for (int i = 0; i < a.at.shape.rank(); ++i) {
    const bool single = a.at.shape[i] == 1 && a.step.shape[i] == 0;
    if (!single && (a.at.strides[i] != b.at.strides[i] || a.step.strides[i] != b.step.strides[i]))
      return false;
  }
  return true;
}

Call::Run run_conv2d(const Conv2dGeometry& geometry, bool relu) {
  return [geometry, relu](Backend& backend, std::span<const View> v) {
    const auto function = relu ? &Backend::conv2d_relu : &Backend::conv2d;
    (backend.*function)(for_images(geometry, v[0]), v[0], v[1], v[2], v[3]);
  };
}

Call::Run run_binary(BinaryKind kind, std::optional<Scalar> a, std::optional<Scalar> b) {
  return [=](Backend& backend, std::span<const View> v) {
    backend.binary(kind, a ? Operand(*a) : Operand(v[0]), b ? Operand(*b) : Operand(v[1]), v[2]);
  };
}

Call::Run run_gemm_packed(bool relu) {
  return [relu](Backend& backend, std::span<const View> v) {
    backend.gemm_packed(v[0], v[1], v[3], v[2], relu);
  };
}

Call::Run run_conv2d_packed(const Conv2dGeometry& geometry, bool relu) {
  return [geometry, relu](Backend& backend, std::span<const View> v) {
    backend.conv2d_packed(for_images(geometry, v[0]), v[0], v[1], v[2], v[3], relu);
  };
}

Arrangement Place::of_batch(int64_t more) const {
  Arrangement layout = at;
  add(layout.shape, step.shape, more);
  add(layout.strides, step.strides, more);
  layout.offset += more * step.offset;
  return layout;
}

Place Program::constant(const NDArray& dense) {
  Buffer made{Buffer::Kind::Constant, dense.numel() * static_cast<int64_t>(size_of(dense.dtype()))};
  made.constant = dense;
  buffers.push_back(std::move(made));
  const Dims zeros = Dims::filled(dense.rank(), 0);
  return {static_cast<int>(buffers.size()) - 1,
          dense.dtype(),
          {dense.shape(), dense.strides(), 0},
          {zeros, zeros, 0}};
}

Strides dense_in_order(const Shape& shape, const Strides& strides) {
  std::vector<int> order;  // by falling stride
  for (int d = 0; d < shape.rank(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return strides[a] > strides[b]; });
  Strides dense = Dims::filled(shape.rank(), 0);
  int64_t next = 1;
  for (size_t i = order.size(); i-- > 0;) {
    if (strides[order[i]] == 0) continue;
    dense[order[i]] = next;
    next *= shape[order[i]];
  }
  return dense;
}

View view_in(const Place& place, const NDArray& memory) {
  View view = memory.read_view();
  view.data = view.as<char>() + place.at.offset;
  view.dtype = place.dtype;
  view.shape = place.at.shape;
  view.strides = place.at.strides;
  return view;
}

NDArray array_of(const Program& program, const Place& constant) {
  const View from = view_in(constant, program.buffer(constant).constant);
  NDArray array = NDArray::empty(from.shape, from.dtype, program.device);
  program.device.backend().copy(from, array.read_view());
  return array;
}

std::string to_string(const Program& program) {
  std::string text;
  for (const Call& call : program.calls) {
    text += format_text("{} {} -> {}\n", title(call), shapes(call.reads), shapes(call.writes));
  }
  return text;
}

}  // namespace linnet

#include "core/recorder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "core/fail.h"
#include "core/operands.h"
#include "core/stand_in.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "optimize_for_inference";
// No address of a process or of a GPU: operands here are the recording's, all others were there before.
constexpr uintptr_t kFirstAddress = uintptr_t{1} << 62;

/// What was there before or came from the host: told apart by what it is copied from.
struct Source {
  View view = {};           ///< Extents of repeated elements are 1.
  std::vector<char> bytes;  ///< Of the host; then there is no view.
};

/// Calls with the numbers of one batch, in the form of a program without steps.
struct Recording {
  std::vector<Buffer> buffers;
  std::vector<Source> sources;  ///< For each buffer.
  std::vector<Call> calls;
  std::map<uintptr_t, int> buffer_at;
  uintptr_t next_address = kFirstAddress;
  Place input, result;

  int add_buffer(Buffer buffer, Source source) {
    buffers.push_back(std::move(buffer));
    sources.push_back(std::move(source));
    return static_cast<int>(buffers.size()) - 1;
  }
  Place place(const View& view);

 private:
  Place constant(const View& view);
};

Place Recording::place(const View& view) {
  if (!view.defined()) return {};
  const auto address = reinterpret_cast<uintptr_t>(view.data);
  if (address < kFirstAddress) return constant(view);
  const auto found = std::prev(buffer_at.upper_bound(address));
  return {found->second,
          view.dtype,
          {view.shape, view.strides, static_cast<int64_t>(address - found->first)},
          {Dims::filled(view.rank(), 0), Dims::filled(view.rank(), 0), 0}};
}

/// Its copy is dense, with dimensions in the same order, but repeats what the view repeats.
Place Recording::constant(const View& view) {
  View source = view;
  for (int d = 0; d < view.rank(); ++d) {
    if (view.strides[d] == 0) source.shape[d] = 1;
  }
  const Strides strides = dense_in_order(view.shape, view.strides);
  int index = -1;
  for (size_t i = 0; i < sources.size() && index < 0; ++i) {
    const View& known = sources[i].view;
    if (known.data == source.data && known.dtype == source.dtype && known.shape == source.shape &&
        known.strides == source.strides) {
      index = static_cast<int>(i);
    }
  }
  if (index < 0) {
    const int64_t bytes = source.numel() * static_cast<int64_t>(size_of(view.dtype));
    index = add_buffer({Buffer::Kind::Constant, bytes}, {source, {}});
  }
  const Dims zeros = Dims::filled(view.rank(), 0);
  return {index, view.dtype, {view.shape, strides, 0}, {zeros, zeros, 0}};
}

/// All numbers of a geometry but the batch.
std::vector<double> numbers_of(const Conv2dGeometry& g) {
  std::vector<double> numbers;
  for (const int64_t n :
       {g.C, g.H, g.W, g.K, g.R, g.S, g.P, g.Q, g.stride_h, g.stride_w, g.pad_top, g.pad_bottom, g.pad_left,
        g.pad_right, g.dilation_h, g.dilation_w, g.groups, static_cast<int64_t>(g.algorithm)}) {
    numbers.push_back(static_cast<double>(n));
  }
  return numbers;
}
std::vector<double> numbers_of(const Pool2dGeometry& g) {
  std::vector<double> numbers{static_cast<double>(g.kind), static_cast<double>(g.C)};
  for (const WindowAxis* axis : {&g.h, &g.w}) {
    for (const int64_t n :
         {static_cast<int64_t>(axis->kind), axis->in, axis->out, axis->kernel, axis->stride, axis->padding,
          axis->dilation, int64_t{axis->count_include_pad}, axis->divisor, int64_t{axis->align_corners}}) {
      numbers.push_back(static_cast<double>(n));
    }
    numbers.push_back(axis->step_over);
    numbers.push_back(axis->step_under);
  }
  return numbers;
}

double number(Scalar scalar) {
  return scalar.to_double();
}

using Views = std::span<const View>;

/// The stand-in. One for the process and never destroyed, as arrays of a recording may outlive it; each
/// thread has a recording of its own.
class Recorder final : public Backend {
 public:
  static thread_local Recording* recording;

  std::string name() const override { return "recorder"; }
  bool runs_ahead() const override { return true; }

  void* allocate(size_t bytes) override {
    Recording& r = current();
    const uintptr_t address = r.next_address;
    r.next_address += (bytes + 63) / 64 * 64 + 64;  // a gap, so that the end of one is not the next
    r.buffer_at[address] = r.add_buffer({Buffer::Kind::Temporary, static_cast<int64_t>(bytes)}, {});
    return reinterpret_cast<void*>(address);
  }
  void deallocate(void*, size_t) noexcept override {}
  void copy_from_host(void* to, const void* from, size_t bytes) override {
    Recording& r = current();
    const auto index = static_cast<size_t>(r.buffer_at.at(reinterpret_cast<uintptr_t>(to)));
    r.buffers[index].kind = Buffer::Kind::Constant;
    r.sources[index].bytes.assign(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
  }
  void copy_to_host(void*, const void*, size_t) override {
    fail(kWhere, "the model reads the values of an array; a plan cannot follow what it then decides");
  }

  void copy(const View& from, const View& to) override {
    add("copy", {from}, {to}, {}, [](Backend& b, Views v) { b.copy(v[0], v[1]); });
  }
  void fill(Scalar value, const View& to) override {
    add("fill", {}, {to}, {number(value)}, [value](Backend& b, Views v) { b.fill(value, v[0]); });
  }
  void gather(const View& x, int dim, const View& index, const View& out) override {
    add("gather", {x, index}, {out}, {double(dim)},
        [dim](Backend& b, Views v) { b.gather(v[0], dim, v[1], v[2]); });
  }
  void scatter_add(const View& source, int dim, const View& index, const View& out) override {
    add("scatter_add", {source, index}, {out}, {double(dim)},
        [dim](Backend& b, Views v) { b.scatter_add(v[0], dim, v[1], v[2]); });
  }
  void unary(UnaryOp op, const View& x, const View& out) override {
    add("unary", {x}, {out}, {double(op.kind), op.a, op.b},
        [op](Backend& b, Views v) { b.unary(op, v[0], v[1]); });
  }
  void binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) override {
    add("binary", {view_of(a), view_of(b)}, {out}, {double(kind), number_of(a), number_of(b)},
        run_binary(kind, a.is_number ? std::optional(a.number) : std::nullopt,
                   b.is_number ? std::optional(b.number) : std::nullopt));
  }
  void where(const View& condition, const Operand& a, const Operand& b, const View& out) override {
    add("where", {condition, view_of(a), view_of(b)}, {out}, {number_of(a), number_of(b)},
        [x = a, y = b](Backend& backend, Views v) {
          backend.where(v[0], operand(x, v[1]), operand(y, v[2]), v[3]);
        });
  }
  void reduce(ReduceKind kind, const View& x, const View& out) override {
    add("reduce", {x}, {out}, {double(kind)}, [kind](Backend& b, Views v) { b.reduce(kind, v[0], v[1]); });
  }
  void arg_reduce(ArgKind kind, const View& x, int dim, const View& out) override {
    add("arg_reduce", {x}, {out}, {double(kind), double(dim)},
        [kind, dim](Backend& b, Views v) { b.arg_reduce(kind, v[0], dim, v[1]); });
  }
  void random(const RandomSpec&, const View&, const View&) override {
    fail(kWhere, "the model draws random numbers; a plan would draw none, or the same each time");
  }

  void gemm(double alpha, const View& a, const View& b, double beta, const View& c,
            const View& bias) override {
    // Where it adds to c it reads it too.
    add("gemm", {a, b, bias, beta == 0 ? View() : c}, {c}, {alpha, beta},
        [alpha, beta](Backend& backend, Views v) { backend.gemm(alpha, v[0], v[1], beta, v[4], v[2]); });
  }
  // The packed ones are of a planned model within the one that is recorded.
  void gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu) override {
    add(relu ? "gemm_packed_relu" : "gemm_packed", {a, packed, bias}, {c}, {}, run_gemm_packed(relu));
  }
  void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
              const View& y) override {
    add("conv2d", {x, w, bias}, {y}, numbers_of(geometry), run_conv2d(geometry, false)).geometry = geometry;
  }
  void conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                   const View& y) override {
    add("conv2d_relu", {x, w, bias}, {y}, numbers_of(geometry), run_conv2d(geometry, true)).geometry =
        geometry;
  }
  void conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed, const View& bias,
                     const View& y, bool relu) override {
    add(relu ? "conv2d_packed_relu" : "conv2d_packed", {x, packed, bias}, {y}, numbers_of(geometry),
        run_conv2d_packed(geometry, relu));
  }
  void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                         const View& gx) override {
    add("conv2d_grad_input", {gy, w}, {gx}, numbers_of(geometry), [geometry](Backend& b, Views v) {
      b.conv2d_grad_input(for_images(geometry, v[0]), v[0], v[1], v[2]);
    });
  }
  void conv2d_grad_weight(const Conv2dGeometry&, const View&, const View&, const View&) override {
    refuse("conv2d_grad_weight");
  }

  void max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y,
                  const View& indices) override {
    std::vector<View> results{y};
    if (indices.defined()) results.push_back(indices);
    add("max_pool2d", {x}, results, numbers_of(geometry), [geometry](Backend& b, Views v) {
      b.max_pool2d(for_images(geometry, v[0]), v[0], v[1], v.size() > 2 ? v[2] : View());
    });
  }
  void max_pool2d_grad(const Pool2dGeometry&, const View&, const View&, const View&) override {
    refuse("max_pool2d_grad");
  }
  void window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) override {
    add("window_mean", {x}, {y}, numbers_of(geometry),
        [geometry](Backend& b, Views v) { b.window_mean(for_images(geometry, v[0]), v[0], v[1]); });
  }
  void window_mean_grad(const Pool2dGeometry&, const View&, const View&) override {
    refuse("window_mean_grad");
  }

  void flip(const View& x, uint32_t dims, const View& out) override {
    add("flip", {x}, {out}, {double(dims)}, [dims](Backend& b, Views v) { b.flip(v[0], dims, v[1]); });
  }
  void dilate(const View& x, const Dilation& d, const View& out) override {
    add("dilate", {x}, {out}, {double(d.stride_h), double(d.stride_w), double(d.top), double(d.left)},
        [d](Backend& b, Views v) { b.dilate(v[0], d, v[1]); });
  }
  void softmax(SoftmaxKind kind, const View& x, int dim, const View& y) override {
    add("softmax", {x}, {y}, {double(kind), double(dim)},
        [kind, dim](Backend& b, Views v) { b.softmax(kind, v[0], dim, v[1]); });
  }
  void relu_grad_sums(const View&, const View&, const View&, const View&) override {
    refuse("relu_grad_sums");
  }
  void softmax_grad(SoftmaxKind, const View&, const View&, int, const View&) override {
    refuse("softmax_grad");
  }
  void log_normalizer(const View& x, int dim, const LogNormalizer& to) override {
    add("log_normalizer", {x}, {to.largest, to.log_sum}, {double(dim)}, [dim](Backend& b, Views v) {
      b.log_normalizer(v[0], dim, {v[1], v[2]});
    });
  }
  void cross_entropy_grad(const View&, const LogNormalizer&, const View&, const View&, int,
                          const View&) override {
    refuse("cross_entropy_grad");
  }
  void batch_moments(const View& x, const View& mean, const View& variance) override {
    add("batch_moments", {x}, {mean, variance}, {},
        [](Backend& b, Views v) { b.batch_moments(v[0], v[1], v[2]); });
  }
  void batch_norm(const BatchNormSpec& by, const View& x, const View& y) override {
    add("batch_norm", {x, by.mean, by.variance, by.weight, by.bias}, {y}, {by.eps},
        [eps = by.eps](Backend& b, Views v) {
          b.batch_norm({v[1], v[2], v[3], v[4], eps}, v[0], v[5]);
        });
  }
  void batch_norm_grad(const BatchNormSpec&, bool, const View&, const View&, const BatchNormGrads&) override {
    refuse("batch_norm_grad");
  }
  void sgd(const SgdSpec&, std::span<const SgdSlot>) override { refuse("sgd"); }
  void adam(const AdamSpec&, std::span<const AdamSlot>) override { refuse("adam"); }

 private:
  static Recording& current() {
    check(recording != nullptr, kWhere, "an array that the model made for a plan is used outside of it");
    return *recording;
  }
  [[noreturn]] static void refuse(const char* function) {
    fail(kWhere, "the model's forward pass calls {}, which belongs to training", function);
  }

  static View view_of(const Operand& operand) { return operand.is_number ? View() : operand.view; }
  static double number_of(const Operand& operand) { return operand.is_number ? number(operand.number) : 0; }
  /// The operand with elements where they are this time.
  static Operand operand(const Operand& recorded, const View& view) {
    return recorded.is_number ? Operand(recorded.number) : Operand(view);
  }

  static Call& add(const char* name, const std::vector<View>& reads, const std::vector<View>& writes,
                   std::vector<double> numbers, Call::Run run) {
    Recording& r = current();
    Call call{name, {}, {}, std::move(numbers), std::move(run)};
    for (const View& view : reads) call.reads.push_back(r.place(view));
    for (const View& view : writes) {
      call.writes.push_back(r.place(view));
      check(r.buffers[static_cast<size_t>(call.writes.back().buffer)].kind == Buffer::Kind::Temporary, kWhere,
            "the model changes in place an array {} that it did not make ({}); a plan only computes a result",
            view.shape, name);
    }
    r.calls.push_back(std::move(call));
    return r.calls.back();
  }
};
thread_local Recording* Recorder::recording = nullptr;

Recorder& recorder() {
  static Recorder& the_recorder = *new Recorder;
  return the_recorder;
}

/// Makes a recording the thread's while it lives.
class Session {
 public:
  explicit Session(Recording& recording)
      : before_(std::exchange(Recorder::recording, &recording)), in_(recorder()) {}
  ~Session() { Recorder::recording = before_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  Recording* before_;
  StandIn in_;
};

Recording record(const NDArray& example, const Shape& shape,
                 const std::function<NDArray(const NDArray&)>& compute) {
  Recording recording;
  const Session session(recording);
  const NDArray x = NDArray::empty_like_order(example, shape, example.dtype());
  recording.buffers[0].kind = Buffer::Kind::Input;
  recording.input = recording.place(x.read_view());
  const NDArray y = compute(x);
  check(y.defined(), kWhere, "the model's result is undefined");
  recording.result = recording.place(y.read_view());
  return recording;
}

// ---- from the recordings of three batches to one program for any

Dims difference(const Dims& a, const Dims& b) {
  Dims result = b;
  for (int i = 0; i < result.rank(); ++i) result[i] -= a[i];
  return result;
}

/// What leads from one to the next; nothing where they differ in more than numbers.
std::optional<Arrangement> difference(const Place& a, const Place& b) {
  if (a.buffer != b.buffer || a.dtype != b.dtype || a.at.shape.rank() != b.at.shape.rank())
    return std::nullopt;
  return Arrangement{difference(a.at.shape, b.at.shape), difference(a.at.strides, b.at.strides),
                     b.at.offset - a.at.offset};
}

/// Whether b is as far from a as c is from b; a's step then leads to them. The stride of an extent of 1 says
/// nothing, and becomes what leads to the others.
bool follow(Place& a, const Place& b, const Place& c) {
  for (int i = 0; i < a.at.shape.rank() && difference(b, c); ++i) {
    if (a.at.shape[i] == 1) a.at.strides[i] = 2 * b.at.strides[i] - c.at.strides[i];
  }
  const std::optional<Arrangement> first = difference(a, b), second = difference(b, c);
  if (!first || !second || !(*first == *second)) return false;
  a.step = *first;
  return true;
}

bool follow(std::vector<Place>& a, const std::vector<Place>& b, const std::vector<Place>& c) {
  if (a.size() != b.size() || a.size() != c.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!follow(a[i], b[i], c[i])) return false;
  }
  return true;
}

bool same(const Source& a, const Source& b) {
  return a.bytes == b.bytes && a.view.data == b.view.data && a.view.shape == b.view.shape &&
         a.view.strides == b.view.strides;
}

bool follow(Recording& a, const Recording& b, const Recording& c) {
  if (a.calls.size() != b.calls.size() || a.calls.size() != c.calls.size()) return false;
  if (a.buffers.size() != b.buffers.size() || a.buffers.size() != c.buffers.size()) return false;
  for (size_t i = 0; i < a.buffers.size(); ++i) {
    Buffer& buffer = a.buffers[i];
    buffer.bytes_step = b.buffers[i].bytes - buffer.bytes;
    if (c.buffers[i].bytes - b.buffers[i].bytes != buffer.bytes_step) return false;
    if (!same(a.sources[i], b.sources[i]) || !same(a.sources[i], c.sources[i])) return false;
  }
  for (size_t i = 0; i < a.calls.size(); ++i) {
    Call& call = a.calls[i];
    const Call &second = b.calls[i], &third = c.calls[i];
    if (std::strcmp(call.name, second.name) != 0 || std::strcmp(call.name, third.name) != 0) return false;
    if (call.numbers != second.numbers || call.numbers != third.numbers) return false;
    if (!follow(call.reads, second.reads, third.reads) || !follow(call.writes, second.writes, third.writes))
      return false;
  }
  return follow(a.input, b.input, c.input) && follow(a.result, b.result, c.result);
}

/// Finds the steps of all numbers of `first`; false where it serves its own batch alone.
bool find_steps(Recording& first, const NDArray& example,
                const std::function<NDArray(const NDArray&)>& compute) {
  if (example.rank() == 0 || example.size(0) == 0) return false;
  Recording with_steps = first;
  try {
    Shape shape = example.shape();
    ++shape[0];
    const Recording second = record(example, shape, compute);
    ++shape[0];
    const Recording third = record(example, shape, compute);
    if (!follow(with_steps, second, third)) return false;
  } catch (const Error&) {  // the model takes this batch and no other
    return false;
  }
  first = std::move(with_steps);
  return true;
}

/// The memory of a constant: a copy.
NDArray copied(const Source& source, int64_t bytes, Device device) {
  const NDArray memory = NDArray::empty({bytes}, DType::UInt8, device);
  const View target = memory.read_view();
  Backend& backend = device.backend();
  if (!source.view.defined()) {
    backend.copy_from_host(target.data, source.bytes.data(), source.bytes.size());
    return memory;
  }
  View dense = source.view;
  dense.data = target.data;
  dense.strides = dense_in_order(dense.shape, dense.strides);
  backend.copy(source.view, dense);
  return memory;
}

}  // namespace

Program record_program(const NDArray& example, const std::function<NDArray(const NDArray&)>& compute) {
  check(example.defined() && example.device().backend().has_values(), kWhere,
        "the example is {}; expected an array on a device that computes",
        example.defined() ? "on " + example.device().name() : "undefined");
  Recording recording = record(example, example.shape(), compute);
  Program program;
  program.any_batch = find_steps(recording, example, compute);
  program.device = example.device();
  program.input = recording.input;
  program.result = recording.result;
  program.buffers = std::move(recording.buffers);
  program.calls = std::move(recording.calls);
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    Buffer& buffer = program.buffers[i];
    if (buffer.kind == Buffer::Kind::Constant) {
      buffer.constant = copied(recording.sources[i], buffer.bytes, program.device);
    }
  }
  return program;
}

}  // namespace linnet

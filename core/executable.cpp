#include "core/executable.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <numeric>
#include <utility>

#include "core/fail.h"
#include "core/stand_in.h"

namespace linnet {
namespace {

constexpr size_t kMostPlans = 64;
constexpr int64_t kAlignment = 64;
constexpr int64_t kCache = 2 << 20;      // bytes of temporaries that are worth keeping there
constexpr int64_t kMostAtOnce = 256;     // images, where temporaries are small
constexpr int64_t kLeastOfAThread = 16;  // images: it reads all weights for them

constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// When a buffer is in use, and where it lies in the block.
struct Slot {
  int64_t bytes = 0;
  size_t first = std::numeric_limits<size_t>::max(), last = 0;  // calls
  int64_t offset = 0;

  bool used() const { return first <= last; }
  bool meets(const Slot& other) const { return first <= other.last && other.first <= last; }
};

std::vector<Slot> slots_of(const Program& program, int64_t more) {
  std::vector<Slot> slots(program.buffers.size());
  for (size_t i = 0; i < program.calls.size(); ++i) {
    for (const std::vector<Place>* places : {&program.calls[i].reads, &program.calls[i].writes}) {
      for (const Place& place : *places) {
        if (!place.defined() || place.buffer == program.result.buffer) continue;
        const Buffer& buffer = program.buffer(place);
        if (buffer.kind != Buffer::Kind::Temporary) continue;
        Slot& slot = slots[static_cast<size_t>(place.buffer)];
        slot.bytes = (buffer.bytes + more * buffer.bytes_step + kAlignment - 1) / kAlignment * kAlignment;
        slot.first = std::min(slot.first, i);
        slot.last = std::max(slot.last, i);
      }
    }
  }
  return slots;
}

/// The largest go first, each to the lowest place that is free while it lives. Returns the bytes of all.
int64_t arrange(std::vector<Slot>& slots) {
  std::vector<size_t> order(slots.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return slots[a].bytes > slots[b].bytes; });
  std::vector<const Slot*> placed;  // by rising offset
  int64_t total = 0;
  for (const size_t i : order) {
    Slot& slot = slots[i];
    if (!slot.used()) continue;
    for (const Slot* other : placed) {
      if (!slot.meets(*other) || other->offset + other->bytes <= slot.offset) continue;
      if (other->offset >= slot.offset + slot.bytes) break;
      slot.offset = other->offset + other->bytes;
    }
    total = std::max(total, slot.offset + slot.bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &slot,
                                   [](const Slot* a, const Slot* b) { return a->offset < b->offset; }),
                  &slot);
  }
  return total;
}

bool lies_as(const NDArray& x, const Arrangement& layout) {
  for (int i = 0; i < x.rank(); ++i) {
    if (x.shape()[i] > 1 && x.strides()[i] != layout.strides[i]) return false;
  }
  return true;
}

/// Whether the elements of one image follow those of another in a place as they do in its buffer, for all
/// images.
bool goes_by_image(const Program& program, const Place& place) {
  const Arrangement &at = place.at, &step = place.step;
  if (at.shape.rank() == 0 || step.shape[0] == 0 || step.offset != 0) return false;
  for (int i = 0; i < at.shape.rank(); ++i) {
    if ((i > 0 && step.shape[i] != 0) || step.strides[i] != 0) return false;
  }
  const int64_t images = program.input.at.shape[0];
  const int64_t bytes = at.strides[0] * static_cast<int64_t>(size_of(place.dtype));
  return at.shape[0] == images * step.shape[0] && bytes * step.shape[0] == program.buffer(place).bytes_step;
}

/// Whether the function works along the first dimension.
bool crosses_images(const Call& call) {
  if (call.is("flip")) return (static_cast<uint32_t>(call.numbers[0]) & 1U) != 0;
  const bool has_dim = call.is("softmax") || call.is("log_normalizer") || call.is("arg_reduce") ||
                       call.is("gather") || call.is("scatter_add");
  return has_dim && call.numbers.back() == 0;
}

/// Whether results of some images are those that they would have alone. All that changes has an image after
/// the other as its first dimension; then only functions along that dimension mix them.
bool serves_images_apart(const Program& program) {
  if (!program.any_batch || !goes_by_image(program, program.input) || !goes_by_image(program, program.result))
    return false;
  const auto apart = [&](const Place& place) {
    if (!place.defined()) return true;
    if (program.is_constant(place) && !has_steps(place)) return true;
    return goes_by_image(program, place);
  };
  return std::none_of(program.calls.begin(), program.calls.end(), [&](const Call& call) {
    return crosses_images(call) || !std::all_of(call.reads.begin(), call.reads.end(), apart) ||
           !std::all_of(call.writes.begin(), call.writes.end(), apart);
  });
}

/// The expected shape, with N for the batch: "(N, 1, 28, 28)".
std::string expected_shape(const Program& program) {
  std::string text = to_string(program.input.at.shape);
  if (program.any_batch) text.replace(1, text.find_first_of(",)") - 1, "N");
  return text;
}

}  // namespace

Executable::Executable(Program program)
    : program_(std::move(program)), recorded_(plan_for(0)), part_(find_part()) {}

int64_t Executable::recorded_batch() const {
  return program_.any_batch ? program_.input.at.shape[0] : 0;
}

Executable::Plan Executable::plan_for(int64_t more) const {
  std::vector<Slot> slots = slots_of(program_, more);
  Plan plan;
  plan.bytes = arrange(slots);
  for (const Call& call : program_.calls) {
    Step step{&call, 0, {}, {}};
    for (const std::vector<Place>* places : {&call.reads, &call.writes}) {
      for (const Place& place : *places) {
        View& view = step.views[step.count];
        Memory& memory = step.memory[step.count++];
        memory = Memory::Known;
        if (!place.defined()) continue;
        const Buffer& buffer = program_.buffer(place);
        const Arrangement layout = place.of_batch(more);
        int64_t address = layout.offset;
        if (place.buffer == program_.result.buffer) {
          memory = Memory::Result;
        } else if (buffer.kind == Buffer::Kind::Input) {
          memory = Memory::Input;
        } else if (buffer.kind == Buffer::Kind::Constant) {
          address += reinterpret_cast<int64_t>(buffer.constant.read_view().data);
        } else {
          memory = Memory::Block;
          address += slots[static_cast<size_t>(place.buffer)].offset;
        }
        view = {reinterpret_cast<void*>(address), place.dtype, layout.shape, layout.strides};
      }
    }
    plan.steps.push_back(step);
  }
  return plan;
}

std::shared_ptr<const Executable::Plan> Executable::kept_plan(int64_t batch) const {
  const int64_t more = batch - recorded_batch();
  {
    const std::shared_lock lock(mutex_);
    const auto found = plans_.find(more);
    if (found != plans_.end()) return found->second;
  }
  auto plan = std::make_shared<const Plan>(plan_for(more));
  const std::lock_guard lock(mutex_);
  if (plans_.size() >= kMostPlans) plans_.clear();
  return plans_.emplace(more, std::move(plan)).first->second;
}

/// As many images as have their temporaries in a cache; a GPU wants them all.
int64_t Executable::find_part() const {
  if (program_.device.backend().runs_ahead() || !serves_images_apart(program_)) return 0;
  int64_t images = kMostAtOnce;
  while (images > 1 && plan_for(images - recorded_batch()).bytes > kCache) images /= 2;
  return images;
}

/// Whether each thread has images enough for parts of its own; else all work on each call.
bool Executable::goes_apart(int64_t batch) const {
  const int64_t threads = backend().calls_at_once();
  return part_ > 0 && threads > 1 && batch >= threads * std::min(part_, kLeastOfAThread);
}

int64_t Executable::parts_of(int64_t batch) const {
  if (part_ == 0 || batch == 0) return 1;
  const int64_t parts = ceil_div(batch, part_), threads = backend().calls_at_once();
  return goes_apart(batch) ? ceil_div(parts, threads) * threads : parts;
}

/// What stands in for the device on this thread, if anything does.
Backend& Executable::backend() const {
  Backend* const stand_in = StandIn::active();
  return stand_in != nullptr ? *stand_in : program_.device.backend();
}

void Executable::execute(const Plan& plan, char* block, char* input, char* result) const {
  Backend& with = backend();
  char* const bases[] = {nullptr, block, input, result};
  for (const Step& step : plan.steps) {
    std::array<View, Call::kMostViews> views;
    for (size_t i = 0; i < step.count; ++i) {
      views[i] = step.views[i];
      if (step.memory[i] != Memory::Known) {
        views[i].data =
            bases[static_cast<size_t>(step.memory[i])] + reinterpret_cast<intptr_t>(views[i].data);
      }
    }
    step.call->run(with, std::span(views.data(), step.count));
  }
}

NDArray Executable::result_of(const NDArray& x) const {
  const Device device = program_.device;
  const Place& result = program_.result;
  const int64_t size = static_cast<int64_t>(size_of(result.dtype));
  const Buffer& buffer = program_.buffer(result);
  if (buffer.kind == Buffer::Kind::Constant) return array_of(program_, result);
  const int64_t batch = program_.any_batch ? x.shape()[0] : recorded_batch();
  const int64_t more = batch - recorded_batch();
  const NDArray y =
      buffer.kind == Buffer::Kind::Input
          ? x
          : NDArray::empty({(buffer.bytes + more * buffer.bytes_step) / size}, result.dtype, device);
  char* const from = x.read_view().as<char>();
  char* const to = y.read_view().as<char>();
  const int64_t parts = parts_of(batch);
  const auto run_part = [&](int64_t part) {
    const int64_t image = part * (batch / parts) + std::min(part, batch % parts);
    const int64_t images = batch / parts + (part < batch % parts ? 1 : 0);
    const std::shared_ptr<const Plan> kept = images == recorded_batch() ? nullptr : kept_plan(images);
    const Plan& plan = kept ? *kept : recorded_;
    const NDArray block = NDArray::empty({plan.bytes}, DType::UInt8, device);
    execute(plan, block.read_view().as<char>(), from + image * program_.buffer(program_.input).bytes_step,
            to + image * buffer.bytes_step);
  };
  if (goes_apart(batch)) {
    backend().for_each_apart(parts, run_part);
  } else {
    for (int64_t part = 0; part < parts; ++part) run_part(part);
  }
  const Arrangement at = result.of_batch(more);
  return y.as_strided(at.shape, at.strides, at.offset / size);
}

void Executable::check_input(const char* where, const NDArray& x) const {
  const Shape& expected = program_.input.at.shape;
  bool fits = x.defined() && x.rank() == expected.rank();
  for (int i = 0; fits && i < x.rank(); ++i) {
    fits = x.shape()[i] == expected[i] || (i == 0 && program_.any_batch);
  }
  if (fits && x.dtype() == program_.input.dtype &&
      (x.device() == program_.device || StandIn::active() != nullptr))
    return;
  fail(where, "input {} {} on {}; this model was planned for {} {} on {}", x.defined() ? x.shape() : Shape(),
       x.defined() ? name(x.dtype()) : "undefined", x.defined() ? x.device().name() : "no device",
       expected_shape(program_), name(program_.input.dtype), program_.device.name());
}

NDArray Executable::run(const char* where, const NDArray& x) const {
  check_input(where, x);
  const Arrangement expected =
      program_.input.of_batch(program_.any_batch ? x.shape()[0] - recorded_batch() : 0);
  if (lies_as(x, expected)) return result_of(x);
  const NDArray memory = NDArray::empty({x.numel()}, x.dtype(), program_.device);
  return result_of(memory.as_strided(expected.shape, expected.strides).copy_(x));
}

}  // namespace linnet

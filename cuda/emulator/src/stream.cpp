// The queues, and the runtime API of streams and events.
#include "stream.h"

#include <algorithm>
#include <map>
#include <set>

#include "state.h"

namespace cuda_emulator::detail {
namespace {

struct Streams {
  std::uint64_t next_sequence = 1;
  std::map<int, CUstream_st> defaults;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
};

Streams& all() {
  static Streams& instance = *new Streams;
  return instance;
}

void run_first(CUstream_st& stream);

// Runs what was queued before `sequence`.
void finish_before(CUstream_st& stream, std::uint64_t sequence) {
  while (!stream.queue.empty() && stream.queue.front().sequence < sequence) run_first(stream);
}

// The default stream and blocking streams keep the order in which their operations were queued.
void run_first(CUstream_st& stream) {
  CUstream_st::Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  CUstream_st& standard = all().defaults.at(stream.device);
  if (&stream == &standard) {
    for (CUstream_st* other : all().streams) {
      if (other->blocking && other->device == stream.device) finish_before(*other, operation.sequence);
    }
  } else if (stream.blocking) {
    finish_before(standard, operation.sequence);
  }
  if (operation.after != nullptr && !operation.after->done) {
    finish_before(*operation.after->stream, operation.after->sequence + 1);
  }
  if (operation.run) operation.run();
}

std::uint64_t submit_operation(CUstream_st& stream, CUstream_st::Operation operation) {
  operation.sequence = all().next_sequence++;
  stream.queue.push_back(std::move(operation));
  if (!settings().lazy) finish(stream);
  return all().next_sequence - 1;
}

CUevent_st* find_event(cudaEvent_t handle) {
  return all().events.count(handle) != 0 ? handle : nullptr;
}

cudaError_t invalid_handle(const char* what) {
  return refuse(cudaErrorInvalidResourceHandle, std::string("no such ") + what);
}

}  // namespace

CUstream_st* find_stream(cudaStream_t handle) {
  const int device = current_device();
  CUstream_st& standard = all().defaults.try_emplace(device, CUstream_st{device, true, {}}).first->second;
  if (handle == nullptr) return &standard;
  if (all().streams.count(handle) == 0) return nullptr;
  all().defaults.try_emplace(handle->device, CUstream_st{handle->device, true, {}});
  return handle;
}

std::uint64_t submit(CUstream_st& stream, std::function<void()> run) {
  return submit_operation(stream, {0, std::move(run), nullptr});
}

void finish(CUstream_st& stream, std::uint64_t last) {
  finish_before(stream, last + 1);
}

void finish(CUstream_st& stream) {
  finish_before(stream, ~std::uint64_t{0});
}

void finish_device(int device) {
  const auto standard = all().defaults.find(device);
  if (standard != all().defaults.end()) finish(standard->second);
  for (CUstream_st* stream : all().streams) {
    if (stream->device == device) finish(*stream);
  }
}

void finish_all() {
  for (auto& [device, stream] : all().defaults) finish(stream);
  for (CUstream_st* stream : all().streams) finish(*stream);
}

}  // namespace cuda_emulator::detail

using namespace cuda_emulator::detail;  // NOLINT: the API's definitions are global

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return api_call("cudaStreamCreate", [&] {
    if (stream == nullptr) return cudaErrorInvalidValue;
    *stream = *all().streams.insert(new CUstream_st{current_device(), true, {}}).first;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return api_call("cudaStreamCreateWithFlags", [&] {
    if (stream == nullptr || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = *all().streams.insert(new CUstream_st{current_device(), flags == cudaStreamDefault, {}}).first;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return api_call("cudaStreamDestroy", [&] {
    if (stream == nullptr || find_stream(stream) == nullptr) return invalid_handle("stream");
    finish(*stream);
    all().streams.erase(stream);
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return api_call("cudaStreamSynchronize", [&] {
    CUstream_st* found = find_stream(stream);
    if (found == nullptr) return invalid_handle("stream");
    // Waiting for the default stream waits for what it would wait for.
    if (stream == nullptr) submit(*found, {});
    finish(*found);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags) {
  return api_call("cudaStreamWaitEvent", [&] {
    CUstream_st* found = find_stream(stream);
    if (found == nullptr) return invalid_handle("stream");
    if (find_event(event) == nullptr) return invalid_handle("event");
    if (flags != 0) return cudaErrorInvalidValue;
    if (event->record != nullptr) submit_operation(*found, {0, {}, event->record});
    return cudaSuccess;
  });
}

// A query that finds work waiting runs one operation, so that asking again and again comes to an end.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return api_call("cudaStreamQuery", [&] {
    CUstream_st* found = find_stream(stream);
    if (found == nullptr) return invalid_handle("stream");
    if (found->queue.empty()) return cudaSuccess;
    run_first(*found);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return api_call("cudaLaunchHostFunc", [&] {
    CUstream_st* found = find_stream(stream);
    if (found == nullptr) return invalid_handle("stream");
    if (function == nullptr) return cudaErrorInvalidValue;
    submit(*found, [function, data] {
      const NoCalls inside;
      function(data);
    });
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api_call("cudaDeviceSynchronize", [] {
    finish_device(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return api_call("cudaEventCreateWithFlags", [&] {
    if (event == nullptr || flags > 3) return cudaErrorInvalidValue;
    const bool timing = (flags & cudaEventDisableTiming) == 0;
    *event = *all().events.insert(new CUevent_st{current_device(), timing, nullptr}).first;
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return api_call("cudaEventCreate", [&] {
    if (event == nullptr) return cudaErrorInvalidValue;
    *event = *all().events.insert(new CUevent_st{current_device(), true, nullptr}).first;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api_call("cudaEventRecord", [&] {
    CUstream_st* found = find_stream(stream);
    if (found == nullptr) return invalid_handle("stream");
    if (find_event(event) == nullptr) return invalid_handle("event");
    if (event->device != found->device) {
      return refuse(cudaErrorInvalidResourceHandle,
                    text("event of device %d in a stream of device %d", event->device, found->device));
    }
    auto record = std::make_shared<Record>();
    record->stream = found;
    event->record = record;
    // The number is known only afterwards; nobody waits for it before.
    const std::uint64_t sequence = submit(*found, [record] {
      record->done = true;
      record->time = std::chrono::steady_clock::now();
    });
    record->sequence = sequence;
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api_call("cudaEventSynchronize", [&] {
    if (find_event(event) == nullptr) return invalid_handle("event");
    if (event->record != nullptr && !event->record->done)
      finish(*event->record->stream, event->record->sequence);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api_call("cudaEventQuery", [&] {
    if (find_event(event) == nullptr) return invalid_handle("event");
    if (event->record == nullptr || event->record->done) return cudaSuccess;
    run_first(*event->record->stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api_call("cudaEventElapsedTime", [&] {
    if (find_event(start) == nullptr || find_event(end) == nullptr) return invalid_handle("event");
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    if (!start->timing || !end->timing || start->record == nullptr || end->record == nullptr) {
      return refuse(cudaErrorInvalidResourceHandle,
                    "an event without timing, or one that was never recorded");
    }
    if (!start->record->done || !end->record->done) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->record->time - start->record->time).count();
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api_call("cudaEventDestroy", [&] {
    if (find_event(event) == nullptr) return invalid_handle("event");
    all().events.erase(event);
    delete event;
    return cudaSuccess;
  });
}

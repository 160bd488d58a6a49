// Streams and events. A stream is a queue of operations: run at once, or, in lazy mode, when something waits
// for them. An operation that waits for an event first runs the other stream up to the event's record; the
// default stream waits for all blocking streams and they for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "cuda_emulator/api.h"

namespace cuda_emulator::detail {

// One recording of an event.
struct Record {
  CUstream_st* stream = nullptr;
  std::uint64_t sequence = 0;
  bool done = false;
  std::chrono::steady_clock::time_point time;
};

}  // namespace cuda_emulator::detail

struct CUstream_st {
  struct Operation {
    std::uint64_t sequence;
    std::function<void()> run;
    std::shared_ptr<cuda_emulator::detail::Record> after;  // waits for this
  };
  int device;
  bool blocking;
  std::deque<Operation> queue;
};

struct CUevent_st {
  int device;
  bool timing;
  std::shared_ptr<cuda_emulator::detail::Record> record;
};

namespace cuda_emulator::detail {

// The stream of a handle; nullptr where there is no such stream. Null is the default stream of the current
// device.
CUstream_st* find_stream(cudaStream_t handle);

// Appends an operation and returns its number; eager mode runs it before it returns.
std::uint64_t submit(CUstream_st& stream, std::function<void()> run);

void finish(CUstream_st& stream, std::uint64_t last);
void finish(CUstream_st& stream);
void finish_device(int device);
void finish_all();

}  // namespace cuda_emulator::detail

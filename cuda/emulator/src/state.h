// What all parts of the emulator share: one lock, the settings, the current device, and how an API call
// begins and ends. Faults of kernels are sticky errors of their device; refusals are last errors of the
// calling thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "cuda_emulator/api.h"

namespace cuda_emulator::detail {

// printf into a string.
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));

struct Settings {
  bool lazy;
  std::uint64_t seed;
  int devices;
  std::size_t memory;
  int driver;
};
Settings& settings();

// Held by every call for its whole duration, kernels included.
std::recursive_mutex& lock();

int current_device();

// The sticky error of a device. The first one stays until reset.
cudaError_t sticky_error(int device);
void set_sticky(int device, cudaError_t error, std::string report);

// Keeps `report` as the last report and, where a call is about to return `error`, as its explanation.
cudaError_t refuse(cudaError_t error, std::string report);

// The last report, for calls that hold the lock.
const std::string& last_report_text();

// CUDA's own text for a code.
const char* plain_error_string(cudaError_t error);

// A call that a test wants to fail: its error, or 0.
int injected_failure(const char* call, bool cublas);

enum class Sticky { Fails, Ignored };

cudaError_t enter(const char* call, Sticky sticky);
cudaError_t leave(cudaError_t error, Sticky sticky);

// Runs the body of an API call under the lock, unless a failure is injected or the device has failed before.
template <class Body>
cudaError_t api_call(const char* name, Body&& body, Sticky sticky = Sticky::Fails) {
  const std::lock_guard guard(lock());
  cudaError_t error = enter(name, sticky);
  if (error == cudaSuccess) error = body();
  return leave(error, sticky);
}

// While one lives, API calls of this thread are refused: it runs a host function of a stream.
class NoCalls {
 public:
  NoCalls();
  ~NoCalls();
  NoCalls(const NoCalls&) = delete;
  NoCalls& operator=(const NoCalls&) = delete;
};

}  // namespace cuda_emulator::detail

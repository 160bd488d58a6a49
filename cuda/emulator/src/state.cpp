// Settings, sticky and last errors, injected failures, and the part of cuda_emulator.h that reads and sets
// them.
#include "state.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#include "cuda_emulator.h"
#include "stream.h"

namespace cuda_emulator::detail {
namespace {

struct Failure {
  std::string call;
  bool cublas;
  int error;
  int after;
};

struct DeviceError {
  cudaError_t error = cudaSuccess;
  std::string report;
};

struct State {
  std::map<int, DeviceError> errors;
  std::vector<Failure> failures;
  std::map<std::string, std::uint64_t, std::less<>> calls;
  std::string last_report;
};

// Never destroyed: calls may come from destructors of static objects.
State& state() {
  static State& instance = *new State;
  return instance;
}

struct ThreadState {
  int device = 0;
  int no_calls = 0;
  cudaError_t last_error = cudaSuccess;
  cudaError_t refused = cudaSuccess;
  std::string refusal;
  std::string error_string;
};

ThreadState& thread_state() {
  static thread_local ThreadState instance;
  return instance;
}

std::size_t bytes_from(const char* value) {
  char* end = nullptr;
  const double number = std::strtod(value, &end);
  const double unit = *end == 'K' ? 1024.0 : *end == 'M' ? 1048576.0 : *end == 'G' ? 1073741824.0 : 1.0;
  return static_cast<std::size_t>(number * unit);
}

Settings from_environment() {
  Settings result{false, 0, 1, std::size_t{4} << 30, CUDART_VERSION};
  if (const char* lazy = std::getenv("LINNET_EMULATOR_LAZY")) result.lazy = std::string(lazy) != "0";
  if (const char* seed = std::getenv("LINNET_EMULATOR_SEED")) result.seed = std::strtoull(seed, nullptr, 10);
  if (const char* devices = std::getenv("LINNET_EMULATOR_DEVICES")) result.devices = std::atoi(devices);
  if (const char* memory = std::getenv("LINNET_EMULATOR_MEMORY")) result.memory = bytes_from(memory);
  return result;
}

}  // namespace

std::string text(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list copy;
  va_copy(copy, arguments);
  std::string result(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, format, copy)), '\0');
  va_end(copy);
  std::vsnprintf(result.data(), result.size() + 1, format, arguments);
  va_end(arguments);
  return result;
}

Settings& settings() {
  static Settings instance = from_environment();
  return instance;
}

std::recursive_mutex& lock() {
  static std::recursive_mutex& instance = *new std::recursive_mutex;
  return instance;
}

int current_device() {
  return thread_state().device;
}

cudaError_t sticky_error(int device) {
  const auto found = state().errors.find(device);
  return found == state().errors.end() ? cudaSuccess : found->second.error;
}

void set_sticky(int device, cudaError_t error, std::string report) {
  DeviceError& failed = state().errors[device];
  if (failed.error != cudaSuccess) return;
  failed = {error, report};
  state().last_report = std::move(report);
}

const std::string& last_report_text() {
  return state().last_report;
}

cudaError_t refuse(cudaError_t error, std::string report) {
  thread_state().refused = error;
  thread_state().refusal = report;
  state().last_report = std::move(report);
  return error;
}

int injected_failure(const char* call, bool cublas) {
  ++state().calls[call];
  for (auto failure = state().failures.begin(); failure != state().failures.end(); ++failure) {
    if (failure->cublas != cublas || failure->call != call) continue;
    if (failure->after-- > 0) return 0;
    const int error = failure->error;
    state().failures.erase(failure);
    return error;
  }
  return 0;
}

cudaError_t enter(const char* call, Sticky sticky) {
  ThreadState& thread = thread_state();
  if (thread.no_calls > 0) {
    return refuse(cudaErrorNotPermitted, text("%s: called from a host function of a stream", call));
  }
  thread.refused = cudaSuccess;
  if (const int injected = injected_failure(call, false)) return static_cast<cudaError_t>(injected);
  return sticky == Sticky::Fails ? sticky_error(thread.device) : cudaSuccess;
}

cudaError_t leave(cudaError_t error, Sticky sticky) {
  ThreadState& thread = thread_state();
  if (error == cudaSuccess && sticky == Sticky::Fails) error = sticky_error(thread.device);
  if (error != cudaSuccess) thread.last_error = error;
  return error;
}

NoCalls::NoCalls() {
  ++thread_state().no_calls;
}
NoCalls::~NoCalls() {
  --thread_state().no_calls;
}

}  // namespace cuda_emulator::detail

namespace cuda_emulator {

using detail::lock;
using detail::state;

std::string last_report() {
  const std::lock_guard guard(lock());
  return state().last_report;
}

void reset() {
  const std::lock_guard guard(lock());
  state().errors.clear();
  state().failures.clear();
  state().last_report.clear();
  detail::thread_state().last_error = cudaSuccess;
  detail::thread_state().refused = cudaSuccess;
}

void fail_next(const char* call, cudaError_t error, int after) {
  const std::lock_guard guard(lock());
  state().failures.push_back({call, false, error, after});
}

void fail_next(const char* call, cublasStatus_t error, int after) {
  const std::lock_guard guard(lock());
  state().failures.push_back({call, true, error, after});
}

bool failures_pending() {
  const std::lock_guard guard(lock());
  return !state().failures.empty();
}

std::uint64_t calls(const char* call) {
  const std::lock_guard guard(lock());
  const auto found = state().calls.find(call);
  return found == state().calls.end() ? 0 : found->second;
}

void set_memory(std::size_t bytes) {
  const std::lock_guard guard(lock());
  detail::settings().memory = bytes;
}

void set_devices(int count) {
  const std::lock_guard guard(lock());
  detail::settings().devices = count;
}

void set_driver(int version) {
  const std::lock_guard guard(lock());
  detail::settings().driver = version;
}

void set_lazy(bool lazy) {
  const std::lock_guard guard(lock());
  if (!lazy) detail::finish_all();
  detail::settings().lazy = lazy;
}

bool lazy() {
  return detail::settings().lazy;
}

void set_seed(std::uint64_t seed) {
  const std::lock_guard guard(lock());
  detail::settings().seed = seed;
}

std::uint64_t seed() {
  return detail::settings().seed;
}

}  // namespace cuda_emulator

using cuda_emulator::detail::api_call;
using cuda_emulator::detail::settings;
using cuda_emulator::detail::Sticky;

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  cuda_emulator::detail::thread_state().last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard guard(cuda_emulator::detail::lock());
  const auto& thread = cuda_emulator::detail::thread_state();
  const cudaError_t sticky = cuda_emulator::detail::sticky_error(thread.device);
  return sticky != cudaSuccess ? sticky : thread.last_error;
}

cudaError_t cudaSetDevice(int device) {
  return api_call(
      "cudaSetDevice",
      [&] {
        if (settings().devices == 0) return cudaErrorNoDevice;
        if (device < 0 || device >= settings().devices) return cudaErrorInvalidDevice;
        cuda_emulator::detail::thread_state().device = device;
        return cudaSuccess;
      },
      Sticky::Ignored);
}

const char* cudaGetErrorString(cudaError_t error) {
  const std::lock_guard guard(cuda_emulator::detail::lock());
  auto& thread = cuda_emulator::detail::thread_state();
  for (const auto& [device, failed] : cuda_emulator::detail::state().errors) {
    if (failed.error != error || error == cudaSuccess) continue;
    thread.error_string = failed.report;
    return thread.error_string.c_str();
  }
  const char* plain = cuda_emulator::detail::plain_error_string(error);
  if (error == cudaSuccess || thread.refused != error) return plain;
  thread.error_string = std::string(plain) + ": " + thread.refusal;
  return thread.error_string.c_str();
}

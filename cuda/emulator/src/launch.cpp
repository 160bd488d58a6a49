// Launches: the limits of a device with compute capability 9.0, and what is checked when a kernel has ended.
#include "launch.h"

#include <map>

#include "cuda_emulator.h"
#include "memory.h"
#include "state.h"
#include "stream.h"
#include "symbols.h"

namespace cuda_emulator::detail {
namespace {

constexpr std::size_t kDefaultShared = std::size_t{48} << 10;

struct Kernels {
  std::map<const void*, std::size_t> allowed_shared;
  std::map<const void*, std::uint64_t> counts;
  std::uint64_t launches = 0;
};

Kernels& kernels() {
  static Kernels& instance = *new Kernels;
  return instance;
}

std::size_t allowed_shared(const void* kernel) {
  const auto found = kernels().allowed_shared.find(kernel);
  return found == kernels().allowed_shared.end() ? kDefaultShared : found->second;
}

std::string triple(const dim3& value) {
  return text("(%u, %u, %u)", value.x, value.y, value.z);
}

cudaError_t check_limits(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3 grid = config.gridDim;
  const dim3 block = config.blockDim;
  const auto named = [&](const std::string& what) {
    return "launch of " + symbol_name(kernel) + ": " + what;
  };
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffU || grid.y > 65535 || grid.z > 65535) {
    return refuse(cudaErrorInvalidConfiguration, named("grid " + triple(grid)));
  }
  if (block.x == 0 || block.y == 0 || block.z == 0 || block.x > 1024 || block.y > 1024 || block.z > 64 ||
      std::uint64_t{block.x} * block.y * block.z > kMaxThreads) {
    return refuse(cudaErrorInvalidConfiguration, named("block " + triple(block)));
  }
  if (config.dynamicSmemBytes > allowed_shared(kernel)) {
    return refuse(cudaErrorInvalidValue, named(text("%zu bytes of dynamic shared memory, allowed are %zu",
                                                    config.dynamicSmemBytes, allowed_shared(kernel))));
  }
  if (config.numAttrs != 0) return refuse(cudaErrorNotSupported, named("launch attributes"));
  return cudaSuccess;
}

}  // namespace

void execute(const Launch& launch) {
  if (sticky_error(launch.device) != cudaSuccess) return;  // nothing runs on a device that has failed
  Fault fault = Executor::of_this_thread().run(launch, settings().seed);
  while (Allocation* open = first_open()) {
    if (fault.error == cudaSuccess) {
      const std::string report = overwritten(*open);
      if (!report.empty()) {
        fault = {cudaErrorIllegalAddress, "kernel " + symbol_name(launch.kernel.address) + ": " + report};
      }
    }
    close_allocation(*open);
  }
  if (fault.error != cudaSuccess) set_sticky(launch.device, fault.error, std::move(fault.report));
}

cudaError_t launch(const cudaLaunchConfig_t* config, Kernel kernel) {
  return api_call("cudaLaunchKernelEx", [&] {
    if (config == nullptr) return cudaErrorInvalidValue;
    if (kernel.address == nullptr) return cudaErrorInvalidDeviceFunction;
    CUstream_st* stream = find_stream(config->stream);
    if (stream == nullptr) return refuse(cudaErrorInvalidResourceHandle, "no such stream");
    if (stream->device != current_device()) {
      return refuse(cudaErrorInvalidResourceHandle,
                    text("stream of device %d while device %d is current", stream->device, current_device()));
    }
    const cudaError_t limits = check_limits(*config, kernel.address);
    if (limits != cudaSuccess) return limits;
    ++kernels().counts[kernel.address];
    Launch made{std::move(kernel),        config->gridDim, config->blockDim,
                config->dynamicSmemBytes, stream->device,  ++kernels().launches};
    submit(*stream, [made = std::move(made)] { execute(made); });
    return cudaSuccess;
  });
}

}  // namespace cuda_emulator::detail

using cuda_emulator::detail::api_call;
using cuda_emulator::detail::kMaxShared;

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  return api_call("cudaFuncGetAttributes", [&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    *attributes = {};
    attributes->maxThreadsPerBlock = cuda_emulator::detail::kMaxThreads;
    attributes->numRegs = 32;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(cuda_emulator::detail::allowed_shared(kernel));
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return api_call("cudaFuncSetAttribute", [&] {
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
    if (value < 0 || static_cast<std::size_t>(value) > kMaxShared) return cudaErrorInvalidValue;
    cuda_emulator::detail::kernels().allowed_shared[kernel] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}

namespace cuda_emulator {

bool checked() {
#ifdef CUDA_EMULATOR_CHECK
  return true;
#else
  return false;
#endif
}

std::uint64_t launches() {
  const std::lock_guard guard(detail::lock());
  return detail::kernels().launches;
}

std::map<std::string, std::uint64_t> launches_by_kernel() {
  const std::lock_guard guard(detail::lock());
  std::map<std::string, std::uint64_t> result;
  for (const auto& [kernel, count] : detail::kernels().counts) result[detail::symbol_name(kernel)] += count;
  return result;
}

}  // namespace cuda_emulator

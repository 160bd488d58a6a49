// Devices: how many, what they say of themselves. The name tells that it is no hardware, the compute
// capability 0.0 makes every question for a hardware feature come out as no.
#include <cstring>

#include "block.h"
#include "state.h"

using namespace cuda_emulator::detail;  // NOLINT: the API's definitions are global

namespace {

constexpr int kProcessors = 8;

cudaError_t check_device(int device) {
  if (settings().devices == 0) return cudaErrorNoDevice;
  return device < 0 || device >= settings().devices ? cudaErrorInvalidDevice : cudaSuccess;
}

cudaDeviceProp properties_of(int device) {
  cudaDeviceProp result{};
  std::strcpy(result.name, "emulated on the CPU");
  result.totalGlobalMem = settings().memory;
  result.sharedMemPerBlock = std::size_t{48} << 10;
  result.sharedMemPerBlockOptin = kMaxShared;
  result.sharedMemPerMultiprocessor = std::size_t{228} << 10;
  result.regsPerBlock = 65536;
  result.regsPerMultiprocessor = 65536;
  result.warpSize = 32;
  result.memPitch = 0x7fffffff;
  result.maxThreadsPerBlock = kMaxThreads;
  result.maxThreadsDim[0] = result.maxThreadsDim[1] = 1024;
  result.maxThreadsDim[2] = 64;
  result.maxGridSize[0] = 0x7fffffff;
  result.maxGridSize[1] = result.maxGridSize[2] = 65535;
  result.multiProcessorCount = kProcessors;
  result.maxThreadsPerMultiProcessor = 2048;
  result.maxBlocksPerMultiProcessor = 32;
  result.asyncEngineCount = 1;
  result.concurrentKernels = 1;
  result.unifiedAddressing = 1;
  result.l2CacheSize = 4 << 20;
  result.pciDeviceID = device;
  return result;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  return api_call(
      "cudaGetDeviceCount",
      [&] {
        if (count == nullptr) return cudaErrorInvalidValue;
        *count = 0;
        if (settings().driver < CUDART_VERSION) return cudaErrorInsufficientDriver;
        *count = settings().devices;
        return settings().devices == 0 ? cudaErrorNoDevice : cudaSuccess;
      },
      Sticky::Ignored);
}

cudaError_t cudaGetDevice(int* device) {
  return api_call(
      "cudaGetDevice",
      [&] {
        if (device == nullptr) return cudaErrorInvalidValue;
        *device = current_device();
        return settings().devices == 0 ? cudaErrorNoDevice : cudaSuccess;
      },
      Sticky::Ignored);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return api_call(
      "cudaGetDeviceProperties",
      [&] {
        if (properties == nullptr) return cudaErrorInvalidValue;
        const cudaError_t error = check_device(device);
        if (error == cudaSuccess) *properties = properties_of(device);
        return error;
      },
      Sticky::Ignored);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api_call(
      "cudaDeviceGetAttribute",
      [&] {
        if (value == nullptr) return cudaErrorInvalidValue;
        const cudaError_t error = check_device(device);
        if (error != cudaSuccess) return error;
        const cudaDeviceProp all = properties_of(device);
        switch (attribute) {
          case cudaDevAttrMaxThreadsPerBlock:
            *value = all.maxThreadsPerBlock;
            break;
          case cudaDevAttrMaxBlockDimX:
            *value = all.maxThreadsDim[0];
            break;
          case cudaDevAttrMaxBlockDimY:
            *value = all.maxThreadsDim[1];
            break;
          case cudaDevAttrMaxBlockDimZ:
            *value = all.maxThreadsDim[2];
            break;
          case cudaDevAttrMaxGridDimX:
            *value = all.maxGridSize[0];
            break;
          case cudaDevAttrMaxGridDimY:
            *value = all.maxGridSize[1];
            break;
          case cudaDevAttrMaxGridDimZ:
            *value = all.maxGridSize[2];
            break;
          case cudaDevAttrMaxSharedMemoryPerBlock:
            *value = static_cast<int>(all.sharedMemPerBlock);
            break;
          case cudaDevAttrWarpSize:
            *value = all.warpSize;
            break;
          case cudaDevAttrMaxRegistersPerBlock:
            *value = all.regsPerBlock;
            break;
          case cudaDevAttrMultiProcessorCount:
            *value = all.multiProcessorCount;
            break;
          case cudaDevAttrConcurrentKernels:
            *value = all.concurrentKernels;
            break;
          case cudaDevAttrL2CacheSize:
            *value = all.l2CacheSize;
            break;
          case cudaDevAttrMaxThreadsPerMultiProcessor:
            *value = all.maxThreadsPerMultiProcessor;
            break;
          case cudaDevAttrAsyncEngineCount:
            *value = all.asyncEngineCount;
            break;
          case cudaDevAttrUnifiedAddressing:
            *value = all.unifiedAddressing;
            break;
          case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
            *value = static_cast<int>(all.sharedMemPerMultiprocessor);
            break;
          case cudaDevAttrMaxSharedMemoryPerBlockOptin:
            *value = static_cast<int>(all.sharedMemPerBlockOptin);
            break;
          case cudaDevAttrMaxBlocksPerMultiprocessor:
            *value = all.maxBlocksPerMultiProcessor;
            break;
          case cudaDevAttrComputeCapabilityMajor:
          case cudaDevAttrComputeCapabilityMinor:
          case cudaDevAttrManagedMemory:
          case cudaDevAttrCooperativeLaunch:
          case cudaDevAttrMemoryPoolsSupported:
          case cudaDevAttrClusterLaunch:
            *value = 0;
            break;
          default:
            return cudaErrorInvalidValue;
        }
        return cudaSuccess;
      },
      Sticky::Ignored);
}

cudaError_t cudaDriverGetVersion(int* version) {
  return api_call(
      "cudaDriverGetVersion",
      [&] {
        if (version == nullptr) return cudaErrorInvalidValue;
        *version = settings().driver;
        return cudaSuccess;
      },
      Sticky::Ignored);
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return api_call(
      "cudaRuntimeGetVersion",
      [&] {
        if (version == nullptr) return cudaErrorInvalidValue;
        *version = CUDART_VERSION;
        return cudaSuccess;
      },
      Sticky::Ignored);
}

// Compiles conformance.h: as it is against the stand-ins, with CONFORMANCE_NVIDIA against NVIDIA's headers,
// where the toolkit is installed. Nothing of it runs.
#include "conformance.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#define VALUE(name, value) static_assert(static_cast<long long>(name) == (value), #name);
CONFORMANCE_VALUES(VALUE)

#define FUNCTION(name, ...) \
  static_assert(std::is_same_v<decltype(static_cast<__VA_ARGS__>(&name)), __VA_ARGS__>, #name);
CONFORMANCE_FUNCTIONS(FUNCTION)

static_assert(sizeof(dim3) == 12 && alignof(dim3) == 4);
static_assert(sizeof(uint3) == 12 && alignof(uint3) == 4);
static_assert(sizeof(float2) == 8 && alignof(float2) == 8);
static_assert(sizeof(float4) == 16 && alignof(float4) == 16);
static_assert(sizeof(double2) == 16 && alignof(double2) == 16);
static_assert(sizeof(int2) == 8 && alignof(int2) == 8);
static_assert(sizeof(int4) == 16 && alignof(int4) == 16);
static_assert(sizeof(uint2) == 8 && alignof(uint2) == 8);
static_assert(sizeof(uint4) == 16 && alignof(uint4) == 16);
static_assert(std::is_trivially_copyable_v<float4> && std::is_trivially_copyable_v<dim3>);

// Members by name and type.
template <class T, class Member>
constexpr bool has(Member T::*) {
  return true;
}
static_assert(has<cudaLaunchConfig_t, dim3>(&cudaLaunchConfig_t::gridDim));
static_assert(has<cudaLaunchConfig_t, dim3>(&cudaLaunchConfig_t::blockDim));
static_assert(has<cudaLaunchConfig_t, std::size_t>(&cudaLaunchConfig_t::dynamicSmemBytes));
static_assert(has<cudaLaunchConfig_t, cudaStream_t>(&cudaLaunchConfig_t::stream));
static_assert(has<cudaLaunchConfig_t, unsigned int>(&cudaLaunchConfig_t::numAttrs));
static_assert(has<cudaDeviceProp, char[256]>(&cudaDeviceProp::name));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::totalGlobalMem));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::sharedMemPerBlock));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::sharedMemPerBlockOptin));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::sharedMemPerMultiprocessor));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::memPitch));
static_assert(has<cudaDeviceProp, std::size_t>(&cudaDeviceProp::totalConstMem));
static_assert(has<cudaDeviceProp, int[3]>(&cudaDeviceProp::maxThreadsDim));
static_assert(has<cudaDeviceProp, int[3]>(&cudaDeviceProp::maxGridSize));
#define INT_PROPERTY(name) static_assert(has<cudaDeviceProp, int>(&cudaDeviceProp::name));
INT_PROPERTY(regsPerBlock)
INT_PROPERTY(warpSize)
INT_PROPERTY(maxThreadsPerBlock)
INT_PROPERTY(major)
INT_PROPERTY(minor)
INT_PROPERTY(multiProcessorCount)
INT_PROPERTY(integrated)
INT_PROPERTY(canMapHostMemory)
INT_PROPERTY(concurrentKernels)
INT_PROPERTY(ECCEnabled)
INT_PROPERTY(pciBusID)
INT_PROPERTY(pciDeviceID)
INT_PROPERTY(pciDomainID)
INT_PROPERTY(asyncEngineCount)
INT_PROPERTY(unifiedAddressing)
INT_PROPERTY(memoryBusWidth)
INT_PROPERTY(l2CacheSize)
INT_PROPERTY(maxThreadsPerMultiProcessor)
INT_PROPERTY(regsPerMultiprocessor)
INT_PROPERTY(managedMemory)
INT_PROPERTY(cooperativeLaunch)
INT_PROPERTY(maxBlocksPerMultiProcessor)
INT_PROPERTY(memoryPoolsSupported)
INT_PROPERTY(clusterLaunch)
static_assert(has<cudaFuncAttributes, std::size_t>(&cudaFuncAttributes::sharedSizeBytes));
static_assert(has<cudaFuncAttributes, std::size_t>(&cudaFuncAttributes::constSizeBytes));
static_assert(has<cudaFuncAttributes, std::size_t>(&cudaFuncAttributes::localSizeBytes));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::maxThreadsPerBlock));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::numRegs));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::ptxVersion));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::binaryVersion));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::cacheModeCA));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::maxDynamicSharedSizeBytes));
static_assert(has<cudaFuncAttributes, int>(&cudaFuncAttributes::preferredShmemCarveout));
static_assert(has<cudaPointerAttributes, cudaMemoryType>(&cudaPointerAttributes::type));
static_assert(has<cudaPointerAttributes, int>(&cudaPointerAttributes::device));
static_assert(has<cudaPointerAttributes, void*>(&cudaPointerAttributes::devicePointer));
static_assert(has<cudaPointerAttributes, void*>(&cudaPointerAttributes::hostPointer));

// The typed forms, called as a backend calls them.
cudaError_t conformance_typed(void (*kernel)(float*, int), float* data, int count) {
  cudaLaunchConfig_t config{};
  cudaError_t error = cudaLaunchKernelEx(&config, kernel, data, count);
#if defined(__CUDACC__) || !defined(CONFORMANCE_NVIDIA)  // NVIDIA declares these for its compiler alone
  cudaFuncAttributes attributes{};
  if (error == cudaSuccess) error = cudaFuncGetAttributes(&attributes, kernel);
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 1024);
#endif
  float* memory = nullptr;
  if (error == cudaSuccess) error = cudaMalloc(&memory, 4);
  if (error == cudaSuccess) error = cudaMallocHost(&memory, 4);
  if (error == cudaSuccess) error = cudaHostAlloc(&memory, 4, cudaHostAllocDefault);
  return error;
}

// Launches with typed arguments: cudaLaunchKernelEx and the attribute functions that take a kernel. Arguments
// are copied when the launch is made, whenever it runs.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_emulator/api.h"

namespace cuda_emulator::detail {

struct Kernel {
  const void* address;
  void (*invoke)(const void* address, const void* arguments);
  std::shared_ptr<const void> arguments;
  std::size_t argument_bytes;
};

cudaError_t launch(const cudaLaunchConfig_t* config, Kernel kernel);

}  // namespace cuda_emulator::detail

template <class... Expected, class... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Expected...),
                               Actual&&... args) {
  static_assert((std::is_trivially_copyable_v<Expected> && ...), "kernel arguments are copied byte by byte");
  static_assert(!(std::is_reference_v<Expected> || ...), "kernel arguments are passed by value");
  static_assert(sizeof...(Expected) == sizeof...(Actual), "as many arguments as the kernel has parameters");
  using Arguments = std::tuple<Expected...>;
  auto arguments = std::make_shared<const Arguments>(static_cast<Expected>(std::forward<Actual>(args))...);
  const auto invoke = [](const void* address, const void* packed) {
    const auto function = reinterpret_cast<void (*)(Expected...)>(reinterpret_cast<std::uintptr_t>(address));
    std::apply(function, *static_cast<const Arguments*>(packed));
  };
  return cuda_emulator::detail::launch(
      config, {reinterpret_cast<const void*>(kernel), invoke, std::move(arguments), sizeof(Arguments)});
}

template <class T>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, T* kernel) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}

template <class T>
cudaError_t cudaFuncSetAttribute(T* kernel, cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

template <class T>
cudaError_t cudaMalloc(T** pointer, std::size_t size) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), size);
}

template <class T>
cudaError_t cudaMallocHost(T** pointer, std::size_t size) {
  return cudaMallocHost(reinterpret_cast<void**>(pointer), size);
}

template <class T>
cudaError_t cudaHostAlloc(T** pointer, std::size_t size, unsigned int flags) {
  return cudaHostAlloc(reinterpret_cast<void**>(pointer), size, flags);
}

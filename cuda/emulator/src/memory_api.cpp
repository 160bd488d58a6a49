// The runtime API of memory. Copies from pageable memory take their bytes at the call, as CUDA stages them;
// copies to it return when they are done; copies of pinned memory happen in the stream.
#include <cstring>
#include <vector>

#include "check.h"
#include "memory.h"
#include "signals.h"
#include "state.h"
#include "stream.h"

using namespace cuda_emulator::detail;  // NOLINT: the API's definitions are global

namespace {

enum class Place { Device, Pinned, Pageable };

Place place_of(const void* address) {
  if (in_device_range(address)) return Place::Device;
  return is_pinned(address, 0) ? Place::Pinned : Place::Pageable;
}

// A device operand must lie within one live allocation.
cudaError_t check_operand(const char* call, const char* operand, const void* address, std::size_t bytes) {
  const Allocation* found = find_allocation(address);
  if (found != nullptr && found->live && found->contains(address, bytes)) return cudaSuccess;
  std::string report = text("%s: %s of %zu bytes, ", call, operand, bytes) + describe(address);
  if (found != nullptr && found->live && found->contains(address, 0)) {
    const auto rest = static_cast<std::size_t>(found->end() - static_cast<const char*>(address));
    report += text(", runs %zu bytes beyond its end", bytes - rest);
  }
  return refuse(cudaErrorInvalidValue, report);
}

cudaError_t check_kind(const char* call, Place to, Place from, cudaMemcpyKind kind) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  // Pinned memory is mapped to the device, so CUDA lets it pass as either.
  if (to != Place::Pinned && to_device != (to == Place::Device)) {
    return refuse(cudaErrorInvalidValue, text("%s: destination is %s memory, which kind %d denies", call,
                                              to == Place::Device ? "device" : "host", kind));
  }
  if (from != Place::Pinned && from_device != (from == Place::Device)) {
    return refuse(cudaErrorInvalidValue, text("%s: source is %s memory, which kind %d denies", call,
                                              from == Place::Device ? "device" : "host", kind));
  }
  return cudaSuccess;
}

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  Opened opened;
  opened.add(to);
  opened.add(from);
  std::memmove(to, from, bytes);
  check_copied(to, from, bytes);
}

cudaError_t copy(const char* call, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t handle, bool asynchronous) {
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return refuse(cudaErrorInvalidResourceHandle, "no such stream");
  if (bytes == 0) return cudaSuccess;
  if (to == nullptr || from == nullptr) return cudaErrorInvalidValue;
  const Place target = place_of(to);
  const Place source = place_of(from);
  cudaError_t error = check_kind(call, target, source, kind);
  if (error == cudaSuccess && target == Place::Device) error = check_operand(call, "destination", to, bytes);
  if (error == cudaSuccess && source == Place::Device) error = check_operand(call, "source", from, bytes);
  if (error != cudaSuccess) return error;

  if (asynchronous && source == Place::Pageable && settings().lazy) {
    const auto* first = static_cast<const char*>(from);
    auto staged = std::make_shared<const std::vector<char>>(first, first + bytes);
    const auto last = submit(*stream, [to, staged] { copy_bytes(to, staged->data(), staged->size()); });
    if (target == Place::Pageable) finish(*stream, last);
    return cudaSuccess;
  }
  const auto last = submit(*stream, [to, from, bytes] { copy_bytes(to, from, bytes); });
  const bool within_device = target == Place::Device && source == Place::Device;
  if (asynchronous ? target == Place::Pageable : !within_device) finish(*stream, last);
  return cudaSuccess;
}

cudaError_t set_bytes(const char* call, void* pointer, int value, std::size_t bytes, cudaStream_t handle) {
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) return refuse(cudaErrorInvalidResourceHandle, "no such stream");
  if (bytes == 0) return cudaSuccess;
  if (!in_device_range(pointer)) {
    return refuse(cudaErrorInvalidValue, text("%s: %p is no device memory", call, pointer));
  }
  const cudaError_t error = check_operand(call, "memory", pointer, bytes);
  if (error != cudaSuccess) return error;
  submit(*stream, [=] {
    Opened opened;
    opened.add(pointer);
    std::memset(pointer, value, bytes);
    check_written(pointer, bytes);
  });
  return cudaSuccess;
}

cudaError_t pin(void** pointer, std::size_t size) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = size == 0 ? nullptr : allocate_pinned(size, current_device());
  return size != 0 && *pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t release(void* pointer) {
  Allocation* found = find_live(pointer, 0);
  if (found == nullptr || found->begin != pointer) {
    return refuse(cudaErrorInvalidValue, "cudaFree: no allocation begins here: " + describe(pointer));
  }
  finish_device(found->device);
  open_allocation(*found);
  const std::string report = overwritten(*found);
  const int device = found->device;
  free_device_memory(*found);
  if (!report.empty()) set_sticky(device, cudaErrorIllegalAddress, "cudaFree: " + report);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMalloc(void** pointer, std::size_t size) {
  return api_call("cudaMalloc", [&] {
    if (pointer == nullptr) return cudaErrorInvalidValue;
    if (settings().devices == 0) return cudaErrorNoDevice;
    install_signal_handler();
    *pointer = nullptr;
    if (size == 0) return cudaSuccess;
    const Allocation* made = allocate_device_memory(size, current_device());
    if (made == nullptr) return cudaErrorMemoryAllocation;
    *pointer = made->begin;
    return cudaSuccess;
  });
}

// Frees on a device that has failed, too: only the emulator could still use the memory.
cudaError_t cudaFree(void* pointer) {
  return api_call(
      "cudaFree",
      [&] {
        const cudaError_t failed = sticky_error(current_device());
        const cudaError_t error = pointer == nullptr ? cudaSuccess : release(pointer);
        if (failed != cudaSuccess) return failed;
        return error != cudaSuccess ? error : sticky_error(current_device());
      },
      Sticky::Ignored);
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t size, unsigned int flags) {
  return api_call("cudaHostAlloc", [&] { return flags > 7 ? cudaErrorInvalidValue : pin(pointer, size); });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t size) {
  return api_call("cudaMallocHost", [&] { return pin(pointer, size); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return api_call("cudaFreeHost", [&] {
    if (pointer == nullptr) return cudaSuccess;
    finish_all();
    if (!free_pinned(pointer)) {
      return refuse(cudaErrorInvalidValue, text("cudaFreeHost: no pinned memory begins at %p", pointer));
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t count, cudaMemcpyKind kind) {
  return api_call("cudaMemcpy", [&] { return copy("cudaMemcpy", to, from, count, kind, nullptr, false); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t count, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return api_call("cudaMemcpyAsync",
                  [&] { return copy("cudaMemcpyAsync", to, from, count, kind, stream, true); });
}

cudaError_t cudaMemset(void* pointer, int value, std::size_t count) {
  return api_call("cudaMemset", [&] { return set_bytes("cudaMemset", pointer, value, count, nullptr); });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t count, cudaStream_t stream) {
  return api_call("cudaMemsetAsync",
                  [&] { return set_bytes("cudaMemsetAsync", pointer, value, count, stream); });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return api_call("cudaMemGetInfo", [&] {
    if (free == nullptr || total == nullptr) return cudaErrorInvalidValue;
    const std::size_t used = memory_use(current_device()).live_bytes;
    *total = settings().memory;
    *free = used < *total ? *total - used : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return api_call("cudaPointerGetAttributes", [&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    auto* address = const_cast<void*>(pointer);
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
    int device = 0;
    if (const Allocation* found = find_live(pointer, 1)) {
      *attributes = {cudaMemoryTypeDevice, found->device, address, nullptr};
    } else if (is_pinned(pointer, 1, &device)) {
      *attributes = {cudaMemoryTypeHost, device, address, address};
    }
    return cudaSuccess;
  });
}

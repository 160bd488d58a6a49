// Memory of the CPU backend, and the operators that live in cpu/gemm.h and cpu/conv.h.
#include "cpu/backend.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/fail.h"
#include "core/poison.h"
#include "core/sanitized.h"
#include "cpu/allocator.h"
#include "cpu/conv.h"
#include "cpu/gemm.h"
#include "cpu/memory_count.h"
#include "cpu/parallel.h"
#include "cpu/simd_path.h"

namespace linnet {

namespace {

/// LINNET_CPU_CACHE=0 turns keeping off; AddressSanitizer needs it off.
bool wants_cache() {
  if (kAddressSanitizer) return false;
  const char* wanted = std::getenv("LINNET_CPU_CACHE");
  return wanted == nullptr || std::string_view(wanted) != "0";
}

// Never destroyed: arrays of the program's own statics may still be freed.
cpu::Allocator& allocator() {
  static cpu::Allocator* const instance = new cpu::Allocator(wants_cache());
  return *instance;
}

}  // namespace

void* CpuBackend::allocate(size_t bytes) {
  void* const memory = allocator().allocate(bytes);
  check(memory != nullptr, "allocate", "the cpu has no memory for {} bytes; smaller batches need less",
        bytes);
  if (poison()) std::memset(memory, 0xFF, bytes);
  cpu::count_taken(bytes);
  return memory;
}

void CpuBackend::deallocate(void* memory, size_t bytes) noexcept {
  allocator().deallocate(memory, bytes);
  cpu::count_given_back(bytes);
}

MemoryStats CpuBackend::memory_stats() const {
  return cpu::counted_memory();
}
void CpuBackend::trim_memory() {
  allocator().trim();
  cpu::begin_peak();
}

void CpuBackend::copy_from_host(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void CpuBackend::copy_to_host(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void CpuBackend::for_each_apart(int64_t count, const std::function<void(int64_t)>& body) {
  cpu::parallel_for(count, body);
}
int64_t CpuBackend::calls_at_once() const {
  return num_threads();
}

void CpuBackend::gemm(double alpha, const View& a, const View& b, double beta, const View& c,
                      const View& bias) {
  cpu::gemm(alpha, a, b, beta, c, bias);
}
int64_t CpuBackend::packed_gemm_bytes(const View& b) const {
  return cpu::packed_gemm_bytes(b);
}
void CpuBackend::pack_gemm(const View& b, const View& packed) {
  cpu::pack_gemm(b, packed);
}
void CpuBackend::gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu) {
  cpu::gemm_packed(a, packed, c, bias, relu);
}
void CpuBackend::conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                        const View& y) {
  cpu::conv2d(geometry, x, w, bias, y);
}
void CpuBackend::conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                             const View& y) {
  cpu::conv2d(geometry, x, w, bias, y, true);
}
int64_t CpuBackend::packed_conv2d_bytes(const Conv2dGeometry& geometry, const View& x, const View& y) const {
  return cpu::packed_conv2d_bytes(geometry, x, y);
}
void CpuBackend::pack_conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                             const View& packed) {
  cpu::pack_conv2d(geometry, x, w, y, packed);
}
void CpuBackend::conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed,
                               const View& bias, const View& y, bool relu) {
  cpu::conv2d_packed(geometry, x, packed, bias, y, relu);
}
void CpuBackend::conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                                   const View& gx) {
  cpu::conv2d_grad_input(geometry, gy, w, gx);
}
void CpuBackend::conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                                    const View& gw) {
  cpu::conv2d_grad_weight(geometry, x, gy, gw);
}

Backend& cpu_backend() {
  static Backend& backend = []() -> Backend& {
    cpu::limit_simd_path();
    return *new CpuBackend;
  }();
  return backend;
}

}  // namespace linnet

// Opening GPUs, their memory and copies, and the operators that live in cuda/gemm.h and cuda/conv.h.
#include "cuda/backend.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/fail.h"
#include "core/poison.h"
#include "cuda/conv.h"
#include "cuda/devices.h"
#include "cuda/gemm.h"
#include "cuda/probe.h"

namespace linnet {
namespace {

bool caching_is_wanted() {
#if defined(LINNET_CUDA_CHECK)
  const char* by_default = "0";  // the checks see the end of an array only where it is an allocation
#else
  const char* by_default = "1";
#endif
  const char* wanted = std::getenv("LINNET_CUDA_CACHE");
  return std::strcmp(wanted != nullptr ? wanted : by_default, "0") != 0;
}

/// Makes GPU `index` the thread's, with its compute stream.
cudaStream_t open_stream(int index) {
  const cuda::OperatorName name("device");
  cuda::check_cuda(cudaSetDevice(index), "cudaSetDevice");
  cuda::check_probe();
  cudaStream_t stream = nullptr;
  cuda::check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}

std::string bytes_text(size_t bytes) {
  return format_text("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

std::string version_text(int version) {
  return format_text("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

CudaBackend::CudaBackend(int index)
    : index_(index),
      name_(format_text("cuda:{}", index)),
      compute_(open_stream(index)),
      allocator_(caching_is_wanted()),
      transfer_(compute_),
      value_errors_(compute_) {
  cuda::check_cublas(cublasCreate(&cublas_), "cublasCreate");
  cuda::check_cublas(cublasSetStream(cublas_, compute_), "cublasSetStream");
}

CudaBackend::Call::Call(const CudaBackend& backend, const char* operator_name) : name_(operator_name) {
  cuda::check_cuda(cudaSetDevice(backend.index_), "cudaSetDevice");
}

std::vector<std::pair<std::string, std::string>> CudaBackend::facts() const {
  const Call call(*this, "doctor");
  cudaDeviceProp properties{};
  cuda::check_cuda(cudaGetDeviceProperties(&properties, index_), "cudaGetDeviceProperties");
  size_t free = 0, total = 0;
  cuda::check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  int driver = 0, runtime = 0;
  cuda::check_cuda(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  cuda::check_cuda(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  const MemoryStats memory = memory_stats();
  return {{"name", properties.name},
          {"compute capability", format_text("{}.{}", properties.major, properties.minor)},
          {"multiprocessors", format_text("{}", properties.multiProcessorCount)},
          {"memory", format_text("{} free of {}; linnet holds {}", bytes_text(free), bytes_text(total),
                                 bytes_text(memory.held))},
          {"driver", format_text("for CUDA {}", version_text(driver))},
          {"toolkit", format_text("CUDA {}", version_text(runtime))},
          {"built for", LINNET_CUDA_BUILT_FOR}};
}

void* CudaBackend::allocate(size_t bytes) {
  cuda::check_cuda(cudaSetDevice(index_), "cudaSetDevice");
  void* memory = allocator_.allocate(bytes);
  if (poison()) {
    const cudaError_t status = cudaMemsetAsync(memory, 0xFF, bytes, compute_);
    if (status != cudaSuccess) allocator_.deallocate(memory);
    cuda::check_cuda(status, "cudaMemsetAsync");
  }
  return memory;
}

void CudaBackend::deallocate(void* memory, size_t) noexcept {
  cudaSetDevice(index_);
  allocator_.deallocate(memory);
}

void CudaBackend::trim_memory() {
  const Call call(*this, "trim_memory");
  cuda::check_cuda(cudaStreamSynchronize(compute_), "cudaStreamSynchronize");
  allocator_.trim();
}

void CudaBackend::copy_from_host(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  const Call call(*this, "copy to the device");
  transfer_.to_device(to, from, bytes);
}

void CudaBackend::copy_to_host(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  const Call call(*this, "copy to the host");
  transfer_.to_host(to, from, bytes);
  value_errors_.check();
}

void CudaBackend::synchronize() {
  const Call call(*this, "synchronize");
  cuda::check_cuda(cudaStreamSynchronize(compute_), "cudaStreamSynchronize");
  value_errors_.check();
}

void CudaBackend::gemm(double alpha, const View& a, const View& b, double beta, const View& c,
                       const View& bias) {
  const Call call(*this, "matmul");
  cuda::gemm(*this, alpha, a, b, beta, c, bias);
}
void CudaBackend::conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                         const View& y) {
  const Call call(*this, "conv2d");
  cuda::conv2d(*this, geometry, x, w, bias, y);
}
void CudaBackend::conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                              const View& y) {
  const Call call(*this, "conv2d_relu");
  cuda::conv2d(*this, geometry, x, w, bias, y, true);
}
void CudaBackend::conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                                    const View& gx) {
  const Call call(*this, "conv2d_grad_input");
  cuda::conv2d_grad_input(*this, geometry, gy, w, gx);
}
void CudaBackend::conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                                     const View& gw) {
  const Call call(*this, "conv2d_grad_weight");
  cuda::conv2d_grad_weight(*this, geometry, x, gy, gw);
}

int cuda_device_count(std::string& problem) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  problem = cuda::failure(status == cudaSuccess ? cudaErrorNoDevice : status, "looking for NVIDIA GPUs");
  return 0;
}

Backend& cuda_backend(int index) {
  static std::mutex mutex;
  static auto& backends = *new std::vector<std::unique_ptr<CudaBackend>>;  // arrays may outlive main
  const std::lock_guard lock(mutex);
  std::string problem;
  const int count = cuda_device_count(problem);
  if (count == 0) throw Error("device", problem);
  check(index >= 0 && index < count, "device", "there is no device 'cuda:{}'; expected cuda:0 to cuda:{}",
        index, count - 1);
  backends.resize(static_cast<size_t>(count));
  std::unique_ptr<CudaBackend>& backend = backends[static_cast<size_t>(index)];
  if (backend == nullptr) backend = std::make_unique<CudaBackend>(index);
  return *backend;
}

}  // namespace linnet

// CUDA's status codes as errors. Every call of CUDA and cuBLAS goes through check_cuda() or check_cublas(),
// which throw Error "[operator] call: CUDA's text", the operator being the one that the thread is working on.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string>

namespace linnet::cuda {

/// Names the operator of the errors that this thread raises while the object lives.
class OperatorName {
 public:
  explicit OperatorName(const char* name);
  ~OperatorName();
  OperatorName(const OperatorName&) = delete;
  OperatorName& operator=(const OperatorName&) = delete;

  static const char* current();

 private:
  const char* before_;
};

/// Throws Error unless `status` is success. `call` names the function and what it was for.
void check_cuda(cudaError_t status, const char* call);
void check_cublas(cublasStatus_t status, const char* call);

/// "cudaMalloc failed; cudaErrorMemoryAllocation: out of memory", and what to do where that is known.
std::string failure(cudaError_t status, const char* call);

}  // namespace linnet::cuda

#include "cuda/status.h"

#include "core/fail.h"

namespace linnet::cuda {
namespace {

thread_local const char* current_operator = "cuda";

const char* hint(cudaError_t status) {
  switch (status) {
    case cudaErrorNoDevice:
      return "; is an NVIDIA GPU there and visible (CUDA_VISIBLE_DEVICES)?";
    case cudaErrorInsufficientDriver: {
      int driver = 0;  // CUDA has the same code for no driver at all
      if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) {
        return "; no NVIDIA driver is installed here";
      }
      return "; the driver is older than this library's CUDA toolkit: update the driver, or build linnet "
             "with an "
             "older toolkit";
    }
    case cudaErrorNoKernelImageForDevice:
      return "; linnet was not built for this GPU: configure with -DCMAKE_CUDA_ARCHITECTURES=native";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
      return "; the device gives no more results to this process; compute-sanitizer finds the kernel";
    default:
      return "";
  }
}

}  // namespace

OperatorName::OperatorName(const char* name) : before_(current_operator) {
  current_operator = name;
}
OperatorName::~OperatorName() {
  current_operator = before_;
}
const char* OperatorName::current() {
  return current_operator;
}

std::string failure(cudaError_t status, const char* call) {
  return format_text("{} failed; {}: {}{}", call, cudaGetErrorName(status), cudaGetErrorString(status),
                     hint(status));
}

void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that is not sticky is told once
  throw Error(current_operator, failure(status, call));
}

void check_cublas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(current_operator, "{} failed; {}: {}", call, cublasGetStatusName(status),
       cublasGetStatusString(status));
}

}  // namespace linnet::cuda

#include "cuda/value_errors.h"

#include "core/fail.h"
#include "cuda/status.h"

namespace linnet::cuda {

ValueErrors::ValueErrors(cudaStream_t compute) : compute_(compute) {
  check_cuda(cudaMalloc(reinterpret_cast<void**>(&word_), sizeof *word_), "cudaMalloc");
  check_cuda(cudaMallocHost(reinterpret_cast<void**>(&copy_), sizeof *copy_), "cudaMallocHost");
  check_cuda(cudaMemsetAsync(word_, 0, sizeof *word_, compute_), "cudaMemsetAsync");
}

void ValueErrors::check() {
  check_cuda(cudaMemcpyAsync(copy_, word_, sizeof *copy_, cudaMemcpyDeviceToHost, compute_),
             "cudaMemcpyAsync to the host");
  check_cuda(cudaStreamSynchronize(compute_), "cudaStreamSynchronize");
  const ValueError found = *copy_;
  if (found.raised == 0) return;
  check_cuda(cudaMemsetAsync(word_, 0, sizeof *word_, compute_), "cudaMemsetAsync");
  fail(found.kind == ValueErrorKind::Gather ? "gather" : "scatter_add",
       "index {} at element {} of the indices is outside the array; expected 0 <= index < {}; the GPU found "
       "it "
       "in work issued before this call",
       found.value, found.position, found.limit);
}

}  // namespace linnet::cuda

// The CUDA backend: one object a GPU, for the life of the process; thread-safe. Each operator's function is
// defined in the file of its family, named as in cpu/; cuda/gemm.h and cuda/conv.h have the matrix product
// and the convolutions, to which backend.cpp forwards.
//
// Work is issued to one compute stream, in order, and nothing waits for it but a copy to the host and
// synchronize(). Results have the same bits every time: sums are combined in an order that depends on shapes
// only, and no floating number is added atomically. float32 is computed in float32 (sums of many in double).
#pragma once

#include <mutex>

#include "core/backend.h"
#include "cuda/allocator.h"
#include "cuda/status.h"
#include "cuda/transfer.h"
#include "cuda/value_errors.h"

namespace linnet {

class CudaBackend final : public Backend {
 public:
  /// Opens GPU number `index`. Throws Error where that cannot be.
  explicit CudaBackend(int index);

  std::string name() const override { return name_; }
  bool runs_ahead() const override { return true; }
  std::vector<std::pair<std::string, std::string>> facts() const override;

  void* allocate(size_t bytes) override;
  void deallocate(void* memory, size_t bytes) noexcept override;
  MemoryStats memory_stats() const override { return allocator_.stats(); }
  void trim_memory() override;
  void copy_from_host(void* to, const void* from, size_t bytes) override;
  void copy_to_host(void* to, const void* from, size_t bytes) override;
  void synchronize() override;

  void copy(const View& from, const View& to) override;
  void fill(Scalar value, const View& to) override;
  void gather(const View& x, int dim, const View& index, const View& out) override;
  void scatter_add(const View& source, int dim, const View& index, const View& out) override;

  void unary(UnaryOp op, const View& x, const View& out) override;
  void binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) override;
  void where(const View& condition, const Operand& a, const Operand& b, const View& out) override;
  void reduce(ReduceKind kind, const View& x, const View& out) override;
  void arg_reduce(ArgKind kind, const View& x, int dim, const View& out) override;
  void random(const RandomSpec& spec, const View& counter, const View& out) override;

  void gemm(double alpha, const View& a, const View& b, double beta, const View& c,
            const View& bias) override;
  void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
              const View& y) override;
  void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                         const View& gx) override;
  void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                          const View& gw) override;
  void max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y, const View& indices) override;
  void max_pool2d_grad(const Pool2dGeometry& geometry, const View& gy, const View& indices,
                       const View& gx) override;
  void window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) override;
  void window_mean_grad(const Pool2dGeometry& geometry, const View& gy, const View& gx) override;
  void flip(const View& x, uint32_t dims, const View& out) override;

  void dilate(const View& x, const Dilation& dilation, const View& out) override;
  void conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                   const View& y) override;
  void softmax(SoftmaxKind kind, const View& x, int dim, const View& y) override;
  void softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) override;
  void log_normalizer(const View& x, int dim, const LogNormalizer& to) override;
  void cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels, const View& gy, int dim,
                          const View& gx) override;
  void batch_moments(const View& x, const View& mean, const View& variance) override;
  void batch_norm(const BatchNormSpec& spec, const View& x, const View& y) override;
  void batch_norm_grad(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                       const BatchNormGrads& grads) override;
  void sgd(const SgdSpec& spec, std::span<const SgdSlot> slots) override;
  void adam(const AdamSpec& spec, std::span<const AdamSlot> slots) override;

  // ---- for the files of this folder
  /// The compute stream.
  cudaStream_t stream() const { return compute_; }
  /// Calls f(handle) with the cuBLAS handle, one thread at a time.
  template <class F>
  void with_cublas(F&& f) {
    const std::lock_guard lock(cublas_mutex_);
    f(cublas_);
  }

  /// What a function of the backend opens with: makes this GPU the thread's and names the operator in errors.
  class Call {
   public:
    Call(const CudaBackend& backend, const char* operator_name);

   private:
    cuda::OperatorName name_;
  };

 private:
  int index_;
  std::string name_;
  cudaStream_t compute_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
  std::mutex cublas_mutex_;
  cuda::Allocator allocator_;
  cuda::Transfer transfer_;
  cuda::ValueErrors value_errors_;
};

}  // namespace linnet

// The CPU backend. One object for the process; thread-safe. Each operator's function is defined in the file
// of its family (cpu/copy.cpp, cpu/elementwise.cpp, cpu/reduce.cpp, ...); the matrix product and the
// convolutions are in cpu/gemm.h and cpu/conv.h, to which backend.cpp forwards.
//
// Large work is split over threads (cpu/parallel.h) in chunks that depend on shapes only, so results have
// the same bits for any number of threads.
#pragma once

#include "core/backend.h"

namespace linnet {

class CpuBackend final : public Backend {
 public:
  std::string name() const override { return "cpu"; }
  std::vector<std::pair<std::string, std::string>> facts() const override;

  void* allocate(size_t bytes) override;
  void deallocate(void* memory, size_t bytes) noexcept override;
  void copy_from_host(void* to, const void* from, size_t bytes) override;
  void copy_to_host(void* to, const void* from, size_t bytes) override;
  MemoryStats memory_stats() const override;
  void trim_memory() override;

  void for_each_apart(int64_t count, const std::function<void(int64_t)>& body) override;
  int64_t calls_at_once() const override;

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
  int64_t packed_gemm_bytes(const View& b) const override;
  void pack_gemm(const View& b, const View& packed) override;
  void gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu) override;
  void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
              const View& y) override;
  int64_t packed_conv2d_bytes(const Conv2dGeometry& geometry, const View& x, const View& y) const override;
  void pack_conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& y,
                   const View& packed) override;
  void conv2d_packed(const Conv2dGeometry& geometry, const View& x, const View& packed, const View& bias,
                     const View& y, bool relu) override;
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

  void conv2d_relu(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
                   const View& y) override;
  void relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums) override;
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
};

/// The only CpuBackend. Never destroyed, so arrays may outlive main.
Backend& cpu_backend();

}  // namespace linnet

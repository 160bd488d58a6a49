// A second device for tests: the CPU under another name, with the fused operators composed of primitives, so
// that it rounds otherwise. Override a function to make it wrong.
#pragma once

#include <string>

#include "cpu/backend.h"

namespace linnet::test {

class ForwardingBackend : public Backend {
 public:
  std::string name() const override { return "other"; }

  void* allocate(size_t bytes) override { return cpu_backend().allocate(bytes); }
  void deallocate(void* memory, size_t bytes) noexcept override { cpu_backend().deallocate(memory, bytes); }
  void copy_from_host(void* to, const void* from, size_t bytes) override {
    cpu_backend().copy_from_host(to, from, bytes);
  }
  void copy_to_host(void* to, const void* from, size_t bytes) override {
    cpu_backend().copy_to_host(to, from, bytes);
  }

  void copy(const View& from, const View& to) override { cpu_backend().copy(from, to); }
  void fill(Scalar value, const View& to) override { cpu_backend().fill(value, to); }
  void gather(const View& x, int dim, const View& index, const View& out) override {
    cpu_backend().gather(x, dim, index, out);
  }
  void scatter_add(const View& source, int dim, const View& index, const View& out) override {
    cpu_backend().scatter_add(source, dim, index, out);
  }

  void unary(UnaryOp op, const View& x, const View& out) override { cpu_backend().unary(op, x, out); }
  void binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) override {
    cpu_backend().binary(kind, a, b, out);
  }
  void where(const View& condition, const Operand& a, const Operand& b, const View& out) override {
    cpu_backend().where(condition, a, b, out);
  }
  void reduce(ReduceKind kind, const View& x, const View& out) override {
    cpu_backend().reduce(kind, x, out);
  }
  void arg_reduce(ArgKind kind, const View& x, int dim, const View& out) override {
    cpu_backend().arg_reduce(kind, x, dim, out);
  }
  void random(const RandomSpec& spec, const View& counter, const View& out) override {
    cpu_backend().random(spec, counter, out);
  }

  void gemm(double alpha, const View& a, const View& b, double beta, const View& c,
            const View& bias) override {
    cpu_backend().gemm(alpha, a, b, beta, c, bias);
  }
  void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
              const View& y) override {
    cpu_backend().conv2d(geometry, x, w, bias, y);
  }
  void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                         const View& gx) override {
    cpu_backend().conv2d_grad_input(geometry, gy, w, gx);
  }
  void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                          const View& gw) override {
    cpu_backend().conv2d_grad_weight(geometry, x, gy, gw);
  }
  void max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y,
                  const View& indices) override {
    cpu_backend().max_pool2d(geometry, x, y, indices);
  }
  void max_pool2d_grad(const Pool2dGeometry& geometry, const View& gy, const View& indices,
                       const View& gx) override {
    cpu_backend().max_pool2d_grad(geometry, gy, indices, gx);
  }
  void window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) override {
    cpu_backend().window_mean(geometry, x, y);
  }
  void window_mean_grad(const Pool2dGeometry& geometry, const View& gy, const View& gx) override {
    cpu_backend().window_mean_grad(geometry, gy, gx);
  }
  void flip(const View& x, uint32_t dims, const View& out) override { cpu_backend().flip(x, dims, out); }
};

/// Adds `amount` to the first element of a floating view in memory.
inline void nudge(const View& view, double amount) {
  if (view.shape.product() == 0) return;
  if (view.dtype == DType::Float32) *static_cast<float*>(view.data) += static_cast<float>(amount);
  if (view.dtype == DType::Float64) *static_cast<double*>(view.data) += amount;
}

}  // namespace linnet::test

// The meta backend: every operator is empty; the two families that cost multiply-adds count them.
#include "core/meta_backend.h"

#include <atomic>

#include "core/fail.h"

namespace linnet {
namespace {

thread_local int64_t multiply_adds = 0;

class MetaBackend final : public Backend {
 public:
  std::string name() const override { return "meta"; }
  bool has_values() const override { return false; }

  /// Addresses that no other array has, so that views of one array can be told from views of another.
  void* allocate(size_t bytes) override {
    const uintptr_t size = (bytes + 63) / 64 * 64;
    return reinterpret_cast<void*>(next_.fetch_add(size, std::memory_order_relaxed));
  }
  void deallocate(void*, size_t) noexcept override {}
  void copy_from_host(void*, const void*, size_t bytes) override { refuse("written", bytes); }
  void copy_to_host(void*, const void*, size_t bytes) override { refuse("read", bytes); }

  void copy(const View&, const View&) override {}
  void fill(Scalar, const View&) override {}
  void gather(const View&, int, const View&, const View&) override {}
  void scatter_add(const View&, int, const View&, const View&) override {}
  void unary(UnaryOp, const View&, const View&) override {}
  void binary(BinaryKind, const Operand&, const Operand&, const View&) override {}
  void where(const View&, const Operand&, const Operand&, const View&) override {}
  void reduce(ReduceKind, const View&, const View&) override {}
  void arg_reduce(ArgKind, const View&, int, const View&) override {}
  void random(const RandomSpec&, const View&, const View&) override {}

  void gemm(double, const View& a, const View&, double, const View& c, const View&) override {
    multiply_adds += c.numel() * a.shape.back();
  }
  void gemm_packed(const View& a, const View&, const View& c, const View&, bool) override {
    multiply_adds += c.numel() * a.shape.back();
  }
  void conv2d(const Conv2dGeometry& geometry, const View&, const View&, const View&, const View&) override {
    multiply_adds += geometry.multiply_adds();
  }
  void conv2d_packed(const Conv2dGeometry& geometry, const View&, const View&, const View&, const View&,
                     bool) override {
    multiply_adds += geometry.multiply_adds();
  }
  void conv2d_grad_input(const Conv2dGeometry& geometry, const View&, const View&, const View&) override {
    multiply_adds += geometry.multiply_adds();
  }
  void conv2d_grad_weight(const Conv2dGeometry& geometry, const View&, const View&, const View&) override {
    multiply_adds += geometry.multiply_adds();
  }

  void max_pool2d(const Pool2dGeometry&, const View&, const View&, const View&) override {}
  void max_pool2d_grad(const Pool2dGeometry&, const View&, const View&, const View&) override {}
  void window_mean(const Pool2dGeometry&, const View&, const View&) override {}
  void window_mean_grad(const Pool2dGeometry&, const View&, const View&) override {}
  void flip(const View&, uint32_t, const View&) override {}
  void dilate(const View&, const Dilation&, const View&) override {}

  void relu_grad_sums(const View&, const View&, const View&, const View&) override {}
  void softmax(SoftmaxKind, const View&, int, const View&) override {}
  void softmax_grad(SoftmaxKind, const View&, const View&, int, const View&) override {}
  void log_normalizer(const View&, int, const LogNormalizer&) override {}
  void cross_entropy_grad(const View&, const LogNormalizer&, const View&, const View&, int,
                          const View&) override {}
  void batch_moments(const View&, const View&, const View&) override {}
  void batch_norm(const BatchNormSpec&, const View&, const View&) override {}
  void batch_norm_grad(const BatchNormSpec&, bool, const View&, const View&, const BatchNormGrads&) override {
  }
  void sgd(const SgdSpec&, std::span<const SgdSlot>) override {}
  void adam(const AdamSpec&, std::span<const AdamSlot>) override {}

 private:
  [[noreturn]] static void refuse(const char* what, size_t bytes) {
    fail("meta", "arrays have no values; {} bytes cannot be {}; make the array on a device that computes",
         bytes, what);
  }

  std::atomic<uintptr_t> next_{uintptr_t{1} << 20};
};

}  // namespace

Backend& meta_backend() {
  static Backend& backend = *new MetaBackend;
  return backend;
}

int64_t meta_multiply_adds() {
  return multiply_adds;
}

}  // namespace linnet

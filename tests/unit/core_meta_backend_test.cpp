// The meta backend: shapes without elements, and the count of multiply-adds.
#include "core/meta_backend.h"

#include <linnet/core/ops.h>
#include <linnet/core/random.h>

#include "core/shapes_only.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Device meta() {
  return Device(meta_backend());
}

TEST(MetaBackend, AllocatesNothing) {
  EXPECT_EQ(meta().name(), "meta");
  EXPECT_FALSE(meta_backend().has_values());
  void* a = meta_backend().allocate(size_t{1} << 55);  // more than any machine has
  void* b = meta_backend().allocate(100);
  EXPECT_NE(a, nullptr);
  EXPECT_GE(reinterpret_cast<uintptr_t>(b), reinterpret_cast<uintptr_t>(a) + (uintptr_t{1} << 55));
  meta_backend().deallocate(a, size_t{1} << 55);
  meta_backend().deallocate(b, 100);
}

TEST(MetaBackend, RefusesValues) {
  float x = 0;
  EXPECT_ERROR(meta_backend().copy_from_host(nullptr, &x, 4),
               "[meta] arrays have no values; 4 bytes cannot be written");
  EXPECT_ERROR(meta_backend().copy_to_host(&x, nullptr, 4),
               "[meta] arrays have no values; 4 bytes cannot be read");
}

TEST(MetaBackend, OperatorsInferShapes) {
  const NDArray a = NDArray::zeros({4, 3}, DType::Float32, meta());
  const NDArray b = NDArray::ones({3, 5}, DType::Float32, meta());
  EXPECT_EQ(softmax(relu(matmul(a, b)) + 1, 1).shape(), (Shape{4, 5}));
  EXPECT_EQ(sum(where(a < 0, a, 0), {0}).shape(), (Shape{3}));
  EXPECT_EQ(argmax(a, 1).shape(), (Shape{4}));
  EXPECT_EQ(gather(a, 1, argmax(a, 1, true)).shape(), (Shape{4, 1}));
  EXPECT_EQ(scatter_add({4, 7}, 1, argmax(a, 1, true), a.slice(1, 0, 1)).shape(), (Shape{4, 7}));
  EXPECT_EQ(a.transpose(0, 1).clone().shape(), (Shape{3, 4}));
  EXPECT_EQ(random_normal({6, 7}, DType::Float64, meta()).shape(), (Shape{6, 7}));
}

TEST(MetaBackend, CountsMultiplyAdds) {
  const int64_t before = meta_multiply_adds();
  matmul(NDArray::zeros({2, 4, 3}, DType::Float32, meta()), NDArray::zeros({3, 5}, DType::Float32, meta()));
  EXPECT_EQ(meta_multiply_adds() - before, 2 * 4 * 3 * 5);
  const NDArray x = NDArray::zeros({2, 3, 8, 8}, DType::Float32, meta());
  const NDArray w = NDArray::zeros({4, 3, 3, 3}, DType::Float32, meta());
  const int64_t convolution = 2 * 4 * 8 * 8 * 3 * 3 * 3;
  conv2d(x, w, {.padding = 1});
  EXPECT_EQ(meta_multiply_adds() - before, 120 + convolution);
  const auto geometry = Conv2dGeometry::make(x.shape(), w.shape(), {.padding = 1});
  const NDArray gy = NDArray::zeros({2, 4, 8, 8}, DType::Float32, meta());
  EXPECT_EQ(conv2d_grad_input(gy, w, geometry).shape(), x.shape());
  EXPECT_EQ(conv2d_grad_weight(x, gy, geometry).shape(), w.shape());
  EXPECT_EQ(meta_multiply_adds() - before, 120 + 3 * convolution);
  EXPECT_EQ(conv2d_relu(x, w, {.padding = 1}).shape(), gy.shape());
  EXPECT_EQ(meta_multiply_adds() - before, 120 + 4 * convolution);
}

TEST(MetaBackend, ShapesOnlyLeavesTheGeneratorAlone) {
  const uint64_t before = default_generator().position();
  {
    const ShapesOnly shapes_only;
    EXPECT_EQ(random_uniform({5}).device().name(), "meta");
  }
  EXPECT_EQ(default_generator().position(), before);
}

TEST(MetaBackend, OptimisersRun) {
  const View scalar = {meta_backend().allocate(8), DType::Float64, {}, {}};
  meta_backend().sgd({0.9, 0, 0, false, scalar, scalar}, {});
  meta_backend().adam({0.9, 0.99, 1e-8, 0, false, scalar, scalar}, {});
}

}  // namespace
}  // namespace linnet

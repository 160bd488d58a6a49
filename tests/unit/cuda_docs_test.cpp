// The numbers of docs/cuda.md, computed on the device.
#include <linnet/core/ops.h>

#include <vector>

#include "core/backend_scratch.h"
#include "cuda/backend.h"
#include "cuda/im2col.h"
#include "tests/unit/cuda_device.h"

namespace linnet {
namespace {

using Values = std::vector<float>;

class DocsCudaNumbers : public test::CudaTest {
 protected:
  NDArray array(std::initializer_list<float> values, const Shape& shape) const {
    return NDArray::from_data(values, shape, cuda_);
  }
  /// What a function of the backend writes into an array of that shape.
  template <class F>
  Values computed(const Shape& shape, F&& f) const {
    auto& backend = static_cast<CudaBackend&>(cuda_.backend());
    BackendScratch scratch(backend);
    const View out = scratch.make(shape, DType::Float32);
    f(backend, scratch, out);
    Values values(static_cast<size_t>(out.numel()));
    backend.copy_to_host(values.data(), out.data, values.size() * sizeof(float));
    return values;
  }
  static View put(CudaBackend& backend, BackendScratch& scratch, const Values& values, const Shape& shape) {
    const View view = scratch.make(shape, DType::Float32);
    backend.copy_from_host(view.data, values.data(), values.size() * sizeof(float));
    return view;
  }

  const Values x_{1, 2, 0, 0, 1, 3, 2, 1, 0}, f_{1, -1, 2, 0}, gy_{0, 0.5, -1, 0};
};

TEST_F(DocsCudaNumbers, Columns) {
  const Conv2dGeometry g = Conv2dGeometry::make({1, 1, 3, 3}, {1, 1, 2, 2}, {});
  const auto columns = [&](cuda::ColumnOrder order) {
    return computed({4, 4}, [&](CudaBackend& backend, BackendScratch& scratch, const View& out) {
      const cuda::Chunk chunk{0, 1, 0, 2};
      cuda::im2col(backend, g, chunk, order, put(backend, scratch, x_, {1, 1, 3, 3}),
                   cuda::chunk_images(out.data, DType::Float32, g, chunk, 4, order));
    });
  };
  EXPECT_EQ(columns(cuda::ColumnOrder::ChannelsFirst),
            (Values{1, 2, 0, 1, 2, 0, 1, 3, 0, 1, 2, 1, 1, 3, 1, 0}));
  EXPECT_EQ(columns(cuda::ColumnOrder::ChannelsLast),
            (Values{1, 2, 0, 1, 2, 0, 1, 3, 0, 1, 2, 1, 1, 3, 1, 0}));  // as many outputs as filter elements
}

TEST_F(DocsCudaNumbers, Convolution) {
  const NDArray x = array({1, 2, 0, 0, 1, 3, 2, 1, 0}, {1, 1, 3, 3}), f = array({1, -1, 2, 0}, {1, 1, 2, 2});
  EXPECT_EQ(conv2d(x, f, array({-1}, {1})).to_vector<float>(), (Values{-2, 3, 2, -1}));
  const NDArray gy = array({0, 0.5, -1, 0}, {1, 1, 2, 2});
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::DilateFlip}) {
    const Conv2dGeometry g = Conv2dGeometry::make(x.shape(), f.shape(), {.algorithm = algorithm});
    EXPECT_EQ(conv2d_grad_input(gy, f, g).to_vector<float>(), (Values{0, 0.5, -0.5, -1, 2, 0, -2, 0, 0}));
    EXPECT_EQ(conv2d_grad_weight(x, gy, g).to_vector<float>(), (Values{1, -1, -1.5, 0.5}));
    const Conv2dGeometry tiles =
        Conv2dGeometry::make({1, 1, 4, 4}, f.shape(), {.stride = 2, .algorithm = algorithm});
    EXPECT_EQ(conv2d_grad_input(array({1, 2, 3, 4}, {1, 1, 2, 2}), f, tiles).to_vector<float>(),
              (Values{1, -1, 2, -2, 2, 0, 4, 0, 3, -3, 4, -4, 6, 0, 8, 0}));
  }
}

TEST_F(DocsCudaNumbers, DilateAndFlip) {
  const auto dilated = [&](const Values& values, const Dilation& dilation, const Shape& shape) {
    return computed(shape, [&](CudaBackend& backend, BackendScratch& scratch, const View& out) {
      backend.dilate(put(backend, scratch, values, {1, 1, 2, 2}), dilation, out);
    });
  };
  EXPECT_EQ(dilated(gy_, {1, 1, 1, 1}, {1, 1, 4, 4}),
            (Values{0, 0, 0, 0, 0, 0, 0.5, 0, 0, -1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(dilated({1, 2, 3, 4}, {2, 2, 1, 1}, {1, 1, 5, 5}),
            (Values{0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(computed({2, 2},
                     [&](CudaBackend& backend, BackendScratch& scratch, const View& out) {
                       backend.flip(put(backend, scratch, f_, {2, 2}), 3, out);
                     }),
            (Values{0, 2, -1, 1}));
}

TEST_F(DocsCudaNumbers, MatricesReadByColumns) {
  const NDArray a = array({1, 2, 3, 4, 5, 6}, {2, 3}), b = array({1, 0, 0, 1, 1, 1}, {3, 2});
  EXPECT_EQ(matmul(a, b).to_vector<float>(), (Values{4, 5, 10, 11}));
  const NDArray a_by_columns = a.as_strided({2, 3}, {1, 2}), b_by_columns = b.as_strided({3, 2}, {1, 3});
  EXPECT_EQ(a_by_columns.to_vector<float>(), (Values{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(b_by_columns.to_vector<float>(), (Values{1, 1, 0, 1, 0, 1}));
  const NDArray wrong = matmul(a_by_columns, b_by_columns);
  EXPECT_EQ(wrong.to_vector<float>(), (Values{1, 9, 2, 12}));
  EXPECT_EQ(wrong.permute({1, 0}).to_vector<float>(), (Values{1, 2, 9, 12}));
}

}  // namespace
}  // namespace linnet

// The convolutions of the CUDA backend against the CPU's direct loops, over geometries that are hard in one
// way or another, in every order of memory and cut into chunks of every kind.
#include <cctype>

#include "tests/unit/cuda_conv_arrays.h"

namespace linnet::test {
namespace {

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"plain", {2, 3, 6, 5}, {4, 3, 3, 2}, {}},
      {"one element", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
      {"1x1", {2, 5, 4, 3}, {6, 5, 1, 1}, {}},
      {"1x1 in groups", {3, 6, 4, 3}, {4, 3, 1, 1}, {.groups = 2}},
      {"1x1 with stride", {2, 5, 5, 4}, {3, 5, 1, 1}, {.stride = {2, 3}}},
      {"1x1 with padding", {1, 2, 3, 4}, {3, 2, 1, 1}, {.padding = {1, 2}}},
      {"1x1 with stride, no fewer rows",
       {2, 3, 3, 4},
       {2, 3, 1, 1},
       {.stride = {2, 1}, .padding = {0, 2, 0, 0}}},
      {"1x1 with stride, no fewer columns",
       {2, 3, 4, 3},
       {2, 3, 1, 1},
       {.stride = {1, 2}, .padding = {0, 0, 0, 2}}},
      {"1x1 to one filter", {3, 4, 3, 5}, {1, 4, 1, 1}, {}},
      {"same", {2, 3, 7, 8}, {4, 3, 3, 3}, {.padding = 1}},
      {"stride with leftovers", {2, 3, 10, 9}, {4, 3, 3, 3}, {.stride = {3, 2}}},
      {"stride beyond the kernel", {2, 2, 11, 13}, {3, 2, 2, 3}, {.stride = {5, 4}}},
      {"tiles", {2, 3, 8, 6}, {4, 3, 2, 2}, {.stride = 2}},
      {"tiles with leftovers", {2, 3, 11, 8}, {4, 3, 3, 3}, {.stride = 3}},
      {"tiles with padding", {2, 8, 14, 13}, {5, 8, 2, 2}, {.stride = 2, .padding = 1}},
      {"tiles in groups", {2, 4, 7, 6}, {6, 2, 2, 3}, {.stride = {2, 3}, .groups = 2}},
      {"padding beyond the kernel", {1, 2, 3, 4}, {3, 2, 2, 2}, {.padding = {3, 4}}},
      {"asymmetric padding", {2, 2, 5, 6}, {3, 2, 3, 3}, {.stride = 2, .padding = {0, 3, 2, 1}}},
      {"kernel beyond the image", {2, 2, 2, 3}, {3, 2, 4, 5}, {.padding = 2}},
      {"kernel is the image", {3, 4, 5, 3}, {6, 4, 5, 3}, {}},
      {"dilation", {2, 2, 9, 10}, {3, 2, 3, 2}, {.dilation = {2, 3}}},
      {"dilation and stride",
       {2, 3, 12, 11},
       {2, 3, 3, 3},
       {.stride = {2, 3}, .padding = {2, 1}, .dilation = {3, 2}}},
      {"groups", {2, 6, 6, 5}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}},
      {"large groups", {2, 18, 5, 4}, {14, 9, 3, 3}, {.padding = 1, .groups = 2}},
      {"depthwise", {2, 5, 6, 7}, {5, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 5}},
      {"depthwise, two filters a channel", {1, 4, 5, 5}, {8, 1, 2, 2}, {.groups = 4}},
      {"many channels, narrow image", {3, 40, 4, 3}, {33, 40, 3, 3}, {.padding = 1}},
      {"column", {2, 3, 9, 1}, {2, 3, 3, 1}, {.padding = {1, 0}}},
      {"row", {2, 3, 1, 9}, {2, 3, 1, 3}, {.padding = {0, 1}}},
      {"many images", {35, 2, 5, 4}, {3, 2, 2, 3}, {}},
      {"many images, one channel", {33, 1, 6, 6}, {8, 1, 2, 2}, {.stride = 2}},
  };
  return all;
}

template <class T>
void check_algorithms(const Case& c) {
  const Results<T> expected = on_cpu<T>(geometry(c, ConvAlgorithm::Direct));
  for (const ConvAlgorithm algorithm : kAlgorithms) {
    const Conv2dGeometry g = geometry(c, algorithm);
    for (size_t i = 0; i < kPlacements.size(); ++i) {
      const size_t j = (i + (algorithm == ConvAlgorithm::Im2col ? 1 : 0)) % kPlacements.size();
      SCOPED_TRACE(testing::Message() << name(algorithm) << ", " << name(dtype_of<T>) << ", images placed as "
                                      << i << ", filters as " << j);
      expect_results_near(g, on_cuda<T>(g, kPlacements[i], kPlacements[j]), expected);
    }
  }
}

/// Chunks of a few images, of a few rows and of one row.
template <class T>
void check_chunks(const Case& c) {
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Im2col);
  const Results<T> expected = on_cpu<T>(g);
  const int64_t row = (g.C * g.R * g.S + g.K) * g.Q * static_cast<int64_t>(sizeof(T));
  for (const int64_t bytes : {2 * g.P * row, (g.P / 2 + 1) * row, int64_t{1}}) {
    const ColumnBytes bound(bytes);
    for (const size_t i : {0U, 1U, 3U, 5U}) {
      SCOPED_TRACE(testing::Message()
                   << name(dtype_of<T>) << ", " << bytes << " bytes of columns, placed as " << i);
      expect_results_near(g, on_cuda<T>(g, kPlacements[i], kPlacements[i]), expected);
    }
  }
}

class CudaConv : public CudaTest, public testing::WithParamInterface<size_t> {
 protected:
  const Case& param() const { return cases()[GetParam()]; }
};

TEST_P(CudaConv, EveryAlgorithmInFloat) {
  check_algorithms<float>(param());
}
TEST_P(CudaConv, EveryAlgorithmInDouble) {
  check_algorithms<double>(param());
}
TEST_P(CudaConv, ColumnsInChunks) {
  check_chunks<float>(param());
  check_chunks<double>(param());
}

TEST_P(CudaConv, ReluInOnePassHasTheSameBits) {
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Auto, ConvAlgorithm::Direct, ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    const Conv2dGeometry g = geometry(param(), algorithm);
    for (size_t i = 0; i < kPlacements.size(); ++i) {
      SCOPED_TRACE(testing::Message() << name(algorithm) << ", placed as " << i);
      expect_relu_same<float>(g, kPlacements[i], kPlacements[0]);
    }
    expect_relu_same<double>(g, kPlacements[1], kPlacements[5]);
  }
}

TEST_P(CudaConv, SameBitsEveryTime) {
  for (const ConvAlgorithm algorithm : kAlgorithms) {
    const Conv2dGeometry g = geometry(param(), algorithm);
    expect_same(on_cuda<float>(g), on_cuda<float>(g));
  }
}

// The textbook's weight gradient convolves exchanged views of arrays that it makes itself; the other
// algorithms use the caller's as they lie.
TEST_P(CudaConv, DenseArraysAreNotCopied) {
  const int64_t before = cuda::conv_copies();
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Auto, ConvAlgorithm::Direct, ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    const Conv2dGeometry g = geometry(param(), algorithm);
    on_cuda<float>(g, kPlacements[0], kPlacements[0]);
    on_cuda<float>(g, kPlacements[1], kPlacements[0]);
    on_cuda<float>(g, kPlacements[1], kPlacements[1]);
  }
  EXPECT_EQ(cuda::conv_copies(), before);
}

INSTANTIATE_TEST_SUITE_P(Geometries, CudaConv, testing::Range<size_t>(0, cases().size()),
                         [](const testing::TestParamInfo<size_t>& item) {
                           std::string text = cases()[item.param].name;
                           for (char& letter : text)
                             letter = std::isalnum(static_cast<unsigned char>(letter)) ? letter : '_';
                           return text;
                         });

}  // namespace
}  // namespace linnet::test

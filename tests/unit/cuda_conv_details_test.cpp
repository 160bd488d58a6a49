// What a table of geometries does not show of the CUDA backend's convolutions: copies, memory, the columns
// themselves, empty and broadcast arrays.
#include "cuda/im2col.h"
#include "tests/unit/cuda_conv_arrays.h"

namespace linnet::test {
namespace {

using CudaConvDetails = CudaTest;

TEST_F(CudaConvDetails, OtherStridesAreCopiedAndCounted) {
  const Case c{"", {2, 3, 6, 5}, {4, 3, 3, 2}, {}};
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Im2col);
  const auto copies = [&](size_t image, size_t filter) {
    const int64_t before = cuda::conv_copies();
    on_cuda<float>(g, kPlacements[image], kPlacements[filter]);
    return cuda::conv_copies() - before;
  };
  EXPECT_EQ(copies(0, 0), 0);
  EXPECT_EQ(copies(2, 0), 3);  // y, gy and gy again: rows with gaps
  EXPECT_EQ(copies(3, 0), 3);
  EXPECT_EQ(copies(0, 2), 3);  // w, w again and gw
  EXPECT_EQ(copies(5, 5), 6);
}

TEST_F(CudaConvDetails, AutoIsDirectForSmallGroupsAndIm2colElse) {
  const Case depthwise{"", {2, 5, 6, 7}, {5, 1, 3, 3}, {.groups = 5}};
  expect_same(on_cuda<float>(geometry(depthwise, ConvAlgorithm::Auto)),
              on_cuda<float>(geometry(depthwise, ConvAlgorithm::Direct)));
  const Case plain{"", {2, 8, 6, 7}, {5, 8, 3, 3}, {}};
  expect_same(on_cuda<float>(geometry(plain, ConvAlgorithm::Auto)),
              on_cuda<float>(geometry(plain, ConvAlgorithm::Im2col)));
}

TEST_F(CudaConvDetails, WinogradIsAuto) {
  const Case large{"", {1, 16, 6, 7}, {17, 16, 3, 3}, {.padding = 1}};
  const Case depthwise{"", {2, 5, 6, 7}, {5, 1, 3, 3}, {.groups = 5}};
  for (const Case& c : {large, depthwise}) {
    expect_same(on_cuda<float>(geometry(c, ConvAlgorithm::Winograd)),
                on_cuda<float>(geometry(c, ConvAlgorithm::Auto)));
  }
}

// Results of several tiles either way and in groups, and weight gradients of several parts, whole and not.
TEST_F(CudaConvDetails, ImplicitTilesAndParts) {
  const std::vector<Case> cases = {
      {"tiles", {2, 9, 9, 10}, {70, 9, 3, 3}, {.padding = 1}},
      {"tiles in groups", {3, 6, 7, 8}, {140, 3, 5, 5}, {.stride = {1, 2}, .padding = 2, .groups = 2}},
      {"parts", {9, 2, 17, 16}, {3, 2, 3, 3}, {.padding = 1}},
      {"parts in groups", {9, 4, 33, 15}, {6, 2, 3, 2}, {.stride = {2, 1}, .padding = 1, .groups = 2}},
  };
  for (const Case& c : cases) {
    const Conv2dGeometry g = geometry(c, ConvAlgorithm::Implicit);
    const Results<float> expected = on_cpu<float>(g);
    for (const size_t i : {0U, 1U, 5U}) {
      SCOPED_TRACE(testing::Message() << c.name << ", placed as " << i);
      const Results<float> results = on_cuda<float>(g, kPlacements[i], kPlacements[i]);
      expect_results_near(g, results, expected);
      expect_same(on_cuda<float>(g, kPlacements[i], kPlacements[i]), results);
      expect_relu_same<float>(g, kPlacements[i], kPlacements[i]);
    }
    expect_results_near(g, on_cuda<double>(g), on_cpu<double>(g));
  }
}

// One filter whose windows tile: every element of gx is one product, or none, whichever way it gets there.
TEST_F(CudaConvDetails, TilesPermuteExactly) {
  for (const Padding padding : {Padding(0), Padding(1, 0, 2, 1)}) {
    const Case c{"", {3, 2, 11, 9}, {1, 2, 3, 2}, {.stride = {3, 2}, .padding = padding}};
    const Conv2dGeometry g = geometry(c, ConvAlgorithm::Im2col);
    ASSERT_TRUE(g.windows_tile());
    const std::vector<float> expected = on_cpu<float>(g).gx.values();
    for (const int64_t bytes : {int64_t{1} << 20, int64_t{200}, int64_t{1}}) {
      const ColumnBytes bound(bytes);
      for (const size_t i : {0U, 1U, 3U}) {
        EXPECT_EQ(on_cuda<float>(g, kPlacements[i]).gx.values(), expected) << bytes << ", placed as " << i;
      }
    }
  }
}

// im2col copies: every element of the columns is one of the image, or zero.
TEST_F(CudaConvDetails, ColumnsHoldThePatches) {
  const Case c{"", {3, 4, 6, 5}, {2, 2, 3, 2}, {.stride = {2, 1}, .padding = {1, 2}, .groups = 2}};
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Im2col);
  const Array<float> image = Array<float>(g.input_shape()).randomize(7);
  const OnDevice<float> x(image);
  const int64_t elements = g.C * g.R * g.S, channels = g.channels_per_group();
  for (const cuda::Chunk chunk : {cuda::Chunk{1, 2, 0, g.P}, cuda::Chunk{2, 1, 1, 2}}) {
    OnDevice<float> memory(Array<float>({elements, chunk.images, chunk.rows, g.Q}, {}, kPoison<float>));
    for (const auto order : {cuda::ColumnOrder::ChannelsFirst, cuda::ColumnOrder::ChannelsLast}) {
      const View columns = cuda::chunk_images(memory.view().data, DType::Float32, g, chunk, elements, order);
      cuda::im2col(backend(), g, chunk, order, x.view(), columns);
      Array<float> host = memory.back();
      View at = columns;
      at.data = host.memory().data();
      for (int64_t i = 0; i < host.view().numel(); ++i) {
        const int64_t q = i % g.Q, p = i / g.Q % chunk.rows, e = i / (g.Q * chunk.rows) % elements;
        const int64_t n = i / (g.Q * chunk.rows * elements);
        int64_t c_ = e / (g.R * g.S), r = e / g.S % g.R, s = e % g.S;
        if (order == cuda::ColumnOrder::ChannelsLast) {
          const int64_t group = e / (g.R * g.S * channels);
          c_ = group * channels + e % channels, s = e / channels % g.S, r = e / (channels * g.S) % g.R;
        }
        const int64_t h = (chunk.row + p) * 2 - 1 + r, v = q - 2 + s;
        const bool inside = h >= 0 && h < g.H && v >= 0 && v < g.W;
        EXPECT_EQ(
            at.as<float>()[n * at.strides[0] + e * at.strides[1] + p * at.strides[2] + q * at.strides[3]],
            inside ? image(chunk.image + n, c_, h, v) : 0.0F)
            << "n " << n << ", element " << e << ", p " << p << ", q " << q;
      }
    }
  }
}

TEST_F(CudaConvDetails, ZeroSizes) {
  const auto all = [](const Array<float>& array, float value) {
    for (const float got : array.values()) EXPECT_EQ(got, value);
  };
  for (const ConvAlgorithm algorithm : kAlgorithms) {
    SCOPED_TRACE(name(algorithm));
    all(on_cuda<float>(geometry({"", {0, 3, 5, 5}, {4, 3, 3, 3}, {}}, algorithm)).gw, 0);  // no images
    all(on_cuda<float>(geometry({"", {2, 3, 4, 4}, {0, 3, 3, 3}, {}}, algorithm)).gx, 0);  // no filters
    const Conv2dGeometry no_channels = geometry({"", {2, 0, 5, 5}, {4, 0, 3, 3}, {}}, algorithm);
    const Results<float> bias = on_cuda<float>(no_channels);
    const Array<float> expected = Operands<float>(no_channels, {}, {}).bias;
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(bias.y(1, k, 2, 0), expected(k));
    expect_relu_same<float>(no_channels);
    const Conv2dGeometry padding_only = geometry({"", {2, 3, 0, 5}, {4, 3, 2, 2}, {.padding = 1}}, algorithm);
    const Results<float> results = on_cuda<float>(padding_only);
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(results.y(1, k, 0, 5), expected(k));
    all(results.gw, 0);
  }
}

// Products that are too small for a float, and negative: direct loops round them to -0, which ReLU keeps.
TEST_F(CudaConvDetails, ReluKeepsNanAndNegativeZero) {
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Direct, ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    SCOPED_TRACE(name(algorithm));
    const Conv2dGeometry g = geometry({"", {1, 1, 1, 5}, {2, 1, 1, 1}, {}}, algorithm);
    const Array<float> x(g.input_shape()), w(g.filter_shape());
    const float pixels[] = {1e-30F, -2, kPoison<float>, 3, -1e-30F};
    for (int64_t i = 0; i < 5; ++i) x(0, 0, 0, i) = pixels[i];
    w(0, 0, 0, 0) = -1e-30F;
    w(1, 0, 0, 0) = 2;
    const std::vector<float> y = expect_relu_same(g, x, w, View{});
    EXPECT_EQ(y[0], 0);
    EXPECT_TRUE(algorithm != ConvAlgorithm::Direct || std::signbit(y[0]));
    EXPECT_TRUE(std::isnan(y[2]) && std::isnan(y[7]));
    EXPECT_TRUE(y[6] == 0 && !std::signbit(y[6]));
    EXPECT_EQ(y[8], 6);
  }
}

// Images that repeat, as broadcasting makes them.
TEST_F(CudaConvDetails, BroadcastOperands) {
  const Case c{"", {3, 2, 5, 6}, {4, 2, 3, 3}, {.padding = 1}};
  for (const ConvAlgorithm algorithm : kAlgorithms) {
    SCOPED_TRACE(name(algorithm));
    const Conv2dGeometry g = geometry(c, algorithm);
    const Operands<float> o(g, {}, {});
    const OnDevice<float> x(o.x), w(o.w), gy(o.gy);
    OnDevice<float> y(Array<float>(g.output_shape(), {}, kPoison<float>));
    OnDevice<float> gx(Array<float>(g.input_shape(), {}, kPoison<float>));
    OnDevice<float> gw(Array<float>(g.filter_shape(), {}, kPoison<float>));
    const auto with = [](View view, const Strides& strides) {
      view.strides = strides;
      return view;
    };
    const Strides x_strides{0, 30, 6, 1}, w_strides{9, 0, 3, 1};
    Results<float> expected{Array<float>(g.output_shape()), Array<float>(g.input_shape()),
                            Array<float>(g.filter_shape())};
    for (const Strides& gy_strides : {Strides{0, 0, 0, 0}, Strides{0, 30, 6, 1}}) {
      cpu::conv_direct::conv2d(g, with(o.x.view(), x_strides), with(o.w.view(), w_strides), {},
                               expected.y.view());
      cpu::conv_direct::conv2d_grad_input(g, with(o.gy.view(), gy_strides), with(o.w.view(), w_strides),
                                          expected.gx.view());
      cpu::conv_direct::conv2d_grad_weight(g, with(o.x.view(), x_strides), with(o.gy.view(), gy_strides),
                                           expected.gw.view());
      backend().conv2d(g, with(x.view(), x_strides), with(w.view(), w_strides), {}, y.view());
      backend().conv2d_grad_input(g, with(gy.view(), gy_strides), with(w.view(), w_strides), gx.view());
      backend().conv2d_grad_weight(g, with(x.view(), x_strides), with(gy.view(), gy_strides), gw.view());
      expect_results_near(g, {y.back(), gx.back(), gw.back()}, expected);
    }
  }
}

/// The most bytes that the three functions take beside their operands.
size_t scratch_of(int64_t images, const Placement& placement) {
  const Case c{"", {images, 4, 8, 8}, {6, 4, 3, 3}, {.padding = 1}};
  const Conv2dGeometry g = geometry(c, ConvAlgorithm::Im2col);
  const Operands<float> o(g, placement, {});
  const OnDevice<float> x(o.x), w(o.w), gy(o.gy), gx(o.x), y(o.gy), gw(o.w);
  // Memory that brings the use up to the peak so far: from here on the peak is that of the functions.
  const MemoryStats before = backend().memory_stats();
  const size_t filler = before.peak - before.used + 1;
  void* memory = backend().allocate(filler);
  const size_t used = backend().memory_stats().used;
  backend().conv2d(g, x.view(), w.view(), {}, y.view());
  backend().conv2d_grad_input(g, gy.view(), w.view(), gx.view());
  backend().conv2d_grad_weight(g, x.view(), gy.view(), gw.view());
  const size_t peak = backend().memory_stats().peak;
  backend().deallocate(memory, filler);
  return peak - used;
}

TEST_F(CudaConvDetails, ColumnsDoNotGrowWithTheBatch) {
  const ColumnBytes bound(64 << 10);
  for (const size_t i : {0U, 1U}) {
    const size_t small = scratch_of(8, kPlacements[i]), large = scratch_of(100, kPlacements[i]);
    EXPECT_GT(small, size_t{30} << 10);
    EXPECT_EQ(large, small);
    EXPECT_LE(large, size_t{72} << 10);
  }
}

}  // namespace
}  // namespace linnet::test

// NDArray: making, viewing, copying, reading and writing, and the messages of every refusal.
#include <gtest/gtest.h>
#include <linnet/core/ndarray.h>
#include <linnet/core/ops.h>

#include <numeric>
#include <vector>

#include "core/operands.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using Floats = std::vector<float>;

TEST(NDArray, FactoriesGiveShapeDtypeAndValues) {
  EXPECT_EQ(NDArray::zeros({2, 2}).to_vector<float>(), (Floats{0, 0, 0, 0}));
  EXPECT_EQ(NDArray::ones({3}, DType::Int32).to_vector<int32_t>(), (std::vector<int32_t>{1, 1, 1}));
  EXPECT_EQ(NDArray::full({2}, 2.5, DType::Float64).to_vector<double>(), (std::vector<double>{2.5, 2.5}));
  EXPECT_EQ(NDArray::arange(4).to_vector<float>(), (Floats{0, 1, 2, 3}));
  EXPECT_EQ(NDArray::arange(1, 2, 0.25).to_vector<float>(), (Floats{1, 1.25F, 1.5F, 1.75F}));
  EXPECT_EQ(NDArray::arange(5, 0, -2, DType::Int64).to_vector<int64_t>(), (std::vector<int64_t>{5, 3, 1}));
  EXPECT_EQ(NDArray::arange(3, 3).numel(), 0);
  EXPECT_EQ(NDArray::scalar(7).rank(), 0);
  EXPECT_EQ(NDArray::scalar(7).item<int>(), 7);
  EXPECT_EQ(NDArray::from_data({1.0, 2.0}, {2}).dtype(), DType::Float64);
  EXPECT_EQ(NDArray::from_data({true, false}, {2}).to_vector<bool>(), (std::vector<bool>{true, false}));
  EXPECT_EQ(NDArray::empty({2, 0, 3}).to_vector<float>().size(), 0U);
}

TEST(NDArray, FactoriesRefuse) {
  EXPECT_ERROR(NDArray::from_data({1.0F, 2.0F}, {3}), "2 values for shape (3,), which has 3 elements");
  EXPECT_ERROR(NDArray::zeros({2, -1}), "shape (2, -1) has a negative extent");
  EXPECT_ERROR(NDArray::zeros({int64_t{1} << 40, int64_t{1} << 40}), "more than 2^60 elements");
  EXPECT_ERROR(NDArray::full({2}, 2.5, DType::Int32), "the number 2.5 is no int32");
  EXPECT_ERROR(NDArray::full({2}, 300, DType::UInt8), "the number 300 is no uint8");
  EXPECT_ERROR(NDArray::arange(0, 5, 0), "step is 0");
  EXPECT_ERROR(NDArray::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), "9 dimensions; at most 8");
  EXPECT_ERROR(NDArray().device(), "undefined");
  EXPECT_ERROR(NDArray::zeros({2}, DType::Float32, Device()), "no device given");
}

TEST(NDArray, HandlesShareAndClonesDoNot) {
  const NDArray a = NDArray::arange(3);
  const NDArray b = a;  // NOLINT(performance-unnecessary-copy-initialization): sharing is what is tested
  const NDArray c = a.clone();
  b.fill_(9);
  EXPECT_EQ(a.to_vector<float>(), (Floats{9, 9, 9}));
  EXPECT_EQ(c.to_vector<float>(), (Floats{0, 1, 2}));
  EXPECT_TRUE(a.shares_storage(b));
  EXPECT_FALSE(a.shares_storage(c));
}

TEST(NDArray, ReadingConvertsAndChecksTheRange) {
  EXPECT_EQ(NDArray::from_data({1.75F, -2.5F}, {2}).to_vector<int>(), (std::vector<int>{1, -2}));
  EXPECT_EQ(NDArray::from_data({int64_t{5}}, {1}).item<float>(), 5.0F);
  EXPECT_EQ(NDArray::from_data({0.5F, 0.0F}, {2}).to_vector<bool>(), (std::vector<bool>{true, false}));
  EXPECT_ERROR(NDArray::from_data({1.0F, 300.0F}, {2}).to_vector<uint8_t>(),
               "element 1 is 300; it does not fit uint8");
  EXPECT_ERROR(NDArray::from_data({int64_t{-1}}, {1}).to_vector<uint8_t>(), "element 0 is -1");
  EXPECT_ERROR(NDArray::from_data({3e10}, {1}).item<int>(), "does not fit int32");
  EXPECT_ERROR(NDArray::zeros({2}).item<float>(), "array of shape (2,); expected exactly one element");
  EXPECT_ERROR(NDArray::zeros({2}, DType::Float32, device("meta")).to_vector<float>(), "no values");
}

TEST(NDArray, ApiPageExample) {
  const NDArray a = NDArray::arange(36).reshape({6, 6});
  const NDArray windows = a.as_strided({4, 4, 3, 3}, {6, 1, 6, 1});
  EXPECT_TRUE(windows.shares_storage(a));
  const NDArray columns = windows.contiguous().reshape({16, 9});
  EXPECT_EQ(columns.select(0, 5).to_vector<float>(), (Floats{7, 8, 9, 13, 14, 15, 19, 20, 21}));
  const NDArray tiles = a.as_strided({3, 3, 2, 2}, {12, 2, 6, 1});
  EXPECT_EQ(tiles.strides(), (Strides{12, 2, 6, 1}));
  Floats all(36);
  std::iota(all.begin(), all.end(), 0.0F);
  EXPECT_EQ(tiles.storage().to_vector<float>(), all);
  EXPECT_EQ(tiles.contiguous().storage().slice(0, 0, 8).to_vector<float>(), (Floats{0, 1, 6, 7, 2, 3, 8, 9}));
  const NDArray b = a.permute({1, 0}).slice(0, 1, 6, 2);
  EXPECT_EQ(b.shape(), (Shape{3, 6}));
  EXPECT_EQ(b.select(0, 1).to_vector<float>(), (Floats{3, 9, 15, 21, 27, 33}));
}

TEST(NDArrayViews, NeverCopy) {
  const NDArray a = NDArray::arange(24).reshape({2, 3, 4});
  for (const NDArray& v : {a.permute({2, 0, 1}), a.transpose(0, -1), a.slice(1, 1, 3), a.select(2, -1),
                           a.expand_dims(1), a.broadcast_to({5, 2, 3, 4}), a.view({6, 4}), a.flatten(),
                           a.reshape({4, 6}), a.slice(0, 0, 1).squeeze(0)}) {
    EXPECT_TRUE(v.shares_storage(a));
  }
}

TEST(NDArrayViews, SliceFollowsPython) {
  const NDArray a = NDArray::arange(10);
  EXPECT_EQ(a.slice(0, 2, 5).to_vector<float>(), (Floats{2, 3, 4}));
  EXPECT_EQ(a.slice(0, -3, 100).to_vector<float>(), (Floats{7, 8, 9}));
  EXPECT_EQ(a.slice(0, 1, 8, 3).to_vector<float>(), (Floats{1, 4, 7}));
  EXPECT_EQ(a.slice(0, 6, 2).numel(), 0);
  EXPECT_EQ(a.slice(0, 0, -8).to_vector<float>(), (Floats{0, 1}));
  EXPECT_ERROR(a.slice(0, 0, 4, 0), "step is 0; expected at least 1");
  EXPECT_ERROR(a.slice(1, 0, 4), "dimension 1 is outside [-1, 1)");
  EXPECT_ERROR(a.select(0, 10), "index 10 is outside [-10, 10)");
}

TEST(NDArrayViews, ViewAndReshape) {
  const NDArray a = NDArray::arange(24).reshape({2, 3, 4});
  EXPECT_EQ(a.view({-1, 2}).shape(), (Shape{12, 2}));
  EXPECT_EQ(a.view({2, 1, 12, 1}).strides()[2], 1);
  const NDArray t = a.permute({0, 2, 1});
  EXPECT_ERROR(t.view({2, 12}), "cannot be viewed as (2, 12)");
  EXPECT_EQ(t.reshape({2, 12}).select(0, 0).to_vector<float>(),
            (Floats{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(t.view({2, 2, 2, 3}).strides(), (Strides{12, 2, 1, 4}));
  EXPECT_EQ(a.slice(2, 0, 2).view({6, 2}).strides(), (Strides{4, 1}));
  EXPECT_ERROR(a.view({5, 5}), "shape (2, 3, 4) has 24 elements, the new shape (5, 5) has 25");
  EXPECT_ERROR(a.view({-1, -1}), "at most one -1");
  EXPECT_ERROR(a.view({7, -1}), "do not divide");
  EXPECT_EQ(NDArray::zeros({0, 3}).reshape({3, 0, 2}).shape(), (Shape{3, 0, 2}));
  EXPECT_EQ(NDArray::scalar(1).reshape({1, 1}).shape(), (Shape{1, 1}));
  EXPECT_EQ(NDArray::zeros({1, 1}).reshape({}).rank(), 0);
  EXPECT_EQ(a.broadcast_to({2, 2, 3, 4}).reshape({4, 12}).shape(), (Shape{4, 12}));
  EXPECT_EQ(a.flatten(1).shape(), (Shape{2, 12}));
  EXPECT_EQ(a.flatten(0, 1).shape(), (Shape{6, 4}));
  EXPECT_EQ(NDArray::scalar(3).flatten().shape(), (Shape{1}));
}

// A view must show the same elements as a copy reshaped, for every way of cutting a permuted array.
TEST(NDArrayViews, ViewsAgreeWithCopies) {
  const NDArray a = NDArray::arange(60).reshape({3, 4, 5});
  for (const Dims& order : {Dims{0, 1, 2}, Dims{2, 1, 0}, Dims{1, 2, 0}, Dims{2, 0, 1}}) {
    const NDArray p = a.permute(order);
    for (const Shape& shape : {Shape{60}, Shape{12, 5}, Shape{5, 12}, Shape{3, 20}, Shape{20, 3},
                               Shape{2, 2, 3, 5}, Shape{1, 4, 15}, Shape{5, 2, 2, 3, 1}}) {
      EXPECT_EQ(p.reshape(shape).to_vector<float>(), p.contiguous().view(shape).to_vector<float>());
    }
  }
}

TEST(NDArrayViews, AsStridedStaysInsideTheView) {
  const NDArray a = NDArray::arange(36).reshape({6, 6});
  EXPECT_ERROR(a.as_strided({5, 4, 3, 3}, {6, 1, 6, 1}), "reaches elements 0 to 41");
  EXPECT_ERROR(a.as_strided({2}, {36}), "spans 36 elements");
  EXPECT_ERROR(a.as_strided({2}, {1, 1}), "differ in rank");
  EXPECT_ERROR(a.as_strided({2}, {-1}), "no negative values");
  EXPECT_ERROR(a.as_strided({1}, {1}, 36), "offset 36");
  const NDArray rows = a.slice(0, 2, 4);  // elements 12 ... 23
  EXPECT_EQ(rows.as_strided({3}, {5}, 1).to_vector<float>(), (Floats{13, 18, 23}));
  EXPECT_ERROR(rows.as_strided({13}, {1}), "spans 12 elements");
  EXPECT_EQ(a.as_strided({0, 3}, {100, 1}).numel(), 0);
}

TEST(NDArrayViews, BroadcastSqueezeAndPermuteRefuse) {
  const NDArray a = NDArray::zeros({2, 1, 3});
  EXPECT_ERROR(a.broadcast_to({2, 3}), "does not broadcast");
  EXPECT_ERROR(a.broadcast_to({4, 5, 3}), "do not broadcast");
  EXPECT_ERROR(a.squeeze(0), "has extent 2; expected 1");
  EXPECT_ERROR(a.permute({0, 1}), "expected each dimension once");
  EXPECT_ERROR(a.permute({0, 1, 1}), "names dimension 1 twice");
  EXPECT_EQ(a.squeeze().shape(), (Shape{2, 3}));
}

TEST(NDArrayMemoryOrder, ChannelsLastIsStrides) {
  const NDArray x = NDArray::arange(24).reshape({1, 2, 3, 4});
  const NDArray last = x.to(MemoryOrder::ChannelsLast);
  EXPECT_EQ(last.shape(), x.shape());
  EXPECT_EQ(last.strides(), (Strides{24, 1, 8, 2}));
  EXPECT_TRUE(last.is_channels_last());
  EXPECT_FALSE(last.is_contiguous());
  EXPECT_EQ(last.to_vector<float>(), x.to_vector<float>());
  EXPECT_TRUE(last.to(MemoryOrder::ChannelsLast).shares_storage(last));
  EXPECT_TRUE(relu(last).is_channels_last());
  EXPECT_TRUE((last + x).is_channels_last());
  EXPECT_TRUE(last.clone().is_channels_last());
  EXPECT_TRUE(last.to(MemoryOrder::Contiguous).is_contiguous());
  EXPECT_ERROR(NDArray::zeros({2, 3}).to(MemoryOrder::ChannelsLast), "expected (N, C, H, W)");
}

TEST(NDArrayMemoryOrder, OneChannelOrPixelLiesInBothOrdersAndKeepsTheOneAskedFor) {
  for (const Shape& shape : {Shape{2, 1, 3, 4}, Shape{2, 5, 1, 1}}) {
    const NDArray x = NDArray::ones(shape);
    EXPECT_FALSE(prefers_channels_last(x));
    const NDArray last = x.to(MemoryOrder::ChannelsLast);
    EXPECT_TRUE(last.shares_storage(x)) << "nothing is copied";
    EXPECT_TRUE(last.is_contiguous());
    EXPECT_TRUE(prefers_channels_last(last));
    EXPECT_EQ(last.strides(), (Strides{shape[1] * shape[2] * shape[3], 1, shape[3] * shape[1], shape[1]}));
    const NDArray back = last.to(MemoryOrder::Contiguous);
    EXPECT_TRUE(back.shares_storage(x));
    EXPECT_EQ(back.strides(), x.strides());
    EXPECT_FALSE(prefers_channels_last(back));
  }
  EXPECT_FALSE(prefers_channels_last(NDArray::ones({2, 1, 1, 1}))) << "there is nothing to choose";
}

TEST(NDArrayInPlace, WritesCountVersionsThroughAnyView) {
  const NDArray a = NDArray::zeros({2, 2});
  const uint64_t before = a.version();
  a.select(0, 1).fill_(3);
  EXPECT_EQ(a.version(), before + 1);
  a.add_(NDArray::ones({2}), 2);
  a.mul_(10);
  EXPECT_EQ(a.to_vector<float>(), (Floats{20, 20, 50, 50}));
  EXPECT_EQ(a.version(), before + 3);
}

TEST(NDArrayInPlace, CopyBroadcastsConvertsAndSurvivesOverlap) {
  const NDArray a = NDArray::arange(6);
  a.slice(0, 1, 6).copy_(a.slice(0, 0, 5));
  EXPECT_EQ(a.to_vector<float>(), (Floats{0, 0, 1, 2, 3, 4}));
  a.copy_(NDArray::from_data({int64_t{7}}, {1}));
  EXPECT_EQ(a.to_vector<float>(), (Floats{7, 7, 7, 7, 7, 7}));
  EXPECT_ERROR(a.copy_(NDArray::zeros({5})), "do not broadcast");
  EXPECT_ERROR(a.add_(NDArray::zeros({6}, DType::Float64)), "float32 (6,) and float64 (6,)");
}

TEST(NDArrayInPlace, SelfOverlapRefuses) {
  const NDArray a = NDArray::arange(36);
  EXPECT_ERROR(NDArray::zeros({1}).broadcast_to({3}).fill_(1), "overlaps itself; write to a clone()");
  EXPECT_ERROR(a.as_strided({4, 3}, {1, 1}).fill_(1), "overlaps itself");
  a.as_strided({3, 2}, {2, 3}).fill_(1);  // interleaved, yet no element twice: 0 2 4 and 3 5 7
  EXPECT_EQ(sum(a.slice(0, 0, 8)).item<float>(), 6.0F + 1 + 6);
  EXPECT_ERROR(a.as_strided({4, 2}, {2, 4}).fill_(1), "overlaps itself");
}

TEST(NDArrayDevices, MetaHasShapesOnly) {
  const Device meta = device("meta");
  const NDArray a =
      NDArray::zeros({int64_t{1} << 20, int64_t{1} << 20}, DType::Float32, meta);  // 4 TiB of nothing
  EXPECT_EQ(relu(a).shape(), a.shape());
  EXPECT_EQ(NDArray::ones({2, 3}).to(meta).device(), meta);
  EXPECT_ERROR(NDArray::zeros({2}) + NDArray::zeros({2}, DType::Float32, meta), "cpu (2,) and meta (2,)");
  EXPECT_ERROR(a.to(device("cpu")), "no values; it cannot move to cpu");
  EXPECT_ERROR(device("gpu"), "there is no device 'gpu'; expected cpu, cuda, cuda:0");
}

}  // namespace
}  // namespace linnet

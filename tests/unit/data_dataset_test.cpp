// Dataset: what it refuses, subsets, and batches collated against a plain loop.
#include <linnet/data/dataset.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using data::Dataset;

const std::vector<std::string> kNames{"a", "b", "c"};

NDArray bytes(const Shape& shape) {
  return NDArray::arange(shape.product(), DType::Int32).to(DType::UInt8).reshape(shape);
}
NDArray labels(std::initializer_list<int64_t> values) {
  return NDArray::from_data<int64_t>(values, {static_cast<int64_t>(values.size())});
}

TEST(Dataset, KeepsWhatItWasGiven) {
  const Dataset set(bytes({3, 2, 4, 5}), labels({2, 0, 1}), kNames, {0.5, -1});
  EXPECT_EQ(set.size(), 3);
  EXPECT_EQ(set.classes(), 3);
  EXPECT_EQ(set.image_shape(), (Shape{2, 4, 5}));
  EXPECT_EQ(set.scaling(), (data::InputScaling{0.5, -1}));
  EXPECT_EQ(Dataset().size(), 0);
  EXPECT_EQ(Dataset(bytes({0, 1, 2, 2}), labels({}), kNames).size(), 0);
}

TEST(Dataset, ScalesBytesAsDivisionBy255) {
  const Dataset set(bytes({1, 1, 16, 16}), labels({0}), kNames, data::kUnitInterval);
  const std::vector<float> inputs = set.batch(std::vector<int64_t>{0}).images.to_vector<float>();
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(inputs[static_cast<size_t>(byte)], static_cast<float>(byte) / 255.0F) << byte;
  }
}

TEST(Dataset, CollatesInTheOrderAsked) {
  const Shape shape{4, 2, 3, 2};
  const NDArray stored = bytes(shape);
  const std::vector<int64_t> positions{3, 0, 3};
  for (DType dtype : {DType::UInt8, DType::Float32}) {
    const Dataset set(stored.to(dtype), labels({2, 0, 1, 1}), kNames, {2, 1});
    const data::Batch batch = set.batch(positions);
    EXPECT_EQ(batch.images.dtype(), DType::Float32);
    EXPECT_EQ(batch.images.shape(), (Shape{3, 2, 3, 2}));
    EXPECT_EQ(batch.labels.to_vector<int64_t>(), (std::vector<int64_t>{1, 2, 1}));
    const std::vector<float> got = batch.images.to_vector<float>();
    for (size_t i = 0; i < got.size(); ++i) {
      const auto value = static_cast<float>(positions[i / 12] * 12 + static_cast<int64_t>(i % 12));
      EXPECT_EQ(got[i], 2 * value + 1);
    }
  }
}

TEST(Dataset, TakesImagesInAnyStrides) {
  const NDArray hwc = bytes({2, 2, 3, 1});
  const Dataset set(hwc.permute({0, 3, 1, 2}), labels({0, 1}), kNames);
  EXPECT_EQ(set.image_shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(set.batch(std::vector<int64_t>{1}).images.to_vector<float>(),
            (std::vector<float>{6, 7, 8, 9, 10, 11}));
}

TEST(Dataset, SubsetIsTheBeginning) {
  const Dataset set(bytes({4, 1, 1, 2}), labels({2, 0, 1, 1}), kNames);
  const Dataset two = set.subset(2);
  EXPECT_EQ(two.size(), 2);
  EXPECT_TRUE(two.images().shares_storage(set.images()));
  EXPECT_EQ(two.batch(std::vector<int64_t>{1}).images.to_vector<float>(), (std::vector<float>{2, 3}));
  EXPECT_EQ(set.subset(100).size(), 4);
  EXPECT_ERROR(set.subset(0), "a subset of 0 images was asked for; expected at least 1 of 4");
  EXPECT_ERROR(two.batch(std::vector<int64_t>{2}), "image 2 does not exist; there are 2, counted from 0");
  EXPECT_ERROR(two.batch(std::vector<int64_t>{-1}), "image -1 does not exist");
}

TEST(Dataset, RefusesWhatDoesNotFit) {
  const NDArray images = bytes({3, 1, 2, 2});
  EXPECT_ERROR(Dataset(NDArray(), labels({0}), kNames), "the images are undefined");
  EXPECT_ERROR(Dataset(images, NDArray(), kNames), "the labels are undefined");
  EXPECT_ERROR(Dataset(bytes({3, 2, 2}), labels({0, 1, 2}), kNames),
               "images are uint8 (3, 2, 2); expected uint8 or float32 (N, C, H, W)");
  EXPECT_ERROR(Dataset(images.to(DType::Float64), labels({0, 1, 2}), kNames),
               "images are float64 (3, 1, 2, 2)");
  EXPECT_ERROR(Dataset(images, labels({0, 1, 2}).to(DType::Int32), kNames),
               "labels are int32 (3,); expected int64 (N,)");
  EXPECT_ERROR(Dataset(images, labels({0, 1}), kNames),
               "3 images have 2 labels; images (3, 1, 2, 2), labels (2,)");
  EXPECT_ERROR(Dataset(images, labels({0, 3, 1}), kNames),
               "label 3 of image 1 is out of range; labels count from 0 to 2 for 3 class names");
  EXPECT_ERROR(Dataset(images, labels({0, 1, -1}), kNames), "label -1 of image 2 is out of range");
  EXPECT_ERROR(Dataset().image_shape(), "a dataset without images has no image shape");
}

}  // namespace
}  // namespace linnet

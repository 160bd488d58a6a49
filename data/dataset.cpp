// Dataset: checks once when made, so that collating a batch only copies.
#include <linnet/data/dataset.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/fail.h"
#include "core/view.h"

namespace linnet::data {
namespace {

void check_labels(const NDArray& labels, int64_t classes) {
  const auto* label = labels.read_view().as<const int64_t>();
  for (int64_t i = 0; i < labels.numel(); ++i) {
    check(label[i] >= 0 && label[i] < classes, "Dataset",
          "label {} of image {} is out of range; labels count from 0 to {} for {} class names", label[i], i,
          classes - 1, classes);
  }
}

float scaled(double stored, const InputScaling& scaling) {
  return static_cast<float>(stored * scaling.factor + scaling.offset);
}

void collate_bytes(const uint8_t* from, std::span<const int64_t> positions, int64_t pixels,
                   const InputScaling& scaling, float* to) {
  std::array<float, 256> table;
  for (size_t byte = 0; byte < table.size(); ++byte) table[byte] = scaled(static_cast<double>(byte), scaling);
  for (int64_t position : positions) {
    const uint8_t* image = from + position * pixels;
    for (int64_t i = 0; i < pixels; ++i) to[i] = table[image[i]];
    to += pixels;
  }
}

void collate_floats(const float* from, std::span<const int64_t> positions, int64_t pixels,
                    const InputScaling& scaling, float* to) {
  for (int64_t position : positions) {
    const float* image = from + position * pixels;
    for (int64_t i = 0; i < pixels; ++i) to[i] = scaled(image[i], scaling);
    to += pixels;
  }
}

}  // namespace

Dataset::Dataset(NDArray images, NDArray labels, std::vector<std::string> class_names, InputScaling scaling)
    : class_names_(std::move(class_names)), scaling_(scaling) {
  check(images.defined() && labels.defined(), "Dataset", "the {} are undefined; expected an array",
        images.defined() ? "labels" : "images");
  check(images.rank() == 4 && (images.dtype() == DType::UInt8 || images.dtype() == DType::Float32), "Dataset",
        "images are {} {}; expected uint8 or float32 (N, C, H, W)", images.dtype(), images.shape());
  check(labels.rank() == 1 && labels.dtype() == DType::Int64, "Dataset",
        "labels are {} {}; expected int64 (N,)", labels.dtype(), labels.shape());
  check(images.size(0) == labels.size(0), "Dataset", "{} images have {} labels; images {}, labels {}",
        images.size(0), labels.size(0), images.shape(), labels.shape());
  const Device cpu = linnet::device("cpu");
  images_ = images.to(cpu).contiguous();
  labels_ = labels.to(cpu).contiguous();
  size_ = images_.size(0);
  check_labels(labels_, classes());
}

Shape Dataset::image_shape() const {
  check(images_.defined(), "Dataset", "a dataset without images has no image shape");
  return {images_.size(1), images_.size(2), images_.size(3)};
}

Dataset Dataset::subset(int64_t n) const {
  check(n >= 1, "Dataset", "a subset of {} images was asked for; expected at least 1 of {}", n, size_);
  if (n >= size_) return *this;
  Dataset part = *this;
  part.images_ = images_.slice(0, 0, n);
  part.labels_ = labels_.slice(0, 0, n);
  part.size_ = n;
  return part;
}

Batch Dataset::batch(std::span<const int64_t> positions, Device device) const {
  for (int64_t position : positions) {
    check(position >= 0 && position < size_, "Dataset",
          "image {} does not exist; there are {}, counted from 0", position, size_);
  }
  const Device cpu = linnet::device("cpu");
  const Shape image = image_shape();
  const auto n = static_cast<int64_t>(positions.size());
  Batch batch{NDArray::empty({n, image[0], image[1], image[2]}, DType::Float32, cpu),
              NDArray::empty({n}, DType::Int64, cpu)};
  const View from = images_.read_view();
  auto* to = batch.images.write_view().as<float>();
  if (images_.dtype() == DType::UInt8) {
    collate_bytes(from.as<const uint8_t>(), positions, image.product(), scaling_, to);
  } else {
    collate_floats(from.as<const float>(), positions, image.product(), scaling_, to);
  }
  const auto* label = labels_.read_view().as<const int64_t>();
  auto* label_to = batch.labels.write_view().as<int64_t>();
  for (int64_t position : positions) *label_to++ = label[position];
  return {batch.images.to(device), batch.labels.to(device)};
}

}  // namespace linnet::data

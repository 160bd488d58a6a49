// A labelled set of images, whole in memory, and how its stored images become a model's inputs.
// A value type: copies share the arrays, which nobody writes to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <linnet/core/device.h>
#include <linnet/core/ndarray.h>

namespace linnet::data {

/// How a stored element becomes an input: stored * factor + offset, in double, rounded once to float32.
struct InputScaling {
  double factor = 1;
  double offset = 0;
  friend bool operator==(const InputScaling&, const InputScaling&) = default;
};

/// Bytes 0 ... 255 to [0, 1].
inline constexpr InputScaling kUnitInterval{1.0 / 255, 0};

/// What a step of training reads.
struct Batch {
  NDArray images;  ///< Float32 (N, C, H, W), scaled
  NDArray labels;  ///< Int64 (N,)
};

class Dataset {
 public:
  /// Empty: size() is 0.
  Dataset() = default;
  /// `images` UInt8 or Float32 (N, C, H, W); `labels` Int64 (N,), each a position in `class_names`.
  /// Throws Error where dtypes, shapes, counts or labels do not fit. Arrays move to the CPU.
  Dataset(NDArray images, NDArray labels, std::vector<std::string> class_names, InputScaling scaling = {});

  int64_t size() const { return size_; }
  /// As stored, not scaled; dense, on the CPU.
  const NDArray& images() const { return images_; }
  const NDArray& labels() const { return labels_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  int64_t classes() const { return static_cast<int64_t>(class_names_.size()); }
  const InputScaling& scaling() const { return scaling_; }
  /// (C, H, W).
  Shape image_shape() const;

  /// The first n images, or all where there are fewer. Shares memory. n >= 1.
  Dataset subset(int64_t n) const;

  /// The images and labels at `positions`, in that order, scaled, on `device`.
  /// Throws Error for a position outside [0, size()).
  Batch batch(std::span<const int64_t> positions, Device device = default_device()) const;

 private:
  NDArray images_, labels_;
  std::vector<std::string> class_names_;
  InputScaling scaling_;
  int64_t size_ = 0;
};

}  // namespace linnet::data

// What happens to an image on its way into a batch:
//   data::Loader loader(train_set, {.batch = 128, .shuffle = true,
//                                   .transforms = {data::random_crop({.padding = 4}),
//                                   data::random_horizontal_flip(),
//                                                  data::normalize({.mean = {...}, .std = {...}})}});
// Names and defaults are torchvision's. A transform gets an image that is scaled already and random numbers
// that depend on (seed, epoch, the image's position in the set, the transform's in the list) alone: on no
// batch size, order or number of workers. Any function of this form is a transform; workers call it at once,
// so it changes nothing outside.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace linnet::data {

/// One image: a plane of rows for each channel.
struct Picture {
  int64_t channels, height, width;
  std::vector<float> pixels;  ///< channels x height x width
};

/// A sequence of random numbers of its own: Philox, as core/random.h.
class Draws {
 public:
  /// From a block of a seed's stream on.
  Draws(uint64_t seed, uint64_t stream, uint64_t block) : seed_(seed), stream_(stream), block_(block) {}

  uint32_t word();
  /// In [0, 1), a multiple of 2^-32.
  double uniform() { return word() * 0x1p-32; }
  /// In [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// In [0, bound), for bounds from 1 to 2^31; as even as 32 bits are.
  int64_t below(int64_t bound);

 private:
  uint64_t seed_, stream_, block_;
  std::array<uint32_t, 4> words_{};
  size_t next_ = 4;
};

using Transform = std::function<void(Picture&, Draws&)>;

struct NormalizeOptions {
  std::vector<double> mean;  ///< Of each channel; or one for all.
  std::vector<double> std;   ///< Likewise.
};
/// (x - mean) / std.
Transform normalize(const NormalizeOptions& options);

struct RandomCropOptions {
  int64_t height = 0;  ///< 0 for both: as large as the image was.
  int64_t width = 0;
  int64_t padding = 0;  ///< Added on all four sides before.
  double fill = 0;      ///< What is added, in the scaled image's units.
};
/// Pads, then cuts a part out at a random place. Throws Error where the padded image is smaller.
Transform random_crop(const RandomCropOptions& options = {});

/// Left becomes right, with probability p.
Transform random_horizontal_flip(double p = 0.5);

struct RandomErasingOptions {
  double p = 0.5;
  std::array<double, 2> scale = {0.02, 0.33};  ///< Bounds of the part of the area.
  std::array<double, 2> ratio = {0.3, 3.3};    ///< Bounds of height / width.
  double value = 0;                            ///< In the units of the image at this place of the list.
};
/// Overwrites a random rectangle, with probability p; of ten tries the first that fits.
/// Zhong, Zheng, Kang, Li and Yang, "Random erasing data augmentation", AAAI 2020.
Transform random_erasing(const RandomErasingOptions& options = {});

}  // namespace linnet::data

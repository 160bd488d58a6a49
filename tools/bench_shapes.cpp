#include "tools/bench_shapes.h"

#include "core/format.h"
#include "tools/bench_measure.h"

namespace linnet::tool {
namespace {

Conv2dOptions nhwc() {
  Conv2dOptions options;
  options.layout = Layout::NHWC;
  return options;
}

Conv2dOptions tiles_of_two(int64_t padding) {
  Conv2dOptions options;
  options.stride = 2;
  options.padding = padding;
  return options;
}

constexpr const char* kProducts = "NumPy, sum of matrix products";
constexpr const char* kIm2col = "NumPy, im2col";
constexpr const char* kTorch = "PyTorch, CPU";

}  // namespace

std::string PublishedTime::text() const {
  const std::string range = seconds == at_most
                                ? short_time(seconds)
                                : format_text("{} to {}", short_time(seconds), short_time(at_most));
  return format_text("{} ({})", range, of);
}

Conv2dGeometry BenchShape::geometry() const {
  if (options.layout == Layout::NCHW) return Conv2dGeometry::make(input, filters, options);
  Conv2dOptions logical = options;
  logical.layout = Layout::NCHW;
  return Conv2dGeometry::make({input[0], input[3], input[1], input[2]},
                              {filters[3], filters[2], filters[0], filters[1]}, logical);
}

const PublishedTime* BenchShape::published_for(ConvAlgorithm algorithm) const {
  for (const PublishedTime& each : published) {
    if (each.algorithm == algorithm) return &each;
  }
  return nullptr;
}

std::string BenchShape::describe() const {
  const Conv2dGeometry g = geometry();
  std::string text = format_text("input {} {}, filters {}", input,
                                 options.layout == Layout::NHWC ? "NHWC" : "NCHW", filters);
  if (g.stride_h != 1 || g.stride_w != 1) text += format_text(", stride {}x{}", g.stride_h, g.stride_w);
  if (g.pad_top + g.pad_bottom + g.pad_left + g.pad_right != 0) {
    text += format_text(", padding {},{},{},{}", g.pad_top, g.pad_bottom, g.pad_left, g.pad_right);
  }
  if (g.dilation_h != 1 || g.dilation_w != 1) {
    text += format_text(", dilation {}x{}", g.dilation_h, g.dilation_w);
  }
  if (g.groups != 1) text += format_text(", groups {}", g.groups);
  return text;
}

const std::vector<BenchShape>& bench_shapes() {
  using enum ConvAlgorithm;
  static const std::vector<BenchShape> shapes{
      {"nhwc-10",
       {10, 32, 32, 8},
       {3, 3, 8, 16},
       nhwc(),
       {{Direct, 10.9, 10.9, "NumPy, seven loops"},
        {Shifted, 6.56e-3, 6.56e-3, kProducts},
        {Im2col, 4.32e-3, 4.32e-3, kIm2col},
        {Auto, 2.06e-3, 2.06e-3, kTorch}}},
      {"nhwc-100",
       {100, 32, 32, 8},
       {3, 3, 8, 16},
       nhwc(),
       {{Shifted, 39.8e-3, 39.8e-3, kProducts},
        {Im2col, 22.3e-3, 22.3e-3, kIm2col},
        {Auto, 16.9e-3, 19.5e-3, kTorch}}},
      {"nchw-64",
       {64, 3, 50, 50},
       {15, 3, 4, 4},
       tiles_of_two(0),
       {{Direct, 1.23, 1.23, "NumPy, four nested loops"}}},
      {"simple-cnn-1", {128, 1, 28, 28}, {32, 1, 2, 2}, tiles_of_two(0), {}},
      {"simple-cnn-2", {128, 32, 14, 14}, {64, 32, 2, 2}, tiles_of_two(1), {}},
      {"simple-cnn-3", {128, 64, 8, 8}, {128, 64, 2, 2}, tiles_of_two(0), {}},
      {"resnet-64", {1, 64, 56, 56}, {64, 64, 3, 3}, {.padding = 1}, {}}};
  return shapes;
}

}  // namespace linnet::tool

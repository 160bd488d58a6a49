#include "bench/shapes.h"

#include <fmt/format.h>

namespace linnet::bench {

std::string Gemm::name() const {
  return fmt::format("sgemm/{}x{}x{}", M, K, N);
}

Conv2dOptions Conv::options() const {
  Conv2dOptions options;
  options.stride = stride;
  options.padding = padding;
  options.groups = groups;
  return options;
}

Conv2dGeometry Conv::geometry() const {
  return Conv2dGeometry::make({batch, channels, height, width}, {filters, channels / groups, kernel, kernel},
                              options());
}

double Conv::flops() const {
  return 2.0 * static_cast<double>(geometry().multiply_adds());
}

const std::vector<Gemm>& gemms() {
  static const std::vector<Gemm> all{{256, 256, 256},    {512, 512, 512}, {1024, 1024, 1024},
                                     {2048, 2048, 2048}, {9000, 72, 16},  {128, 2048, 250}};
  return all;
}

const std::vector<Conv>& convs() {
  static const std::vector<Conv> all{
      {"mini10", 10, 8, 32, 32, 16, 3, 1, 0, 1},       {"mini100", 100, 8, 32, 32, 16, 3, 1, 0, 1},
      {"rgb50k4s2", 64, 3, 50, 50, 15, 4, 2, 0, 1},    {"simplecnn1", 128, 1, 28, 28, 32, 2, 2, 0, 1},
      {"simplecnn2", 128, 32, 14, 14, 64, 2, 2, 1, 1}, {"simplecnn3", 128, 64, 8, 8, 128, 2, 2, 0, 1},
      {"resnet64", 32, 64, 32, 32, 64, 3, 1, 1, 1},    {"resnet128", 32, 128, 16, 16, 128, 3, 1, 1, 1},
      {"depthwise64", 32, 64, 32, 32, 64, 3, 1, 1, 64}};
  return all;
}

}  // namespace linnet::bench

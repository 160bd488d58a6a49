// The convolutions that `linnet bench conv` times: those of the literature, with the times published for
// them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <linnet/core/conv2d.h>

namespace linnet::tool {

/// A forward time in print: NumPy or PyTorch on its author's machine.
struct PublishedTime {
  ConvAlgorithm algorithm;
  double seconds;
  double at_most;  ///< The same, or the upper end of a range.
  const char* of;  ///< What was timed.

  std::string text() const;
};

struct BenchShape {
  std::string name;
  Shape input, filters;  ///< In the order of the options' layout.
  Conv2dOptions options;
  std::vector<PublishedTime> published;

  /// Throws Error where the shapes do not fit.
  Conv2dGeometry geometry() const;
  const PublishedTime* published_for(ConvAlgorithm algorithm) const;
  std::string describe() const;
};

const std::vector<BenchShape>& bench_shapes();

}  // namespace linnet::tool

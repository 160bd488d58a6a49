// The rows of `linnet bench conv`, and their picture.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench_measure.h"
#include "tools/bench_shapes.h"

namespace linnet::tool {

enum class ConvPass : uint8_t { Forward, GradInput, GradWeight };
const char* name(ConvPass pass);

/// One algorithm, one function, one shape.
struct ConvRow {
  const BenchShape* shape;
  ConvPass pass;
  ConvAlgorithm algorithm;
  std::string
      refused;  ///< What the algorithm says of a geometry that it cannot express; nothing is timed then.
  Timing timing;
  double flops = 0;                    ///< Operations a second: two for each multiply-add of the geometry.
  std::optional<int64_t> extra_bytes;  ///< See extra_memory.
  double error = 0;                    ///< |result - direct| / |direct|, in Euclidean norms.

  /// What the literature says of this algorithm; null where it says nothing, as of all gradients.
  const PublishedTime* published() const {
    return pass == ConvPass::Forward ? shape->published_for(algorithm) : nullptr;
  }
};

/// Bars of GFLOP/s, a panel for each shape and function; it follows the viewer's light or dark scheme.
std::string conv_chart(const std::vector<ConvRow>& rows, const Peak& peak, const std::string& title);

}  // namespace linnet::tool

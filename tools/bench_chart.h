// Bars of GFLOP/s as SVG, for `linnet bench conv` and `linnet bench gemm`.
#pragma once

#include <string>
#include <vector>

namespace linnet::tool {

struct ChartBar {
  std::string label;
  double flops = 0;     ///< Operations a second: the length of the bar.
  double seconds = 0;   ///< Written beside it.
  std::string instead;  ///< Where nothing was timed, what stands in place of a bar.
};

struct ChartPanel {
  std::string title;
  std::vector<ChartBar> bars;
};

struct ChartWords {
  std::string title;
  std::string note;   ///< A sentence below the title.
  std::string label;  ///< For those who do not see the picture.
};

/// A panel after the other, all at one scale; it follows the viewer's light or dark scheme.
std::string bar_chart(const std::vector<ChartPanel>& panels, const ChartWords& words);

}  // namespace linnet::tool

// How the ten digits are written: control points and the strokes through them. Positions are in a unit box,
// x to the right, y down. A stroke is a smooth curve through its points; two strokes that share a point make
// a corner there.
#pragma once

#include <vector>

namespace linnet::data {

struct Point {
  double x = 0;
  double y = 0;
};

/// One way to write a digit.
struct Glyph {
  std::vector<Point> points;
  std::vector<std::vector<int>> strokes;  ///< positions in `points`, in the order of the pen
};

/// The ways to write `digit` (0 to 9); at least one.
const std::vector<Glyph>& glyphs(int digit);

}  // namespace linnet::data

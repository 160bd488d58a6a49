// While a ShapesOnly lives, operators of this thread treat every array as being on `meta`: they check and
// infer shapes, allocate nothing and compute nothing. Summaries run a model so, weights where they are.
#pragma once

namespace linnet {

class ShapesOnly {
 public:
  ShapesOnly();
  ~ShapesOnly();
  ShapesOnly(const ShapesOnly&) = delete;
  ShapesOnly& operator=(const ShapesOnly&) = delete;

  static bool active();

 private:
  bool before_;
};

}  // namespace linnet

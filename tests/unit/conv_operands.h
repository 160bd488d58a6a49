// What tests of convolutions on any device start from: a case of a table, and its operands.
#pragma once

#include <linnet/core/conv2d.h>

#include <string>

#include "tests/unit/cpu_arrays.h"

namespace linnet::test {

struct Case {
  std::string name;
  Shape x;
  Shape w;
  Conv2dOptions options;
};

template <class T>
struct Operands {
  Operands(const Conv2dGeometry& g, const Placement& image, const Placement& filter)
      : x(Array<T>(g.input_shape(), image).randomize(1)),
        w(Array<T>(g.filter_shape(), filter).randomize(2)),
        bias(Array<T>({g.K}, {{}, 2, 0}).randomize(3)),
        gy(Array<T>(g.output_shape(), image).randomize(4)) {}
  Array<T> x, w, bias, gy;
};

}  // namespace linnet::test

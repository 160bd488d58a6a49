// While a ShapesOnly lives, operators of this thread treat every array as being on `meta`: they check and
// infer shapes, allocate nothing and compute nothing. Summaries run a model so, weights where they are.
#pragma once

#include "core/meta_backend.h"
#include "core/stand_in.h"

namespace linnet {

class ShapesOnly {
 public:
  ShapesOnly() : stand_in_(meta_backend()) {}

 private:
  StandIn stand_in_;
};

}  // namespace linnet

// The orders of memory in which stacks of matrices (batch, rows, columns) are given to matrix products.
#pragma once

#include <vector>

#include "tests/unit/cpu_arrays.h"

namespace linnet::test {

inline const std::vector<Placement> kMatrixPlacements = {
    {},                 // dense
    {{0, 2, 1}, 1, 0},  // transposed
    {{0, 1, 2}, 1, 5},  // a slice
    {{0, 2, 1}, 1, 3},  // a transposed slice
    {{0, 1, 2}, 3, 0},  // every third
    {{2, 1, 0}, 1, 0},  // batch innermost
};

}  // namespace linnet::test

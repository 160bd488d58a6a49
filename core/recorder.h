// Records what a computation asks of a backend: while it runs, a stand-in backend notes every call down,
// computes nothing and allocates nothing. Arrays that were there before (weights) are copied and become
// constants of the program, so it does not see how they change later. What cannot be replayed is an error:
// reading values (and so control flow that depends on them), random numbers, changing an array that was there
// before, and gradients.
#pragma once

#include <functional>

#include "core/program.h"

namespace linnet {

/// The program of `compute`, whose input has the dtype, the device, the shape and the order of memory of
/// `example`; its values do not matter. Where the first dimension is a batch (compute takes others, and all
/// numbers of its calls follow in steps), the program serves any. Throws what `compute` throws for the
/// example.
Program record_program(const NDArray& example, const std::function<NDArray(const NDArray&)>& compute);

}  // namespace linnet

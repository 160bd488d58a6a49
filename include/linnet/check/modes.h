// The ways of checking an OpCase. Each mode makes the case's inputs on a device, runs it and compares. A mode
// never throws for a case that fails: the outcome says what was wrong.
#pragma once

#include <functional>
#include <string>

#include <linnet/check/op_case.h>

namespace linnet::checks {

/// The result against the reference.
Outcome against_reference(const OpCase& op, DType dtype, Device device);
/// The same while fresh memory is full of NaN, backward pass included: what is never written shows.
Outcome with_poison(const OpCase& op, DType dtype, Device device);
/// Every input in turn, and all of them, in every layout that its shape allows: stored transposed, as every
/// second element of a larger array, repeated with stride 0, channels last. The result against the reference,
/// gradients against those of contiguous inputs.
Outcome in_every_layout(const OpCase& op, DType dtype, Device device);
/// Shape, dtype and strides of the result on `meta`, and its gradients' shapes, against those on the device.
Outcome on_meta(const OpCase& op, DType dtype, Device device);
/// The same bits of the result and the gradients with 1, 2 and 3 threads. Leaves one thread set.
Outcome with_threads(const OpCase& op, DType dtype, Device device,
                     const std::function<void(int)>& set_num_threads);

/// One device against another: the result and the gradients of contiguous inputs, and of every layout as
/// above. Results under the case's tolerance, gradients with `terms` = all elements of inputs and result;
/// integers and bools are equal.
Outcome on_both(const OpCase& op, DType dtype, Device reference, Device device);

/// Whether the two below do anything for this case: it is differentiable, and small enough for one
/// difference per element.
bool has_gradcheck(const OpCase& op);
/// First derivatives against central differences, in Float64.
Outcome first_gradient(const OpCase& op, Device device);
/// Second derivatives likewise.
Outcome second_gradient(const OpCase& op, Device device);

}  // namespace linnet::checks

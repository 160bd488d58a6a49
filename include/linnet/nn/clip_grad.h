// Gradient clipping, between backward() and step():
//   loss.backward();
//   optim::clip_grad_norm_(model.parameters(), 1.0);
//   optimizer.step();
// Works on the gradients' devices and waits for none. Parameters without a gradient are skipped; the others
// get a new gradient, so arrays that were taken from grad() before stay as they are.
#pragma once

#include <linnet/autograd/tensor.h>

namespace linnet::optim {

/// Scales all gradients by min(1, max_norm / (total + 1e-6)), total being the norm of all of their elements
/// together, and returns the total: 0-d, of the first gradient's dtype and on its device; 0 where there is no
/// gradient. `norm_type` is p of the p-norm, infinity the largest magnitude. A total that is not finite makes
/// gradients that are not. Gradients on other devices are read through the host.
/// Throws Error unless max_norm is at least 0 and norm_type above 0.
NDArray clip_grad_norm_(const Tensors& parameters, double max_norm, double norm_type = 2);

/// Brings every element of every gradient into [-clip_value, clip_value]; NaN stays.
/// Throws Error unless clip_value is finite and at least 0.
void clip_grad_value_(const Tensors& parameters, double clip_value);

}  // namespace linnet::optim

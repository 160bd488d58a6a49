// Dropout: which elements stay is drawn as uniform numbers of 24 bits, the same on every device, and compared
// with p without rounding.
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>

#include "core/fail.h"

namespace linnet {
namespace {

Tensor kept_at_random(const Tensor& x, const Shape& mask_shape, double p, bool training, const char* where) {
  check(x.defined() && is_floating(x.dtype()), where, "the input is {}; expected a floating dtype",
        x.defined() ? name(x.dtype()) : "undefined");
  check(p >= 0 && p <= 1, where, "p is {}; expected a probability", p);
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  const NDArray kept = random_uniform(mask_shape, DType::Float32, x.device()) >= p;
  return linnet::where(kept, x / (1 - p), 0);
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training) {
  return kept_at_random(x, x.defined() ? x.shape() : Shape(), p, training, "dropout");
}

Tensor dropout2d(const Tensor& x, double p, bool training) {
  check(x.defined() && x.rank() >= 2, "dropout2d", "the input has shape {}; expected (N, C, ...)",
        x.defined() ? x.shape() : Shape());
  Shape mask = Dims::filled(x.rank(), 1);
  mask[0] = x.size(0);
  mask[1] = x.size(1);
  return kept_at_random(x, mask, p, training, "dropout2d");
}

}  // namespace linnet

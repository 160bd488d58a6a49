// Softmax and log-softmax. Their rules use the fused backward function, except where the gradient itself is
// recorded: then they are written out in Tensor operators.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

namespace linnet {

using autograd::Keep;
using autograd::record;
using autograd::Saved;

Tensor softmax(const Tensor& x, int dim) {
  return record(
      "softmax", {x}, softmax(x.data(), dim),
      [dim](const Saved& saved, const Tensor& gy) -> Tensors {
        const Tensor y = saved.output();
        if (!grad_enabled()) return {softmax_grad(y.data(), gy.data(), dim)};
        const Tensor weighted = gy * y;
        return {weighted - y * sum(weighted, {dim}, true)};
      },
      Keep::Output);
}

Tensor log_softmax(const Tensor& x, int dim) {
  return record(
      "log_softmax", {x}, log_softmax(x.data(), dim),
      [dim](const Saved& saved, const Tensor& gy) -> Tensors {
        const Tensor y = saved.output();
        if (!grad_enabled()) return {log_softmax_grad(y.data(), gy.data(), dim)};
        return {gy - exp(y) * sum(gy, {dim}, true)};
      },
      Keep::Output);
}

}  // namespace linnet

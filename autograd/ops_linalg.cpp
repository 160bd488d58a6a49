// Matrix products: transposes are views, so no rule copies an operand to turn it round.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include "autograd/node.h"
#include "core/einsum.h"

namespace linnet {

using autograd::array_of;
using autograd::record;
using autograd::Saved;

namespace {

Tensor transposed(const Tensor& x) {
  return x.transpose(-2, -1);
}

/// All but the last dimension joined.
Tensor as_rows(const Tensor& x) {
  const int64_t columns = x.shape().back();
  int64_t rows = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) rows *= x.size(i);
  return x.reshape({rows, columns});
}

/// The gradient by b of a b, a and b being matrices or stacks of them.
Tensor by_right(const Tensor& a, const Tensor& b, const Tensor& gy) {
  // One product over all rows, where a stack of them would have to be added up.
  if (b.rank() == 2 && a.rank() > 2) return matmul(transposed(as_rows(a)), as_rows(gy));
  return sum_to(matmul(transposed(a), gy), b.shape());
}

Tensors matmul_rule(const Saved& saved, const Tensor& upstream) {
  const Tensor left = saved.input(0), right = saved.input(1);
  const Tensor a = left.rank() == 1 ? left.expand_dims(0) : left;
  const Tensor b = right.rank() == 1 ? right.expand_dims(1) : right;
  Tensor gy = left.rank() == 1 ? upstream.expand_dims(right.rank() == 1 ? -1 : -2) : upstream;
  if (right.rank() == 1) gy = gy.expand_dims(-1);
  return {saved.needs(0) ? sum_to(matmul(gy, transposed(b)), a.shape()).reshape(left.shape()) : Tensor(),
          saved.needs(1) ? by_right(a, b, gy).reshape(right.shape()) : Tensor()};
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  return record("matmul", {a, b}, matmul(a.data(), b.data()), matmul_rule);
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  NDArray y = linear(x.data(), w.data(), array_of(bias));
  return record("linear", {x, w, bias}, std::move(y), [](const Saved& saved, const Tensor& gy) -> Tensors {
    const Tensor in = saved.input(0), weight = saved.input(1);
    const Tensor rows = as_rows(gy);
    return {saved.needs(0) ? matmul(gy, weight) : Tensor(),
            saved.needs(1) ? matmul(transposed(rows), as_rows(in)) : Tensor(),
            saved.needs(2) ? sum(rows, {0}) : Tensor()};
  });
}

Tensor einsum(const std::string& expression, const Tensor& a) {
  return einsum_of<Tensor>(einsum_labels(expression, {a.shape()}), {a});
}

Tensor einsum(const std::string& expression, const Tensor& a, const Tensor& b) {
  return einsum_of<Tensor>(einsum_labels(expression, {a.shape(), b.shape()}), {a, b});
}

}  // namespace linnet

// Gradients of any order, an operator of one's own, and what was recorded.
#include <linnet/linnet.h>

#include <iostream>

using namespace linnet;

Tensor clipped_square(const Tensor& x, double limit) {
  NDArray y = minimum(square(x.data()), limit);
  return autograd::record(
      "clipped_square", {x}, y, [limit](const autograd::Saved& saved, const Tensor& gy) -> Tensors {
        const Tensor& in = saved.input(0);
        return {gy * where(square(in) < limit, 2 * in, 0)};  // written in Tensors: differentiable again
      });
}

int main() {
  manual_seed(0);
  Tensor x = Tensor(random_normal({3, 5})).requires_grad_();
  Tensor y = sum(square(x) * x);
  std::cout << print_tape(y) << '\n';
  Tensors g = autograd::grad(y, {x}, {.create_graph = true});
  sum(g[0]).backward();
  std::cout << "second derivative of x^3 over x, which is 6 everywhere:\n" << x.grad() / x << "\n\n";

  autograd::gradcheck([](const Tensors& in) { return clipped_square(in[0], 4.0); },
                      {random_normal({3, 5}, DType::Float64)});
  std::cout << "clipped_square has the gradient it says\n";
}

// A stranger's program: a small network, one training step, all through the public headers.
#include <linnet/core/version.h>
#include <linnet/linnet.h>

#include <iostream>

using namespace linnet;

struct Net : nn::Module {
  nn::Conv2d conv{1, 4, {.kernel = 3, .padding = 1}};
  nn::Linear head{4 * 6 * 6, 3};

  Tensor forward(const Tensor& x) const override { return head(relu(conv(x)).flatten(1)); }
  void fields(nn::Fields& f) override { f("conv", conv)("head", head); }
};

int main() {
  manual_seed(0);
  Net model;
  optim::Adam optimizer(model.parameters(), {.lr = 1e-2});
  const NDArray images = random_normal({8, 1, 6, 6});
  const NDArray labels = random_integers(0, 3, {8});

  double first = 0;
  double last = 0;
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    Tensor loss = cross_entropy(model(images), labels);
    loss.backward();
    optimizer.step();
    last = loss.item<double>();
    if (step == 0) first = last;
  }
  std::cout << "linnet " << LINNET_VERSION_MAJOR << '.' << LINNET_VERSION_MINOR << '.' << LINNET_VERSION_PATCH
            << ": loss " << first << " -> " << last << '\n';
  return last < first ? 0 : 1;
}

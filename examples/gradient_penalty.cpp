// A gradient inside a loss: a critic learns to tell digits from noise while the norm of its gradient by the
// picture is held at 1, as in Gulrajani and others, "Improved training of Wasserstein GANs", 2017. The
// penalty is a function of first derivatives, so training differentiates convolutions twice.
#include <linnet/linnet.h>

#include <cstdio>

using namespace linnet;

// Of the penalty. A critic gains about 12 with each unit of the norm here, so it settles at 1 + 12 / (2
// kWeight).
constexpr double kWeight = 100;

struct Critic : nn::Module {
  nn::Conv2d conv1{1, 8, {.kernel = 4, .stride = 2, .padding = 1}};
  nn::Conv2d conv2{8, 16, {.kernel = 4, .stride = 2, .padding = 1}};
  nn::Linear score{16 * 7 * 7, 1};

  Tensor forward(const Tensor& x) const override {
    const Tensor h = silu(conv2(silu(conv1(x))));
    return score(h.flatten(1));
  }
  void fields(nn::Fields& f) override { f("conv1", conv1)("conv2", conv2)("score", score); }
};

/// The norm of the critic's gradient by each picture, itself differentiable.
Tensor gradient_norms(const Critic& critic, const NDArray& pictures) {
  const Tensor x = Tensor(pictures).requires_grad_();
  const Tensor by_picture = autograd::grad(sum(critic(x)), {x}, {.create_graph = true})[0];
  return norm(by_picture.flatten(1), 2, {1});
}

int main() {
  manual_seed(0);
  const data::Dataset digits = data::synthetic_digits(512, 0);
  data::Loader loader(digits, {.batch = 32, .shuffle = true, .seed = 0});
  Critic critic;
  optim::Adam optimizer(critic.parameters(), {.lr = 2e-3, .beta1 = 0.5});
  double last = 0;
  for (int epoch = 1; epoch <= 6; ++epoch) {
    double distance = 0;
    for (const auto& [real, labels] : loader) {
      const NDArray noise = random_uniform(real.shape());
      const NDArray mixed = real + (noise - real) * random_uniform({real.size(0), 1, 1, 1});
      const Tensor norms = gradient_norms(critic, mixed);
      const Tensor apart = mean(critic(real)) - mean(critic(noise));
      optimizer.zero_grad();
      (kWeight * mean(square(norms - 1)) - apart).backward();
      optimizer.step();
      distance = apart.item<double>();
      last = mean(norms).item<double>();
    }
    std::printf("epoch %d: digits score %.2f above noise; the gradient's norm is %.2f\n", epoch, distance,
                last);
  }
  std::printf("the norm of the gradient is %s 1\n", last > 0.8 && last < 1.2 ? "held near" : "not near");
}

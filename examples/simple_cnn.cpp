// Defines a CNN, trains it on MNIST (or any data set in the same four files) and saves its weights.
//   example_simple_cnn [DEVICE [FOLDER [EPOCHS]]]     (cpu, data/mnist, 5)
// `linnet make-digits FOLDER` writes a synthetic data set.
#include <linnet/linnet.h>

#include <iostream>
#include <string>

using namespace linnet;

struct SimpleCNN : nn::Module {
  nn::Conv2d conv1{1, 32, {.kernel = 2, .stride = 2}};
  nn::Conv2d conv2{32, 64, {.kernel = 2, .stride = 2, .padding = 1}};
  nn::Conv2d conv3{64, 128, {.kernel = 2, .stride = 2}};
  nn::Linear fc1{128 * 4 * 4, 250};
  nn::Linear fc2{250, 10};

  Tensor forward(const Tensor& x) const override {
    Tensor h = relu(conv1(x));
    h = relu(conv2(h));
    h = relu(conv3(h));
    h = relu(fc1(h.flatten(1)));
    return fc2(h);
  }
  void fields(nn::Fields& f) override {
    f("conv1", conv1)("conv2", conv2)("conv3", conv3)("fc1", fc1)("fc2", fc2);
  }
};

int main(int argc, char** argv) {
  Device dev = device(argc > 1 ? argv[1] : "cpu");
  manual_seed(0);  // the same random numbers on every device
  auto [train_set, test_set] = data::mnist(argc > 2 ? argv[2] : "data/mnist");
  const int epochs = argc > 3 ? std::stoi(argv[3]) : 5;

  SimpleCNN model;
  model.to(dev);
  std::cout << nn::summary(model, {128, 1, 28, 28}) << '\n';
  optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
  data::Loader loader(train_set, {.batch = 128, .shuffle = true, .device = dev});

  for (int epoch = 1; epoch <= epochs; ++epoch) {
    for (auto [images, labels] : loader) {  // each pass is the next epoch, reshuffled
      optimizer.zero_grad();
      Tensor loss = cross_entropy(model(images), labels);
      loss.backward();
      optimizer.step();
    }
    std::cout << "epoch " << epoch << ": " << train::accuracy(model, test_set) << '\n';
  }
  save(model, "simple-cnn.safetensors");
}

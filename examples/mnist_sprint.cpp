// 99 % on MNIST's test set in as little time as it takes: a net of two convolutions, two passes over the
// images, one cycle of the learning rate. Prints the seconds of the training and the accuracy after it.
//   example_mnist_sprint [FOLDER [SEED [EPOCHS [THREADS]]]]     (data/mnist, 0, 2, as many as there are
//   cores)
// bench/mnist_sprint.py is the same in PyTorch.
#include <linnet/linnet.h>

#include <chrono>
#include <iostream>
#include <string>

using namespace linnet;

int main(int argc, char** argv) {
  const auto [train_set, test_set] = data::mnist(argc > 1 ? argv[1] : "data/mnist");
  manual_seed(argc > 2 ? std::stoull(argv[2]) : 0);
  const int64_t epochs = argc > 3 ? std::stoll(argv[3]) : 2;
  if (argc > 4) set_num_threads(std::stoi(argv[4]));
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();

  nn::Sequential model{nn::Conv2d(1, 16, {.kernel = 3, .padding = 1, .bias = false}),
                       nn::MaxPool2d({.kernel = 2}),
                       nn::BatchNorm2d(16),
                       nn::ReLU(),
                       nn::Conv2d(16, 32, {.kernel = 3, .padding = 1, .bias = false}),
                       nn::MaxPool2d({.kernel = 2}),
                       nn::BatchNorm2d(32),
                       nn::ReLU(),
                       nn::Flatten(),
                       nn::Linear(32 * 7 * 7, 10)};
  model.to(MemoryOrder::ChannelsLast);
  data::Loader loader(train_set, {.batch = 128, .shuffle = true});
  optim::SGD optimizer(model.parameters(),
                       {.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-3, .nesterov = true});
  optim::Schedule schedule(optimizer,
                           optim::one_cycle_lr({.max_lr = 0.4, .total_steps = epochs * loader.batches()}));
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    for (auto [images, labels] : loader) {
      optimizer.zero_grad();
      cross_entropy(model(images), labels).backward();
      optimizer.step();
      schedule.step();
    }
  }
  const std::chrono::duration<double> seconds = Clock::now() - start;
  std::cout << seconds.count() << " s, " << 100 * train::accuracy(model, test_set) << " %" << std::endl;
}

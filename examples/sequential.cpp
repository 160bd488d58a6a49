// The short form: a Sequential, trained by train::fit on synthetic digits.
//   example_sequential [IMAGES]     (6000)
#include <linnet/linnet.h>

#include <iostream>
#include <string>

using namespace linnet;

int main(int argc, char** argv) {
  manual_seed(0);
  const int64_t images = argc > 1 ? std::stoll(argv[1]) : 6000;
  const data::Dataset train_set = data::synthetic_digits(images, 0);
  const data::Dataset test_set = data::synthetic_digits(1000, 0, 1);

  nn::Sequential model{nn::Conv2d(1, 16, {.kernel = 3, .stride = 2, .padding = 1}),
                       nn::ReLU(),
                       nn::Conv2d(16, 32, {.kernel = 3, .stride = 2, .padding = 1}),
                       nn::ReLU(),
                       nn::Flatten(),
                       nn::Linear(32 * 7 * 7, 10)};
  train::fit(model, train_set, test_set, {.epochs = 2});
  std::cout << "test accuracy " << train::accuracy(model, test_set) << '\n';
}

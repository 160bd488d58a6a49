// Loads trained weights and classifies one picture of a digit.
//   example_load_and_predict WEIGHTS.safetensors IMAGE.png
#include <linnet/linnet.h>

#include <iostream>

using namespace linnet;

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: example_load_and_predict WEIGHTS.safetensors IMAGE.png\n";
    return 2;
  }
  nn::SimpleCNN model;
  load(model, argv[1]);
  model.eval();

  const nn::InferenceModel network = nn::optimize_for_inference(model, {1, 1, 28, 28});
  const NDArray image = data::to_input(data::read_png(argv[2]));  // (1, 1, 28, 28), scaled as in training
  const NDArray p = softmax(network.predict(image), 1);
  const int digit = argmax(p, 1).item<int>();
  std::cout << digit << " with probability " << p.select(1, digit).item<float>() << '\n';
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

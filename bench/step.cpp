// Times each part of a SimpleCNN training step at batch 128 in float32, and inference. Prints one JSON object
// a line, as bench/peer_step.py does for PyTorch; scripts/bench-step runs both and compares.
//   bench_step [--device NAME] [--threads N] [--only TEXT] [--min-time SECONDS] [--min-runs N]
//              [--algorithms NAME,...]
// --algorithms are of the convolutions: auto, direct, im2col, dilate_flip; each is a `variant` of its part. A
// GPU is waited for after enough runs that the wait does not count.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <linnet/autograd/ops.h>
#include <linnet/cpu/threads.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>

using namespace linnet;

namespace {

constexpr int64_t kBatch = 128;

struct Arguments {
  std::string device = "cpu";
  int threads = 1;
  std::string only;  ///< Part of the names to time; all where empty.
  double min_time = 0.25;
  int min_runs = 11;
  std::vector<ConvAlgorithm> algorithms = {ConvAlgorithm::Auto};
};

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments), device_(device(arguments.device)) {}

  /// Runs `work` until it is warm, then often enough, and prints median and minimum.
  void time(const std::string& name, const std::function<void()>& work, const char* variant = "auto") const {
    if (name.find(arguments_.only) == std::string::npos) return;
    const auto start = Clock::now();
    do seconds_of(work, 1);
    while (seconds_since(start) < 0.2 * arguments_.min_time);
    const bool waits = device_.name() != "cpu";
    const int at_once = waits ? static_cast<int>(1 + kSecondsAtOnce / seconds_of(work, 1)) : 1;
    std::vector<double> times;
    double total = 0;
    while (static_cast<int>(times.size()) < arguments_.min_runs || total < arguments_.min_time) {
      const double seconds = seconds_of(work, at_once);
      times.push_back(seconds / at_once);
      total += seconds;
    }
    std::sort(times.begin(), times.end());
    fmt::print(
        "{{\"workload\": \"{}\", \"variant\": \"{}\", \"device\": \"{}\", \"threads\": {}, \"ms\": {:.5f}, "
        "\"ms_min\": {:.5f}, \"runs\": {}}}\n",
        name, variant, device_.name(), arguments_.threads, times[times.size() / 2] * 1e3, times.front() * 1e3,
        times.size() * static_cast<size_t>(at_once));
    std::fflush(stdout);
  }

  const std::vector<ConvAlgorithm>& algorithms() const { return arguments_.algorithms; }

 private:
  using Clock = std::chrono::steady_clock;
  /// Of work between two waits for a GPU; a wait is some 10 microseconds.
  static constexpr double kSecondsAtOnce = 0.01;

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  double seconds_of(const std::function<void()>& work, int times) const {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) work();
    device_.synchronize();
    return seconds_since(start);
  }
  const Arguments& arguments_;
  Device device_;
};

void time_conv(const Bench& bench, const std::string& name, const nn::Conv2d& layer, const Shape& input) {
  const NDArray x = random_normal(input);
  const NDArray& w = layer.weight.data();
  Conv2dOptions options = layer.options();
  const NDArray gy = random_normal(Conv2dGeometry::make(x.shape(), w.shape(), options).output_shape());
  for (const ConvAlgorithm algorithm : bench.algorithms()) {
    options.algorithm = algorithm;
    const Conv2dGeometry geometry = Conv2dGeometry::make(x.shape(), w.shape(), options);
    const char* variant = linnet::name(algorithm);
    bench.time(
        name + "/forward", [&] { conv2d(x, w, layer.bias.data(), options); }, variant);
    bench.time(
        name + "/grad_input", [&] { conv2d_grad_input(gy, w, geometry); }, variant);
    bench.time(
        name + "/grad_weight", [&] { conv2d_grad_weight(x, gy, geometry); }, variant);
  }
  bench.time(name + "/grad_bias", [&] { sum(gy, {0, 2, 3}); });
}

void time_linear(const Bench& bench, const std::string& name, const nn::Linear& layer) {
  const NDArray x = random_normal({kBatch, layer.in_features()});
  const NDArray gy = random_normal({kBatch, layer.out_features()});
  const NDArray& w = layer.weight.data();
  bench.time(name + "/forward", [&] { linear(x, w, layer.bias.data()); });
  bench.time(name + "/backward", [&] {
    matmul(gy, w);
    matmul(gy.transpose(0, 1), x);
    sum(gy, {0});
  });
}

void time_parts(const Bench& bench, const nn::SimpleCNN& model) {
  time_conv(bench, "conv1", model.conv1, {kBatch, 1, 28, 28});
  time_conv(bench, "conv2", model.conv2, {kBatch, 32, 14, 14});
  time_conv(bench, "conv3", model.conv3, {kBatch, 64, 8, 8});
  time_linear(bench, "fc1", model.fc1);
  time_linear(bench, "fc2", model.fc2);
  const Tensor activations = random_normal({kBatch, 32, 14, 14});
  bench.time("relu1/forward", [&] { relu(activations.data()); });
  const NDArray gy = random_normal(activations.shape());
  bench.time("relu1/backward", [&] { mask_positive(gy, activations.data()); });
}

void time_loss(const Bench& bench, const NDArray& labels) {
  Tensor logits = Tensor(random_normal({kBatch, 10})).requires_grad_();
  bench.time("cross_entropy/forward_backward", [&] {
    logits.zero_grad();
    cross_entropy(logits, labels).backward();
  });
}

void time_step(const Bench& bench, nn::SimpleCNN& model, const NDArray& images, const NDArray& labels) {
  optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
  for (const Tensor& parameter : model.parameters()) {
    Tensor handle = parameter;
    handle.set_grad(random_normal(parameter.shape()));
  }
  bench.time("adam/step", [&] { optimizer.step(); });
  bench.time("train_step_b128", [&] {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(images), labels);
    loss.backward();
    optimizer.step();
  });
}

void time_inference(const Bench& bench, const nn::SimpleCNN& model, const NDArray& images) {
  const NoGrad guard;
  const NDArray one = images.slice(0, 0, 1).contiguous();
  bench.time("infer_b1", [&] { model(one); });
  bench.time("infer_b128", [&] { model(images); });
}

/// "direct,im2col" as algorithms.
std::vector<ConvAlgorithm> algorithms_of(const std::string& words) {
  std::vector<ConvAlgorithm> all;
  std::istringstream list(words);
  for (std::string word; std::getline(list, word, ',');) all.push_back(conv_algorithm(word));
  return all;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) throw Error("bench_step", option + " needs a value");
    const std::string value = argv[i + 1];
    if (option == "--device")
      arguments.device = value;
    else if (option == "--threads")
      arguments.threads = std::stoi(value);
    else if (option == "--only")
      arguments.only = value;
    else if (option == "--min-time")
      arguments.min_time = std::stod(value);
    else if (option == "--min-runs")
      arguments.min_runs = std::stoi(value);
    else if (option == "--algorithms")
      arguments.algorithms = algorithms_of(value);
    else
      throw Error("bench_step", "unknown option " + option +
                                    "; expected --device, --threads, --only, --min-time, --min-runs or "
                                    "--algorithms");
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = parse(argc, argv);
  set_num_threads(arguments.threads);
  set_default_device(device(arguments.device));
  manual_seed(0);
  const Bench bench(arguments);
  nn::SimpleCNN model;
  const NDArray images = random_uniform({kBatch, 1, 28, 28});
  const NDArray labels = random_integers(0, 10, {kBatch});
  time_parts(bench, model);
  time_loss(bench, labels);
  time_inference(bench, model, images);
  time_step(bench, model, images, labels);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}

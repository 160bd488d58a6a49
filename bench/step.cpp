// Times each part of a SimpleCNN training step at batch 128 in float32, and inference. Prints one JSON object
// a line, as bench/peer_step.py does for PyTorch; scripts/bench-step runs both and compares.
//   bench_step [--threads N] [--only TEXT] [--min-time SECONDS] [--min-runs N]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
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
  int threads = 1;
  std::string only;  ///< Part of the names to time; all where empty.
  double min_time = 0.25;
  int min_runs = 11;
};

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments) {}

  /// Runs `work` until it is warm, then often enough, and prints median and minimum.
  void time(const std::string& name, const std::function<void()>& work) const {
    if (name.find(arguments_.only) == std::string::npos) return;
    const auto start = Clock::now();
    do work();
    while (seconds_since(start) < 0.2 * arguments_.min_time);
    std::vector<double> times;
    double total = 0;
    while (static_cast<int>(times.size()) < arguments_.min_runs || total < arguments_.min_time) {
      const auto before = Clock::now();
      work();
      times.push_back(seconds_since(before));
      total += times.back();
    }
    std::sort(times.begin(), times.end());
    fmt::print(
        "{{\"workload\": \"{}\", \"threads\": {}, \"ms\": {:.5f}, \"ms_min\": {:.5f}, \"runs\": {}}}\n", name,
        arguments_.threads, times[times.size() / 2] * 1e3, times.front() * 1e3, times.size());
    std::fflush(stdout);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  const Arguments& arguments_;
};

void time_conv(const Bench& bench, const std::string& name, const nn::Conv2d& layer, const Shape& input) {
  const NDArray x = random_normal(input);
  const NDArray& w = layer.weight.data();
  const Conv2dGeometry geometry = Conv2dGeometry::make(x.shape(), w.shape(), layer.options());
  const NDArray gy = random_normal(geometry.output_shape());
  bench.time(name + "/forward", [&] { conv2d(x, w, layer.bias.data(), layer.options()); });
  bench.time(name + "/grad_input", [&] { conv2d_grad_input(gy, w, geometry); });
  bench.time(name + "/grad_weight", [&] { conv2d_grad_weight(x, gy, geometry); });
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

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) throw Error("bench_step", option + " needs a value");
    const std::string value = argv[i + 1];
    if (option == "--threads")
      arguments.threads = std::stoi(value);
    else if (option == "--only")
      arguments.only = value;
    else if (option == "--min-time")
      arguments.min_time = std::stod(value);
    else if (option == "--min-runs")
      arguments.min_runs = std::stoi(value);
    else
      throw Error("bench_step",
                  "unknown option " + option + "; expected --threads, --only, --min-time or --min-runs");
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = parse(argc, argv);
  set_num_threads(arguments.threads);
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

#include "bench/workloads.h"

#include <cmath>
#include <map>
#include <memory>

#include <fmt/format.h>

#include <linnet/autograd/ops.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/core/version.h>
#include <linnet/nn/inference.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>
#include "bench/shapes.h"

namespace linnet::bench {
namespace {

using Algorithms = std::vector<ConvAlgorithm>;

double relative_error(const NDArray& result, const NDArray& reference) {
  const auto values = result.to(DType::Float64).to_vector<double>(), expected = reference.to_vector<double>();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    difference += (values[i] - expected[i]) * (values[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

/// The error of what has that name: computed when it is asked for first.
template <class Compute>
double error_once(const std::string& name, const Compute& compute) {
  static std::map<std::string, double> known;
  const auto found = known.find(name);
  return found != known.end() ? found->second : known.emplace(name, compute()).first->second;
}

NDArray twice(const NDArray& array) {
  return array.to(DType::Float64);
}

// ---- matrix products

Workload sgemm(const Gemm& gemm) {
  return {gemm.name(), [=](const Timer& timer) {
            const NDArray a = random_normal({gemm.M, gemm.K}), b = random_normal({gemm.K, gemm.N});
            const double error = error_once(
                gemm.name(), [&] { return relative_error(matmul(a, b), matmul(twice(a), twice(b))); });
            timer("matmul", {gemm.flops(), 0, error}, [&] { matmul(a, b); });
          }};
}

// ---- convolutions

/// The operands of a convolution and its gradients, in one order of memory.
struct ConvOperands {
  ConvOperands(const Conv& c, MemoryOrder order) {
    options = c.options();
    x = random_normal({c.batch, c.channels, c.height, c.width}).to(order);
    w = random_normal({c.filters, c.channels / c.groups, c.kernel, c.kernel});
    bias = random_normal({c.filters});
    gy = random_normal(geometry().output_shape()).to(order);
  }

  Conv2dGeometry geometry() const { return Conv2dGeometry::make(x.shape(), w.shape(), options); }

  NDArray compute(const std::string& pass) const {
    if (pass == "fwd") return conv2d(x, w, bias, options);
    return pass == "grad_input" ? conv2d_grad_input(gy, w, geometry())
                                : conv2d_grad_weight(x, gy, geometry());
  }
  NDArray compute_twice(const std::string& pass) const {
    ConvOperands in_double = *this;
    for (NDArray* array : {&in_double.x, &in_double.w, &in_double.bias, &in_double.gy})
      *array = twice(*array);
    in_double.options.algorithm = ConvAlgorithm::Im2col;
    return in_double.compute(pass);
  }

  Conv2dOptions options;
  NDArray x, w, bias, gy;
};

/// Errors are computed before anything is timed, but not for the growth curves.
void time_conv(const Timer& timer, const Conv& conv, const std::string& pass, const Algorithms& algorithms) {
  for (const auto& [layout, order] :
       {std::pair{"nchw", MemoryOrder::Contiguous}, std::pair{"channels_last", MemoryOrder::ChannelsLast}}) {
    ConvOperands operands(conv, order);
    for (const ConvAlgorithm algorithm : algorithms) {
      operands.options.algorithm = algorithm;
      const std::string variant =
          algorithm == ConvAlgorithm::Auto ? layout : fmt::format("{}/{}", layout, name(algorithm));
      Cost cost{conv.flops(), 0, {}};
      if (!conv.name.empty()) {
        cost.error = error_once(fmt::format("{}/{}/{}", conv.name, pass, variant), [&] {
          return relative_error(operands.compute(pass), operands.compute_twice(pass));
        });
      }
      timer(variant, cost, [&] { operands.compute(pass); });
    }
  }
}

Workload conv(const Conv& conv, const std::string& pass, const Algorithms& algorithms) {
  return {fmt::format("conv/{}/{}", conv.name, pass),
          [=](const Timer& timer) { time_conv(timer, conv, pass, algorithms); }};
}

/// How the time of a 3x3 convolution grows with one of its extents.
void add_growth(std::vector<Workload>& all) {
  const auto add = [&](const std::string& what, int64_t value, int64_t batch, int64_t channels,
                       int64_t image) {
    const Conv conv{"", batch, channels, image, image, channels, 3, 1, 1, 1};
    all.push_back({fmt::format("growth/{}/{}", what, value),
                   [=](const Timer& timer) { time_conv(timer, conv, "fwd", {ConvAlgorithm::Auto}); }});
  };
  for (int64_t n = 1; n <= 512; n *= 2) add("batch", n, n, 64, 28);
  for (int64_t n = 1; n <= 512; n *= 2) add("channels", n, 8, n, 28);
  for (const int64_t n : {8, 14, 28, 56, 112, 224}) add("image", n, 8, 64, n);
}

// ---- networks

struct Network {
  std::string name, model;
  Shape image;
  double flops;        ///< Of one image's forward pass.
  double first_flops;  ///< Of the first layer, whose input needs no gradient.
};

constexpr int64_t kBatch = 128;

const std::vector<Network>& networks() {
  constexpr double kSimple = 14 * 14 * 32 * 4 + 8 * 8 * 64 * 128 + 4 * 4 * 128 * 256 + 2048 * 250 + 250 * 10;
  constexpr double kResidual =
      32 * 32 * 16 * 27 +
      9 * (32 * 32 * 16 * 16 * 6 + 16 * 16 * (16 * 32 + 32 * 32 * 5) + 8 * 8 * (32 * 64 + 64 * 64 * 5)) +
      64 * 10;
  static const std::vector<Network> all{
      {"simplecnn", "simple-cnn", {1, 28, 28}, 2 * kSimple, 2.0 * 14 * 14 * 32 * 4},
      {"resnet20", "resnet-20", {3, 32, 32}, 2 * kResidual, 2.0 * 32 * 32 * 16 * 27}};
  return all;
}

NDArray images_of(const Network& network, int64_t batch, MemoryOrder order) {
  return random_uniform({batch, network.image[0], network.image[1], network.image[2]}).to(order);
}

/// Calls body(layout, order, model) for both orders of memory.
template <class Body>
void for_both_orders(const Network& network, const Body& body) {
  for (const auto& [layout, order] :
       {std::pair{"nchw", MemoryOrder::Contiguous}, std::pair{"channels_last", MemoryOrder::ChannelsLast}}) {
    const std::unique_ptr<nn::Module> model = nn::make_model(network.model);
    model->to(order);
    body(layout, order, *model);
  }
}

Workload train(const Network& network) {
  return {fmt::format("{}/train_b{}", network.name, kBatch), [&network](const Timer& timer) {
            for_both_orders(network, [&](const char* layout, MemoryOrder order, nn::Module& model) {
              model.train();
              optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
              const NDArray images = images_of(network, kBatch, order);
              const NDArray labels = random_integers(0, 10, {kBatch});
              const double flops = static_cast<double>(kBatch) * (3 * network.flops - network.first_flops);
              timer(layout, {flops, 0, {}}, [&] {
                optimizer.zero_grad();
                cross_entropy(model(images), labels).backward();
                optimizer.step();
              });
            });
          }};
}

Workload infer(const Network& network, int64_t batch) {
  return {fmt::format("{}/infer_b{}", network.name, batch), [&network, batch](const Timer& timer) {
            for_both_orders(network, [&](const char* layout, MemoryOrder order, nn::Module& model) {
              model.eval();
              const NoGrad guard;
              const NDArray images = images_of(network, batch, order);
              const Cost cost{static_cast<double>(batch) * network.flops, 0, {}};
              timer(layout, cost, [&] { model(images); });
              const nn::InferenceModel optimised = nn::optimize_for_inference(model, images);
              timer(fmt::format("{}_optimised", layout), cost, [&] { optimised.predict(images); });
            });
          }};
}

// ---- what memory or bookkeeping limits

constexpr int64_t kMany = 16 * 1024 * 1024;

void time_relu(const Timer& timer) {
  const NDArray x = random_normal({kMany});
  timer("new_array", {0, 8.0 * kMany, {}}, [&] { relu(x); });
}

void time_add(const Timer& timer) {
  const NDArray a = random_normal({kMany}), b = random_normal({kMany});
  timer("new_array", {0, 12.0 * kMany, {}}, [&] { a + b; });
}

void time_cross_entropy(const Timer& timer) {
  constexpr int64_t kRows = 4096, kColumns = 1000;
  Tensor logits = Tensor(random_normal({kRows, kColumns})).requires_grad_();
  const NDArray labels = random_integers(0, kColumns, {kRows});
  // Logits are read once, their gradient is written once.
  timer("cross_entropy", {0, 8.0 * kRows * kColumns, {}}, [&] {
    logits.zero_grad();
    cross_entropy(logits, labels).backward();
  });
}

void time_adam(const Timer& timer) {
  constexpr int64_t kCount = 10'000'000;
  Tensor parameter = Tensor(random_normal({kCount})).requires_grad_();
  parameter.set_grad(random_normal({kCount}));
  optim::Adam optimizer({parameter}, {.lr = 1e-3});
  // The parameter and both moments are read and written, the gradient is read.
  timer("adam", {0, 28.0 * kCount, {}}, [&] { optimizer.step(); });
}

void time_overhead(const Timer& timer) {
  Tensor x = Tensor(NDArray::ones({1})).requires_grad_();
  const Tensor one = NDArray::ones({1});
  timer("add", {}, [&] {
    x.zero_grad();
    Tensor y = x;
    for (int i = 0; i < 1000; ++i) y = y + one;
    y.backward();
  });
}

}  // namespace

std::string library() {
  return fmt::format("linnet {}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR, LINNET_VERSION_PATCH);
}

std::vector<Workload> workloads(const std::vector<ConvAlgorithm>& algorithms) {
  std::vector<Workload> all;
  for (const Gemm& each : gemms()) all.push_back(sgemm(each));
  for (const Conv& each : convs()) {
    for (const char* pass : {"fwd", "grad_input", "grad_weight"}) all.push_back(conv(each, pass, algorithms));
  }
  for (const Network& network : networks()) {
    all.push_back(train(network));
    all.push_back(infer(network, 1));
    all.push_back(infer(network, kBatch));
  }
  all.push_back({"elementwise/relu_16M", time_relu});
  all.push_back({"elementwise/add_16M", time_add});
  all.push_back({"elementwise/softmax_ce_fwd_bwd_4096x1000", time_cross_entropy});
  all.push_back({"elementwise/adam_10M", time_adam});
  all.push_back({"overhead/adds_1000", time_overhead});
  add_growth(all);
  return all;
}

}  // namespace linnet::bench

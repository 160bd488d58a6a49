// optimize_for_inference(): the model's results, what is fused and what is not, and what it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/cpu/threads.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/inference.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/sequential.h>
#include <linnet/nn/summary.h>

#include "core/backend.h"
#include "core/stand_in.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

/// A model that is one function, with the layers that it may use.
struct Net : nn::Module {
  using Forward = std::function<Tensor(const Net&, const Tensor&)>;
  explicit Net(Forward f) : forward_(std::move(f)) { eval(); }
  Tensor forward(const Tensor& x) const override { return forward_(*this, x); }
  void fields(nn::Fields& f) override {
    f("conv", conv)("grouped", grouped)("up", up)("norm", norm)("bare", bare)("line", line);
  }

  nn::Conv2d conv{4, 4, {.kernel = 3, .padding = 1}};
  nn::Conv2d grouped{4, 4, {.kernel = 3, .stride = 2, .groups = 2, .bias = false}};
  nn::ConvTranspose2d up{4, 4, {.kernel = 2, .stride = 2}};
  nn::BatchNorm2d norm{4};
  nn::BatchNorm2d bare{4, {.affine = false}};
  nn::Linear line{6, 4};

 private:
  Forward forward_;
};

NDArray result_of(const nn::Module& model, const NDArray& x) {
  const NoGrad no_grad;
  return model(x).data();
}

/// Statistics, scales and shifts that are not those of a new layer.
void randomize_norms(const nn::Module& model) {
  for (const auto& [name, tensor] : model.named_buffers()) {
    if (is_floating(tensor.dtype())) tensor.data().copy_(0.5 + 1.5 * random_uniform(tensor.shape()));
  }
  for (const auto& [name, tensor] : model.named_parameters()) {
    if (tensor.rank() == 1) tensor.data().copy_(0.5 + random_uniform(tensor.shape()));
  }
}

void expect_same_bits(const NDArray& a, const NDArray& b) {
  ASSERT_EQ(a.shape(), b.shape());
  ASSERT_EQ(a.dtype(), b.dtype());
  EXPECT_EQ(a.to_vector<double>(), b.to_vector<double>());
}

double distance(const NDArray& a, const NDArray& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  EXPECT_EQ(a.shape(), b.shape());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += (x[i] - y[i]) * (x[i] - y[i]);
    norm += y[i] * y[i];
  }
  return std::sqrt(difference / norm);
}

int count(const nn::InferenceModel& model, const std::string& call) {
  const std::string plan = "\n" + model.plan();
  int found = 0;
  for (size_t at = plan.find("\n" + call + " "); at != std::string::npos;
       at = plan.find("\n" + call + " ", at + 1))
    ++found;
  return found;
}

TEST(Inference, SimpleCnnHasTheModelsBitsForAnyBatch) {
  manual_seed(1);
  nn::SimpleCNN model;
  model.eval();
  for (const int64_t planned : {1, 3}) {
    const nn::InferenceModel fast = nn::optimize_for_inference(model, {planned, 1, 28, 28});
    EXPECT_TRUE(fast.any_batch());
    EXPECT_EQ(count(fast, "conv2d_packed_relu"), 3) << fast.plan();
    EXPECT_EQ(count(fast, "relu"), 0) << fast.plan();
    for (const int64_t batch : {0, 1, 2, 5, 33, 101}) {  // the larger ones in parts
      const NDArray x = random_normal({batch, 1, 28, 28});
      expect_same_bits(fast.predict(x), result_of(model, x));
    }
  }
}

TEST(Inference, ThreadsTakePartsOfTheirOwn) {
  manual_seed(10);
  const auto model = nn::make_model("resnet-20");
  model->eval();
  const nn::InferenceModel fast = nn::optimize_for_inference(*model, {1, 3, 32, 32});
  const int before = num_threads();
  for (const int64_t batch : {15, 16, 23, 40}) {  // one and several to a thread, as even as they can be
    const NDArray x = random_normal({batch, 3, 32, 32});
    set_num_threads(1);
    const NDArray expected = fast.predict(x);
    for (const int threads : {2, 3}) {
      set_num_threads(threads);
      expect_same_bits(fast.predict(x), expected);
    }
  }
  set_num_threads(before);
}

TEST(Inference, ResidualNetworkFoldsEveryBatchNorm) {
  manual_seed(2);
  for (const MemoryOrder order : {MemoryOrder::Contiguous, MemoryOrder::ChannelsLast}) {
    for (const auto& [dtype, tolerance] :
         {std::pair{DType::Float32, 1e-5}, std::pair{DType::Float64, 1e-12}}) {
      const auto model = nn::make_model("resnet-20");
      randomize_norms(*model);
      model->to(dtype);
      model->to(order);
      model->eval();
      const NDArray x = random_normal({2, 3, 32, 32}, dtype).to(order);
      const nn::InferenceModel fast = nn::optimize_for_inference(*model, x);
      EXPECT_EQ(count(fast, "batch_norm"), 0) << fast.plan();
      EXPECT_EQ(count(fast, "relu"), 0) << fast.plan();
      EXPECT_EQ(count(fast, "conv2d_packed_relu"), 10);
      EXPECT_EQ(count(fast, "conv2d_packed"), 9);
      EXPECT_LT(distance(fast.predict(x), result_of(*model, x)), tolerance);
      const NDArray one = random_normal({1, 3, 32, 32}, dtype).to(order);
      EXPECT_LT(distance(fast.predict(one), result_of(*model, one)), tolerance);
      // In another order of memory than planned for.
      EXPECT_LT(distance(fast.predict(x.contiguous()), result_of(*model, x)), tolerance);
    }
  }
}

TEST(Inference, EveryPublishedModelAgrees) {
  for (const std::string& name : nn::model_names()) {
    if (name == "vgg-11") continue;  // half a gigabyte of weights
    manual_seed(3);
    const auto model = nn::make_model(name);
    model->eval();
    const bool photographs = name == "resnet-18";
    const Shape shape =
        photographs ? Shape{1, 3, 64, 64} : (name == "resnet-20" ? Shape{1, 3, 32, 32} : Shape{1, 1, 28, 28});
    const nn::InferenceModel fast = nn::optimize_for_inference(*model, shape);
    Shape two = shape;
    two[0] = 2;
    const NDArray x = random_normal(two);
    EXPECT_TRUE(fast.any_batch()) << name;
    EXPECT_LT(distance(fast.predict(x), result_of(*model, x)), 1e-5) << name;
  }
}

// ---- what is folded, and what must not be

struct Case {
  const char* what;
  Net::Forward forward;
  int norms_left;
  bool same_bits;
};

class InferenceFolds : public testing::TestWithParam<Case> {};

TEST_P(InferenceFolds, AsTheModel) {
  manual_seed(4);
  Net model(GetParam().forward);
  randomize_norms(model);
  const NDArray x = random_normal({2, 4, 6, 6});
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {2, 4, 6, 6});
  EXPECT_EQ(count(fast, "batch_norm"), GetParam().norms_left) << fast.plan();
  const NDArray y = fast.predict(x);
  if (GetParam().same_bits) {
    expect_same_bits(y, result_of(model, x));
  } else {
    EXPECT_LT(distance(y, result_of(model, x)), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, InferenceFolds,
    testing::Values(
        Case{"conv_norm", [](const Net& n, const Tensor& x) { return n.norm(n.conv(x)); }, 0, false},
        Case{"no_bias_groups_not_affine",
             [](const Net& n, const Tensor& x) { return relu(n.bare(n.grouped(x))); }, 0, false},
        Case{"conv_twice",
             [](const Net& n, const Tensor& x) { return n.norm(n.conv(relu(n.bare(n.conv(x))))); }, 0, false},
        Case{"norm_twice", [](const Net& n, const Tensor& x) { return n.norm(n.norm(n.conv(x))); }, 0, false},
        Case{"conv_used_by_two",
             [](const Net& n, const Tensor& x) {
               const Tensor h = n.conv(x);
               return n.norm(h) + h;
             },
             1, true},
        Case{"conv_and_a_part_of_it",
             [](const Net& n, const Tensor& x) {
               const Tensor h = n.conv(x);
               return n.norm(h).slice(1, 0, 2) + h.slice(1, 1, 3);
             },
             1, true},
        Case{"norm_of_a_part", [](const Net& n, const Tensor& x) { return n.norm(n.conv(x).slice(2, 0, 3)); },
             1, true},
        Case{"norm_first", [](const Net& n, const Tensor& x) { return n.conv(n.norm(x)); }, 1, true},
        Case{"relu_between", [](const Net& n, const Tensor& x) { return n.norm(relu(n.conv(x))); }, 1, true},
        Case{"relu_used_beside_the_sum",
             [](const Net& n, const Tensor& x) {
               const Tensor h = n.conv(x) + x;
               return relu(h) * h;
             },
             0, true},
        Case{"transposed", [](const Net& n, const Tensor& x) { return n.norm(n.up(x)); }, 1, true},
        Case{"linear_norm",
             [](const Net& n, const Tensor& x) {
               const Tensor h = n.line(x.flatten(0, 2));
               return batch_norm(h, n.norm.running_mean, n.norm.running_var, n.norm.weight, n.norm.bias);
             },
             0, false},
        Case{"repeated_filters",
             [](const Net& n, const Tensor& x) {
               return n.norm(conv2d(x, n.conv.weight.slice(0, 0, 1).broadcast_to({4, 4, 3, 3}), n.conv.bias));
             },
             0, false},
        Case{"computed_filters",
             [](const Net& n, const Tensor& x) {
               return n.norm(conv2d(x, (n.conv.weight * 2).slice(2, 0, 2)));
             },
             0, false},
        Case{"linear_of_rank_4", [](const Net& n, const Tensor& x) { return relu(n.line(relu(x))); }, 0,
             true},
        Case{"softmax_of_a_mean",
             [](const Net& n, const Tensor& x) {
               return softmax(mean(tanh(n.conv(x)), {2, 3}), 1);
             },
             0, true},
        Case{"joined",
             [](const Net& n, const Tensor& x) {
               return concat({max_pool2d(n.conv(x), {.kernel = 2}), avg_pool2d(x, {.kernel = 2})}, 1);
             },
             0, true},
        Case{"constants_of_its_own",
             [](const Net&, const Tensor& x) {
               return x * Tensor(NDArray::arange(6)) + Tensor(NDArray::ones({6})) * 2;
             },
             0, true},
        Case{"a_view",
             [](const Net&, const Tensor& x) {
               return x.permute({0, 2, 3, 1}).slice(1, 1, 5, 2);
             },
             0, true},
        Case{"itself", [](const Net&, const Tensor& x) { return x; }, 0, true},
        Case{"a_weight", [](const Net& n, const Tensor&) { return n.conv.weight; }, 0, true}),
    [](const auto& tested) { return std::string(tested.param.what); });

// Large batches go in parts only where that changes nothing.
TEST(Inference, ImagesThatMeetGoTogether) {
  manual_seed(8);
  const Net::Forward forwards[] = {
      [](const Net& n, const Tensor& x) { return relu(n.conv(x)) * x; },
      [](const Net& n, const Tensor& x) {
        return n.line(n.conv(x).slice(3, 0, 6)).permute({0, 2, 1, 3});
      },
      [](const Net& n, const Tensor& x) {
        return mean(n.norm(relu(n.conv(x))), {2, 3});
      },
      [](const Net& n, const Tensor& x) { return softmax(max_pool2d(n.conv(x), {.kernel = 2}), 3); },
      [](const Net& n, const Tensor& x) {
        return adaptive_avg_pool2d(n.up(x), 3) + sum(x, {1}, true).slice(2, 0, 3).slice(3, 0, 3);
      },
      [](const Net& n, const Tensor& x) { return softmax(n.conv(x), 0); },
      [](const Net& n, const Tensor& x) { return n.conv(x) + sum(x, {0}); },
      [](const Net& n, const Tensor& x) { return n.conv(x) + n.conv(x).slice(0, 0, 1); },
      [](const Net& n, const Tensor& x) { return flip(n.conv(x), {0}); },
      [](const Net& n, const Tensor& x) {
        return concat({n.conv(x), x}, 0);
      },
      [](const Net& n, const Tensor& x) {
        return n.conv(x).slice(0, 1, x.size(0)) * x.slice(0, 0, x.size(0) - 1);
      },
      [](const Net& n, const Tensor& x) {
        return exp(n.conv(x).permute({1, 0, 2, 3}));
      },
  };
  for (size_t i = 0; i < std::size(forwards); ++i) {
    SCOPED_TRACE(i);
    const Net model(forwards[i]);
    const nn::InferenceModel fast = nn::optimize_for_inference(model, {2, 4, 32, 32});
    ASSERT_TRUE(fast.any_batch());
    const NDArray x = random_normal({300, 4, 32, 32});
    expect_same_bits(fast.predict(x), result_of(model, x));
  }
}

TEST(Inference, FusedCallsWriteWhatIsNotUsedInBetween) {
  const Net net([](const Net& n, const Tensor& x) {
    const NDArray y = n.norm(n.conv(x)).data();
    const NDArray z = NDArray::empty({y.size(0), 5, y.size(2), y.size(3)}, y.dtype());
    z.fill_(7);  // after the convolution, and before ReLU writes into a part of it
    Backend& backend = StandIn::active() ? *StandIn::active() : z.device().backend();
    backend.unary(UnaryKind::Relu, y.read_view(), z.slice(1, 0, 4).write_view());
    return Tensor(z);
  });
  const NDArray x = random_normal({2, 4, 5, 5});
  const nn::InferenceModel fast = nn::optimize_for_inference(net, x);
  EXPECT_EQ(count(fast, "conv2d_packed"), 1) << fast.plan();
  const std::vector<float> got = fast.predict(x).to_vector<float>();
  const std::vector<float> expected = result_of(net, x).to_vector<float>();
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
}

TEST(Inference, ConstantsAreComputedOnce) {
  Net model([](const Net&, const Tensor& x) { return x + exp(Tensor(NDArray::arange(6))) * 2; });
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {2, 4, 6, 6});
  EXPECT_EQ(fast.plan(), "add (2, 4, 6, 6) (2, 4, 6, 6) -> (2, 4, 6, 6)\n");
}

// ---- what it is

TEST(Inference, WeightsAreThoseOfTheMoment) {
  manual_seed(5);
  nn::SimpleCNN model;
  model.eval();
  const NDArray x = random_normal({1, 1, 28, 28});
  const NDArray before = result_of(model, x);
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {1, 1, 28, 28});
  for (const Tensor& parameter : model.parameters()) parameter.data().fill_(0.01);
  const NDArray y = fast.predict(x);
  expect_same_bits(y, before);
  fast.predict(NDArray::zeros({1, 1, 28, 28}));  // writes to no result but its own
  expect_same_bits(y, before);
}

// Packed filters take the place of others, which are given back with the recording's copies.
TEST(Inference, KeepsWeightsOnce) {
  nn::Sequential model{nn::Conv2d(64, 64, {.kernel = 5}), nn::Flatten(), nn::Linear(64 * 16, 512)};
  model.eval();
  const size_t weights = (64 * 64 * 25 + 64 * 16 * 512) * sizeof(float);
  const size_t before = device("cpu").memory_stats().used;
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {1, 64, 8, 8});
  EXPECT_EQ(count(fast, "conv2d_packed") + count(fast, "gemm_packed"), 2) << fast.plan();
  const size_t kept = device("cpu").memory_stats().used - before;
  EXPECT_GE(kept, weights);
  EXPECT_LE(kept, weights + weights / 10);
}

TEST(Inference, ThreadsShareOne) {
  manual_seed(6);
  const auto model = nn::make_model("resnet-20");
  model->eval();
  const nn::InferenceModel fast = nn::optimize_for_inference(*model, {1, 3, 32, 32});
  constexpr size_t kThreads = 4;
  std::vector<NDArray> inputs, expected;
  for (size_t i = 0; i < kThreads; ++i) {
    inputs.push_back(random_normal({static_cast<int64_t>(i + 1), 3, 32, 32}));
    expected.push_back(fast.predict(inputs.back()));
  }
  std::vector<int> wrong(kThreads, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (size_t turn = 0; turn < 2 * kThreads; ++turn) {
        const size_t which = (i + turn) % kThreads;
        wrong[i] += fast.predict(inputs[which]).to_vector<float>() != expected[which].to_vector<float>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(kThreads, 0));
}

TEST(Inference, ItIsAModuleWithoutGradients) {
  nn::SimpleCNN model;
  model.eval();
  nn::InferenceModel fast = nn::optimize_for_inference(model, {1, 1, 28, 28});
  EXPECT_EQ(fast.describe(), "InferenceModel((1, 1, 28, 28), any batch, 5 calls)");
  EXPECT_TRUE(fast.parameters().empty());
  const Tensor x = NDArray::ones({2, 1, 28, 28});
  EXPECT_FALSE(fast(x).requires_grad());
  expect_same_bits(fast(x).data(), fast.predict(x.data()));
  EXPECT_ERROR(
      fast(Tensor(NDArray::ones({2, 1, 28, 28})).requires_grad_()),
      "an optimised model has no gradients (the input requires one); train the model it was made of");
  fast.train();
  EXPECT_ERROR(fast(x), "an optimised model has no gradients (it is in training mode)");
}

TEST(Inference, APlannedModelIsAPartOfOthers) {
  manual_seed(9);
  nn::SimpleCNN model;
  model.eval();
  nn::Sequential around{nn::optimize_for_inference(model, {2, 1, 28, 28}), nn::ReLU()};
  around.eval();
  EXPECT_EQ(nn::summary(around, {2, 1, 28, 28}).multiply_adds,
            nn::summary(model, {2, 1, 28, 28}).multiply_adds);
  const NDArray x = random_normal({2, 1, 28, 28});
  const NDArray expected = relu(result_of(model, x));
  expect_same_bits(result_of(around, x), expected);
  expect_same_bits(nn::optimize_for_inference(around, {2, 1, 28, 28}).predict(x), expected);
}

// ---- what it refuses

TEST(Inference, RefusesInputsOfOtherKinds) {
  nn::SimpleCNN model;
  model.eval();
  const nn::InferenceModel fast = nn::optimize_for_inference(model, {4, 1, 28, 28});
  EXPECT_ERROR(
      fast.predict(NDArray::ones({1, 1, 28, 27})),
      "[InferenceModel] input (1, 1, 28, 27) float32 on cpu; this model was planned for (N, 1, 28, 28) "
      "float32 on cpu");
  EXPECT_ERROR(fast.predict(NDArray::ones({28, 28})), "input (28, 28) float32");
  EXPECT_ERROR(fast.predict(NDArray::ones({1, 1, 28, 28}, DType::Float64)), "input (1, 1, 28, 28) float64");
  EXPECT_ERROR(fast.predict(NDArray::ones({1, 1, 28, 28}, DType::Float32, device("meta"))), "on meta");
  EXPECT_ERROR(fast.predict(NDArray()), "input () undefined on no device");
}

TEST(Inference, OneBatchAloneWhereTheModelSaysSo) {
  const Net fixed([](const Net&, const Tensor& x) { return x.reshape({2, 144}); });
  const Net scaled([](const Net&, const Tensor& x) { return x * static_cast<double>(x.size(0)); });
  const Net products(
      [](const Net&, const Tensor& x) { return matmul(x.flatten(1), x.flatten(1).transpose(0, 1)); });
  const Net parity([](const Net&, const Tensor& x) { return x.size(0) % 2 == 0 ? exp(x) : x; });
  for (const Net* model : {&fixed, &scaled, &products, &parity}) {
    const NDArray x = random_normal({2, 4, 6, 6});
    const nn::InferenceModel fast = nn::optimize_for_inference(*model, x);
    EXPECT_FALSE(fast.any_batch());
    expect_same_bits(fast.predict(x), result_of(*model, x));
    EXPECT_ERROR(fast.predict(NDArray::ones({3, 4, 6, 6})), "was planned for (2, 4, 6, 6) float32 on cpu");
  }
}

TEST(Inference, RefusesModelsThatAPlanCannotFollow) {
  const Shape shape{2, 4, 6, 6};
  const auto refused = [&](const Net::Forward& forward) { nn::optimize_for_inference(Net(forward), shape); };
  EXPECT_ERROR(refused([](const Net&, const Tensor& x) { return sum(x).item<float>() > 0 ? x : exp(x); }),
               "[optimize_for_inference] the model reads the values of an array");
  EXPECT_ERROR(refused([](const Net&, const Tensor& x) { return dropout(x, 0.5, true); }),
               "draws random numbers");
  EXPECT_ERROR(refused([](const Net& n, const Tensor& x) {
                 n.norm.running_mean.data().add_(NDArray::ones({4}));
                 return x;
               }),
               "the model changes in place an array (4,) that it did not make (binary)");
  EXPECT_ERROR(refused([](const Net& n, const Tensor& x) { return n.conv(x.slice(1, 0, 3)); }),
               "conv: Conv2d(4, 4, kernel=3x3, padding=1) of Net");
  Net training([](const Net& n, const Tensor& x) { return n.norm(x); });
  training.train();
  EXPECT_ERROR(nn::optimize_for_inference(training, shape), "Net is in training mode; call eval()");
  training.eval();
  training.norm.train();
  EXPECT_ERROR(nn::optimize_for_inference(training, shape), "norm: BatchNorm2d(4) is in training mode");
  training.norm.eval();
  EXPECT_ERROR(nn::optimize_for_inference(training, NDArray()), "the example is undefined");
  EXPECT_ERROR(nn::optimize_for_inference(training, NDArray::empty(shape, DType::Float32, device("meta"))),
               "the example is on meta; expected an array on a device that computes");
}

TEST(Inference, RecordingLeavesTheGeneratorAndTheModelAlone) {
  manual_seed(7);
  Net model([](const Net& n, const Tensor& x) { return n.norm(n.conv(x)); });
  randomize_norms(model);
  const nn::StateDict state = model.state_dict();
  std::vector<std::vector<double>> before;
  for (const auto& [name, array] : state) before.push_back(array.to_vector<double>());
  const uint64_t position = default_generator().position();
  nn::optimize_for_inference(model, {2, 4, 6, 6});
  const Net drawing([](const Net&, const Tensor& x) { return dropout(x, 0.5, true); });
  const uint64_t drawn = default_generator().position();
  EXPECT_THROW(nn::optimize_for_inference(drawing, {2, 4, 6, 6}), Error);
  EXPECT_EQ(default_generator().position(), drawn);
  EXPECT_LT(position, drawn);  // the second net's own weights
  for (size_t i = 0; i < state.size(); ++i) EXPECT_EQ(state[i].array.to_vector<double>(), before[i]);
}

}  // namespace
}  // namespace linnet

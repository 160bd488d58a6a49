// parity(): a model on two devices, layer by layer. A layer that is wrong on one of them is named, and no
// other; the model comes back as it was.
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/linnet.h>

#include "check/trace.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/forwarding_backend.h"

namespace linnet {
namespace {

using test::ForwardingBackend;
using test::nudge;

Device cpu() {
  return device("cpu");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string text_of(const ParityReport& report) {
  std::ostringstream text;
  text << report;
  return text.str();
}

/// "forward conv1: output", for each entry that fails.
std::vector<std::string> failures(const ParityReport& report) {
  std::vector<std::string> found;
  for (const ParityEntry& entry : report.entries) {
    if (!entry.ok()) found.push_back(std::string(name(entry.phase)) + " " + entry.layer + ": " + entry.what);
  }
  return found;
}

using Names = std::vector<std::string>;

/// conv1, relu, conv2, tanh (the model's own operators), fc.
struct Small : nn::Module {
  nn::Conv2d conv1{1, 3, {.kernel = 3, .padding = 1}};
  nn::Conv2d conv2{3, 4, {.kernel = 2, .stride = 2}};
  nn::Linear fc{4 * 3 * 3, 5};

  Tensor forward(const Tensor& x) const override {
    const Tensor h = conv2(relu(conv1(x)));
    return fc(tanh(h).flatten(1));
  }
  void fields(nn::Fields& f) override { f("conv1", conv1)("conv2", conv2)("fc", fc); }
};

struct Batch {
  NDArray images = random_normal({7, 1, 6, 6});
  NDArray labels = NDArray::from_data<int64_t>({0, 1, 2, 3, 4, 0, 1}, {7});
};

template <class Model>
ParityReport small_parity(const Model& model, Device device) {
  const Batch batch;
  return parity(const_cast<Model&>(model), batch.images, batch.labels, cpu(), device);
}

// ---- backends that are wrong in one kernel

/// The convolution whose filters are 2 by 2 is wrong, that is conv2.
struct WrongConv2 : ForwardingBackend {
  bool forward = false, weight = false, input = false;
  void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias,
              const View& y) override {
    ForwardingBackend::conv2d(geometry, x, w, bias, y);
    if (forward && w.shape[3] == 2) nudge(y, 0.1);
  }
  void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy,
                          const View& gw) override {
    ForwardingBackend::conv2d_grad_weight(geometry, x, gy, gw);
    if (weight && gw.shape[3] == 2) nudge(gw, 0.1);
  }
  void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w,
                         const View& gx) override {
    ForwardingBackend::conv2d_grad_input(geometry, gy, w, gx);
    if (input && w.shape[3] == 2) nudge(gx, 0.1);
  }
};

struct WrongUnary : ForwardingBackend {
  UnaryKind kind;
  explicit WrongUnary(UnaryKind k) : kind(k) {}
  void unary(UnaryOp op, const View& x, const View& out) override {
    ForwardingBackend::unary(op, x, out);
    if (op.kind == kind) nudge(out, 0.1);
  }
};

struct WrongAdam : ForwardingBackend {
  void adam(const AdamSpec& spec, std::span<const AdamSlot> slots) override {
    ForwardingBackend::adam(spec, slots);
    for (const AdamSlot& slot : slots) {
      if (slot.parameter.rank() == 2) nudge(slot.mean, 0.01);
    }
  }
};

TEST(ParityModel, AnEqualDeviceAgreesInEverything) {
  ForwardingBackend same;
  manual_seed(1);
  const Small model;
  const ParityReport report = small_parity(model, Device(same));
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(report.first_failure(), nullptr);
  EXPECT_EQ(report.reference, "cpu");
  EXPECT_EQ(report.device, "other");
  Names all;
  for (const ParityEntry& entry : report.entries) {
    if (entry.phase != ParityPhase::Update) all.push_back(entry.layer + ": " + entry.what);
    EXPECT_LE(entry.outcome.ulp, 4) << entry.what;
  }
  EXPECT_EQ(all, (Names{"conv1: output", "Small: input of conv2", "conv2: output", "Small: input of fc",
                        "fc: output", "cross_entropy: loss",  //
                        "cross_entropy: gradient of output of fc", "fc: gradient of fc.weight",
                        "fc: gradient of fc.bias", "fc: gradient of input of fc",
                        "Small: gradient of output of conv2", "conv2: gradient of conv2.weight",
                        "conv2: gradient of conv2.bias", "conv2: gradient of input of conv2",
                        "Small: gradient of output of conv1", "conv1: gradient of conv1.weight",
                        "conv1: gradient of conv1.bias"}));
  EXPECT_EQ(report.entries.size(), all.size() + 18) << "six parameters, each with two moments";
  EXPECT_TRUE(has(text_of(report), "other against cpu: 35 comparisons, all within tolerance"));
  EXPECT_NE(text_of(report).back(), '\n');
}

TEST(ParityModel, NamesTheLayerThatIsWrongForwardAndNoOther) {
  WrongConv2 backend;
  backend.forward = true;
  const ParityReport report = small_parity(Small(), Device(backend));
  EXPECT_EQ(failures(report), Names{"forward conv2: output"});
  ASSERT_NE(report.first_failure(), nullptr);
  EXPECT_EQ(report.first_failure()->module, "Conv2d(3, 4, kernel=2x2, stride=2x2)");
  EXPECT_EQ(report.first_failure()->shape, Shape({7, 4, 3, 3}));
  EXPECT_TRUE(
      has(text_of(report),
          "other against cpu: 1 of 35 comparisons are beyond tolerance; the first is forward of conv2, "
          "output (Conv2d(3, 4, kernel=2x2, stride=2x2)): relative error "))
      << report;
}

TEST(ParityModel, NamesWhatIsWrongBackward) {
  WrongConv2 backend;
  backend.weight = true;
  EXPECT_EQ(failures(small_parity(Small(), Device(backend))),
            Names{"backward conv2: gradient of conv2.weight"});
  backend.weight = false;
  backend.input = true;
  EXPECT_EQ(failures(small_parity(Small(), Device(backend))),
            Names{"backward conv2: gradient of input of conv2"});
}

TEST(ParityModel, TwoWrongLayersAreTwoFailures) {
  WrongConv2 backend;
  backend.forward = backend.weight = true;
  EXPECT_EQ(failures(small_parity(Small(), Device(backend))),
            (Names{"forward conv2: output", "backward conv2: gradient of conv2.weight"}));
}

TEST(ParityModel, OperatorsBetweenTheLayersBelongToTheModel) {
  WrongUnary wrong_relu(UnaryKind::Relu);
  // The gradients of relu and tanh are computed from their results.
  EXPECT_EQ(failures(small_parity(Small(), Device(wrong_relu))),
            (Names{"forward Small: input of conv2", "backward Small: gradient of output of conv1"}));
  WrongUnary wrong_tanh(UnaryKind::Tanh);
  EXPECT_EQ(failures(small_parity(Small(), Device(wrong_tanh))),
            (Names{"forward Small: input of fc", "backward Small: gradient of output of conv2"}));
}

TEST(ParityModel, NamesAWrongUpdate) {
  WrongAdam backend;
  const Names found = failures(small_parity(Small(), Device(backend)));
  EXPECT_EQ(found, Names{"update fc: Adam's mean of fc.weight"});
}

TEST(ParityModel, ALossThatIsWrongIsNamed) {
  struct WrongLoss : ForwardingBackend {
    void reduce(ReduceKind kind, const View& x, const View& out) override {
      ForwardingBackend::reduce(kind, x, out);
      if (out.shape.product() == 1 && kind == ReduceKind::Sum) nudge(out, 1);
    }
  } backend;
  const Names found = failures(small_parity(Small(), Device(backend)));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front(), "forward cross_entropy: loss");
}

/// A trained model's loss and its gradient are small differences of large numbers.
TEST(ParityModel, AConfidentModelIsNotBlamedForRounding) {
  struct Sharp : nn::Module {
    nn::Linear fc{5, 5};
    Tensor forward(const Tensor& x) const override { return fc(x); }
    void fields(nn::Fields& f) override { f("fc", fc); }
  } model;
  ForwardingBackend other;
  const Batch batch;
  NDArray images = random_normal({7, 5});
  const std::vector<int64_t> labels = batch.labels.to_vector<int64_t>();
  for (int64_t i = 0; i < 7; ++i) {
    images.select(0, i).select(0, labels[static_cast<size_t>(i)]).fill_(12.5);
  }
  model.fc.weight.data().fill_(0);
  for (int64_t i = 0; i < 5; ++i) model.fc.weight.data().select(0, i).select(0, i).fill_(1.03);
  const ParityReport report = parity(model, images, batch.labels, cpu(), Device(other));
  EXPECT_TRUE(report.ok()) << report;
}

TEST(ParityModel, ToleranceDoesNotGrowWithTheBatch) {
  Small model;
  ForwardingBackend other;
  const auto tolerance_of = [&](int64_t images) {
    const ParityReport report = parity(model, random_normal({images, 1, 6, 6}),
                                       NDArray::zeros({images}, DType::Int64), cpu(), Device(other));
    EXPECT_EQ(report.entries[2].layer, "conv2");
    return report.entries[2].outcome.tolerance;
  };
  EXPECT_EQ(tolerance_of(2), tolerance_of(20));
  EXPECT_DOUBLE_EQ(tolerance_of(2), checks::tolerance(DType::Float32, 2 * 3 * 36 + 4 * 9));
}

// ---- structures

/// Adds its input to what its child makes of it, which reads it after the sum began.
struct Residual : nn::Module {
  nn::Linear fc{6, 6};
  Tensor forward(const Tensor& x) const override {
    const Tensor h = tanh(x);
    const Tensor twice = 2 * h;
    return fc(h) + h + twice;
  }
  void fields(nn::Fields& f) override { f("fc", fc); }
};

TEST(ParityModel, SegmentsAddUpToTheGradientsOfTheWhole) {
  manual_seed(3);
  nn::Sequential model{nn::Linear(6, 6), Residual(), nn::ReLU(), Residual(), nn::Linear(6, 5)};
  const NDArray x = random_normal({7, 6});
  const Batch batch;
  ForwardingBackend other;
  const ParityReport report = parity(model, x, batch.labels, cpu(), Device(other));
  EXPECT_TRUE(report.ok()) << report;
  for (const ParityEntry& entry : report.entries) {
    EXPECT_NE(entry.layer, "Sequential") << "its output is its last child's: " << entry.what;
  }
  const checks::Trace trace = checks::trace(model, x, batch.labels, cpu(), nullptr);
  model.zero_grad();
  cross_entropy(model(x), batch.labels).backward();
  const std::vector<nn::NamedTensor> parameters = model.named_parameters();
  ASSERT_EQ(trace.parameter_gradients.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const checks::Outcome outcome =
        checks::compare(trace.parameter_gradients[i].array, parameters[i].tensor.grad().data(), 42);
    EXPECT_TRUE(outcome.ok()) << parameters[i].name << ": " << outcome.failure;
    EXPECT_EQ(trace.parameter_gradients[i].name, parameters[i].name);
  }
}

TEST(ParityModel, ASharedLayerIsComparedAtEachCall) {
  struct Shared : nn::Module {
    nn::Linear fc{6, 6};
    Tensor forward(const Tensor& x) const override { return fc(fc(x)); }
    void fields(nn::Fields& f) override { f("fc", fc); }
  } model;
  ForwardingBackend other;
  const ParityReport report = parity(model, random_normal({7, 6}), Batch().labels, cpu(), Device(other));
  EXPECT_TRUE(report.ok()) << report;
  int gradients = 0;
  for (const ParityEntry& entry : report.entries) gradients += entry.what == "gradient of fc.weight" ? 1 : 0;
  EXPECT_EQ(gradients, 2);
}

/// Counts what it has seen, in a buffer, and is wrong to count on another device.
struct Counting : nn::Module {
  nn::Linear fc{6, 5};
  mutable Tensor seen{NDArray::ones({2})};
  Tensor forward(const Tensor& x) const override {
    seen.data().copy_(exp(seen.data()));
    return fc(x);
  }
  void fields(nn::Fields& f) override { f("fc", fc).buffer("seen", seen); }
};

TEST(ParityModel, BuffersAreComparedAndPutBack) {
  Counting model;
  WrongUnary backend(UnaryKind::Exp);
  const ParityReport report = parity(model, random_normal({7, 6}), Batch().labels, cpu(), Device(backend));
  ASSERT_NE(report.first_failure(), nullptr);
  EXPECT_EQ(report.first_failure()->what, "seen");
  EXPECT_EQ(report.first_failure()->layer, "Counting");
  EXPECT_EQ(model.seen.to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(ParityModel, AModelWithoutParametersHasNoBackward) {
  nn::Flatten model;
  ForwardingBackend other;
  const ParityReport report = parity(model, random_normal({7, 5, 1}), Batch().labels, cpu(), Device(other));
  EXPECT_TRUE(report.ok());
  ASSERT_EQ(report.entries.size(), 2U) << report;
  EXPECT_EQ(report.entries[1].what, "loss");
}

// ---- the model comes back

TEST(ParityModel, LeavesTheModelAsItWas) {
  WrongConv2 backend;
  Small model;
  model.conv2.eval();
  const Batch batch;
  cross_entropy(model(batch.images), batch.labels).backward();
  const NDArray data = model.fc.weight.data();
  const NDArray grad = model.fc.weight.grad().data();
  const std::vector<float> values = data.to_vector<float>();
  const std::vector<float> gradients = grad.to_vector<float>();
  const uint64_t position = default_generator().position();
  parity(model, batch.images, batch.labels, cpu(), Device(backend));
  EXPECT_TRUE(model.fc.weight.data().shares_storage(data));
  EXPECT_TRUE(model.fc.weight.grad().data().shares_storage(grad));
  EXPECT_EQ(model.fc.weight.to_vector<float>(), values);
  EXPECT_EQ(model.fc.weight.grad().to_vector<float>(), gradients);
  EXPECT_EQ(model.fc.weight.device(), cpu());
  EXPECT_FALSE(model.conv2.is_training());
  EXPECT_TRUE(model.conv1.is_training());
  EXPECT_EQ(default_generator().position(), position);
}

TEST(ParityModel, LeavesTheModelAsItWasWhereItThrows) {
  struct Missing : ForwardingBackend {
    void conv2d(const Conv2dGeometry&, const View&, const View&, const View&, const View&) override {
      throw Error("conv2d", "no kernel image");
    }
  } backend;
  Small model;
  const std::vector<float> values = model.fc.weight.to_vector<float>();
  const Batch batch;
  EXPECT_ERROR(parity(model, batch.images, batch.labels, cpu(), Device(backend)), "no kernel image");
  EXPECT_EQ(model.fc.weight.device(), cpu());
  EXPECT_FALSE(model.fc.weight.grad().defined());
  EXPECT_EQ(model.fc.weight.to_vector<float>(), values);
}

TEST(ParityModel, RefusesWhatCannotBeCompared) {
  Small model;
  const Batch batch;
  EXPECT_ERROR(parity(model, batch.images, batch.labels, cpu(), Device()),
               "[parity] a device is undefined; expected two from linnet::device(name)");
  const NoGrad no_grad;
  EXPECT_ERROR(parity(model, batch.images, batch.labels, cpu(), cpu()),
               "[parity] gradients are off on this thread");
}

TEST(ParityModel, RefusesAModelThatCallsOtherModules) {
  struct Choosy : nn::Module {
    nn::Linear a{6, 5}, b{6, 5};
    Tensor forward(const Tensor& x) const override { return x.device() == device("cpu") ? a(x) : b(x); }
    void fields(nn::Fields& f) override { f("a", a)("b", b); }
  } model;
  ForwardingBackend other;
  EXPECT_ERROR(parity(model, random_normal({7, 6}), Batch().labels, cpu(), Device(other)),
               "on other the model computes output of b where the other device computes output of a");
}

}  // namespace
}  // namespace linnet

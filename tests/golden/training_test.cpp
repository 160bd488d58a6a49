// Schedules, RMSprop, groups of parameters, gradient clipping and averages of weights, against PyTorch.
#include <limits>
#include <memory>

#include <linnet/autograd/ops.h>
#include <linnet/nn/clip_grad.h>
#include <linnet/nn/ema.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/schedule.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

using nlohmann::json;

const File& file() {
  static const File file("training.safetensors");
  return file;
}

/// Calls f(case, name of its first array without the last part) for every case of a part; there must be some.
template <class F>
void for_each_case(const std::string& part, const F& f) {
  int found = 0;
  for (size_t i = 0; i < file().cases.size(); ++i) {
    const json& row = file().cases[i];
    if (row["part"] != part) continue;
    SCOPED_TRACE(row.dump());
    f(row, std::to_string(i) + "/");
    ++found;
  }
  EXPECT_GT(found, 0) << part;
}

/// mean((tanh(x w^T + b) - t)^2), as small_problem() of generate.py.
struct Problem {
  explicit Problem(DType dtype)
      : w(draw(1, {3, 4}, dtype)),
        b(draw(2, {3}, dtype)),
        x(draw(3, {6, 4}, dtype)),
        t(draw(4, {6, 3}, dtype)) {
    w.requires_grad_();
    b.requires_grad_();
  }
  Tensor loss() const { return mse_loss(tanh(linear(x, w, b)), t); }

  template <class After>
  void expect_steps(optim::Optimizer& optimizer, const std::string& name, double tolerance,
                    const After& after) {
    std::vector<double> losses;
    for (int step = 0; step < 20; ++step) {
      optimizer.zero_grad();
      const Tensor value = loss();
      losses.push_back(value.item<double>());
      value.backward();
      optimizer.step();
      after();
    }
    expect_close(NDArray::from_data(losses, {20}), file().at(name + "losses"), tolerance, "losses");
    expect_close(w.data(), file().at(name + "w"), tolerance, "w");
    expect_close(b.data(), file().at(name + "b"), tolerance, "b");
  }

  Tensor w, b, x, t;
};

// ---- schedules

optim::LrCurve make_curve(const json& row) {
  const std::string kind = row["kind"];
  if (row.contains("curves")) {
    std::vector<optim::LrCurve> curves;
    for (const json& part : row["curves"]) curves.push_back(make_curve(part));
    if (kind == "ChainedScheduler") return optim::chained_lr(curves);
    return optim::sequential_lr(curves, row["milestones"].get<std::vector<int64_t>>());
  }
  const json& o = row["options"];
  if (kind == "StepLR") return optim::step_lr({.step_size = o["step_size"], .gamma = o.value("gamma", 0.1)});
  if (kind == "MultiStepLR")
    return optim::multi_step_lr({.milestones = o["milestones"], .gamma = o["gamma"]});
  if (kind == "CosineAnnealingLR")
    return optim::cosine_annealing_lr({.t_max = o["T_max"], .eta_min = o.value("eta_min", 0.0)});
  if (kind == "LinearLR") {
    const optim::LinearLROptions defaults;
    return optim::linear_lr({.start_factor = o.value("start_factor", defaults.start_factor),
                             .end_factor = o.value("end_factor", defaults.end_factor),
                             .total_iters = o.value("total_iters", defaults.total_iters)});
  }
  EXPECT_EQ(kind, "OneCycleLR");
  optim::OneCycleLROptions options{.total_steps = o["total_steps"]};
  if (o["max_lr"].is_array()) {
    options.max_lrs = o["max_lr"].get<std::vector<double>>();
  } else {
    options.max_lr = o["max_lr"];
  }
  options.pct_start = o.value("pct_start", options.pct_start);
  if (o.value("anneal_strategy", "cos") == "linear") options.anneal = optim::Anneal::Linear;
  options.cycle_momentum = o.value("cycle_momentum", true);
  options.base_momentum = o.value("base_momentum", options.base_momentum);
  options.max_momentum = o.value("max_momentum", options.max_momentum);
  options.div_factor = o.value("div_factor", options.div_factor);
  options.final_div_factor = o.value("final_div_factor", options.final_div_factor);
  options.three_phase = o.value("three_phase", false);
  return optim::one_cycle_lr(options);
}

template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> two_groups(const Tensor& w, Options first, const Tensor& b,
                                             Options second) {
  auto optimizer = std::make_unique<Optimizer>(Tensors{w}, first);
  optimizer->add_group({b}, second);
  return optimizer;
}

TEST(GoldenTraining, SchedulesMoveTheRatesOfBothGroups) {
  for_each_case("schedule", [](const json& row, const std::string& name) {
    const Problem problem(DType::Float64);
    const auto optimizer =
        row["optimizer"] == "sgd"
            ? two_groups<optim::SGD>(problem.w, optim::SGDOptions{.lr = 0.5, .momentum = 0.9}, problem.b,
                                     optim::SGDOptions{.lr = 0.125, .momentum = 0.9})
            : two_groups<optim::Adam>(problem.w, optim::AdamOptions{.lr = 0.5}, problem.b,
                                      optim::AdamOptions{.lr = 0.125});
    optim::Schedule schedule(*optimizer, make_curve(row["curve"]));
    const std::vector<double> rates = file().at(name + "lr").to_vector<double>();
    const std::vector<double> momenta = file().at(name + "momentum").to_vector<double>();
    const int64_t steps = row["steps"];
    ASSERT_EQ(rates.size(), static_cast<size_t>(2 * (steps + 1)));
    for (size_t i = 0; i < rates.size(); ++i) {
      EXPECT_NEAR(schedule.lr(i % 2), rates[i], 1e-12 * rates[i]) << "group " << i % 2 << ", step " << i / 2;
      EXPECT_NEAR(optimizer->momentum(i % 2), momenta[i], 1e-14) << "group " << i % 2 << ", step " << i / 2;
      if (i % 2 == 1 && i + 1 < rates.size()) schedule.step();
    }
    EXPECT_EQ(schedule.steps(), steps);
  });
}

// ---- optimisers

optim::SGDOptions sgd_options(const json& o) {
  return {.lr = o["lr"], .momentum = o.value("momentum", 0.0), .weight_decay = o.value("weight_decay", 0.0)};
}

template <class Options>
Options adam_options(const json& o) {
  const std::vector<double> betas = o.value("betas", std::vector<double>{0.9, 0.999});
  return {.lr = o["lr"],
          .beta1 = betas[0],
          .beta2 = betas[1],
          .eps = o.value("eps", 1e-8),
          .weight_decay = o.value("weight_decay", Options{}.weight_decay)};
}

optim::RMSpropOptions rmsprop_options(const json& o) {
  return {.lr = o["lr"],
          .alpha = o.value("alpha", 0.99),
          .eps = o.value("eps", 1e-8),
          .weight_decay = o.value("weight_decay", 0.0),
          .momentum = o.value("momentum", 0.0),
          .centered = o.value("centered", false)};
}

void expect_rmsprop(DType dtype, double tolerance) {
  for_each_case("rmsprop", [&](const json& row, const std::string& name) {
    Problem problem(dtype);
    optim::RMSprop optimizer({problem.w, problem.b}, rmsprop_options(row["options"]));
    problem.expect_steps(optimizer, name, tolerance, [] {});
  });
}

TEST(GoldenTraining, RMSpropFloat64) {
  expect_rmsprop(DType::Float64, 1e-12);
}
TEST(GoldenTraining, RMSpropFloat32) {
  expect_rmsprop(DType::Float32, 1e-5);
}

TEST(GoldenTraining, GroupsHaveOptionsOfTheirOwnUnderOneSchedule) {
  for_each_case("groups", [](const json& row, const std::string& name) {
    Problem problem(DType::Float64);
    const json &first = row["first"], &second = row["second"];
    const auto make = [&]() -> std::unique_ptr<optim::Optimizer> {
      if (row["kind"] == "sgd")
        return two_groups<optim::SGD>(problem.w, sgd_options(first), problem.b, sgd_options(second));
      if (row["kind"] == "adam")
        return two_groups<optim::Adam>(problem.w, adam_options<optim::AdamOptions>(first), problem.b,
                                       adam_options<optim::AdamOptions>(second));
      if (row["kind"] == "adamw")
        return two_groups<optim::AdamW>(problem.w, adam_options<optim::AdamWOptions>(first), problem.b,
                                        adam_options<optim::AdamWOptions>(second));
      return two_groups<optim::RMSprop>(problem.w, rmsprop_options(first), problem.b,
                                        rmsprop_options(second));
    };
    const auto optimizer = make();
    optim::Schedule schedule(*optimizer, optim::step_lr({.step_size = 5, .gamma = 0.5}));
    problem.expect_steps(*optimizer, name, 1e-12, [&] { schedule.step(); });
  });
}

TEST(GoldenTraining, OneCycleMovesMomentumWhileItTrains) {
  for_each_case("one_cycle", [](const json& row, const std::string& name) {
    Problem problem(DType::Float64);
    const Tensors parameters{problem.w, problem.b};
    std::unique_ptr<optim::Optimizer> optimizer;
    if (row["kind"] == "sgd") {
      optimizer = std::make_unique<optim::SGD>(parameters, optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
    } else {
      optimizer = std::make_unique<optim::Adam>(parameters);
    }
    optim::Schedule schedule(*optimizer, optim::one_cycle_lr({.max_lr = 0.2, .total_steps = 20}));
    problem.expect_steps(*optimizer, name, 1e-12, [&] { schedule.step(); });
  });
}

// ---- gradients and averages

Tensors with_gradients(const std::vector<Shape>& shapes, uint64_t first_seed) {
  Tensors parameters;
  for (size_t i = 0; i < shapes.size(); ++i) {
    parameters.emplace_back(NDArray::zeros(shapes[i], DType::Float64));
    parameters[i].requires_grad_();
    parameters[i].set_grad(draw(first_seed + i, shapes[i], DType::Float64, 2));
  }
  return parameters;
}

TEST(GoldenTraining, ClippingByNorm) {
  for_each_case("clip_norm", [](const json& row, const std::string& name) {
    const Tensors parameters = with_gradients({{3, 4}, {5}, {}}, 11);
    const double p = row["norm_type"] == "inf" ? std::numeric_limits<double>::infinity()
                                               : std::stod(row["norm_type"].get<std::string>());
    const NDArray total = optim::clip_grad_norm_(parameters, row["max_norm"], p);
    expect_close(total, file().at(name + "total"), 1e-14, "total");
    for (size_t i = 0; i < parameters.size(); ++i) {
      expect_close(parameters[i].grad().data(), file().at(name + std::to_string(i)), 1e-14, "gradient");
    }
  });
}

TEST(GoldenTraining, ClippingByValue) {
  for_each_case("clip_value", [](const json& row, const std::string& name) {
    const Tensors parameters = with_gradients({{5, 7}}, 14);
    optim::clip_grad_value_(parameters, row["clip_value"]);
    expect_close(parameters[0].grad().data(), file().at(name + "0"), 0, "gradient");
  });
}

TEST(GoldenTraining, AveragesOfWeights) {
  for_each_case("ema", [](const json& row, const std::string& name) {
    const Problem problem(DType::Float64);
    nn::Linear model(4, 3);
    model.to(DType::Float64);
    model.weight.data().copy_(problem.w.data());
    model.bias.data().copy_(problem.b.data());
    optim::SGD optimizer(model.parameters(), {.lr = 0.5});
    optim::EMA ema(model, {.decay = row["decay"]});
    for (int step = 0; step < 10; ++step) {
      optimizer.zero_grad();
      mse_loss(tanh(model(problem.x)), problem.t).backward();
      optimizer.step();
      ema.update();
    }
    const optim::UseAverages averages(ema);
    expect_close(model.weight.data(), file().at(name + "w"), 1e-14, "w");
    expect_close(model.bias.data(), file().at(name + "b"), 1e-14, "b");
  });
}

}  // namespace
}  // namespace linnet::golden

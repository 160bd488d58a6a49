#include <linnet/check/comparisons.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include <linnet/check/modes.h>
#include <linnet/core/random.h>
#include <linnet/nn/optim.h>
#include "check/draw.h"
#include "check/guarded.h"
#include "core/fail.h"

namespace linnet::checks {
namespace {

constexpr DType kFloating[] = {DType::Float32, DType::Float64};

void add_op_cases(std::vector<Comparison>& all) {
  for (OpCase& op : op_cases()) {
    const auto shared = std::make_shared<const OpCase>(std::move(op));
    for (const DType dtype : shared->dtypes) {
      const std::string in = format_text("{}{}{}", shared->about, shared->about.empty() ? "" : ", ", dtype);
      all.push_back({shared->op, in, shared->size(), [shared, dtype](Device reference, Device device) {
                       return on_both(*shared, dtype, reference, device);
                     }});
    }
  }
}

// ---- random numbers

/// Widening to double keeps every bit of a smaller type apart, and the integers drawn here are below 2^53.
Outcome same_bits(const NDArray& actual, const NDArray& expected, const std::string& what) {
  Outcome outcome;
  const Values found = values_of(actual);
  const Values wanted = values_of(expected);
  for (size_t i = 0; i < wanted.at.size(); ++i) {
    if (std::memcmp(&found.at[i], &wanted.at[i], sizeof(double)) == 0) continue;
    outcome = compare(actual, expected, 1);
    outcome.tolerance = 0;
    outcome.failure = format_text("{}: element {} is {:.17g}; expected {:.17g}, with the same bits", what, i,
                                  found.at[i], wanted.at[i]);
    break;
  }
  return outcome;
}

/// Puts the default generator back where it was.
class KeepGenerator {
 public:
  KeepGenerator() : before_(default_generator()) {}
  ~KeepGenerator() { default_generator() = before_; }
  KeepGenerator(const KeepGenerator&) = delete;
  KeepGenerator& operator=(const KeepGenerator&) = delete;

 private:
  Generator before_;
};

using RandomDraw = std::function<NDArray(const Shape&, Device)>;

/// Two draws in a row of each seed: the second begins where the first left the generator.
Outcome same_draws(const RandomDraw& draw, const Shape& shape, Device reference, Device device) {
  return guarded([&] {
    const KeepGenerator keep;
    Outcome worst;
    for (const uint64_t seed : {uint64_t{0}, uint64_t{1234}, ~uint64_t{0}}) {
      std::vector<NDArray> drawn[2];
      for (const bool other : {false, true}) {
        manual_seed(seed);
        for (int i = 0; i < 2; ++i) drawn[other].push_back(draw(shape, other ? device : reference));
      }
      for (size_t i = 0; i < 2; ++i) {
        keep_worse(worst, same_bits(drawn[1][i], drawn[0][i], format_text("draw {} of seed {}", i, seed)),
                   "");
      }
    }
    return worst;
  });
}

void add_draws(std::vector<Comparison>& all) {
  const auto add = [&](const std::string& op, const std::string& about, const RandomDraw& draw) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{3, 5, 8}, Shape{501, 41}}) {
      all.push_back({op, format_text("{}, {}", about, shape), shape.product(),
                     [draw, shape](Device reference, Device device) {
                       return same_draws(draw, shape, reference, device);
                     }});
    }
  };
  for (const DType dtype : kFloating) {
    add("random_uniform", name(dtype),
        [dtype](const Shape& shape, Device device) { return random_uniform(shape, dtype, device); });
    add("random_normal", name(dtype),
        [dtype](const Shape& shape, Device device) { return random_normal(shape, dtype, device); });
  }
  struct Bounds {
    int64_t low, high;
    DType dtype;
  };
  for (const Bounds& b : {Bounds{0, 2, DType::UInt8}, Bounds{-1000, 1000, DType::Int32},
                          Bounds{-7, int64_t{1} << 50, DType::Int64}, Bounds{-50, 50, DType::Float32}}) {
    add("random_integers", format_text("[{}, {}) {}", b.low, b.high, b.dtype),
        [b](const Shape& shape, Device device) {
          return random_integers(b.low, b.high, shape, b.dtype, device);
        });
  }
}

// ---- optimisers

constexpr int kSteps = 3;

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(const Tensors&)>;

NDArray drawn(const Shape& shape, DType dtype, Device device, uint64_t stream) {
  Generator generator(1, stream);
  return NDArray::from_data(uniform()(generator, shape.product()), shape, device).to(dtype);
}

/// Parameters, then what the optimiser keeps, after kSteps steps.
nn::StateDict stepped(const MakeOptimizer& make, const std::vector<Shape>& shapes, DType dtype,
                      Device device) {
  Tensors parameters;
  for (size_t i = 0; i < shapes.size(); ++i) {
    parameters.push_back(Tensor(drawn(shapes[i], dtype, device, i)).requires_grad_());
  }
  const std::unique_ptr<optim::Optimizer> optimizer = make(parameters);
  for (int step = 0; step < kSteps; ++step) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      const uint64_t stream = 100 + i + shapes.size() * static_cast<size_t>(step);
      parameters[i].set_grad(Tensor(drawn(shapes[i], dtype, device, stream)));
    }
    optimizer->step();
  }
  nn::StateDict state;
  for (size_t i = 0; i < shapes.size(); ++i) {
    state.push_back({format_text("parameter {}", i), parameters[i].data()});
  }
  for (nn::NamedArray& named : optimizer->state()) state.push_back(std::move(named));
  return state;
}

Outcome same_steps(const MakeOptimizer& make, const std::vector<Shape>& shapes, DType dtype, Device reference,
                   Device device) {
  return guarded([&] {
    Outcome worst;
    const nn::StateDict expected = stepped(make, shapes, dtype, reference);
    const nn::StateDict found = stepped(make, shapes, dtype, device);
    for (size_t i = 0; i < expected.size(); ++i) {
      keep_worse(worst, compare(found[i].array, expected[i].array, kSteps), expected[i].name);
    }
    return worst;
  });
}

template <class Optimizer, class Options>
void add_optimizer(std::vector<Comparison>& all, const std::string& op, const std::string& about,
                   const Options& options) {
  const MakeOptimizer make = [options](const Tensors& parameters) {
    return std::make_unique<Optimizer>(parameters, options);
  };
  for (const std::vector<Shape>& shapes :
       {std::vector<Shape>{{}, {7}, {3, 5}, {4, 3, 2, 2}}, std::vector<Shape>{{20011}}}) {
    int64_t elements = 0;
    for (const Shape& shape : shapes) elements += shape.product();
    for (const DType dtype : kFloating) {
      all.push_back({op, format_text("{}, {} elements, {}", about, elements, dtype), elements,
                     [make, shapes, dtype](Device reference, Device device) {
                       return same_steps(make, shapes, dtype, reference, device);
                     }});
    }
  }
}

void add_optimizers(std::vector<Comparison>& all) {
  using optim::AdamOptions;
  using optim::AdamWOptions;
  using optim::RMSpropOptions;
  using optim::SGDOptions;
  add_optimizer<optim::SGD>(all, "optim::SGD", "plain", SGDOptions{.lr = 0.1});
  add_optimizer<optim::SGD>(all, "optim::SGD", "momentum, dampening, weight decay",
                            SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.01});
  add_optimizer<optim::SGD>(all, "optim::SGD", "nesterov",
                            SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true});
  add_optimizer<optim::Adam>(all, "optim::Adam", "defaults", AdamOptions{});
  add_optimizer<optim::Adam>(all, "optim::Adam", "weight decay", AdamOptions{.lr = 0.1, .weight_decay = 0.1});
  add_optimizer<optim::AdamW>(all, "optim::AdamW", "defaults", AdamWOptions{.lr = 0.1});
  add_optimizer<optim::RMSprop>(all, "optim::RMSprop", "defaults", RMSpropOptions{});
  add_optimizer<optim::RMSprop>(all, "optim::RMSprop", "momentum, weight decay",
                                RMSpropOptions{.weight_decay = 0.1, .momentum = 0.9});
}

}  // namespace

std::vector<Comparison> comparisons() {
  std::vector<Comparison> all;
  add_op_cases(all);
  add_draws(all);
  add_optimizers(all);
  return all;
}

}  // namespace linnet::checks

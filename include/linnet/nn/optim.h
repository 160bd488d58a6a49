// Optimisers, with PyTorch's mathematics and defaults:
//   optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
//   optimizer.zero_grad();  loss.backward();  optimizer.step();
//
// Parameters without a gradient are skipped and their state stays. State is made at a parameter's first step,
// lies on its device and follows it when it is moved. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linnet/autograd/tensor.h>
#include <linnet/nn/module.h>

namespace linnet::optim {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Changes every parameter that has a gradient, in place. Where one cannot be, throws Error before any is.
  void step();
  /// Drops the gradients.
  void zero_grad();

  double lr() const { return lr_; }
  /// Throws Error unless lr is finite and at least 0.
  void set_lr(double lr);

  Tensors parameters() const;

  /// Everything a resumed run needs: "lr" and, by position i of each parameter that was stepped, "i.step" and
  /// its moments ("i.mean", "i.square"; "i.momentum"). Copies.
  nn::StateDict state() const;
  /// Takes the state of an optimiser of the same kind over parameters of the same shapes. Nothing changes
  /// where it throws.
  void load_state(const nn::StateDict& state);

 protected:
  struct Slot {
    Tensor parameter;
    int64_t step = 0;  ///< Steps taken.
    std::vector<NDArray>
        moments;  ///< One for each name given to the constructor; none before the first step.
  };

  /// Throws Error where there is no parameter, or one is undefined, not a leaf, not floating or there twice.
  /// `kind` is the name in errors, `moments` those of the arrays kept for each parameter.
  Optimizer(std::string kind, const Tensors& parameters, double lr, std::vector<std::string> moments);

  /// One step of slots on one device that have taken the same number of steps. `lr` is 0-d Float64; `step`
  /// 0-d Int64, 1 at the first step.
  virtual void update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) = 0;

 private:
  /// A device's 0-d arrays; written only when the number changes.
  struct Clock {
    NDArray lr, step;
    double lr_value;
    int64_t step_value;
    bool taken;
  };
  void prepare(Slot& slot, size_t index) const;
  Clock& clock(Device device, int64_t step);

  std::string kind_;
  std::vector<Slot> slots_;
  double lr_;
  std::vector<std::string> moments_;
  std::vector<Clock> clocks_;
};

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;  ///< Needs momentum, and no dampening.
};
/// g = gradient + weight_decay * p
/// b = momentum * b + (1 - dampening) * g, and b = g at the first step
/// p -= lr * b;  with nesterov p -= lr * (g + momentum * b);  without momentum p -= lr * g
/// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum", ICML 2013.
class SGD : public Optimizer {
 public:
  explicit SGD(const Tensors& parameters, const SGDOptions& options = {});

 private:
  void update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  SGDOptions options_;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};
/// g = gradient + weight_decay * p
/// m = beta1 * m + (1 - beta1) * g
/// v = beta2 * v + (1 - beta2) * g^2
/// p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) at step t = 1, 2, ...
/// Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
class Adam : public Optimizer {
 public:
  explicit Adam(const Tensors& parameters, const AdamOptions& options = {});

 private:
  void update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  AdamOptions options_;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
};
/// Adam with g = gradient, and p *= 1 - lr * weight_decay before each step.
/// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
class AdamW : public Optimizer {
 public:
  explicit AdamW(const Tensors& parameters, const AdamWOptions& options = {});

 private:
  void update(const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  AdamWOptions options_;
};

}  // namespace linnet::optim

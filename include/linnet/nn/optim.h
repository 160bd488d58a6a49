// Optimisers, with PyTorch's mathematics and defaults:
//   optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
//   optimizer.zero_grad();  loss.backward();  optimizer.step();
//
// Parameters come in groups with options of their own: the constructor's are group 0, `add_group` adds
// others:
//   optim::SGD optimizer(body.parameters(), {.lr = 1e-3, .momentum = 0.9});
//   optimizer.add_group(head.parameters(), {.lr = 1e-2, .momentum = 0.9});
// Parameters without a gradient are skipped and their state stays. State is made at a parameter's first step,
// lies on its device and follows it when it is moved. Not thread-safe. nn/schedule.h moves learning rates.
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

  size_t groups() const { return groups_.size(); }
  double lr(size_t group = 0) const;
  /// Of every group. Throws Error unless lr is finite and at least 0.
  void set_lr(double lr);
  void set_lr(double lr, size_t group);
  /// Whether there is a momentum to change: SGD's and RMSprop's `momentum`, Adam's and AdamW's `beta1`.
  bool has_momentum() const;
  double momentum(size_t group = 0) const;
  /// Throws Error where the optimiser has none, and unless 0 <= momentum < 1. State that a momentum above 0
  /// needs, and 0 did not, starts as zeros.
  void set_momentum(double momentum, size_t group);

  /// Of all groups, in their order; and of one.
  Tensors parameters() const;
  Tensors parameters(size_t group) const;

  /// Everything a resumed run needs: "lr" and, by position i over all groups of each parameter that was
  /// stepped, "i.step" and its moments ("i.mean", "i.square"; "i.momentum"). With several groups "lr" has an
  /// element each, and "groups" their numbers of parameters. Copies. Other options are the program's.
  nn::StateDict state() const;
  /// Takes the state of an optimiser of the same kind over groups of parameters of the same shapes. Nothing
  /// changes where it throws.
  void load_state(const nn::StateDict& state);

 protected:
  struct Slot {
    Tensor parameter;
    size_t group = 0;
    int64_t step = 0;              ///< Steps taken.
    std::vector<NDArray> moments;  ///< One for each of moment_names(); none before the first step.
  };

  /// `kind` is the name in errors. Derived constructors add the first group.
  explicit Optimizer(std::string kind) : kind_(std::move(kind)) {}

  /// Throws Error where there is no parameter, or one is undefined, not a leaf, not floating or there twice,
  /// in this group or an earlier one; nothing changes then.
  void add_parameters(const Tensors& parameters, double lr);

  /// Names of the arrays that are kept for each parameter of a group.
  virtual std::vector<std::string> moment_names(size_t group) const = 0;
  /// The number that set_momentum changes; null where there is none.
  virtual double* momentum_of(size_t group);
  /// One step of slots of one group and device that have taken the same number of steps. `lr` is 0-d Float64;
  /// `step` 0-d Int64, 1 at the first step.
  virtual void update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr,
                      const NDArray& step) = 0;

 private:
  struct Group {
    size_t first, count;  ///< Of slots_.
    double lr;
  };
  /// The 0-d arrays of a device and a group; written only when the number changes.
  struct Clock {
    NDArray lr, step;
    size_t group;
    double lr_value;
    int64_t step_value;
    bool taken;
  };
  const Group& at(size_t group) const;
  const double* read_momentum(size_t group) const;
  std::string name_of(size_t slot) const;
  void prepare(Slot& slot, size_t index) const;
  Clock& clock(Device device, size_t group, int64_t step);

  std::string kind_;
  std::vector<Group> groups_;
  std::vector<Slot> slots_;  ///< Group after group.
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
  void add_group(const Tensors& parameters, const SGDOptions& options);

 private:
  std::vector<std::string> moment_names(size_t group) const override;
  double* momentum_of(size_t group) override;
  void update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  std::vector<SGDOptions> options_;  ///< Of each group.
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
  void add_group(const Tensors& parameters, const AdamOptions& options);

 private:
  std::vector<std::string> moment_names(size_t group) const override;
  double* momentum_of(size_t group) override;
  void update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  std::vector<AdamOptions> options_;  ///< Of each group.
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
  void add_group(const Tensors& parameters, const AdamWOptions& options);

 private:
  std::vector<std::string> moment_names(size_t group) const override;
  double* momentum_of(size_t group) override;
  void update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  std::vector<AdamWOptions> options_;  ///< Of each group.
};

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
};
/// g = gradient + weight_decay * p
/// v = alpha * v + (1 - alpha) * g^2
/// d = sqrt(v) + eps;  centered, with m = alpha * m + (1 - alpha) * g:  d = sqrt(max(v - m^2, 0)) + eps
/// p -= lr * g / d;  with momentum b = momentum * b + g / d and p -= lr * b
/// Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012; centered: Graves, "Generating sequences with recurrent
/// neural networks", 2013. Moments: "i.square", "i.momentum", "i.mean".
class RMSprop : public Optimizer {
 public:
  explicit RMSprop(const Tensors& parameters, const RMSpropOptions& options = {});
  void add_group(const Tensors& parameters, const RMSpropOptions& options);

 private:
  std::vector<std::string> moment_names(size_t group) const override;
  double* momentum_of(size_t group) override;
  void update(size_t group, const std::vector<Slot*>& slots, const NDArray& lr, const NDArray& step) override;
  std::vector<RMSpropOptions> options_;  ///< Of each group.
};

}  // namespace linnet::optim

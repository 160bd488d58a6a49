// An exponential moving average of a model's weights, often better at prediction than the weights themselves:
//   optim::EMA ema(model, {.decay = 0.999});
//   optimizer.step();
//   ema.update();               // after every step
//   { optim::UseAverages averages(ema);  evaluate(model); }   // the averages in the model, and back
// The model's tensors are held, not the model, so a model that is moved or sent to another device stays
// averaged; the averages follow at the next update. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include <linnet/nn/module.h>

namespace linnet::optim {

struct EMAOptions {
  double decay = 0.999;  ///< In [0, 1].
};

/// average = decay * average + (1 - decay) * parameter; the first update copies. Buffers are copied always.
/// As PyTorch's AveragedModel with get_ema_multi_avg_fn(decay).
class EMA {
 public:
  explicit EMA(const nn::Module& model, const EMAOptions& options = {});

  /// Throws Error while the averages are in the model.
  void update();
  /// Times update() was called.
  int64_t updates() const { return updates_; }

  /// Exchanges the model's values with the averages, in place; a second call changes them back.
  void swap();
  bool swapped() const { return swapped_; }
  /// Copies the averages into a model of the same structure, as nn::clone() makes. Throws Error while they
  /// are in this one.
  void copy_to(nn::Module& model) const;

  /// "updates", and "average.NAME" for each parameter and buffer. Copies. Throws Error while swapped.
  nn::StateDict state() const;
  /// Nothing changes where it throws.
  void load_state(const nn::StateDict& state);

 private:
  struct Average {
    std::string name;
    Tensor of;
    bool is_buffer;
    NDArray value;
  };
  std::vector<Average> averages_;
  double decay_;
  int64_t updates_ = 0;
  bool swapped_ = false;
};

/// Puts the averages into the model while it lives.
class UseAverages {
 public:
  /// Throws Error where they are there already.
  explicit UseAverages(EMA& ema);
  ~UseAverages();
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  EMA& ema_;
};

}  // namespace linnet::optim

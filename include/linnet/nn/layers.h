// The layers. Weights are made on the default device in Float32, drawn from the default generator as PyTorch
// draws them: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), weight before bias (nn/init.h). Constructors throw Error
// for options that fit no layer, with all of them.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/core/conv2d.h>
#include <linnet/nn/activations.h>
#include <linnet/nn/module.h>

namespace linnet::nn {

/// (N, in, H, W) -> (N, out, P, Q): see `conv2d` for the formula.
class Conv2d : public Module {
 public:
  /// `options.kernel` is needed; `options.layout` stays NCHW (for channels last in memory use
  /// to(MemoryOrder)).
  Conv2d(int64_t in, int64_t out, const Conv2dOptions& options);

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  Conv2d clone() const;

  int64_t in_channels() const { return in_; }
  int64_t out_channels() const { return out_; }
  const Conv2dOptions& options() const { return options_; }
  /// From the next forward on; the gradients follow.
  void set_algorithm(ConvAlgorithm algorithm) { options_.algorithm = algorithm; }

  Tensor weight;  ///< (out, in / groups, R, S)
  Tensor bias;    ///< (out,), undefined without bias

 private:
  int64_t in_;
  int64_t out_;
  Conv2dOptions options_;
};

/// (N, in, H, W) -> (N, out, P, Q): see `conv_transpose2d` for the formula.
class ConvTranspose2d : public Module {
 public:
  /// `options.kernel` is needed.
  ConvTranspose2d(int64_t in, int64_t out, const ConvTranspose2dOptions& options);

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  ConvTranspose2d clone() const;

  Tensor weight;  ///< (in, out / groups, R, S)
  Tensor bias;    ///< (out,), undefined without bias

 private:
  int64_t in_;
  int64_t out_;
  ConvTranspose2dOptions options_;
};

struct LinearOptions {
  bool bias = true;
};

/// (..., in) -> (..., out): x weight^T + bias.
class Linear : public Module {
 public:
  Linear(int64_t in, int64_t out, const LinearOptions& options = {});

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  Linear clone() const;

  int64_t in_features() const { return in_; }
  int64_t out_features() const { return out_; }

  Tensor weight;  ///< (out, in)
  Tensor bias;    ///< (out,), undefined without bias

 private:
  int64_t in_;
  int64_t out_;
};

/// Joins dimensions start to stop, both included; negative ones count from the end.
class Flatten : public Module {
 public:
  explicit Flatten(int start = 1, int stop = -1) : start_(start), stop_(stop) {}

  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  Flatten clone() const;

 private:
  int start_;
  int stop_;
};

}  // namespace linnet::nn

// Layers that normalise (see autograd/ops.h for the formulas and their sources) and that leave out at random,
// with PyTorch's options, defaults and names of parameters and buffers.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/nn/module.h>

namespace linnet::nn {

struct BatchNormLayerOptions {
  double eps = 1e-5;                ///< Added to the variance.
  double momentum = 0.1;            ///< The share of a batch in the running statistics.
  bool affine = true;               ///< Whether there are weight and bias.
  bool track_running_stats = true;  ///< Where not, every batch is normalised by its own statistics.
};

/// Over each channel of (N, C, H, W); in training by the batch's statistics, else by the running ones.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(int64_t channels, const BatchNormLayerOptions& options = {});

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  BatchNorm2d clone() const;

  int64_t channels() const { return channels_; }

  Tensor weight;               ///< (C,), ones at first; undefined unless affine
  Tensor bias;                 ///< (C,), zeros at first
  Tensor running_mean;         ///< (C,), zeros at first; undefined unless tracked
  Tensor running_var;          ///< (C,), ones at first
  Tensor num_batches_tracked;  ///< 0-d int64: batches seen in training

 private:
  int64_t channels_;
  BatchNormLayerOptions options_;
};

struct NormLayerOptions {
  double eps = 1e-5;
  bool affine = true;
};

/// Over the last dimensions, of extents `shape`.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(const Shape& shape, const NormLayerOptions& options = {});

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  LayerNorm clone() const;

  Tensor weight;  ///< `shape`, ones at first; undefined unless affine
  Tensor bias;    ///< `shape`, zeros at first

 private:
  Shape shape_;
  NormLayerOptions options_;
};

/// Over each image's groups of consecutive channels of (N, C, ...).
class GroupNorm : public Module {
 public:
  GroupNorm(int64_t groups, int64_t channels, const NormLayerOptions& options = {});

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  GroupNorm clone() const;

  Tensor weight;  ///< (C,), ones at first; undefined unless affine
  Tensor bias;    ///< (C,), zeros at first

 private:
  int64_t groups_, channels_;
  NormLayerOptions options_;
};

/// In training each element is 0 with probability p and 1 / (1 - p) times itself otherwise.
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  Dropout clone() const;

 private:
  double p_;
};

/// The same for whole channels of (N, C, ...).
class Dropout2d : public Module {
 public:
  explicit Dropout2d(double p = 0.5);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  Dropout2d clone() const;

 private:
  double p_;
};

}  // namespace linnet::nn

// Pooling and upsampling as layers: the operators of the same names (autograd/ops.h), (N, C, H, W) ->
// (N, C, P, Q). Constructors throw Error for options that fit no image, with all of them.
#pragma once

#include <string>

#include <linnet/core/pool2d.h>
#include <linnet/nn/module.h>

namespace linnet::nn {

/// The largest element of each window.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Pool2dOptions& options);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  MaxPool2d clone() const;

 private:
  Pool2dOptions options_;
};

/// The average of each window.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Pool2dOptions& options);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  AvgPool2d clone() const;

 private:
  Pool2dOptions options_;
};

/// The averages of output.h x output.w windows that cover the image; of whole planes for 1.
class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(Size2 output);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  AdaptiveAvgPool2d clone() const;

 private:
  Size2 output_;
};

/// The largest elements of output.h x output.w windows that cover the image; of whole planes for 1.
class AdaptiveMaxPool2d : public Module {
 public:
  explicit AdaptiveMaxPool2d(Size2 output);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  AdaptiveMaxPool2d clone() const;

 private:
  Size2 output_;
};

/// More pixels, or fewer: to a size, or by a factor.
class Upsample : public Module {
 public:
  explicit Upsample(const UpsampleOptions& options);
  Tensor forward(const Tensor& x) const override;
  std::string describe() const override;
  Upsample clone() const;

 private:
  UpsampleOptions options_;
};

}  // namespace linnet::nn

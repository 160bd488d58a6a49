// Ready-made models.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/nn/layers.h>
#include <linnet/nn/module.h>
#include <linnet/nn/normalization.h>
#include <linnet/nn/pooling.h>
#include <linnet/nn/sequential.h>

namespace linnet::nn {

/// Ten classes from 28x28 images: (N, 1, 28, 28) -> 32x14x14 -> 64x8x8 -> 128x4x4 -> 2048 -> 250 -> (N, 10).
struct SimpleCNN : Module {
  Conv2d conv1{1, 32, {.kernel = 2, .stride = 2}};
  Conv2d conv2{32, 64, {.kernel = 2, .stride = 2, .padding = 1}};
  Conv2d conv3{64, 128, {.kernel = 2, .stride = 2}};
  Linear fc1{128 * 4 * 4, 250};
  Linear fc2{250, 10};

  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
};

/// What a ready-made network is fitted to. Fields may be left out.
struct ModelOptions {
  int64_t classes = 0;   ///< 0: as published, which each network says.
  int64_t channels = 0;  ///< Of its input; 0: as published.

  /// What is asked for, or else the published number. Throws Error for a negative one.
  int64_t classes_or(int64_t published) const;
  int64_t channels_or(int64_t published) const;
};

/// LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, with
/// full connections between the convolutions: (N, 1, 28, 28) -> 10 classes, padded to 32x32; 61,706
/// parameters.
class LeNet5 : public Module {
 public:
  explicit LeNet5(const ModelOptions& options = {});
  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;

  Conv2d conv1, conv2;
  Linear fc1, fc2, fc3;
};

/// Configuration A of Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
/// recognition", 2014, with torchvision's names and initial values: (N, 3, 224, 224) -> 1000 classes,
/// 132,863,336 parameters; images from 32x32 on.
class VGG11 : public Module {
 public:
  explicit VGG11(const ModelOptions& options = {});
  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;

  Sequential features, classifier;
  AdaptiveAvgPool2d avgpool{7};
};

/// How a residual block passes its input by where the shapes differ.
enum class Shortcut : uint8_t {
  Projection,  ///< A 1x1 convolution and batch normalisation: option B of the paper.
  Padded,      ///< Every stride-th pixel, and channels of zeros on both sides: option A.
};

/// Two 3x3 convolutions, each with batch normalisation, and their input added.
class BasicBlock : public Module {
 public:
  BasicBlock(int64_t in, int64_t out, int64_t stride, Shortcut shortcut);
  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;
  std::string describe() const override;
  BasicBlock clone() const;

  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
  Sequential downsample;  ///< Empty unless the shortcut is a projection.

 private:
  Tensor passed_by(const Tensor& x) const;

  int64_t in_, out_, stride_;
  Shortcut shortcut_;
};

/// He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2015: with basic blocks, the
/// networks for photographs (a stem of stride 4, four stages) and for CIFAR (three stages of narrow layers).
/// Names and initial values are torchvision's.
class ResNet : public Module {
 public:
  struct Plan {
    bool photographs;  ///< Whether the stem is a 7x7 convolution of stride 2 and a maximum of stride 2.
    std::vector<int64_t> widths;
    int64_t blocks;  ///< Of each stage.
    Shortcut shortcut;
    int64_t classes;
  };
  ResNet(const Plan& plan, const ModelOptions& options);
  Tensor forward(const Tensor& x) const override;
  void fields(Fields& f) override;

  Conv2d conv1;
  BatchNorm2d bn1;
  std::vector<Sequential> layers;  ///< "layer1", "layer2", ...
  Linear fc;

 private:
  bool photographs_;
};

/// (N, 3, 224, 224) -> 1000 classes, 11,689,512 parameters.
ResNet resnet18(const ModelOptions& options = {});
/// (N, 3, 32, 32) -> 10 classes, 269,722 parameters, with padded shortcuts, as in section 4.2 of the paper.
ResNet resnet20(const ModelOptions& options = {});

/// Names that make_model knows: "simple-cnn", "lenet-5", "vgg-11", "resnet-18", "resnet-20".
std::vector<std::string> model_names();
/// What a model is published for.
struct PublishedModel {
  Shape input;  ///< (C, H, W)
  int64_t classes;
};
/// Throws Error listing the names there are.
PublishedModel published_model(std::string_view name);
/// A new model of that name. Throws Error listing the names there are, and where the model cannot have those
/// classes or channels.
std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options = {});

}  // namespace linnet::nn

// Module: the base of layers and networks. A module is a plain struct with `forward` and one function,
// `fields`, that lists its parameters, buffers and children by name. From that list come names, the state
// dict, loading, moving between devices, train/eval and the summary.
//
// Modules move and are not copied; clone() copies. forward is const, so threads may share a trained model.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <linnet/autograd/tensor.h>

namespace linnet::nn {

class Module;

/// Lists a module's members: `f("weight", weight)("bias", bias)("conv1", conv1)`. Undefined tensors are
/// skipped.
class Fields {
 public:
  virtual ~Fields() = default;
  Fields& operator()(const std::string& name, Tensor& parameter);
  Fields& operator()(const std::string& name, Module& child);
  /// State that is saved and moved but not trained.
  Fields& buffer(const std::string& name, Tensor& buffer);

 protected:
  virtual void on_parameter(const std::string& name, Tensor& parameter) = 0;
  virtual void on_buffer(const std::string& name, Tensor& buffer) = 0;
  virtual void on_child(const std::string& name, Module& child) = 0;
};

struct NamedTensor {
  std::string name;  ///< "features.0.weight"
  Tensor tensor;
};
struct NamedArray {
  std::string name;
  NDArray array;
};
/// Parameters and buffers by name, in PyTorch's order: own parameters, own buffers, then children.
using StateDict = std::vector<NamedArray>;

struct LoadOptions {
  bool strict = true;  ///< Missing and unexpected names are errors.
  /// Of the names in the state: those that begin otherwise are left out, the others lose it. "model.", of a
  /// file that holds more than a model.
  std::string prefix = {};
  /// From names of the state, without the prefix, to the module's. {"head.weight", "fc.weight"} is of a name;
  /// {"backbone.", "features."}, which ends with a dot, of the beginning of many. The first that fits counts.
  std::vector<std::pair<std::string, std::string>> rename = {};
  std::string source = {};  ///< Where the state is from, for errors: the file.
};

class Module {
 public:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// The result for one input. Modules with other inputs overload it (`using Module::forward;`) and leave
  /// this form, which throws.
  virtual Tensor forward(const Tensor& x) const;
  /// Lists parameters, buffers and children. A parameter that backward reaches and no fields() lists is an
  /// error.
  virtual void fields(Fields& f);
  /// "Conv2d(1, 32, kernel=2x2, stride=2x2)"; the type's name unless overridden.
  virtual std::string describe() const;

  /// forward, with the module's path added to any Error.
  Tensor operator()(const Tensor& x) const;

  std::vector<Tensor> parameters() const;
  std::vector<NamedTensor> named_parameters() const;
  std::vector<NamedTensor> named_buffers() const;
  /// Direct children by name.
  std::vector<std::pair<std::string, Module*>> children() const;
  /// This module ("") and all below it, by path, parents first.
  std::vector<std::pair<std::string, Module*>> modules() const;
  int64_t parameter_count() const;

  /// Shares memory with the module's tensors.
  StateDict state_dict() const;
  /// Copies values in; nothing changes where it throws. One error lists all missing, unexpected and
  /// mis-shaped names. dtypes are converted.
  void load_state_dict(const StateDict& state, const LoadOptions& options = {});

  /// Parameters keep their identity: optimisers go on with them.
  void to(Device device);
  void to(DType dtype);
  /// Memory order of 4-d parameters and buffers.
  void to(MemoryOrder order);

  void train(bool training = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  void zero_grad();

 private:
  bool training_ = true;
};

/// A leaf that wants a gradient and belongs to a module; `label` names it in errors.
Tensor parameter(NDArray value, std::string label);

/// A module with the same structure and values and memory of its own. M is default-constructible or has a
/// member clone().
template <class M>
M clone(const M& module);

}  // namespace linnet::nn

#include <linnet/nn/clone.h>

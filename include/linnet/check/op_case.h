// OpCase: one description of an operator at work, which drives every way of checking it (check/modes.h). It
// has its inputs, the call, and a reference: a naive function on doubles, written with plain loops and
// without the library. Families export their lists; op_cases() is all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <linnet/autograd/tensor.h>
#include <linnet/check/outcome.h>

namespace linnet::checks {

/// Makes `count` elements. They are exact in float32, so that runs in every dtype have equal inputs.
using Draw = std::function<std::vector<double>(Generator&, int64_t count)>;

struct OpInput {
  Shape shape;
  Draw draw;
  bool differentiable = true;       ///< Whether gradients by it are checked; floating inputs only.
  std::optional<DType> dtype = {};  ///< Of labels and conditions; the others have the run's dtype.
};

struct OpCase {
  std::string op;     ///< As the header declares it: "conv2d", "operator+".
  std::string about;  ///< What this case adds: "stride 3 beyond the kernel".
  std::vector<OpInput> inputs;
  std::function<Tensor(const Tensors&)> run;
  std::function<Values(const std::vector<Values>&)> reference;
  int64_t terms = 1;  ///< Products or elements summed into one result, for the tolerance.
  std::vector<DType> dtypes = {DType::Float32, DType::Float64};

  /// "conv2d: stride 3 beyond the kernel".
  std::string name() const { return about.empty() ? op : op + ": " + about; }
  bool differentiable() const;
  /// Elements of all inputs.
  int64_t size() const;
};

/// Every case of every family; names are unique.
std::vector<OpCase> op_cases();

}  // namespace linnet::checks

// summary(): a model's calls with output shapes, parameters and multiply-adds, from a pass that infers shapes
// and computes nothing. The model is not touched.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <linnet/nn/module.h>

namespace linnet::nn {

/// One call of a module.
struct SummaryRow {
  std::string path;         ///< "features.0"; empty for the model itself, "?" for a module no fields() lists
  std::string description;  ///< Module::describe()
  int depth = 0;            ///< Calls around this one.
  Shape output;
  int64_t parameters =
      0;  ///< Elements of the module's own parameters, without its children's; 0 when called again.
  int64_t multiply_adds = 0;  ///< Of the module's own operators, without its children's.
};

struct Summary {
  std::vector<SummaryRow> rows;  ///< In the order of the calls; the model itself is the first.
  int64_t parameters = 0;        ///< Elements of all parameters of the model, called or not.
  int64_t parameter_bytes = 0;
  int64_t multiply_adds = 0;  ///< Of convolutions and matrix products, padding included, for the whole input.
};

/// Runs the model on an input of that shape. Throws what the model throws for it.
Summary summary(const Module& model, const Shape& input);
/// The same for inputs of another dtype than the first parameter's.
Summary summary(const Module& model, const Shape& input, DType dtype);

/// A table with totals.
std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace linnet::nn

#include <linnet/nn/summary.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <unordered_map>
#include <unordered_set>

#include "core/fail.h"
#include "core/meta_backend.h"
#include "core/shapes_only.h"
#include "nn/observer.h"
#include "nn/walk.h"

namespace linnet::nn {
namespace {

/// Makes a row of every call it sees.
class Recorder final : public CallObserver {
 public:
  Recorder(const Module& root, Summary& summary) : summary_(summary) {
    for (Located& at : walk(root)) located_.emplace(at.module, std::move(at));
  }

  void before(const Module& module, const Tensor&) override {
    charge();
    open_.push_back(summary_.rows.size());
    const auto found = located_.find(&module);
    SummaryRow row;
    row.path = found == located_.end() ? "?" : found->second.path;
    row.description = module.describe();
    row.depth = static_cast<int>(open_.size()) - 1;
    if (found != located_.end()) row.parameters = own_parameters(found->second.members);
    summary_.rows.push_back(std::move(row));
  }

  void after(const Module&, const Tensor& y) override {
    charge();
    summary_.rows[open_.back()].output = y.shape();
    open_.pop_back();
  }

 private:
  /// What ran since the last call or return belongs to the innermost open call.
  void charge() {
    const int64_t now = meta_multiply_adds();
    if (!open_.empty()) summary_.rows[open_.back()].multiply_adds += now - charged_;
    charged_ = now;
  }

  int64_t own_parameters(const Listing& members) {
    int64_t count = 0;
    for (const auto& [name, tensor] : members.parameters) {
      if (counted_.insert(tensor->impl().get()).second) count += tensor->numel();
    }
    return count;
  }

  Summary& summary_;
  std::unordered_map<const Module*, Located> located_;
  std::unordered_set<const void*> counted_;
  std::vector<size_t> open_;  // rows of the calls that have not returned
  int64_t charged_ = 0;
};

using Cells = std::array<std::string, 5>;

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<size_t>(i), 1, ',');
  }
  return digits;
}

Cells cells(const SummaryRow& row) {
  return {std::string(static_cast<size_t>(2 * row.depth), ' ') + row.path, row.description,
          to_string(row.output), with_commas(row.parameters), with_commas(row.multiply_adds)};
}

}  // namespace

Summary summary(const Module& model, const Shape& input) {
  const std::vector<Tensor> parameters = model.parameters();
  return summary(model, input, parameters.empty() ? DType::Float32 : parameters.front().dtype());
}

Summary summary(const Module& model, const Shape& input, DType dtype) {
  Summary result;
  for (const Tensor& parameter : model.parameters()) {
    result.parameters += parameter.numel();
    result.parameter_bytes += parameter.numel() * static_cast<int64_t>(size_of(parameter.dtype()));
  }
  const NoGrad no_grad;
  const ShapesOnly shapes_only;
  const Tensor x = NDArray::empty(input, dtype, device("meta"));
  Recorder recorder(model, result);
  model(x);
  for (const SummaryRow& row : result.rows) result.multiply_adds += row.multiply_adds;
  return result;
}

std::ostream& operator<<(std::ostream& out, const Summary& summary) {
  std::vector<Cells> table{{"path", "module", "output", "parameters", "multiply-adds"}};
  for (const SummaryRow& row : summary.rows) table.push_back(cells(row));
  table.push_back({"total", "", "", with_commas(summary.parameters), with_commas(summary.multiply_adds)});
  std::array<size_t, 5> width{};
  for (const Cells& row : table) {
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  const std::string rule(width[0] + width[1] + width[2] + width[3] + width[4] + 8, '-');
  for (size_t i = 0; i < table.size(); ++i) {
    const Cells& row = table[i];
    if (i == 1 || i + 1 == table.size()) out << rule << '\n';
    out << format_text("{:<{}}  {:<{}}  {:<{}}  {:>{}}  {:>{}}\n", row[0], width[0], row[1], width[1], row[2],
                       width[2], row[3], width[3], row[4], width[4]);
  }
  return out << format_text("parameters take {:.2f} MB\n",
                            static_cast<double>(summary.parameter_bytes) / 1e6);
}

}  // namespace linnet::nn

#include "check/parity_table.h"

#include <algorithm>
#include <utility>

#include "core/format.h"

namespace linnet::checks {
namespace {

using Strings = std::vector<std::string>;

/// The line of one operator; failures, with the names of their cases, are added to `failures`.
std::string row_line(const ParityRow& row, size_t width, Device reference, Device device, Strings& failures) {
  Outcome worst;
  int64_t failed = 0;
  for (const Comparison& comparison : row.comparisons) {
    const Outcome outcome = comparison.run(reference, device);
    if (!outcome.ok()) {
      failures.push_back(comparison.name() + ": " + outcome.failure);
      ++failed;
    }
    keep_worse(worst, outcome, "");
  }
  return format_text("{:<{}}  {:>5}  {:>8.2g}  {:>9.2e}  {:>9}  {}", row.op, width, row.comparisons.size(),
                     worst.ulp, worst.error,
                     worst.tolerance > 0 ? format_text("{:.2e}", worst.tolerance) : "equal",
                     failed == 0 ? "ok" : format_text("FAILS in {}", failed));
}

}  // namespace

std::vector<ParityRow> parity_rows(std::vector<Comparison> comparisons) {
  std::vector<ParityRow> rows;
  for (Comparison& comparison : comparisons) {
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const ParityRow& r) { return r.op == comparison.op; });
    if (row == rows.end()) row = rows.insert(row, {comparison.op, {}});
    row->comparisons.push_back(std::move(comparison));
  }
  return rows;
}

int64_t parity_table(const std::vector<ParityRow>& rows, Device reference, Device device,
                     const std::function<void(const std::string&)>& print) {
  size_t width = 8;
  size_t compared = 0;
  for (const ParityRow& row : rows) {
    width = std::max(width, row.op.size());
    compared += row.comparisons.size();
  }
  print(format_text("{:<{}}  {:>5}  {:>8}  {:>9}  {:>9}  {}", "operator", width, "cases", "ULP", "error",
                    "tolerance", "verdict"));
  Strings failures;
  for (const ParityRow& row : rows) print(row_line(row, width, reference, device, failures));
  print("");
  for (const std::string& failure : failures) print(failure);
  print(failures.empty()
            ? format_text("{} comparisons, all within tolerance", compared)
            : format_text("{} of {} comparisons are beyond tolerance", failures.size(), compared));
  return static_cast<int64_t>(failures.size());
}

}  // namespace linnet::checks

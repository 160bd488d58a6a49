// The table of `linnet parity`: a line for each operator, the worst of its comparisons.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <linnet/check/comparisons.h>

namespace linnet::checks {

/// An operator and all that is compared of it.
struct ParityRow {
  std::string op;
  std::vector<Comparison> comparisons;
};

/// Operators in the order of their first comparison.
std::vector<ParityRow> parity_rows(std::vector<Comparison> comparisons);

/// Runs all comparisons. `print` gets the table line by line, as they are known (a slow device takes minutes
/// for one), then every failure, then how many there are, which is returned.
int64_t parity_table(const std::vector<ParityRow>& rows, Device reference, Device device,
                     const std::function<void(const std::string&)>& print);

}  // namespace linnet::checks

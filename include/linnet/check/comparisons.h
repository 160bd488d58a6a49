// Everything that two devices do and have to agree on, as a list: `linnet parity` and the tests walk it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <linnet/check/outcome.h>

namespace linnet::checks {

/// Cases of at most so many elements are small: a slow device, such as an emulated one, is checked with them.
inline constexpr int64_t kSmallElements = 512;

/// One thing that both devices do: an operator case in a dtype, a draw of random numbers, steps of an
/// optimiser.
struct Comparison {
  std::string op;     ///< "conv2d", "random_normal", "optim::Adam".
  std::string about;  ///< "stride 3 beyond the kernel, float32".
  int64_t elements;   ///< Of all inputs.
  std::function<Outcome(Device reference, Device device)> run;

  std::string name() const { return op + ": " + about; }
  bool small() const { return elements <= kSmallElements; }
};

/// Every operator case in each of its dtypes (on_both), then random numbers, which have to be equal bit for
/// bit, and three steps of every optimiser: parameters and moments under the tolerance of three terms.
std::vector<Comparison> comparisons();

}  // namespace linnet::checks

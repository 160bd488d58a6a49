// The workloads that are timed side by side: names, and what each runs. workloads.cpp has linnet's,
// onednn.cpp some of the same by oneDNN and OpenBLAS, and peer.py all of them by PyTorch, under the same
// names.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <linnet/core/conv2d.h>

namespace linnet::bench {

/// What one call does, where a rate says something.
struct Cost {
  double flops = 0;             ///< Two for a multiply-add.
  double bytes = 0;             ///< The least that has to move between memory and processor.
  std::optional<double> error;  ///< |result - reference| / |reference|, the reference being float64.
};

/// Times work under the name of its workload; `variant` tells apart several ways to do it.
using Timer =
    std::function<void(const std::string& variant, const Cost& cost, const std::function<void()>& work)>;

struct Workload {
  std::string name;
  std::function<void(const Timer&)> run;  ///< Makes operands, calls the timer, and lets them go.
};

/// Whose they are, with its version.
std::string library();

/// All of them, on the default device. `algorithms` are those of convolutions; Auto has no word in its
/// variant.
std::vector<Workload> workloads(const std::vector<ConvAlgorithm>& algorithms);

}  // namespace linnet::bench

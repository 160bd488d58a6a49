// The matrix products and convolutions that are timed beside other libraries. bench/peer.py has the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linnet/core/conv2d.h>

namespace linnet::bench {

/// (M, K) times (K, N).
struct Gemm {
  int64_t M, K, N;

  std::string name() const;
  double flops() const { return 2.0 * static_cast<double>(M * K * N); }
};

/// Square filters and the same stride and padding both ways.
struct Conv {
  std::string name;
  int64_t batch, channels, height, width, filters, kernel, stride, padding, groups;

  Conv2dOptions options() const;
  Conv2dGeometry geometry() const;
  double flops() const;  ///< Of the forward pass and of each gradient.
};

const std::vector<Gemm>& gemms();
const std::vector<Conv>& convs();

}  // namespace linnet::bench

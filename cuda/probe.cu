#include "cuda/probe.h"

#include "cuda/launch.h"

namespace linnet::cuda {
namespace {

__global__ void probe_kernel() {}

}  // namespace

void check_probe() {
  launch(probe_kernel, 1, kWarp, 0, nullptr);
}

}  // namespace linnet::cuda

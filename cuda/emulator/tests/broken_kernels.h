// The table of broken kernels: what each does wrong, and what the emulator must say. Those with `fast` are
// caught without instrumented kernels too; the others need the checker.
#pragma once

#include <vector>

#include "cuda_runtime.h"

struct BrokenKernel {
  const char* name;
  bool fast;
  cudaError_t error;
  const char* message;  // regular expression that the report must contain
  void (*run)();
};

std::vector<BrokenKernel> broken_synchronisation();
std::vector<BrokenKernel> broken_memory();

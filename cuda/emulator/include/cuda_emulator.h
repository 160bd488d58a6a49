// What a test may ask of the emulator and tell it, beside CUDA's own interface. Settings come from the
// environment when the first call is made and can be changed here:
//   LINNET_EMULATOR_LAZY=1     work runs only when something waits for it
//   LINNET_EMULATOR_SEED=N     order in which blocks and threads run; 0 is the natural order
//   LINNET_EMULATOR_DEVICES=N  how many devices there are (1)
//   LINNET_EMULATOR_MEMORY=N   bytes of memory a device has, with K, M or G behind (4G)
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "cublas_v2.h"
#include "cuda_runtime.h"

namespace cuda_emulator {

// True where kernels are instrumented: races, uninitialised reads and overruns of a single byte are found
// too.
bool checked();

// The last fault or refusal in words; empty where there was none since reset().
std::string last_report();

// Forgets sticky errors, the last report and failures still to come. Memory, streams and counts stay.
void reset();

// Lets `call` fail once with `error` after it succeeded `after` more times, as "cudaMalloc",
// "cudaLaunchKernelEx" or "cublasSgemm_64". Nothing else happens in the failing call.
void fail_next(const char* call, cudaError_t error, int after = 0);
void fail_next(const char* call, cublasStatus_t error, int after = 0);
bool failures_pending();

std::uint64_t calls(const char* call);
std::uint64_t launches();
std::map<std::string, std::uint64_t> launches_by_kernel();

struct MemoryStatistics {
  std::size_t total = 0;
  std::size_t live_bytes = 0;  // whole pages
  std::size_t peak_bytes = 0;
  std::uint64_t live_allocations = 0;
  std::uint64_t allocations = 0;
};
MemoryStatistics memory(int device = 0);
void set_memory(std::size_t bytes);

void set_driver(int version);  // CUDART_VERSION unless set; an older one finds no devices; 0: none installed
void set_devices(int count);
void set_lazy(bool lazy);  // turning it off runs what waits
bool lazy();
void set_seed(std::uint64_t seed);
std::uint64_t seed();

}  // namespace cuda_emulator

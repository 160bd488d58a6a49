// Every broken kernel is caught, with the right error and words, and the device works again after a reset.
#include "broken_kernels.h"

#include <gtest/gtest.h>

#include <regex>

#include "correct_kernels.h"
#include "cuda_emulator.h"
#include "kernels.h"

// For GoogleTest's messages.
static void PrintTo(const BrokenKernel& kernel, std::ostream* out) {
  *out << kernel.name;
}

namespace {

class BrokenKernels : public testing::TestWithParam<BrokenKernel> {
 protected:
  void SetUp() override { cuda_emulator::reset(); }
  void TearDown() override { cuda_emulator::reset(); }
};

TEST_P(BrokenKernels, IsCaught) {
  const BrokenKernel& broken = GetParam();
  broken.run();
  const cudaError_t error = cudaDeviceSynchronize();
  EXPECT_EQ(error, broken.error) << cudaGetErrorName(error);
  const std::string report = cudaGetErrorString(error);
  EXPECT_TRUE(std::regex_search(report, std::regex(broken.message))) << report;
  EXPECT_EQ(report, cuda_emulator::last_report());

  EXPECT_EQ(cudaGetLastError(), broken.error) << "a fault is sticky";
  EXPECT_EQ(cudaGetLastError(), broken.error);
  float* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 4), broken.error);

  cuda_emulator::reset();
  const Buffer<float> after(std::vector<float>(100, 2.0F));
  EXPECT_EQ(run_scale(after.get(), 100, 2.0F), cudaSuccess) << cuda_emulator::last_report();
  EXPECT_EQ(after.values(), std::vector<float>(100, 4.0F));
}

TEST_P(BrokenKernels, InAnyOrderOfThreads) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    cuda_emulator::set_seed(seed);
    GetParam().run();
    EXPECT_NE(cudaDeviceSynchronize(), cudaSuccess) << "seed " << seed;
    cuda_emulator::reset();
  }
  cuda_emulator::set_seed(0);
}

std::vector<BrokenKernel> caught_here() {
  std::vector<BrokenKernel> result;
  for (const auto& table : {broken_synchronisation(), broken_memory()}) {
    for (const BrokenKernel& each : table) {
      if (each.fast || cuda_emulator::checked()) result.push_back(each);
    }
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(Table, BrokenKernels, testing::ValuesIn(caught_here()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Launch, LaunchLimits) {
  cuda_emulator::reset();
  const Buffer<float> data(64);
  const auto attempt = [&](dim3 grid, dim3 block, std::size_t shared) {
    const auto kernel = static_cast<void (*)(float*)>([](float*) {});
    const cudaError_t error = launch(kernel, grid, block, shared, nullptr, data.get());
    EXPECT_EQ(cudaGetLastError(), error);
    return error;
  };
  EXPECT_EQ(attempt(dim3(1), dim3(1024), 48 << 10), cudaSuccess);
  EXPECT_EQ(attempt(dim3(0), dim3(32), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1), dim3(32, 0), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1, 65536), dim3(32), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1, 1, 65536), dim3(32), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(0x80000000U), dim3(32), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1), dim3(1, 1, 65), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1), dim3(64, 32), 0), cudaErrorInvalidConfiguration);
  EXPECT_NE(std::string(cudaGetErrorString(cudaErrorInvalidConfiguration)).find("block (64, 32, 1)"),
            std::string::npos)
      << cudaGetErrorString(cudaErrorInvalidConfiguration);
  EXPECT_EQ(attempt(dim3(1), dim3(32), (48 << 10) + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "a refused launch is not sticky";
}

__global__ void fill_shared(unsigned char* out, unsigned bytes) {
  auto* shared = dynamic_shared<unsigned char>();
  for (unsigned i = threadIdx.x; i < bytes; i += blockDim.x) shared[i] = static_cast<unsigned char>(i);
  __syncthreads();
  if (threadIdx.x == 0) *out = shared[bytes - 1];
}

TEST(Launch, MoreSharedMemoryOnRequest) {
  cuda_emulator::reset();
  const Buffer<unsigned char> out(1);
  const unsigned most = 227 << 10;
  cudaFuncAttributes attributes{};
  ASSERT_EQ(cudaFuncGetAttributes(&attributes, fill_shared), cudaSuccess);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 48 << 10);
  EXPECT_EQ(launch(fill_shared, dim3(1), dim3(32), most, nullptr, out.get(), most), cudaErrorInvalidValue);
  EXPECT_NE(
      std::string(cudaGetErrorString(cudaErrorInvalidValue))
          .find("launch of fill_shared(unsigned char*, unsigned int): 232448 bytes of dynamic shared memory, "
                "allowed are 49152"),
      std::string::npos)
      << cudaGetErrorString(cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(fill_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, most + 1),
            cudaErrorInvalidValue);
  ASSERT_EQ(cudaFuncSetAttribute(fill_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, most),
            cudaSuccess);
  EXPECT_EQ(launch(fill_shared, dim3(1), dim3(32), most, nullptr, out.get(), most), cudaSuccess)
      << cuda_emulator::last_report();
  EXPECT_EQ(out.values()[0], static_cast<unsigned char>(most - 1));
}

}  // namespace

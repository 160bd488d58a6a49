// Opening GPUs, copies, value errors, and what becomes of the errors of CUDA's own calls.
#include "cuda/backend.h"

#include <numeric>
#include <vector>

#include <linnet/autograd/ops.h>
#include <linnet/core/ops.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>
#include "cuda/devices.h"
#include "tests/unit/cuda_device.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using CudaBackendTest = test::CudaTest;

TEST_F(CudaBackendTest, NamesLeadToDevices) {
  EXPECT_EQ(cuda_.name(), "cuda:0");
  EXPECT_EQ(device("cuda:0"), cuda_);
  EXPECT_ERROR(device("cuda:99"), "there is no device 'cuda:99'; expected cuda:0 to cuda:");
  for (const char* name : {"cuda:", "cuda:x", "cuda:0x", "cuda:-1", "cuda0", "gpu"}) {
    EXPECT_ERROR(device(name), "; expected cpu, cuda, cuda:0, cuda:1, ... or meta");
  }
}

TEST_F(CudaBackendTest, CopiesOfAnySizeComeBack) {
  for (const int64_t n :
       {int64_t{0}, int64_t{1}, int64_t{1000}, int64_t{1} << 20, (int64_t{3} << 20) + 7, int64_t{1} << 23}) {
    std::vector<int32_t> values(static_cast<size_t>(n));
    std::iota(values.begin(), values.end(), 5);
    EXPECT_EQ(NDArray::from_data(values, {n}, cuda_).to_vector<int32_t>(), values) << n;
  }
}

TEST_F(CudaBackendTest, AnIndexOutsideIsToldWhenTheGpuIsWaitedFor) {
  const NDArray x = NDArray::arange(10, DType::Float32, cuda_);
  const NDArray bad = NDArray::from_data(std::vector<int64_t>{0, 3, 12, 9}, {4}, cuda_);
  const NDArray y = gather(x, 0, bad);
  EXPECT_ERROR(cuda_.synchronize(),
               "[gather] index 12 at element 2 of the indices is outside the array; expected "
               "0 <= index < 10");
  EXPECT_NO_THROW(cuda_.synchronize());  // told once
  const NDArray again = gather(x, 0, bad);
  EXPECT_ERROR(again.to_vector<float>(), "[gather] index 12");
  const NDArray good = NDArray::from_data(std::vector<int64_t>{9, 0}, {2}, cuda_);
  EXPECT_EQ(gather(x, 0, good).to_vector<float>(), (std::vector<float>{9, 0}));
}

TEST_F(CudaBackendTest, ALabelOutOfRangeIsFound) {
  const Tensor x(NDArray::zeros({2, 3}, DType::Float32, cuda_));
  const NDArray labels = NDArray::from_data(std::vector<int64_t>{1, 3}, {2}, cuda_);
  EXPECT_ERROR(cross_entropy(x, labels).item<float>(),
               "[gather] index 3 at element 1 of the indices is outside");
}

#if LINNET_EMULATED_CUDA

class CudaErrors : public test::CudaTest {
 protected:
  void TearDown() override { cuda_emulator::reset(); }
};

TEST_F(CudaErrors, WhatHasNoGpuSaysWhy) {
  std::string problem;
  cuda_emulator::fail_next("cudaGetDeviceCount", cudaErrorNoDevice);
  EXPECT_EQ(cuda_device_count(problem), 0);
  EXPECT_NE(problem.find("cudaErrorNoDevice"), std::string::npos) << problem;
  EXPECT_NE(problem.find("CUDA_VISIBLE_DEVICES"), std::string::npos) << problem;

  cuda_emulator::fail_next("cudaGetDeviceCount", cudaErrorInsufficientDriver);
  EXPECT_EQ(cuda_device_count(problem), 0);
  EXPECT_NE(problem.find("update the driver"), std::string::npos) << problem;

  cuda_emulator::fail_next("cudaGetDeviceCount", cudaErrorNoDevice);
  EXPECT_ERROR(device("cuda"), "[device] looking for NVIDIA GPUs failed; cudaErrorNoDevice: ");
}

TEST_F(CudaErrors, AGpuThatTheLibraryWasNotBuiltForIsNamed) {
  cuda_emulator::fail_next("cudaLaunchKernelEx", cudaErrorNoKernelImageForDevice);
  EXPECT_ERROR(CudaBackend(0), "-DCMAKE_CUDA_ARCHITECTURES=native");
}

TEST_F(CudaErrors, EveryCallOfOpeningIsChecked) {
  for (const char* call : {"cudaSetDevice", "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags",
                           "cudaMallocHost", "cudaMalloc", "cudaMemsetAsync"}) {
    cuda_emulator::fail_next(call, cudaErrorInvalidValue);
    EXPECT_ERROR(CudaBackend(0), std::string(call) + " failed; cudaErrorInvalidValue");
    EXPECT_FALSE(cuda_emulator::failures_pending()) << call;
  }
  cuda_emulator::fail_next("cublasCreate", CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_ERROR(CudaBackend(0), "cublasCreate failed; CUBLAS_STATUS_NOT_INITIALIZED");
}

TEST_F(CudaErrors, AnErrorNamesTheOperatorAndTheCall) {
  const NDArray x = NDArray::zeros({4, 4}, DType::Float32, cuda_);
  cuda_emulator::fail_next("cudaLaunchKernelEx", cudaErrorInvalidValue);
  EXPECT_ERROR(exp(x), "[exp] launching a kernel failed; cudaErrorInvalidValue: invalid argument");
  cuda_emulator::fail_next("cublasSgemmStridedBatched_64", CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_ERROR(matmul(x, x), "[matmul] cublasGemmStridedBatched failed; CUBLAS_STATUS_EXECUTION_FAILED");
  cuda_emulator::fail_next("cudaMemcpyAsync", cudaErrorInvalidValue);
  EXPECT_ERROR(x.to_vector<float>(), "[copy to the host] cudaMemcpyAsync to the host failed");
  cuda_emulator::fail_next("cudaMemcpyAsync", cudaErrorInvalidValue);
  EXPECT_ERROR(NDArray::from_data(std::vector<float>{1}, {1}, cuda_),
               "[copy to the device] cudaMemcpyAsync to the device failed");
  cuda_emulator::fail_next("cudaStreamSynchronize", cudaErrorInvalidValue);
  EXPECT_ERROR(cuda_.synchronize(), "[synchronize] cudaStreamSynchronize failed");
  EXPECT_EQ((x + 1).to_vector<float>(), std::vector<float>(16, 1.0F));  // and all is well again
}

/// The SimpleCNN on a GPU with a batch that stays there.
class TrainingStep {
 public:
  explicit TrainingStep(Device device) {
    model_->to(device);
    images_ = random_uniform({4, 1, 28, 28}, DType::Float32, device);
    labels_ = NDArray::from_data(std::vector<int64_t>{3, 1, 4, 1}, {4}, device);
  }
  void operator()() {
    optimizer_.zero_grad();
    cross_entropy((*model_)(images_), labels_).backward();
    optimizer_.step();
  }

 private:
  static std::unique_ptr<nn::Module> seeded_model() {
    manual_seed(0);
    return nn::make_model("simple-cnn");
  }

  std::unique_ptr<nn::Module> model_ = seeded_model();
  optim::Adam optimizer_{model_->parameters(), {.lr = 1e-3}};
  NDArray images_, labels_;
};

TEST_F(CudaErrors, ATrainingStepWaitsForNothing) {
  TrainingStep step(cuda_);
  step();
  const auto waits = [] {
    return cuda_emulator::calls("cudaStreamSynchronize") + cuda_emulator::calls("cudaDeviceSynchronize") +
           cuda_emulator::calls("cudaMemcpy");
  };
  const uint64_t before = waits();
  step();
  EXPECT_EQ(waits(), before);
}

TEST_F(CudaErrors, ASteadyStepAsksCudaForNoMemory) {
  if (cuda_.memory_stats().held == cuda_.memory_stats().used) GTEST_SKIP() << "the cache is off";
  TrainingStep step(cuda_);
  step();
  step();
  const size_t before = cuda_.memory_stats().system_allocations;
  step();
  step();
  EXPECT_EQ(cuda_.memory_stats().system_allocations, before);
}

TEST_F(CudaErrors, ArraysMoveBetweenGpus) {
  cuda_emulator::set_devices(2);
  const Device second = device("cuda:1");
  const NDArray x = NDArray::arange(5, DType::Float32, cuda_);
  const NDArray y = x.to(second);
  EXPECT_EQ(y.device().name(), "cuda:1");
  EXPECT_EQ((y * 2).to_vector<float>(), (std::vector<float>{0, 2, 4, 6, 8}));
  EXPECT_ERROR(x + y, "cuda:1");
  cuda_emulator::set_devices(1);
}

#endif

}  // namespace
}  // namespace linnet

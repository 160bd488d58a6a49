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

#if LINNET_EMULATED_CUDA
#include "cuda/strided.h"
#endif

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

TEST_F(CudaBackendTest, AnIndexOutsideAddsNothing) {
  const NDArray index = NDArray::from_data(std::vector<int64_t>{1, -1, 0, 1, 3, 2}, {2, 3}, cuda_);
  const NDArray source = NDArray::from_data(std::vector<float>{1, 2, 4, 8, 16, 32}, {2, 3}, cuda_);
  const NDArray sums = scatter_add({2, 3}, 1, index, source);
  // Whichever of the two lines comes first.
  EXPECT_ERROR(cuda_.synchronize(), "[scatter_add] index ");
  EXPECT_EQ(sums.to_vector<float>(), (std::vector<float>{4, 1, 0, 0, 8, 32}));
  const NDArray bad = NDArray::from_data(std::vector<int64_t>{0, 0, 0, 0, 3, 0}, {2, 3}, cuda_);
  EXPECT_ERROR(scatter_add({2, 3}, 1, bad, source).to_vector<float>(),
               "[scatter_add] index 3 at element 4 of the indices is outside the array; expected "
               "0 <= index < 3");
}

TEST_F(CudaBackendTest, RefusesTypesAKindIsNotDefinedFor) {
  Backend& backend = cuda_.backend();
  int32_t number = 0;  // nobody reads it
  const View x{&number, DType::Int32, {1}, {1}}, b{&number, DType::Bool, {1}, {1}};
  EXPECT_ERROR(backend.unary(UnaryKind::Exp, x, x),
               "[exp] not defined for int32; expected float32 or float64");
  EXPECT_ERROR(backend.unary(UnaryKind::Neg, b, b), "[neg] not defined for bool; expected a number");
  EXPECT_ERROR(backend.binary(BinaryKind::Pow, x, x, x), "[pow] not defined for int32");
  EXPECT_ERROR(backend.binary(BinaryKind::Add, b, b, b), "[add] not defined for bool");
}

TEST_F(CudaBackendTest, ALabelOutOfRangeIsFound) {
  const Tensor x(NDArray::zeros({2, 3}, DType::Float32, cuda_));
  const NDArray labels = NDArray::from_data(std::vector<int64_t>{1, 3}, {2}, cuda_);
  EXPECT_ERROR(cross_entropy(x, labels).item<float>(),
               "[gather] index 3 at element 1 of the indices is outside");
}

#if LINNET_EMULATED_CUDA

// No kernel of a test runs over so many elements; here the host can ask where they are.
TEST(CudaOffsets, OfMoreElementsThan32BitsCount) {
  for (const int64_t columns : {int64_t{1} << 32, int64_t{1000}}) {
    const auto loop = strided_loop<5>({3, columns}, {Strides{1, 3}, {columns, 1}, {0, 2}, {5, 0}, {-1, 7}},
                                      LoopOrder::RowMajor);
    const int64_t row = 2, column = columns - 9;
    const cuda::Offsets<5> found = cuda::offsets_of(loop, row * columns + column);
    EXPECT_EQ(found.at[0], row + 3 * column);
    EXPECT_EQ(found.at[1], row * columns + column);
    EXPECT_EQ(found.at[2], 2 * column);
    EXPECT_EQ(found.at[3], 5 * row);
    EXPECT_EQ(found.at[4], 7 * column - row);
  }
}

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

  for (const auto& [version, hint] :
       {std::pair(CUDART_VERSION - 1000,
                  "; the driver is older than this library's CUDA toolkit: update the "
                  "driver, or build linnet with an older toolkit"),
        std::pair(0, "; no NVIDIA driver is installed here")}) {
    cuda_emulator::set_driver(version);
    EXPECT_EQ(cuda_device_count(problem), 0);
    EXPECT_NE(problem.find("cudaErrorInsufficientDriver"), std::string::npos) << problem;
    EXPECT_NE(problem.find(hint), std::string::npos) << problem;
  }
  cuda_emulator::set_driver(CUDART_VERSION);

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
  cuda_emulator::fail_next("cudaStreamSynchronize", cudaErrorInvalidValue);
  EXPECT_ERROR(cuda_.trim_memory(), "[trim_memory] cudaStreamSynchronize failed");
  for (const cudaError_t fatal : {cudaErrorIllegalAddress, cudaErrorLaunchFailure}) {
    cuda_emulator::fail_next("cudaStreamSynchronize", fatal);
    EXPECT_ERROR(cuda_.synchronize(),
                 "; the device gives no more results to this process; compute-sanitizer finds the kernel");
  }
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

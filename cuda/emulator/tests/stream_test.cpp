// Streams and events: handles, order, laziness; and how faults and failures travel through the API.
#include <gtest/gtest.h>

#include <thread>

#include "correct_kernels.h"
#include "cuda_emulator.h"
#include "kernels.h"

namespace {

class Streams : public testing::Test {
 protected:
  void SetUp() override {
    cuda_emulator::reset();
    cuda_emulator::set_lazy(false);
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaStreamCreateWithFlags(&other_, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), cudaSuccess);
    ASSERT_EQ(cudaMallocHost(&pinned_, 40), cudaSuccess);
  }
  void TearDown() override {
    cuda_emulator::set_lazy(false);
    cuda_emulator::reset();
    EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(other_), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(event_), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(pinned_), cudaSuccess);
  }

  cudaStream_t stream_ = nullptr;
  cudaStream_t other_ = nullptr;
  cudaEvent_t event_ = nullptr;
  float* pinned_ = nullptr;
};

TEST_F(Streams, WorkWaitsUntilItIsWaitedFor) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  EXPECT_NE(pinned_[0], 2.0F) << "a missing synchronisation must show";
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_NE(pinned_[0], 2.0F);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(pinned_[0], 2.0F);
}

TEST_F(Streams, DeviceSynchronizeRunsEverything) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(pinned_[0], 2.0F);
}

TEST_F(Streams, EventsOrderStreams) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  ASSERT_EQ(run_scale(data.get(), 10, 3.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other_, event_), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, other_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(pinned_[0], 2.0F) << "up to the event, no further";
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(data.values()[0], 6.0F);
}

TEST_F(Streams, WithoutTheEventTheOtherStreamComesFirst) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, other_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(pinned_[0], 1.0F);
}

TEST_F(Streams, EventSynchronizeRunsUpToTheRecord) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaEventQuery(event_), cudaSuccess) << "never recorded";
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event_), cudaErrorNotReady);
  ASSERT_EQ(cudaEventSynchronize(event_), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event_), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaSuccess) << "asking again comes to an end";
  EXPECT_EQ(data.values()[0], 4.0F);
}

TEST_F(Streams, PageableMemoryIsStagedAtTheCall) {
  const Buffer<float> data(10);
  std::vector<float> host(10, 1.0F);
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaMemcpyAsync(data.get(), host.data(), 40, cudaMemcpyHostToDevice, stream_), cudaSuccess);
  host.assign(10, 2.0F);
  std::vector<float> back(10);
  ASSERT_EQ(cudaMemcpyAsync(back.data(), data.get(), 40, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  EXPECT_EQ(back[0], 1.0F) << "a copy to pageable memory returns when it is done";
}

TEST_F(Streams, PinnedMemoryIsReadInTheStream) {
  const Buffer<float> data(10);
  std::fill_n(pinned_, 10, 1.0F);
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaMemcpyAsync(data.get(), pinned_, 40, cudaMemcpyHostToDevice, stream_), cudaSuccess);
  std::fill_n(pinned_, 10, 2.0F);  // too early
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(data.values()[0], 2.0F);
}

TEST_F(Streams, DefaultStreamWaitsForBlockingStreams) {
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  cudaStream_t blocking = nullptr;
  ASSERT_EQ(cudaStreamCreate(&blocking), cudaSuccess);
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, blocking), cudaSuccess);
  EXPECT_EQ(data.values()[0], 2.0F) << "cudaMemcpy is work of the default stream";
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, blocking), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(blocking), cudaSuccess);
  EXPECT_EQ(pinned_[0], 4.0F);
  ASSERT_EQ(run_scale(data.get(), 10, 2.0F, stream_), cudaSuccess);
  EXPECT_EQ(data.values()[0], 4.0F) << "a non-blocking stream is not waited for";
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(data.values()[0], 8.0F);
  EXPECT_EQ(cudaStreamDestroy(blocking), cudaSuccess);
}

TEST_F(Streams, FreeWaits) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 40), cudaSuccess);
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaMemsetAsync(data, 0, 40, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data, 40, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  ASSERT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(pinned_[9], 0.0F);
}

TEST_F(Streams, ElapsedTimeNeedsTimingEvents) {
  cudaEvent_t start = nullptr;
  cudaEvent_t end = nullptr;
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  float elapsed = -1;
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, start, end), cudaErrorInvalidResourceHandle);
  ASSERT_EQ(cudaEventRecord(start, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(end, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventElapsedTime(&elapsed, start, end), cudaSuccess);
  EXPECT_GE(elapsed, 0.0F);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, start, event_), cudaErrorInvalidResourceHandle);
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaEventRecord(end, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, start, end), cudaErrorNotReady);
  EXPECT_EQ(cudaEventDestroy(start), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaSuccess);
}

TEST_F(Streams, WrongHandlesAreRefused) {
  cudaStream_t gone = nullptr;
  ASSERT_EQ(cudaStreamCreate(&gone), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(gone), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(gone), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamDestroy(gone), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamDestroy(nullptr), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(run_scale(nullptr, 1, 1.0F, gone), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(event_, gone), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(nullptr, stream_), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, nullptr), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, event_, 8), cudaErrorInvalidValue);
  EXPECT_EQ(cudaStreamCreateWithFlags(&gone, 2), cudaErrorInvalidValue);
}

TEST_F(Streams, HostFunctionsRunInOrderAndMakeNoCalls) {
  struct Seen {
    float value = 0;
    cudaError_t call = cudaSuccess;
    float* pinned = nullptr;
  } seen;
  seen.pinned = pinned_;
  const Buffer<float> data(std::vector<float>(10, 3.0F));
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(cudaMemcpyAsync(pinned_, data.get(), 40, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  ASSERT_EQ(cudaLaunchHostFunc(
                stream_,
                [](void* to) {
                  static_cast<Seen*>(to)->value = static_cast<Seen*>(to)->pinned[0];
                  static_cast<Seen*>(to)->call = cudaDeviceSynchronize();
                },
                &seen),
            cudaSuccess);
  EXPECT_EQ(seen.value, 0.0F);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(seen.value, 3.0F);
  EXPECT_EQ(seen.call, cudaErrorNotPermitted);
}

TEST_F(Streams, LazyFaultsAppearWhereTheyAreWaitedFor) {
  cuda_emulator::set_lazy(true);
  ASSERT_EQ(run_scale(nullptr, 10, 2.0F, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_NE(std::string(cudaGetErrorString(cudaErrorIllegalAddress))
                .find("kernel scale(float*, long, float), block"),
            std::string::npos)
      << cudaGetErrorString(cudaErrorIllegalAddress);
}

TEST_F(Streams, ThreadsOfTheHostShareADevice) {
  const Buffer<unsigned> bins(std::vector<unsigned>(256, 0));
  const Buffer<unsigned char> data(std::vector<unsigned char>(1000, 3));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int launch = 0; launch < 20; ++launch) {
        ASSERT_EQ(run_count_values(data.get(), 1000, bins.get()), cudaSuccess)
            << cuda_emulator::last_report();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bins.values()[3], 80000U);
}

TEST(Failures, AreInjectedOnce) {
  cuda_emulator::reset();
  cuda_emulator::fail_next("cudaMalloc", cudaErrorMemoryAllocation, 1);
  EXPECT_TRUE(cuda_emulator::failures_pending());
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 4), cudaSuccess);
  void* more = nullptr;
  EXPECT_EQ(cudaMalloc(&more, 4), cudaErrorMemoryAllocation);
  EXPECT_EQ(more, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_FALSE(cuda_emulator::failures_pending());
  EXPECT_EQ(cudaMalloc(&more, 4), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(cudaFree(more), cudaSuccess);
}

TEST(Failures, OfALaunchLeaveItUndone) {
  cuda_emulator::reset();
  const Buffer<float> data(std::vector<float>(10, 1.0F));
  const auto launches = cuda_emulator::launches();
  cuda_emulator::fail_next("cudaLaunchKernelEx", cudaErrorNoKernelImageForDevice);
  EXPECT_EQ(run_scale(data.get(), 10, 2.0F), cudaErrorNoKernelImageForDevice);
  EXPECT_EQ(data.values()[0], 1.0F);
  EXPECT_EQ(run_scale(data.get(), 10, 2.0F), cudaSuccess);
  EXPECT_EQ(cuda_emulator::launches(), launches + 1);
  EXPECT_GE(cuda_emulator::launches_by_kernel()["scale(float*, long, float)"], 1U);
  EXPECT_GE(cuda_emulator::calls("cudaLaunchKernelEx"), 2U);
}

TEST(Devices, SayWhatTheyAre) {
  cuda_emulator::reset();
  int count = 0;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_STREQ(properties.name, "emulated on the CPU");
  EXPECT_EQ(properties.major, 0);
  EXPECT_EQ(properties.minor, 0);
  EXPECT_EQ(properties.warpSize, 32);
  EXPECT_EQ(properties.sharedMemPerBlock, 49152U);
  int value = -1;
  ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrComputeCapabilityMajor, 0), cudaSuccess);
  EXPECT_EQ(value, 0);
  ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(value, 232448);
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(-1), cudaErrorInvalidDevice);
  int version = 0;
  ASSERT_EQ(cudaRuntimeGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, CUDART_VERSION);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidDevice), "cudaErrorInvalidDevice");
}

TEST(Devices, NoneAtAll) {
  cuda_emulator::reset();
  cuda_emulator::set_devices(0);
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(cudaSetDevice(0), cudaErrorNoDevice);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorNoDevice);
  cuda_emulator::set_devices(1);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
}

TEST(Devices, AnOldDriver) {
  cuda_emulator::reset();
  for (const int driver : {CUDART_VERSION - 10, 0}) {
    cuda_emulator::set_driver(driver);
    int count = -1, version = -1;
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
    EXPECT_EQ(version, driver);
  }
  cuda_emulator::set_driver(CUDART_VERSION);
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
}

}  // namespace

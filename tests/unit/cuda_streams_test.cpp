// Copies keep their place among kernels, also where streams do their work as late as they may; and every GPU
// gets its own work.
#include <vector>

#include "core/backend_scratch.h"
#include "cuda/backend.h"
#include "tests/unit/cuda_device.h"

#if LINNET_EMULATED_CUDA

namespace linnet {
namespace {

using Values = std::vector<float>;

void put(Backend& backend, const View& to, const Values& values) {
  backend.copy_from_host(to.data, values.data(), values.size() * sizeof(float));
}
Values read(Backend& backend, const View& from) {
  Values values(static_cast<size_t>(from.numel()));
  backend.copy_to_host(values.data(), from.data, values.size() * sizeof(float));
  return values;
}

class CudaLateStreams : public test::CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    before_ = cuda_emulator::lazy();
    cuda_emulator::set_lazy(true);
  }
  void TearDown() override { cuda_emulator::set_lazy(before_); }

 private:
  bool before_ = false;
};

TEST_F(CudaLateStreams, AKernelWaitsForWhatWasCopied) {
  Backend& backend = cuda_.backend();
  BackendScratch scratch(backend);
  const View x = scratch.make({3}, DType::Float32), y = scratch.make({3}, DType::Float32);
  put(backend, x, {1, 2, 3});
  backend.binary(BinaryKind::Add, x, Scalar(1), y);
  backend.synchronize();
  EXPECT_EQ(read(backend, y), (Values{2, 3, 4}));
}

TEST_F(CudaLateStreams, ACopyWaitsForThoseWhoReadWhatItOverwrites) {
  Backend& backend = cuda_.backend();
  BackendScratch scratch(backend);
  const View x = scratch.make({3}, DType::Float32), y = scratch.make({3}, DType::Float32);
  put(backend, x, {1, 2, 3});
  backend.binary(BinaryKind::Add, x, Scalar(1), y);
  put(backend, x, {7, 8, 9});
  EXPECT_EQ(read(backend, y), (Values{2, 3, 4}));
  EXPECT_EQ(read(backend, x), (Values{7, 8, 9}));
}

class CudaTwoGpus : public test::CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    cuda_emulator::set_devices(2);
  }
  void TearDown() override { cuda_emulator::set_devices(1); }
};

TEST_F(CudaTwoGpus, AnOperatorRunsOnItsOwnWhicheverWasUsedLast) {
  Backend &first = cuda_.backend(), &second = device("cuda:1").backend();
  BackendScratch here(first), there(second);
  const View x = here.make({2}, DType::Float32), y = there.make({2}, DType::Float32);
  first.fill(1, x);
  second.fill(2, y);
  first.binary(BinaryKind::Add, x, Scalar(4), x);
  EXPECT_EQ(read(second, y), (Values{2, 2}));
  EXPECT_EQ(read(first, x), (Values{5, 5}));
}

}  // namespace
}  // namespace linnet

#endif

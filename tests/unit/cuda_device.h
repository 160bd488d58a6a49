// What tests of the CUDA backend share: the device, or the reason to skip; and the emulator's switches, where
// the library was built with it.
#pragma once

#include <gtest/gtest.h>
#include <linnet/core/device.h>
#include <linnet/core/error.h>

#if __has_include(<cuda_emulator.h>)
#include <cuda_emulator.h>
#define LINNET_EMULATED_CUDA 1
#else
#define LINNET_EMULATED_CUDA 0
#endif

namespace linnet::test {

class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      cuda_ = device("cuda");
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  Device cuda_;
};

}  // namespace linnet::test

// The stand-in for cuBLAS: results against naive loops in the library's column-major terms, and what it
// refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cuda_emulator.h"
#include "kernels.h"

namespace {

class Cublas : public testing::Test {
 protected:
  void SetUp() override {
    cuda_emulator::reset();
    ASSERT_EQ(cublasCreate(&handle_), CUBLAS_STATUS_SUCCESS);
  }
  void TearDown() override {
    cuda_emulator::set_lazy(false);
    cuda_emulator::reset();
    EXPECT_EQ(cublasDestroy(handle_), CUBLAS_STATUS_SUCCESS);
  }
  cublasHandle_t handle_ = nullptr;
};

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(static_cast<double>(generator() % 2001) / 1000 - 1);
  return values;
}

template <class T>
auto gemm_of() {
  if constexpr (std::is_same_v<T, float>) {
    return cublasSgemmStridedBatched;
  } else {
    return cublasDgemmStridedBatched;
  }
}

struct Shape {
  int m, n, k, batches;
  double alpha, beta;
};

// Compares with double sums; columns of C are longer than m, and what lies between must stay.
template <class T>
void compare(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, const Shape& s,
             double tolerance) {
  const int rows_a = transa == CUBLAS_OP_N ? s.m : s.k;
  const int columns_a = transa == CUBLAS_OP_N ? s.k : s.m;
  const int rows_b = transb == CUBLAS_OP_N ? s.k : s.n;
  const int columns_b = transb == CUBLAS_OP_N ? s.n : s.k;
  const int lda = rows_a + 3;
  const int ldb = rows_b + 1;
  const int ldc = s.m + 2;
  const long long stride_a = static_cast<long long>(lda) * columns_a + 5;
  const long long stride_b = static_cast<long long>(ldb) * columns_b;
  const long long stride_c = static_cast<long long>(ldc) * s.n + 1;
  const auto count = [&](long long stride) { return static_cast<std::size_t>(stride * s.batches); };
  const std::vector<T> a = random_values<T>(count(stride_a), 1);
  const std::vector<T> b = random_values<T>(count(stride_b), 2);
  std::vector<T> c = random_values<T>(count(stride_c), 3);
  if (s.beta == 0) std::fill(c.begin(), c.end(), std::nan(""));
  const Buffer<T> on_a(a);
  const Buffer<T> on_b(b);
  const Buffer<T> on_c(c);
  const T alpha = static_cast<T>(s.alpha);
  const T beta = static_cast<T>(s.beta);
  ASSERT_EQ(gemm_of<T>()(handle, transa, transb, s.m, s.n, s.k, &alpha, on_a.get(), lda, stride_a, on_b.get(),
                         ldb, stride_b, &beta, on_c.get(), ldc, stride_c, s.batches),
            CUBLAS_STATUS_SUCCESS)
      << cuda_emulator::last_report();
  const std::vector<T> got = on_c.values();
  const auto at = [](const std::vector<T>& x, long long index) {
    return static_cast<double>(x[static_cast<std::size_t>(index)]);
  };
  for (int batch = 0; batch < s.batches; ++batch) {
    for (int j = 0; j < s.n; ++j) {
      for (int i = 0; i < s.m; ++i) {
        double sum = 0;
        for (int k = 0; k < s.k; ++k) {
          const int ia = transa == CUBLAS_OP_N ? k * lda + i : i * lda + k;
          const int ib = transb == CUBLAS_OP_N ? j * ldb + k : k * ldb + j;
          sum += at(a, batch * stride_a + ia) * at(b, batch * stride_b + ib);
        }
        const long long index = batch * stride_c + j * ldc + i;
        const double expected = s.alpha * sum + (s.beta == 0 ? 0 : s.beta * at(c, index));
        ASSERT_NEAR(at(got, index), expected, tolerance)
            << "batch " << batch << ", row " << i << ", column " << j;
      }
      for (int i = s.m; i < ldc; ++i) {
        const long long index = batch * stride_c + j * ldc + i;
        const double before = at(c, index);
        ASSERT_TRUE(std::isnan(before) ? std::isnan(at(got, index)) : at(got, index) == before)
            << "between columns";
      }
    }
  }
}

TEST_F(Cublas, AllTransposes) {
  for (const auto transa : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C}) {
    for (const auto transb : {CUBLAS_OP_N, CUBLAS_OP_T}) {
      for (const Shape& shape :
           {Shape{5, 7, 3, 1, 1, 0}, Shape{33, 18, 401, 2, -0.5, 0}, Shape{16, 4, 8, 3, 2, 0.5},
            Shape{1, 1, 1, 1, 1, 1}, Shape{40, 9, 17, 1, 0, 2}}) {
        compare<float>(handle_, transa, transb, shape, 1e-3);
        compare<double>(handle_, transa, transb, shape, 1e-11);
      }
    }
  }
}

TEST_F(Cublas, EmptyProducts) {
  const Buffer<float> c(std::vector<float>(6, 3.0F));
  const float one = 1;
  const float half = 0.5F;
  EXPECT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 2, 3, 0, &one, nullptr, 2, nullptr, 1, &half,
                        c.get(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values(), std::vector<float>(6, 1.5F)) << "no k: C is scaled";
  EXPECT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 0, 3, 4, &one, nullptr, 1, nullptr, 4, &half,
                        nullptr, 1),
            CUBLAS_STATUS_SUCCESS);
}

TEST_F(Cublas, OtherNamesOfTheSame) {
  const Buffer<double> a(std::vector<double>{1, 2, 3, 4});
  const Buffer<double> c(4);
  const double one = 1;
  const double zero = 0;
  const std::vector<double> square{7, 10, 15, 22};
  const auto n = CUBLAS_OP_N;
  ASSERT_EQ(cublasDgemm(handle_, n, n, 2, 2, 2, &one, a.get(), 2, a.get(), 2, &zero, c.get(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values(), square);
  ASSERT_EQ(cudaMemset(c.get(), 0, 32), cudaSuccess);
  ASSERT_EQ(cublasDgemm_64(handle_, n, n, 2, 2, 2, &one, a.get(), 2, a.get(), 2, &zero, c.get(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values(), square);
  ASSERT_EQ(cudaMemset(c.get(), 0, 32), cudaSuccess);
  ASSERT_EQ(cublasGemmEx(handle_, n, n, 2, 2, 2, &one, a.get(), CUDA_R_64F, 2, a.get(), CUDA_R_64F, 2, &zero,
                         c.get(), CUDA_R_64F, 2, CUBLAS_COMPUTE_64F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values(), square);
  EXPECT_EQ(cublasGemmEx(handle_, n, n, 2, 2, 2, &one, a.get(), CUDA_R_64F, 2, a.get(), CUDA_R_32F, 2, &zero,
                         c.get(), CUDA_R_64F, 2, CUBLAS_COMPUTE_64F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(Cublas, Tf32OnlyWhenAskedFor) {
  const float fine = 1.0F + 1.0F / 4096;
  const Buffer<float> a(std::vector<float>{fine});
  const Buffer<float> c(1);
  const float one = 1;
  const float zero = 0;
  const auto multiply = [&] {
    EXPECT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1, &zero,
                          c.get(), 1),
              CUBLAS_STATUS_SUCCESS);
    return c.values()[0];
  };
  EXPECT_EQ(multiply(), fine * fine);
  ASSERT_EQ(cublasSetMathMode(handle_, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(), 1.0F);
  ASSERT_EQ(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(), fine * fine);
  EXPECT_EQ(cublasSetMathMode(handle_, static_cast<cublasMath_t>(7)), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Cublas, WrongArgumentsAreRefused) {
  const Buffer<float> a(std::vector<float>(64, 1.0F));
  const float one = 1;
  const auto call = [&](cublasOperation_t transa, int m, int n, int k, int lda, int ldb, int ldc,
                        const float* alpha) {
    return cublasSgemm(handle_, transa, CUBLAS_OP_N, m, n, k, alpha, a.get(), lda, a.get(), ldb, &one,
                       a.get(), ldc);
  };
  const auto expect = [](cublasStatus_t status, const std::string& words) {
    EXPECT_EQ(status, CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_NE(std::string(cublasGetStatusString(status)).find(words), std::string::npos)
        << cublasGetStatusString(status);
  };
  expect(call(CUBLAS_OP_N, -1, 2, 2, 2, 2, 2, &one), "cublasSgemm: negative extent: m -1");
  expect(call(CUBLAS_OP_N, 4, 2, 2, 3, 2, 4, &one), "leading dimension 3 of A, which has 4 rows");
  expect(call(CUBLAS_OP_T, 4, 2, 3, 2, 3, 4, &one), "leading dimension 2 of A, which has 3 rows");
  expect(call(CUBLAS_OP_N, 2, 2, 4, 2, 3, 2, &one), "leading dimension 3 of B, which has 4 rows");
  expect(call(CUBLAS_OP_N, 4, 2, 2, 4, 2, 3, &one), "leading dimension 3 of C, which has 4 rows");
  expect(call(CUBLAS_OP_N, 4, 2, 0, 4, 0, 4, &one), "leading dimension 0 of B");
  expect(call(static_cast<cublasOperation_t>(5), 2, 2, 2, 2, 2, 2, &one), "no such operation: transa 5");
  expect(call(CUBLAS_OP_N, 2, 2, 2, 2, 2, 2, nullptr), "alpha or beta is null");
  expect(call(CUBLAS_OP_N, 2, 2, 2, 2, 2, 2, a.get()), "alpha and beta are read on the host");
  EXPECT_EQ(
      cublasSgemm(nullptr, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1, &one, a.get(), 1),
      CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "a refused call is not sticky";
}

TEST_F(Cublas, OperandsMustLieInOneAllocation) {
  const Buffer<float> a(std::vector<float>(12, 1.0F));
  const Buffer<float> c(16);
  std::vector<float> host(16);
  const float one = 1;
  const float zero = 0;
  const auto expect = [&](const float* first, float* result, int lda, const std::string& words) {
    EXPECT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 3, &one, first, lda, a.get(), 3, &zero,
                          result, 4),
              CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT_NE(cuda_emulator::last_report().find(words), std::string::npos) << cuda_emulator::last_report();
    EXPECT_NE(std::string(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED)).find(words),
              std::string::npos);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    cuda_emulator::reset();
  };
  expect(a.get(), c.get(), 5, "cublasSgemm: A of 56 bytes, at offset 0 of allocation #");
  expect(a.get(), c.get(), 5, "(48 bytes), runs 8 bytes beyond its end");
  expect(a.get() + 1, c.get(), 4, "A of 48 bytes, at offset 4 of");
  expect(a.get(), c.get() + 1, 4, "C of 64 bytes, at offset 4 of");
  expect(a.get(), host.data(), 4, "C of 64 bytes, at 0x");
  EXPECT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 3, &one, a.get(), 4, a.get(), 3, &zero,
                        c.get(), 4),
            CUBLAS_STATUS_SUCCESS)
      << cuda_emulator::last_report();
}

TEST_F(Cublas, RunsInItsStream) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cublasSetStream(handle_, stream), CUBLAS_STATUS_SUCCESS);
  const Buffer<float> a(std::vector<float>{3});
  const Buffer<float> c(std::vector<float>{0});
  float* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 4), cudaSuccess);
  cuda_emulator::set_lazy(true);
  {
    const float one = 1;  // read at the call
    const float zero = 0;
    ASSERT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1, &zero,
                          c.get(), 1),
              CUBLAS_STATUS_SUCCESS);
  }
  EXPECT_EQ(c.values()[0], 0.0F);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(c.values()[0], 9.0F);
  ASSERT_EQ(cublasSetStream(handle_, nullptr), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cublasSetStream(handle_, stream), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Cublas, WorkspacesAreDeviceMemory) {
  const Buffer<char> workspace(4096);
  EXPECT_EQ(cublasSetWorkspace(handle_, workspace.get(), 4096), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetWorkspace(handle_, workspace.get(), 4097), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSetWorkspace(handle_, nullptr, 0), CUBLAS_STATUS_SUCCESS);
}

TEST_F(Cublas, FailuresAreInjected) {
  const Buffer<float> a(std::vector<float>{3});
  const Buffer<float> c(std::vector<float>{0});
  const float one = 1;
  const auto call = [&] {
    return cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1, &one,
                       c.get(), 1);
  };
  cuda_emulator::fail_next("cublasSgemm", CUBLAS_STATUS_INTERNAL_ERROR);
  EXPECT_EQ(call(), CUBLAS_STATUS_INTERNAL_ERROR);
  EXPECT_EQ(c.values()[0], 0.0F);
  EXPECT_EQ(call(), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values()[0], 9.0F);
  cublasHandle_t other = nullptr;
  cuda_emulator::fail_next("cublasCreate", CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cublasCreate(&other), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_NOT_INITIALIZED), "CUBLAS_STATUS_NOT_INITIALIZED");
}

}  // namespace

// One matrix product as cuBLAS describes it: C = alpha * op(A) * op(B) + beta * C, column-major.
#pragma once

#include <cstdint>

#include "cublas_v2.h"

namespace cuda_emulator::detail {

struct Matrix {
  const void* data;
  std::int64_t leading;
  std::int64_t stride;  // from one batch to the next, in elements
};

struct Product {
  cublasOperation_t transpose_a;
  cublasOperation_t transpose_b;
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  std::int64_t batches;
  Matrix a;
  Matrix b;
  Matrix c;
};

struct ProductTypes {
  cudaDataType a;
  cudaDataType b;
  cudaDataType c;
  cublasComputeType_t compute;
  cublasGemmAlgo_t algorithm;
};

// Checks the arguments, reads the scalars and queues the product in the handle's stream.
template <class T>
cublasStatus_t multiply(const char* call, cublasHandle_t handle, const Product& product, const T* alpha,
                        const T* beta, T* c, bool tf32 = false);
extern template cublasStatus_t multiply(const char*, cublasHandle_t, const Product&, const float*,
                                        const float*, float*, bool);
extern template cublasStatus_t multiply(const char*, cublasHandle_t, const Product&, const double*,
                                        const double*, double*, bool);

cublasStatus_t multiply_typed(const char* call, cublasHandle_t handle, const Product& product,
                              const void* alpha, const void* beta, void* c, const ProductTypes& types);

// The arithmetic, for one batch. beta == 0 never reads C; alpha == 0 never reads A and B. `tf32` rounds the
// factors to 10 bits of mantissa, as tensor cores do.
template <class T>
void gemm(const Product& product, std::int64_t batch, T alpha, T beta, T* c, bool tf32);
extern template void gemm(const Product&, std::int64_t, float, float, float*, bool);
extern template void gemm(const Product&, std::int64_t, double, double, double*, bool);

}  // namespace cuda_emulator::detail

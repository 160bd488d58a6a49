// The matrix products of cuBLAS by their names: each describes its operands and hands them on.
#include "cublas.h"

using cuda_emulator::detail::multiply;
using cuda_emulator::detail::multiply_typed;

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
                           int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                           const float* beta, float* c, int ldc) {
  return multiply<float>("cublasSgemm", handle,
                         {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta, c);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa,
                                         cublasOperation_t transb, int m, int n, int k, const float* alpha,
                                         const float* a, int lda, long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc,
                                         long long stride_c, int batches) {
  return multiply<float>(
      "cublasSgemmStridedBatched", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c);
}

cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
                           int n, int k, const double* alpha, const double* a, int lda, const double* b,
                           int ldb, const double* beta, double* c, int ldc) {
  return multiply<double>("cublasDgemm", handle,
                          {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta,
                          c);
}

cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa,
                                         cublasOperation_t transb, int m, int n, int k, const double* alpha,
                                         const double* a, int lda, long long stride_a, const double* b,
                                         int ldb, long long stride_b, const double* beta, double* c, int ldc,
                                         long long stride_c, int batches) {
  return multiply<double>(
      "cublasDgemmStridedBatched", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
                            int n, int k, const void* alpha, const void* a, cudaDataType a_type, int lda,
                            const void* b, cudaDataType b_type, int ldb, const void* beta, void* c,
                            cudaDataType c_type, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
  return multiply_typed("cublasGemmEx", handle,
                        {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta, c,
                        {a_type, b_type, c_type, compute, algorithm});
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k, const void* alpha,
                                          const void* a, cudaDataType a_type, int lda, long long stride_a,
                                          const void* b, cudaDataType b_type, int ldb, long long stride_b,
                                          const void* beta, void* c, cudaDataType c_type, int ldc,
                                          long long stride_c, int batches, cublasComputeType_t compute,
                                          cublasGemmAlgo_t algorithm) {
  return multiply_typed(
      "cublasGemmStridedBatchedEx", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c, {a_type, b_type, c_type, compute, algorithm});
}

cublasStatus_t cublasSgemm_64(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                              std::int64_t m, std::int64_t n, std::int64_t k, const float* alpha,
                              const float* a, std::int64_t lda, const float* b, std::int64_t ldb,
                              const float* beta, float* c, std::int64_t ldc) {
  return multiply<float>("cublasSgemm_64", handle,
                         {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta, c);
}

cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t transa,
                                            cublasOperation_t transb, std::int64_t m, std::int64_t n,
                                            std::int64_t k, const float* alpha, const float* a,
                                            std::int64_t lda, long long stride_a, const float* b,
                                            std::int64_t ldb, long long stride_b, const float* beta, float* c,
                                            std::int64_t ldc, long long stride_c, std::int64_t batches) {
  return multiply<float>(
      "cublasSgemmStridedBatched_64", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c);
}

cublasStatus_t cublasDgemm_64(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                              std::int64_t m, std::int64_t n, std::int64_t k, const double* alpha,
                              const double* a, std::int64_t lda, const double* b, std::int64_t ldb,
                              const double* beta, double* c, std::int64_t ldc) {
  return multiply<double>("cublasDgemm_64", handle,
                          {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta,
                          c);
}

cublasStatus_t cublasDgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t transa,
                                            cublasOperation_t transb, std::int64_t m, std::int64_t n,
                                            std::int64_t k, const double* alpha, const double* a,
                                            std::int64_t lda, long long stride_a, const double* b,
                                            std::int64_t ldb, long long stride_b, const double* beta,
                                            double* c, std::int64_t ldc, long long stride_c,
                                            std::int64_t batches) {
  return multiply<double>(
      "cublasDgemmStridedBatched_64", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c);
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                               std::int64_t m, std::int64_t n, std::int64_t k, const void* alpha,
                               const void* a, cudaDataType a_type, std::int64_t lda, const void* b,
                               cudaDataType b_type, std::int64_t ldb, const void* beta, void* c,
                               cudaDataType c_type, std::int64_t ldc, cublasComputeType_t compute,
                               cublasGemmAlgo_t algorithm) {
  return multiply_typed("cublasGemmEx_64", handle,
                        {transa, transb, m, n, k, 1, {a, lda, 0}, {b, ldb, 0}, {c, ldc, 0}}, alpha, beta, c,
                        {a_type, b_type, c_type, compute, algorithm});
}

cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, std::int64_t m, std::int64_t n,
    std::int64_t k, const void* alpha, const void* a, cudaDataType a_type, std::int64_t lda,
    long long stride_a, const void* b, cudaDataType b_type, std::int64_t ldb, long long stride_b,
    const void* beta, void* c, cudaDataType c_type, std::int64_t ldc, long long stride_c,
    std::int64_t batches, cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  return multiply_typed(
      "cublasGemmStridedBatchedEx_64", handle,
      {transa, transb, m, n, k, batches, {a, lda, stride_a}, {b, ldb, stride_b}, {c, ldc, stride_c}}, alpha,
      beta, c, {a_type, b_type, c_type, compute, algorithm});
}

// Launches of the kernels in correct_kernels.cu.
#pragma once

#include "cuda_runtime.h"

cudaError_t run_scale(float* data, long count, float factor, cudaStream_t stream = nullptr);
cudaError_t run_block_sums(const float* data, long count, float* sums, unsigned blocks);
cudaError_t run_shuffle_sums(const float* data, long count, float* sums);
cudaError_t run_transpose(const float* in, float* out, int rows, int columns);
cudaError_t run_matmul(const float* a, const float* b, float* c, int n);
cudaError_t run_count_values(const unsigned char* data, long count, unsigned* bins);
cudaError_t run_reverse_in_warps(const int* in, int* out);
cudaError_t run_mark_bytes(const float* in, bool* out, long count);

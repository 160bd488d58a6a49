// Correct kernels of every kind that a backend has: no seed may make the emulator complain or change a
// result.
#include "correct_kernels.h"

#include "kernels.h"

namespace {

constexpr int kTile = 16;

__global__ void scale(float* data, long count, float factor) {
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) data[i] *= factor;
}

__global__ void block_sums(const float* data, long count, float* sums) {
  __shared__ float partial[256];
  float sum = 0;
  for (long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += static_cast<long>(gridDim.x) * blockDim.x) {
    sum += data[i];
  }
  partial[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = partial[0];
}

__device__ float warp_sum(float value) {
  for (unsigned delta = 16; delta > 0; delta /= 2) value += __shfl_down_sync(0xffffffffU, value, delta);
  return value;
}

__global__ void shuffle_sums(const float* data, long count, float* sums) {
  float* partial = dynamic_shared<float>();
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const float sum = warp_sum(i < count ? data[i] : 0.0F);
  if (lane == 0) partial[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    const float all = warp_sum(lane < blockDim.x / 32 ? partial[lane] : 0.0F);
    if (lane == 0) sums[blockIdx.x] = all;
  }
}

__global__ void transpose(const float* in, float* out, int rows, int columns) {
  __shared__ float tile[kTile][kTile + 1];
  int row = static_cast<int>(blockIdx.y) * kTile + static_cast<int>(threadIdx.y);
  int column = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.x);
  if (row < rows && column < columns) tile[threadIdx.y][threadIdx.x] = in[row * columns + column];
  __syncthreads();
  row = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.y);
  column = static_cast<int>(blockIdx.y) * kTile + static_cast<int>(threadIdx.x);
  if (row < columns && column < rows) out[row * rows + column] = tile[threadIdx.x][threadIdx.y];
}

__global__ void matmul(const float* a, const float* b, float* c, int n) {
  __shared__ float tile_a[kTile][kTile];
  __shared__ float tile_b[kTile][kTile];
  const int x = static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * kTile + y;
  const int column = static_cast<int>(blockIdx.x) * kTile + x;
  float sum = 0;
  for (int k = 0; k < n; k += kTile) {
    tile_a[y][x] = row < n && k + x < n ? a[row * n + k + x] : 0.0F;
    tile_b[y][x] = k + y < n && column < n ? b[(k + y) * n + column] : 0.0F;
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += tile_a[y][i] * tile_b[i][x];
    __syncthreads();
  }
  if (row < n && column < n) c[row * n + column] = sum;
}

__global__ void count_values(const unsigned char* data, long count, unsigned* bins) {
  __shared__ unsigned local[256];
  local[threadIdx.x] = 0;
  __syncthreads();
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) atomicAdd(&local[data[i]], 1U);
  __syncthreads();
  if (local[threadIdx.x] != 0) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

__global__ void reverse_in_warps(const int* in, int* out) {
  __shared__ int scratch[64];
  const unsigned first = threadIdx.x / 32 * 32;
  const unsigned lane = threadIdx.x % 32;
  scratch[threadIdx.x] = in[threadIdx.x];
  __syncwarp();
  const int other = scratch[first + 31 - lane];
  __syncwarp();
  scratch[threadIdx.x] = other * 2;
  __syncwarp();
  out[threadIdx.x] = scratch[threadIdx.x ^ 1U];
}

__global__ void mark_bytes(const float4* in, bool* out, long count) {
  const long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float4 four = in[i];
  out[i * 4 + 0] = four.x > 0;
  out[i * 4 + 1] = four.y > 0;
  out[i * 4 + 2] = four.z > 0;
  out[i * 4 + 3] = four.w > 0;
}

}  // namespace

cudaError_t run_scale(float* data, long count, float factor, cudaStream_t stream) {
  return launch(scale, dim3(static_cast<unsigned>((count + 63) / 64)), dim3(64), 0, stream, data, count,
                factor);
}

cudaError_t run_block_sums(const float* data, long count, float* sums, unsigned blocks) {
  return launch(block_sums, dim3(blocks), dim3(256), 0, nullptr, data, count, sums);
}

cudaError_t run_shuffle_sums(const float* data, long count, float* sums) {
  return launch(shuffle_sums, dim3(static_cast<unsigned>((count + 127) / 128)), dim3(128), 4 * sizeof(float),
                nullptr, data, count, sums);
}

cudaError_t run_transpose(const float* in, float* out, int rows, int columns) {
  const dim3 grid(static_cast<unsigned>((columns + kTile - 1) / kTile),
                  static_cast<unsigned>((rows + kTile - 1) / kTile));
  return launch(transpose, grid, dim3(kTile, kTile), 0, nullptr, in, out, rows, columns);
}

cudaError_t run_matmul(const float* a, const float* b, float* c, int n) {
  const auto tiles = static_cast<unsigned>((n + kTile - 1) / kTile);
  return launch(matmul, dim3(tiles, tiles), dim3(kTile, kTile), 0, nullptr, a, b, c, n);
}

cudaError_t run_count_values(const unsigned char* data, long count, unsigned* bins) {
  return launch(count_values, dim3(static_cast<unsigned>((count + 255) / 256)), dim3(256), 0, nullptr, data,
                count, bins);
}

cudaError_t run_reverse_in_warps(const int* in, int* out) {
  return launch(reverse_in_warps, dim3(1), dim3(64), 0, nullptr, in, out);
}

cudaError_t run_mark_bytes(const float* in, bool* out, long count) {
  return launch(mark_bytes, dim3(static_cast<unsigned>((count / 4 + 31) / 32)), dim3(32), 0, nullptr,
                reinterpret_cast<const float4*>(in), out, count / 4);
}

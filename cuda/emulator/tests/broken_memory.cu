// Kernels that touch memory they should not, one mistake each. Buffers are no larger than the mistake needs.
#include "broken_kernels.h"
#include "kernels.h"

namespace {

__global__ void vector_over_the_end(float4* data) {
  data[threadIdx.x] = float4{1, 2, 3, 4};
}

__global__ void write_at(float* data, long index) {
  data[index + threadIdx.x] = 1;
}

__global__ void read_at(const float* data, long index, float* out) {
  out[threadIdx.x] = data[index + threadIdx.x];
}

__global__ void uninitialised_shared(float* out) {
  __shared__ float tile[64];
  if (threadIdx.x < 32) tile[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void uninitialised_dynamic_shared(float* out) {
  const float* tile = dynamic_shared<float>();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void static_shared_at(float* out, int index) {
  __shared__ float tile[2][32];
  tile[0][threadIdx.x] = 1;
  tile[1][threadIdx.x] = 2;
  __syncthreads();
  out[threadIdx.x] = tile[0][static_cast<int>(threadIdx.x) + index];
}

__global__ void dynamic_shared_at(float* out, long index) {
  float* tile = dynamic_shared<float>();
  tile[index + threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void divide_by_zero(int* out, int zero) {
  out[threadIdx.x] = 7 / zero;
}

__device__ int deep(int depth, volatile char* above) {
  volatile char here[1024];
  here[depth % 1024] = above[0];
  return depth == 0 ? here[0] : deep(depth - 1, here) + here[depth % 1024];
}

__global__ void endless_stack(int* out) {
  volatile char first[1] = {1};
  out[0] = deep(100000, first);
}

__global__ void misaligned_vector(const float* in, float* out) {
  const auto* four = reinterpret_cast<const float4*>(in + 1);
  const float4 value = four[threadIdx.x];
  out[threadIdx.x] = value.x + value.y + value.z + value.w;
}

}  // namespace

std::vector<BrokenKernel> broken_memory() {
  return {
      {"VectorOverTheEnd", true, cudaErrorIllegalAddress,
       "kernel vector_over_the_end.*: (4 bytes behind the end of allocation #[0-9]+ \\(508 bytes\\) were "
       "overwritten|writes "
       "16 bytes at offset 496 of allocation #[0-9]+ \\(508 bytes\\), beyond its end)",
       [] {
         const Buffer<float> data(zeros(127));
         run(vector_over_the_end, 1, 32, 0, reinterpret_cast<float4*>(data.get()));
       }},
      {"WriteBeyondGuardPage", true, cudaErrorIllegalAddress,
       "kernel write_at.*block \\(0,0,0\\), thread \\(0,0,0\\): writes (4 bytes )?400 bytes beyond the end "
       "of "
       "allocation "
       "#[0-9]+ \\(400 bytes\\)",
       [] {
         const Buffer<float> data(zeros(100));
         run(write_at, 1, 32, 0, data.get(), 200L);
       }},
      {"ReadBeyondGuardPage", true, cudaErrorIllegalAddress,
       "kernel read_at.*thread \\(0,0,0\\): reads (4 bytes )?400 bytes beyond the end of allocation #[0-9]+ "
       "\\(400 bytes\\)",
       [] {
         const Buffer<float> data(zeros(100));
         const Buffer<float> out(32);
         run(read_at, 1, 32, 0, data.get(), 200L, out.get());
       }},
      {"WriteBehindTheEnd", true, cudaErrorIllegalAddress,
       "kernel write_at.*: (4 bytes behind the end of allocation #[0-9]+ \\(400 bytes\\) were "
       "overwritten|writes 4 bytes 0 "
       "bytes beyond the end of allocation #[0-9]+ \\(400 bytes\\))",
       [] {
         const Buffer<float> data(zeros(100));
         run(write_at, 1, 32, 0, data.get(), 69L);
       }},
      {"WriteBeforeTheStart", true, cudaErrorIllegalAddress,
       "kernel write_at.*: (8 bytes before the start of allocation #[0-9]+ \\(400 bytes\\) were "
       "overwritten|writes 4 bytes 8 "
       "bytes before the start of allocation #[0-9]+ \\(400 bytes\\))",
       [] {
         const Buffer<float> data(zeros(100));
         run(write_at, 1, 32, 0, data.get(), -2L);
       }},
      {"ReadByOneBeyondTheEnd", false, cudaErrorIllegalAddress,
       "kernel read_at.*block \\(0,0,0\\), thread \\(31,0,0\\): reads 4 bytes 0 bytes beyond the end of "
       "allocation #[0-9]+ "
       "\\(400 bytes\\)",
       [] {
         const Buffer<float> data(zeros(100));
         const Buffer<float> out(32);
         run(read_at, 1, 32, 0, data.get(), 69L, out.get());
       }},
      {"UseAfterFree", true, cudaErrorIllegalAddress,
       "kernel write_at.*thread \\(0,0,0\\): writes (4 bytes )?at offset 0 of freed allocation #[0-9]+ "
       "\\(400 "
       "bytes\\): use after "
       "free",
       [] {
         float* data = nullptr;
         cudaMalloc(&data, 400);
         cudaFree(data);
         run(write_at, 1, 32, 0, data, 0L);
       }},
      {"NullPointer", true, cudaErrorIllegalAddress,
       "kernel write_at.*thread \\(0,0,0\\): writes (4 bytes )?(at )?address ",
       [] { run(write_at, 1, 32, 0, static_cast<float*>(nullptr), 0L); }},
      {"UninitialisedGlobal", false, cudaErrorLaunchFailure,
       "kernel read_at.*block \\(0,0,0\\), thread \\(0,0,0\\): reads 4 bytes that nobody wrote, at offset 40 "
       "of allocation #",
       [] {
         const Buffer<float> data(100);
         const Buffer<float> out(32);
         run(read_at, 1, 32, 0, data.get(), 10L, out.get());
       }},
      {"UninitialisedShared", false, cudaErrorLaunchFailure,
       "kernel uninitialised_shared.*block \\(0,0,0\\), thread \\([0-9]+,0,0\\): reads 4 bytes of shared "
       "memory that nobody "
       "wrote",
       [] {
         const Buffer<float> out(64);
         run(uninitialised_shared, 1, 64, 0, out.get());
       }},
      {"UninitialisedDynamicShared", false, cudaErrorLaunchFailure,
       "kernel uninitialised_dynamic_shared.*thread \\([0-9]+,0,0\\): reads 4 bytes of shared memory that "
       "nobody wrote",
       [] {
         const Buffer<float> out(64);
         run(uninitialised_dynamic_shared, 1, 64, 256, out.get());
       }},
      {"StaticSharedOverrun", false, cudaErrorIllegalAddress,
       "kernel static_shared_at.*block \\(0,0,0\\), thread \\(31,0,0\\): index 32 out of bounds at "
       ".*broken_.*cu:[0-9]+: an array of type 'float \\[32\\]'",
       [] {
         const Buffer<float> out(32);
         run(static_shared_at, 1, 32, 0, out.get(), 1);
       }},
      {"StaticSharedUnderrun", false, cudaErrorIllegalAddress,
       "kernel static_shared_at.*block \\(0,0,0\\), thread \\(0,0,0\\): index -1 out of bounds at ",
       [] {
         const Buffer<float> out(32);
         run(static_shared_at, 1, 32, 0, out.get(), -1);
       }},
      {"DynamicSharedOverrun", true, cudaErrorIllegalAddress,
       "kernel dynamic_shared_at.*block \\(0,0,0\\), thread \\(0,0,0\\): writes (4 bytes )?0 bytes beyond "
       "the "
       "end of its 256 "
       "bytes of dynamic shared memory",
       [] {
         const Buffer<float> out(64);
         run(dynamic_shared_at, 1, 64, 256, out.get(), 64L);
       }},
      {"DynamicSharedOverrunByOne", true, cudaErrorIllegalAddress,
       "kernel dynamic_shared_at.*block \\(0,0,0\\).*(behind the end of its 252 bytes of dynamic shared "
       "memory "
       "were "
       "overwritten|writes 4 bytes 0 bytes beyond the end of its 252 bytes of dynamic shared memory)",
       [] {
         const Buffer<float> out(64);
         run(dynamic_shared_at, 1, 64, 252, out.get(), 0L);
       }},
      {"HostPointer", false, cudaErrorIllegalAddress,
       "kernel write_at.*block \\(0,0,0\\), thread \\(0,0,0\\): writes 4 bytes at address 0x[0-9a-f]+, which "
       "is host memory",
       [] {
         std::vector<float> host(32);
         run(write_at, 1, 32, 0, host.data(), 0L);
       }},
      {"DivideByZero", true, cudaErrorLaunchFailure,
       "kernel divide_by_zero.*thread \\(0,0,0\\): integer division by zero",
       [] {
         const Buffer<int> out(32);
         run(divide_by_zero, 1, 32, 0, out.get(), 0);
       }},
      {"EndlessStack", true, cudaErrorLaunchFailure,
       "kernel endless_stack.*thread \\(0,0,0\\): its 128 KiB of stack overflow",
       [] {
         const Buffer<int> out(1);
         run(endless_stack, 1, 1, 0, out.get());
       }},
      {"MisalignedVector", false, cudaErrorMisalignedAddress,
       "kernel misaligned_vector.*block \\(0,0,0\\), thread \\(0,0,0\\): misaligned access at "
       ".*broken_memory.cu:[0-9]+: "
       "address 0x[0-9a-f]+ of type .*float4.*, which needs 16 bytes",
       [] {
         const Buffer<float> in(zeros(200));
         const Buffer<float> out(32);
         run(misaligned_vector, 1, 32, 0, in.get(), out.get());
       }},
  };
}

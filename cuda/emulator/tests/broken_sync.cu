// Kernels whose threads do not wait for each other as they should, one mistake each.
#include "broken_kernels.h"
#include "kernels.h"

namespace {

__global__ void neighbour_without_barrier(const float* in, float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void scratch_reused_without_barrier(const float* in, float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  const float other = tile[63 - threadIdx.x];
  tile[threadIdx.x] = other * 2;  // another thread may not have read it yet
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void warp_scratch_without_syncwarp(const float* in, float* out) {
  __shared__ float tile[32];
  tile[threadIdx.x] = 0;
  __syncwarp();
  tile[threadIdx.x] = in[threadIdx.x];
  __shfl_sync(0xffffffffU, 1, 0);  // orders no memory
  out[threadIdx.x] = tile[31 - threadIdx.x];
}

__global__ void half_a_syncwarp(const float* in, float* out) {
  __shared__ float tile[32];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncwarp(threadIdx.x < 16 ? 0x0000ffffU : 0xffff0000U);
  out[threadIdx.x] = tile[31 - threadIdx.x];
}

__global__ void syncwarp_between_warps(const float* in, float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncwarp();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void neighbour_in_global_memory(float* data) {
  data[threadIdx.x] = data[(threadIdx.x + 1) % blockDim.x];
}

__global__ void divergent_barrier(float* data) {
  if (threadIdx.x < 32) {
    data[threadIdx.x] = 1;
    __syncthreads();
  } else {
    data[threadIdx.x] = 2;
    __syncthreads();
  }
}

__global__ void exit_before_barrier(float* data, unsigned count) {
  if (threadIdx.x >= count) return;
  data[threadIdx.x] = 1;
  __syncthreads();
  data[threadIdx.x] += 1;
}

__global__ void all_write_one(float* data) {
  data[0] = static_cast<float>(blockIdx.x);
}

__global__ void blocks_read_each_other(float* data) {
  if (threadIdx.x == 0) data[blockIdx.x] = static_cast<float>(blockIdx.x);
  if (threadIdx.x == 1) data[gridDim.x + blockIdx.x] = data[(blockIdx.x + 1) % gridDim.x];
}

__global__ void count_without_atomic(unsigned* counter) {
  *counter += 1;
}

__global__ void atomic_and_plain(unsigned* counter) {
  if (threadIdx.x == 0) {
    *counter = 5;
  } else {
    atomicAdd(counter, 1U);
  }
}

__global__ void shuffle_outside_mask(int* out) {
  if (threadIdx.x >= 16) return;
  out[threadIdx.x] = __shfl_sync(0xffffU, static_cast<int>(threadIdx.x), 20);
}

__global__ void mask_without_caller(int* out) {
  out[threadIdx.x] = __shfl_xor_sync(0xffffU, 1, 1);
}

__global__ void different_masks(int* out) {
  const unsigned mask = threadIdx.x < 16 ? 0xffffffffU : 0xffff0000U;
  out[threadIdx.x] = __any_sync(mask, 1);
}

__global__ void different_warp_lines(int* out) {
  if (threadIdx.x % 2 == 0) {
    out[threadIdx.x] = __shfl_down_sync(0xffffffffU, 1, 1);
  } else {
    out[threadIdx.x] = __shfl_down_sync(0xffffffffU, 2, 1);
  }
}

__global__ void lanes_that_left(int* out) {
  if (threadIdx.x == 7) return;
  out[threadIdx.x] = __ballot_sync(0xffffffffU, 1) != 0U ? 1 : 0;
}

__global__ void mask_beyond_block(int* out) {
  out[threadIdx.x] = __all_sync(0xffffffffU, 1);
}

__global__ void wrong_width(int* out) {
  out[threadIdx.x] = __shfl_sync(0xffffffffU, 1, 0, 12);
}

}  // namespace

std::vector<BrokenKernel> broken_synchronisation() {
  return {
      {"MissingBarrier", false, cudaErrorLaunchFailure,
       "kernel neighbour_without_barrier.*block \\(0,0,0\\), thread \\([0-9]+,0,0\\): race in shared memory: "
       "(reads|writes) "
       "4 bytes that thread \\([0-9]+,0,0\\) (wrote|read) since the last barrier",
       [] {
         const Buffer<float> in(zeros(64));
         const Buffer<float> out(64);
         run(neighbour_without_barrier, 1, 64, 0, in.get(), out.get());
       }},
      {"ScratchReusedWithoutBarrier", false, cudaErrorLaunchFailure,
       "kernel scratch_reused_without_barrier.*: race in shared memory: (reads|writes) 4 bytes that thread "
       "\\([0-9]+,0,0\\) (wrote|read) since the last barrier",
       [] {
         const Buffer<float> in(zeros(64));
         const Buffer<float> out(64);
         run(scratch_reused_without_barrier, 1, 64, 0, in.get(), out.get());
       }},
      {"MissingSyncwarp", false, cudaErrorLaunchFailure,
       "kernel warp_scratch_without_syncwarp.*block \\(0,0,0\\), thread \\([0-9]+,0,0\\): race in shared "
       "memory",
       [] {
         const Buffer<float> in(zeros(32));
         const Buffer<float> out(32);
         run(warp_scratch_without_syncwarp, 1, 32, 0, in.get(), out.get());
       }},
      {"HalfASyncwarp", false, cudaErrorLaunchFailure,
       "kernel half_a_syncwarp.*thread \\([0-9]+,0,0\\): (race in shared memory|reads 4 bytes of shared "
       "memory "
       "that nobody "
       "wrote)",
       [] {
         const Buffer<float> in(zeros(32));
         const Buffer<float> out(32);
         run(half_a_syncwarp, 1, 32, 0, in.get(), out.get());
       }},
      {"SyncwarpBetweenWarps", false, cudaErrorLaunchFailure,
       "kernel syncwarp_between_warps.*thread \\([0-9]+,0,0\\): (race in shared memory|reads 4 bytes of "
       "shared "
       "memory that "
       "nobody wrote)",
       [] {
         const Buffer<float> in(zeros(64));
         const Buffer<float> out(64);
         run(syncwarp_between_warps, 1, 64, 0, in.get(), out.get());
       }},
      {"NeighbourInGlobalMemory", false, cudaErrorLaunchFailure,
       "kernel neighbour_in_global_memory.*thread \\(1,0,0\\): race in global memory: writes 4 bytes that "
       "thread "
       "\\(0,0,0\\) read since the last barrier, at offset 4 of allocation #",
       [] {
         const Buffer<float> data(zeros(64));
         run(neighbour_in_global_memory, 1, 64, 0, data.get());
       }},
      {"DivergentBarrier", true, cudaErrorLaunchFailure,
       "kernel divergent_barrier\\(float\\*\\), block \\(0,0,0\\), thread \\(32,0,0\\): divergent barrier: "
       "it "
       "reaches "
       "__syncthreads\\(\\) at .*broken_sync.cu:[0-9]+ while thread \\(0,0,0\\) waits at "
       ".*broken_sync.cu:[0-9]+",
       [] {
         const Buffer<float> data(64);
         run(divergent_barrier, 1, 64, 0, data.get());
       }},
      {"ExitBeforeBarrier", true, cudaErrorLaunchFailure,
       "kernel exit_before_barrier.*thread \\(0,0,0\\): deadlock: 40 of 64 threads wait for the others, this "
       "one at "
       ".*broken_sync.cu:[0-9]+, but thread \\(40,0,0\\) has left the kernel",
       [] {
         const Buffer<float> data(zeros(64));
         run(exit_before_barrier, 1, 64, 0, data.get(), 40U);
       }},
      {"BlocksWriteTheSame", false, cudaErrorLaunchFailure,
       "kernel all_write_one.*block \\(1,0,0\\), thread \\(0,0,0\\): race in global memory: writes 4 bytes "
       "that block "
       "\\(0,0,0\\), thread \\(0,0,0\\) wrote in the same launch, at offset 0 of allocation #",
       [] {
         const Buffer<float> data(1);
         run(all_write_one, 2, 1, 0, data.get());
       }},
      {"BlocksReadEachOther", false, cudaErrorLaunchFailure,
       "kernel blocks_read_each_other.*: race in global memory: (reads|writes) 4 bytes that block",
       [] {
         const Buffer<float> data(zeros(8));
         run(blocks_read_each_other, 4, 32, 0, data.get());
       }},
      {"MissingAtomic", false, cudaErrorLaunchFailure,
       "kernel count_without_atomic.*block \\(0,0,0\\), thread \\(1,0,0\\): race in global memory: reads 4 "
       "bytes that thread "
       "\\(0,0,0\\) wrote since the last barrier",
       [] {
         const Buffer<unsigned> counter(std::vector<unsigned>(1, 0));
         run(count_without_atomic, 1, 32, 0, counter.get());
       }},
      {"AtomicAndPlain", false, cudaErrorLaunchFailure,
       "kernel atomic_and_plain.*thread \\(1,0,0\\): race in global memory: atomically updates 4 bytes that "
       "thread "
       "\\(0,0,0\\) wrote since the last barrier",
       [] {
         const Buffer<unsigned> counter(std::vector<unsigned>(1, 0));
         run(atomic_and_plain, 1, 32, 0, counter.get());
       }},
      {"ShuffleOutsideMask", true, cudaErrorLaunchFailure,
       "kernel shuffle_outside_mask.*thread \\(0,0,0\\): __shfl_sync\\(\\) at .*:[0-9]+ reads lane 20, which "
       "mask "
       "0x0000ffff does not name",
       [] {
         const Buffer<int> out(32);
         run(shuffle_outside_mask, 1, 32, 0, out.get());
       }},
      {"MaskWithoutCaller", true, cudaErrorLaunchFailure,
       "kernel mask_without_caller.*thread \\(16,0,0\\): __shfl_xor_sync\\(\\) at .*: mask 0x0000ffff does "
       "not "
       "name the "
       "calling lane 16",
       [] {
         const Buffer<int> out(32);
         run(mask_without_caller, 1, 32, 0, out.get());
       }},
      {"DifferentMasks", true, cudaErrorLaunchFailure,
       "kernel different_masks.*thread \\(16,0,0\\): a warp vote at .*: mask 0xffff0000, but lanes "
       "0x0000ffff "
       "wait at .* "
       "with mask 0xffffffff",
       [] {
         const Buffer<int> out(32);
         run(different_masks, 1, 32, 0, out.get());
       }},
      {"DifferentWarpLines", true, cudaErrorLaunchFailure,
       "kernel different_warp_lines.*thread \\(1,0,0\\): __shfl_down_sync\\(\\) at .*: lanes 0x00000001 of "
       "its "
       "mask wait in "
       "__shfl_down_sync\\(\\) at ",
       [] {
         const Buffer<int> out(32);
         run(different_warp_lines, 1, 32, 0, out.get());
       }},
      {"LanesThatLeft", true, cudaErrorLaunchFailure,
       "kernel lanes_that_left.*deadlock: 31 of 32 threads wait.*thread \\(7,0,0\\) has left the kernel; "
       "warp "
       "operation at "
       ".* with mask 0xffffffff has lanes 0xffffff7f",
       [] {
         const Buffer<int> out(32);
         run(lanes_that_left, 1, 32, 0, out.get());
       }},
      {"MaskBeyondBlock", true, cudaErrorLaunchFailure,
       "kernel mask_beyond_block.*: mask 0xffffffff names lanes that warp 1 does not have \\(0x000000ff\\)",
       [] {
         const Buffer<int> out(40);
         run(mask_beyond_block, 1, 40, 0, out.get());
       }},
      {"WrongWidth", true, cudaErrorLaunchFailure,
       "kernel wrong_width.*: width 12 is no power of two up to 32",
       [] {
         const Buffer<int> out(32);
         run(wrong_width, 1, 32, 0, out.get());
       }},
  };
}

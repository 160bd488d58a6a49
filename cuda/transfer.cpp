#include "cuda/transfer.h"

#include <algorithm>
#include <cstring>

#include "cuda/status.h"

namespace linnet::cuda {

Transfer::Transfer(cudaStream_t compute) : compute_(compute) {
  check_cuda(cudaStreamCreateWithFlags(&copy_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  check_cuda(cudaEventCreateWithFlags(&issued_, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  for (Piece& piece : pieces_) {
    check_cuda(cudaMallocHost(reinterpret_cast<void**>(&piece.memory), kPieceBytes), "cudaMallocHost");
    check_cuda(cudaEventCreateWithFlags(&piece.free, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  }
}

/// Waits until its last copy is done.
Transfer::Piece& Transfer::next_piece() {
  Piece& piece = pieces_[next_++ % pieces_.size()];
  check_cuda(cudaEventSynchronize(piece.free), "cudaEventSynchronize");
  return piece;
}

void Transfer::to_device(void* to, const void* from, size_t bytes) {
  const std::lock_guard lock(mutex_);
  // The memory may just have been freed by work that is still on its way.
  check_cuda(cudaEventRecord(issued_, compute_), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(copy_, issued_, 0), "cudaStreamWaitEvent");
  for (size_t done = 0; done < bytes; done += kPieceBytes) {
    const size_t count = std::min(kPieceBytes, bytes - done);
    Piece& piece = next_piece();
    std::memcpy(piece.memory, static_cast<const char*>(from) + done, count);
    check_cuda(
        cudaMemcpyAsync(static_cast<char*>(to) + done, piece.memory, count, cudaMemcpyHostToDevice, copy_),
        "cudaMemcpyAsync to the device");
    check_cuda(cudaEventRecord(piece.free, copy_), "cudaEventRecord");
  }
  check_cuda(cudaEventRecord(issued_, copy_), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(compute_, issued_, 0), "cudaStreamWaitEvent");
}

void Transfer::to_host(void* to, const void* from, size_t bytes) {
  const std::lock_guard lock(mutex_);
  check_cuda(cudaEventRecord(issued_, compute_), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(copy_, issued_, 0), "cudaStreamWaitEvent");
  // One piece is on its way while the one before it is copied out.
  Piece* before = nullptr;
  size_t before_at = 0, before_count = 0;
  const auto take = [&] {
    if (before == nullptr) return;
    check_cuda(cudaEventSynchronize(before->free), "cudaEventSynchronize");
    std::memcpy(static_cast<char*>(to) + before_at, before->memory, before_count);
  };
  for (size_t done = 0; done < bytes; done += kPieceBytes) {
    const size_t count = std::min(kPieceBytes, bytes - done);
    Piece& piece = next_piece();
    check_cuda(cudaMemcpyAsync(piece.memory, static_cast<const char*>(from) + done, count,
                               cudaMemcpyDeviceToHost, copy_),
               "cudaMemcpyAsync to the host");
    check_cuda(cudaEventRecord(piece.free, copy_), "cudaEventRecord");
    take();
    before = &piece;
    before_at = done;
    before_count = count;
  }
  take();
}

}  // namespace linnet::cuda

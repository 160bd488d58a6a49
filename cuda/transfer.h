// Copies between host and device through pinned memory, in pieces, on a stream of their own. A copy to the
// device returns as soon as its bytes lie in pinned memory; a copy to the host waits for the compute stream.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <mutex>

namespace linnet::cuda {

class Transfer {
 public:
  /// Makes the copy stream and the pinned memory of the current GPU.
  explicit Transfer(cudaStream_t compute);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// After the work issued so far, and before what is issued next.
  void to_device(void* to, const void* from, size_t bytes);
  void to_host(void* to, const void* from, size_t bytes);

 private:
  struct Piece {
    char* memory = nullptr;
    cudaEvent_t free = nullptr;  ///< Recorded when its last copy was issued.
  };
  static constexpr size_t kPieceBytes = size_t{4} << 20;

  Piece& next_piece();

  cudaStream_t compute_;
  cudaStream_t copy_ = nullptr;
  cudaEvent_t issued_ = nullptr;
  std::array<Piece, 3> pieces_;
  size_t next_ = 0;
  std::mutex mutex_;
};

}  // namespace linnet::cuda

// Threads for the CPU backend: the only place where work leaves the calling thread.
//
// Every function of the backend splits its work into chunks whose boundaries depend on shapes only, never on
// the number of threads; which thread takes a chunk is free. Partial results are kept per chunk and combined
// in chunk order by the caller, so results do not depend on the thread count.
//
// A loop inside a chunk runs on the thread of that chunk. While one user thread has the pool, loops of other
// user threads run on their own thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

#include <linnet/cpu/threads.h>

namespace linnet::cpu {

/// The untyped form of parallel_for.
void run_chunks(int64_t chunks, void (*body)(void* context, int64_t chunk), void* context);

/// Calls body(chunk) once for every chunk in [0, chunks) and returns when all are done. An exception stops
/// the handing out of chunks; that of the first chunk, in chunk order, is rethrown here. One chunk is a
/// plain call: loops inside it may use the pool.
template <class F>
void parallel_for(int64_t chunks, F&& body) {
  using Body = std::remove_reference_t<F>;
  const auto call = [](void* context, int64_t chunk) { (*static_cast<Body*>(context))(chunk); };
  run_chunks(chunks, call, const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

/// Chunks that parallel_range makes of n items: each has at least `grain` items (but where n < grain).
constexpr int64_t range_chunks(int64_t n, int64_t grain) {
  constexpr int64_t kMaxChunks = 1024;
  if (n <= 0) return 0;
  return std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, kMaxChunks);
}

/// First item of a chunk when n items are split evenly. Chunk `chunks` begins at n.
constexpr int64_t chunk_begin(int64_t n, int64_t chunks, int64_t chunk) {
  return n / chunks * chunk + std::min(chunk, n % chunks);
}

/// Calls body(begin, end) for every one of range_chunks(n, grain) consecutive ranges of [0, n).
template <class F>
void parallel_range(int64_t n, int64_t grain, F&& body) {
  const int64_t chunks = range_chunks(n, grain);
  parallel_for(
      chunks, [&](int64_t chunk) { body(chunk_begin(n, chunks, chunk), chunk_begin(n, chunks, chunk + 1)); });
}

}  // namespace linnet::cpu

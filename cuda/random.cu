// Random numbers on the GPU: core/philox.h, one thread a Philox block, so the same bits as on every device.
#include "core/elements.h"
#include "core/philox.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

struct Draw {
  RandomKind kind;
  uint64_t seed, stream;
  int64_t low, high;
};

/// Element `part` of a block's, as elements of E.
template <class E>
__device__ typename E::Stored element_of(const Draw& draw, const philox::Block& block, int part) {
  using T = typename E::Stored;
  if (draw.kind == RandomKind::Integers) {
    return E::store(philox::integer_between(block.bits64(part), draw.low, draw.high));
  }
  if constexpr (std::is_same_v<T, float>) {
    const uint32_t word = block.word[part];
    return draw.kind == RandomKind::Normal ? philox::normal_float(word) : philox::uniform_float(word);
  } else if constexpr (std::is_same_v<T, double>) {
    const uint64_t bits = block.bits64(part);
    return draw.kind == RandomKind::Normal ? philox::normal_double(bits) : philox::uniform_double(bits);
  } else {
    return T(0);  // the other dtypes are drawn as integers only
  }
}

template <class E>
__global__ void random_kernel(StridedLoop<1> loop, Draw draw, int per_block, const int64_t* counter,
                              typename E::Stored* out) {
  const auto first = static_cast<uint64_t>(*counter);
  const int64_t blocks = (loop.total + per_block - 1) / per_block;
  for (int64_t b = cuda::thread_number(); b < blocks; b += cuda::thread_count()) {
    const philox::Block block = philox::block(draw.seed, draw.stream, first + static_cast<uint64_t>(b));
    for (int part = 0; part < per_block; ++part) {
      const int64_t i = b * per_block + part;
      if (i < loop.total) out[cuda::offsets_of(loop, i).at[0]] = element_of<E>(draw, block, part);
    }
  }
}

}  // namespace

void CudaBackend::random(const RandomSpec& spec, const View& counter, const View& out) {
  const Call call(*this, "random");
  const auto loop = strided_loop<1>(out.shape, {out.strides}, LoopOrder::RowMajor);
  if (loop.total == 0) return;
  const Draw draw{spec.kind, spec.seed, spec.stream, spec.low, spec.high};
  const int per_block = spec.kind != RandomKind::Integers && out.dtype == DType::Float32 ? 4 : 2;
  visit_dtype(out.dtype, [&](auto element) {
    using E = decltype(element);
    cuda::launch(random_kernel<E>, cuda::blocks_for((loop.total + per_block - 1) / per_block), cuda::kThreads,
                 0, stream(), loop, draw, per_block, counter.as<const int64_t>(),
                 out.as<typename E::Stored>());
  });
}

}  // namespace linnet

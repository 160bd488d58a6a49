// Random numbers on the CPU: core/philox.h, element by element in row-major order, in parallel because every
// element knows its block.
#include "core/elements.h"
#include "core/philox.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// The words of the elements of a draw. Neighbours share a block, so the last one is kept.
class Words {
 public:
  Words(const RandomSpec& spec, uint64_t counter) : spec_(spec), counter_(counter) {}

  uint32_t bits32(uint64_t element) {
    load(element / 4);
    return block_.word[element % 4];
  }
  uint64_t bits64(uint64_t element) {
    load(element / 2);
    return block_.bits64(static_cast<int>(element % 2));
  }

 private:
  void load(uint64_t index) {
    if (loaded_ && index == index_) return;
    block_ = philox::block(spec_.seed, spec_.stream, counter_ + index);
    index_ = index;
    loaded_ = true;
  }

  RandomSpec spec_;
  uint64_t counter_;
  philox::Block block_{};
  uint64_t index_ = 0;
  bool loaded_ = false;
};

/// out[i] = draw(words, i) in row-major order.
template <class T, class Draw>
void draw_all(const RandomSpec& spec, const View& counter, const View& out, Draw draw) {
  const auto first_block = static_cast<uint64_t>(*counter.as<const int64_t>());
  const auto loop = strided_loop<1>(out.shape, {out.strides}, LoopOrder::RowMajor);
  cpu::parallel_range(loop.total, cpu::kGrain / 8, [&](int64_t begin, int64_t end) {
    Words words(spec, first_block);
    cpu::walk(loop, begin, end, [&](const auto& offset, int64_t first, int64_t n) {
      T* to = out.as<T>() + offset[0];
      for (int64_t i = 0; i < n; ++i) {
        to[i * loop.inner_stride(0)] = draw(words, static_cast<uint64_t>(first + i));
      }
    });
  });
}

}  // namespace

void CpuBackend::random(const RandomSpec& spec, const View& counter, const View& out) {
  if (spec.kind == RandomKind::Integers) {
    return visit_dtype(out.dtype, [&](auto element) {
      using E = decltype(element);
      draw_all<typename E::Stored>(spec, counter, out, [&](Words& words, uint64_t i) {
        return E::store(philox::integer_between(words.bits64(i), spec.low, spec.high));
      });
    });
  }
  const bool normal = spec.kind == RandomKind::Normal;
  if (out.dtype == DType::Float32) {
    draw_all<float>(spec, counter, out, [normal](Words& words, uint64_t i) {
      return normal ? philox::normal_float(words.bits32(i)) : philox::uniform_float(words.bits32(i));
    });
  } else {
    draw_all<double>(spec, counter, out, [normal](Words& words, uint64_t i) {
      return normal ? philox::normal_double(words.bits64(i)) : philox::uniform_double(words.bits64(i));
    });
  }
}

}  // namespace linnet

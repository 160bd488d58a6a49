// The gradient of ReLU and its sums over channels, the gradient of a bias, in one pass. How memory is gone
// through: cpu/channel_walk.h. Some rows are added up in the elements' dtype, these sums in order in double.
#include <algorithm>
#include <array>
#include <type_traits>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/channel_kernel.h"
#include "cpu/channel_walk.h"
#include "cpu/scratch.h"

namespace linnet {
namespace {

using cpu::Rows;
using cpu::channels::Fold;
using cpu::channels::kBlock;

constexpr int64_t kAdded = 256;  // rows that are added up in the elements' dtype

template <class T>
void relu_grad_sums(const cpu::channels::Walk<3>& walk, const View& y, const View& gy, const View& gx,
                    const View& sums) {
  const cpu::ChannelKernels<T>& kernels = cpu::channel_kernels<T>();
  const int64_t C = walk.channels();
  const cpu::Scratch<double> partial(std::max<int64_t>(walk.parts(), 1) * C);
  walk.for_blocks([&](int64_t channel, int64_t channels, int64_t part) {
    const Fold fold(channels, walk.rows_touch(channels));
    double* const sum = partial.data() + part * C + channel;
    std::fill_n(sum, channels, 0.0);
    T columns[kBlock];
    std::fill_n(columns, fold.width(), T(0));
    const int64_t most = kAdded * fold.times;
    int64_t added = 0;
    const auto flush = [&] {
      fold.add_up(columns);
      for (int64_t c = 0; c < channels; ++c) sum[c] += static_cast<double>(columns[c]);
      std::fill_n(columns, fold.width(), T(0));
      added = 0;
    };
    walk.for_runs(channel, part, [&](const std::array<int64_t, 3>& at, int64_t rows) {
      for (int64_t i = 0, some = 0; i < rows; i += some) {
        some = std::min(rows - i, most - added);
        const auto rows_of = [&](auto* data, size_t k) {
          const int64_t step = walk.step(static_cast<int>(k));
          return Rows<std::remove_pointer_t<decltype(data)>>{data + at[k] + i * step, step};
        };
        fold.for_columns(some, [&](int64_t first, int64_t n, int64_t width) {
          kernels.add_masked(fold.rows(rows_of(gy.as<const T>(), 2), first),
                             fold.rows(rows_of(y.as<const T>(), 1), first),
                             fold.rows(rows_of(gx.as<T>(), 0), first), n, width, columns);
        });
        added += some;
        if (added == most) flush();
      }
    });
    flush();
  });
  for (int64_t c = 0; c < C; ++c) {
    double sum = 0;
    for (int64_t part = 0; part < walk.parts(); ++part) sum += partial.data()[part * C + c];
    sums.as<T>()[c * sums.strides[0]] = static_cast<T>(sum);
  }
}

}  // namespace

void CpuBackend::relu_grad_sums(const View& y, const View& gy, const View& gx, const View& sums) {
  const cpu::channels::Walk<3> walk(gx.shape, {gx.strides, y.strides, gy.strides});
  if (!walk.runs_are_long()) return Backend::relu_grad_sums(y, gy, gx, sums);  // a call for each is too much
  visit_floating(gx.dtype, [&](auto element) {
    linnet::relu_grad_sums<typename decltype(element)::Stored>(walk, y, gy, gx, sums);
  });
}

}  // namespace linnet

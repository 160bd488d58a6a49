// Batch normalisation. One pass for mean and variance together, one for the result; one for both sums of the
// gradient, one for the gradient. How memory is gone through: cpu/channel_walk.h.
//
// A tile of some thousand elements has its mean taken, then the squares about it, both in the elements'
// dtype, a few for each column. Tiles and parts of the batch, cut by shape alone, are combined in order in
// double, by the formula of Chan, Golub and LeVeque.
#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/channel_kernel.h"
#include "cpu/channel_walk.h"
#include "cpu/scratch.h"

namespace linnet {
namespace {

using cpu::ChannelKernels;
using cpu::Rows;
using cpu::Scratch;
using cpu::channels::Fold;
using cpu::channels::for_tiles;
using cpu::channels::kBlock;
using cpu::channels::Walk;

// ---- mean and variance

/// Of the first `count` elements of each of some channels: the mean, and the sum of squares about it.
struct Moments {
  int64_t channels;
  double* mean;
  double* squares;
  int64_t count = 0;

  /// Takes in those of `more` other elements.
  void take(int64_t more, const double* other_mean, const double* other_squares) {
    const double share = static_cast<double>(more) / static_cast<double>(count + more);
    const double weight = static_cast<double>(count) * share;
    for (int64_t c = 0; c < channels; ++c) {
      const double delta = other_mean[c] - mean[c];
      mean[c] += delta * share;
      squares[c] += other_squares[c] + delta * delta * weight;
    }
    count += more;
  }
};

template <class T>
void take_tile(Moments& moments, Rows<const T> x, int64_t rows) {
  const ChannelKernels<T>& kernels = cpu::channel_kernels<T>();
  const Fold fold(moments.channels, x.step == moments.channels);
  T centre[kBlock], away[kBlock], squares[kBlock];
  for (T* sums : {centre, away, squares}) std::fill_n(sums, fold.width(), T(0));
  fold.for_columns(rows, [&](int64_t first, int64_t n, int64_t width) {
    kernels.add(fold.rows(x, first), n, width, centre);
  });
  fold.add_up(centre);
  for (int64_t c = 0; c < fold.channels; ++c) centre[c] /= static_cast<T>(rows);
  fold.repeat(centre);
  fold.for_columns(rows, [&](int64_t first, int64_t n, int64_t width) {
    kernels.add_moments(fold.rows(x, first), n, width, centre, away, squares);
  });
  fold.add_up(away);
  fold.add_up(squares);
  double mean[kBlock], about_mean[kBlock];
  for (int64_t c = 0; c < fold.channels; ++c) {
    const auto rest = static_cast<double>(away[c]);  // what rounding the centre left
    mean[c] = static_cast<double>(centre[c]) + rest / static_cast<double>(rows);
    about_mean[c] = static_cast<double>(squares[c]) - rest * rest / static_cast<double>(rows);
  }
  moments.take(rows, mean, about_mean);
}

template <class T>
void moments(const View& x, const View& mean, const View& variance) {
  const Walk<1> walk(x.shape, {x.strides});
  const int64_t C = walk.channels();
  const Scratch<double> means(walk.parts() * C), squares(walk.parts() * C);
  walk.for_blocks([&](int64_t channel, int64_t channels, int64_t part) {
    const int64_t at = part * C + channel;
    Moments some{channels, means.data() + at, squares.data() + at};
    std::fill_n(some.mean, channels, 0.0);
    std::fill_n(some.squares, channels, 0.0);
    for_tiles<T, 1>(walk, {x.as<const T>()}, channel, channels, part,
                    [&](const auto& rows, int64_t n) { take_tile(some, rows[0], n); });
  });
  Moments all{C, means.data(), squares.data(), walk.count(0)};
  for (int64_t part = 1; part < walk.parts(); ++part) {
    all.take(walk.count(part), means.data() + part * C, squares.data() + part * C);
  }
  for (int64_t c = 0; c < C; ++c) {
    mean.as<T>()[c * mean.strides[0]] = static_cast<T>(all.mean[c]);
    variance.as<T>()[c * variance.strides[0]] =
        static_cast<T>(all.squares[c] / static_cast<double>(all.count));
  }
}

// ---- results, element by element

/// Number c of a (C,) view, as a double.
template <class T>
double number(const View& channels, int64_t c) {
  return static_cast<double>(channels.as<const T>()[c * channels.strides[0]]);
}

/// 1 / sqrt(variance + eps).
template <class T>
double inverse_deviation(const BatchNormSpec& spec, int64_t c) {
  return 1 / std::sqrt(number<T>(spec.variance, c) + spec.eps);
}

/// K coefficients for each channel.
template <class T, int K>
class Coefficients {
 public:
  explicit Coefficients(int64_t channels) : channels_(channels), numbers_(K * channels) {}

  void set(int64_t channel, std::array<double, K> values) {
    for (int64_t k = 0; k < K; ++k) {
      numbers_[k * channels_ + channel] = static_cast<T>(values[static_cast<size_t>(k)]);
    }
  }
  /// Those of the channels of a fold, for its columns.
  void copy_to(T (&columns)[K][kBlock], int64_t channel, const Fold& fold) const {
    for (int64_t k = 0; k < K; ++k) {
      std::copy_n(numbers_.data() + k * channels_ + channel, fold.channels, columns[k]);
      fold.repeat(columns[k]);
    }
  }

 private:
  int64_t channels_;
  Scratch<T> numbers_;
};

/// Calls body(rows_of, rows, columns, coefficients of the columns) for all elements, on several threads;
/// rows_of(data, k) are the rows of operand k.
template <class T, int N, int K, class F>
void for_columns(const Walk<N>& walk, const Coefficients<T, K>& coefficients, F&& body) {
  walk.for_blocks([&](int64_t channel, int64_t channels, int64_t part) {
    const Fold fold(channels, walk.rows_touch(channels));
    T of[K][kBlock];
    coefficients.copy_to(of, channel, fold);
    walk.for_runs(channel, part, [&](const std::array<int64_t, N>& at, int64_t rows) {
      fold.for_columns(rows, [&](int64_t first, int64_t n, int64_t width) {
        const auto rows_of = [&](auto* data, int operand) {
          const auto offset = at[static_cast<size_t>(operand)];
          return fold.rows(Rows<std::remove_pointer_t<decltype(data)>>{data + offset, walk.step(operand)},
                           first);
        };
        body(rows_of, n, width, of);
      });
    });
  });
}

/// y = (x - centre) factor + bias.
template <class T>
void scale(const View& x, const View& y, const Coefficients<T, 3>& coefficients) {
  const ChannelKernels<T>& kernels = cpu::channel_kernels<T>();
  for_columns(Walk<2>(x.shape, {y.strides, x.strides}), coefficients,
              [&](const auto& rows_of, int64_t rows, int64_t width, const auto& of) {
                kernels.scale(rows_of(x.as<const T>(), 1), rows_of(y.as<T>(), 0), rows, width, of[0], of[1],
                              of[2]);
              });
}

// ---- gradients

/// The sums of gy and of gy (x - mean) of each channel, in double.
template <class T>
void gradient_sums(const View& gy, const View& x, const View& mean, double* sums, double* products) {
  const ChannelKernels<T>& kernels = cpu::channel_kernels<T>();
  const Walk<2> walk(x.shape, {x.strides, gy.strides});
  const int64_t C = walk.channels();
  const Scratch<double> partial(2 * std::max<int64_t>(walk.parts(), 1) * C);
  walk.for_blocks([&](int64_t channel, int64_t channels, int64_t part) {
    double* const sum = partial.data() + 2 * part * C + channel;
    double* const product = sum + C;
    std::fill_n(sum, channels, 0.0);
    std::fill_n(product, channels, 0.0);
    const auto take = [&](const std::array<Rows<const T>, 2>& rows, int64_t n) {
      const Fold fold(channels, rows[0].step == channels && rows[1].step == channels);
      T centre[kBlock], some[kBlock], more[kBlock];
      for (int64_t c = 0; c < channels; ++c) centre[c] = mean.as<const T>()[(channel + c) * mean.strides[0]];
      fold.repeat(centre);
      std::fill_n(some, fold.width(), T(0));
      std::fill_n(more, fold.width(), T(0));
      fold.for_columns(n, [&](int64_t first, int64_t m, int64_t width) {
        kernels.add_products(fold.rows(rows[1], first), fold.rows(rows[0], first), m, width, centre, some,
                             more);
      });
      fold.add_up(some);
      fold.add_up(more);
      for (int64_t c = 0; c < channels; ++c) {
        sum[c] += static_cast<double>(some[c]);
        product[c] += static_cast<double>(more[c]);
      }
    };
    for_tiles<T, 2>(walk, {x.as<const T>(), gy.as<const T>()}, channel, channels, part, take);
  });
  std::fill_n(sums, C, 0.0);
  std::fill_n(products, C, 0.0);
  for (int64_t part = 0; part < walk.parts(); ++part) {
    const double* const of = partial.data() + 2 * part * C;
    for (int64_t c = 0; c < C; ++c) {
      sums[c] += of[c];
      products[c] += of[C + c];
    }
  }
}

/// gx = (gy - mean) factor - (x - centre) slope.
template <class T>
void combine_gradient(const View& gy, const View& x, const View& gx, const Coefficients<T, 4>& coefficients) {
  const ChannelKernels<T>& kernels = cpu::channel_kernels<T>();
  for_columns(Walk<3>(x.shape, {gx.strides, x.strides, gy.strides}), coefficients,
              [&](const auto& rows_of, int64_t rows, int64_t width, const auto& of) {
                kernels.gradient(rows_of(gy.as<const T>(), 2), rows_of(x.as<const T>(), 1),
                                 rows_of(gx.as<T>(), 0), rows, width, of[0], of[1], of[2], of[3]);
              });
}

template <class T>
void gradients(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
               const BatchNormGrads& grads) {
  const int64_t C = x.shape[1];
  const auto weight = [&](int64_t c) { return spec.weight.defined() ? number<T>(spec.weight, c) : 1.0; };
  const bool through_moments = training && grads.x.defined();
  const Scratch<double> sums(C), products(C);
  if (through_moments || grads.weight.defined() || grads.bias.defined()) {
    gradient_sums<T>(gy, x, spec.mean, sums.data(), products.data());
  }
  for (int64_t c = 0; c < C; ++c) {
    if (grads.bias.defined()) grads.bias.as<T>()[c * grads.bias.strides[0]] = static_cast<T>(sums[c]);
    if (!grads.weight.defined()) continue;
    grads.weight.as<T>()[c * grads.weight.strides[0]] =
        static_cast<T>(products[c] * inverse_deviation<T>(spec, c));
  }
  if (through_moments) {
    const auto count = static_cast<double>(x.numel()) / static_cast<double>(std::max<int64_t>(C, 1));
    Coefficients<T, 4> coefficients(C);
    for (int64_t c = 0; c < C; ++c) {
      const double inverse = inverse_deviation<T>(spec, c), factor = inverse * weight(c);
      coefficients.set(c, {number<T>(spec.mean, c), factor, sums[c] / count,
                           factor * inverse * inverse * products[c] / count});
    }
    combine_gradient<T>(gy, x, grads.x, coefficients);
  } else if (grads.x.defined()) {
    Coefficients<T, 3> coefficients(C);
    for (int64_t c = 0; c < C; ++c) coefficients.set(c, {0, inverse_deviation<T>(spec, c) * weight(c), 0});
    scale<T>(gy, grads.x, coefficients);
  }
}

}  // namespace

void CpuBackend::batch_moments(const View& x, const View& mean, const View& variance) {
  visit_floating(x.dtype,
                 [&](auto element) { moments<typename decltype(element)::Stored>(x, mean, variance); });
}

void CpuBackend::batch_norm(const BatchNormSpec& spec, const View& x, const View& y) {
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    Coefficients<T, 3> coefficients(x.shape[1]);
    for (int64_t c = 0; c < x.shape[1]; ++c) {
      const double factor = inverse_deviation<T>(spec, c);
      coefficients.set(
          c, {number<T>(spec.mean, c), spec.weight.defined() ? factor * number<T>(spec.weight, c) : factor,
              spec.bias.defined() ? number<T>(spec.bias, c) : 0});
    }
    scale<T>(x, y, coefficients);
  });
}

void CpuBackend::batch_norm_grad(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                                 const BatchNormGrads& grads) {
  visit_floating(x.dtype, [&](auto element) {
    gradients<typename decltype(element)::Stored>(spec, training, x, gy, grads);
  });
}

}  // namespace linnet

// Convolution by its definition: one loop nest for each function, every result added up in double in the
// order written here and rounded once. Slow, and the oracle of the other algorithms.
#include "core/elementwise.h"
#include "cpu/conv.h"
#include "cpu/parallel.h"

namespace linnet::cpu::conv_direct {
namespace {

// Element (i, j, h, w) of a 4-d view.
template <class T>
struct Array4 {
  explicit Array4(const View& view) : data(static_cast<T*>(view.data)), s(view.strides) {}
  T& operator()(int64_t i, int64_t j, int64_t h, int64_t w) const {
    return data[i * s[0] + j * s[1] + h * s[2] + w * s[3]];
  }
  T* data;
  Strides s;
};

template <class T>
void forward(const Conv2dGeometry& g, const View& x_view, const View& w_view, const View& bias,
             const View& y_view, bool relu) {
  const Array4<const T> x(x_view);
  const Array4<const T> w(w_view);
  const Array4<T> y(y_view);
  parallel_for(g.N * g.K, [&](int64_t chunk) {
    const int64_t n = chunk / g.K;
    const int64_t k = chunk % g.K;
    const int64_t first_channel = k / g.filters_per_group() * g.channels_per_group();
    const double start = bias.defined() ? static_cast<double>(bias.as<T>()[k * bias.strides[0]]) : 0.0;
    for (int64_t p = 0; p < g.P; ++p) {
      for (int64_t q = 0; q < g.Q; ++q) {
        double sum = 0;
        for (int64_t c = 0; c < g.channels_per_group(); ++c) {
          for (int64_t r = 0; r < g.R; ++r) {
            const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h;
            if (h < 0 || h >= g.H) continue;
            for (int64_t s = 0; s < g.S; ++s) {
              const int64_t v = q * g.stride_w - g.pad_left + s * g.dilation_w;
              if (v < 0 || v >= g.W) continue;
              sum += static_cast<double>(x(n, first_channel + c, h, v)) * static_cast<double>(w(k, c, r, s));
            }
          }
        }
        const T value = static_cast<T>(sum + start);
        y(n, k, p, q) = relu ? functor::Relu{}(value) : value;
      }
    }
  });
}

// The output whose filter element lies `offset` elements after padding starts on position `at`, or -1.
int64_t output_at(int64_t at, int64_t offset, int64_t stride, int64_t outputs) {
  const int64_t distance = at - offset;
  if (distance < 0 || distance % stride != 0 || distance / stride >= outputs) return -1;
  return distance / stride;
}

template <class T>
void grad_input(const Conv2dGeometry& g, const View& gy_view, const View& w_view, const View& gx_view) {
  const Array4<const T> gy(gy_view);
  const Array4<const T> w(w_view);
  const Array4<T> gx(gx_view);
  parallel_for(g.N * g.C, [&](int64_t chunk) {
    const int64_t n = chunk / g.C;
    const int64_t c = chunk % g.C;
    const int64_t first_filter = c / g.channels_per_group() * g.filters_per_group();
    for (int64_t h = 0; h < g.H; ++h) {
      for (int64_t v = 0; v < g.W; ++v) {
        double sum = 0;
        for (int64_t r = 0; r < g.R; ++r) {
          const int64_t p = output_at(h + g.pad_top, r * g.dilation_h, g.stride_h, g.P);
          for (int64_t s = 0; s < g.S && p >= 0; ++s) {
            const int64_t q = output_at(v + g.pad_left, s * g.dilation_w, g.stride_w, g.Q);
            for (int64_t k = first_filter; q >= 0 && k < first_filter + g.filters_per_group(); ++k) {
              sum += static_cast<double>(gy(n, k, p, q)) *
                     static_cast<double>(w(k, c % g.channels_per_group(), r, s));
            }
          }
        }
        gx(n, c, h, v) = static_cast<T>(sum);
      }
    }
  });
}

template <class T>
void grad_weight(const Conv2dGeometry& g, const View& x_view, const View& gy_view, const View& gw_view) {
  const Array4<const T> x(x_view);
  const Array4<const T> gy(gy_view);
  const Array4<T> gw(gw_view);
  const int64_t channels = g.channels_per_group();
  parallel_for(g.K * channels, [&](int64_t chunk) {
    const int64_t k = chunk / channels;
    const int64_t c = chunk % channels;
    const int64_t channel = k / g.filters_per_group() * channels + c;
    for (int64_t r = 0; r < g.R; ++r) {
      for (int64_t s = 0; s < g.S; ++s) {
        double sum = 0;
        for (int64_t n = 0; n < g.N; ++n) {
          for (int64_t p = 0; p < g.P; ++p) {
            const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h;
            if (h < 0 || h >= g.H) continue;
            for (int64_t q = 0; q < g.Q; ++q) {
              const int64_t v = q * g.stride_w - g.pad_left + s * g.dilation_w;
              if (v < 0 || v >= g.W) continue;
              sum += static_cast<double>(x(n, channel, h, v)) * static_cast<double>(gy(n, k, p, q));
            }
          }
        }
        gw(k, c, r, s) = static_cast<T>(sum);
      }
    }
  });
}

}  // namespace

void conv2d(const Conv2dGeometry& geometry, const View& x, const View& w, const View& bias, const View& y,
            bool relu) {
  (y.dtype == DType::Float64 ? forward<double> : forward<float>)(geometry, x, w, bias, y, relu);
}

void conv2d_grad_input(const Conv2dGeometry& geometry, const View& gy, const View& w, const View& gx) {
  (gx.dtype == DType::Float64 ? grad_input<double> : grad_input<float>)(geometry, gy, w, gx);
}

void conv2d_grad_weight(const Conv2dGeometry& geometry, const View& x, const View& gy, const View& gw) {
  (gw.dtype == DType::Float64 ? grad_weight<double> : grad_weight<float>)(geometry, x, gy, gw);
}

}  // namespace linnet::cpu::conv_direct

// Batch normalisation. The elements of a channel are cut into parts by shape alone; a block takes one part,
// in a fixed order, and the parts are combined in order by one thread a channel: means and squares about them
// by the formula of Chan, Golub and LeVeque. Sums are in double. Results and gradients are elementwise, with
// coefficients that are worked out once for each channel.
//
// Where the channels of all operands are neighbours in memory, a block has 32 of them side by side, a row of
// threads for each element; elsewhere all threads work on one channel.
#include "core/backend_scratch.h"
#include "core/elements.h"
#include "core/vmath.h"
#include "cuda/backend.h"
#include "cuda/block_reduce.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

constexpr int64_t kPart = 2048;  // elements of one channel that a block combines
constexpr int kColumns = 32, kRows = 8;

/// A number for each channel; `data` is null where there is none.
template <class T>
struct Numbers {
  explicit Numbers(const View& view) : data(view.as<T>()), step(view.defined() ? view.strides[0] : 0) {}
  __device__ T& operator[](int64_t channel) const { return data[channel * step]; }
  T* data;
  int64_t step;
};

/// What is added up: the elements of each channel of N operands.
template <class T, int N>
struct Job {
  Job(const Shape& shape, const View (&operands)[N]) : channels(shape[1]) {
    Shape others = shape;
    others.erase(1);
    std::array<Strides, N> strides;
    for (int k = 0; k < N; ++k) {
      const auto operand = static_cast<size_t>(k);
      strides[operand] = operands[k].strides;
      strides[operand].erase(1);
      data[k] = operands[k].template as<const T>();
      channel_step[k] = operands[k].strides[1];
      neighbours = neighbours && channel_step[k] == 1 && channels > 1;
    }
    elements = strided_loop<N>(others, strides);
    parts = (elements.total + kPart - 1) / kPart;
  }
  dim3 block() const {
    return neighbours ? dim3(kColumns, kRows)
                      : dim3(1, cuda::block_reduce_threads(std::min(elements.total, kPart)));
  }
  unsigned blocks() const {
    const int64_t columns = neighbours ? kColumns : 1;
    return cuda::blocks_for((channels + columns - 1) / columns * parts, 1);
  }
  __device__ T value(int operand, int64_t channel, int64_t offset) const {
    return data[operand][channel * channel_step[operand] + offset];
  }

  StridedLoop<N> elements;
  const T* data[N];
  int64_t channel_step[N];
  int64_t channels, parts = 0;
  bool neighbours = true;
};

/// The channel of a column of threads and the part that they share.
struct Task {
  int64_t channel, part, begin, end;
  bool exists;
};
template <class T, int N>
__device__ Task task_of(const Job<T, N>& job, int64_t number) {
  const int64_t groups = (job.channels + blockDim.x - 1) / blockDim.x;
  const int64_t channel = number % groups * blockDim.x + threadIdx.x, part = number / groups;
  const int64_t end = (part + 1) * kPart;
  return {channel, part, part * kPart, end < job.elements.total ? end : job.elements.total,
          channel < job.channels};
}
template <class T, int N>
__device__ int64_t tasks_of(const Job<T, N>& job) {
  return (job.channels + blockDim.x - 1) / blockDim.x * job.parts;
}

/// The sum of the values of a column of threads, which each of them gets. `shared` has one element a thread;
/// starts with a barrier, so it may be used again.
__device__ double sum_of_column(double value, double* shared) {
  const unsigned at = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();
  shared[at] = value;
  for (unsigned height = blockDim.y / 2; height > 0; height /= 2) {
    __syncthreads();
    if (threadIdx.y < height) shared[at] += shared[at + height * blockDim.x];
  }
  __syncthreads();
  return shared[threadIdx.x];
}

/// Two numbers for each part of each channel: those of a part lie together.
struct Partial {
  double* data;
  int64_t channels;
  __device__ double& at(int64_t part, int64_t channel, int which) const {
    return data[(part * 2 + which) * channels + channel];
  }
};

/// Mean, and sum of squares about it, of each part. Operand: x.
template <class T>
__global__ void moments_kernel(Job<T, 1> job, Partial partial) {
  __shared__ double shared[cuda::kThreads];
  const int64_t tasks = tasks_of(job);
  for (int64_t number = blockIdx.x; number < tasks; number += gridDim.x) {
    const Task task = task_of(job, number);
    double sum = 0, squares = 0;
    for (int64_t i = task.begin + threadIdx.y; task.exists && i < task.end; i += blockDim.y) {
      sum += static_cast<double>(job.value(0, task.channel, cuda::offsets_of(job.elements, i).at[0]));
    }
    const double mean = sum_of_column(sum, shared) / static_cast<double>(task.end - task.begin);
    for (int64_t i = task.begin + threadIdx.y; task.exists && i < task.end; i += blockDim.y) {
      const T x = job.value(0, task.channel, cuda::offsets_of(job.elements, i).at[0]);
      const double away = static_cast<double>(x) - mean;
      squares += away * away;
    }
    squares = sum_of_column(squares, shared);
    if (task.exists && threadIdx.y == 0) {
      partial.at(task.part, task.channel, 0) = mean;
      partial.at(task.part, task.channel, 1) = squares;
    }
  }
}

/// Mean and variance of each channel of `total` elements, of its parts.
template <class T>
__global__ void finish_moments_kernel(int64_t total, int64_t parts, Partial partial, Numbers<T> mean,
                                      Numbers<T> variance) {
  for (int64_t c = cuda::thread_number(); c < partial.channels; c += cuda::thread_count()) {
    double average = partial.at(0, c, 0), squares = partial.at(0, c, 1);
    for (int64_t part = 1; part < parts; ++part) {
      const int64_t before = part * kPart, rest = total - before;
      const auto had = static_cast<double>(before), more = static_cast<double>(rest < kPart ? rest : kPart);
      const double delta = partial.at(part, c, 0) - average, share = more / (had + more);
      average += delta * share;
      squares += partial.at(part, c, 1) + delta * delta * (had * share);
    }
    mean[c] = static_cast<T>(average);
    variance[c] = static_cast<T>(squares / static_cast<double>(total));
  }
}

/// The sums of gy and of gy (x - mean) of each part. Operands: x, gy.
template <class T>
__global__ void gradient_sums_kernel(Job<T, 2> job, Numbers<const T> mean, Partial partial) {
  __shared__ double shared[cuda::kThreads];
  const int64_t tasks = tasks_of(job);
  for (int64_t number = blockIdx.x; number < tasks; number += gridDim.x) {
    const Task task = task_of(job, number);
    const double centre = task.exists ? static_cast<double>(mean[task.channel]) : 0;
    double sum = 0, product = 0;
    for (int64_t i = task.begin + threadIdx.y; task.exists && i < task.end; i += blockDim.y) {
      const cuda::Offsets<2> offset = cuda::offsets_of(job.elements, i);
      const auto x = static_cast<double>(job.value(0, task.channel, offset.at[0]));
      const auto gy = static_cast<double>(job.value(1, task.channel, offset.at[1]));
      sum += gy;
      product += gy * (x - centre);
    }
    sum = sum_of_column(sum, shared);
    product = sum_of_column(product, shared);
    if (task.exists && threadIdx.y == 0) {
      partial.at(task.part, task.channel, 0) = sum;
      partial.at(task.part, task.channel, 1) = product;
    }
  }
}

/// What is known of each channel.
template <class T>
struct Channels {
  explicit Channels(const BatchNormSpec& spec)
      : mean(spec.mean), variance(spec.variance), weight(spec.weight), bias(spec.bias), eps(spec.eps) {}
  __device__ double inverse_deviation(int64_t c) const {
    return 1 / vmath::sqrt(static_cast<double>(variance[c]) + eps);
  }
  __device__ double factor(int64_t c) const {
    return weight.data != nullptr ? inverse_deviation(c) * static_cast<double>(weight[c])
                                  : inverse_deviation(c);
  }
  Numbers<const T> mean, variance, weight, bias;
  double eps;
};

/// Of y = (x - centre) factor + bias.
template <class T>
struct Scaling {
  T centre, factor, bias;
};
/// Of gx = (gy - mean) factor - (x - centre) slope.
template <class T>
struct Slopes {
  T centre, factor, mean, slope;
};

/// Of the result; or, where mean and variance do not depend on x, of its gradient.
template <class T>
__global__ void scaling_kernel(Channels<T> by, bool gradient, int64_t channels, Scaling<T>* scaling) {
  for (int64_t c = cuda::thread_number(); c < channels; c += cuda::thread_count()) {
    const T bias = by.bias.data != nullptr ? by.bias[c] : T(0);
    scaling[c] = {gradient ? T(0) : by.mean[c], static_cast<T>(by.factor(c)), gradient ? T(0) : bias};
  }
}

/// The gradients by weight and bias, and the coefficients of that by x: each where it is wanted.
template <class T>
__global__ void finish_sums_kernel(int64_t total, int64_t parts, Partial partial, Channels<T> by,
                                   Numbers<T> weight, Numbers<T> bias, Slopes<T>* slopes) {
  const auto count = static_cast<double>(total);
  for (int64_t c = cuda::thread_number(); c < partial.channels; c += cuda::thread_count()) {
    double sum = 0, product = 0;
    for (int64_t part = 0; part < parts; ++part) {
      sum += partial.at(part, c, 0);
      product += partial.at(part, c, 1);
    }
    const double inverse = by.inverse_deviation(c), factor = by.factor(c);
    if (bias.data != nullptr) bias[c] = static_cast<T>(sum);
    if (weight.data != nullptr) weight[c] = static_cast<T>(product * inverse);
    if (slopes != nullptr) {
      slopes[c] = {by.mean[c], static_cast<T>(factor), static_cast<T>(sum / count),
                   static_cast<T>(factor * inverse * inverse * product / count)};
    }
  }
}

/// Operands: y, x, the channel's number.
template <class T>
__global__ void scale_kernel(StridedLoop<3> loop, const Scaling<T>* scaling, const T* x, T* y) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<3> offset = cuda::offsets_of(loop, i);
    const Scaling<T> by = scaling[offset.at[2]];
    y[offset.at[0]] = (x[offset.at[1]] - by.centre) * by.factor + by.bias;
  }
}

/// Operands: gx, x, gy, the channel's number.
template <class T>
__global__ void gradient_kernel(StridedLoop<4> loop, const Slopes<T>* slopes, const T* x, const T* gy,
                                T* gx) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<4> offset = cuda::offsets_of(loop, i);
    const Slopes<T> by = slopes[offset.at[3]];
    gx[offset.at[0]] = (gy[offset.at[2]] - by.mean) * by.factor - (x[offset.at[1]] - by.centre) * by.slope;
  }
}

/// Strides that lead to the channel's number.
Strides channel_number(const View& x) {
  Strides strides = Strides::filled(x.rank(), 0);
  strides[1] = 1;
  return strides;
}

/// Room for a struct of K elements of x's dtype for each channel.
template <class S>
S* for_channels(BackendScratch& scratch, const View& x) {
  return static_cast<S*>(
      scratch.make({x.shape[1], static_cast<int64_t>(sizeof(S) / size_of(x.dtype))}, x.dtype).data);
}
Partial partials(BackendScratch& scratch, int64_t parts, int64_t channels) {
  return {scratch.make({parts, 2, channels}, DType::Float64).as<double>(), channels};
}

template <class T>
void moments(CudaBackend& backend, const View& x, const View& mean, const View& variance) {
  BackendScratch scratch(backend);
  const Job<T, 1> job(x.shape, {x});
  const Partial partial = partials(scratch, job.parts, job.channels);
  cuda::launch(moments_kernel<T>, job.blocks(), job.block(), 0, backend.stream(), job, partial);
  cuda::launch(finish_moments_kernel<T>, cuda::blocks_for(job.channels), cuda::kThreads, 0, backend.stream(),
               job.elements.total, job.parts, partial, Numbers<T>(mean), Numbers<T>(variance));
}

/// y from x; or gx from gy.
template <class T>
void scale(CudaBackend& backend, const BatchNormSpec& spec, bool gradient, const View& x, const View& y) {
  BackendScratch scratch(backend);
  const int64_t channels = x.shape[1];
  auto* const scaling = for_channels<Scaling<T>>(scratch, x);
  cuda::launch(scaling_kernel<T>, cuda::blocks_for(channels), cuda::kThreads, 0, backend.stream(),
               Channels<T>(spec), gradient, channels, scaling);
  const auto loop = strided_loop<3>(x.shape, {y.strides, x.strides, channel_number(x)});
  cuda::launch(scale_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, backend.stream(), loop,
               scaling, x.as<const T>(), y.as<T>());
}

template <class T>
void gradients(CudaBackend& backend, const BatchNormSpec& spec, bool training, const View& x, const View& gy,
               const BatchNormGrads& grads) {
  if (!training && grads.x.defined()) scale<T>(backend, spec, true, gy, grads.x);
  const bool through_moments = training && grads.x.defined();
  if (!through_moments && !grads.weight.defined() && !grads.bias.defined()) return;
  BackendScratch scratch(backend);
  const Job<T, 2> job(x.shape, {x, gy});
  const Partial partial = partials(scratch, job.parts, job.channels);
  Slopes<T>* const slopes = through_moments ? for_channels<Slopes<T>>(scratch, x) : nullptr;
  cuda::launch(gradient_sums_kernel<T>, job.blocks(), job.block(), 0, backend.stream(), job,
               Numbers<const T>(spec.mean), partial);
  cuda::launch(finish_sums_kernel<T>, cuda::blocks_for(job.channels), cuda::kThreads, 0, backend.stream(),
               job.elements.total, job.parts, partial, Channels<T>(spec), Numbers<T>(grads.weight),
               Numbers<T>(grads.bias), slopes);
  if (!through_moments) return;
  const auto loop = strided_loop<4>(x.shape, {grads.x.strides, x.strides, gy.strides, channel_number(x)});
  cuda::launch(gradient_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, backend.stream(), loop,
               slopes, x.as<const T>(), gy.as<const T>(), grads.x.as<T>());
}

}  // namespace

void CudaBackend::batch_moments(const View& x, const View& mean, const View& variance) {
  const Call call(*this, "batch_moments");
  visit_floating(
      x.dtype, [&](auto element) { moments<typename decltype(element)::Stored>(*this, x, mean, variance); });
}

void CudaBackend::batch_norm(const BatchNormSpec& spec, const View& x, const View& y) {
  const Call call(*this, "batch_norm");
  visit_floating(x.dtype,
                 [&](auto element) { scale<typename decltype(element)::Stored>(*this, spec, false, x, y); });
}

void CudaBackend::batch_norm_grad(const BatchNormSpec& spec, bool training, const View& x, const View& gy,
                                  const BatchNormGrads& grads) {
  const Call call(*this, "batch_norm_grad");
  visit_floating(x.dtype, [&](auto element) {
    gradients<typename decltype(element)::Stored>(*this, spec, training, x, gy, grads);
  });
}

}  // namespace linnet

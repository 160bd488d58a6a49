#include "cpu/machine_peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <linnet/core/ndarray.h>
#include "core/operands.h"
#include "cpu/parallel.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/machine_peak.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Sums that do not wait for each other: two units that take four or five cycles are busy with ten.
constexpr int kChains = 12;

/// Does `steps` multiply-adds in each lane of each chain; returns how many that are, and leaves a result that
/// the compiler has to compute.
template <class T>
int64_t multiply_add(int64_t steps, double* result) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const auto half = hn::Set(d, T(0.5));
  hn::Vec<decltype(d)> sums[kChains];
  for (auto& sum : sums) sum = hn::Set(d, static_cast<T>(*result));
  for (int64_t step = 0; step < steps; ++step) {
    for (auto& sum : sums) sum = hn::MulAdd(sum, half, half);  // a loop of constant length: unrolled
  }
  for (int i = 1; i < kChains; ++i) sums[0] = hn::Add(sums[0], sums[i]);
  *result = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sums[0])));
  return steps * kChains * static_cast<int64_t>(hn::Lanes(d));
}

int64_t multiply_add_float(int64_t steps, double* result) {
  return multiply_add<float>(steps, result);
}
int64_t multiply_add_double(int64_t steps, double* result) {
  return multiply_add<double>(steps, result);
}

void relu_loop(int64_t n, const float* __restrict a, const float* /*b*/, float* __restrict c) {
  for (int64_t i = 0; i < n; ++i) c[i] = a[i] > 0 ? a[i] : 0;
}
void add_loop(int64_t n, const float* __restrict a, const float* __restrict b, float* __restrict c) {
  for (int64_t i = 0; i < n; ++i) c[i] = a[i] + b[i];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::cpu {
namespace {

HWY_EXPORT(multiply_add_float);
HWY_EXPORT(multiply_add_double);
HWY_EXPORT(relu_loop);
HWY_EXPORT(add_loop);

constexpr int64_t kSteps = 100'000;  // a millisecond or less
constexpr int64_t kRange = 1 << 20;  // elements that a thread takes at once

/// The least time of a run.
template <class Run>
double fastest(double seconds, const Run& run) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  double least = 0;
  Clock::time_point end;
  do {
    const auto start = Clock::now();
    run();
    end = Clock::now();
    const double taken = std::chrono::duration<double>(end - start).count();
    least = least == 0 ? taken : std::min(least, taken);
  } while (std::chrono::duration<double>(end - begin).count() < seconds);
  return least;
}

}  // namespace

double peak_flops(DType dtype, double seconds) {
  const auto run = dtype == DType::Float64 ? HWY_DYNAMIC_DISPATCH(multiply_add_double)
                                           : HWY_DYNAMIC_DISPATCH(multiply_add_float);
  std::vector<double> results(static_cast<size_t>(num_threads()), 1.0);
  std::vector<int64_t> counts(results.size());
  const double least = fastest(seconds, [&] {
    parallel_for(num_threads(), [&](int64_t chunk) {
      const auto i = static_cast<size_t>(chunk);
      counts[i] = run(kSteps, &results[i]);
    });
  });
  int64_t all = 0;
  for (const int64_t count : counts) all += count;
  return 2 * static_cast<double>(all) / least;
}

Bandwidth plain_bandwidth(int64_t elements, double seconds) {
  // In memory as operators get it: pages are as large.
  const Device cpu = device("cpu");
  const NDArray arrays[] = {NDArray::ones({elements}, DType::Float32, cpu),
                            NDArray::ones({elements}, DType::Float32, cpu),
                            NDArray::ones({elements}, DType::Float32, cpu)};
  const auto* a = arrays[0].read_view().as<const float>();
  const auto* b = arrays[1].read_view().as<const float>();
  auto* c = result_view(arrays[2]).as<float>();
  const auto rate = [&](auto loop, int64_t bytes) {
    const double least = fastest(seconds / 2, [&] {
      parallel_range(elements, kRange,
                     [&](int64_t begin, int64_t end) { loop(end - begin, a + begin, b + begin, c + begin); });
    });
    return static_cast<double>(bytes * elements) / least;
  };
  return {rate(HWY_DYNAMIC_DISPATCH(relu_loop), 8), rate(HWY_DYNAMIC_DISPATCH(add_loop), 12)};
}

}  // namespace linnet::cpu
#endif  // HWY_ONCE

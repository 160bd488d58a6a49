// The CPU's kernels alone, for work on one of them: bench_kernels --benchmark_filter=gemm. LINNET_THREADS
// says how many threads (1). Counters are operations or bytes a second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/cpu/gemm.h>
#include <linnet/cpu/threads.h>
#include "core/operands.h"
#include "cpu/gemm_kernel.h"
#include "cpu/machine_peak.h"

using namespace linnet;

namespace {

using benchmark::State;

void set_flops(State& state, double flops) {
  state.counters["flops"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}
void set_bytes(State& state, int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
}

// ---- matrix products

void gemm(State& state, GemmAlgorithm algorithm) {
  const int64_t M = state.range(0), K = state.range(1), N = state.range(2);
  const NDArray a = random_normal({M, K}), b = random_normal({K, N});
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b, algorithm));
  set_flops(state, 2.0 * static_cast<double>(M * K * N));
}
BENCHMARK_CAPTURE(gemm, blocked, GemmAlgorithm::Blocked)->Args({256, 256, 256});
BENCHMARK_CAPTURE(gemm, tuned, GemmAlgorithm::Tuned)
    ->ArgNames({"M", "K", "N"})
    ->Args({16, 16, 16})
    ->Args({64, 64, 64})
    ->Args({256, 256, 256})
    ->Args({1024, 1024, 1024})
    ->Args({9000, 72, 16})
    ->Args({128, 2048, 250})
    ->Args({1, 2048, 250})
    ->Args({2048, 250, 1});

// A tile by itself, over packed panels: twenty of A, which an L2 cache holds, and one of B. Beside it `peak`,
// of as many threads as LINNET_THREADS says, measured just before and just after.
void gemm_tile(State& state) {
  const auto& kernels = cpu::gemm_kernels<float>();
  const int64_t depth = state.range(0), rows = kernels.rows, columns = kernels.columns();
  constexpr int64_t kPanels = 20;
  const int64_t tap = 0;
  const NDArray a = random_normal({kPanels * rows * depth}), b = random_normal({columns * depth});
  const NDArray c = NDArray::zeros({kPanels * rows * columns});
  const double before = cpu::peak_flops(DType::Float32, 0.02);
  for (auto _ : state) {
    for (int64_t i = 0; i < kPanels; ++i) {
      cpu::GemmTile<float> t{};
      t.taps = 1;
      t.a_taps = t.b_taps = &tap;
      t.depth = depth;
      t.a = result_view(a).as<float>() + i * rows * depth;
      t.a_row = 1;
      t.a_step = rows;
      t.b = result_view(b).as<float>();
      t.b_step = t.c_row = t.c_count = columns;
      t.b_vector = t.c_vector = t.c_lanes = kernels.lanes;
      t.c = result_view(c).as<float>() + i * rows * columns;
      t.alpha = 1;
      kernels.tile[cpu::GemmKernels<float>::kMaxVectors - 1][rows - 1](t);
    }
    benchmark::ClobberMemory();
  }
  set_flops(state, 2.0 * static_cast<double>(kPanels * rows * columns * depth));
  state.counters["peak"] = std::max(before, cpu::peak_flops(DType::Float32, 0.02));
}
BENCHMARK(gemm_tile)->ArgName("depth")->Arg(64)->Arg(256);

void gemm_transposed(State& state) {
  const int64_t n = state.range(0);
  const NDArray a = random_normal({n, n}).transpose(0, 1), b = random_normal({n, n}).transpose(0, 1);
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b));
  set_flops(state, 2.0 * static_cast<double>(n * n * n));
}
BENCHMARK(gemm_transposed)->Arg(256)->Arg(1024);

void gemm_batched(State& state) {
  const int64_t n = state.range(0);
  const NDArray a = random_normal({64, n, n}), b = random_normal({64, n, n});
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b));
  set_flops(state, 128.0 * static_cast<double>(n * n * n));
}
BENCHMARK(gemm_batched)->Arg(16)->Arg(64);

// ---- convolutions: batch, channels, image, filters, kernel, stride

void conv_forward(State& state, MemoryOrder order) {
  Conv2dOptions options;
  options.stride = state.range(5);
  const NDArray x = random_normal({state.range(0), state.range(1), state.range(2), state.range(2)}).to(order);
  const NDArray w = random_normal({state.range(3), state.range(1), state.range(4), state.range(4)});
  for (auto _ : state) benchmark::DoNotOptimize(conv2d(x, w, options));
  const auto work = Conv2dGeometry::make(x.shape(), w.shape(), options).multiply_adds();
  set_flops(state, 2.0 * static_cast<double>(work));
}
void conv_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"N", "C", "H", "K", "R", "stride"})
      ->Args({10, 8, 32, 16, 3, 1})
      ->Args({128, 1, 28, 32, 2, 2})
      ->Args({128, 64, 8, 128, 2, 2})
      ->Args({8, 64, 28, 64, 3, 1})
      ->Args({8, 64, 28, 64, 1, 1});
}
BENCHMARK_CAPTURE(conv_forward, nchw, MemoryOrder::Contiguous)->Apply(conv_sizes);
BENCHMARK_CAPTURE(conv_forward, channels_last, MemoryOrder::ChannelsLast)->Apply(conv_sizes);

// ---- elementwise and reductions

using Unary = NDArray (*)(const NDArray&);

void unary(State& state, Unary function) {
  const NDArray x = random_uniform({state.range(0)}) + 0.5;
  for (auto _ : state) benchmark::DoNotOptimize(function(x));
  set_bytes(state, 8 * state.range(0));
}
#define LINNET_UNARY(name)                                                 \
  BENCHMARK_CAPTURE(unary, name, [](const NDArray& x) { return name(x); }) \
      ->Arg(1 << 10)                                                       \
      ->Arg(1 << 16)                                                       \
      ->Arg(1 << 22)
LINNET_UNARY(relu);
LINNET_UNARY(exp);
LINNET_UNARY(log);
LINNET_UNARY(tanh);
LINNET_UNARY(sigmoid);
#undef LINNET_UNARY

void add_rows(State& state) {  // a broadcast operand
  const NDArray x = random_normal({state.range(0), 256}), row = random_normal({256});
  for (auto _ : state) benchmark::DoNotOptimize(x + row);
  set_bytes(state, 8 * x.numel());
}
BENCHMARK(add_rows)->Arg(16)->Arg(4096);

void add_transposed(State& state) {
  const NDArray x = random_normal({state.range(0), state.range(0)});
  const NDArray y = random_normal({state.range(0), state.range(0)}).transpose(0, 1);
  for (auto _ : state) benchmark::DoNotOptimize(x + y);
  set_bytes(state, 12 * x.numel());
}
BENCHMARK(add_transposed)->Arg(1024);

void sum_over(State& state, Dims dims) {
  const NDArray x = random_normal({128, 64, 256});
  for (auto _ : state) benchmark::DoNotOptimize(sum(x, dims));
  set_bytes(state, 4 * x.numel());
}
BENCHMARK_CAPTURE(sum_over, all, Dims{0, 1, 2});
BENCHMARK_CAPTURE(sum_over, first, Dims{0});
BENCHMARK_CAPTURE(sum_over, last, Dims{2});
BENCHMARK_CAPTURE(sum_over, outer, Dims{0, 2});

void softmax_rows(State& state) {
  const NDArray x = random_normal({4096, state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(softmax(x, 1));
  set_bytes(state, 8 * x.numel());
}
BENCHMARK(softmax_rows)->Arg(10)->Arg(1000);

void max_pool(State& state) {
  const NDArray x = random_normal({32, 64, 32, 32});
  for (auto _ : state) benchmark::DoNotOptimize(max_pool2d(x, {.kernel = 2}));
  set_bytes(state, 5 * x.numel());
}
BENCHMARK(max_pool);

}  // namespace

int main(int argc, char** argv) {
  const char* threads = std::getenv("LINNET_THREADS");
  set_num_threads(threads != nullptr ? std::stoi(threads) : 1);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

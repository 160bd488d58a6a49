// bench_onednn: the matrix products and convolutions by oneDNN and OpenBLAS, for bench/compare.py --peer.
// Convolutions are oneDNN's direct ones, in the order of memory it likes best (blocked), and in NCHW and
// channels-last; filters lie in the order of its choice, and reordering is not timed.
#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>

#include <fmt/format.h>

#include <linnet/cpu/threads.h>
#include "bench/shapes.h"
#include "bench/workloads.h"

namespace linnet::bench {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

void fill(float* values, size_t count) {
  static std::minstd_rand random(1);
  std::uniform_real_distribution<float> between(-1, 1);
  std::generate_n(values, count, [&] { return between(random); });
}

std::vector<float> matrix(int64_t rows, int64_t columns) {
  std::vector<float> values(static_cast<size_t>(rows * columns));
  fill(values.data(), values.size());
  return values;
}

Workload gemm(const Gemm& g) {
  return {g.name(), [=](const Timer& timer) {
            const std::vector<float> a = matrix(g.M, g.K), b = matrix(g.K, g.N);
            std::vector<float> c = matrix(g.M, g.N);
            const auto M = static_cast<int>(g.M), K = static_cast<int>(g.K), N = static_cast<int>(g.N);
            timer("openblas", {g.flops(), 0, {}}, [&] {
              cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, N, K, 1, a.data(), K, b.data(), N, 0,
                          c.data(), N);
            });
            timer("onednn", {g.flops(), 0, {}},
                  [&] { dnnl_sgemm('N', 'N', M, N, K, 1, a.data(), K, b.data(), N, 0, c.data(), N); });
          }};
}

/// A primitive and its arguments, ready to run.
struct Prepared {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;

  void run() const {
    static dnnl::stream stream(cpu_engine());
    primitive.execute(stream, arguments);
    stream.wait();
  }
};

template <class Primitive>
Prepared prepare(const typename Primitive::primitive_desc& chosen,
                 const std::vector<std::pair<int, memory::desc>>& arguments) {
  Prepared prepared{Primitive(chosen), {}};
  for (const auto& [which, desc] : arguments) {
    const memory operand(desc, cpu_engine());
    fill(static_cast<float*>(operand.get_data_handle()), desc.get_size() / sizeof(float));
    prepared.arguments.emplace(which, operand);
  }
  return prepared;
}

memory::desc operand(const memory::dims& dims, Tag tag) {
  return {dims, memory::data_type::f32, tag};
}

/// Source and result lie in the order `tag` says. Throws dnnl::error where oneDNN has no such convolution.
Prepared convolution(const Conv& c, const std::string& pass, Tag tag) {
  const Conv2dGeometry g = c.geometry();
  const memory::desc x = operand({c.batch, c.channels, c.height, c.width}, tag);
  const memory::desc y = operand({c.batch, c.filters, g.P, g.Q}, tag);
  memory::dims filters{c.filters, c.channels / c.groups, c.kernel, c.kernel};
  if (c.groups > 1) {
    filters = {c.groups, c.filters / c.groups, c.channels / c.groups, c.kernel, c.kernel};
  }
  const memory::desc w = operand(filters, Tag::any), bias = operand({c.filters}, Tag::x);
  const memory::dims stride{c.stride, c.stride}, padding{c.padding, c.padding};
  constexpr auto kDirect = algorithm::convolution_direct;
  const auto kind = pass == "fwd" ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
  const dnnl::convolution_forward::primitive_desc forward(
      {kind, kDirect, x, w, bias, y, stride, padding, padding}, cpu_engine());
  if (pass == "fwd") {
    return prepare<dnnl::convolution_forward>(forward, {{DNNL_ARG_SRC, forward.src_desc()},
                                                        {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                                                        {DNNL_ARG_BIAS, forward.bias_desc()},
                                                        {DNNL_ARG_DST, forward.dst_desc()}});
  }
  if (pass == "grad_input") {
    const dnnl::convolution_backward_data::primitive_desc chosen({kDirect, x, w, y, stride, padding, padding},
                                                                 cpu_engine(), forward);
    return prepare<dnnl::convolution_backward_data>(chosen, {{DNNL_ARG_DIFF_DST, chosen.diff_dst_desc()},
                                                             {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
                                                             {DNNL_ARG_DIFF_SRC, chosen.diff_src_desc()}});
  }
  const dnnl::convolution_backward_weights::primitive_desc chosen(
      {kDirect, x, w, y, stride, padding, padding}, cpu_engine(), forward);
  return prepare<dnnl::convolution_backward_weights>(chosen,
                                                     {{DNNL_ARG_SRC, chosen.src_desc()},
                                                      {DNNL_ARG_DIFF_DST, chosen.diff_dst_desc()},
                                                      {DNNL_ARG_DIFF_WEIGHTS, chosen.diff_weights_desc()}});
}

Workload conv(const Conv& c, const std::string& pass) {
  return {fmt::format("conv/{}/{}", c.name, pass), [=](const Timer& timer) {
            for (const auto& [variant, tag] :
                 {std::pair{"blocked", Tag::any}, {"nchw", Tag::nchw}, {"channels_last", Tag::nhwc}}) {
              std::optional<Prepared> prepared;
              try {
                prepared = convolution(c, pass, tag);
              } catch (const dnnl::error&) {
                continue;  // it has none of that kind
              }
              timer(variant, {c.flops(), 0, {}}, [&] { prepared->run(); });
            }
          }};
}

}  // namespace

std::string library() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}, operands in the order it likes best, reordering not timed, and {}",
                     version->major, version->minor, version->patch, openblas_get_config());
}

std::vector<Workload> workloads(const std::vector<ConvAlgorithm>& /*algorithms*/) {
  omp_set_num_threads(num_threads());
  openblas_set_num_threads(num_threads());
  std::vector<Workload> all;
  for (const Gemm& each : gemms()) all.push_back(gemm(each));
  for (const Conv& each : convs()) {
    for (const char* pass : {"fwd", "grad_input", "grad_weight"}) all.push_back(conv(each, pass));
  }
  return all;
}

}  // namespace linnet::bench

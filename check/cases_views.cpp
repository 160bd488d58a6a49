// Cases of Tensor's views, copies and conversions: each rearranges elements, so a reference says where
// element `index` of the result comes from.
#include <algorithm>
#include <cmath>

#include <linnet/autograd/ops.h>
#include "check/cases.h"
#include "check/draw.h"
#include "check/reference.h"

namespace linnet::checks {
namespace {

const std::vector<DType> kAll = {DType::Float32, DType::Float64, DType::Int32,
                                 DType::Int64,   DType::UInt8,   DType::Bool};

using Run = std::function<Tensor(const Tensor&)>;
using Source = std::function<Dims(const Dims& index)>;

void add(OpCases& cases, const char* op, const std::string& about, const Shape& from, const Shape& to,
         const Run& run, const Source& source) {
  cases.push_back({op,
                   about,
                   {input(from, whole(0, 1))},
                   [run](const Tensors& in) { return run(in[0]); },
                   [to, source](const std::vector<Values>& in) {
                     return build(to, [&](const Dims& index) { return element(in[0], source(index)); });
                   },
                   1,
                   kAll});
}

/// The same elements in the same order under another shape.
void add_reshaping(OpCases& cases, const char* op, const std::string& about, const Shape& from,
                   const Shape& to, const Run& run) {
  cases.push_back({op,
                   about,
                   {input(from, whole(0, 1))},
                   [run](const Tensors& in) { return run(in[0]); },
                   [to](const std::vector<Values>& in) {
                     return Values{to, in[0].at};
                   },
                   1,
                   kAll});
}

void add_reordering(OpCases& cases) {
  add(
      cases, "permute", "3-d", {2, 3, 4}, {4, 2, 3},
      [](const Tensor& x) {
        return x.permute({2, 0, 1});
      },
      [](const Dims& i) {
        return Dims{i[1], i[2], i[0]};
      });
  add(
      cases, "permute", "negative dimensions", {2, 3, 4}, {4, 2, 3},
      [](const Tensor& x) {
        return x.permute({-1, 0, -2});
      },
      [](const Dims& i) {
        return Dims{i[1], i[2], i[0]};
      });
  add(
      cases, "permute", "0-d", {}, {}, [](const Tensor& x) { return x.permute({}); },
      [](const Dims& i) { return i; });
  add(
      cases, "transpose", "outer dimensions", {2, 3, 4}, {4, 3, 2},
      [](const Tensor& x) { return x.transpose(0, -1); },
      [](const Dims& i) {
        return Dims{i[2], i[1], i[0]};
      });
  add(
      cases, "transpose", "with itself", {2, 3}, {2, 3}, [](const Tensor& x) { return x.transpose(1, 1); },
      [](const Dims& i) { return i; });
  add(
      cases, "slice", "steps that leave a remainder", {3, 8}, {3, 3},
      [](const Tensor& x) { return x.slice(1, 1, 8, 3); },
      [](const Dims& i) {
        return Dims{i[0], 1 + 3 * i[1]};
      });
  add(
      cases, "slice", "from the end", {5, 2}, {2, 2}, [](const Tensor& x) { return x.slice(-2, -3, -1); },
      [](const Dims& i) {
        return Dims{2 + i[0], i[1]};
      });
  add(
      cases, "slice", "clipped", {5, 2}, {3, 2}, [](const Tensor& x) { return x.slice(0, 2, 99); },
      [](const Dims& i) {
        return Dims{2 + i[0], i[1]};
      });
  add(
      cases, "slice", "nothing", {5, 2}, {0, 2}, [](const Tensor& x) { return x.slice(0, 3, 3); },
      [](const Dims& i) { return i; });
  add(
      cases, "select", "middle", {2, 3, 4}, {2, 4}, [](const Tensor& x) { return x.select(1, 2); },
      [](const Dims& i) {
        return Dims{i[0], 2, i[1]};
      });
  add(
      cases, "select", "from the end", {5}, {}, [](const Tensor& x) { return x.select(-1, -2); },
      [](const Dims&) { return Dims{3}; });
  add(
      cases, "broadcast_to", "new and stretched dimensions", {3, 1}, {2, 3, 4},
      [](const Tensor& x) {
        return x.broadcast_to({2, 3, 4});
      },
      [](const Dims& i) {
        return Dims{i[1], 0};
      });
  add(
      cases, "broadcast_to", "0-d", {}, {2, 2},
      [](const Tensor& x) {
        return x.broadcast_to({2, 2});
      },
      [](const Dims&) { return Dims{}; });
  add(
      cases, "broadcast_to", "the same shape", {2, 3}, {2, 3},
      [](const Tensor& x) {
        return x.broadcast_to({2, 3});
      },
      [](const Dims& i) { return i; });
  add(
      cases, "broadcast_to", "to nothing", {1, 3}, {0, 3},
      [](const Tensor& x) {
        return x.broadcast_to({0, 3});
      },
      [](const Dims& i) { return i; });
}

void add_reshapings(OpCases& cases) {
  add_reshaping(cases, "squeeze", "all", {1, 3, 1, 2}, {3, 2}, [](const Tensor& x) { return x.squeeze(); });
  add_reshaping(cases, "squeeze", "one", {1, 3, 1, 2}, {1, 3, 2},
                [](const Tensor& x) { return x.squeeze(-2); });
  add_reshaping(cases, "expand_dims", "front", {3, 2}, {1, 3, 2},
                [](const Tensor& x) { return x.expand_dims(0); });
  add_reshaping(cases, "expand_dims", "back", {3, 2}, {3, 2, 1},
                [](const Tensor& x) { return x.expand_dims(-1); });
  add_reshaping(cases, "reshape", "inferred extent", {4, 6}, {2, 3, 4}, [](const Tensor& x) {
    return x.reshape({2, -1, 4});
  });
  add_reshaping(cases, "reshape", "to 0-d", {1, 1}, {}, [](const Tensor& x) { return x.reshape({}); });
  add_reshaping(cases, "reshape", "nothing", {0, 3}, {3, 0}, [](const Tensor& x) {
    return x.reshape({3, 0});
  });
  add_reshaping(cases, "flatten", "all but the first", {2, 3, 4, 2}, {2, 24},
                [](const Tensor& x) { return x.flatten(1); });
  add_reshaping(cases, "flatten", "middle", {2, 3, 4, 2}, {2, 12, 2},
                [](const Tensor& x) { return x.flatten(1, -2); });
  add_reshaping(cases, "flatten", "0-d", {}, {1}, [](const Tensor& x) { return x.flatten(); });
  add_reshaping(cases, "contiguous", "as it is", {2, 3}, {2, 3},
                [](const Tensor& x) { return x.contiguous(); });
  add(
      cases, "contiguous", "a transpose", {3, 5}, {5, 3},
      [](const Tensor& x) {
        return x.permute({1, 0}).contiguous();
      },
      [](const Dims& i) {
        return Dims{i[1], i[0]};
      });
  add(
      cases, "contiguous", "a large transpose", {203, 211}, {211, 203},
      [](const Tensor& x) {
        return x.permute({1, 0}).contiguous();
      },
      [](const Dims& i) {
        return Dims{i[1], i[0]};
      });
  add_reshaping(cases, "to", "channels last", {2, 3, 4, 5}, {2, 3, 4, 5},
                [](const Tensor& x) { return x.to(MemoryOrder::ChannelsLast); });
  add_reshaping(cases, "to", "rows last", {2, 3, 4, 5}, {2, 3, 4, 5},
                [](const Tensor& x) { return x.to(MemoryOrder::ChannelsLast).to(MemoryOrder::Contiguous); });
  add_reshaping(cases, "to", "the same device", {2, 3}, {2, 3},
                [](const Tensor& x) { return x.to(x.device()); });
  add_reshaping(cases, "to", "float64 and back", {3, 5}, {3, 5},
                [](const Tensor& x) { return x.to(DType::Float64).to(x.dtype()); });
}

void add_conversions(OpCases& cases) {
  const auto add_conversion = [&](const char* about, DType target, const Draw& draw,
                                  double (*convert)(double)) {
    cases.push_back({"to",
                     about,
                     {constant({4, 9}, draw)},
                     [target](const Tensors& in) { return in[0].to(target); },
                     [convert](const std::vector<Values>& in) { return map(in[0], convert); }});
  };
  add_conversion("int32 from floating", DType::Int32, uniform(-9, 9),
                 [](double x) { return static_cast<double>(static_cast<int32_t>(x)); });
  add_conversion("uint8 from floating", DType::UInt8, uniform(0, 255),
                 [](double x) { return static_cast<double>(static_cast<uint8_t>(x)); });
  add_conversion("int32 from beyond its range", DType::Int32, numbers({1e12, -1e12, std::nan(""), -3.75}),
                 [](double x) { return std::isnan(x) ? 0 : std::trunc(std::clamp(x, -0x1p31, 0x1p31 - 1)); });
  add_conversion("bool from floating", DType::Bool, numbers({0, 0.5, -3, 0}),
                 [](double x) { return x != 0 ? 1.0 : 0.0; });
  add_conversion("float32", DType::Float32, uniform(), [](double x) { return x; });
}

}  // namespace

OpCases view_cases() {
  OpCases cases;
  add_reordering(cases);
  add_reshapings(cases);
  add_conversions(cases);
  return cases;
}

}  // namespace linnet::checks

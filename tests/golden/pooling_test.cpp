// Pooling and upsampling with their options against PyTorch: result, indices, gradient, and the gradient's
// gradient by the upstream gradient.
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include "tests/golden/golden.h"

namespace linnet::golden {
namespace {

Size2 size_of(const nlohmann::json& row, const char* name, Size2 otherwise) {
  return row.contains(name) ? Size2(row[name][0], row[name][1]) : otherwise;
}

Pool2dOptions window_options(const nlohmann::json& row) {
  return {.kernel = size_of(row, "kernel", 0),
          .stride = size_of(row, "stride", 0),
          .padding = size_of(row, "padding", 0),
          .dilation = size_of(row, "dilation", 1),
          .ceil_mode = row.value("ceil_mode", false),
          .count_include_pad = row.value("count_include_pad", true),
          .divisor_override = row.value("divisor_override", 0)};
}

UpsampleOptions upsample_options(const nlohmann::json& row) {
  UpsampleOptions options{.size = size_of(row, "size", 0)};
  if (row.contains("scale_factor")) options.scale_factor = {row["scale_factor"][0], row["scale_factor"][1]};
  if (row["mode"] == "bilinear") options.mode = UpsampleMode::Bilinear;
  options.align_corners = row["align_corners"];
  return options;
}

/// The result, and the indices of a maximum.
Extremes<Tensor> pool(const nlohmann::json& row, const Tensor& x) {
  const std::string op = row["op"];
  if (op == "max_pool2d") return max_pool2d_with_indices(x, window_options(row));
  if (op == "avg_pool2d") return {avg_pool2d(x, window_options(row)), {}};
  if (op == "adaptive_max_pool2d") return adaptive_max_pool2d_with_indices(x, size_of(row, "output", 0));
  if (op == "adaptive_avg_pool2d") return {adaptive_avg_pool2d(x, size_of(row, "output", 0)), {}};
  if (op == "upsample") return {upsample(x, upsample_options(row)), {}};
  throw Error("golden", "no operator '" + op + "'");
}

void expect_pooling(DType dtype, double tolerance, MemoryOrder order) {
  const File file("pooling.safetensors");
  ASSERT_EQ(file.cases.size(), 56U);
  for (size_t i = 0; i < file.cases.size(); ++i) {
    const nlohmann::json& row = file.cases[i];
    const std::string name = std::to_string(i) + "/";
    const Shape shape = shape_of(row["shape"]);
    const Tensor x = Tensor(draw(1, shape, dtype).to(order)).requires_grad_();
    const auto [y, indices] = pool(row, x);
    expect_close(y.data(), file.at(name + "y"), tolerance, row.dump() + " result");
    if (indices.defined()) {
      EXPECT_EQ(indices.to_vector<int64_t>(), file.at(name + "indices").to_vector<int64_t>()) << row.dump();
    }
    const Tensor gy = Tensor(draw(2, y.shape(), dtype)).requires_grad_();
    const Tensor gx = autograd::grad(sum(y * gy), {x}, {.create_graph = true})[0];
    expect_close(gx.data(), file.at(name + "gx"), tolerance, row.dump() + " gradient");
    const Tensor ggy = autograd::grad(sum(gx * Tensor(draw(3, shape, dtype))), {gy})[0];
    expect_close(ggy.data(), file.at(name + "ggy"), tolerance, row.dump() + " second gradient");
  }
}

TEST(GoldenPooling, Float64) {
  expect_pooling(DType::Float64, 1e-14, MemoryOrder::Contiguous);
}
TEST(GoldenPooling, Float32) {
  expect_pooling(DType::Float32, 2e-6, MemoryOrder::Contiguous);
}
TEST(GoldenPooling, ChannelsLast) {
  expect_pooling(DType::Float64, 1e-14, MemoryOrder::ChannelsLast);
}

}  // namespace
}  // namespace linnet::golden

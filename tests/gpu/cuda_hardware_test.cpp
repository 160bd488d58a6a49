// What the emulation cannot promise of a GPU: that its arithmetic draws the same bits as the CPU's, that a
// training step has the same bits each time, and that float32 products are not rounded to TF32. Skipped
// unless the device "cuda" is a real GPU.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/autograd/ops.h>
#include <linnet/core/random.h>
#include <linnet/nn/models.h>
#include <linnet/nn/optim.h>
#include "core/elements.h"

namespace linnet {
namespace {

/// Why hardware cannot be tested here; empty where it can.
std::string why_no_gpu() {
  for (const DeviceStatus& status : devices()) {
    if (status.name.rfind("cuda", 0) != 0) continue;
    if (!status.available) return status.problem;
    for (const auto& [name, text] : status.facts) {
      if (name == "name" && text.find("emulated") != std::string::npos) {
        return "needs an NVIDIA GPU; " + status.name + " is " + text;
      }
    }
    return "";
  }
  return "needs an NVIDIA GPU; there is no device 'cuda'";
}

class CudaHardware : public testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = why_no_gpu();
    if (!reason.empty()) GTEST_SKIP() << reason;
    cuda_ = device("cuda");
  }
  void TearDown() override { manual_seed(0); }
  Device cuda_;
};

// ---- random draws

/// The elements as they are in memory.
std::vector<uint8_t> bytes_of(const NDArray& array) {
  std::vector<uint8_t> bytes;
  visit_dtype(array.dtype(), [&](auto element) {
    using T = typename decltype(element)::Stored;
    if constexpr (std::is_same_v<T, bool>) {
      for (const bool value : array.to_vector<bool>()) bytes.push_back(value ? 1 : 0);
    } else {
      const std::vector<T> values = array.to_vector<T>();
      bytes.resize(values.size() * sizeof(T));
      if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    }
  });
  return bytes;
}

struct Start {
  uint64_t seed, stream, position;
};

/// A block's number is a 64-bit counter: carries into its upper word, past the sign and around its end.
std::vector<Start> starts() {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return {{0, 0, 0},
          {7, 0, (uint64_t{1} << 32) - 100},
          {7, 3, (uint64_t{1} << 63) - 100},
          {kMost, kMost, kMost - 100}};
}

/// draw(device) on both, from every start.
template <class Draw>
void expect_same_bits(Device cuda, const std::string& what, const Draw& draw) {
  for (const Start& start : starts()) {
    std::vector<uint8_t> drawn[2];
    uint64_t position[2] = {0, 0};
    const Device both[2] = {device("cpu"), cuda};
    for (int i = 0; i < 2; ++i) {
      default_generator() = Generator(start.seed, start.stream);
      default_generator().set_position(start.position);
      drawn[i] = bytes_of(draw(both[i]));
      position[i] = default_generator().position();
    }
    ASSERT_EQ(drawn[0].size(), drawn[1].size());
    size_t different = 0, first = 0;
    for (size_t k = drawn[0].size(); k-- > 0;) {
      if (drawn[0][k] == drawn[1][k]) continue;
      ++different;
      first = k;
    }
    EXPECT_EQ(different, 0U) << what << " from block " << start.position << " of seed " << start.seed
                             << ": the first byte that differs is " << first;
    EXPECT_EQ(position[0], position[1]) << what;
  }
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {{1}, {7, 9}, {1000003}};
  return all;
}

TEST_F(CudaHardware, UniformAndNormalDrawsAreTheBitsOfTheCpu) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const Shape& shape : shapes()) {
      expect_same_bits(cuda_, std::string("uniform ") + name(dtype),
                       [&](Device device) { return random_uniform(shape, dtype, device); });
      expect_same_bits(cuda_, std::string("normal ") + name(dtype),
                       [&](Device device) { return random_normal(shape, dtype, device); });
    }
  }
}

TEST_F(CudaHardware, IntegersAreTheBitsOfTheCpu) {
  struct Range {
    DType dtype;
    int64_t low, high;
  };
  constexpr auto kLeast = std::numeric_limits<int64_t>::min(), kMost = std::numeric_limits<int64_t>::max();
  for (const Range& range :
       {Range{DType::Int64, kLeast, kMost}, Range{DType::Int64, 0, 10}, Range{DType::Int32, -5, 1 << 30},
        Range{DType::UInt8, 0, 256}, Range{DType::Bool, 0, 2}, Range{DType::Float32, -100, 100},
        Range{DType::Float64, 0, int64_t{1} << 50}}) {
    for (const Shape& shape : shapes()) {
      expect_same_bits(cuda_, std::string("integers ") + name(range.dtype), [&](Device device) {
        return random_integers(range.low, range.high, shape, range.dtype, device);
      });
    }
  }
}

// ---- determinism

/// Bits of all weights, and the losses, after a few steps of training.
std::vector<uint8_t> trained(Device device, const std::string& rule) {
  constexpr int64_t kBatch = 128;
  manual_seed(3);
  const std::unique_ptr<nn::Module> model = nn::make_model("simple-cnn");
  model->to(device);
  const NDArray images = random_uniform({kBatch, 1, 28, 28}, DType::Float32, device);
  const NDArray labels = random_integers(0, 10, {kBatch}, DType::Int64, device);
  std::unique_ptr<optim::Optimizer> optimizer;
  if (rule == "adam") {
    optimizer = std::make_unique<optim::Adam>(model->parameters(), optim::AdamOptions{.lr = 1e-3});
  } else {
    optimizer =
        std::make_unique<optim::SGD>(model->parameters(), optim::SGDOptions{.lr = 0.05, .momentum = 0.9});
  }
  std::vector<uint8_t> bits;
  const auto keep = [&](const NDArray& array) {
    const std::vector<uint8_t> bytes = bytes_of(array);
    bits.insert(bits.end(), bytes.begin(), bytes.end());
  };
  for (int step = 0; step < 5; ++step) {
    optimizer->zero_grad();
    const Tensor loss = cross_entropy((*model)(images), labels);
    loss.backward();
    optimizer->step();
    keep(loss.data());
  }
  for (const Tensor& parameter : model->parameters()) keep(parameter.data());
  return bits;
}

TEST_F(CudaHardware, TrainingHasTheSameBitsEachTime) {
  for (const std::string rule : {"adam", "sgd"}) {
    const std::vector<uint8_t> first = trained(cuda_, rule);
    EXPECT_EQ(first, trained(cuda_, rule)) << rule;
    // Again where arrays come to lie elsewhere, and their memory holds something else.
    cuda_.trim_memory();
    const NDArray elsewhere = random_normal({3000001}, DType::Float32, cuda_);
    EXPECT_EQ(first, trained(cuda_, rule)) << rule << ", in other memory";
  }
}

// ---- float32 means float32

/// The values with the 10 bits of significand that TF32 keeps.
NDArray rounded_to_tf32(const NDArray& x) {
  std::vector<float> values = x.to_vector<float>();
  for (float& value : values) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x1000U) & ~uint32_t{0x1FFF};
    std::memcpy(&value, &bits, sizeof bits);
  }
  return NDArray::from_data(values, x.shape());
}

/// |actual - expected| / |expected|, as vectors.
double relative_error(const NDArray& actual, const NDArray& expected) {
  const auto a = actual.to(DType::Float64).to_vector<double>();
  const auto b = expected.to(DType::Float64).to_vector<double>();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

NDArray exact_product(const NDArray& a, const NDArray& b) {
  return matmul(a.to(DType::Float64), b.to(DType::Float64));
}

/// Sums of 4096 products, one after the other, are 1e-6 off at the most, in float32; with operands of TF32
/// 3e-4. The bound lies between.
constexpr double kFloat32Error = 1e-5;

TEST_F(CudaHardware, ProductsOfFloat32AreNotRoundedToTf32) {
  constexpr int64_t kTerms = 4096;
  manual_seed(11);
  for (const auto& [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{128, 256}, {1, 64}}) {
    const NDArray a = random_normal({rows, kTerms}), b = random_normal({kTerms, columns});
    const NDArray expected = exact_product(a, b);
    const double of_tf32 = relative_error(exact_product(rounded_to_tf32(a), rounded_to_tf32(b)), expected);
    EXPECT_GT(of_tf32, 10 * kFloat32Error) << "the measure would not show TF32";
    const NDArray product = matmul(a.to(cuda_), b.to(cuda_));
    EXPECT_LT(relative_error(product.to(device("cpu")), expected), kFloat32Error);
    const NDArray by_columns = matmul(a.to(cuda_), b.transpose(0, 1).contiguous().to(cuda_).transpose(0, 1));
    EXPECT_LT(relative_error(by_columns.to(device("cpu")), expected), kFloat32Error);
  }
}

TEST_F(CudaHardware, ConvolutionsOfFloat32AreNotRoundedToTf32) {
  manual_seed(12);
  const NDArray x = random_normal({4, 256, 9, 9}), w = random_normal({32, 256, 4, 4});  // 4096 terms each
  const NDArray expected = conv2d(x.to(DType::Float64), w.to(DType::Float64), NDArray(), {.stride = 2});
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Auto, ConvAlgorithm::Direct, ConvAlgorithm::Im2col}) {
    const NDArray y = conv2d(x.to(cuda_), w.to(cuda_), NDArray(), {.stride = 2, .algorithm = algorithm});
    EXPECT_LT(relative_error(y.to(device("cpu")), expected), kFloat32Error) << name(algorithm);
  }
}

}  // namespace
}  // namespace linnet

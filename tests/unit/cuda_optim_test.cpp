// The optimisers' steps on the GPU beside the CPU's where a parameter, its gradient and its state each lie
// otherwise in memory. Tolerance of an element: a few roundings of each of a few steps.
#include <utility>

#include "cpu/backend.h"
#include "tests/unit/cuda_conv_arrays.h"

namespace linnet::test {
namespace {

using CudaOptim = CudaTest;

constexpr int64_t kSteps = 3;
const Shape kShape{5, 7};
const std::vector<Placement> kOrders = {{}, {{1, 0}, 1, 0}, {{0, 1}, 1, 3}, {{0, 1}, 2, 1}};

/// The arrays on both devices. Second moments are not negative, so no array is.
template <class T>
struct Both {
  Both(const Placement& placement, uint32_t seed) : host(positive(placement, seed)), device(host) {}
  static Array<T> positive(const Placement& placement, uint32_t seed) {
    Array<T> array = Array<T>(kShape, placement, kPoison<T>).randomize(seed);
    array.for_each([](T& value) { value = std::abs(value); });
    return array;
  }
  void expect_equal(const char* what) {
    SCOPED_TRACE(what);
    Array<T> found = device.back();
    for (int64_t i = 0; i < kShape[0]; ++i) {
      for (int64_t j = 0; j < kShape[1]; ++j) EXPECT_NEAR(found(i, j), host(i, j), 50 * epsilon<T>());
    }
    const auto same = [](T x, T y) { return std::isnan(x) == std::isnan(y); };
    EXPECT_TRUE(std::equal(found.memory().begin(), found.memory().end(), host.memory().begin(), same))
        << "gaps written to";
  }
  Array<T> host;
  OnDevice<T> device;
};

/// Calls f(backend, whether it is the GPU's, lr, step) for kSteps steps on the CPU and on the GPU.
template <class F>
void take_steps(const F& f) {
  Array<double> lr({}, {}, 0.1);
  for (int64_t n = 1; n <= kSteps; ++n) {
    Array<int64_t> step({}, {}, n);
    const OnDevice<double> lr_there(lr);
    const OnDevice<int64_t> step_there(step);
    f(cpu_backend(), false, lr.view(), step.view());
    f(backend(), true, lr_there.view(), step_there.view());
  }
}

/// Every array in every order, each other than its neighbour at least once.
template <class F>
void for_every_order(const F& f) {
  for (size_t i = 0; i < kOrders.size(); ++i) {
    for (size_t j = 0; j < kOrders.size(); ++j) {
      SCOPED_TRACE(testing::Message() << "parameters placed as " << i << ", the others from " << j);
      f(kOrders[i], kOrders[j], kOrders[(j + 1) % kOrders.size()], kOrders[(j + 2) % kOrders.size()]);
    }
  }
}

template <class T>
void check_sgd() {
  for_every_order([](const Placement& p, const Placement& g, const Placement& m, const Placement&) {
    for (const double momentum : {0.0, 0.9}) {
      Both<T> parameter(p, 1), gradient(g, 2), buffer(m, 3);
      take_steps([&](Backend& on, bool there, const View& lr, const View& step) {
        const auto of = [&](const Both<T>& both) { return there ? both.device.view() : both.host.view(); };
        const SgdSlot slot{of(parameter), of(gradient), momentum != 0 ? of(buffer) : View{}};
        on.sgd({momentum, 0.25, 0.01, false, lr, step}, {&slot, 1});
      });
      parameter.expect_equal("parameter");
      gradient.expect_equal("gradient");
      buffer.expect_equal("momentum");
    }
  });
}

template <class T>
void check_adam() {
  for_every_order([](const Placement& p, const Placement& g, const Placement& m, const Placement& s) {
    Both<T> parameter(p, 1), gradient(g, 2), mean(m, 3), square(s, 4);
    take_steps([&](Backend& on, bool there, const View& lr, const View& step) {
      const auto of = [&](const Both<T>& both) { return there ? both.device.view() : both.host.view(); };
      const AdamSlot slot{of(parameter), of(gradient), of(mean), of(square)};
      on.adam({0.9, 0.99, 1e-8, 0.01, true, lr, step}, {&slot, 1});
    });
    parameter.expect_equal("parameter");
    gradient.expect_equal("gradient");
    mean.expect_equal("mean");
    square.expect_equal("square");
  });
}

TEST_F(CudaOptim, SgdInAnyOrderOfMemory) {
  check_sgd<float>();
  check_sgd<double>();
}

TEST_F(CudaOptim, AdamInAnyOrderOfMemory) {
  check_adam<float>();
  check_adam<double>();
}

}  // namespace
}  // namespace linnet::test

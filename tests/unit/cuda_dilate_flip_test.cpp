// The dilate and flip kernels against the CPU backend: every dtype, rank and order of memory, bit for bit.
#include <functional>

#include "core/backend.h"
#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/cuda_device.h"

namespace linnet::test {
namespace {

using CudaDilateFlip = CudaTest;

/// An array's memory on the GPU, gaps and all; `bring_back` overwrites the array with it.
class OnDevice {
 public:
  explicit OnDevice(TestArray& array) : array_(array), backend_(device("cuda").backend()) {
    memory_ = static_cast<char*>(backend_.allocate(array.bytes().size()));
    backend_.copy_from_host(memory_, array.bytes().data(), array.bytes().size());
  }
  ~OnDevice() { backend_.deallocate(memory_, array_.bytes().size()); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  View view() const {
    View view = array_.view();
    view.data = memory_ + offset();
    return view;
  }
  void bring_back() {
    backend_.copy_to_host(static_cast<char*>(array_.view().data) - offset(), memory_, array_.bytes().size());
  }

 private:
  ptrdiff_t offset() const {
    return static_cast<const char*>(array_.view().data) -
           reinterpret_cast<const char*>(array_.bytes().data());
  }
  TestArray& array_;
  Backend& backend_;
  char* memory_;
};

/// Runs f on both devices, from x to results of `shape`, and expects the same bytes, gaps included.
void expect_same(TestArray& x, const Shape& shape, Order order,
                 const std::function<void(Backend&, const View&, const View&)>& f) {
  const DType dtype = x.view().dtype;
  TestArray expected(dtype, shape, order), got(dtype, shape, order);
  f(cpu_backend(), x.view(), expected.view());
  {
    const OnDevice from(x);
    OnDevice to(got);
    f(device("cuda").backend(), from.view(), to.view());
    to.bring_back();
  }
  EXPECT_EQ(got.values(), expected.values());
  EXPECT_TRUE(got.bytes() == expected.bytes());
}

TEST_F(CudaDilateFlip, FlipsAnyDimensionsOfAnyDtype) {
  for (const DType dtype : kAllTypes) {
    for (const Shape& shape : kShapes) {
      for (const Order from : kReadable) {
        TestArray x(dtype, shape, from, whole_numbers(dtype));
        for (const Order to : kWritable) {
          for (const uint32_t dims : {0U, 1U, 2U, 5U, (1U << shape.rank()) - 1U}) {
            if (dims >= 1U << shape.rank()) continue;
            SCOPED_TRACE(::testing::Message() << name(dtype) << ' ' << shape << " dims " << dims);
            expect_same(x, shape, to, [&](Backend& backend, const View& in, const View& out) {
              backend.flip(in, dims, out);
            });
          }
        }
      }
    }
  }
}

TEST_F(CudaDilateFlip, DilatesPadsAndCrops) {
  const Dilation dilations[] = {{1, 1, 0, 0}, {2, 3, 1, 2}, {3, 1, 0, 4}, {2, 2, -1, -3}, {1, 2, -4, 30}};
  for (const DType dtype : kAllTypes) {
    for (const Shape& shape : {Shape{2, 3, 4, 3}, Shape{1, 1, 1, 1}, Shape{2, 0, 3, 3}, Shape{2, 2, 0, 3}}) {
      for (const Order from : kReadable) {
        TestArray x(dtype, shape, from, whole_numbers(dtype));
        for (const Dilation& dilation : dilations) {
          for (const Order to : kWritable) {
            SCOPED_TRACE(::testing::Message() << name(dtype) << ' ' << shape << " stride "
                                              << dilation.stride_h << " top " << dilation.top);
            expect_same(x, {shape[0], shape[1], 9, 8}, to,
                        [&](Backend& backend, const View& in, const View& out) {
                          if (&backend == &cpu_backend()) {
                            backend.Backend::dilate(in, dilation, out);
                          } else {
                            backend.dilate(in, dilation, out);
                          }
                        });
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet::test

// Memory, copy, fill, gather and scatter_add of the CPU backend, against plain loops over logical elements.
#include <numeric>

#include "core/poison.h"
#include "cpu/backend.h"
#include "cpu/strided.h"
#include "tests/unit/backend_arrays.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

Backend& cpu() {
  return cpu_backend();
}

TEST(CpuMemory, IsAlignedAndPoisonedOnRequest) {
  set_poison(true);
  void* memory = cpu().allocate(100);
  set_poison(false);
  EXPECT_FALSE(poison());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0U);
  EXPECT_TRUE(std::isnan(static_cast<float*>(memory)[24]));
  const float number = 2.5F;
  float back = 0;
  cpu().copy_from_host(memory, &number, sizeof number);
  cpu().copy_to_host(&back, memory, sizeof back);
  EXPECT_EQ(back, 2.5F);
  cpu().deallocate(memory, 100);
  EXPECT_EQ(cpu().name(), "cpu");
  EXPECT_TRUE(cpu().has_values());
}

TEST(CpuMemory, SaysHowMuchItLacks) {
  EXPECT_ERROR(cpu().allocate(size_t{1} << 60),
               "[allocate] the cpu has no memory for 1152921504606846976 bytes");
}

TEST(StridedLoop, JoinsWhatIsOneRun) {
  const auto dense = strided_loop<2>({2, 3, 4}, {Strides{12, 4, 1}, Strides{12, 4, 1}});
  EXPECT_TRUE(dense.dense());
  EXPECT_EQ(dense.inner_extent(), 24);
  // Channels last on both sides is one run, too.
  const auto order = strided_loop<2>({2, 3, 4, 5}, {Strides{60, 1, 15, 3}, Strides{60, 1, 15, 3}});
  EXPECT_TRUE(order.dense());
  const auto mixed = strided_loop<2>({2, 3, 4}, {Strides{12, 4, 1}, Strides{0, 4, 1}});
  EXPECT_EQ(mixed.rank, 2);
  EXPECT_EQ(mixed.inner_extent(), 12);
  EXPECT_EQ(strided_loop<1>({}, {Strides{}}).total, 1);
  EXPECT_EQ(strided_loop<1>({3, 0}, {Strides{0, 1}}).total, 0);
}

TEST(StridedLoop, WalksAnyRangeOnce) {
  const auto loop = strided_loop<1>({3, 4, 5}, {Strides{100, 20, 3}}, LoopOrder::RowMajor);
  for (int64_t begin = 0; begin < 60; begin += 7) {
    for (int64_t end = begin; end <= 60; end += 11) {
      std::vector<int64_t> offsets;
      cpu::walk(loop, begin, end, [&](const auto& offset, int64_t first, int64_t n) {
        EXPECT_EQ(first, begin + static_cast<int64_t>(offsets.size()));
        for (int64_t i = 0; i < n; ++i) offsets.push_back(offset[0] + i * loop.inner_stride(0));
      });
      ASSERT_EQ(static_cast<int64_t>(offsets.size()), end - begin);
      for (int64_t i = begin; i < end; ++i) {
        EXPECT_EQ(offsets[static_cast<size_t>(i - begin)], i / 20 * 100 + i / 5 % 4 * 20 + i % 5 * 3);
      }
    }
  }
}

TEST(CpuCopy, ConvertsBetweenAllTypesAndLayouts) {
  for (const DType from_type : kAllTypes) {
    for (const DType to_type : kAllTypes) {
      for (const Order from_order : kReadable) {
        for (const Order to_order : kWritable) {
          for (const Shape& shape : kShapes) {
            TestArray from(from_type, shape, from_order, whole_numbers(from_type));
            TestArray to(to_type, shape, to_order);
            cpu().copy(from.view(), to.view());
            for (int64_t i = 0; i < to.numel(); ++i) {
              double expected = from.get(i);
              if (to_type == DType::Bool) expected = expected != 0 ? 1 : 0;
              if (to_type == DType::UInt8 && expected < 0) {
                expected = is_floating(from_type) ? 0 : expected + 256;  // clamps numbers, wraps integers
              }
              ASSERT_EQ(to.get(i), expected) << name(from_type) << " to " << name(to_type) << " " << i;
            }
            ASSERT_TRUE(to.clean_around());
          }
        }
      }
    }
  }
}

TEST(CpuCopy, OutOfRangeNumbersBecomeTheNearest) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> values = {
      inf, -inf, nan, 1e30, -1e30, 255.9, -0.9, 2147483648.0, 9223372036854775808.0};
  for (const DType type : kFloatTypes) {
    TestArray from(type, {9}, Order::Dense, [&](int64_t i) { return values[static_cast<size_t>(i)]; });
    TestArray bytes(DType::UInt8, {9}), ints(DType::Int32, {9}), longs(DType::Int64, {9}),
        bools(DType::Bool, {9});
    for (TestArray* to : {&bytes, &ints, &longs, &bools}) cpu().copy(from.view(), to->view());
    EXPECT_EQ(bytes.values(), (std::vector<double>{255, 0, 0, 255, 0, 255, 0, 255, 255}));
    constexpr double kMax = 2147483647;
    EXPECT_EQ(ints.values(), (std::vector<double>{kMax, -kMax - 1, 0, kMax, -kMax - 1, 255, 0, kMax, kMax}));
    const auto* p = longs.view().as<int64_t>();
    EXPECT_EQ(p[0], std::numeric_limits<int64_t>::max());
    EXPECT_EQ(p[1], std::numeric_limits<int64_t>::min());
    EXPECT_EQ(p[2], 0);
    EXPECT_EQ(p[7], 2147483648);
    EXPECT_EQ(p[8], std::numeric_limits<int64_t>::max());
    EXPECT_EQ(bools.values(), (std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1}));
  }
}

TEST(CpuCopy, TransposesLargeArrays) {
  // Extents that are no multiples of a block, inside and around other dimensions.
  for (const DType type : {DType::Float32, DType::UInt8, DType::Float64}) {
    for (const Shape& shape : {Shape{70, 133}, Shape{3, 33, 65}, Shape{2, 40, 3, 37}}) {
      const auto f = [](int64_t i) { return static_cast<double>(i % 251); };
      TestArray from(type, shape, Order::Reversed, f);
      TestArray to(type, shape);
      cpu().copy(from.view(), to.view());
      EXPECT_TRUE(to.values() == from.values());
      TestArray back(type, shape, Order::Reversed);
      cpu().copy(to.view(), back.view());
      EXPECT_TRUE(back.values() == from.values());
      EXPECT_TRUE(to.clean_around() && back.clean_around());
    }
  }
  // Channels first to channels last.
  TestArray from(DType::Float32, {3, 5, 34, 7}, Order::Dense,
                 [](int64_t i) { return static_cast<double>(i); });
  TestArray to(DType::Float32, {3, 34, 7, 5});
  View source = from.view();
  source.shape = {3, 34, 7, 5};
  source.strides = {5 * 34 * 7, 7, 1, 34 * 7};
  cpu().copy(source, to.view());
  for (int64_t i = 0; i < to.numel(); ++i) {
    const Dims p = to.index(i);
    ASSERT_EQ(to.get(i), from.at({p[0], p[3], p[1], p[2]}));
  }
}

TEST(CpuFill, WritesEveryTypeAndLayout) {
  for (const DType type : kAllTypes) {
    for (const Order order : kWritable) {
      for (const Shape& shape : kShapes) {
        TestArray to(type, shape, order);
        cpu().fill(1, to.view());
        for (const double x : to.values()) ASSERT_EQ(x, 1);
        ASSERT_TRUE(to.clean_around());
      }
    }
  }
  TestArray to(DType::Int64, {2});
  cpu().fill(int64_t{9007199254740993}, to.view());  // no double
  EXPECT_EQ(to.view().as<int64_t>()[1], 9007199254740993);
}

/// Indices into an extent, some twice.
TestArray indices(const Shape& shape, int64_t extent, Order order) {
  return {DType::Int64, shape, order,
          [=](int64_t i) { return static_cast<double>((i * 5 + i / 2) % extent); }};
}

TEST(CpuGather, ReadsAlongAnyDimension) {
  for (const DType type : kAllTypes) {
    for (const Order order : kReadable) {
      for (int dim = 0; dim < 3; ++dim) {
        Shape shape = {3, 4, 5};
        TestArray x(type, shape, order, whole_numbers(type));
        const int64_t extent = shape[dim];
        shape[dim] = 6;
        TestArray index = indices(shape, extent, order);
        TestArray out(type, shape, order == Order::Broadcast ? Order::Sliced : order);
        cpu().gather(x.view(), dim, index.view(), out.view());
        for (int64_t i = 0; i < out.numel(); ++i) {
          Dims place = out.index(i);
          place[dim] = static_cast<int64_t>(index.get(i));
          ASSERT_EQ(out.get(i), x.at(place));
        }
        ASSERT_TRUE(out.clean_around());
      }
    }
  }
}

TEST(CpuScatterAdd, AddsAlongAnyDimension) {
  for (const DType type : {DType::Float32, DType::Float64, DType::Int32, DType::Int64, DType::UInt8}) {
    for (const Order order : kReadable) {
      for (int dim = 0; dim < 3; ++dim) {
        Shape shape = {3, 4, 5};
        const Order out_order = order == Order::Broadcast ? Order::Reversed : order;
        TestArray out(type, shape, out_order, whole_numbers(type, 3));
        std::vector<double> expected = out.values();
        const int64_t extent = shape[dim];
        shape[dim] = 7;
        TestArray source(type, shape, order, whole_numbers(type));
        TestArray index = indices(shape, extent, order);
        cpu().scatter_add(source.view(), dim, index.view(), out.view());
        for (int64_t i = 0; i < source.numel(); ++i) {
          Dims place = source.index(i);
          place[dim] = static_cast<int64_t>(index.get(i));
          expected[static_cast<size_t>(out.linear(place))] += source.get(i);
        }
        EXPECT_EQ(out.values(), expected);
        EXPECT_TRUE(out.clean_around());
      }
    }
  }
}

TEST(CpuScatterAdd, AddsInTheOrderOfTheIndices) {
  // 1 + 2^-24 + 2^-24 is 1 from the left and 1 + 2^-23 from the right.
  TestArray source(DType::Float32, {3}, Order::Dense, [](int64_t i) { return i == 0 ? 1 : 0x1p-24; });
  TestArray index(DType::Int64, {3}, Order::Dense, [](int64_t) { return 0; });
  TestArray out(DType::Float32, {1}, Order::Dense, [](int64_t) { return 0; });
  cpu().scatter_add(source.view(), 0, index.view(), out.view());
  EXPECT_EQ(out.get(0), 1);
  TestArray wrapping(DType::Int32, {2}, Order::Dense, [](int64_t) { return 2147483647; });
  TestArray two(DType::Int64, {2}, Order::Dense, [](int64_t) { return 0; });
  TestArray sum(DType::Int32, {1}, Order::Dense, [](int64_t) { return 1; });
  cpu().scatter_add(wrapping.view(), 0, two.view(), sum.view());
  EXPECT_EQ(sum.get(0), -1);
}

TEST(CpuIndexing, AnEmptyIndexIsLegal) {
  TestArray x(DType::Float32, {3, 0});
  TestArray index(DType::Int64, {2, 0});
  TestArray out(DType::Float32, {2, 0});
  cpu().gather(x.view(), 0, index.view(), out.view());
  cpu().scatter_add(out.view(), 0, index.view(), x.view());
}

TEST(CpuIndexing, NamesTheFirstIndexOutside) {
  TestArray x(DType::Float32, {2, 5}, Order::Dense, fractions());
  TestArray out(DType::Float32, {2, 3}, Order::Dense, [](int64_t) { return 9; });
  for (const Order order : kWritable) {
    TestArray index(DType::Int64, {2, 3}, order, [](int64_t i) { return i == 2 ? 5 : i == 3 ? -1 : 0; });
    EXPECT_ERROR(cpu().gather(x.view(), 1, index.view(), out.view()),
                 "[gather] index 5 at position (0, 2) is outside dimension 1 of shape (2, 5); expected 0 <= "
                 "index < 5");
    index.set(2, 4);
    EXPECT_ERROR(cpu().scatter_add(out.view(), 1, index.view(), x.view()),
                 "[scatter_add] index -1 at position (1, 0) is outside dimension 1 of shape (2, 5)");
  }
  EXPECT_EQ(out.get(0), 9);  // nothing was written
}

TEST(CpuMovement, ThreadsDoNotMatter) {
  TestArray x(DType::Float32, {300, 401}, Order::Reversed, fractions());
  TestArray index = indices({300, 401}, 401, Order::Dense);
  expect_same_for_any_threads([&] {
    TestArray converted(DType::Float64, {300, 401}), moved(DType::Float32, {300, 401}),
        filled(DType::Int32, {100000});
    cpu().copy(x.view(), converted.view());
    cpu().copy(x.view(), moved.view());
    cpu().fill(3, filled.view());
    EXPECT_TRUE(moved.values() == x.values() && converted.values() == x.values());
    EXPECT_EQ(filled.get(99999), 3);
    cpu().gather(x.view(), 1, index.view(), moved.view());
    cpu().scatter_add(x.view(), 1, index.view(), moved.view());
    return moved.bytes();
  });
}

}  // namespace
}  // namespace linnet

// Reductions of the CPU backend, called directly: any set of dimensions, dtype and layout against plain
// loops.
#include "cpu/backend.h"
#include "tests/unit/backend_arrays.h"

namespace linnet {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

Backend& cpu() {
  return cpu_backend();
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Shape without(Shape shape, unsigned reduced) {
  for (int d = 0; d < shape.rank(); ++d) {
    if ((reduced >> d & 1U) != 0) shape[d] = 1;
  }
  return shape;
}

/// By the definition, in double.
std::vector<double> reference(ReduceKind kind, const TestArray& x, const TestArray& out) {
  const double start = kind == ReduceKind::Sum ? 0 : kind == ReduceKind::Max ? -kInf : kInf;
  std::vector<double> result(static_cast<size_t>(out.numel()), start);
  for (int64_t i = 0; i < x.numel(); ++i) {
    Dims place = x.index(i);
    for (int d = 0; d < place.rank(); ++d) place[d] = out.shape()[d] == 1 ? 0 : place[d];
    double& r = result[static_cast<size_t>(out.linear(place))];
    const double v = x.get(i);
    if (kind == ReduceKind::Sum) r += v;
    if (kind == ReduceKind::Max) r = std::max(r, v);
    if (kind == ReduceKind::Min) r = std::min(r, v);
  }
  return result;
}

TEST(CpuReduce, EveryKindTypeLayoutAndSetOfDimensions) {
  for (const ReduceKind kind : {ReduceKind::Sum, ReduceKind::Max, ReduceKind::Min}) {
    for (const DType type : kAllTypes) {
      for (const Order order : kReadable) {
        for (const Shape& shape :
             {Shape{}, Shape{7}, Shape{3, 0, 2}, Shape{4, 5}, Shape{5, 9, 17}, Shape{2, 1, 3, 10}}) {
          if (kind != ReduceKind::Sum && shape.product() == 0) continue;
          TestArray x(type, shape, order, whole_numbers(type));
          for (unsigned reduced = 0; reduced < 1U << shape.rank(); ++reduced) {
            const bool widens = kind == ReduceKind::Sum && !is_floating(type);
            TestArray out(widens ? DType::Int64 : type, without(shape, reduced),
                          order == Order::Broadcast ? Order::Dense : order);
            cpu().reduce(kind, x.view(), out.view());
            ASSERT_EQ(out.values(), reference(kind, x, out))
                << name(type) << " " << reduced << " of " << to_string(shape);
            ASSERT_TRUE(out.clean_around());
          }
        }
      }
    }
  }
}

TEST(CpuReduce, LargeArraysInEveryForm) {
  // One output, few long rows, many short rows, columns narrow and wide, images by channel.
  struct Case {
    Shape shape;
    unsigned reduced;
  };
  for (const Case& c :
       {Case{{200003}, 1}, Case{{3, 70001}, 2}, Case{{14001, 5}, 2}, Case{{70001, 3}, 1}, Case{{4001, 11}, 1},
        Case{{151, 700}, 1}, Case{{20, 7, 31, 29}, 13}, Case{{9, 20, 50, 6}, 5}, Case{{2, 70000, 2}, 2}}) {
    for (const auto& [type, order] :
         {std::pair{DType::Float32, Order::Dense}, std::pair{DType::Float64, Order::Reversed}}) {
      TestArray x(type, c.shape, order, fractions());
      for (const ReduceKind kind : {ReduceKind::Sum, ReduceKind::Max, ReduceKind::Min}) {
        TestArray out(type, without(c.shape, c.reduced));
        expect_same_for_any_threads([&] {
          cpu().reduce(kind, x.view(), out.view());
          return out.bytes();
        });
        const std::vector<double> expected = reference(kind, x, out);
        const double each = kind == ReduceKind::Sum ? (type == DType::Float32 ? 1e-7 : 1e-15) : 0;
        const double tolerance = each * static_cast<double>(x.numel() / out.numel());
        for (int64_t i = 0; i < out.numel(); ++i) {
          ASSERT_NEAR(out.get(i), expected[static_cast<size_t>(i)], tolerance)
              << to_string(c.shape) << " " << c.reduced;
        }
      }
    }
  }
}

TEST(CpuReduce, SumsAreAccurate) {
  // A million times 0.1f is wrong by a percent in float32; and 1 after 2^24 would be lost.
  TestArray tenths(DType::Float32, {1000000}, Order::Dense, [](int64_t) { return 0.1; });
  TestArray total(DType::Float32, {1});
  cpu().reduce(ReduceKind::Sum, tenths.view(), total.view());
  EXPECT_EQ(total.get(0), static_cast<double>(static_cast<float>(1e6 * static_cast<double>(0.1F))));
  TestArray rows(DType::Float32, {100000, 8}, Order::Dense, [](int64_t i) { return i < 8 ? 0x1p24 : 1; });
  TestArray columns(DType::Float32, {1, 8});
  cpu().reduce(ReduceKind::Sum, rows.view(), columns.view());
  EXPECT_EQ(columns.get(5), 0x1p24 + 99999 + 1);  // the nearest float32
}

TEST(CpuReduce, IntegersAddUpInInt64AndWrap) {
  TestArray x(DType::Int32, {3}, Order::Dense, [](int64_t) { return 2147483647; });
  TestArray out(DType::Int64, {1});
  cpu().reduce(ReduceKind::Sum, x.view(), out.view());
  EXPECT_EQ(out.get(0), 3 * 2147483647.0);
  TestArray top(DType::Int64, {2});
  for (int i = 0; i < 2; ++i) top.view().as<int64_t>()[i] = std::numeric_limits<int64_t>::max();
  cpu().reduce(ReduceKind::Sum, top.view(), out.view());
  EXPECT_EQ(*out.view().as<int64_t>(), -2);
  cpu().reduce(ReduceKind::Max, top.view(), out.view());
  EXPECT_EQ(*out.view().as<int64_t>(), std::numeric_limits<int64_t>::max());
}

TEST(CpuReduce, ExtremesAreNanWhereThereIsOne) {
  for (const DType type : kFloatTypes) {
    for (const int64_t at : {0, 1, 8, 20, 99}) {
      TestArray x(type, {100, 12}, Order::Dense,
                  [at](int64_t i) { return i / 12 == at && i % 12 == 3 ? kNan : static_cast<double>(i); });
      TestArray rows(type, {100, 1}), columns(type, {1, 12});
      for (const ReduceKind kind : {ReduceKind::Max, ReduceKind::Min}) {
        cpu().reduce(kind, x.view(), rows.view());
        cpu().reduce(kind, x.view(), columns.view());
        for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(std::isnan(rows.get(i)), i == at);
        for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(std::isnan(columns.get(i)), i == 3);
      }
    }
    TestArray low(type, {5}, Order::Dense, [](int64_t) { return -kInf; }), out(type, {1});
    cpu().reduce(ReduceKind::Max, low.view(), out.view());
    EXPECT_EQ(out.get(0), -kInf);
  }
}

TEST(CpuArgReduce, FindsTheFirstExtreme) {
  for (const ArgKind kind : {ArgKind::Max, ArgKind::Min}) {
    for (const DType type : kAllTypes) {
      for (const Order order : kReadable) {
        for (int dim = 0; dim < 3; ++dim) {
          Shape shape = {4, 5, 6};
          TestArray x(type, shape, order, whole_numbers(type));
          const int64_t n = shape[dim];
          shape[dim] = 1;
          TestArray out(DType::Int64, shape, order == Order::Broadcast ? Order::Dense : order);
          cpu().arg_reduce(kind, x.view(), dim, out.view());
          for (int64_t i = 0; i < out.numel(); ++i) {
            Dims place = out.index(i);
            int64_t best = 0;
            double extreme = x.at(place);
            for (int64_t k = 1; k < n; ++k) {
              place[dim] = k;
              const double v = x.at(place);
              if (kind == ArgKind::Max ? v > extreme : v < extreme) {
                best = k;
                extreme = v;
              }
            }
            ASSERT_EQ(out.get(i), static_cast<double>(best));
          }
          ASSERT_TRUE(out.clean_around());
        }
      }
    }
  }
}

TEST(CpuArgReduce, TheFirstNanWins) {
  TestArray x(DType::Float32, {6}, Order::Dense,
              [](int64_t i) { return i == 2 || i == 4 ? kNan : static_cast<double>(i); });
  TestArray out(DType::Int64, {1});
  for (const ArgKind kind : {ArgKind::Max, ArgKind::Min}) {
    cpu().arg_reduce(kind, x.view(), 0, out.view());
    EXPECT_EQ(out.get(0), 2);
  }
  TestArray empty(DType::Float32, {0, 3}), none(DType::Int64, {0, 1});
  cpu().arg_reduce(ArgKind::Max, empty.view(), 1, none.view());
}

TEST(CpuArgReduce, ThreadsDoNotMatter) {
  TestArray x(DType::Float32, {9000, 10}, Order::Dense, fractions());
  expect_same_for_any_threads([&] {
    TestArray out(DType::Int64, {9000, 1});
    cpu().arg_reduce(ArgKind::Max, x.view(), 1, out.view());
    return out.bytes();
  });
}

}  // namespace
}  // namespace linnet

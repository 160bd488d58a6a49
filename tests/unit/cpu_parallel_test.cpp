#include "cpu/parallel.h"

#include <gtest/gtest.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <linnet/core/error.h>
#include "cpu/scratch.h"

namespace linnet::cpu {
namespace {

class Parallel : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(before_); }
  int before_ = num_threads();
};

TEST_F(Parallel, EveryChunkRunsOnce) {
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(num_threads(), threads);
    for (int64_t chunks : {0, 1, 2, 7, 1000, 20000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(chunks));
      parallel_for(chunks, [&](int64_t chunk) { ++runs[static_cast<size_t>(chunk)]; });
      for (const auto& count : runs) ASSERT_EQ(count, 1);
    }
  }
}

TEST_F(Parallel, ManySmallLoops) {
  set_num_threads(3);
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 20000; ++i) parallel_for(3, [&](int64_t chunk) { sum += chunk; });
  EXPECT_EQ(sum, 60000);
}

TEST_F(Parallel, SeveralThreadsTakePart) {
  set_num_threads(2);
  std::atomic<int> arrived{0};
  // Each of two chunks waits for the other: one thread alone would never come back.
  parallel_for(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST_F(Parallel, OneThreadOrOneChunkStaysOnTheCaller) {
  const auto caller = std::this_thread::get_id();
  set_num_threads(4);
  parallel_for(1, [&](int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  set_num_threads(1);
  parallel_for(100, [&](int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST_F(Parallel, NestedLoopsRunOnTheThreadOfTheirChunk) {
  set_num_threads(3);
  std::atomic<int64_t> sum{0};
  parallel_for(16, [&](int64_t outer) {
    const auto thread = std::this_thread::get_id();
    parallel_for(10, [&](int64_t inner) {
      EXPECT_EQ(std::this_thread::get_id(), thread);
      sum += outer * 10 + inner;
    });
  });
  EXPECT_EQ(sum, 159 * 160 / 2);
}

TEST_F(Parallel, TheFirstChunkThatThrowsIsReported) {
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    for (int repetition = 0; repetition < 200; ++repetition) {
      try {
        parallel_for(64, [&](int64_t chunk) {
          if (chunk % 5 == 3) throw std::runtime_error(std::to_string(chunk));
        });
        FAIL() << "no exception";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "3");
      }
    }
    std::atomic<int> runs{0};
    parallel_for(64, [&](int64_t) { ++runs; });
    EXPECT_EQ(runs, 64) << "the pool works on after an exception";
  }
}

TEST_F(Parallel, SeveralCallersAtOnce) {
  set_num_threads(2);
  std::vector<int64_t> sums(4, 0);
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < sums.size(); ++caller) {
    callers.emplace_back([&sums, caller] {
      for (int repetition = 0; repetition < 500; ++repetition) {
        std::vector<int64_t> parts(8, 0);
        parallel_for(8, [&](int64_t chunk) { parts[static_cast<size_t>(chunk)] = chunk + 1; });
        sums[caller] += std::accumulate(parts.begin(), parts.end(), int64_t{0});
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (int64_t sum : sums) EXPECT_EQ(sum, 500 * 36);
}

TEST_F(Parallel, RangesCoverAllItemsAndDependOnSizeAndGrainOnly) {
  for (int64_t n : {0, 1, 9, 10, 99, 1000, 5000000}) {
    for (int64_t grain : {0, 1, 10, 4096}) {
      std::vector<std::vector<std::pair<int64_t, int64_t>>> all;
      for (int threads : {1, 3}) {
        set_num_threads(threads);
        std::vector<std::pair<int64_t, int64_t>> ranges(static_cast<size_t>(range_chunks(n, grain)));
        std::atomic<size_t> count{0};
        parallel_range(n, grain, [&](int64_t begin, int64_t end) { ranges[count++] = {begin, end}; });
        ASSERT_EQ(count, ranges.size());
        std::sort(ranges.begin(), ranges.end());
        all.push_back(ranges);
      }
      EXPECT_EQ(all[0], all[1]);
      int64_t next = 0;
      for (const auto& [begin, end] : all[0]) {
        EXPECT_EQ(begin, next);
        EXPECT_GE(end - begin, std::min(n, std::max<int64_t>(grain, 1)));
        next = end;
      }
      EXPECT_EQ(next, n);
    }
  }
}

TEST_F(Parallel, ThreadCountIsChecked) {
  for (int threads : {0, -1, 1025}) {
    try {
      set_num_threads(threads);
      FAIL() << "no exception";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), "[set_num_threads] " + std::to_string(threads) +
                                               " threads; expected a number from 1 to 1024");
    }
  }
}

TEST(Scratch, IsAlignedSeparateAndReused) {
  const void* first = nullptr;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const Scratch<float> a(100);
    const Scratch<double> b(3);
    const Scratch<char> c(1 << 20);  // outgrows the first block
    const Scratch<int> none(0);
    for (const void* memory :
         {static_cast<void*>(a.data()), static_cast<void*>(b.data()), static_cast<void*>(c.data())}) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0U);
    }
    std::fill_n(c.data(), 1 << 20, char(1));
    std::fill_n(b.data(), 3, 2.0);
    std::fill_n(a.data(), 100, 3.0F);
    EXPECT_EQ(a[99], 3.0F);
    EXPECT_EQ(b[0] + b[2], 4.0);
    EXPECT_EQ(c[(1 << 20) - 1], 1);
    if (repetition > 1) {
      EXPECT_EQ(a.data(), first) << "a steady step allocates nothing";
    }
    first = a.data();
  }
}

#ifdef __linux__
TEST_F(Parallel, CallersKeepTheirCores) {
  set_num_threads(2);
  cpu_set_t cores, later;
  ASSERT_EQ(sched_getaffinity(0, sizeof(cores), &cores), 0);
  std::atomic<int> chunks{0};
  for (int i = 0; i < 50; ++i) parallel_for(8, [&](int64_t) { ++chunks; });
  ASSERT_EQ(sched_getaffinity(0, sizeof(later), &later), 0);
  EXPECT_TRUE(CPU_EQUAL(&cores, &later));
  EXPECT_EQ(chunks, 400);
}
#endif

}  // namespace
}  // namespace linnet::cpu

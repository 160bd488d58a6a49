// Memory of small objects: what a thread hands out again, and what it does not keep.
#include "core/recycled.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "core/sanitized.h"

namespace linnet {
namespace {

class Recycling : public testing::Test {
 protected:
  void SetUp() override {
    if (kAddressSanitizer) GTEST_SKIP() << "under AddressSanitizer nothing is kept";
  }
};

TEST_F(Recycling, TheBlockFreedLastServesTheNextOfItsClass) {
  void* const a = take_recycled(200);
  void* const b = take_recycled(200);
  give_recycled(a, 200);
  give_recycled(b, 200);
  void* const larger = take_recycled(257);
  EXPECT_NE(larger, a);
  EXPECT_NE(larger, b);
  EXPECT_EQ(take_recycled(193), b);
  EXPECT_EQ(take_recycled(256), a);
  give_recycled(a, 256);
  give_recycled(b, 193);
  give_recycled(larger, 257);
}

TEST_F(Recycling, AnotherThreadKeepsWhatItFrees) {
  void* const mine = take_recycled(100);
  const size_t before = recycled_kept();
  std::thread([&] {
    EXPECT_EQ(recycled_kept(), 0U);
    give_recycled(mine, 100);
    EXPECT_EQ(recycled_kept(), 128U);
    EXPECT_EQ(take_recycled(65), mine);
    EXPECT_EQ(recycled_kept(), 0U);
    give_recycled(mine, 65);
  }).join();
  EXPECT_EQ(recycled_kept(), before);
}

TEST_F(Recycling, LargeBlocksAreNotKept) {
  const size_t before = recycled_kept();
  give_recycled(take_recycled(1025), 1025);
  EXPECT_EQ(recycled_kept(), before);
  give_recycled(take_recycled(0), 0);
  EXPECT_EQ(recycled_kept(), before);
}

TEST_F(Recycling, NoMoreThanTheBoundIsKept) {
  std::vector<void*> blocks(kMostKept / 1024 + 8);
  for (void*& block : blocks) block = take_recycled(1024);
  for (void* block : blocks) give_recycled(block, 1024);
  EXPECT_LE(recycled_kept(), kMostKept);
  EXPECT_GT(recycled_kept(), kMostKept - 1024);
}

TEST_F(Recycling, ObjectsMayOutliveTheirThread) {
  std::shared_ptr<int> number;
  std::thread([&] { number = std::allocate_shared<int>(Recycled<int>(), 7); }).join();
  EXPECT_EQ(*number, 7);
  number.reset();
}

/// Freed by the destructor of a thread's own variable, after the thread's memory may have been given back.
TEST_F(Recycling, BlocksMayBeFreedAtTheEndOfAThread) {
  std::thread([] {
    thread_local std::shared_ptr<int> late;  // destroyed after what is constructed below
    late = std::allocate_shared<int>(Recycled<int>(), 1);
    std::allocate_shared<int>(Recycled<int>(), 2).reset();
    EXPECT_EQ(recycled_kept(), 64U);
  }).join();
}

}  // namespace
}  // namespace linnet

// Every allocation fails once while a file is read: std::bad_alloc or an Error, the target as it was, no
// leak.
#include <functional>
#include <new>
#include <string>

#include <gtest/gtest.h>
#include <linnet/core/error.h>
#include <linnet/core/random.h>
#include <linnet/io/checkpoint.h>
#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/layers.h>
#include "tests/faults/faults.h"
#include "tests/unit/data_files.h"

namespace linnet::faults {
namespace {

/// Gives the number of allocations.
int64_t every_allocation_fails_once(const std::function<void()>& read,
                                    const std::function<void()>& is_as_it_was) {
  for (int i = 0; i < 3; ++i) read();  // what is kept for the next time
  const int64_t before = live_bytes();
  for (int64_t at = 1;; ++at) {
    bool failed = false;
    arm_memory(at);
    try {
      read();
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const Error&) {
      failed = true;
    }
    const int64_t calls = disarm_memory();
    EXPECT_EQ(live_bytes(), before) << "allocation " << at << " failed";
    if (!failed && calls < at) return calls;
    if (failed) is_as_it_was();
  }
}

TEST(MemoryFaults, Checkpoint) {
  TempFolder temp;
  Checkpoint checkpoint;
  checkpoint.add("model", {{"weight", NDArray::full({7}, 1)}, {"bias", NDArray::full({3, 2}, 2)}});
  checkpoint.texts["config"] = "{\"a\": 1}";
  save_checkpoint(checkpoint, temp / "a.safetensors");
  EXPECT_GT(every_allocation_fails_once([&] { load_checkpoint(temp / "a.safetensors"); }, [] {}), 20);
}

TEST(MemoryFaults, FilesOfTensorsInEveryFormat) {
  TempFolder temp;
  const nn::StateDict one{{"a", NDArray::full({3, 2}, 2)}};
  const nn::StateDict two{{"weight", NDArray::full({7}, 1)}, {"b", NDArray::full({3, 2}, 2)}};
  for (const char* name : {"a.npy", "a.npz", "a.pth", "a.safetensors"}) {
    save_tensors(name == std::string("a.npy") ? one : two, temp / name);
    EXPECT_GT(every_allocation_fails_once([&] { load_tensors(temp / name); }, [] {}), 5) << name;
  }
}

TEST(MemoryFaults, LoadingIntoAModel) {
  TempFolder temp;
  manual_seed(0);
  nn::Linear saved(3, 2), model(3, 2);
  save(saved, temp / "a.safetensors");
  const std::vector<float> before = model.weight.to_vector<float>();
  // Loading succeeds in the end, so the target is put back before each attempt.
  const NDArray original = model.weight.data().clone();
  const int64_t calls = every_allocation_fails_once(
      [&] {
        model.weight.data().copy_(original);
        load(model, temp / "a.safetensors");
      },
      [&] { EXPECT_EQ(model.weight.to_vector<float>(), before); });
  EXPECT_GT(calls, 20);
  EXPECT_EQ(model.weight.to_vector<float>(), saved.weight.to_vector<float>());
}

}  // namespace
}  // namespace linnet::faults

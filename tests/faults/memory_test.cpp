// Every allocation fails once while a file is read, of operator new, of malloc in any library, and of arrays:
// std::bad_alloc or an Error that speaks of memory, the target as it was, no leak, and the next time all is
// well.
#include <algorithm>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/core/device.h>
#include <linnet/core/error.h>
#include <linnet/core/random.h>
#include <linnet/data/idx.h>
#include <linnet/io/checkpoint.h>
#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/layers.h>
#include <zlib.h>
#include "tests/faults/faults.h"
#include "tests/unit/data_files.h"

namespace linnet::faults {
namespace {

bool speaks_of_memory(const Error& error) {
  const std::string text = error.what();
  // libzip forgets why it could not look for an archive's directory.
  return text.find("memory") != std::string::npos || text.ends_with("Not a zip archive");
}

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
    } catch (const Error& error) {
      failed = true;
      EXPECT_TRUE(speaks_of_memory(error)) << "allocation " << at << " failed: " << error.what();
    }
    const int64_t calls = disarm_memory();
    EXPECT_EQ(live_bytes(), before) << "allocation " << at << " failed";
    if (!failed && calls < at) return calls;
    if (failed) is_as_it_was();
  }
}

/// Whether it is the Error of an array of one of these sizes.
bool names_bytes(const Error& error, const std::vector<size_t>& sizes) {
  return std::any_of(sizes.begin(), sizes.end(), [&](size_t size) {
    return std::string(error.what()) == "[allocate] the cpu has no memory for " + std::to_string(size) +
                                            " bytes; smaller batches need less";
  });
}

/// What is to happen where there is no memory for an array: an Error that says how many bytes were asked for.
/// Gives the number of arrays.
int64_t every_array_fails(const std::vector<size_t>& sizes, const std::function<void()>& read,
                          const std::function<void()>& is_as_it_was) {
  const Device cpu = device("cpu");
  const auto held = [&] {
    cpu.trim_memory();
    return live_bytes();
  };
  for (int i = 0; i < 3; ++i) read();  // what is kept for the next time
  const int64_t before = held();
  for (int64_t at = 1;; ++at) {
    bool failed = false;
    arm_arrays(at);
    try {
      read();
    } catch (const Error& error) {
      failed = true;
      EXPECT_TRUE(names_bytes(error, sizes)) << "no memory for array " << at << ": " << error.what();
    }
    const int64_t calls = disarm_arrays();
    EXPECT_EQ(held(), before) << "no memory for array " << at;
    EXPECT_EQ(failed, calls >= at);
    if (!failed) return calls;
    is_as_it_was();
    EXPECT_NO_THROW(read());
    EXPECT_EQ(held(), before);
  }
}

TEST(MemoryFaults, Checkpoint) {
  TempFolder temp;
  Checkpoint checkpoint;
  checkpoint.add("model", {{"weight", NDArray::full({7}, 1)}, {"bias", NDArray::full({3, 2}, 2)}});
  checkpoint.texts["config"] = "{\"a\": 1}";
  save_checkpoint(checkpoint, temp / "a.safetensors");
  const auto read = [&] { load_checkpoint(temp / "a.safetensors"); };
  EXPECT_GT(every_allocation_fails_once(read, [] {}), 20);
  EXPECT_EQ(every_array_fails({28, 24}, read, [] {}), 2);
}

TEST(MemoryFaults, FilesOfTensorsInEveryFormat) {
  TempFolder temp;
  const nn::StateDict one{{"a", NDArray::full({3, 2}, 2)}};
  const nn::StateDict two{{"weight", NDArray::full({7}, 1)}, {"b", NDArray::full({3, 2}, 2)}};
  save_tensors(one, temp / "a.npy");
  for (const char* name : {"a.npz", "a.pth", "a.safetensors"}) save_tensors(two, temp / name);
  const std::string legacy = LINNET_SOURCE_DIR "/tests/golden/pth/tensor_legacy.pth";  // (2, 3)
  for (const auto& [path, arrays] : std::vector<std::pair<std::string, int64_t>>{{temp / "a.npy", 1},
                                                                                 {temp / "a.npz", 2},
                                                                                 {temp / "a.pth", 2},
                                                                                 {temp / "a.safetensors", 2},
                                                                                 {legacy, 1}}) {
    const auto read = [&file = path, count = arrays] { EXPECT_EQ(load_tensors(file).tensors.size(), count); };
    EXPECT_GT(every_allocation_fails_once(read, [] {}), 5) << path;
    EXPECT_EQ(every_array_fails({28, 24}, read, [] {}), arrays) << path;
  }
}

TEST(MemoryFaults, Idx) {
  TempFolder temp;
  data::write_idx(temp / "plain", NDArray::full({3, 2}, 2));
  const Bytes plain = read_bytes(temp / "plain");
  const gzFile packed = gzopen((temp / "packed").c_str(), "wb");
  ASSERT_EQ(gzwrite(packed, plain.data(), static_cast<unsigned>(plain.size())), plain.size());
  ASSERT_EQ(gzclose(packed), Z_OK);
  for (const char* name : {"plain", "packed"}) {
    const auto read = [&] { EXPECT_EQ(data::read_idx(temp / name).shape(), (Shape{3, 2})); };
    EXPECT_GT(every_allocation_fails_once(read, [] {}), 5) << name;
    EXPECT_EQ(every_array_fails({24}, read, [] {}), 1) << name;
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
  const auto read = [&] {
    model.weight.data().copy_(original);
    load(model, temp / "a.safetensors");
  };
  const auto is_as_it_was = [&] { EXPECT_EQ(model.weight.to_vector<float>(), before); };
  EXPECT_GT(every_allocation_fails_once(read, is_as_it_was), 20);
  EXPECT_EQ(every_array_fails({24, 8}, read, is_as_it_was), 2);
  EXPECT_EQ(model.weight.to_vector<float>(), saved.weight.to_vector<float>());
}

}  // namespace
}  // namespace linnet::faults

// `linnet inspect` and `linnet convert`: what they print, write and return.
#ifdef LINNET_TOOL
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <linnet/data/idx.h>
#include <linnet/io/npy.h>
#include <linnet/io/save.h>
#include <linnet/io/tensor_file.h>
#include <linnet/nn/models.h>
#include "tests/unit/io_zip_bytes.h"
#include "tests/unit/tool_runner.h"

namespace linnet {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_STATUS(wanted, words, text)                        \
  {                                                               \
    const ToolResult result = tool.run words;                     \
    EXPECT_EQ(result.status, wanted);                             \
    EXPECT_TRUE(has(result.err, text)) << result.err;             \
    EXPECT_EQ(result.err.rfind("linnet: ", 0), 0U) << result.err; \
    EXPECT_EQ(result.out, "");                                    \
  }

nn::StateDict sample() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return {{"w", NDArray::from_data<float>({1, -2.5F, NAN, 4, kInfinity, -kInfinity}, {2, 3})},
          {"steps", NDArray::from_data<int64_t>({INT64_MAX}, {})},
          {"mask", NDArray::from_data<bool>({true, false, false, false}, {4})},
          {"bad", NDArray::from_data<double>({NAN}, {1})},
          {"none", NDArray::zeros({0, 3})}};
}

TEST(ToolInspect, PrintsATable) {
  const Tool tool;
  save_tensors(sample(), tool / "a.safetensors", {{"format", "pt"}, {"note", "two\nlines"}});
  const ToolResult result = tool.run({"inspect", "a.safetensors"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out,
            "a.safetensors: safetensors, 5 tensors, 12 elements\n"
            "\n"
            "name   dtype    shape   bytes                  min       mean                  max  non-finite\n"
            "w      float32  (2, 3)     24                 -2.5     0.8333                    4           3\n"
            "steps  int64    ()          8  9223372036854775807  9.223e+18  9223372036854775807           0\n"
            "mask   bool     (4,)        4                    0       0.25                    1           0\n"
            "bad    float64  (1,)        8                    -          -                    -           1\n"
            "none   float32  (0, 3)      0                    -          -                    -           0\n"
            "total                      44                                                                4\n"
            "\n"
            "metadata\n"
            "  format: pt\n"
            "  note: two\\x0alines\n");
}

TEST(ToolInspect, ReadsEveryFormat) {
  const Tool tool;
  for (const char* name : {"a.safetensors", "a.pth", "a.npz"}) {
    save_tensors(sample(), tool / name);
    const ToolResult result = tool.run({"inspect", name});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(has(result.out, "5 tensors, 12 elements")) << result.out;
  }
  save_npy(NDArray::arange(6).reshape({2, 3}), tool / "one.npy");
  EXPECT_TRUE(has(tool.run({"inspect", "one.npy"}).out, "one.npy: npy, 1 tensor, 6 elements\n"));
  data::write_idx(tool / "digits-idx3-ubyte", NDArray::full({2, 3, 4}, 7, DType::UInt8));
  const ToolResult idx = tool.run({"inspect", "digits-idx3-ubyte"});
  EXPECT_TRUE(has(idx.out, "digits-idx3-ubyte: idx, 1 tensor, 24 elements\n")) << idx.out;
  EXPECT_TRUE(has(idx.out, "digits-idx3-ubyte  uint8  (2, 3, 4)     24    7     7    7           0\n"))
      << idx.out;
}

TEST(ToolInspect, NamesFromAFileDoNotReachTheTerminal) {
  const Tool tool;
  save_tensors({{"\x1b[2Jw", NDArray::zeros({1})}}, tool / "a.safetensors", {{"\x1b", "\u009b"}});
  const ToolResult result = tool.run({"inspect", "a.safetensors", "--against", "lenet-5"});
  EXPECT_TRUE(has(result.out, "\\x1b[2Jw")) << result.out;
  EXPECT_FALSE(has(result.out, "\x1b"));
  EXPECT_FALSE(has(result.out, "\u009b"));
}

TEST(ToolInspect, ComparesWithAModel) {
  const Tool tool;
  nn::SimpleCNN model;
  save(model, tool / "a.npz");
  const ToolResult fits = tool.run({"inspect", "a.npz", "--against", "simple-cnn"});
  EXPECT_EQ(fits.status, 0) << fits.err;
  EXPECT_TRUE(has(fits.out, "\nagainst simple-cnn: 10 of its 10 tensors fit\n")) << fits.out;

  nn::StateDict state = model.state_dict();
  state[0].name = "module.conv1.weight";
  state[2].array = NDArray::zeros({64, 1, 2, 2});
  save_tensors(state, tool / "b.npz");
  const ToolResult differs = tool.run({"inspect", "b.npz", "--against", "simple-cnn"});
  EXPECT_EQ(differs.status, 1);
  EXPECT_EQ(differs.err, "");
  EXPECT_TRUE(
      has(differs.out,
          "\nagainst simple-cnn: 8 of its 10 tensors fit\n"
          "  missing     conv1.weight         (32, 1, 2, 2); nearest: module.conv1.weight\n"
          "  shape       conv2.weight         (64, 1, 2, 2) in the file; the model's is (64, 32, 2, 2)\n"
          "  unexpected  module.conv1.weight  (32, 1, 2, 2)\n"
          "every missing one is there behind \"module.\": load with --prefix module.\n"))
      << differs.out;
}

TEST(ToolInspect, ComparesWithTheModelOfARun) {
  const Tool tool;
  ASSERT_EQ(tool.run({"train", "--train", "10", "--test", "10", "--epochs", "1", "--out", "run"}).status, 0);
  for (const char* model : {"run", "run/model.json"}) {
    const ToolResult result = tool.run({"inspect", "run/weights.safetensors", "--against", model});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(has(result.out, "10 of its 10 tensors fit")) << result.out;
  }
}

TEST(ToolInspect, SaysWhatIsWrong) {
  const Tool tool;
  write_bytes(tool / "text", {'h', 'e', 'l', 'l', 'o'});
  save_tensors(sample(), tool / "a.npz");
  EXPECT_STATUS(1, ({"inspect", "none"}), "[load] none: there is no such file");
  EXPECT_STATUS(1, ({"inspect", "text"}),
                "text: its content is of no format that linnet knows: it begins \"hello\"");
  EXPECT_STATUS(1, ({"inspect", "a.npz", "--from", "npy"}), "[npy] a.npz: it is no .npy file");
  EXPECT_STATUS(2, ({"inspect", "a.npz", "--from", "onnx"}),
                "unknown format 'onnx'; there are safetensors, pth, npy, npz, idx");
  EXPECT_STATUS(2, ({"inspect", "a.npz", "--against", "resnet"}),
                "unknown model 'resnet'; there are simple-cnn");
  EXPECT_STATUS(1, ({"inspect", "a.npz", "--against", "."}), "model.json");
  EXPECT_STATUS(2, ({"inspect"}), "FILE");
}

TEST(ToolConvert, GoesBetweenAllFormatsExactly) {
  const Tool tool;
  const nn::SimpleCNN model;
  save(model, tool / "first.safetensors");
  const char* names[] = {"first.safetensors", "a.pth", "b.npz", "c.pt", "d.npz", "e.safetensors"};
  for (size_t i = 1; i < std::size(names); ++i) {
    const ToolResult result = tool.run({"convert", names[i - 1], names[i]});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(has(result.out, std::string(names[i]) + ": 10 tensors as ")) << result.out;
    EXPECT_FALSE(has(result.out, "lost")) << result.out;
  }
  EXPECT_EQ(read_bytes(tool / "e.safetensors"), read_bytes(tool / "first.safetensors"));
  EXPECT_EQ(read_bytes(tool / "d.npz"), read_bytes(tool / "b.npz"));
  nn::SimpleCNN other;
  load(other, tool / "c.pt");
  EXPECT_EQ(other.fc1.weight.to_vector<float>(), model.fc1.weight.to_vector<float>());
}

TEST(ToolConvert, SaysWhatIsLost) {
  const Tool tool;
  save_tensors({{"weight", NDArray::arange(3)}}, tool / "a.safetensors", {{"format", "pt"}, {"note", "x"}});
  EXPECT_EQ(tool.run({"convert", "a.safetensors", "b.npz"}).out,
            "b.npz: 1 tensor as npz, from safetensors\n"
            "lost: the metadata (format, note): linnet writes none to npz files\n");
  EXPECT_EQ(tool.run({"convert", "b.npz", "b.npy"}).out,
            "b.npy: 1 tensor as npy, from npz\n"
            "lost: the name \"weight\": npy files keep none\n");
  EXPECT_EQ(tool.run({"convert", "b.npz", "weight.npy"}).out, "weight.npy: 1 tensor as npy, from npz\n");
  EXPECT_EQ(tool.run({"convert", "weight.npy", "c.safetensors"}).status, 0);
  EXPECT_EQ(load_tensors(tool / "c.safetensors").tensors.front().name, "weight");
  EXPECT_EQ(tool.run({"convert", "a.safetensors", "d.safetensors"}).out,
            "d.safetensors: 1 tensor as safetensors, from safetensors\n");
  EXPECT_EQ(read_bytes(tool / "d.safetensors"), read_bytes(tool / "a.safetensors"));
  save_tensors(sample(), tool / "many.npz");
  EXPECT_STATUS(1, ({"convert", "many.npz", "many.npy"}),
                "a .npy file holds one array and here are 5; a .npz file");
  EXPECT_FALSE(std::filesystem::exists(tool / "many.npy"));
}

TEST(ToolConvert, ReadsWhatPyTorchWrote) {
  const Tool tool;
  const std::string folder = LINNET_SOURCE_DIR "/tests/golden/pth/";
  for (const char* form : {"checkpoint", "checkpoint_legacy"}) {
    const std::string from = folder + form + ".pth";
    const ToolResult kept = tool.run({"convert", from, "a.safetensors", "--overwrite"});
    EXPECT_EQ(kept.status, 0) << kept.err;
    EXPECT_FALSE(has(kept.out, "lost")) << kept.out;
    const TensorFile before = load_tensors(from), after = load_tensors(tool / "a.safetensors");
    EXPECT_EQ(after.metadata, before.metadata);
    EXPECT_EQ(after.metadata.at("arch"), "tiny");
    ASSERT_EQ(after.tensors.size(), before.tensors.size());
    for (size_t i = 0; i < after.tensors.size(); ++i) {
      EXPECT_EQ(after.tensors[i].name, before.tensors[i].name);
      EXPECT_EQ(after.tensors[i].array.to_vector<double>(), before.tensors[i].array.to_vector<double>());
    }
    EXPECT_TRUE(
        has(tool.run({"convert", from, "a.pth", "--overwrite"}).out, "lost: the metadata (arch, best, "));
  }
  EXPECT_STATUS(1, ({"convert", folder + "module.pth", "b.npz"}), "nothing was executed");
  EXPECT_STATUS(1, ({"inspect", folder + "int8.pth"}), "\"weight\" has dtype int8; linnet reads float32");
}

TEST(ToolConvert, ReadsIdx) {
  const Tool tool;
  const NDArray images = NDArray::arange(24, DType::UInt8).reshape({2, 3, 4});
  data::write_idx(tool / "t10k-images.idx3-ubyte", images);
  const ToolResult result = tool.run({"convert", "t10k-images.idx3-ubyte", "images.npz"});
  EXPECT_EQ(result.out, "images.npz: 1 tensor as npz, from idx\n") << result.err;
  const nn::StateDict tensors = load_npz(tool / "images.npz");
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "t10k-images");
  EXPECT_EQ(tensors[0].array.shape(), images.shape());
  EXPECT_EQ(tensors[0].array.to_vector<uint8_t>(), images.to_vector<uint8_t>());
}

TEST(ToolConvert, KeepsAFileThatIsThere) {
  const Tool tool;
  save_tensors(sample(), tool / "a.npz");
  write_bytes(tool / "b.npz", {1});
  EXPECT_STATUS(1, ({"convert", "a.npz", "b.npz"}),
                "'b.npz' is there; it is kept; give another name, or --overwrite");
  EXPECT_EQ(read_bytes(tool / "b.npz"), Bytes{1});
  EXPECT_EQ(tool.run({"convert", "a.npz", "b.npz", "--overwrite"}).status, 0);
  EXPECT_EQ(read_bytes(tool / "b.npz"), read_bytes(tool / "a.npz"));
  EXPECT_EQ(tool.run({"convert", "a.npz", "a.npz", "--overwrite"}).status, 0);  // onto itself
  EXPECT_EQ(read_bytes(tool / "b.npz"), read_bytes(tool / "a.npz"));
  write_bytes(tool / "broken.npz", {'P', 'K', 3, 4});
  EXPECT_STATUS(1, ({"convert", "broken.npz", "a.npz", "--overwrite"}), "broken.npz");
  EXPECT_EQ(read_bytes(tool / "b.npz"), read_bytes(tool / "a.npz"));
}

TEST(ToolConvert, SaysWhatIsWrong) {
  const Tool tool;
  save_tensors(sample(), tool / "a.npz");
  EXPECT_STATUS(1, ({"convert", "none", "b.npz"}), "[load] none: there is no such file");
  EXPECT_STATUS(1, ({"convert", "a.npz", "no/b.npz"}), "no/b.npz: No such file or directory");
  EXPECT_STATUS(1, ({"convert", "a.npz", "b.npz", "--from", "safetensors"}), "[safetensors] a.npz");
  EXPECT_STATUS(2, ({"convert", "a.npz", "b.bin"}), "b.bin: files ending in \".bin\" are not supported");
  EXPECT_STATUS(2, ({"convert", "a.npz", "b.npz", "--from", "pkl"}), "unknown format 'pkl'");
  EXPECT_STATUS(2, ({"convert", "a.npz"}), "B is required");
  EXPECT_FALSE(std::filesystem::exists(tool / "b.npz"));
}

#ifndef __SANITIZE_ADDRESS__  // which needs more address space than there is to give
TEST(ToolInspect, SaysThatThereIsNoMemory) {
  Tool tool;
  tool.most_memory = rlim_t{3} << 30;
  // A file's claims are believed as far as deflate could keep them.
  const ZipEntryBytes entry{
      .name = "w.npy", .data = std::string(4'000'000, 'x'), .method = 8, .size = 4'000'000'000};
  write_text(tool / "large.npz", zip_bytes({entry}));
  EXPECT_STATUS(1, ({"inspect", "large.npz"}), "linnet: there is not enough memory; ");
}
#endif

TEST(ToolConvert, HelpHasAnExample) {
  const Tool tool;
  for (const char* command : {"inspect", "convert"}) {
    const ToolResult help = tool.run({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(has(help.out, std::string("Example:\n  linnet ") + command)) << help.out;
  }
}

}  // namespace
}  // namespace linnet
#endif

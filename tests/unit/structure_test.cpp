// The house rules that can be read off the sources: which component may include which, what public headers
// may contain, where third-party headers may appear. A checker over (path, text) pairs; the last test runs it
// over the real tree, the others show that it finds what it should.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using Files = std::map<std::string, std::string>;  // path from the root -> text
using Strings = std::vector<std::string>;

// What a component includes directly; whatever those may include, it may include too.
const std::map<std::string, std::set<std::string>> kBuiltOn = {
    {"core", {}},
    {"cpu", {"core"}},
    {"cuda", {"core"}},
    {"runtime", {"core", "cpu", "cuda"}},
    {"autograd", {"core"}},
    {"nn", {"autograd"}},
    {"io", {"nn"}},
    {"data", {"core"}},
    {"check", {"nn"}},
    {"train", {"io", "data"}},
    {"tools", {"train", "check", "runtime"}},
};

// Third-party headers by the start of their name, and the components whose private files may include them.
const std::set<std::string> kAll = {"core", "cpu",  "cuda",  "runtime", "autograd", "nn",
                                    "io",   "data", "check", "train",   "tools"};
const std::vector<std::pair<std::string, std::set<std::string>>> kThirdParty = {
    {"hwy/", {"cpu"}},          {"CLI/", {"tools"}},    {"spng.h", {"data"}},
    {"jpeglib.h", {"data"}},    {"jerror.h", {"data"}}, {"zip.h", {"io"}},
    {"zlib.h", {"io", "data"}}, {"nlohmann/", kAll},    {"fmt/", kAll},
    {"cuda", {"cuda"}},         {"cublas", {"cuda"}},   {"device_", {"cuda"}},
    {"cooperative_", {"cuda"}},
};

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

std::set<std::string> may_include(const std::string& component) {
  std::set<std::string> all = {component};
  for (const std::string& below : kBuiltOn.at(component)) {
    const std::set<std::string> more = may_include(below);
    all.insert(more.begin(), more.end());
  }
  return all;
}

bool is_public(const std::string& path) {
  return starts_with(path, "include/linnet/");
}

// "include/linnet/nn/module.h" and "nn/module.cpp" belong to nn; include/linnet/linnet.h, which includes all,
// to none.
std::string component_of(const std::string& path) {
  const std::string rest = is_public(path) ? path.substr(std::string("include/linnet/").size()) : path;
  const size_t slash = rest.find('/');
  return slash == std::string::npos ? "" : rest.substr(0, slash);
}

// What is wrong with `path` (of `component`) including `name`, empty if nothing is.
std::string check_include(const Files& files, const std::string& path, const std::string& component,
                          const std::string& name) {
  const bool linnet_public = starts_with(name, "linnet/");
  const std::string target = linnet_public ? "include/" + name : name;
  const bool own = linnet_public || kBuiltOn.count(component_of(name)) != 0;
  if (own) {
    if (files.count(target) == 0) return "includes <" + name + ">, which does not exist";
    if (is_public(path) && !linnet_public) return "is public and includes the private " + name;
    if (component.empty()) return "";
    const std::string other = component_of(target);
    if (other.empty()) return "includes <" + name + ">, which is for users: name the headers needed";
    if (may_include(component).count(other) == 0)
      return component + " must not depend on " + other + ": " + name;
    return "";
  }
  for (const auto& [start, components] : kThirdParty) {
    if (!starts_with(name, start)) continue;
    if (is_public(path)) return "is public and includes the third-party " + name;
    return components.count(component) != 0 ? "" : name + " has no place in " + component;
  }
  const bool standard = std::regex_match(name, std::regex("[a-z0-9_]+"));
  const bool posix = std::regex_match(name, std::regex("(sys/)?[a-z0-9_]+\\.h"));
  if (standard || (posix && !is_public(path))) return "";
  return "includes " + name + ", which no rule knows";
}

Strings check_file(const Files& files, const std::string& path, const std::string& text) {
  static const std::regex include_line("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]");
  static const std::regex define_line("^\\s*#\\s*define\\s+(\\w+)");
  Strings found;
  const std::string component = component_of(path);
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::smatch match;
    if (std::regex_search(line, match, include_line)) {
      const std::string wrong = check_include(files, path, component, match[1]);
      if (!wrong.empty()) found.push_back(path + ": " + wrong);
    }
    if (is_public(path) && std::regex_search(line, match, define_line) && !starts_with(match[1], "LINNET_")) {
      found.push_back(path + ": a public header defines the macro " + match[1].str());
    }
  }
  if (path.substr(path.size() - 2) == ".h" && text.find("#pragma once") == std::string::npos) {
    found.push_back(path + ": has no #pragma once");
  }
  return found;
}

Strings check_all(const Files& files) {
  Strings found;
  for (const auto& [path, text] : files) {
    const Strings more = check_file(files, path, text);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

Files read_tree() {
  namespace fs = std::filesystem;
  const fs::path root = LINNET_SOURCE_DIR;
  std::vector<fs::path> folders = {root / "include"};
  for (const auto& [component, below] : kBuiltOn) folders.push_back(root / component);
  Files files;
  for (const fs::path& folder : folders) {
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
      // A library of its own, which knows nothing of linnet; the compiler sees to that.
      if (entry.path().generic_string().find("/cuda/emulator/") != std::string::npos) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      files[fs::relative(entry.path(), root).generic_string()].assign(std::istreambuf_iterator<char>(in), {});
    }
  }
  return files;
}

// What the checker says of one more file in a small sound tree.
Strings check_with(const std::string& path, const std::string& text) {
  Files files = {
      {"include/linnet/linnet.h",
       "#pragma once\n#include <linnet/core/ndarray.h>\n#include <linnet/nn/module.h>\n"},
      {"include/linnet/core/ndarray.h", "#pragma once\n#include <vector>\n"},
      {"include/linnet/nn/module.h", "#pragma once\n#include <linnet/core/ndarray.h>\n"},
      {"include/linnet/cpu/threads.h", "#pragma once\n"},
      {"core/view.h", "#pragma once\n#include <linnet/core/ndarray.h>\n"},
      {"cpu/gemm.h", "#pragma once\n#include \"core/view.h\"\n"},
      {"cpu/gemm.cpp", "#include \"cpu/gemm.h\"\n#include <hwy/highway.h>\n#include <fmt/format.h>\n"},
      {"train/fit.h", "#pragma once\n#include <linnet/nn/module.h>\n"},
      {"tools/main.cpp",
       "#include <CLI/CLI.hpp>\n#include <linnet/cpu/threads.h>\n#include \"train/fit.h\"\n"},
  };
  EXPECT_EQ(check_all(files), Strings());
  files[path] = text;
  return check_all(files);
}

TEST(StructureRules, DependenciesRunOneWay) {
  EXPECT_EQ(check_with("core/x.cpp", "#include \"cpu/gemm.h\"\n"),
            Strings{"core/x.cpp: core must not depend on cpu: cpu/gemm.h"});
  EXPECT_EQ(check_with("core/x.cpp", "  #  include <linnet/nn/module.h>\n"),
            Strings{"core/x.cpp: core must not depend on nn: linnet/nn/module.h"});
  EXPECT_EQ(check_with("include/linnet/core/x.h", "#pragma once\n#include <linnet/nn/module.h>\n"),
            Strings{"include/linnet/core/x.h: core must not depend on nn: linnet/nn/module.h"});
  EXPECT_EQ(check_with("nn/x.cpp", "#include \"train/fit.h\"\n"),
            Strings{"nn/x.cpp: nn must not depend on train: train/fit.h"});
  EXPECT_EQ(check_with("data/x.cpp", "#include <linnet/nn/module.h>\n"),
            Strings{"data/x.cpp: data must not depend on nn: linnet/nn/module.h"});
  EXPECT_EQ(check_with("nn/x.cpp", "#include <linnet/cpu/threads.h>\n"),
            Strings{"nn/x.cpp: nn must not depend on cpu: linnet/cpu/threads.h"});
  EXPECT_EQ(check_with("train/x.cpp", "#include <linnet/core/ndarray.h>\n#include \"core/view.h\"\n"),
            Strings());
}

TEST(Structure, TheEmulatorAndTheBackendDoNotKnowEachOther) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(LINNET_SOURCE_DIR) / "cuda";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = fs::relative(entry.path(), root).generic_string(),
                      extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    if (starts_with(path, "emulator/")) {
      EXPECT_FALSE(std::regex_search(text, std::regex("#\\s*include\\s*[<\"](linnet|core|cuda)/"))) << path;
    } else {
      EXPECT_EQ(text.find("emulator"), std::string::npos) << path;
    }
  }
}

TEST(StructureRules, CpuAndCudaAreStrangers) {
  EXPECT_EQ(check_with("cuda/x.cu", "#include \"cpu/gemm.h\"\n"),
            Strings{"cuda/x.cu: cuda must not depend on cpu: cpu/gemm.h"});
  EXPECT_EQ(check_with("cuda/x.cu", "#include <cuda_runtime.h>\n"), Strings());
  EXPECT_EQ(check_with("cpu/x.cpp", "#include <cuda_runtime.h>\n"),
            Strings{"cpu/x.cpp: cuda_runtime.h has no place in cpu"});
}

TEST(StructureRules, ThirdPartyHeadersStayPrivate) {
  EXPECT_EQ(check_with("include/linnet/core/x.h", "#pragma once\n#include <fmt/format.h>\n"),
            Strings{"include/linnet/core/x.h: is public and includes the third-party fmt/format.h"});
  EXPECT_EQ(check_with("include/linnet/core/x.h", "#pragma once\n#include \"core/view.h\"\n"),
            Strings{"include/linnet/core/x.h: is public and includes the private core/view.h"});
  EXPECT_EQ(check_with("nn/x.cpp", "#include <hwy/highway.h>\n"),
            Strings{"nn/x.cpp: hwy/highway.h has no place in nn"});
  EXPECT_EQ(check_with("train/x.cpp", "#include <CLI/CLI.hpp>\n"),
            Strings{"train/x.cpp: CLI/CLI.hpp has no place in train"});
  EXPECT_EQ(check_with("io/x.cpp", "#include <torch/torch.h>\n"),
            Strings{"io/x.cpp: includes torch/torch.h, which no rule knows"});
}

TEST(StructureRules, PublicHeadersDefineOnlyMacrosOfLinnet) {
  EXPECT_EQ(check_with("include/linnet/core/x.h", "#pragma once\n# define MAX(a, b) a\n#define LINNET_X 1\n"),
            Strings{"include/linnet/core/x.h: a public header defines the macro MAX"});
  EXPECT_EQ(check_with("include/linnet/core/x.h", "\n"),
            Strings{"include/linnet/core/x.h: has no #pragma once"});
}

TEST(StructureRules, IncludesNameWhatExists) {
  EXPECT_EQ(check_with("nn/x.cpp", "#include \"nn/gone.h\"\n"),
            Strings{"nn/x.cpp: includes <nn/gone.h>, which does not exist"});
  EXPECT_EQ(check_with("nn/x.cpp", "#include <linnet/linnet.h>\n"),
            Strings{"nn/x.cpp: includes <linnet/linnet.h>, which is for users: name the headers needed"});
}

TEST(Structure, TheTreeKeepsTheRules) {
  const Files files = read_tree();
  EXPECT_GT(files.size(), 20u);
  EXPECT_EQ(files.count("include/linnet/core/ndarray.h"), 1u);
  EXPECT_EQ(check_all(files), Strings());
}

}  // namespace

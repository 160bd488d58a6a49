// Pages that show code of the sources only: every block of C++ opens with a line that names a file, and the
// rest of it stands in that file, line for line, whatever the indentation.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

std::string read(const std::string& path) {
  std::ifstream file(LINNET_SOURCE_DIR "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? text.str() : "";
}

/// Lines without what they begin with, each ended by one newline; empty ones are dropped.
std::string without_indentation(const std::string& text) {
  std::istringstream lines(text);
  std::string line, all;
  while (std::getline(lines, line)) {
    const size_t begin = line.find_first_not_of(' ');
    if (begin != std::string::npos) all += line.substr(begin) + "\n";
  }
  return all;
}

/// What is wrong with a page's excerpts; `blocks` counts them.
std::vector<std::string> check_excerpts(const std::string& page, int& blocks) {
  std::vector<std::string> problems;
  const std::string open = "```cpp\n", mark = "// ";
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    const std::string block = page.substr(at, page.find("```", at) - at);
    const std::string first = block.substr(0, block.find('\n'));
    ++blocks;
    const std::string source = first.rfind(mark, 0) == 0 ? read(first.substr(mark.size())) : "";
    if (source.empty()) {
      problems.push_back("no file: " + first);
    } else if (const std::string excerpt = without_indentation(block.substr(first.size() + 1));
               ("\n" + without_indentation(source)).find("\n" + excerpt) == std::string::npos) {
      problems.push_back("not in " + first.substr(mark.size()) + ":\n" + excerpt);
    }
  }
  return problems;
}

TEST(DocsCode, StandsInTheSources) {
  const std::pair<const char*, int> pages[] = {{"docs/cuda.md", 8},
                                               {"docs/convolution.md", 8},
                                               {"docs/add_an_operator.md", 8},
                                               {"docs/performance.md", 4},
                                               {"docs/inference.md", 4}};
  for (const auto& [page, least] : pages) {
    int blocks = 0;
    EXPECT_EQ(check_excerpts(read(page), blocks), std::vector<std::string>()) << page;
    EXPECT_GE(blocks, least) << page;
  }
}

TEST(DocsCode, AnExcerptThatDiffersIsFound) {
  int blocks = 0;
  const std::string page =
      "```cpp\n// docs/cuda.md\n# The CUDA backend\n```\n"
      "```cpp\nint x;\n```\n"
      "```cpp\n// docs/cuda.md\n# The CUDA back\n```\n"
      "```cpp\n// docs/none.md\n#\n```\n";
  EXPECT_EQ(check_excerpts(page, blocks),
            (std::vector<std::string>{"no file: int x;", "not in docs/cuda.md:\n# The CUDA back\n",
                                      "no file: // docs/none.md"}));
  EXPECT_EQ(blocks, 4);
}

}  // namespace

// linnet make-digits: the synthetic digits as files.
#include <filesystem>
#include <system_error>

#include <linnet/core/error.h>
#include <linnet/data/digits.h>
#include "tools/command.h"
#include "tools/data_source.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet make-digits data/digits
  linnet train --data data/digits)";

struct DigitsWords {
  std::string folder;
  int64_t train = DataSource{}.train;
  int64_t test = DataSource{}.test;
  uint64_t seed = kDigitsSeed;
  bool overwrite = false;
};

/// Real MNIST files have the same names.
void check_folder(const DigitsWords& words) {
  std::error_code error;
  if (words.overwrite || !std::filesystem::exists(words.folder, error)) return;
  if (std::filesystem::is_directory(words.folder, error) && std::filesystem::is_empty(words.folder, error)) {
    return;
  }
  throw Error("make-digits",
              format_text("'{}' is there and no empty folder; it is kept; give another one, or "
                          "--overwrite to replace files of the same names",
                          words.folder));
}

int run(const DigitsWords& words) {
  check_folder(words);
  data::write_digits(words.folder, words.train, words.test, words.seed);
  print_text("{}: {} training and {} test images as IDX files, and digit-0.png to digit-9.png\n",
             words.folder, words.train, words.test);
  return kDone;
}

}  // namespace

Command make_digits_command(Parser& app) {
  Parser sub = app.add_subcommand("make-digits", "Write synthetic digits as IDX files, and ten as PNG");
  sub.footer(kFooter);
  auto words = std::make_shared<DigitsWords>();
  sub.add_option("DIR", words->folder, "The folder; made where it is not there").required();
  sub.add_option("--train", words->train, "Training images").range(1, 1'000'000).capture_default_str();
  sub.add_option("--test", words->test, "Test images").range(1, 1'000'000).capture_default_str();
  sub.add_option("--seed", words->seed, "The same seed, the same files").non_negative().capture_default_str();
  sub.add_flag("--overwrite", words->overwrite, "Replace files of the same names in DIR");
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool

// The words of the command line, read by CLI11: Parser and Option are its App and its Option, with what the
// subcommands need. Its header takes seconds to compile, so parser.cpp alone includes it.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 calls it
class App;
class Option;
}  // namespace CLI

namespace linnet::tool {

/// The words were wrong.
class WordError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option to say more of; each call gives it back.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  /// From `least` to `most`; of numbers as int, int64_t or double.
  template <typename T>
  Option range(T least, T most);
  Option non_negative();
  Option delimiter(char between);  ///< Several values in one word.
  Option required();
  Option envname(const std::string& name);  ///< The variable that is read where the word is not given.
  Option capture_default_str();             ///< --help shows the value that the variable has now.

 private:
  CLI::Option* option_;
};

/// A command and its subcommands. Variables named here are written by parse(), and must live until then.
class Parser {
 public:
  Parser(const std::string& name, const std::string& text);

  /// Numbers, std::optional of them, std::string, or std::vector<std::string>: see parser.cpp.
  template <typename T>
  Option add_option(const std::string& name, T& value, const std::string& text);
  Option add_flag(const std::string& name, bool& value, const std::string& text);
  Parser add_subcommand(const std::string& name, const std::string& text);
  void require_subcommand(size_t least, size_t most);
  void set_version_flag(const std::string& name, const std::string& version);
  void footer(const std::string& text);

  /// Reads the words. Gives the exit status where that is all there is to do, as after --help, which it
  /// prints. Throws WordError.
  std::optional<int> parse(int argc, char** argv);
  /// How often that word was given.
  size_t count(const std::string& name) const;
  /// Whether the words named this subcommand.
  bool parsed() const;
  std::string name() const;
  std::vector<std::string> subcommand_names() const;
  std::string help() const;

 private:
  explicit Parser(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}

  std::shared_ptr<CLI::App> app_;  ///< A subcommand's keeps the whole.
};

}  // namespace linnet::tool

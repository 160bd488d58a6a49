#include "tools/parser.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <utility>

namespace linnet::tool {

template <typename T>
Option Option::range(T least, T most) {
  return Option(option_->check(CLI::Range(least, most)));
}
template Option Option::range(int, int);
template Option Option::range(int64_t, int64_t);
template Option Option::range(double, double);

Option Option::non_negative() {
  return Option(option_->check(CLI::NonNegativeNumber));
}

Option Option::delimiter(char between) {
  return Option(option_->delimiter(between));
}

Option Option::required() {
  return Option(option_->required());
}

Option Option::envname(const std::string& name) {
  return Option(option_->envname(name));
}

Option Option::capture_default_str() {
  return Option(option_->capture_default_str());
}

Parser::Parser(const std::string& name, const std::string& text)
    : app_(std::make_shared<CLI::App>(text, name)) {}

template <typename T>
Option Parser::add_option(const std::string& name, T& value, const std::string& text) {
  return Option(app_->add_option(name, value, text));
}
template Option Parser::add_option(const std::string&, int&, const std::string&);
template Option Parser::add_option(const std::string&, int64_t&, const std::string&);
template Option Parser::add_option(const std::string&, uint64_t&, const std::string&);
template Option Parser::add_option(const std::string&, double&, const std::string&);
template Option Parser::add_option(const std::string&, std::string&, const std::string&);
template Option Parser::add_option(const std::string&, std::optional<uint64_t>&, const std::string&);
template Option Parser::add_option(const std::string&, std::optional<double>&, const std::string&);
template Option Parser::add_option(const std::string&, std::vector<std::string>&, const std::string&);

Option Parser::add_flag(const std::string& name, bool& value, const std::string& text) {
  return Option(app_->add_flag(name, value, text));
}

Parser Parser::add_subcommand(const std::string& name, const std::string& text) {
  return Parser(std::shared_ptr<CLI::App>(app_, app_->add_subcommand(name, text)));
}

void Parser::require_subcommand(size_t least, size_t most) {
  app_->require_subcommand(least, most);
}

void Parser::set_version_flag(const std::string& name, const std::string& version) {
  app_->set_version_flag(name, version);
}

void Parser::footer(const std::string& text) {
  app_->footer(text);
}

std::optional<int> Parser::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);  // --help, --version
    throw WordError(std::string(error.what()) + "; --help tells more");
  }
}

size_t Parser::count(const std::string& name) const {
  return app_->count(name);
}

bool Parser::parsed() const {
  return app_->parsed();
}

std::string Parser::name() const {
  return app_->get_name();
}

std::vector<std::string> Parser::subcommand_names() const {
  std::vector<std::string> names;
  for (const CLI::App* each : app_->get_subcommands({})) names.push_back(each->get_name());
  return names;
}

std::string Parser::help() const {
  return app_->help();
}

}  // namespace linnet::tool

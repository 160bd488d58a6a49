// linnet: trains, measures and uses networks from the command line.
// Exit status 0; 1 where the job failed; 2 where the words were wrong; 130 after Ctrl-C.
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <linnet/core/version.h>
#include "tools/command.h"
#include "tools/print.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet train --epochs 3 --out runs/first
  linnet evaluate runs/first
  linnet predict runs/first --samples 8

Environment: LINNET_DATA, the folder that holds mnist/; LINNET_DEVICE, the default of --device.
Exit status: 0; 1 where the job failed; 2 where the words were wrong; 130 after Ctrl-C.)";

int complain(int status, const std::string& text) {
  std::fflush(stdout);
  print_error("linnet: {}\n", text);
  return status;
}

/// The parser would only say that a subcommand is required.
void check_command(int argc, char** argv, const std::vector<Command>& commands) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names, below;
  for (const Command& command : commands) {
    names.push_back(command.parser.name());
    if (names.back() == argv[1]) below = command.parser.subcommand_names();
  }
  check_name("command", argv[1], names);
  if (argc < 3 || argv[2][0] == '-' || below.empty()) return;
  check_name(format_text("command of {}", argv[1]), argv[2], below);
}

int run_command(int argc, char** argv) {
  Parser app("linnet", "linnet: trains, measures and uses convolutional networks");
  app.set_version_flag("--version", format_text("linnet {}.{}.{}", LINNET_VERSION_MAJOR, LINNET_VERSION_MINOR,
                                                LINNET_VERSION_PATCH));
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  const std::vector<Command> commands{train_command(app),       evaluate_command(app), predict_command(app),
                                      make_digits_command(app), doctor_command(app),   parity_command(app),
                                      bench_command(app),       inspect_command(app),  convert_command(app)};
  check_command(argc, argv, commands);
  if (const std::optional<int> status = app.parse(argc, argv)) return *status;
  for (const Command& command : commands) {
    if (command.parser.parsed()) return command.run();
  }
  print_error("{}", app.help());
  return kWrongWords;
}

int run(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const WordError& error) {
    return complain(kWrongWords, error.what());
  } catch (const std::bad_alloc&) {
    // Its own text is a name of C++, and there may be no memory to format another.
    std::fflush(stdout);
    std::fputs(
        "linnet: there is not enough memory; a smaller model, smaller batches or a smaller file need less\n",
        stderr);
    return kFailed;
  } catch (const std::exception& error) {
    return complain(kFailed, error.what());
  }
}

}  // namespace
}  // namespace linnet::tool

int main(int argc, char** argv) {
  return linnet::tool::run(argc, argv);
}

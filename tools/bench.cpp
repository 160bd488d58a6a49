// linnet bench: what is timed, by name.
#include <vector>

#include "tools/command.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet bench conv --shape nhwc-10
  linnet bench gemm --size 512 --threads 1
  linnet bench step --model simple-cnn --algorithm direct,im2col)";

}  // namespace

Command bench_command(Parser& app) {
  Parser sub =
      app.add_subcommand("bench", "Time convolutions, matrix products or a network, by each algorithm");
  sub.footer(kFooter);
  sub.require_subcommand(0, 1);
  const std::vector<Command> all{bench_conv_command(sub), bench_gemm_command(sub), bench_step_command(sub)};
  return {sub, [all]() -> int {
            for (const Command& each : all) {
              if (each.parser.parsed()) return each.run();
            }
            throw WordError("bench what? There are conv, gemm, step; --help tells more");
          }};
}

}  // namespace linnet::tool

// The command line's parser, by name only: its header takes seconds to compile, so just the files that add
// words to it include it.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 calls it
class App;
}

// ParityReport as text.
#include <linnet/check/parity.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "core/format.h"

namespace linnet {
namespace {

using Cells = std::array<std::string, 8>;

Cells cells(const ParityEntry& entry) {
  const checks::Outcome& outcome = entry.outcome;
  return {name(entry.phase),
          entry.layer,
          entry.what,
          to_string(entry.shape),
          format_text("{:.2g}", outcome.ulp),
          format_text("{:.2e}", outcome.error),
          format_text("{:.2e}", outcome.tolerance),
          entry.ok() ? "ok" : "FAILS"};
}

/// Texts to the left, numbers to the right.
std::string line(const Cells& row, const std::array<size_t, 8>& width) {
  std::string text;
  for (size_t i = 0; i < row.size(); ++i) {
    const bool number = i >= 4 && i <= 6;
    text += i == 0 ? "" : "  ";
    text += number ? format_text("{:>{}}", row[i], width[i]) : format_text("{:<{}}", row[i], width[i]);
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

const char* name(ParityPhase phase) {
  switch (phase) {
    case ParityPhase::Forward:
      return "forward";
    case ParityPhase::Backward:
      return "backward";
    case ParityPhase::Update:
      return "update";
  }
  return "";
}

const ParityEntry* ParityReport::first_failure() const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [](const ParityEntry& e) { return !e.ok(); });
  return found == entries.end() ? nullptr : &*found;
}

std::ostream& operator<<(std::ostream& out, const ParityReport& report) {
  std::vector<Cells> table{{"phase", "layer", "what", "shape", "ULP", "error", "tolerance", "verdict"}};
  for (const ParityEntry& entry : report.entries) table.push_back(cells(entry));
  std::array<size_t, 8> width{};
  for (const Cells& row : table) {
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (const Cells& row : table) out << line(row, width) << '\n';
  const auto failed = std::count_if(report.entries.begin(), report.entries.end(),
                                    [](const ParityEntry& e) { return !e.ok(); });
  out << format_text("{} against {}: ", report.device, report.reference);
  if (const ParityEntry* first = report.first_failure()) {
    return out << format_text("{} of {} comparisons are beyond tolerance; the first is {} of {}, {} ({}): {}",
                              failed, report.entries.size(), name(first->phase), first->layer, first->what,
                              first->module, first->outcome.failure);
  }
  return out << format_text("{} comparisons, all within tolerance", report.entries.size());
}

}  // namespace linnet

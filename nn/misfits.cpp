#include "nn/misfits.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/format.h"
#include "core/printable.h"

namespace linnet::nn {
namespace {

constexpr size_t kShown = 40;        // of each kind, in a message
constexpr size_t kCompared = 1000;   // of missing names with as many others: their number is squared
constexpr size_t kLongestName = 96;  // of what is compared

/// Insertions, removals and replacements of characters that make one text of the other (Levenshtein, "Binary
/// codes capable of correcting deletions, insertions, and reversals", 1966).
size_t distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongestName);
  b = b.substr(0, kLongestName);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

/// Whether one of two names is the end of the other, from a dot on.
bool ends_alike(const std::string& a, const std::string& b) {
  return a.ends_with('.' + b) || b.ends_with('.' + a);
}

/// Of the same shape where there is one, else of any; no more than half of the characters may differ, unless
/// only a beginning does.
std::string nearest_to(const Misfits::Missing& missing, const std::vector<Misfits::Unexpected>& candidates) {
  const Misfits::Unexpected* best = nullptr;
  size_t best_distance = 0;
  for (const Misfits::Unexpected& each : candidates) {
    const size_t found = distance(missing.name, each.name);
    const bool same_shape = each.shape == missing.shape;
    const bool best_has_it = best != nullptr && best->shape == missing.shape;
    const bool far = 2 * found > std::max(missing.name.size(), each.name.size());
    if (far && !ends_alike(missing.name, each.name)) continue;
    if (best == nullptr || (same_shape && !best_has_it) ||
        (same_shape == best_has_it && found < best_distance)) {
      best = &each;
      best_distance = found;
    }
  }
  return best ? best->name : "";
}

using ByName = std::unordered_map<std::string, const NDArray*>;

/// What stands before all missing names in the state, in their shapes: "module." or "model.".
std::string common_prefix(const std::vector<Misfits::Missing>& missing, const StateDict& given,
                          const ByName& by_name) {
  if (missing.empty()) return {};
  const std::string& first = missing.front().name;
  for (const auto& [name, array] : given) {
    if (!name.ends_with('.' + first)) continue;
    const std::string prefix = name.substr(0, name.size() - first.size());
    const bool all = std::all_of(missing.begin(), missing.end(), [&](const auto& each) {
      const auto found = by_name.find(prefix + each.name);
      return found != by_name.end() && found->second->shape() == each.shape;
    });
    if (all) return prefix;
  }
  return {};
}

template <class Items, class Text>
std::string listed(const char* what, const Items& items, const Text& text) {
  if (items.empty()) return {};
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(items.size(), kShown); ++i) texts.push_back(text(items[i]));
  if (items.size() > kShown) texts.push_back(format_text("and {} more", items.size() - kShown));
  return format_text("; {}: {}", what, join(texts, ", "));
}

}  // namespace

std::string Misfits::text(bool strict) const {
  std::string all;
  if (strict) {
    all += listed("missing", missing, [](const Missing& each) {
      const std::string meant = each.nearest.empty() ? "" : format_text(" [{}?]", printable(each.nearest));
      return format_text("{} {}{}", each.name, each.shape, meant);
    });
    all += listed("unexpected", unexpected, [](const Unexpected& each) {
      return format_text("{} {}", printable(each.name), each.shape);
    });
  }
  all += listed("shapes differ", misshaped, [](const Misshaped& each) {
    return format_text("{} is {} and the state has {}", each.name, each.expected, each.given);
  });
  if (strict && !prefix.empty()) {
    all += format_text("; every missing name is there behind \"{0}\": load with the prefix \"{0}\"",
                       printable(prefix));
  }
  return all;
}

Misfits misfits(const StateDict& expected, const StateDict& given) {
  ByName by_name, wanted;
  for (const auto& [name, array] : given) by_name.emplace(name, &array);
  for (const auto& [name, array] : expected) wanted.emplace(name, &array);
  Misfits found;
  for (const auto& [name, array] : given) {
    if (wanted.count(name) == 0) found.unexpected.push_back({name, array.shape()});
  }
  for (const auto& [name, array] : expected) {
    const auto same = by_name.find(name);
    if (same == by_name.end()) {
      found.missing.push_back({name, array.shape(), {}});
    } else if (same->second->shape() != array.shape()) {
      found.misshaped.push_back({name, array.shape(), same->second->shape()});
    }
  }
  found.prefix = common_prefix(found.missing, given, by_name);
  if (found.missing.size() <= kCompared && found.unexpected.size() <= kCompared) {
    for (Misfits::Missing& each : found.missing) each.nearest = nearest_to(each, found.unexpected);
  }
  return found;
}

}  // namespace linnet::nn

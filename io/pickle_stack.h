// Below a pickle's operations: its bytes, the values made so far, the stack they are on and the marks on
// that. Here is all that a damaged pickle can get wrong, and the bounds of memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/fail.h"
#include "io/pickle_value.h"

namespace linnet {

inline constexpr const char* kPickleWhere = "load_pth";

class PickleStack {
 protected:
  using Id = PickleValue::Id;
  using Kind = PickleValue::Kind;

  // A tensor takes about twenty values. So many take 128 MB, which a few megabytes of a hostile pickle could
  // ask for.
  static constexpr size_t kMaxValues = size_t{1} << 21;
  // References that containers hold. One may be copied into another by two bytes, so the pickle's length is
  // no bound.
  static constexpr size_t kMaxItems = size_t{1} << 23;

  PickleStack(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  /// The one value that is left is the result.
  Pickle finish() {
    if (stack_.size() != 1 || !marks_.empty()) damaged("it ends with other than one value");
    pickle_.root = stack_[0];
    pickle_.size = at_;
    return std::move(pickle_);
  }

  const std::string& file() const { return file_; }
  [[noreturn]] void damaged(const std::string& what) const {
    fail(kPickleWhere, "{}: the pickle is damaged at its byte {}: {}", file_, at_, what);
  }
  void expect(bool ok, const char* what) const {
    if (!ok) damaged(what);
  }

  // ---- bytes
  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) damaged("it is cut short");
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  size_t bytes_left() const { return bytes_.size() - at_; }
  uint64_t little_endian(int bytes) {
    uint64_t value = 0;
    int shift = 0;
    for (const char c : take(static_cast<uint64_t>(bytes))) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(c)) << shift;
      shift += 8;
    }
    return value;
  }
  std::string_view take_line() {
    // The longest name torch has is under fifty bytes.
    constexpr size_t kMaxGlobal = 256;
    const size_t end = bytes_.substr(at_, kMaxGlobal).find('\n');
    if (end == std::string_view::npos) damaged("a name has no end");
    const std::string_view line = take(end);
    take(1);
    return line;
  }

  // ---- values and the stack
  PickleValue& value(Id id) { return pickle_.values[id]; }
  Id make(PickleValue made) {
    expect(pickle_.values.size() < kMaxValues, "it has too many values");
    pickle_.values.push_back(std::move(made));
    return static_cast<Id>(pickle_.values.size() - 1);
  }
  void push(PickleValue made) { stack_.push_back(make(std::move(made))); }
  void push_again(Id id) { stack_.push_back(id); }
  void mark() { marks_.push_back(stack_.size()); }
  size_t above_mark() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  Id top() const {
    expect(above_mark() > 0, "a value is missing");
    return stack_.back();
  }
  Id pop() {
    const Id id = top();
    stack_.pop_back();
    return id;
  }
  /// Whether there was nothing on the stack above its last mark, which is gone then.
  bool pop_empty_mark() {
    if (above_mark() > 0 || marks_.empty()) return false;
    marks_.pop_back();
    return true;
  }
  std::vector<Id> pop_to_mark() {
    expect(!marks_.empty(), "a mark is missing");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<Id> pop_some(size_t count) {
    expect(above_mark() >= count, "a value is missing");
    std::vector<Id> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  void push_container(Kind kind, std::vector<Id> items) {
    count_items(items.size());
    push({.kind = kind, .items = std::move(items)});
  }
  void count_items(size_t count) {
    items_ += count;
    expect(items_ <= kMaxItems, "its containers hold too much");
  }
  /// A copy, which is no work worth naming.
  std::vector<Id> some_items(Id id) {
    constexpr size_t kMaxArguments = 16;  // torch's longest list has eight
    expect(value(id).items.size() <= kMaxArguments, "too many arguments");
    return value(id).items;
  }
  void extend(Id id, Kind kind, const std::vector<Id>& more) {
    expect(value(id).kind == kind, "something is put where it does not fit");
    expect(kind != Kind::Dict || more.size() % 2 == 0, "a key has no value");
    count_items(more.size());
    std::vector<Id>& items = value(id).items;
    items.insert(items.end(), more.begin(), more.end());
  }

 private:
  std::string_view bytes_;
  const std::string& file_;
  size_t at_ = 0;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;
  size_t items_ = 0;
};

}  // namespace linnet

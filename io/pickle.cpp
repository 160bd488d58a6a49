#include "io/pickle.h"

#include <bit>
#include <cstring>

#include "core/fail.h"
#include "io/pickle_globals.h"
#include "io/printable.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "load_pth";
// A tensor takes about twenty values. So many take 128 MB, which a few megabytes of a hostile pickle could
// ask for.
constexpr size_t kMaxValues = size_t{1} << 21;
// References that containers hold. One may be copied into another by two bytes, so the pickle's length is no
// bound.
constexpr size_t kMaxItems = size_t{1} << 23;
// The longest name torch has is under fifty bytes, the longest list of arguments eight values.
constexpr size_t kMaxGlobal = 256;
constexpr size_t kMaxArguments = 16;
constexpr PickleValue::Id kNothing = UINT32_MAX;

/// The machine: a stack of values, marks on it, and a memo of values by number.
class Unpickler {
 public:
  using Id = PickleValue::Id;
  using Kind = PickleValue::Kind;

  Unpickler(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Pickle load() {
    const auto head = take(2);
    if (head[0] != '\x80' || head[1] < 2 || head[1] > 5) {
      damaged("it does not begin as a pickle of protocol 2 to 5 does");
    }
    while (true) {
      const auto opcode = static_cast<uint8_t>(take(1)[0]);
      if (opcode == '.') break;
      if (!number(opcode) && !text(opcode) && !container(opcode) && !memo(opcode) && !object(opcode)) {
        damaged(format_text("operation 0x{:02x} is none that weights are saved with", opcode));
      }
    }
    if (stack_.size() != 1 || !marks_.empty()) damaged("it ends with other than one value");
    pickle_.root = stack_[0];
    pickle_.size = at_;
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    fail(kWhere, "{}: the pickle is damaged at its byte {}: {}", file_, at_, what);
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

  // ---- operations; each group says whether the opcode is one of its own
  void push_int(int64_t number) { push({.kind = Kind::Int, .integer = number}); }

  void push_long(uint64_t length) {
    const std::string_view bytes = take(length);
    if (length > 8) {
      push({.kind = Kind::Bytes, .text = bytes});
      return;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < length; ++i)
      bits |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    if (length > 0 && length < 8 && (bits >> (8 * length - 1) & 1) != 0) bits |= ~uint64_t{0} << (8 * length);
    push_int(static_cast<int64_t>(bits));
  }

  bool number(uint8_t opcode) {
    switch (opcode) {
      case 'N':
        push({});
        return true;
      case 0x88:
      case 0x89:
        push({.kind = Kind::Bool, .integer = opcode == 0x88});
        return true;
      case 'J':
        push_int(static_cast<int32_t>(little_endian(4)));
        return true;
      case 'K':
        push_int(static_cast<int64_t>(little_endian(1)));
        return true;
      case 'M':
        push_int(static_cast<int64_t>(little_endian(2)));
        return true;
      case 0x8a:
        push_long(little_endian(1));
        return true;
      case 0x8b:
        push_long(little_endian(4));
        return true;
      case 'G': {  // the one number that pickles write with its highest byte first
        uint64_t bits = 0;
        for (const char c : take(8)) bits = bits << 8 | static_cast<uint8_t>(c);
        push({.kind = Kind::Float, .real = std::bit_cast<double>(bits)});
        return true;
      }
      default:
        return false;
    }
  }

  bool text(uint8_t opcode) {
    switch (opcode) {
      case 'U':   // str of Python 2
      case 0x8c:  // unicode
        push({.kind = Kind::Text, .text = take(little_endian(1))});
        return true;
      case 'T':
      case 'X':
        push({.kind = Kind::Text, .text = take(little_endian(4))});
        return true;
      case 0x8d:
        push({.kind = Kind::Text, .text = take(little_endian(8))});
        return true;
      case 'C':
        push({.kind = Kind::Bytes, .text = take(little_endian(1))});
        return true;
      case 'B':
        push({.kind = Kind::Bytes, .text = take(little_endian(4))});
        return true;
      case 0x8e:
      case 0x96:  // a bytearray
        push({.kind = Kind::Bytes, .text = take(little_endian(8))});
        return true;
      default:
        return false;
    }
  }

  bool container(uint8_t opcode) {
    switch (opcode) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        push_container(Kind::Tuple, {});
        return true;
      case ']':
        push_container(Kind::List, {});
        return true;
      case '}':
        push_container(Kind::Dict, {});
        return true;
      case 0x8f:
        push_container(Kind::Set, {});
        return true;
      case 't':
        push_container(Kind::Tuple, pop_to_mark());
        return true;
      case 'l':
        push_container(Kind::List, pop_to_mark());
        return true;
      case 0x91:  // a frozenset
        push_container(Kind::Set, pop_to_mark());
        return true;
      case 'd': {
        std::vector<Id> items = pop_to_mark();
        expect(items.size() % 2 == 0, "a key has no value");
        push_container(Kind::Dict, std::move(items));
        return true;
      }
      case 0x85:
      case 0x86:
      case 0x87:
        push_container(Kind::Tuple, pop_some(opcode - 0x84U));
        return true;
      default:
        return fill(opcode);
    }
  }

  bool fill(uint8_t opcode) {
    std::vector<Id> items;
    switch (opcode) {
      case 'a':
        items = pop_some(1);
        extend(top(), Kind::List, items);
        return true;
      case 's':
        items = pop_some(2);
        extend(top(), Kind::Dict, items);
        return true;
      case 'e':
        items = pop_to_mark();
        extend(top(), Kind::List, items);
        return true;
      case 'u':
        items = pop_to_mark();
        extend(top(), Kind::Dict, items);
        return true;
      case 0x90:
        items = pop_to_mark();
        extend(top(), Kind::Set, items);
        return true;
      default:
        return false;
    }
  }

  void put(uint64_t number) {
    expect(number < kMaxValues, "a number of the memo is too large");
    if (number >= memo_.size()) memo_.resize(number + 1, kNothing);
    memo_size_ += memo_[number] == kNothing ? 1 : 0;
    memo_[number] = top();
  }
  void get(uint64_t number) {
    expect(number < memo_.size() && memo_[number] != kNothing, "the memo has no value of that number");
    stack_.push_back(memo_[number]);
  }

  bool memo(uint8_t opcode) {
    switch (opcode) {
      case 'q':
        put(little_endian(1));
        return true;
      case 'r':
        put(little_endian(4));
        return true;
      case 0x94:
        put(memo_size_);
        return true;
      case 'h':
        get(little_endian(1));
        return true;
      case 'j':
        get(little_endian(4));
        return true;
      case 0x95:  // a frame: what follows has that many bytes
        expect(little_endian(8) <= bytes_.size() - at_, "it is cut short");
        return true;
      case '0':
        if (above_mark() == 0 && !marks_.empty()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return true;
      case '1':
        pop_to_mark();
        return true;
      default:
        return false;
    }
  }

  bool object(uint8_t opcode) {
    switch (opcode) {
      case 'c': {
        const std::string_view module = take_line();
        push_global(module, take_line());
        return true;
      }
      case 0x93: {
        const Id name = pop(), module = pop();
        expect(value(name).kind == Kind::Text && value(module).kind == Kind::Text, "a name is no text");
        push_global(value(module).text, value(name).text);
        return true;
      }
      case 'R':
      case 0x81: {
        const Id arguments = pop(), function = pop();
        stack_.push_back(call(function, arguments));
        return true;
      }
      case 'b':  // attributes of an OrderedDict, as state_dict()'s _metadata: not needed
        pop();
        expect(value(top()).kind == Kind::Dict, "attributes are set of something that has none");
        return true;
      case 'Q': {
        const Id id = pop();
        expect(value(id).kind == Kind::Tuple, "what identifies a storage is no tuple");
        push_container(Kind::Storage, some_items(id));
        return true;
      }
      default:
        return false;
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::optional<PickleGlobal> global = allowed_global(module, name);
    check(global.has_value(), kWhere,
          "{}: the pickle asks for \"{}.{}\", which no tensor needs; it was refused and nothing was "
          "executed; only "
          "weights are read: in Python, torch.save(model.state_dict(), path)",
          file_, printable(module), printable(name));
    push({.kind = Kind::Global, .global = *global, .text = name});
  }

  // ---- the few things that names can be asked for
  Id call(Id function, Id arguments) {
    expect(value(function).kind == Kind::Global && value(arguments).kind == Kind::Tuple,
           "something is called that is no function");
    PickleGlobal global = value(function).global;
    if (global == PickleGlobal::RebuildFromType) {  // (function, type, its arguments, attributes)
      const std::vector<Id>& parts = value(arguments).items;
      expect(parts.size() == 4 && value(parts[0]).kind == Kind::Global &&
                 value(parts[1]).kind == Kind::Global && value(parts[1]).global == PickleGlobal::TensorType &&
                 value(parts[2]).kind == Kind::Tuple,
             "a tensor with attributes is described wrongly");
      global = value(parts[0]).global;
      arguments = parts[2];
    }
    const std::vector<Id> items = some_items(arguments);
    switch (global) {
      case PickleGlobal::Dictionary:
        return dictionary(items);
      case PickleGlobal::Collection:
        return collection(Kind::Set, items);
      case PickleGlobal::List:
        return collection(Kind::List, items);
      case PickleGlobal::Size:
        return collection(Kind::Tuple, items);
      case PickleGlobal::Plain:
        return make({.kind = Kind::Other});
      case PickleGlobal::RebuildTensor:
      case PickleGlobal::RebuildTensorV2:
      case PickleGlobal::RebuildTensorV3:
        count_items(items.size());
        return make({.kind = Kind::Tensor, .global = global, .items = items});
      case PickleGlobal::RebuildParameter:
        expect(!items.empty() && value(items[0]).kind == Kind::Tensor, "a parameter has no tensor");
        return items[0];
      default:
        damaged("something is called that is no function");
    }
  }

  Id dictionary(const std::vector<Id>& arguments) {
    std::vector<Id> items;
    const Kind kind = arguments.empty() ? Kind::None : value(arguments[0]).kind;
    if (kind == Kind::Dict) {
      items = value(arguments[0]).items;
    } else if (kind == Kind::List || kind == Kind::Tuple) {
      for (const Id pair : value(arguments[0]).items) {
        const PickleValue& parts = value(pair);
        expect((parts.kind == Kind::List || parts.kind == Kind::Tuple) && parts.items.size() == 2,
               "a key has no value");
        items.insert(items.end(), parts.items.begin(), parts.items.end());
      }
    } else {
      expect(kind == Kind::None || kind == Kind::Global, "a dictionary is made of something else");
    }
    count_items(items.size());
    return make({.kind = Kind::Dict, .items = std::move(items)});
  }

  Id collection(Kind kind, const std::vector<Id>& arguments) {
    std::vector<Id> items;
    if (!arguments.empty()) {
      const PickleValue& from = value(arguments[0]);
      expect(from.kind == Kind::List || from.kind == Kind::Tuple || from.kind == Kind::Set,
             "a container is made of something else");
      items = from.items;
    }
    count_items(items.size());
    return make({.kind = kind, .items = std::move(items)});
  }

  std::string_view bytes_;
  const std::string& file_;
  size_t at_ = 0;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;
  std::vector<Id> memo_;
  size_t memo_size_ = 0;
  size_t items_ = 0;
};

}  // namespace

Pickle unpickle(std::string_view bytes, const std::string& file) {
  return Unpickler(bytes, file).load();
}

}  // namespace linnet

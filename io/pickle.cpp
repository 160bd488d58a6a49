#include "io/pickle.h"

#include <bit>
#include <cstring>

#include "core/fail.h"
#include "core/printable.h"
#include "io/pickle_globals.h"
#include "io/pickle_stack.h"

namespace linnet {
namespace {

constexpr PickleValue::Id kNothing = UINT32_MAX;

/// The machine: its operations, and a memo of values by number.
class Unpickler : PickleStack {
 public:
  Unpickler(std::string_view bytes, const std::string& file) : PickleStack(bytes, file) {}

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
    return finish();
  }

 private:
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
        mark();
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
    push_again(memo_[number]);
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
        expect(little_endian(8) <= bytes_left(), "it is cut short");
        return true;
      case '0':
        if (!pop_empty_mark()) pop();
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
        push_again(call(function, arguments));
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
    check(global.has_value(), kPickleWhere,
          "{}: the pickle asks for \"{}.{}\", which no tensor needs; it was refused and nothing was "
          "executed; only "
          "weights are read: in Python, torch.save(model.state_dict(), path)",
          file(), printable(module), printable(name));
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

  std::vector<Id> memo_;
  size_t memo_size_ = 0;
};

}  // namespace

Pickle unpickle(std::string_view bytes, const std::string& file) {
  return Unpickler(bytes, file).load();
}

}  // namespace linnet

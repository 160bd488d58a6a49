// The reader of pickles: values as Python wrote them, and pickles that want something executed, or too much.
#include "io/pickle.h"

#include <bit>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/io_pickle_bytes.h"

namespace linnet {
namespace {

using Kind = PickleValue::Kind;
using pickles::call;
using pickles::global;
using pickles::text;
using pickles::tuple;
using pickles::whole;

const std::string kFile = "x.pth";

Pickle read(const std::string& bytes) {
  return unpickle(bytes, kFile);
}
/// The value of one operation; the pickle's texts point into `bytes`.
PickleValue value_of(const std::string& bytes) {
  return read(bytes).root_value();
}

/// repr() of the value, more or less.
std::string show(const Pickle& pickle, PickleValue::Id id) {
  const PickleValue& value = pickle.at(id);
  std::string items;
  for (const PickleValue::Id item : value.items) items += (items.empty() ? "" : " ") + show(pickle, item);
  switch (value.kind) {
    case Kind::None:
      return "None";
    case Kind::Bool:
      return value.integer != 0 ? "True" : "False";
    case Kind::Int:
      return std::to_string(value.integer);
    case Kind::Float:
      return std::to_string(value.real);
    case Kind::Text:
      return "'" + std::string(value.text) + "'";
    case Kind::Bytes:
      return "b'" + std::string(value.text) + "'";
    case Kind::List:
      return "[" + items + "]";
    case Kind::Tuple:
      return "(" + items + ")";
    case Kind::Dict:
      return "{" + items + "}";
    case Kind::Set:
      return "set(" + items + ")";
    case Kind::Global:
      return "<" + std::string(value.text) + ">";
    case Kind::Storage:
      return "storage(" + items + ")";
    case Kind::Tensor:
      return "tensor(" + items + ")";
    case Kind::Other:
      return "other";
  }
  return "";
}
std::string shown(const std::string& operations) {
  const std::string bytes = whole(operations);
  const Pickle pickle = read(bytes);
  EXPECT_EQ(pickle.size, bytes.size());
  return show(pickle, pickle.root);
}

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

TEST(Pickle, Numbers) {
  EXPECT_EQ(shown("N"), "None");
  EXPECT_EQ(shown("\x88"), "True");
  EXPECT_EQ(shown("\x89"), "False");
  EXPECT_EQ(shown("K\xff"), "255");
  EXPECT_EQ(shown("M\x01\x02"), "513");
  EXPECT_EQ(shown("J\xfe\xff\xff\xff"), "-2");
  EXPECT_EQ(shown(bytes_of({0x8a, 0})), "0");
  EXPECT_EQ(shown(bytes_of({0x8a, 1, 0x80})), "-128");
  EXPECT_EQ(shown(bytes_of({0x8a, 3, 0, 0, 0x40})), "4194304");
  EXPECT_EQ(shown(bytes_of({0x8b, 2, 0, 0, 0, 0xff, 0x7f})), "32767");
  EXPECT_EQ(value_of(whole(pickles::integer(INT64_MIN))).integer, INT64_MIN);
  EXPECT_EQ(shown(bytes_of({0x8a, 9, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'})), "b'abcdefghi'");
  EXPECT_EQ(value_of(whole(bytes_of({'G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}))).real, 1.5);
}

TEST(Pickle, Texts) {
  EXPECT_EQ(shown(bytes_of({'U', 2}) + "ab"), "'ab'");
  EXPECT_EQ(shown(bytes_of({'T', 2, 0, 0, 0}) + "ab"), "'ab'");
  EXPECT_EQ(shown(bytes_of({'X', 0, 0, 0, 0})), "''");
  EXPECT_EQ(shown(bytes_of({0x8c, 2}) + "ab"), "'ab'");
  EXPECT_EQ(shown(bytes_of({0x8d, 2, 0, 0, 0, 0, 0, 0, 0}) + "ab"), "'ab'");
  EXPECT_EQ(shown(bytes_of({'C', 2}) + "ab"), "b'ab'");
  EXPECT_EQ(shown(bytes_of({'B', 2, 0, 0, 0}) + "ab"), "b'ab'");
  EXPECT_EQ(shown(bytes_of({0x8e, 2, 0, 0, 0, 0, 0, 0, 0}) + "ab"), "b'ab'");
  EXPECT_EQ(shown(bytes_of({0x96, 2, 0, 0, 0, 0, 0, 0, 0}) + "ab"), "b'ab'");
}

TEST(Pickle, Containers) {
  EXPECT_EQ(shown(")"), "()");
  EXPECT_EQ(shown("]"), "[]");
  EXPECT_EQ(shown("}"), "{}");
  EXPECT_EQ(shown("\x8f"), "set()");
  EXPECT_EQ(shown("(K\1K\2t"), "(1 2)");
  EXPECT_EQ(shown("(K\1K\2l"), "[1 2]");
  EXPECT_EQ(shown("(K\1K\2d"), "{1 2}");
  EXPECT_EQ(shown("(K\1\x91"), "set(1)");
  EXPECT_EQ(shown("K\1\x85"), "(1)");
  EXPECT_EQ(shown("K\1K\2\x86"), "(1 2)");
  EXPECT_EQ(shown("K\1K\2K\3\x87"), "(1 2 3)");
  EXPECT_EQ(shown("]K\1a(K\2K\3e"), "[1 2 3]");
  EXPECT_EQ(shown("}K\1K\2s(K\3K\4u"), "{1 2 3 4}");
  EXPECT_EQ(shown("\x8f(K\1K\2\x90"), "set(1 2)");
  EXPECT_EQ(shown("(K\1(K\2tt"), "(1 (2))");
}

TEST(Pickle, MemoAndStack) {
  EXPECT_EQ(shown("]q" + bytes_of({0}) + "h" + bytes_of({0}) + "\x86"), "([] [])");
  EXPECT_EQ(shown("K\1r" + bytes_of({7, 1, 0, 0}) + "0j" + bytes_of({7, 1, 0, 0})), "1");
  EXPECT_EQ(shown("K\1\x94K\2\x94h" + bytes_of({0}) + "\x87"), "(1 2 1)");
  EXPECT_EQ(shown("K\1(0"), "1");
  EXPECT_EQ(shown("K\1(K\2K\3"
                  "1"),
            "1");
  EXPECT_EQ(shown(bytes_of({0x95, 2, 0, 0, 0, 0, 0, 0, 0}) + "K\1"), "1");
}

TEST(Pickle, TheNamesThatTensorsNeed) {
  const std::string ordered = global("collections", "OrderedDict");
  EXPECT_EQ(shown(call(ordered, {})), "{}");
  EXPECT_EQ(shown(call(ordered, {"]K\1K\2\x86"
                                 "aK\3K\4\x86"
                                 "a"})),
            "{1 2 3 4}");
  EXPECT_EQ(shown(call(ordered, {}) + "}K\1K\2s"
                                      "b"),
            "{}")
      << "attributes are left out";
  EXPECT_EQ(shown(call(global("collections", "defaultdict"), {global("__builtin__", "list")})), "{}");
  EXPECT_EQ(shown(call(global("collections", "Counter"), {"}K\1K\2s"})), "{1 2}");
  EXPECT_EQ(shown(call(global("builtins", "set"), {"]K\1a"})), "set(1)");
  EXPECT_EQ(shown(call(global("builtins", "list"), {"K\1\x85"})), "[1]");
  EXPECT_EQ(shown(call(global("torch", "Size"), {"]K\1a"})), "(1)");
  EXPECT_EQ(shown(call(global("torch", "device"), {text("cpu")})), "other");
  EXPECT_EQ(shown(global("torch", "float32")), "<float32>");
  EXPECT_EQ(shown(text("torch") + text("FloatStorage") + "\x93"), "<FloatStorage>");
  const std::string tensor = call(global("torch._utils", "_rebuild_tensor"), {"K\1"});
  EXPECT_EQ(shown(tensor), "tensor(1)");
  EXPECT_EQ(shown(call(global("torch._utils", "_rebuild_parameter"), {tensor, "\x88", "}"})), "tensor(1)");
  EXPECT_EQ(
      shown(call(global("torch._tensor", "_rebuild_from_type_v2"),
                 {global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"), "K\1\x85", "}"})),
      "tensor(1)");
  EXPECT_EQ(shown("K\1K\2\x86Q"), "storage(1 2)");
}

class Malicious : public FolderTest {};

TEST_F(Malicious, NothingIsExecuted) {
  const std::string victim = path("executed");
  const std::string command = "touch " + victim;
  const std::vector<std::pair<std::string, std::string>> attacks = {
      {call(global("os", "system"), {text(command)}), "os.system"},
      {call(global("posix", "system"), {text(command)}), "posix.system"},
      {call(global("subprocess", "check_output"), {text(command)}), "subprocess.check_output"},
      {call(global("builtins", "eval"), {text("__import__('os').system('" + command + "')")}),
       "builtins.eval"},
      {call(global("__builtin__", "getattr"), {"N", "N"}), "__builtin__.getattr"},
      {text("os") + text("system") + "\x93" + tuple({text(command)}) + "R", "os.system"},
      {global("os", "system") + tuple({text(command)}) + "\x81", "os.system"},
      {call(global("torch", "load"), {text("x")}), "torch.load"},
      {call(global("torch.hub", "load"), {text("x")}), "torch.hub.load"},
      {call(global("torch._utils", "_rebuild_qtensor"), {}), "torch._utils._rebuild_qtensor"},
      {global("numpy.core.multiarray", "scalar"), "numpy.core.multiarray.scalar"},
      {global("collections", "OrderedDict.__init__"), "collections.OrderedDict.__init__"},
      {global("\x1b[2J", "x"), "\\x1b[2J.x"},
  };
  for (const auto& [attack, name] : attacks) {
    EXPECT_ERROR(read(whole(attack)),
                 "[load_pth] x.pth: the pickle asks for \"" + name +
                     "\", which no tensor needs; it was refused and nothing was executed");
  }
  EXPECT_ERROR(read(whole("(" + text(command) + "ios\nsystem\n")),
               "operation 0x69 is none that weights are saved with");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST(Pickle, AllowedNamesAreCalledAsTheyAreMeant) {
  const std::string no_function = "something is called that is no function";
  EXPECT_ERROR(read(whole("K\1)R")), no_function);
  EXPECT_ERROR(read(whole(global("torch", "float32") + ")R")), no_function);
  EXPECT_ERROR(read(whole(global("torch", "FloatStorage") + ")R")), no_function);
  EXPECT_ERROR(read(whole(global("torch", "Tensor") + ")R")), no_function);
  EXPECT_ERROR(read(whole(global("torch", "Size") + "K\1R")), no_function);
  const std::string from_type = global("torch._tensor", "_rebuild_from_type_v2");
  EXPECT_ERROR(read(whole(call(from_type, {from_type, global("torch", "Tensor"), ")", "}"}))), no_function);
  EXPECT_ERROR(read(whole(call(from_type, {"K\1", global("torch", "Tensor"), ")", "}"}))),
               "a tensor with attributes is described wrongly");
  EXPECT_ERROR(read(whole(call(global("torch._utils", "_rebuild_parameter"), {"K\1"}))),
               "a parameter has no tensor");
  EXPECT_ERROR(read(whole(call(global("torch", "Size"), {"K\1"}))), "a container is made of something else");
  EXPECT_ERROR(read(whole(call(global("collections", "OrderedDict"), {"K\1"}))),
               "a dictionary is made of something else");
  EXPECT_ERROR(read(whole(call(global("collections", "OrderedDict"), {"]K\1a"}))), "a key has no value");
  EXPECT_ERROR(read(whole(global("torch", "Size") + "(" + std::string(17, 'N') + "tR")),
               "too many arguments");
  EXPECT_ERROR(read(whole("K\1}b")), "attributes are set of something that has none");
  EXPECT_ERROR(read(whole("K\1Q")), "what identifies a storage is no tuple");
}

TEST(Pickle, RefusesWhatIsNone) {
  EXPECT_ERROR(read(""), "[load_pth] x.pth: the pickle is damaged at its byte 0: it is cut short");
  EXPECT_ERROR(read("N."), "it does not begin as a pickle of protocol 2 to 5 does");
  EXPECT_ERROR(read("\x80\x06N."), "it does not begin as a pickle of protocol 2 to 5 does");
  EXPECT_ERROR(read("\x80\x02N"), "at its byte 3: it is cut short");
  EXPECT_ERROR(read(whole("")), "it ends with other than one value");
  EXPECT_ERROR(read(whole("NN")), "it ends with other than one value");
  EXPECT_ERROR(read(whole("N(")), "it ends with other than one value");
  EXPECT_ERROR(read(whole("I01\n")), "operation 0x49 is none that weights are saved with");
  EXPECT_ERROR(read(whole("a")), "a value is missing");
  EXPECT_ERROR(read(whole("](Na")), "a value is missing");
  EXPECT_ERROR(read(whole("N\x86")), "a value is missing");
  EXPECT_ERROR(read(whole("Nt")), "a mark is missing");
  EXPECT_ERROR(read(whole("N1")), "a mark is missing");
  EXPECT_ERROR(read(whole(")Na")), "something is put where it does not fit");
  EXPECT_ERROR(read(whole("]NNs")), "something is put where it does not fit");
  EXPECT_ERROR(read(whole("}(NNNu")), "a key has no value");
  EXPECT_ERROR(read(whole("(NNNd")), "a key has no value");
  EXPECT_ERROR(read(whole("h\1")), "the memo has no value of that number");
  EXPECT_ERROR(read(whole("Nr\xff\xff\xff\xff")), "a number of the memo is too large");
  EXPECT_ERROR(read(whole("Nq\5h\4")), "the memo has no value of that number");
  EXPECT_ERROR(read(whole("NN\x93")), "a name is no text");
  EXPECT_ERROR(read(whole("c" + std::string(300, 'x'))), "a name has no end");
  EXPECT_ERROR(read(whole("X\xff\xff\xff\xff")), "it is cut short");
  EXPECT_ERROR(read(whole("\x8d" + std::string(8, '\xff'))), "it is cut short");
  EXPECT_ERROR(read(whole("\x95" + std::string(8, '\xff'))), "it is cut short");
  EXPECT_ERROR(read(whole("\x8b\xff\xff\xff\xff")), "it is cut short");
}

TEST(Pickle, NestingIsNoRecursion) {
  // A list in a list in a list, a million times; and one that holds itself.
  std::string deep(1'000'000, ']');
  deep += std::string(999'999, 'a');
  EXPECT_EQ(read(whole(deep)).values.size(), 1'000'000U);
  const std::string own = whole("]q" + bytes_of({0}) + "h" + bytes_of({0}) + "a");
  const Pickle pickle = read(own);
  EXPECT_EQ(pickle.root_value().items, std::vector<PickleValue::Id>{pickle.root});
}

TEST(Pickle, ValuesAndWhatContainersHoldAreBounded) {
  EXPECT_ERROR(read("\x80\x02" + std::string(3'000'000, 'N')), "it has too many values");
  // A list of 100,000 values, copied again and again.
  std::string copies = "](" + std::string(100'000, 'N') + "eq" + bytes_of({0}) + global("builtins", "set") +
                       "q" + bytes_of({1});
  for (int i = 0; i < 1000; ++i) copies += "h\1h" + bytes_of({0}) + "\x85R";
  EXPECT_ERROR(read(whole(copies)), "its containers hold too much");
}

}  // namespace
}  // namespace linnet

// Zip archives: round trips, exact bytes, and archives that lie.
#include "io/zip.h"

#include <algorithm>

#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"
#include "tests/unit/io_zip_bytes.h"

namespace linnet {
namespace {

using Zip = FolderTest;

std::span<const uint8_t> span_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

ZipReader open(const std::string& bytes) {
  return {span_of(bytes), "x.zip", "test"};
}

std::string text_of(const ZipReader& reader, const std::string& name) {
  const std::vector<uint8_t> bytes = reader.read(reader.find(name).value());
  return {bytes.begin(), bytes.end()};
}

std::string some_bytes(size_t count) {
  std::string text(count, '\0');
  uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

TEST_F(Zip, RoundTrip) {
  const std::string large = some_bytes(3'000'001);
  ZipWriter writer(path("x.zip"), "test");
  writer.add("b/first", span_of("one"));
  writer.add("a", span_of(""));
  writer.add("caf\u00e9/large", span_of(large));
  EXPECT_FALSE(std::filesystem::exists(path("x.zip")));
  writer.commit();

  const ZipReader reader(path("x.zip"), "test");
  ASSERT_EQ(reader.entries().size(), 3U);
  EXPECT_EQ(reader.entries()[0].name, "b/first");
  EXPECT_EQ(reader.entries()[1].size, 0U);
  EXPECT_EQ(text_of(reader, "b/first"), "one");
  EXPECT_EQ(text_of(reader, "a"), "");
  EXPECT_TRUE(text_of(reader, "caf\u00e9/large") == large);
  EXPECT_FALSE(reader.find("b").has_value());
}

TEST_F(Zip, TheSameContentGivesTheSameBytes) {
  for (const char* name : {"a.zip", "b.zip"}) {
    ZipWriter writer(path(name), "test");
    writer.add("x", span_of("1234"));
    writer.add("y/z", span_of("5"));
    writer.commit();
  }
  EXPECT_EQ(read_text(path("a.zip")), read_text(path("b.zip")));
  EXPECT_NE(read_text(path("a.zip")).find("1234"), std::string::npos) << "entries are stored";
}

TEST_F(Zip, NothingAtAllIsAnArchiveToo) {
  ZipWriter(path("x.zip"), "test").commit();
  EXPECT_EQ(read_text(path("x.zip")), zip_end(0, 0, 0));
  EXPECT_TRUE(ZipReader(path("x.zip"), "test").entries().empty());
}

TEST_F(Zip, WritesNoNamesThatReadingRefuses) {
  ZipWriter writer(path("x.zip"), "test");
  writer.add("a", span_of("1"));
  EXPECT_ERROR(writer.add("a", span_of("1")), "the name \"a\" is there twice");
  EXPECT_ERROR(writer.add("../a", span_of("1")), "the name \"../a\" has \"..\"; no entry of an archive");
  EXPECT_ERROR(writer.add(std::string("a\0b", 3), span_of("1")), "the name \"a\\x00b\" has a NUL");
  EXPECT_ERROR(writer.add("\x1b[2J", span_of("1")),
               "x.zip: the name \"\\x1b[2J\" has control characters, or is not valid UTF-8; no entry");
  EXPECT_ERROR(writer.add("a\xff", span_of("1")), "the name \"a\\xff\" has control characters, or is not");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Zip, WritingSaysWhyItCannot) {
  ZipWriter writer(path("no/such/folder.zip"), "test");
  writer.add("a", span_of("1"));
  EXPECT_ERROR(writer.commit(), "[test] cannot write");
}

TEST_F(Zip, ReadsStoredAndDeflatedEntries) {
  const std::string zeros(1'000'000, '\0');
  const std::string bytes = zip_bytes({{.name = "a", .data = "plain"}, deflated_entry("b", zeros)});
  EXPECT_LT(bytes.size(), 2000U);
  const ZipReader reader = open(bytes);
  EXPECT_EQ(text_of(reader, "a"), "plain");
  EXPECT_TRUE(text_of(reader, "b") == zeros);
}

TEST_F(Zip, RefusesWhatIsNoArchive) {
  EXPECT_ERROR(ZipReader(path("none.zip"), "test"), "none.zip: there is no such file");
  EXPECT_ERROR(ZipReader(folder_.path(), "test"), "that is not a file");
  EXPECT_ERROR(open(""), "[test] x.zip: this is no zip archive: it is empty");
  EXPECT_ERROR(open("hello"), "x.zip: this is no zip archive, or it is cut short: Not a zip archive");
  EXPECT_ERROR(open(some_bytes(100'000)), "this is no zip archive");
}

TEST_F(Zip, RefusesEscapingNames) {
  const auto named = [](const std::string& name) {
    return open(zip_bytes({{.name = name, .data = "1"}})).entries().at(0).name;
  };
  EXPECT_EQ(named("a/..b/c.."), "a/..b/c..");
  EXPECT_ERROR(named("/etc/passwd"),
               "the name \"/etc/passwd\" of an entry is absolute; expected a path inside");
  EXPECT_ERROR(named("C:x"), "is absolute");
  EXPECT_ERROR(named("a\\b"), "has a backslash");
  EXPECT_ERROR(named(".."), "has \"..\"");
  EXPECT_ERROR(named("a/../../b"), "has \"..\"");
  EXPECT_ERROR(named("a/.."), "has \"..\"");
  EXPECT_ERROR(named(""), "is empty");
  // libzip reads a NUL as a space, so no name ends before its end.
  EXPECT_EQ(named(std::string("a\0/b", 4)), "a /b");
  EXPECT_ERROR(named("\x1b[2J/.."), "the name \"\\x1b[2J/..\" of an entry");
}

TEST_F(Zip, RefusesNamesThatAreThereTwice) {
  EXPECT_ERROR(
      open(zip_bytes({{.name = "a", .data = "1"}, {.name = "b", .data = "2"}, {.name = "a", .data = "3"}})),
      "the name \"a\" is there twice");
}

TEST_F(Zip, RefusesEncryptionAndOtherCompression) {
  EXPECT_ERROR(open(zip_bytes({{.name = "a", .data = "0123456789abcdef", .flags = 1}})),
               "\"a\" is encrypted, which linnet does not read");
  EXPECT_ERROR(open(zip_bytes({{.name = "a", .data = "1", .method = 12}})),
               "\"a\" is compressed by method 12; linnet reads stored and deflated entries");
}

TEST_F(Zip, RefusesSizesThatLie) {
  EXPECT_ERROR(
      open(zip_bytes({{.name = "a", .data = "1", .size = 4'000'000'000, .packed_size = 4'000'000'000}})),
      "\"a\" claims 4000000000 bytes and the file has");
  EXPECT_ERROR(open(zip_bytes({{.name = "a", .data = "1", .size = 2}})), "\"a\" claims 2 bytes, stored in 1");
  ZipEntryBytes bomb = deflated_entry("a", "123");
  bomb.size = 4'000'000'000;
  EXPECT_ERROR(open(zip_bytes({bomb})),
               "\"a\" claims 4000000000 bytes in 5; deflate cannot shrink them so far");
  bomb.size = 4;
  EXPECT_ERROR(text_of(open(zip_bytes({bomb})), "a"), "\"a\" is damaged:");
  bomb.size = 2;
  EXPECT_ERROR(text_of(open(zip_bytes({bomb})), "a"), "\"a\" is damaged:");
}

TEST_F(Zip, RefusesEntriesThatShareTheirBytes) {
  std::vector<ZipEntryBytes> entries{{.name = "0", .data = std::string(1000, 'x')}};
  for (int i = 1; i < 10; ++i) {
    entries.push_back({.name = std::to_string(i), .packed_size = 1000, .offset = 0});
    entries.back().size = 1000;
  }
  EXPECT_ERROR(open(zip_bytes(entries)),
               "the entries claim 2000 bytes together and the file has 1802; they overlap");
}

TEST_F(Zip, ChecksTheChecksum) {
  std::string bytes = zip_bytes({{.name = "a", .data = "content"}});
  EXPECT_EQ(text_of(open(bytes), "a"), "content");
  bytes[bytes.find("content")] ^= 1;
  EXPECT_ERROR(text_of(open(bytes), "a"), "[test] x.zip: \"a\" is damaged: CRC error");
}

TEST_F(Zip, NumbersAtTheEndAreBounded) {
  const std::string sound = zip_bytes({{.name = "a", .data = "1"}});
  // A zip64 record that claims 2^33 entries, its locator, and the end record.
  const std::string record = "PK\6\6" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) +
                             little_endian(0, 8) + little_endian(1ULL << 33, 8) +
                             little_endian(1ULL << 33, 8) + little_endian(0, 8) + little_endian(0, 8);
  const std::string locator = "PK\6\7" + little_endian(0, 4) + little_endian(0, 8) + little_endian(1, 4);
  EXPECT_ERROR(open(record + locator + zip_end(0xffff, 0xffffffff, 0xffffffff)),
               "the archive claims 8589934592 entries, more than its 98 bytes can hold");
  std::string many;
  for (int i = 0; i < 17; ++i) many += zip_end(0, 0, 0);
  EXPECT_ERROR(open(many), "more than 16 ends of an archive are there; expected one");
  std::vector<ZipEntryBytes> entries(70'000);
  for (size_t i = 0; i < entries.size(); ++i) entries[i].name = std::to_string(i);
  EXPECT_ERROR(open(zip_bytes(entries)), "entries");
  entries.resize(60'000);
  EXPECT_EQ(open(zip_bytes(entries)).entries().size(), 60'000U);
}

TEST_F(Zip, EveryPrefixAndEveryFlippedBitIsTheSameOrAnError) {
  const std::string bytes = zip_bytes({{.name = "a/data.pkl", .data = "pickle"},
                                       deflated_entry("a/data/0", std::string(500, 'x')),
                                       {.name = "a/version", .data = "3\n"}});
  const auto contents = [](const std::string& archive) {
    const ZipReader reader = open(archive);
    std::vector<std::string> all;
    for (const ZipReader::Entry& entry : reader.entries()) all.push_back(text_of(reader, entry.name));
    return all;
  };
  const std::vector<std::string> expected = contents(bytes);
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_THROW(contents(bytes.substr(0, i)), Error) << "prefix of " << i << " bytes";
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] ^= static_cast<char>(1 << bit);
      try {
        EXPECT_EQ(contents(damaged), expected) << "byte " << i << ", bit " << bit;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace linnet

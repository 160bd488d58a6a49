// Files as memory, and text of theirs that is fit for a terminal.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/printable.h"
#include "io/mapped_file.h"
#include "tests/unit/data_files.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

class Mapped : public FileTest {};

TEST_F(Mapped, HasTheBytesOfTheFile) {
  Bytes content(100'000);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i * 7 >> 3);
  const MappedFile mapped(file(content), "test");
  EXPECT_EQ(Bytes(mapped.bytes().begin(), mapped.bytes().end()), content);
  EXPECT_EQ(mapped.name(), path_);
  mapped.check_unchanged();
}

TEST_F(Mapped, AnEmptyFileHasNone) {
  const MappedFile mapped(file({}), "test");
  EXPECT_TRUE(mapped.bytes().empty());
  mapped.check_unchanged();
}

TEST_F(Mapped, OpensRegularFilesOnly) {
  EXPECT_ERROR(MappedFile(path_, "test"), "[test] " + path_ + ": there is no such file");
  EXPECT_ERROR(MappedFile(folder_.path(), "test"), "that is not a file");
  EXPECT_ERROR(MappedFile("/dev/null", "test"), "/dev/null: that is not a file");
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_ERROR(MappedFile(path_, "test"), "that is not a file");  // and does not wait for a writer
  EXPECT_ERROR(MappedFile(path_ + "/x", "test"), "there is no such file");
}

TEST_F(Mapped, NoticesThatTheFileWasWrittenMeanwhile) {
  const MappedFile mapped(file(Bytes(10)), "test");
  ASSERT_EQ(truncate(path_.c_str(), 4), 0);
  EXPECT_ERROR(mapped.check_unchanged(),
               "the file was changed while it was read: it had 10 bytes and has 4; load it");
  const MappedFile again(path_, "test");
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 1, .tv_nsec = 2}};
  ASSERT_EQ(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  EXPECT_ERROR(again.check_unchanged(), "the file was changed while it was read");
}

TEST_F(Mapped, AReplacedFileStaysAsItWas) {
  const MappedFile mapped(file({1, 2, 3}), "test");
  const std::string other = folder_ / "other";
  write_bytes(other, {4});
  std::filesystem::rename(other, path_);
  mapped.check_unchanged();
  EXPECT_EQ(Bytes(mapped.bytes().begin(), mapped.bytes().end()), (Bytes{1, 2, 3}));
}

TEST(Printable, KeepsTextAndShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("conv1.weight"), "conv1.weight");
  EXPECT_EQ(printable("\u00e9\u4e2d\U0001F600"), "\u00e9\u4e2d\U0001F600");
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\u009b2J"), "\\xc2\\x9b2J");   // the same command in one character
  EXPECT_EQ(printable("\u202e"), "\\xe2\\x80\\xae");  // turns the text around
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");     // no UTF-8
  EXPECT_EQ(printable("\xe4\xb8"), "\\xe4\\xb8");     // cut
  EXPECT_EQ(printable("\xc3\x28"), "\\xc3(");
  EXPECT_EQ(printable("abcdef", 4), "abcd...");
  EXPECT_EQ(printable("abcd", 4), "abcd");
}

}  // namespace
}  // namespace linnet

#include "tests/faults/faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace linnet::faults {
namespace {

constexpr size_t kMostFiles = 4096;

struct Files {
  bool armed = false;
  std::string folder;
  int64_t at = 0;
  int error = 0;
  int64_t calls = 0;
  const char* fault = "";
  std::array<std::atomic<bool>, kMostFiles> watched{};  ///< By descriptor.
};
Files& files() {
  static Files all;
  return all;
}

struct Calls {
  bool armed = false;
  int64_t at = 0;
  int64_t count = 0;

  void arm(int64_t call) { *this = {true, call, 0}; }
  int64_t disarm() {
    armed = false;
    return count;
  }
};
thread_local Calls memory, arrays;
std::atomic<int64_t> bytes_alive{0};

template <class Function>
Function system_call(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool is_watched(const char* path) {
  return files().armed && std::strncmp(path, files().folder.c_str(), files().folder.size()) == 0;
}
bool is_watched(int descriptor) {
  return files().armed && descriptor >= 0 && static_cast<size_t>(descriptor) < kMostFiles &&
         files().watched[static_cast<size_t>(descriptor)];
}

/// Counts the call; whether it is to fail, errno being set.
bool fails(const char* name) {
  if (++files().calls != files().at) return false;
  files().fault = name;
  if (files().error == kKill) {
    kill(getpid(), SIGKILL);
    pause();
  }
  errno = files().error;
  return true;
}

int watched_open(const char* name, const char* path, int flags, mode_t mode) {
  using Open = int (*)(const char*, int, ...);
  const bool changes = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
  const bool flushes = (flags & O_DIRECTORY) != 0;
  if (changes && is_watched(path) && fails(name)) return -1;
  const int descriptor = system_call<Open>(name)(path, flags, mode);
  if (descriptor >= 0 && static_cast<size_t>(descriptor) < kMostFiles) {
    files().watched[static_cast<size_t>(descriptor)] = (changes || flushes) && is_watched(path);
  }
  return descriptor;
}

bool memory_fails() {
  if (!memory.armed || ++memory.count != memory.at) return false;
  errno = ENOMEM;
  return true;
}

/// Calls what is counted, malloc or aligned_alloc below.
void* allocate(size_t size, size_t alignment) {
  void* block = alignment <= alignof(std::max_align_t)
                    ? std::malloc(size == 0 ? 1 : size)
                    : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (block == nullptr) throw std::bad_alloc();
  bytes_alive += static_cast<int64_t>(malloc_usable_size(block));
  return block;
}

void release(void* block) {
  if (block == nullptr) return;
  bytes_alive -= static_cast<int64_t>(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

void arm_files(const std::string& folder, int64_t at, int error) {
  files().folder = folder;
  files().at = at;
  files().error = error;
  files().calls = 0;
  files().fault = "";
  files().armed = true;
}

int64_t disarm_files() {
  files().armed = false;
  return files().calls;
}

std::string last_file_fault() {
  return files().fault;
}

void arm_memory(int64_t at) {
  memory.arm(at);
}

int64_t disarm_memory() {
  return memory.disarm();
}

void arm_arrays(int64_t at) {
  arrays.arm(at);
}

int64_t disarm_arrays() {
  return arrays.disarm();
}

int64_t live_bytes() {
  return bytes_alive;
}

}  // namespace linnet::faults

// ---- in the place of the system's

using namespace linnet::faults;  // NOLINT(google-build-using-namespace): what follows is C's and the
                                 // library's

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return watched_open("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return watched_open("open64", path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (is_watched(descriptor) && fails("write")) return -1;
  return system_call<ssize_t (*)(int, const void*, size_t)>("write")(descriptor, bytes, count);
}

int fsync(int descriptor) {
  if (is_watched(descriptor) && fails("fsync")) return -1;
  return system_call<int (*)(int)>("fsync")(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  if (is_watched(to) && fails("rename")) return -1;
  return system_call<int (*)(const char*, const char*)>("rename")(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (is_watched(path) && fails("mkdir")) return -1;
  return system_call<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) noexcept {
  if (is_watched(path) && fails("unlink")) return -1;
  return system_call<int (*)(const char*)>("unlink")(path);
}

int remove(const char* path) noexcept {
  if (is_watched(path) && fails("remove")) return -1;
  return system_call<int (*)(const char*)>("remove")(path);
}

// The C library's own, by the names that they keep behind these. NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(size_t size) noexcept {
  return memory_fails() ? nullptr : __libc_malloc(size);
}

void* calloc(size_t count, size_t size) noexcept {
  return memory_fails() ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* block, size_t size) noexcept {
  return memory_fails() ? nullptr : __libc_realloc(block, size);
}

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memory_fails() ? nullptr : __libc_memalign(alignment, size);
}

}  // extern "C"

void* operator new(size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<size_t>(alignment));
}
/// Only the allocator of arrays calls this one (cpu/allocator.cpp).
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  if (arrays.armed && ++arrays.count >= arrays.at && arrays.at > 0) return nullptr;
  try {
    return allocate(size, static_cast<size_t>(alignment));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* block) noexcept {
  release(block);
}
void operator delete(void* block, size_t) noexcept {
  release(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  release(block);
}
void operator delete(void* block, size_t, std::align_val_t) noexcept {
  release(block);
}

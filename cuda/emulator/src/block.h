// Runs the blocks of a launch, one after another, on the calling thread. Threads of a block are fibers, made
// only when one has to wait: a worker runs threads to their ends, one by one, until a thread stops at a
// barrier or warp operation; that thread keeps its worker, and another one goes on with the rest. Every
// thread of the block must come to a barrier, at the same line, and a thread that left before is an error.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulator/device.h"
#include "cuda_emulator/launch.h"
#include "fiber.h"

namespace cuda_emulator::detail {

inline constexpr int kMaxThreads = 1024;
inline constexpr int kMaxWarps = kMaxThreads / 32;
inline constexpr std::size_t kStackBytes = std::size_t{128} << 10;
inline constexpr std::size_t kGuardBytes = std::size_t{64} << 10;  // below each stack, behind shared memory
inline constexpr std::size_t kMaxShared = std::size_t{227} << 10;

inline bool operator==(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

struct Launch {
  Kernel kernel;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  int device = 0;
  std::uint64_t number = 0;
};

struct Fault {
  cudaError_t error = cudaSuccess;
  std::string report;
};

// Threads of one warp that wait for each other.
struct WarpOperation {
  WarpKind kind;
  unsigned mask;
  unsigned arrived = 0;
  int width;
  Site site;
  std::uint64_t values[32];
  int arguments[32];

  WarpOperation() {}  // leaves what lanes fill in
};

class Checker;
class Executor;

// The executor whose kernel this thread of the host is in, otherwise nullptr.
extern constinit thread_local Executor* running_executor;

class Executor {
 public:
  Executor();
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // The executor of the calling thread of the host; its memory is kept until that thread ends.
  static Executor& of_this_thread();
  // The same while it is inside a kernel, otherwise nullptr. Safe in a signal handler.
  static Executor* in_kernel() { return running_executor; }

  // Runs all blocks. What a fault leaves behind is abandoned; its report names kernel, block and thread.
  Fault run(const Launch& launch, std::uint64_t seed);

  // Called by the running kernel.
  void barrier(Site site);
  std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, int argument, int width,
                               Site site);
  unsigned existing_lanes() const;
  void* shared_memory() const { return shared_end_ - shared_slot_; }
  [[noreturn]] void fault(cudaError_t error, const std::string& report);

  // Called by the signal handler: ends the launch; what happened is put into words afterwards.
  [[noreturn]] void fault_at(int signal, void* address, bool write, bool known_address);

  const Launch& launch() const { return *launch_; }
  int current_thread() const { return current_; }
  bool on_current_stack(const void* address) const {
    return static_cast<std::size_t>(static_cast<const char*>(address) - current_stack_) < kStackBytes;
  }
  Checker* checker() const { return checker_; }
  void set_checker(Checker* checker) { checker_ = checker; }
  const char* shared_limit() const { return shared_end_; }
  const char* shared_begin() const { return shared_end_ - shared_slot_; }
  uint3 index_of(int thread) const;
  std::string name_thread(int thread) const;
  std::string name_current() const;

 private:
  struct Worker {
    char* stack = nullptr;  // above a guard page
    std::size_t bytes =
        0;  // less for some: stacks that all end at a page's end fall into the same cache lines
    Context context;
  };
  struct Thread {
    enum class State { Waiting, Ready, Running, Done } state;
    int worker;
    uint3 index;
    std::uint64_t result;
    Site site;  // where it waits
  };

  static void worker_entry();
  void work();
  void run_grid();
  void run_block(std::uint64_t index);
  void order_threads(std::uint64_t index);
  void enter_thread(int thread);
  void schedule();
  void resume(int worker);
  void wait(Site site);
  void make_ready(int thread);
  int idle_worker();
  void complete(const WarpOperation& operation, int warp);
  [[noreturn]] void report_deadlock();
  [[noreturn]] void end_with(Fault fault);
  void describe_signal();
  void forget_fibers();

  const Launch* launch_ = nullptr;
  std::uint64_t seed_ = 0;
  std::uint64_t random_ = 0;
  int count_ = 0;  // threads of a block
  int next_ = 0;   // how many of order_ have started
  int done_ = 0;
  int current_ = -1;
  int current_worker_ = -1;
  const char* current_stack_ = nullptr;
  Checker* checker_ = nullptr;
  int arrived_ = 0;
  Site barrier_site_{};
  int barrier_first_ = 0;
  std::vector<int> order_;
  std::vector<int> ready_;
  std::size_t ready_head_ = 0;
  std::vector<Thread> threads_;
  std::vector<WarpOperation> warps_[kMaxWarps];
  std::vector<Worker> workers_;
  std::vector<int> idle_;
  Context scheduler_;
  char* stacks_ = nullptr;
  std::size_t stack_slot_ = 0;
  char* shared_pages_ = nullptr;
  char* shared_end_ = nullptr;
  std::size_t shared_slot_ = 0;
  sigjmp_buf jump_;
  Fault fault_;
  struct {
    int signal;
    void* address;
    bool write;
    bool known_address;
  } signal_{};
};

}  // namespace cuda_emulator::detail

// Warp operations. Lanes named by the mask meet; each must name the same mask, at the same line, and a
// shuffle may read only from lanes that take part.
#include <algorithm>
#include <cstring>

#include "block.h"
#include "check.h"
#include "state.h"

namespace cuda_emulator::detail {
namespace {

const char* name_of(WarpKind kind) {
  switch (kind) {
    case WarpKind::Barrier:
      return "__syncwarp()";
    case WarpKind::Ballot:
      return "a warp vote";
    case WarpKind::ShuffleIndex:
      return "__shfl_sync()";
    case WarpKind::ShuffleUp:
      return "__shfl_up_sync()";
    case WarpKind::ShuffleDown:
      return "__shfl_down_sync()";
    case WarpKind::ShuffleXor:
      return "__shfl_xor_sync()";
  }
  return "a warp operation";
}

// The lane that `lane` reads from; its own where the source lies outside its segment of `width` lanes.
int source_of(const WarpOperation& operation, int lane) {
  const int width = operation.width;
  const int argument = operation.arguments[lane];
  const int first = lane & ~(width - 1);
  switch (operation.kind) {
    case WarpKind::ShuffleIndex:
      return first + (argument & (width - 1));
    case WarpKind::ShuffleUp:
      return argument < 0 || argument > lane - first ? lane : lane - argument;
    case WarpKind::ShuffleDown:
      return argument < 0 || argument > first + width - 1 - lane ? lane : lane + argument;
    case WarpKind::ShuffleXor:
      return (lane ^ argument) >= first + width || (lane ^ argument) < 0 ? lane : lane ^ argument;
    default:
      return lane;
  }
}

}  // namespace

unsigned Executor::existing_lanes() const {
  const int lanes = std::min(count_ - current_ / 32 * 32, 32);
  return lanes == 32 ? 0xffffffffU : (1U << lanes) - 1;
}

std::uint64_t Executor::warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, int argument,
                                       int width, Site site) {
  const int warp = current_ / 32;
  const int lane = current_ % 32;
  const auto where = [&] { return text("%s at %s:%d", name_of(kind), site.file, site.line); };
  if (((mask >> lane) & 1U) == 0) {
    fault(cudaErrorLaunchFailure,
          where() + text(": mask 0x%08x does not name the calling lane %d", mask, lane));
  }
  if ((mask & ~existing_lanes()) != 0) {
    fault(cudaErrorLaunchFailure,
          where() + text(": mask 0x%08x names lanes that warp %d does not have (0x%08x)", mask, warp,
                         existing_lanes()));
  }
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    fault(cudaErrorLaunchFailure, where() + text(": width %d is no power of two up to 32", width));
  }
  auto& pending = warps_[warp];
  auto met = std::find_if(pending.begin(), pending.end(),
                          [&](const WarpOperation& other) { return (other.mask & mask) != 0; });
  if (met == pending.end()) {
    met = pending.emplace(pending.end());
    met->kind = kind;
    met->mask = mask;
    met->width = width;
    met->site = site;
  } else if (met->mask != mask) {
    fault(cudaErrorLaunchFailure,
          where() + text(": mask 0x%08x, but lanes 0x%08x wait at %s:%d with mask 0x%08x", mask, met->arrived,
                         met->site.file, met->site.line, met->mask));
  } else if (met->kind != kind || met->width != width || !(met->site == site)) {
    fault(cudaErrorLaunchFailure,
          where() + text(": lanes 0x%08x of its mask wait in %s at %s:%d", met->arrived, name_of(met->kind),
                         met->site.file, met->site.line));
  }
  met->arrived |= 1U << lane;
  met->values[lane] = value;
  met->arguments[lane] = argument;
  if (met->arrived != mask) {
    wait(site);
  } else {
    complete(*met, warp);
    pending.erase(met);
  }
  return threads_[static_cast<std::size_t>(current_)].result;
}

void Executor::complete(const WarpOperation& operation, int warp) {
  unsigned ballot = 0;
  for (int lane = 0; lane < 32 && operation.kind == WarpKind::Ballot; ++lane) {
    if (((operation.mask >> lane) & 1U) != 0 && operation.values[lane] != 0) ballot |= 1U << lane;
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (((operation.mask >> lane) & 1U) == 0) continue;
    const int thread = warp * 32 + lane;
    const int source = source_of(operation, lane);
    if (((operation.mask >> source) & 1U) == 0) {
      current_ = thread;
      fault(cudaErrorLaunchFailure,
            text("%s at %s:%d reads lane %d, which mask 0x%08x does not name", name_of(operation.kind),
                 operation.site.file, operation.site.line, source, operation.mask));
    }
    threads_[static_cast<std::size_t>(thread)].result =
        operation.kind == WarpKind::Ballot ? ballot : operation.values[source];
    if (thread != current_) make_ready(thread);
  }
  if (operation.kind == WarpKind::Barrier) check_warp_barrier(warp, operation.mask);
}

}  // namespace cuda_emulator::detail

// Handles, the checks of a product's arguments and of its footprint, and the work queued in the stream.
#include "cublas.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "check.h"
#include "memory.h"
#include "state.h"
#include "stream.h"

struct cublasContext {
  int device;
  cudaStream_t stream;
  cublasMath_t math;
};

namespace cuda_emulator::detail {
namespace {

std::set<cublasHandle_t>& handles() {
  static std::set<cublasHandle_t>& instance = *new std::set<cublasHandle_t>;
  return instance;
}

std::string& status_string() {
  static thread_local std::string instance;
  return instance;
}

template <class Body>
cublasStatus_t cublas_call(const char* name, Body&& body) {
  const std::lock_guard guard(lock());
  if (const int injected = injected_failure(name, true)) return static_cast<cublasStatus_t>(injected);
  return body();
}

// The same for calls with a handle.
template <class Body>
cublasStatus_t handle_call(const char* name, cublasHandle_t handle, Body&& body) {
  return cublas_call(name,
                     [&] { return handles().count(handle) == 0 ? CUBLAS_STATUS_NOT_INITIALIZED : body(); });
}

cublasStatus_t invalid(const std::string& report) {
  refuse(cudaSuccess, report);
  return CUBLAS_STATUS_INVALID_VALUE;
}

bool is_operation(cublasOperation_t operation) {
  return operation == CUBLAS_OP_N || operation == CUBLAS_OP_T || operation == CUBLAS_OP_C;
}

struct Extent {
  const char* name;
  Matrix matrix;
  std::int64_t rows;  // as stored
  std::int64_t columns;
};

cublasStatus_t check_arguments(const char* call, const Product& p, const Extent (&operands)[3]) {
  if (!is_operation(p.transpose_a) || !is_operation(p.transpose_b)) {
    return invalid(text("%s: no such operation: transa %d, transb %d", call, p.transpose_a, p.transpose_b));
  }
  if (p.m < 0 || p.n < 0 || p.k < 0 || p.batches < 0) {
    return invalid(text("%s: negative extent: m %lld, n %lld, k %lld, batches %lld", call,
                        static_cast<long long>(p.m), static_cast<long long>(p.n), static_cast<long long>(p.k),
                        static_cast<long long>(p.batches)));
  }
  for (const Extent& operand : operands) {
    if (operand.matrix.leading < std::max<std::int64_t>(1, operand.rows)) {
      return invalid(text("%s: leading dimension %lld of %s, which has %lld rows", call,
                          static_cast<long long>(operand.matrix.leading), operand.name,
                          static_cast<long long>(operand.rows)));
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}

// What is wrong with where an operand lies; empty if nothing is.
std::string check_footprint(const Extent& operand, std::int64_t batches, std::size_t element, int device) {
  const auto one = (operand.columns - 1) * operand.matrix.leading + operand.rows;
  const std::int64_t spread = (batches - 1) * operand.matrix.stride;
  const auto* first = static_cast<const char*>(operand.matrix.data);
  const auto width = static_cast<std::int64_t>(element);
  const char* begin = first + std::min<std::int64_t>(spread, 0) * width;
  const auto bytes = static_cast<std::size_t>((one + std::max(spread, -spread)) * width);
  const Allocation* found = in_device_range(begin) ? find_allocation(begin) : nullptr;
  const std::string name = text("%s of %zu bytes, ", operand.name, bytes);
  if (found == nullptr || !found->live || !found->contains(begin, 0)) return name + describe(begin);
  if (found->device != device) return name + text("is on device %d, the handle on %d", found->device, device);
  if (!found->contains(begin, bytes)) {
    return name + describe(begin) +
           text(", runs %zu bytes beyond its end", bytes - static_cast<std::size_t>(found->end() - begin));
  }
  if (reinterpret_cast<std::uintptr_t>(first) % element != 0) return name + "is misaligned";
  return {};
}

// Columns of all batches, each a run of bytes.
template <class Visit>
void each_column(const Extent& operand, std::int64_t batches, std::size_t element, Visit&& visit) {
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    for (std::int64_t column = 0; column < operand.columns; ++column) {
      const auto offset = batch * operand.matrix.stride + column * operand.matrix.leading;
      visit(static_cast<const char*>(operand.matrix.data) + offset * static_cast<std::int64_t>(element),
            static_cast<std::size_t>(operand.rows) * element);
    }
  }
}

std::string check_initialised(const Extent& operand, std::int64_t batches, std::size_t element) {
  const void* unwritten = nullptr;
  each_column(operand, batches, element, [&](const char* column, std::size_t bytes) {
    if (unwritten == nullptr) unwritten = check_unwritten(column, bytes);
  });
  if (unwritten == nullptr) return {};
  return text("%s holds memory that nobody wrote, ", operand.name) + describe(unwritten);
}

void fail(int device, const char* call, const std::string& report) {
  set_sticky(device, cudaErrorIllegalAddress, std::string(call) + ": " + report);
}

}  // namespace

template <class T>
cublasStatus_t multiply(const char* call, cublasHandle_t handle, const Product& product, const T* alpha,
                        const T* beta, T* c, bool tf32) {
  return handle_call(call, handle, [&] {
    const Product p = product;
    const bool plain_a = p.transpose_a == CUBLAS_OP_N;
    const bool plain_b = p.transpose_b == CUBLAS_OP_N;
    const Extent a{"A", p.a, plain_a ? p.m : p.k, plain_a ? p.k : p.m};
    const Extent b{"B", p.b, plain_b ? p.k : p.n, plain_b ? p.n : p.k};
    const Extent target{"C", p.c, p.m, p.n};
    const cublasStatus_t status = check_arguments(call, p, {a, b, target});
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (p.m == 0 || p.n == 0 || p.batches == 0) return CUBLAS_STATUS_SUCCESS;
    if (alpha == nullptr || beta == nullptr) return invalid(text("%s: alpha or beta is null", call));
    if (in_device_range(alpha) || in_device_range(beta)) {
      return invalid(text("%s: alpha and beta are read on the host", call));
    }
    if (sticky_error(handle->device) != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
    CUstream_st* stream = find_stream(handle->stream);
    if (stream == nullptr) return invalid(text("%s: the handle's stream is gone", call));

    const bool reads_factors = *alpha != T(0) && p.k != 0;
    const bool reads_c = *beta != T(0);
    const auto footprint = [=](const Extent& operand) {
      return check_footprint(operand, p.batches, sizeof(T), handle->device);
    };
    std::string report = footprint(target);
    if (report.empty() && reads_factors) report = footprint(a);
    if (report.empty() && reads_factors) report = footprint(b);
    if (report.empty() && p.batches > 1 && p.c.stride == 0) report = "all batches write the same C";
    if (!report.empty()) {
      fail(handle->device, call, report);
      return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    const bool rounds = tf32 || handle->math == CUBLAS_TF32_TENSOR_OP_MATH;
    submit(*stream, [=, device = handle->device, alpha = *alpha, beta = *beta] {
      if (sticky_error(device) != cudaSuccess) return;
      std::string unwritten;
      if (reads_factors) unwritten = check_initialised(a, p.batches, sizeof(T));
      if (reads_factors && unwritten.empty()) unwritten = check_initialised(b, p.batches, sizeof(T));
      if (reads_c && unwritten.empty()) unwritten = check_initialised(target, p.batches, sizeof(T));
      if (!unwritten.empty()) return fail(device, call, unwritten);
      Opened opened;
      opened.add(c);
      if (reads_factors) opened.add(p.a.data);
      if (reads_factors) opened.add(p.b.data);
      for (std::int64_t batch = 0; batch < p.batches; ++batch) gemm<T>(p, batch, alpha, beta, c, rounds);
      each_column(target, p.batches, sizeof(T),
                  [](const char* column, std::size_t bytes) { check_written(column, bytes); });
    });
    return sticky_error(handle->device) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                       : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

template cublasStatus_t multiply(const char*, cublasHandle_t, const Product&, const float*, const float*,
                                 float*, bool);
template cublasStatus_t multiply(const char*, cublasHandle_t, const Product&, const double*, const double*,
                                 double*, bool);

cublasStatus_t multiply_typed(const char* call, cublasHandle_t handle, const Product& product,
                              const void* alpha, const void* beta, void* c, const ProductTypes& types) {
  const bool same = types.a == types.b && types.a == types.c;
  const cublasComputeType_t compute = types.compute;
  if (same && types.c == CUDA_R_32F &&
      (compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
       compute == CUBLAS_COMPUTE_32F_FAST_TF32)) {
    return multiply(call, handle, product, static_cast<const float*>(alpha), static_cast<const float*>(beta),
                    static_cast<float*>(c), compute == CUBLAS_COMPUTE_32F_FAST_TF32);
  }
  if (same && types.c == CUDA_R_64F &&
      (compute == CUBLAS_COMPUTE_64F || compute == CUBLAS_COMPUTE_64F_PEDANTIC)) {
    return multiply(call, handle, product, static_cast<const double*>(alpha),
                    static_cast<const double*>(beta), static_cast<double*>(c));
  }
  return handle_call(call, handle, [] { return CUBLAS_STATUS_NOT_SUPPORTED; });
}

}  // namespace cuda_emulator::detail

using namespace cuda_emulator::detail;  // NOLINT: the API's definitions are global

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  return cublas_call("cublasCreate", [&] {
    if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    if (settings().devices == 0 || sticky_error(current_device()) != cudaSuccess) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    *handle = *handles().insert(new cublasContext{current_device(), nullptr, CUBLAS_DEFAULT_MATH}).first;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  return handle_call("cublasDestroy", handle, [&] {
    finish_device(handle->device);  // as the library does
    handles().erase(handle);
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetVersion(cublasHandle_t handle, int* version) {
  return handle_call("cublasGetVersion", handle, [&] {
    if (version == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    *version = 130100;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return handle_call("cublasSetStream", handle, [&] {
    const CUstream_st* found = find_stream(stream);
    if (found == nullptr || (stream != nullptr && found->device != handle->device)) {
      return invalid("cublasSetStream: no such stream on the handle's device");
    }
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  return handle_call("cublasGetStream", handle, [&] {
    if (stream == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return handle_call("cublasSetMathMode", handle, [&] {
    if (mode < CUBLAS_DEFAULT_MATH || mode > CUBLAS_TF32_TENSOR_OP_MATH) return CUBLAS_STATUS_INVALID_VALUE;
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return handle_call("cublasGetMathMode", handle, [&] {
    if (mode == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    *mode = handle->math;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  return handle_call("cublasSetPointerMode", handle, [&] {
    return mode == CUBLAS_POINTER_MODE_HOST ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  });
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  return handle_call("cublasSetWorkspace", handle, [&] {
    if (workspace == nullptr && bytes == 0) return CUBLAS_STATUS_SUCCESS;
    if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0 || find_live(workspace, bytes) == nullptr) {
      return invalid(text("cublasSetWorkspace: %zu bytes, ", bytes) + describe(workspace));
    }
    return CUBLAS_STATUS_SUCCESS;
  });
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "CUBLAS_STATUS_UNKNOWN";
}

// The library's text, and the emulator's report where there is one to go with it.
const char* cublasGetStatusString(cublasStatus_t status) {
  const std::lock_guard guard(lock());
  std::string& result = status_string();
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE:
      result = "an invalid value was used as a parameter";
      break;
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "an absent device architectural feature is required";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "an access to GPU memory space failed";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      result = "the function failed to launch on the GPU";
      break;
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "an internal operation failed";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the functionality is not supported";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "a license error was detected";
  }
  const std::string& report = cuda_emulator::detail::last_report_text();
  if (!report.empty()) result += ": " + report;
  return result.c_str();
}

// cuBLAS thinks in columns. A row-major matrix is its transpose to it, so c = a b is asked for as
// c^T = b^T a^T: the operands change places, and a row-major operand is handed over as it is, "not
// transposed".
#include "cuda/gemm.h"

#include <algorithm>

#include "core/backend_scratch.h"
#include "core/fail.h"
#include "core/strided_loop.h"

namespace linnet::cuda {
namespace {

/// A row-major matrix to cuBLAS: `op` is N where its rows are dense, T where its columns are.
struct Layout {
  cublasOperation_t op;
  int64_t ld;
};

/// How the last two dimensions of a view lie in memory; false where cuBLAS has no way to say it.
bool layout_of(const View& matrix, Layout& layout) {
  const int rank = matrix.rank();
  const int64_t rows = matrix.shape[rank - 2], columns = matrix.shape[rank - 1];
  const int64_t row = matrix.strides[rank - 2], column = matrix.strides[rank - 1];
  if ((column == 1 || columns == 1) && (row >= columns || rows == 1)) {
    layout = {CUBLAS_OP_N, std::max(rows == 1 ? columns : row, int64_t{1})};
    return true;
  }
  if ((row == 1 || rows == 1) && (column >= rows || columns == 1)) {
    layout = {CUBLAS_OP_T, std::max(columns == 1 ? rows : column, int64_t{1})};
    return true;
  }
  return false;
}

/// The view itself where cuBLAS can read it, else a dense copy.
View readable(BackendScratch& scratch, Backend& backend, const View& matrix, Layout& layout) {
  if (layout_of(matrix, layout)) return matrix;
  View dense = scratch.like(matrix);
  backend.copy(matrix, dense);
  layout_of(dense, layout);
  return dense;
}

template <class T>
struct Call {
  int64_t m, n, k;
  T alpha, beta;
  Layout a, b, c;
};

cublasStatus_t multiply(cublasHandle_t handle, const Call<float>& g, const float* a, int64_t a_step,
                        const float* b, int64_t b_step, float* c, int64_t c_step, int64_t batch) {
  return cublasSgemmStridedBatched_64(handle, g.b.op, g.a.op, g.n, g.m, g.k, &g.alpha, b, g.b.ld, b_step, a,
                                      g.a.ld, a_step, &g.beta, c, g.c.ld, c_step, batch);
}
cublasStatus_t multiply(cublasHandle_t handle, const Call<double>& g, const double* a, int64_t a_step,
                        const double* b, int64_t b_step, double* c, int64_t c_step, int64_t batch) {
  return cublasDgemmStridedBatched_64(handle, g.b.op, g.a.op, g.n, g.m, g.k, &g.alpha, b, g.b.ld, b_step, a,
                                      g.a.ld, a_step, &g.beta, c, g.c.ld, c_step, batch);
}

/// The batch dimensions of c as a loop; the innermost one becomes a strided-batched call.
StridedLoop<3> batch_loop(const View& a, const View& b, const View& c) {
  const auto batch = [](const Dims& dims) {
    Dims outer = Dims::filled(dims.rank() - 2, 0);
    for (int d = 0; d < outer.rank(); ++d) outer[d] = dims[d];
    return outer;
  };
  return strided_loop<3>(batch(c.shape), {batch(c.strides), batch(a.strides), batch(b.strides)},
                         LoopOrder::RowMajor);
}

template <class T>
void multiply_all(CudaBackend& backend, const Call<T>& call, const View& a, const View& b, const View& c) {
  const auto loop = batch_loop(a, b, c);
  const int inner = loop.rank - 1;
  const int64_t batch = loop.extent[inner];
  for (int64_t i = 0; i < loop.total / batch; ++i) {
    int64_t at[3] = {0, 0, 0};
    int64_t rest = i;
    for (int d = inner - 1; d >= 0; --d) {
      for (int k = 0; k < 3; ++k) at[k] += rest % loop.extent[d] * loop.stride[k][d];
      rest /= loop.extent[d];
    }
    backend.with_cublas([&](cublasHandle_t handle) {
      check_cublas(
          multiply(handle, call, a.as<const T>() + at[1], loop.stride[1][inner], b.as<const T>() + at[2],
                   loop.stride[2][inner], c.as<T>() + at[0], loop.stride[0][inner], batch),
          "cublasGemmStridedBatched");
    });
  }
}

template <class T>
void gemm_as(CudaBackend& backend, double alpha, const View& a, const View& b, double beta, const View& c) {
  const int rank = c.rank();
  const int64_t m = c.shape[rank - 2], n = c.shape[rank - 1], k = a.shape[a.rank() - 1];
  if (k == 0) {  // a sum of nothing
    if (beta == 0) return backend.fill(0, c);
    return backend.binary(BinaryKind::Mul, c, Scalar(beta), c);
  }
  BackendScratch scratch(backend);
  Call<T> call{m, n, k, static_cast<T>(alpha), static_cast<T>(beta), {}, {}, {}};
  const View left = readable(scratch, backend, a, call.a);
  const View right = readable(scratch, backend, b, call.b);
  const bool fits = layout_of(c, call.c);
  if (fits && call.c.op == CUBLAS_OP_N) return multiply_all(backend, call, left, right, c);
  if (fits) {  // c lies transposed: c^T = b^T a^T by rows
    return gemm(backend, alpha, transposed(right), transposed(left), beta, transposed(c), View{});
  }
  const View dense = scratch.like(c);
  if (beta != 0) backend.copy(c, dense);
  layout_of(dense, call.c);
  multiply_all(backend, call, left, right, dense);
  backend.copy(dense, c);
}

}  // namespace

void gemm(CudaBackend& backend, double alpha, const View& a, const View& b, double beta, const View& c,
          const View& bias) {
  if (c.numel() == 0) return;
  if (c.dtype == DType::Float32) {
    gemm_as<float>(backend, alpha, a, b, beta, c);
  } else {
    gemm_as<double>(backend, alpha, a, b, beta, c);
  }
  if (!bias.defined()) return;
  View rows = bias;  // (N,) seen with c's extents
  rows.shape = c.shape;
  rows.strides = Strides::filled(c.rank(), 0);
  rows.strides[c.rank() - 1] = bias.strides[0];
  backend.binary(BinaryKind::Add, c, rows, c);
}

}  // namespace linnet::cuda

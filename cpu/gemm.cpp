#include "cpu/gemm.h"

#include <algorithm>

#include "cpu/gemm_kernel.h"
#include "cpu/matmul.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu {
namespace {

// Products of that many multiply-adds and more are split inside; of smaller ones a chunk takes several.
constexpr int64_t kLargeProduct = 1 << 22;
constexpr int64_t kChunkWork = 1 << 18;

// Views as a batch of matrices: a rank-0 batch is one product.
struct Batch {
  Shape shape;
  Strides a, b, c;

  int64_t size() const { return shape.product(); }
  int64_t offset(const Strides& strides, int64_t item) const {
    int64_t offset = 0;
    for (int d = shape.rank() - 1; d >= 0; --d) {
      offset += item % shape[d] * strides[d];
      item /= shape[d];
    }
    return offset;
  }
};

Batch batch_of(const View& a, const View& b, const View& c) {
  Batch batch;
  for (int d = 0; d + 2 < c.rank(); ++d) {
    if (c.shape[d] == 1) continue;
    batch.shape.push_back(c.shape[d]);
    batch.a.push_back(a.strides[d]);
    batch.b.push_back(b.strides[d]);
    batch.c.push_back(c.strides[d]);
  }
  return batch;
}

// Where all items share b and their rows go on from one item to the next, they are one tall product.
template <class T>
void merge_batch_into_rows(Batch& batch, Matmul<T>& p) {
  while (!batch.shape.empty()) {
    const int last = batch.shape.rank() - 1;
    if (batch.b[last] != 0 || batch.a[last] != p.M * p.a.row || batch.c[last] != p.M * p.c.row) return;
    p.M *= batch.shape[last];
    for (Dims* dims : {&batch.shape, &batch.a, &batch.b, &batch.c}) dims->erase(last);
  }
}

template <class T>
Matrix<T> matrix(const View& view) {
  const int last = view.rank() - 1;
  return {static_cast<T*>(view.data), view.strides[last - 1], view.strides[last]};
}

/// The bias as neighbours in memory.
template <class T>
class DenseBias {
 public:
  DenseBias(const View& bias, int64_t N) : defined_(bias.defined()), values_(defined_ ? N : 0) {
    for (int64_t j = 0; defined_ && j < N; ++j) values_[j] = bias.as<T>()[j * bias.strides[0]];
  }
  const T* data() const { return defined_ ? values_.data() : nullptr; }

 private:
  bool defined_;
  Scratch<T> values_;
};

template <class T>
void gemm_typed(double alpha, const View& a, const View& b, double beta, const View& c, const View& bias) {
  const int last = c.rank() - 1;
  const int64_t N = c.shape[last];
  const DenseBias<T> dense_bias(bias, N);
  Matmul<T> p;
  p.M = c.shape[last - 1];
  p.N = N;
  p.K = a.shape[last];
  p.a = matrix<const T>(a);
  p.b = matrix<const T>(b);
  p.c = matrix<T>(c);
  p.alpha = static_cast<T>(alpha);
  p.beta = static_cast<T>(beta);
  p.col_bias = dense_bias.data();
  Batch batch = batch_of(a, b, c);
  merge_batch_into_rows(batch, p);

  const int64_t work = std::max<int64_t>(1, p.M * p.N * std::max<int64_t>(p.K, 8));
  const auto items = [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      Matmul<T> product = p;
      product.a.data += batch.offset(batch.a, item);
      product.b.data += batch.offset(batch.b, item);
      product.c.data += batch.offset(batch.c, item);
      matmul(product);
    }
  };
  if (work >= kLargeProduct) {
    items(0, batch.size());
  } else {
    parallel_range(batch.size(), kChunkWork / work, items);
  }
}

template <class T>
int64_t packed_bytes(const View& b) {
  const int64_t K = b.shape[0], N = b.shape[1];
  return N < gemm_kernels<T>().lanes ? 0 : packed_b_size<T>(K, N) * static_cast<int64_t>(sizeof(T));
}

template <class T>
void gemm_packed_typed(const View& a, const View& packed, const View& c, const View& bias, bool relu) {
  const DenseBias<T> dense_bias(bias, c.shape[1]);
  Matmul<T> p;
  p.M = c.shape[0];
  p.N = c.shape[1];
  p.K = a.shape[1];
  p.a = matrix<const T>(a);
  p.packed_b = packed.as<const T>();
  p.c = matrix<T>(c);
  p.col_bias = dense_bias.data();
  p.relu = relu;
  matmul(p);
}

}  // namespace

int64_t packed_gemm_bytes(const View& b) {
  return b.dtype == DType::Float64 ? packed_bytes<double>(b) : packed_bytes<float>(b);
}

void pack_gemm(const View& b, const View& packed) {
  if (b.dtype == DType::Float64) {
    pack_b(b.shape[0], b.shape[1], matrix<const double>(b), packed.as<double>());
  } else {
    pack_b(b.shape[0], b.shape[1], matrix<const float>(b), packed.as<float>());
  }
}

void gemm_packed(const View& a, const View& packed, const View& c, const View& bias, bool relu) {
  if (c.dtype == DType::Float64) {
    gemm_packed_typed<double>(a, packed, c, bias, relu);
  } else {
    gemm_packed_typed<float>(a, packed, c, bias, relu);
  }
}

void gemm(double alpha, const View& a, const View& b, double beta, const View& c, const View& bias) {
  if (c.numel() == 0) return;
  if (c.dtype == DType::Float64) {
    gemm_typed<double>(alpha, a, b, beta, c, bias);
  } else {
    gemm_typed<float>(alpha, a, b, beta, c, bias);
  }
}

}  // namespace linnet::cpu

#include "cpu/matmul.h"

#include <algorithm>
#include <utility>

#include "cpu/ceil_div.h"
#include "cpu/gemm_kernel.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"

namespace linnet::cpu {
namespace {

// A panel of B of 256 steps fills an L1 cache at most, a block of A and one of B an L2 cache.
constexpr int64_t kBlockDepth = 256;
constexpr int64_t kBlockRows = 1024;
constexpr int64_t kBlockColumns = 2048;
// A group of tiles is a chunk of work: at most that many rows and columns, fewer where chunks would be few,
// but never less multiply-adds than are worth handing to a thread.
constexpr int64_t kGroupRows = 240;
constexpr int64_t kGroupColumns = 512;
constexpr int64_t kWantedGroups = 16;
constexpr int64_t kChunkWork = 1 << 18;
// An operand that is used by few panels of the other, or fits an L1 cache, is read where it lies.
constexpr int64_t kFewPanels = 3;
constexpr int64_t kSmallOperand = 32 << 10;  // bytes
// Elements of a result whose long sums go to threads block by block; of all those sums; and what of them is
// worth handing to a thread to add up.
constexpr int64_t kSmallResult = 1 << 16;
constexpr int64_t kMostSums = 1 << 20;
constexpr int64_t kChunkSums = 1 << 16;
// Rows that go singly over dense columns.
constexpr int64_t kFewRows = 4;

struct Range {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

int64_t depth_blocks_of(int64_t K) {
  return std::max<int64_t>(1, ceil_div(K, kBlockDepth));
}

template <class F>
void for_ranges(bool parallel, int64_t n, int64_t grain, F&& body) {
  if (parallel) {
    parallel_range(n, grain, body);
  } else if (n > 0) {
    body(int64_t{0}, n);
  }
}

// How the operands fall into panels: rows into even ones, columns into wide ones and a narrower last.
template <class T>
struct Panels {
  Panels(int64_t M_, int64_t N_, int64_t K_)
      : kernels(gemm_kernels<T>()),
        M(M_),
        N(N_),
        K(K_),
        row_panels(ceil_div(M, kernels.rows)),
        col_panels(ceil_div(N, kernels.columns())),
        depth_blocks(depth_blocks_of(K)),
        padded_columns(ceil_div(N, kernels.lanes) * kernels.lanes),
        panel_rows_(row_panels > 0 ? M / row_panels : 0),
        taller_(row_panels > 0 ? M % row_panels : 0) {}

  int64_t row(int64_t panel) const { return panel_rows_ * panel + std::min(panel, taller_); }
  int64_t column(int64_t panel) const { return std::min(panel * kernels.columns(), N); }
  int64_t padded_column(int64_t panel) const {  // where the panel begins in packed memory
    return panel < col_panels ? column(panel) : padded_columns;
  }
  Range depth(int64_t block) const {
    return {chunk_begin(K, depth_blocks, block), chunk_begin(K, depth_blocks, block + 1)};
  }

  // Packed panels of one block of K follow each other: `to` is where the first of `panels` goes.
  void pack_rows(const Matrix<const T>& a, Range panels, Range k, T* to) const {
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      const int64_t rows = row(panel + 1) - row(panel);
      kernels.pack(a.at(row(panel), k.begin), a.row, a.col, rows, rows, k.size(), to);
      to += rows * k.size();
    }
  }
  void pack_columns(const Matrix<const T>& b, Range panels, Range k, T* to) const {
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      const int64_t width = padded_column(panel + 1) - padded_column(panel);
      const int64_t count = column(panel + 1) - column(panel);
      kernels.pack(b.at(k.begin, column(panel)), b.col, b.row, count, width, k.size(), to);
      to += width * k.size();
    }
  }

  const GemmKernels<T>& kernels;
  int64_t M, N, K;
  int64_t row_panels, col_panels, depth_blocks;
  int64_t padded_columns;

 private:
  int64_t panel_rows_;  // of each, and of the first `taller_` one more: no division for each tile
  int64_t taller_;
};

// Calls kernel(tile). Results that are not neighbours in memory take the way through a dense tile.
template <class T, class F>
void write_tile(F&& kernel, const GemmTile<T>& t, int64_t c_col, int64_t rows) {
  const int64_t columns = t.c_count;
  if (c_col == 1 || columns == 1) return kernel(t);
  alignas(64) T tile[GemmKernels<T>::kMaxTile];
  GemmTile<T> dense = t;
  dense.c = tile;
  dense.c_row = columns;
  if (t.beta != T(0)) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) tile[i * columns + j] = t.c[i * t.c_row + j * c_col];
    }
  }
  kernel(dense);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) t.c[i * t.c_row + j * c_col] = tile[i * columns + j];
  }
}

/// The tile of c at (row, column), `columns` wide, of one of the blocks of K. Element (i, k) of `a` is the
/// tile's.
template <class T>
GemmTile<T> tile_at(const Matmul<T>& p, int64_t row, int64_t column, int64_t columns, bool first, bool last,
                    int64_t depth, const Matrix<const T>& a, const T* b, int64_t b_step) {
  static constexpr int64_t kOneTap[] = {0};
  const int64_t lanes = gemm_kernels<T>().lanes;
  return {1,
          kOneTap,
          kOneTap,
          depth,
          a.data,
          a.row,
          a.col,
          b,
          b_step,
          lanes,
          p.c.at(row, column),
          p.c.row,
          lanes,
          lanes,
          columns,
          p.alpha,
          first ? p.beta : T(1),
          last && p.row_bias != nullptr ? p.row_bias + row : nullptr,
          last && p.col_bias != nullptr ? p.col_bias + column : nullptr,
          last && p.relu};
}

template <class T>
bool is_parallel(const Matmul<T>& p) {
  return p.M * p.N * std::max<int64_t>(p.K, 8) >= 2 * kChunkWork;
}

template <class T>
class Product {
 public:
  explicit Product(const Matmul<T>& problem)
      : p_(problem),
        panels_(problem.M, problem.N, problem.K),
        parallel_(is_parallel(problem)),
        reads_a_(problem.packed_a == nullptr &&
                 (panels_.col_panels <= kFewPanels || fits(problem.M * problem.K))),
        reads_b_(problem.packed_b == nullptr && problem.b.col == 1 &&
                 (panels_.row_panels <= kFewPanels || fits(problem.K * problem.N))) {}

  void run() {
    const int64_t rows_step = std::max<int64_t>(1, kBlockRows / panels_.kernels.rows);
    const int64_t columns_step = std::max<int64_t>(1, kBlockColumns / panels_.kernels.columns());
    const int64_t depth = ceil_div(p_.K, panels_.depth_blocks);
    Scratch<T> a(p_.packed_a || reads_a_ ? 0 : std::min(rows_step * panels_.kernels.rows, p_.M) * depth);
    Scratch<T> b(p_.packed_b ? 0
                             : std::min(reads_b_ ? 1 : columns_step, panels_.col_panels) *
                                   panels_.kernels.columns() * depth);
    for (int64_t col = 0; col < panels_.col_panels; col += columns_step) {
      const Range columns{col, std::min(col + columns_step, panels_.col_panels)};
      for (int64_t block = 0; block < panels_.depth_blocks; ++block) {
        for (int64_t row = 0; row < panels_.row_panels; row += rows_step) {
          const Range rows{row, std::min(row + rows_step, panels_.row_panels)};
          pack(rows, row == 0 ? columns : Range{col, col}, panels_.depth(block), a.data(), b.data());
          multiply(rows, columns, block, a.data(), b.data());
        }
      }
    }
  }

 private:
  static bool fits(int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)) <= kSmallOperand; }

  /// Whether a panel of B is read where it lies: it has to be whole vectors.
  bool reads_b(int64_t panel) const {
    return reads_b_ && (panel + 1 < panels_.col_panels || p_.N == panels_.padded_columns);
  }

  /// Those of the columns' panels that are packed into a block of ours: all, or the last, or none.
  Range packed_columns(Range columns) const {
    if (p_.packed_b != nullptr) return {columns.end, columns.end};
    while (columns.size() > 0 && reads_b(columns.begin)) ++columns.begin;
    return columns;
  }

  void pack(Range rows, Range columns, Range k, T* a, T* b) const {
    if (p_.packed_a != nullptr || reads_a_) rows.end = rows.begin;
    columns = packed_columns(columns);
    const int64_t a_first = panels_.row(rows.begin);
    const int64_t b_first = panels_.padded_column(columns.begin);
    for_ranges(parallel_, rows.size() + columns.size(), 4, [&](int64_t begin, int64_t end) {
      const int64_t middle = std::clamp(rows.size(), begin, end);  // panels of A come first, then those of B
      const Range r{rows.begin + begin, rows.begin + middle};
      if (r.size() > 0) {
        panels_.pack_rows(p_.a, r, k, a + (panels_.row(r.begin) - a_first) * k.size());
      }
      const Range c{columns.begin + middle - rows.size(), columns.begin + end - rows.size()};
      if (c.size() > 0) {
        panels_.pack_columns(p_.b, c, k, b + (panels_.padded_column(c.begin) - b_first) * k.size());
      }
    });
  }

  void multiply(Range rows, Range columns, int64_t block, const T* a, const T* b) const {
    const Range k = panels_.depth(block);
    if (p_.packed_a != nullptr) a = p_.packed_a + k.begin * p_.M + panels_.row(rows.begin) * k.size();
    if (p_.packed_b != nullptr) {
      b = p_.packed_b + k.begin * panels_.padded_column(panels_.col_panels) +
          panels_.padded_column(columns.begin) * k.size();
    }
    const int64_t a_first = panels_.row(rows.begin);
    const int64_t b_first =
        panels_.padded_column(p_.packed_b != nullptr ? columns.begin : packed_columns(columns).begin);
    const GroupSize size = group_size(rows.size(), columns.size(), k.size());
    const int64_t row_groups = ceil_div(rows.size(), size.rows);
    const int64_t column_groups = ceil_div(columns.size(), size.columns);
    for_ranges(parallel_, row_groups * column_groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) {
        // Groups that share rows are neighbours: a thread finds its panels of A in its cache.
        const int64_t row0 = rows.begin + group / column_groups * size.rows;
        const int64_t column0 = columns.begin + group % column_groups * size.columns;
        for (int64_t j = column0; j < std::min(column0 + size.columns, columns.end); ++j) {
          const T* b_panel = reads_b(j) ? p_.b.at(k.begin, panels_.column(j))
                                        : b + (panels_.padded_column(j) - b_first) * k.size();
          for (int64_t i = row0; i < std::min(row0 + size.rows, rows.end); ++i) {
            const T* a_panel =
                reads_a_ ? p_.a.at(panels_.row(i), k.begin) : a + (panels_.row(i) - a_first) * k.size();
            tile(i, j, block, k.size(), a_panel, b_panel);
          }
        }
      }
    });
  }

  struct GroupSize {
    int64_t rows, columns;  // in panels
  };
  GroupSize group_size(int64_t row_panels, int64_t col_panels, int64_t depth) const {
    const int64_t tile_rows = panels_.kernels.rows;
    const int64_t tile_columns = panels_.kernels.columns();
    GroupSize size{std::clamp<int64_t>(kGroupRows / tile_rows, 1, row_panels),
                   std::clamp<int64_t>(kGroupColumns / tile_columns, 1, col_panels)};
    while (ceil_div(row_panels, size.rows) * ceil_div(col_panels, size.columns) < kWantedGroups &&
           size.rows * size.columns * tile_rows * tile_columns * depth >= 2 * kChunkWork) {
      const bool split_rows =
          size.columns == 1 || (size.rows > 1 && size.rows * tile_rows > size.columns * tile_columns);
      int64_t& larger = split_rows ? size.rows : size.columns;
      if (larger == 1) break;
      larger = ceil_div(larger, 2);
    }
    return size;
  }

  void tile(int64_t i, int64_t j, int64_t block, int64_t depth, const T* a, const T* b) const {
    const int64_t row = panels_.row(i);
    const int64_t rows = panels_.row(i + 1) - row;
    const int64_t column = panels_.column(j);
    const int64_t width = panels_.padded_column(j + 1) - panels_.padded_column(j);
    const GemmTile<T> t = tile_at(
        p_, row, column, panels_.column(j + 1) - column, block == 0, block + 1 == panels_.depth_blocks, depth,
        reads_a_ ? Matrix<const T>{a, p_.a.row, p_.a.col} : Matrix<const T>{a, 1, rows}, b,
        reads_b(j) ? p_.b.row : width);
    write_tile(panels_.kernels.tile[width > panels_.kernels.lanes ? 1 : 0][rows - 1], t, p_.c.col, rows);
  }

  const Matmul<T>& p_;
  Panels<T> panels_;
  bool parallel_;
  bool reads_a_, reads_b_;  // where they lie
};

// A small result of long sums: blocks of K go to threads, which pack for themselves, and are added up in
// order.
template <class T>
class LongSums {
 public:
  explicit LongSums(const Matmul<T>& problem) : p_(problem), panels_(p_.M, p_.N, p_.K) {}

  static bool suits(const Matmul<T>& p) {
    const int64_t blocks = depth_blocks_of(p.K), results = p.M * p.N;
    return p.alpha == 1 && p.c.col == 1 && results <= kSmallResult && blocks * results <= kMostSums &&
           num_threads() > 1 && blocks >= 2 * num_threads() && is_parallel(p);
  }

  void run() const {
    const Scratch<T> sums(panels_.depth_blocks * p_.M * p_.N);
    parallel_for(panels_.depth_blocks,
                 [&](int64_t block) { multiply(block, sums.data() + block * p_.M * p_.N); });
    parallel_range(p_.M, kChunkSums / (panels_.depth_blocks * p_.N), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) add_up(row, sums.data() + row * p_.N);
    });
  }

 private:
  void multiply(int64_t block, T* sums) const {
    const Range k = panels_.depth(block);
    Matmul<T> part = p_;
    part.K = k.size();
    if (p_.packed_a != nullptr) {
      part.packed_a += k.begin * p_.M;
    } else {
      part.a.data = p_.a.at(0, k.begin);
    }
    if (p_.packed_b != nullptr) {
      part.packed_b += k.begin * panels_.padded_columns;
    } else {
      part.b.data = p_.b.at(k.begin, 0);
    }
    part.c = {sums, p_.N, 1};
    part.beta = 0;
    part.row_bias = part.col_bias = nullptr;
    part.relu = false;
    Product<T>(part).run();
  }

  void add_up(int64_t row, const T* sums) const {
    T* const c = p_.c.at(row, 0);
    for (int64_t j = 0; j < p_.N; ++j) c[j] = p_.beta == T(0) ? sums[j] : sums[j] + p_.beta * c[j];
    for (int64_t block = 1; block < panels_.depth_blocks; ++block) {
      const T* const more = sums + block * p_.M * p_.N;
      for (int64_t j = 0; j < p_.N; ++j) c[j] += more[j];
    }
    for (int64_t j = 0; p_.row_bias != nullptr && j < p_.N; ++j) c[j] += p_.row_bias[row];
    for (int64_t j = 0; p_.col_bias != nullptr && j < p_.N; ++j) c[j] += p_.col_bias[j];
    for (int64_t j = 0; p_.relu && j < p_.N; ++j) c[j] = c[j] < T(0) ? T(0) : c[j];  // keeps NaN and -0
  }

  const Matmul<T>& p_;
  Panels<T> panels_;
};

// A few rows by dense columns, as one image makes them in a linear layer: every column is read once, where it
// lies.
template <class T>
class FewRows {
 public:
  explicit FewRows(const Matmul<T>& problem)
      : p_(problem), kernels_(gemm_kernels<T>()), depth_blocks_(depth_blocks_of(problem.K)) {}

  static bool suits(const Matmul<T>& p) {
    return p.M <= kFewRows && p.b.row == 1 && p.N >= gemm_kernels<T>().lanes && p.packed_a == nullptr &&
           p.packed_b == nullptr;
  }

  void run() const {
    const int64_t width = GemmKernels<T>::kDotVectors * kernels_.lanes;
    for_ranges(is_parallel(p_), ceil_div(p_.N, width), 1, [&](int64_t begin, int64_t end) {
      for (int64_t column = begin * width; column < std::min(end * width, p_.N); column += width) {
        multiply(column, std::min(width, p_.N - column));
      }
    });
  }

 private:
  void multiply(int64_t column, int64_t columns) const {
    for (int64_t block = 0; block < depth_blocks_; ++block) {
      const int64_t k = chunk_begin(p_.K, depth_blocks_, block);
      const int64_t depth = chunk_begin(p_.K, depth_blocks_, block + 1) - k;
      for (int64_t row = 0; row < p_.M; ++row) {
        const GemmTile<T> t =
            tile_at(p_, row, column, columns, block == 0, block + 1 == depth_blocks_, depth,
                    Matrix<const T>{p_.a.at(row, k), p_.a.row, p_.a.col}, p_.b.at(k, column), p_.b.col);
        write_tile(kernels_.dots, t, p_.c.col, 1);
      }
    }
  }

  const Matmul<T>& p_;
  const GemmKernels<T>& kernels_;
  int64_t depth_blocks_;
};

// One row by packed columns, as one image makes them in a planned linear layer: two panels are read at a
// time.
template <class T>
class OneRow {
 public:
  explicit OneRow(const Matmul<T>& problem) : p_(problem), panels_(1, problem.N, problem.K) {}

  static bool suits(const Matmul<T>& p) { return p.M == 1 && p.packed_b != nullptr && p.packed_a == nullptr; }

  void run() const {
    // Reading limits it: that is worth sharing sooner than multiplying is.
    for_ranges(p_.N * p_.K >= kChunkWork, ceil_div(panels_.col_panels, 2), 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t panel = 2 * begin; panel < std::min(2 * end, panels_.col_panels); panel += 2) {
                   const bool both = panels_.padded_column(panel + 2) - panels_.padded_column(panel) ==
                                     2 * panels_.kernels.columns();
                   multiply(panel, both ? 2 : 1);
                   if (!both && panel + 1 < panels_.col_panels) multiply(panel + 1, 1);
                 }
               });
  }

 private:
  void multiply(int64_t panel, int64_t count) const {
    const int64_t column = panels_.column(panel), columns = panels_.column(panel + count) - column;
    const int64_t width = panels_.padded_column(panel + count) - panels_.padded_column(panel);
    for (int64_t block = 0; block < panels_.depth_blocks; ++block) {
      const Range k = panels_.depth(block);
      const T* const b =
          p_.packed_b + k.begin * panels_.padded_columns + panels_.padded_column(panel) * k.size();
      const GemmTile<T> t =
          tile_at(p_, 0, column, columns, block == 0, block + 1 == panels_.depth_blocks, k.size(),
                  Matrix<const T>{p_.a.at(0, k.begin), p_.a.row, p_.a.col}, b, width / count);
      const auto kernel = [&](const GemmTile<T>& tile) {
        if (count == 2) return panels_.kernels.two_panels(tile, width / 2 * k.size());
        panels_.kernels.tile[width > panels_.kernels.lanes ? 1 : 0][0](tile);
      };
      write_tile(kernel, t, p_.c.col, 1);
    }
  }

  const Matmul<T>& p_;
  Panels<T> panels_;
};

// Lanes run along columns. Computing the transposed product instead pays where that wastes fewer of them,
// or where the result's columns, not its rows, are dense.
template <class T>
bool transposed_is_cheaper(const Matmul<T>& p) {
  if (p.packed_a != nullptr || p.packed_b != nullptr) return false;
  const auto cost = [lanes = gemm_kernels<T>().lanes](int64_t rows, int64_t columns, int64_t step) {
    const double tiles = static_cast<double>(rows) * static_cast<double>(ceil_div(columns, lanes));
    return step == 1 || columns == 1 ? tiles : 1.5 * tiles;
  };
  return cost(p.N, p.M, p.c.row) < cost(p.M, p.N, p.c.col);
}

template <class T>
Matmul<T> transposed(const Matmul<T>& p) {
  Matmul<T> other = p;
  std::swap(other.M, other.N);
  other.a = p.b.transposed();
  other.b = p.a.transposed();
  other.c = p.c.transposed();
  std::swap(other.row_bias, other.col_bias);
  std::swap(other.packed_a, other.packed_b);
  return other;
}

}  // namespace

template <class T>
void matmul(const Matmul<T>& problem) {
  if (problem.M == 0 || problem.N == 0) return;
  const Matmul<T> other = transposed(problem);
  if (FewRows<T>::suits(problem)) return FewRows<T>(problem).run();
  if (FewRows<T>::suits(other)) return FewRows<T>(other).run();
  if (OneRow<T>::suits(problem)) return OneRow<T>(problem).run();
  const Matmul<T>& chosen = transposed_is_cheaper(problem) ? other : problem;
  if (LongSums<T>::suits(chosen)) return LongSums<T>(chosen).run();
  Product<T>(chosen).run();
}

template <class T>
int64_t packed_a_size(int64_t M, int64_t K) {
  return M * K;
}

template <class T>
void pack_a(int64_t M, int64_t K, const Matrix<const T>& a, T* packed) {
  const Panels<T> panels(M, 1, K);
  for (int64_t block = 0; block < panels.depth_blocks; ++block) {
    const Range k = panels.depth(block);
    parallel_range(panels.row_panels, 8, [&](int64_t begin, int64_t end) {
      panels.pack_rows(a, {begin, end}, k, packed + k.begin * M + panels.row(begin) * k.size());
    });
  }
}

template <class T>
int64_t packed_b_size(int64_t K, int64_t N) {
  const Panels<T> panels(1, N, K);
  return panels.padded_column(panels.col_panels) * K;
}

template <class T>
void pack_b(int64_t K, int64_t N, const Matrix<const T>& b, T* packed) {
  const Panels<T> panels(1, N, K);
  for (int64_t block = 0; block < panels.depth_blocks; ++block) {
    const Range k = panels.depth(block);
    parallel_range(panels.col_panels, 4, [&](int64_t begin, int64_t end) {
      panels.pack_columns(b, {begin, end}, k,
                          packed + k.begin * panels.padded_column(panels.col_panels) +
                              panels.padded_column(begin) * k.size());
    });
  }
}

template void matmul(const Matmul<float>&);
template void matmul(const Matmul<double>&);
template int64_t packed_a_size<float>(int64_t, int64_t);
template int64_t packed_a_size<double>(int64_t, int64_t);
template void pack_a(int64_t, int64_t, const Matrix<const float>&, float*);
template void pack_a(int64_t, int64_t, const Matrix<const double>&, double*);
template int64_t packed_b_size<float>(int64_t, int64_t);
template int64_t packed_b_size<double>(int64_t, int64_t);
template void pack_b(int64_t, int64_t, const Matrix<const float>&, float*);
template void pack_b(int64_t, int64_t, const Matrix<const double>&, double*);

}  // namespace linnet::cpu

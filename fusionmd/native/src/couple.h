// One vertex: out[r] = sum_t value_t a[i_t] b[j_t] for every node and channel, over the non-zero couplings alone.
#pragma once

#include <ATen/Parallel.h>

#include "lanes.h"
#include "line.h"

namespace fusionmd {

template <class T, class V, int K>
inline void couple_row(const Table<T>& table, int64_t row, T* const* a, T* const* b, T* out, int64_t c) {
  constexpr int64_t width = sizeof(V) / sizeof(T);
  V sum[K] = {};
  for (int32_t t = table.starts[row]; t < table.starts[row + 1]; ++t) {
    const T *x = a[table.first[t]] + c, *y = b[table.second[t]] + c;
    const T value = table.values[t];
    for (int k = 0; k < K; ++k) sum[k] += (value * load<V>(x + k * width)) * load<V>(y + k * width);
  }
  for (int k = 0; k < K; ++k) store<V>(out + c + k * width, sum[k]);
}

template <class T>
void couple_nodes(const Table<T>& table, const Line<T>& a, const Line<T>& b, const Line<T>& out, int64_t n_nodes,
                  int64_t n_channels) {
  at::parallel_for(0, n_nodes, 8, [&](int64_t begin, int64_t end) {
    std::vector<T*> x, y, z;
    for (int64_t node = begin; node < end; ++node) {
      a.point(node, x);
      b.point(node, y);
      out.point(node, z);
      over_channels<T, 4>(n_channels, [&]<class V, int K>(int64_t c) {
        for (int64_t row = 0; row < table.n_rows; ++row)
          couple_row<T, V, K>(table, row, x.data(), y.data(), z[row], c);
      });
    }
  });
}

inline Tensor couple(const Tensor& a, const Tensor& b, const Tensor& table, const Tensor& values, IntArrayRef rows_out,
                     IntArrayRef rows_a, IntArrayRef rows_b, int64_t n_channels) {
  const int64_t n_nodes = n_nodes_of(a, rows_a, n_channels);
  TORCH_CHECK(n_nodes_of(b, rows_b, n_channels) == n_nodes, "fusionmd: the legs of a vertex have different nodes");
  Tensor out = at::empty({n_nodes * total(rows_out) * n_channels}, a.options());
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "couple", [&] {
    const Table<scalar_t> terms(table, values);
    const Line<scalar_t> x(a, rows_a, n_nodes, n_channels), y(b, rows_b, n_nodes, n_channels);
    const Line<scalar_t> z(out, rows_out, n_nodes, n_channels);
    TORCH_CHECK(z.n_rows() == terms.n_rows, "fusionmd: a table for another line");
    couple_nodes(terms, x, y, z, n_nodes, n_channels);
  });
  return out;
}

}  // namespace fusionmd

// One vertex: out[r] (+)= sum_t value_t a[i_t] b[j_t] for every node and channel, over the non-zero couplings alone.
#pragma once

#include "lanes.h"
#include "pieces.h"

namespace fusionmd {

template <class T, class V, int K, bool adds>
inline void couple_row(const Table<T>& table, int64_t row, T* const* a, T* const* b, T* out, int64_t c) {
  constexpr int64_t width = sizeof(V) / sizeof(T);
  V sum[K] = {};
  for (int32_t t = table.starts[row]; t < table.starts[row + 1]; ++t) {
    const T *x = a[table.first[t]] + c, *y = b[table.second[t]] + c;
    const T value = table.values[t];
    for (int k = 0; k < K; ++k) sum[k] += (value * load<V>(x + k * width)) * load<V>(y + k * width);
  }
  for (int k = 0; k < K; ++k) {
    T* target = out + c + k * width;
    store<V>(target, adds ? load<V>(target) + sum[k] : sum[k]);
  }
}

template <class T>
struct RowPointers {
  std::vector<T*> a, b, out;
};

template <bool adds, class T>
void couple(const Table<T>& table, const Line<T>& a, const Line<T>& b, const Line<T>& out, int64_t n_nodes,
            int64_t n_channels, RowPointers<T>& rows) {
  for (int64_t node = 0; node < n_nodes; ++node) {
    point(a, node, n_channels, rows.a);
    point(b, node, n_channels, rows.b);
    point(out, node, n_channels, rows.out);
    over_channels<T, 4>(n_channels, [&]<class V, int K>(int64_t c) {
      for (int64_t row = 0; row < table.n_rows; ++row)
        couple_row<T, V, K, adds>(table, row, rows.a.data(), rows.b.data(), rows.out[row], c);
    });
  }
}

}  // namespace fusionmd

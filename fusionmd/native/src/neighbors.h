// Sum over neighbours, then couple:
//   T[p m1 m2, c] = sum_e Y[e, m1] R[e, p, c] h[sender(e), m2, c]        out[r] = sum_t value_t T[i_t]
// The edges of a node are neighbours in memory. T of one node stays in the first cache.
#pragma once

#include <algorithm>

#include "couple.h"

namespace fusionmd {

// A path: components of Y and of h that meet, and where its products start in T.
struct NeighborPath {
  int64_t y, n_y, h, n_h, row;
  int64_t offset, stride;  // of its components of h: of node 0, and from node to node
};

template <class T>
struct Edges {
  const T *harmonics, *weights, *features;  // [E, n_harmonics], [those from first_edge on, n_paths, c], a line of N nodes
  const int64_t *senders, *offsets;
  int64_t n_harmonics, n_paths, n_channels, first_edge;

  const T* y(int64_t e) const { return harmonics + e * n_harmonics; }
  const T* r(int64_t e, int64_t path) const { return weights + ((e - first_edge) * n_paths + path) * n_channels; }
  int64_t h(int64_t e, const NeighborPath& path) const { return path.offset + senders[e] * path.stride; }
};

// The sizes of a path are known when compiled, where they are common, so that its sums stay in registers.
template <class T, class V, int Y, int H>
inline void sum_path(const Edges<T>& edges, const NeighborPath& path, int64_t k, int64_t begin, int64_t end, int64_t c,
                     V* out) {
  V sum[Y * H] = {};
  for (int64_t e = begin; e < end; ++e) {
    const T *y = edges.y(e) + path.y, *h = edges.features + edges.h(e, path) + c;
    const V r = load<V>(edges.r(e, k) + c);
    FUSIONMD_UNROLL for (int j = 0; j < H; ++j) {
      const V product = r * load<V>(h + j * edges.n_channels);
      FUSIONMD_UNROLL for (int i = 0; i < Y; ++i) sum[i * H + j] += y[i] * product;
    }
  }
  FUSIONMD_UNROLL for (int i = 0; i < Y * H; ++i) out[i] = sum[i];
}

template <class T, class V>
inline void sum_path(const Edges<T>& edges, const NeighborPath& path, int64_t k, int64_t begin, int64_t end, int64_t c,
                     V* out) {
  for (int64_t i = 0; i < path.n_y * path.n_h; ++i) out[i] = V{};
  for (int64_t e = begin; e < end; ++e) {
    const T *y = edges.y(e) + path.y, *h = edges.features + edges.h(e, path) + c;
    const V r = load<V>(edges.r(e, k) + c);
    for (int64_t j = 0; j < path.n_h; ++j) {
      const V product = r * load<V>(h + j * edges.n_channels);
      for (int64_t i = 0; i < path.n_y; ++i) out[i * path.n_h + j] += y[i] * product;
    }
  }
}

template <class T>
struct EdgeSlopes {
  T *weights, *features;  // as in Edges; no features: not wanted
};

// Back through one path of one edge. slope: of the products of this path [Y * H, c]; harmonics: one register a component,
// to be summed over its lanes.
template <class T, int Y, int H>
inline void pull_path(const Edges<T>& edges, const EdgeSlopes<T>& slopes, const NeighborPath& path, int64_t k,
                      int64_t e, const T* slope, T* harmonics) {
  const int64_t n = edges.n_channels, at = edges.h(e, path);
  const T *y = edges.y(e) + path.y, *weights = edges.r(e, k);
  T* by_weights = slopes.weights + (weights - edges.weights);
  typename Lanes<T>::type by_y[Y] = {};
  T rest[Y] = {};  // from channels beyond the registers
  over_channels<T, 1>(n, [&]<class V, int K>(int64_t c) {
    const V r = load<V>(weights + c);
    V h[H], by_product[H] = {}, by_r{};
    FUSIONMD_UNROLL for (int j = 0; j < H; ++j) h[j] = load<V>(edges.features + at + j * n + c);
    FUSIONMD_UNROLL for (int i = 0; i < Y; ++i) {
      V inner{};
      FUSIONMD_UNROLL for (int j = 0; j < H; ++j) {
        const V g = load<V>(slope + (i * H + j) * n + c);
        by_product[j] += y[i] * g;
        inner += g * h[j];
      }
      if constexpr (sizeof(V) > sizeof(T)) {
        by_y[i] += inner * r;
      } else {
        rest[i] += inner * r;
      }
    }
    FUSIONMD_UNROLL for (int j = 0; j < H; ++j) {
      by_r += by_product[j] * h[j];
      if (slopes.features) {
        T* by_h = slopes.features + at + j * n + c;
        store<V>(by_h, load<V>(by_h) + by_product[j] * r);
      }
    }
    store<V>(by_weights + c, by_r);
  });
  FUSIONMD_UNROLL for (int i = 0; i < Y; ++i) {
    using V = typename Lanes<T>::type;
    T* target = harmonics + i * register_width<T>;
    store<V>(target, load<V>(target) + by_y[i]);
    target[0] += rest[i];
  }
}

template <class T>
inline void pull_path(const Edges<T>& edges, const EdgeSlopes<T>& slopes, const NeighborPath& path, int64_t k,
                      int64_t e, const T* slope, T* harmonics) {
  const int64_t n = edges.n_channels, at = edges.h(e, path);
  const T *y = edges.y(e) + path.y, *weights = edges.r(e, k);
  T* by_weights = slopes.weights + (weights - edges.weights);
  over_channels<T, 1>(n, [&]<class V, int K>(int64_t c) {
    const V r = load<V>(weights + c);
    V by_r{};
    for (int64_t j = 0; j < path.n_h; ++j) {
      const V h = load<V>(edges.features + at + j * n + c);
      V by_product{};
      for (int64_t i = 0; i < path.n_y; ++i) {
        const V g = load<V>(slope + (i * path.n_h + j) * n + c);
        by_product += y[i] * g;
        T* by_y = harmonics + i * register_width<T>;
        store<V>(by_y, load<V>(by_y) + g * h * r);
      }
      by_r += by_product * h;
      if (slopes.features) {
        T* by_h = slopes.features + at + j * n + c;
        store<V>(by_h, load<V>(by_h) + by_product * r);
      }
    }
    store<V>(by_weights + c, by_r);
  });
}

#define FUSIONMD_PATH_SIZES(Y, H, CALL, ANY)                                          \
  switch (8 * (Y) + (H)) {                                                            \
    case 9: CALL(1, 1); break;  case 11: CALL(1, 3); break;  case 13: CALL(1, 5); break; \
    case 25: CALL(3, 1); break; case 27: CALL(3, 3); break;  case 29: CALL(3, 5); break; \
    case 41: CALL(5, 1); break; case 43: CALL(5, 3); break;  case 45: CALL(5, 5); break; \
    case 57: CALL(7, 1); break; case 59: CALL(7, 3); break;                           \
    default: ANY;                                                                     \
  }

template <class T, class V>
inline void sum_any(const Edges<T>& edges, const NeighborPath& path, int64_t k, int64_t begin, int64_t end, int64_t c,
                    V* out) {
#define CALL(Y, H) (sum_path<T, V, Y, H>(edges, path, k, begin, end, c, out))
  FUSIONMD_PATH_SIZES(path.n_y, path.n_h, CALL, (sum_path<T, V>(edges, path, k, begin, end, c, out)))
#undef CALL
}

template <class T>
inline void pull_any(const Edges<T>& edges, const EdgeSlopes<T>& slopes, const NeighborPath& path, int64_t k,
                     int64_t e, const T* slope, T* harmonics) {
#define CALL(Y, H) (pull_path<T, Y, H>(edges, slopes, path, k, e, slope, harmonics))
  FUSIONMD_PATH_SIZES(path.n_y, path.n_h, CALL, (pull_path<T>(edges, slopes, path, k, e, slope, harmonics)))
#undef CALL
}

template <class T>
struct NeighborSum {
  Edges<T> edges;
  const std::vector<NeighborPath>& paths;
  const Table<T>&table, &turned;  // rows out from T, and T from rows out

  // Nodes first to last - 1; out: the line of those nodes.
  void forward(int64_t first, int64_t last, const Line<T>& out, RowPointers<T>& rows, std::vector<T>& sums) const {
    sums.resize(turned.n_rows * register_width<T>);
    for (int64_t node = first; node < last; ++node) {
      point(out, node - first, edges.n_channels, rows.out);
      over_channels<T, 1>(edges.n_channels, [&]<class V, int K>(int64_t c) {
        node_forward<V>(node, c, reinterpret_cast<V*>(sums.data()), rows.out);
      });
    }
  }

  template <class V>
  void node_forward(int64_t node, int64_t c, V* sums, const std::vector<T*>& out) const {
    for (size_t k = 0; k < paths.size(); ++k)
      sum_any<T, V>(edges, paths[k], k, edges.offsets[node], edges.offsets[node + 1], c, sums + paths[k].row);
    for (int64_t row = 0; row < table.n_rows; ++row) {
      V sum{};
      for (int32_t t = table.starts[row]; t < table.starts[row + 1]; ++t) sum += table.values[t] * sums[table.first[t]];
      store<V>(out[row] + c, sum);
    }
  }

  // slope: the line of slopes of those nodes; harmonics: slopes of all edges; `slopes` as in `Edges`.
  void backward(int64_t first, int64_t last, const Line<T>& slope, T* harmonics, const EdgeSlopes<T>& slopes,
                RowPointers<T>& rows, std::vector<T>& pulled) const {
    pulled.resize(turned.n_rows * edges.n_channels + edges.n_harmonics * register_width<T>);
    T* by_y = pulled.data() + turned.n_rows * edges.n_channels;
    for (int64_t node = first; node < last; ++node) {
      point(slope, node - first, edges.n_channels, rows.out);
      pull_rows(rows.out, pulled.data());
      for (int64_t e = edges.offsets[node]; e < edges.offsets[node + 1]; ++e) {
        std::fill(by_y, by_y + edges.n_harmonics * register_width<T>, T(0));
        for (size_t k = 0; k < paths.size(); ++k)
          pull_any<T>(edges, slopes, paths[k], k, e, pulled.data() + paths[k].row * edges.n_channels,
                      by_y + paths[k].y * register_width<T>);
        for (int64_t i = 0; i < edges.n_harmonics; ++i)
          harmonics[e * edges.n_harmonics + i] = sum_of(by_y + i * register_width<T>);
      }
    }
  }

  // Slopes by T of one node [rows of T, c] from those by its rows out.
  void pull_rows(const std::vector<T*>& g, T* pulled) const {
    over_channels<T, 4>(edges.n_channels, [&]<class V, int K>(int64_t c) {
      constexpr int64_t width = sizeof(V) / sizeof(T);
      for (int64_t row = 0; row < turned.n_rows; ++row) {
        V sum[K] = {};
        for (int32_t t = turned.starts[row]; t < turned.starts[row + 1]; ++t)
          for (int k = 0; k < K; ++k) sum[k] += turned.values[t] * load<V>(g[turned.first[t]] + c + k * width);
        for (int k = 0; k < K; ++k) store<V>(pulled + row * edges.n_channels + c + k * width, sum[k]);
      }
    });
  }
};

}  // namespace fusionmd

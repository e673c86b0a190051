// Channel matrices and path weights on lines.
#pragma once

#include <ATen/Parallel.h>

#include "lanes.h"
#include "line.h"

namespace fusionmd {

extern "C" {
// Of the BLAS in libtorch, where it shows them: a call costs a tenth of one of at::mm.
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*) __attribute__((weak));
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*) __attribute__((weak));
}

// c [m, n] = a [m, k] b [k, n]; rows contiguous.
template <class T>
void multiply(const T* a, const T* b, T* c, int64_t m, int64_t n, int64_t k) {
  const int rows = m, columns = n, inner = k;
  const T one = 1, zero = 0;
  if (m == 0 || n == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (sgemm_) return sgemm_("N", "N", &columns, &rows, &inner, &one, b, &columns, a, &inner, &zero, c, &columns);
  } else {
    if (dgemm_) return dgemm_("N", "N", &columns, &rows, &inner, &one, b, &columns, a, &inner, &zero, c, &columns);
  }
  const auto options = at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value);
  const Tensor x = at::from_blob(const_cast<T*>(a), {m, k}, options);
  const Tensor y = at::from_blob(const_cast<T*>(b), {k, n}, options);
  Tensor z = at::from_blob(c, {m, n}, options);
  at::mm_out(z, x, y);
}

// paths: rows_in = m * n_paths an irrep; weights: [n_paths * c, c_out] an irrep. Returns a line of m rows an irrep.
inline Tensor mix(const Tensor& paths, TensorList weights, IntArrayRef rows_in, IntArrayRef rows_out,
                  int64_t n_channels) {
  const int64_t n_nodes = n_nodes_of(paths, rows_in, n_channels), n_out = weights[0].size(1);
  Tensor out = at::empty({n_nodes * total(rows_out) * n_out}, paths.options());
  AT_DISPATCH_FLOATING_TYPES(paths.scalar_type(), "mix", [&] {
    const scalar_t* x = paths.data_ptr<scalar_t>();
    scalar_t* y = out.data_ptr<scalar_t>();
    for (size_t k = 0; k < weights.size(); ++k) {
      const int64_t m = n_nodes * rows_out[k], inner = weights[k].size(0);
      multiply(x, weights[k].data_ptr<scalar_t>(), y, m, n_out, inner);
      x += m * inner;
      y += m * n_out;
    }
  });
  return out;
}

// turned: the weights [c_out, n_paths * c].
inline Tensor mix_backward(const Tensor& slope, TensorList turned, IntArrayRef rows_in, IntArrayRef rows_out,
                           int64_t n_channels) {
  const int64_t n_out = turned[0].size(0), n_nodes = n_nodes_of(slope, rows_out, n_out);
  Tensor paths = at::empty({n_nodes * total(rows_in) * n_channels}, slope.options());
  AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "mix", [&] {
    scalar_t* x = paths.data_ptr<scalar_t>();
    const scalar_t* y = slope.data_ptr<scalar_t>();
    for (size_t k = 0; k < turned.size(); ++k) {
      const int64_t m = n_nodes * rows_out[k], inner = turned[k].size(1);
      multiply(y, turned[k].data_ptr<scalar_t>(), x, m, inner, n_out);
      x += m * inner;
      y += m * n_out;
    }
  });
  return paths;
}

// Which paths of which line feed which irrep of the target: out[n, m, c] += line[n, m, path, c] * w[species, path, c].
struct Source {
  int64_t line, row, n_paths, target, path;
};

inline std::vector<Source> sources_of(IntArrayRef numbers) {
  std::vector<Source> sources;
  for (size_t k = 0; k + 4 < numbers.size(); k += 5)
    sources.push_back({numbers[k], numbers[k + 1], numbers[k + 2], numbers[k + 3], numbers[k + 4]});
  return sources;
}

// One source for one node. `by_line` null: add to out; else: pull the slope `out` back to the line.
template <class T>
void weigh_node(const T* line, T* by_line, const T* weights, T* out, int64_t m, int64_t n_paths, int64_t n_channels) {
  over_channels<T, 1>(n_channels, [&]<class V, int K>(int64_t c) {
    for (int64_t i = 0; i < m; ++i) {
      const V slope = load<V>(out + i * n_channels + c);
      V sum = slope;
      for (int64_t p = 0; p < n_paths; ++p) {
        const V w = load<V>(weights + p * n_channels + c);
        const int64_t at = (i * n_paths + p) * n_channels + c;
        if (by_line) {
          store<V>(by_line + at, slope * w);
        } else {
          sum += load<V>(line + at) * w;
        }
      }
      if (!by_line) store<V>(out + i * n_channels + c, sum);
    }
  });
}

// All sources: forward (lines -> the line out, zeros before) or backward (out -> by_lines, zeros where nothing is read).
template <class T>
void weigh_nodes(TensorList lines, const std::vector<Tensor>* by_lines, TensorList weights, const Tensor& species,
                 const std::vector<Source>& sources, IntArrayRef rows, const Tensor& out, int64_t n_channels) {
  const int64_t n_nodes = species.size(0);
  std::vector<int64_t> first(rows.size(), 0);
  for (size_t k = 1; k < rows.size(); ++k) first[k] = first[k - 1] + rows[k - 1];
  const int64_t* kinds = species.data_ptr<int64_t>();
  at::parallel_for(0, n_nodes, 16, [&](int64_t begin, int64_t end) {
    for (const Source& source : sources) {
      const int64_t m = rows[source.target], block = m * source.n_paths * n_channels;
      const int64_t start = source.row * n_nodes * n_channels, n_weights = weights[source.target].size(1) * n_channels;
      const T* line = lines[source.line].template data_ptr<T>() + start;
      T* by_line = by_lines ? (*by_lines)[source.line].template data_ptr<T>() + start : nullptr;
      const T* table = weights[source.target].template data_ptr<T>() + source.path * n_channels;
      for (int64_t node = begin; node < end; ++node)
        weigh_node<T>(line + node * block, by_line ? by_line + node * block : nullptr, table + kinds[node] * n_weights,
                      out.data_ptr<T>() + (n_nodes * first[source.target] + node * m) * n_channels, m,
                      source.n_paths, n_channels);
    }
  });
}

}  // namespace fusionmd

// Channel matrices and path weights.
#pragma once

#include "lanes.h"
#include "pieces.h"

namespace fusionmd {

extern "C" {
// Of the BLAS in libtorch, where it shows them: a call costs a tenth of one of at::mm.
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*) __attribute__((weak));
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*) __attribute__((weak));
}

// c [m, n] (+)= a [m, k] b [k, n]; rows contiguous.
template <class T>
void multiply(const T* a, const T* b, T* c, int64_t m, int64_t n, int64_t k, bool adds) {
  const int rows = m, columns = n, inner = k;
  const T one = 1, before = adds ? 1 : 0;
  if (m == 0 || n == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (sgemm_) return sgemm_("N", "N", &columns, &rows, &inner, &one, b, &columns, a, &inner, &before, c, &columns);
  } else {
    if (dgemm_) return dgemm_("N", "N", &columns, &rows, &inner, &one, b, &columns, a, &inner, &before, c, &columns);
  }
  const auto options = at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value);
  const Tensor x = at::from_blob(const_cast<T*>(a), {m, k}, options);
  const Tensor y = at::from_blob(const_cast<T*>(b), {k, n}, options);
  Tensor z = at::from_blob(c, {m, n}, options);
  at::addmm_out(z, z, x, y, adds ? 1 : 0, 1);
}

// A matrix an irrep: weights [c, c_out], or turned for the way back; a line of the same rows comes out.
inline Tensor mix(const Tensor& line, TensorList weights, IntArrayRef rows, int64_t n_channels) {
  const int64_t n_nodes = n_nodes_of(line, rows, n_channels), n_out = weights[0].size(1);
  Tensor out = at::empty({n_nodes * total(rows) * n_out}, line.options());
  AT_DISPATCH_FLOATING_TYPES(line.scalar_type(), "mix", [&] {
    const scalar_t* x = line.data_ptr<scalar_t>();
    scalar_t* y = out.data_ptr<scalar_t>();
    for (size_t k = 0; k < weights.size(); ++k) {
      const int64_t m = n_nodes * rows[k];
      multiply(x, weights[k].data_ptr<scalar_t>(), y, m, n_out, n_channels, false);
      x += m * n_channels;
      y += m * n_out;
    }
  });
  return out;
}

// Path weights of each species [n_species, n_all_paths, c]; these paths begin at `first`.
template <class T>
struct PathWeights {
  const T* numbers;
  int64_t n_all_paths, first, n_paths;

  const T* of(int64_t species, int64_t n_channels) const {
    return numbers + (species * n_all_paths + first) * n_channels;
  }
};

// out [n, m, c] += sum_p paths [n, m, p, c] w[species, p, c].
template <class T>
void weigh(const T* paths, const PathWeights<T>& weights, const int64_t* species, T* out, int64_t n_nodes, int64_t m,
           int64_t n_channels) {
  for (int64_t row = 0; row < n_nodes * m; ++row) {
    const T *w = weights.of(species[row / m], n_channels), *x = paths + row * weights.n_paths * n_channels;
    over_channels<T, 1>(n_channels, [&]<class V, int K>(int64_t c) {
      V sum = load<V>(out + row * n_channels + c);
      for (int64_t p = 0; p < weights.n_paths * n_channels; p += n_channels) sum += load<V>(x + p + c) * load<V>(w + p + c);
      store<V>(out + row * n_channels + c, sum);
    });
  }
}

// paths += the slope of `out` times w.
template <class T>
void weigh_back(T* paths, const PathWeights<T>& weights, const int64_t* species, const T* out, int64_t n_nodes,
                int64_t m, int64_t n_channels) {
  for (int64_t row = 0; row < n_nodes * m; ++row) {
    const T* w = weights.of(species[row / m], n_channels);
    T* x = paths + row * weights.n_paths * n_channels;
    over_channels<T, 1>(n_channels, [&]<class V, int K>(int64_t c) {
      const V slope = load<V>(out + row * n_channels + c);
      for (int64_t p = 0; p < weights.n_paths * n_channels; p += n_channels)
        store<V>(x + p + c, load<V>(x + p + c) + slope * load<V>(w + p + c));
    });
  }
}

}  // namespace fusionmd

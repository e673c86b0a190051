// The radial network for the edges of a block, there and back: h_k = silu(h_(k-1) W_k [+ shift of the pair]), the last
// one times the cutoff function.
#pragma once

#include <cmath>
#include <cstring>

#include "channels.h"

namespace fusionmd {

// e^x by 2^n e^r, |r| <= ln(2) / 2, and the Taylor series of e^r; registers of x below -80 give e^-80.
template <class T, class V>
inline V exp_of(V x) {
  if constexpr (sizeof(V) == sizeof(T)) {
    return std::exp(x);
  } else {
    using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
    typedef I Integers __attribute__((vector_size(sizeof(V)), aligned(alignof(I)), may_alias));
    constexpr int mantissa = sizeof(T) == 4 ? 23 : 52, bias = sizeof(T) == 4 ? 127 : 1023, degree = sizeof(T) == 4 ? 7 : 13;
    constexpr T round = T(1.5) * T(I(1) << mantissa), log2e = T(1.4426950408889634);
    constexpr T ln2_high = T(0.693359375), ln2_low = T(-2.1219444005469057e-4);
    x = x < T(-80) ? V{} - T(80) : (x > T(80) ? V{} + T(80) : x);
    const V n = (x * log2e + round) - round, r = (x - n * ln2_high) - n * ln2_low;
    V sum = V{} + T(1);
    FUSIONMD_UNROLL for (int k = degree; k > 0; --k) sum = T(1) + sum * r * (T(1) / T(k));
    const Integers power = (__builtin_convertvector(n, Integers) + bias) << mantissa;
    V scale;
    std::memcpy(&scale, &power, sizeof(V));
    return sum * scale;
  }
}

template <class T>
class RadialNet {
 public:
  // matrices, turned: of the hidden layers first. shift: [n_pairs, width], or nothing.
  RadialNet(const std::vector<Tensor>& matrices, const std::vector<Tensor>& turned, int64_t n_hidden,
            const Tensor& basis, const Tensor& envelope, const Tensor& pairs, const Tensor& shift)
      : matrices(matrices), turned(turned), n_hidden(n_hidden), basis(basis.data_ptr<T>()),
        envelope(envelope.data_ptr<T>()), pairs(pairs.data_ptr<int64_t>()),
        shift(shift.size(0) > 0 ? shift.data_ptr<T>() : nullptr) {}

  int64_t n_basis() const { return matrices[0].size(0); }
  int64_t width(int64_t k) const { return matrices[k].size(1); }
  int64_t last_width() const { return width(n_hidden - 1); }

  int64_t widest() const {
    int64_t most = 0;
    for (int64_t k = 0; k < n_hidden; ++k) most = std::max(most, width(k));
    return most;
  }

  // Numbers that an edge keeps: sums before each silu, and what comes out.
  static int64_t n_kept(const std::vector<Tensor>& matrices, int64_t n_hidden) {
    int64_t sum = matrices[n_hidden - 1].size(1);
    for (int64_t k = 0; k < n_hidden; ++k) sum += matrices[k].size(1);
    return sum;
  }

  // Edges first to first + n - 1; returns what comes out [n, last width].
  const T* forward(int64_t first, int64_t n, T* keep, std::vector<T>& space) const {
    const T* in = basis + first * n_basis();
    for (int64_t k = 0; k < n_hidden; ++k) {
      multiply(in, matrices[k].template data_ptr<T>(), keep, n, width(k), matrices[k].size(0), false);
      if (k == 0 && shift) add_shifts(first, n, keep);
      T* out = k + 1 < n_hidden ? grown(space, n * width(k)) : keep + n * width(k);
      over_channels<T, 1>(n * width(k), [&]<class V, int K>(int64_t c) {
        const V x = load<V>(keep + c);
        store<V>(out + c, x / (T(1) + exp_of<T>(-x)));
      });
      keep += n * width(k);
      in = out;
    }
    scale_rows(first, n, keep);
    return keep;
  }

  const T* result(int64_t n, const T* keep) const {
    for (int64_t k = 0; k < n_hidden; ++k) keep += n * width(k);
    return keep;
  }

  // slope: by the result, overwritten. Writes the slopes of these edges by basis and envelope.
  void backward(int64_t first, int64_t n, const T* keep, T* slope, T* by_basis, T* by_envelope,
                std::vector<T>& space) const {
    keep = result(n, keep);
    for (int64_t e = 0; e < n; ++e)
      by_envelope[first + e] = pull_row(keep + e * last_width(), slope + e * last_width(), first + e);
    for (int64_t k = n_hidden; k-- > 0;) {
      keep -= n * width(k);
      over_channels<T, 1>(n * width(k), [&]<class V, int K>(int64_t c) {
        const V x = load<V>(keep + c), s = T(1) / (T(1) + exp_of<T>(-x));
        store<V>(slope + c, load<V>(slope + c) * s * (T(1) + x * (T(1) - s)));
      });
      const int64_t n_in = matrices[k].size(0);
      T* out = k > 0 ? grown(space, n * n_in) : by_basis + first * n_in;
      multiply(slope, turned[k].template data_ptr<T>(), out, n, n_in, width(k), false);
      if (k > 0) std::memcpy(slope, out, n * n_in * sizeof(T));
    }
  }

 private:
  const std::vector<Tensor>&matrices, &turned;
  const int64_t n_hidden;
  const T *basis, *envelope;
  const int64_t* pairs;
  const T* shift;

  void add_shifts(int64_t first, int64_t n, T* sums) const {
    for (int64_t e = 0; e < n; ++e) {
      const T* row = shift + pairs[first + e] * width(0);
      over_channels<T, 1>(width(0), [&]<class V, int K>(int64_t c) {
        T* sum = sums + e * width(0) + c;
        store<V>(sum, load<V>(sum) + load<V>(row + c));
      });
    }
  }

  void scale_rows(int64_t first, int64_t n, T* rows) const {
    for (int64_t e = 0; e < n; ++e)
      over_channels<T, 1>(last_width(), [&]<class V, int K>(int64_t c) {
        T* x = rows + e * last_width() + c;
        store<V>(x, load<V>(x) * envelope[first + e]);
      });
  }

  // Turns the slope by row = envelope * bare into that by bare, and returns that by the envelope.
  T pull_row(const T* row, T* slope, int64_t e) const {
    const T factor = envelope[e];
    typename Lanes<T>::type sums{};
    T rest = 0;
    over_channels<T, 1>(last_width(), [&]<class V, int K>(int64_t c) {
      const V g = load<V>(slope + c);
      if constexpr (sizeof(V) > sizeof(T)) {
        sums += g * load<V>(row + c);
      } else {
        rest += g * row[c];
      }
      store<V>(slope + c, g * factor);
    });
    const T sum = sum_of(reinterpret_cast<const T*>(&sums)) + rest;
    return factor != T(0) ? sum / factor : T(0);
  }
};

}  // namespace fusionmd

// What an edge vector becomes: polynomials of its direction, Bessel functions sqrt(2/c) sin(n pi r / c) / r, and the cutoff
//   f(x) = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2),   x = r/c     (Gasteiger et al., ICLR 2020).
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

namespace fusionmd {

template <class T>
struct EdgeFunctions {
  const T* frequencies;
  int64_t n_basis;
  double cutoff;
  int64_t power;

  void evaluate(const T* vectors, int64_t n_edges, T* directions, T* inverse, T* basis, T* by_basis, T* envelope,
                T* by_envelope) const {
    for (int64_t e = 0; e < n_edges; ++e) {
      const T *v = vectors + 3 * e, r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
      inverse[e] = T(1) / r;
      for (int i = 0; i < 3; ++i) directions[3 * e + i] = v[i] / r;
      bessel(r, basis + e * n_basis, by_basis + e * n_basis);
      cut(r, envelope[e], by_envelope[e]);
    }
  }

  void bessel(double r, T* value, T* slope) const {
    const double prefactor = std::sqrt(2.0 / cutoff) / r;
    for (int64_t n = 0; n < n_basis; ++n) {
      const double k = frequencies[n], s = std::sin(k * r), c = std::cos(k * r);
      value[n] = static_cast<T>(prefactor * s);
      slope[n] = static_cast<T>(prefactor * (k * c - s / r));
    }
  }

  void cut(double r, T& value, T& slope) const {
    const double p = static_cast<double>(power), x = r / cutoff;
    value = slope = 0;
    if (x >= 1.0) return;
    const double a = -(p + 1) * (p + 2) / 2, b = p * (p + 2), c = -p * (p + 1) / 2, below = std::pow(x, p - 1);
    value = static_cast<T>(1.0 + below * x * (a + x * (b + x * c)));
    slope = static_cast<T>(below * (p * a + x * ((p + 1) * b + x * (p + 2) * c)) / cutoff);
  }
};

// Polynomials of degree <= 3 of a direction from their coefficients [n_monomials, n_polynomials]; monomials
// 1 x y z xx xy xz yy yz zz xxx xxy xxz xyy xyz xzz yyy yyz yzz zzz, or the first of them.
template <class T>
struct Polynomials {
  static constexpr int most = 20;
  const T* coefficients;
  int64_t n_monomials, n_polynomials;

  explicit Polynomials(const at::Tensor& table)
      : coefficients(table.data_ptr<T>()), n_monomials(table.size(0)), n_polynomials(table.size(1)) {
    TORCH_CHECK(n_monomials <= most, "fusionmd: polynomials of too high a degree");
  }

  static void monomials(const T* u, T* m) {
    const T x = u[0], y = u[1], z = u[2];
    const T found[most] = {1,         x,         y,         z,         x * x,     x * y,     x * z,
                           y * y,     y * z,     z * z,     x * x * x, x * x * y, x * x * z, x * y * y,
                           x * y * z, x * z * z, y * y * y, y * y * z, y * z * z, z * z * z};
    for (int k = 0; k < most; ++k) m[k] = found[k];
  }

  // Slope by u from the slopes g by the monomials.
  static void pull_monomials(const T* u, const T* g, T* out) {
    const T x = u[0], y = u[1], z = u[2];
    out[0] = g[1] + 2 * x * g[4] + y * g[5] + z * g[6] + 3 * x * x * g[10] + 2 * x * y * g[11] + 2 * x * z * g[12] +
             y * y * g[13] + y * z * g[14] + z * z * g[15];
    out[1] = g[2] + x * g[5] + 2 * y * g[7] + z * g[8] + x * x * g[11] + 2 * x * y * g[13] + x * z * g[14] +
             3 * y * y * g[16] + 2 * y * z * g[17] + z * z * g[18];
    out[2] = g[3] + x * g[6] + y * g[8] + 2 * z * g[9] + x * x * g[12] + x * y * g[14] + 2 * x * z * g[15] +
             y * y * g[17] + 2 * y * z * g[18] + 3 * z * z * g[19];
  }

  void evaluate(const T* directions, int64_t n_edges, T* out) const {
    T m[most];
    for (int64_t e = 0; e < n_edges; ++e) {
      T* target = out + e * n_polynomials;
      monomials(directions + 3 * e, m);
      for (int64_t q = 0; q < n_polynomials; ++q) target[q] = 0;
      for (int64_t k = 0; k < n_monomials; ++k)
        for (int64_t q = 0; q < n_polynomials; ++q) target[q] += m[k] * coefficients[k * n_polynomials + q];
    }
  }

  void pull(const T* directions, const T* slopes, int64_t n_edges, T* out) const {
    for (int64_t e = 0; e < n_edges; ++e) {
      T g[most] = {};
      for (int64_t k = 0; k < n_monomials; ++k)
        for (int64_t q = 0; q < n_polynomials; ++q)
          g[k] += slopes[e * n_polynomials + q] * coefficients[k * n_polynomials + q];
      pull_monomials(directions + 3 * e, g, out + 3 * e);
    }
  }
};

template <class T>
void pull_edges(int64_t n_edges, int64_t n_basis, const T* directions, const T* inverse, const T* basis,
                const T* envelope, const T* by_direction, const T* by_basis, const T* by_envelope, T* out) {
  for (int64_t e = 0; e < n_edges; ++e) {
    const T *u = directions + 3 * e, *g = by_direction + 3 * e;
    T along = by_envelope[e] * envelope[e];
    for (int64_t n = 0; n < n_basis; ++n) along += by_basis[e * n_basis + n] * basis[e * n_basis + n];
    const T inner = u[0] * g[0] + u[1] * g[1] + u[2] * g[2];
    for (int i = 0; i < 3; ++i) out[3 * e + i] = u[i] * along + (g[i] - u[i] * inner) * inverse[e];
  }
}

}  // namespace fusionmd

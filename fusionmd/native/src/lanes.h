// Channels in vector registers: a loop over channels in blocks of 4, 2 and 1 registers, and what is left one by one.
#pragma once

#include <cstdint>

#define FUSIONMD_UNROLL _Pragma("GCC unroll 32")

namespace fusionmd {

// A register of 64 bytes. The compiler cuts it where the machine has shorter ones.
template <class T>
struct Lanes {
  typedef T type __attribute__((vector_size(64), aligned(alignof(T)), may_alias));
};

template <class V, class T>
inline V load(const T* source) {
  return *reinterpret_cast<const V*>(source);
}

template <class V, class T>
inline void store(T* target, const V& value) {
  *reinterpret_cast<V*>(target) = value;
}

template <class T>
constexpr int64_t register_width = 64 / sizeof(T);

// Sum of the numbers of one register: halves onto each other.
template <class T, int bytes = 64>
inline T sum_of(const T* numbers) {
  if constexpr (bytes == sizeof(T)) {
    return *numbers;
  } else {
    typedef T Half __attribute__((vector_size(bytes / 2), aligned(alignof(T)), may_alias));
    const Half half = load<Half>(numbers) + load<Half>(numbers + bytes / 2 / sizeof(T));
    return sum_of<T, bytes / 2>(reinterpret_cast<const T*>(&half));
  }
}

// body.operator()<V, K>(first channel): V a register (or a number), K how many of them. `largest` bounds K.
template <class T, int largest, class Body>
inline void over_channels(int64_t n_channels, Body&& body) {
  using V = typename Lanes<T>::type;
  constexpr int64_t width = sizeof(V) / sizeof(T);
  int64_t c = 0;
  if constexpr (largest >= 4)
    for (; c + 4 * width <= n_channels; c += 4 * width) body.template operator()<V, 4>(c);
  if constexpr (largest >= 2)
    for (; c + 2 * width <= n_channels; c += 2 * width) body.template operator()<V, 2>(c);
  for (; c + width <= n_channels; c += width) body.template operator()<V, 1>(c);
  for (; c < n_channels; ++c) body.template operator()<T, 1>(c);
}

}  // namespace fusionmd

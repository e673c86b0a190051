// Pieces of lines and coupling tables as the kernels see them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace fusionmd {

using at::IntArrayRef;
using at::Tensor;
using at::TensorList;

// One irrep of a line: numbers [n_nodes, rows, n_channels], contiguous. A line is a few of them, in any place.
template <class T>
struct Piece {
  T* start;
  int64_t rows;
};

template <class T>
using Line = std::vector<Piece<T>>;

// Where each row of a line starts at one node.
template <class T>
void point(const Line<T>& line, int64_t node, int64_t n_channels, std::vector<T*>& rows) {
  rows.clear();
  for (const Piece<T>& piece : line)
    for (int64_t row = 0; row < piece.rows; ++row)
      rows.push_back(piece.start + (node * piece.rows + row) * n_channels);
}

// A buffer that outlives the call, with room for n numbers.
template <class T>
T* grown(std::vector<T>& buffer, int64_t n) {
  if (static_cast<int64_t>(buffer.size()) < n) buffer.resize(n);
  return buffer.data();
}

inline int64_t total(IntArrayRef values) {
  int64_t sum = 0;
  for (int64_t value : values) sum += value;
  return sum;
}

inline int64_t n_nodes_of(const Tensor& flat, IntArrayRef rows, int64_t n_channels) {
  const int64_t per_node = total(rows) * n_channels;
  TORCH_CHECK(flat.is_contiguous() && per_node > 0 && flat.numel() % per_node == 0, "fusionmd: a line of ",
              flat.numel(), " numbers is no whole number of nodes of ", per_node);
  return flat.numel() / per_node;
}

// out[row] = sum over its terms of value * a[first] * b[second]. Packed: [n_rows, starts (n_rows + 1), firsts, seconds].
template <class T>
struct Table {
  int64_t n_rows, n_terms;
  const int32_t *starts, *first, *second;
  const T* values;

  Table(const Tensor& packed, const Tensor& numbers) : n_terms(numbers.numel()), values(numbers.data_ptr<T>()) {
    const int32_t* data = packed.data_ptr<int32_t>();
    n_rows = data[0];
    starts = data + 1;
    first = starts + n_rows + 1;
    second = first + n_terms;
    TORCH_CHECK(packed.numel() == n_rows + 2 + 2 * n_terms, "fusionmd: a damaged coupling table");
  }
};

}  // namespace fusionmd

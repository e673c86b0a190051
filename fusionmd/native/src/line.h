// Lines and tables as the kernels see them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace fusionmd {

using at::IntArrayRef;
using at::Tensor;
using at::TensorList;

inline int64_t total(IntArrayRef values) {
  int64_t sum = 0;
  for (int64_t value : values) sum += value;
  return sum;
}

// A line of a plan: one flat tensor, irrep after irrep, each [n_nodes, rows, n_channels] and contiguous.
template <class T>
struct Line {
  T* base;
  std::vector<int64_t> offset, stride;  // of each row, in numbers

  Line(const Tensor& flat, IntArrayRef rows, int64_t n_nodes, int64_t n_channels) : base(flat.data_ptr<T>()) {
    int64_t start = 0;
    for (int64_t n_rows : rows) {
      for (int64_t row = 0; row < n_rows; ++row) {
        offset.push_back(start + row * n_channels);
        stride.push_back(n_rows * n_channels);
      }
      start += n_nodes * n_rows * n_channels;
    }
  }

  int64_t n_rows() const { return static_cast<int64_t>(offset.size()); }

  void point(int64_t node, std::vector<T*>& rows) const {
    rows.resize(offset.size());
    for (size_t row = 0; row < offset.size(); ++row) rows[row] = base + offset[row] + node * stride[row];
  }
};

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

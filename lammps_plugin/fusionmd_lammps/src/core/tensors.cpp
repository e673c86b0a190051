#include "tensors.h"

#include <algorithm>
#include <numeric>

namespace fusionmd {
namespace {

constexpr int64_t SLOT_MULTIPLE = 4;

/// Edge indices of each receiver [n_nodes, max_degree], padded with n_edges; max_degree a multiple of 4, at least 4.
/// Edges are sorted by receiver: those of a node follow each other.
at::Tensor slots_of(const int64_t *receivers, int64_t n_edges, int64_t n_nodes)
{
  std::vector<int64_t> first(n_nodes + 1, 0);
  for (int64_t e = 0; e < n_edges; ++e) ++first[receivers[e] + 1];
  const int64_t most = *std::max_element(first.begin(), first.end());
  std::partial_sum(first.begin(), first.end(), first.begin());
  const int64_t width = std::max(SLOT_MULTIPLE, (most + SLOT_MULTIPLE - 1) / SLOT_MULTIPLE * SLOT_MULTIPLE);
  const at::Tensor slots = at::empty({n_nodes, width}, at::kLong);
  int64_t *const out = slots.data_ptr<int64_t>();
  for (int64_t node = 0; node < n_nodes; ++node) {
    int64_t *const row = out + node * width;
    const int64_t start = first[node], n = first[node + 1] - start;
    for (int64_t k = 0; k < n; ++k) row[k] = start + k;
    std::fill(row + n, row + width, n_edges);
  }
  return slots;
}

template <typename T> at::Tensor view(const T *data, at::IntArrayRef shape, at::ScalarType type)
{
  if (!data) return at::empty(shape, type);
  return at::from_blob(const_cast<T *>(data), shape, type);
}

}    // namespace

at::Tensor indices(const int64_t *data, int64_t n)
{
  return view(data, {n}, at::kLong);
}

Input input_of(const fusionmd_graph &g, at::Device device)
{
  return {view(g.vectors, {g.n_edges, 3}, at::kDouble).to(device), indices(g.senders, g.n_edges).to(device),
          indices(g.receivers, g.n_edges).to(device), slots_of(g.receivers, g.n_edges, g.n_nodes).to(device),
          indices(g.species, g.n_nodes).to(device), g.n_local};
}

Part::Part(const fusionmd_graph &whole, const Block &block, std::vector<int64_t> &local)
{
  for (size_t k = 0; k < block.nodes.size(); ++k) {
    local[block.nodes[k]] = static_cast<int64_t>(k);
    species.push_back(whole.species[block.nodes[k]]);
  }
  for (int64_t e : block.edges) {
    senders.push_back(local[whole.senders[e]]);
    receivers.push_back(local[whole.receivers[e]]);
    vectors.insert(vectors.end(), whole.vectors + 3 * e, whole.vectors + 3 * e + 3);
  }
  graph = {static_cast<int64_t>(block.nodes.size()), block.n_local, static_cast<int64_t>(block.edges.size()),
           species.data(), senders.data(), receivers.data(), vectors.data(), nullptr};
}

}    // namespace fusionmd

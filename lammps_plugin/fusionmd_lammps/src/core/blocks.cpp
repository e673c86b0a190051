#include "blocks.h"

#include <algorithm>
#include <numeric>

namespace fusionmd {
namespace {

using Indices = std::vector<int64_t>;

constexpr double GROWTH = 1.5;    // of the number of blocks while the largest one does not fit

/// First edge of each receiver [n_nodes + 1].
Indices first_edges(const fusionmd_graph &graph)
{
  Indices first(graph.n_nodes + 1, 0);
  for (int64_t e = 0; e < graph.n_edges; ++e) ++first[graph.receivers[e] + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  return first;
}

int longest_axis(const double *x, const Indices &nodes)
{
  double extent[3];
  for (int k = 0; k < 3; ++k) {
    const auto [low, high] = std::minmax_element(
        nodes.begin(), nodes.end(), [&](int64_t a, int64_t b) { return x[3 * a + k] < x[3 * b + k]; });
    extent[k] = x[3 * *high + k] - x[3 * *low + k];
  }
  return static_cast<int>(std::max_element(extent, extent + 3) - extent);
}

/// Halve along the longest extent, in proportion, until there are `n_groups` groups of ascending indices.
void bisect(const double *x, Indices nodes, int64_t n_groups, std::vector<Indices> &groups)
{
  if (n_groups <= 1) {
    std::sort(nodes.begin(), nodes.end());
    groups.push_back(std::move(nodes));
    return;
  }
  const int axis = longest_axis(x, nodes);
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](int64_t a, int64_t b) { return x[3 * a + axis] < x[3 * b + axis]; });
  const int64_t first = n_groups / 2, cut = static_cast<int64_t>(nodes.size()) * first / n_groups;
  bisect(x, Indices(nodes.begin(), nodes.begin() + cut), first, groups);
  bisect(x, Indices(nodes.begin() + cut, nodes.end()), n_groups - first, groups);
}

class Cutter {
 public:
  Cutter(const fusionmd_graph &graph, int n_hops) :
      graph(graph), n_hops(n_hops), first(first_edges(graph)), local(graph.n_nodes, -1)
  {
  }

  std::vector<Block> cut(int64_t n_blocks)
  {
    Indices owned(graph.n_local);
    std::iota(owned.begin(), owned.end(), 0);
    std::vector<Indices> groups;
    bisect(graph.positions, owned, n_blocks, groups);
    std::vector<Block> blocks;
    for (auto &group : groups) blocks.push_back(with_context(std::move(group)));
    return blocks;
  }

 private:
  const fusionmd_graph &graph;
  const int n_hops;
  const Indices first;
  Indices local;    // index of a node in the block under construction, -1 outside

  Block with_context(Indices owned)
  {
    Block block{std::move(owned), {}, 0};
    block.n_local = static_cast<int64_t>(block.nodes.size());
    for (int64_t node : block.nodes) local[node] = 0;
    size_t reached = 0, n_receiving = 0;
    for (int hop = 0; hop < n_hops; ++hop) {
      n_receiving = block.nodes.size();
      for (; reached < n_receiving; ++reached) reach_senders(block.nodes[reached], block.nodes);
    }
    std::sort(block.nodes.begin() + block.n_local, block.nodes.end());
    for (size_t k = 0; k < block.nodes.size(); ++k) local[block.nodes[k]] = static_cast<int64_t>(k);
    take_edges(block, hops_of_receivers(block));
    for (int64_t node : block.nodes) local[node] = -1;
    return block;
  }

  void reach_senders(int64_t node, Indices &nodes)
  {
    for (int64_t e = first[node]; e < first[node + 1]; ++e)
      if (local[graph.senders[e]] < 0) {
        local[graph.senders[e]] = 0;
        nodes.push_back(graph.senders[e]);
      }
  }

  /// Whether a node of the block is within n_hops - 1 edges of an owned one, by its place in the block.
  std::vector<char> hops_of_receivers(const Block &block) const
  {
    std::vector<char> receives(block.nodes.size(), 0);
    Indices front(block.nodes.begin(), block.nodes.begin() + block.n_local), next;
    for (int64_t node : front) receives[local[node]] = 1;
    for (int hop = 1; hop < n_hops; ++hop, front.swap(next), next.clear())
      for (int64_t node : front)
        for (int64_t e = first[node]; e < first[node + 1]; ++e)
          if (char &r = receives[local[graph.senders[e]]]; !r) {
            r = 1;
            next.push_back(graph.senders[e]);
          }
    return receives;
  }

  void take_edges(Block &block, const std::vector<char> &receives)
  {
    for (size_t k = 0; k < block.nodes.size(); ++k) {
      if (!receives[k]) continue;
      const size_t start = block.edges.size();
      for (int64_t e = first[block.nodes[k]]; e < first[block.nodes[k] + 1]; ++e) block.edges.push_back(e);
      // Stable, so that images keep the order they have in the whole graph.
      std::stable_sort(block.edges.begin() + start, block.edges.end(), [&](int64_t a, int64_t b) {
        return local[graph.senders[a]] < local[graph.senders[b]];
      });
    }
  }
};

}    // namespace

std::vector<Block> blocks_within(const fusionmd_graph &graph, int n_hops, int64_t max_edges)
{
  Cutter cutter(graph, n_hops);
  const int64_t limit = std::max<int64_t>(max_edges, 1);
  int64_t n_blocks = std::clamp<int64_t>((graph.n_edges + limit - 1) / limit, 1, std::max<int64_t>(graph.n_local, 1));
  while (true) {
    auto blocks = cutter.cut(n_blocks);
    size_t largest = 0;
    for (const auto &block : blocks) largest = std::max(largest, block.edges.size());
    if (n_blocks >= graph.n_local || static_cast<int64_t>(largest) <= limit) return blocks;
    n_blocks = std::min<int64_t>(static_cast<int64_t>(n_blocks * GROWTH) + 1, graph.n_local);
  }
}

}    // namespace fusionmd

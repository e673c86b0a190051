// Blocks: a large graph cut into compact groups of owned nodes, each with all that their energies feel.
//
// The energy of a node depends on nodes up to n_hops edges away. A block holds its owned nodes, those nodes (context)
// and every edge received within n_hops - 1 edges, so the sum over blocks is exact for every model.
#pragma once

#include "fusionmd_core.h"

#include <vector>

namespace fusionmd {

/// Indices into the whole graph; owned nodes come first.
struct Block {
  std::vector<int64_t> nodes, edges;
  int64_t n_local;
};

/// As few compact blocks as keep every block at or below `max_edges` edges (or at one node).
std::vector<Block> blocks_within(const fusionmd_graph &graph, int n_hops, int64_t max_edges);

}    // namespace fusionmd

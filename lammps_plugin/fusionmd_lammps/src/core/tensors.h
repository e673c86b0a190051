// Graphs as tensors, whole or in blocks.
#pragma once

#include "backend.h"
#include "blocks.h"

namespace fusionmd {

/// Views of the arrays of a graph, on `device`; it must outlive them there if that is the CPU.
Input input_of(const fusionmd_graph &graph, at::Device device);

at::Tensor indices(const int64_t *data, int64_t n);

/// The part of a graph that a block holds, nodes renumbered in its order.
class Part {
 public:
  /// local: Room for an index per node of the whole graph.
  Part(const fusionmd_graph &whole, const Block &block, std::vector<int64_t> &local);

  fusionmd_graph graph;

 private:
  std::vector<int64_t> species, senders, receivers;
  std::vector<double> vectors;
};

}    // namespace fusionmd

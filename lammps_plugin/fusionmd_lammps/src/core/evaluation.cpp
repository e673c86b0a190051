// What a potential says about a graph: whole or in blocks, alone or with other ranks.
#include "model.h"

#include "blocks.h"
#include "plain.h"
#include "tensors.h"

#include <dlfcn.h>

#include <algorithm>
#include <stdexcept>

namespace fusionmd {
namespace {

constexpr double FREE_FRACTION = 0.5;

}    // namespace

int64_t Model::max_edges() const
{
  double limit = memory_bytes;
  if (limit <= 0 && device.is_cuda()) {
    // torch has loaded the CUDA runtime; the core is built without its headers.
    using MemGetInfo = int (*)(size_t *, size_t *);
    const auto mem_get_info = reinterpret_cast<MemGetInfo>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
    size_t available = 0, total = 0;
    if (mem_get_info && mem_get_info(&available, &total) == 0) limit = FREE_FRACTION * static_cast<double>(available);
  }
  if (limit <= 0 || entries.bytes_per_edge <= 0) return INT64_MAX;
  return std::max<int64_t>(1, static_cast<int64_t>(limit / entries.bytes_per_edge));
}

Input Model::input(const fusionmd_graph &graph) const
{
  return input_of(graph, device);
}

/// Energies [..., n_states] of totals [..., n_outputs]; cotangents [..., n_states, n_outputs].
at::Tensor Model::state_energies(const at::Tensor &totals, at::Tensor *cotangents)
{
  const auto found = core.get_method("state_energies")({totals.to(device)});
  const auto &both = found.toTupleRef().elements();
  if (cotangents) *cotangents = both[1].toTensor();
  return both[0].toTensor();
}

/// What `method` says of the owned nodes, added up over them and over all ranks [n_members, n_values].
at::Tensor Model::summed(const std::string &method, const fusionmd_graph &graph, const std::vector<Block> &blocks,
                         const fusionmd_world &world, bool uses_exchange)
{
  at::Tensor totals;
  if (!blocks.empty()) {
    std::vector<int64_t> local(graph.n_nodes);
    for (const Block &block : blocks) {
      const at::Tensor part = backend->summed(method, input(Part(graph, block, local).graph));
      totals = totals.defined() ? totals + part : part;
    }
  } else if (uses_exchange && graph.n_edges > 0) {
    const Exchanging exchanging(&world);
    totals = exchange_backend->summed(method, input(graph));
  } else {
    totals = backend->summed(method, input(graph));
    if (uses_exchange) take_part(calls_of_sums.at(method), graph.n_nodes, world);
  }
  totals = totals.contiguous();
  if (world.sum) world.sum(world.self, totals.data_ptr<double>(), totals.numel());
  return totals;
}

std::vector<Block> Model::blocks_of(const fusionmd_graph &graph, bool uses_exchange) const
{
  if (uses_exchange || graph.n_edges <= max_edges()) return {};
  return blocks_within(graph, static_cast<int>(n_hops), max_edges());
}

/// Of the driving state [n_members, n_outputs]. A linear head knows them before any pass.
at::Tensor Model::cotangents(const fusionmd_graph &graph, const std::vector<Block> &blocks,
                             const fusionmd_world &world, bool uses_exchange)
{
  at::Tensor slopes;
  state_energies(is_linear ? at::zeros({n_members, n_outputs}, at::kDouble)
                           : summed("contributions", graph, blocks, world, uses_exchange), &slopes);
  return slopes.select(1, state);
}

std::pair<at::Tensor, at::Tensor> Model::timed(Backend &engine, const Input &in, const at::Tensor &weights)
{
  const double began = fusionmd_seconds(device.is_cpu());
  auto found = engine.differentiate(in, weights);
  model_seconds += fusionmd_seconds(device.is_cpu()) - began;
  return found;
}

/// Contributions and gradients, on the CPU; every rank makes the same calls, also one without edges.
std::pair<at::Tensor, at::Tensor> Model::in_one_piece(const fusionmd_graph &graph, const at::Tensor &weights,
                                                      const fusionmd_world &world, bool uses_exchange)
{
  std::pair<at::Tensor, at::Tensor> found;
  if (uses_exchange && graph.n_edges > 0) {
    const Exchanging exchanging(&world);
    found = timed(*exchange_backend, input(graph), weights);
  } else {
    // Whoever has no edges is nobody's neighbour: others do not need its features.
    found = timed(*backend, input(graph), weights);
    if (uses_exchange) take_part(calls_of_gradients, graph.n_nodes, world);
  }
  return {found.first.to(at::kCPU), found.second.to(at::kCPU)};
}

std::pair<at::Tensor, at::Tensor> Model::in_blocks(const fusionmd_graph &graph, const std::vector<Block> &blocks,
                                                   const at::Tensor &weights)
{
  const at::Tensor contributions = at::zeros({n_members, graph.n_local, n_outputs}, at::kDouble);
  const at::Tensor gradients = at::zeros({n_members, graph.n_edges, 3}, at::kDouble);
  std::vector<int64_t> local(graph.n_nodes);
  for (const Block &block : blocks) {
    const Part part(graph, block, local);
    const auto [values, slopes] = timed(*backend, input(part.graph), weights.narrow(1, 0, block.n_local));
    contributions.index_copy_(1, indices(block.nodes.data(), block.n_local), values.to(at::kCPU));
    gradients.index_add_(1, indices(block.edges.data(), part.graph.n_edges), slopes.to(at::kCPU));
  }
  return {contributions, gradients};
}

fusionmd_result Model::evaluate(const fusionmd_graph &graph, const fusionmd_world &world, bool uses_exchange)
{
  const Plain mode;
  model_seconds = 0.0;
  const auto blocks = blocks_of(graph, uses_exchange);
  const at::Tensor slopes = cotangents(graph, blocks, world, uses_exchange);
  const at::Tensor weights = slopes.unsqueeze(1).expand({n_members, graph.n_local, n_outputs});
  const auto [contributions, derivatives] =
      blocks.empty() ? in_one_piece(graph, weights, world, uses_exchange) : in_blocks(graph, blocks, weights);

  atomic_energies = (contributions * slopes.to(at::kCPU).unsqueeze(1)).sum(-1).mean(0).contiguous();
  const at::Tensor totals = contributions.sum(1).contiguous();
  if (world.sum) world.sum(world.self, totals.data_ptr<double>(), totals.numel());
  energies = state_energies(totals, nullptr).to(at::kCPU).contiguous();
  member_gradients = derivatives.contiguous();
  gradients = n_members > 1 ? member_gradients.mean(0).contiguous() : member_gradients;
  return {energies.data_ptr<double>(), atomic_energies.data_ptr<double>(), gradients.data_ptr<double>(),
          n_members > 1 ? member_gradients.data_ptr<double>() : nullptr,
          std::max<int64_t>(1, static_cast<int64_t>(blocks.size())), model_seconds};
}

/// From descriptors and numbers of atoms by element of the whole system (fusionmd/potential/rigidity.py).
double Model::energy_std(const fusionmd_graph &graph, const fusionmd_world &world, bool uses_exchange)
{
  if (!is_calibrated)
    throw std::runtime_error(path + " does not know how uncertain it is; calibrate it with `fusionmd calibrate`");
  const Plain mode;
  const at::NoGradGuard without_gradients;
  const at::Tensor features = summed("descriptors", graph, blocks_of(graph, uses_exchange), world, uses_exchange);
  const at::Tensor counts = at::zeros({1, static_cast<int64_t>(elements.size())}, at::kDouble);
  for (int64_t i = 0; i < graph.n_local; ++i) counts.data_ptr<double>()[graph.species[i]] += 1.0;
  if (world.sum) world.sum(world.self, counts.data_ptr<double>(), counts.numel());
  const auto spreads = core.get_method("spreads")({features.to(device), counts.to(device)});
  return spreads.toTensor()[0][state].item<double>();
}

}    // namespace fusionmd

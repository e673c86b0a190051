// A potential file, loaded: what it is, and what it says about a graph.
#pragma once

#include "backend.h"
#include "entries.h"
#include "exchange.h"
#include "fusionmd_core.h"

#include <map>
#include <optional>

namespace fusionmd {

class Model {
 public:
  explicit Model(const fusionmd_options &options);
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  fusionmd_description description() const;
  int64_t prepare_exchange();
  fusionmd_result evaluate(const fusionmd_graph &graph, const fusionmd_world &world, bool uses_exchange);
  double energy_std(const fusionmd_graph &graph, const fusionmd_world &world, bool uses_exchange);

 private:
  std::string path;
  at::Device device;
  int64_t state;
  double memory_bytes, model_seconds = 0.0;
  Entries entries;
  torch::jit::Module &core;
  std::optional<torch::jit::Module> exchange_core;
  std::unique_ptr<Backend> backend, exchange_backend;
  std::vector<Call> calls_of_gradients;    // that every rank makes, in mode exchange
  std::map<std::string, std::vector<Call>> calls_of_sums;    // the same, by method
  bool is_compiled = false, exchanges_compiled = false, is_calibrated, is_linear;
  double cutoff;
  int64_t n_hops, n_states, n_members, n_outputs;
  bool supports_exchange;
  std::vector<int64_t> elements;
  at::Tensor energies, atomic_energies, gradients, member_gradients;

  void choose_backend(const fusionmd_options &options);
  std::unique_ptr<Backend> native_backend(const fusionmd_options &options);
  void check_compiled(Backend &compiled);
  int64_t max_edges() const;
  Input input(const fusionmd_graph &graph) const;
  std::vector<struct Block> blocks_of(const fusionmd_graph &graph, bool uses_exchange) const;
  at::Tensor summed(const std::string &method, const fusionmd_graph &graph, const std::vector<struct Block> &blocks,
                    const fusionmd_world &world, bool uses_exchange);
  at::Tensor cotangents(const fusionmd_graph &graph, const std::vector<struct Block> &blocks,
                        const fusionmd_world &world, bool uses_exchange);
  std::pair<at::Tensor, at::Tensor> timed(Backend &engine, const Input &in, const at::Tensor &weights);
  std::pair<at::Tensor, at::Tensor> in_one_piece(const fusionmd_graph &graph, const at::Tensor &weights,
                                                 const fusionmd_world &world, bool uses_exchange);
  std::pair<at::Tensor, at::Tensor> in_blocks(const fusionmd_graph &graph, const std::vector<struct Block> &blocks,
                                              const at::Tensor &weights);
  at::Tensor state_energies(const at::Tensor &totals, at::Tensor *cotangents);
};

}    // namespace fusionmd

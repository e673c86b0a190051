// What computes: the one interface behind which TorchScript, AOTInductor and whatever comes next stand.
#pragma once

#include <torch/script.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fusionmd {

/// The arguments of the model contract, on the device of the model; vectors in float64.
struct Input {
  at::Tensor vectors, senders, receivers, slots, species;
  int64_t n_local;
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// Contributions [n_members, n_local, n_outputs], E0 included, and d(sum weights * contributions)/d(vectors)
  /// [n_members, n_edges, 3]; weights [n_members, n_local, n_outputs]. All in float64.
  virtual std::pair<at::Tensor, at::Tensor> differentiate(const Input &input, const at::Tensor &weights) = 0;

  /// What `method` of the core, `contributions` or `descriptors`, says of the owned nodes, added up on the CPU
  /// [n_members, n_values], float64; no gradients.
  virtual at::Tensor summed(const std::string &method, const Input &input) = 0;
};

/// A scripted core (fusionmd/potential/core.py) as it is.
std::unique_ptr<Backend> scripted_backend(torch::jit::Module core);

/// The compiled members of `core` in this user's cache; null if there are none. Throws where they are not his.
std::unique_ptr<Backend> compiled_backend(torch::jit::Module core, const std::string &potential, at::Device device);

/// Where the compiled members are, or would be (fusionmd/potential/cache.py).
std::vector<std::string> compiled_files(const torch::jit::Module &core, const std::string &potential, at::Device device);

}    // namespace fusionmd

// The operations of `fusionmd/native/schemas.py`, with their first derivatives, for CPUs.

#include <torch/library.h>

#include <optional>

#include "edges_autograd.h"

namespace fusionmd {
namespace {

// The schema may be known already, from Python or from another copy of this library.
template <class Kernel>
void provide(torch::Library& library, const char* name, const char* schema, Kernel kernel) {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto known = dispatcher.findSchema({std::string("fusionmd::") + name, ""});
  if (!known) library.def(schema);
  if (!known || !known->hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd))
    library.impl(name, torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd, kernel));
}

const torch::Library* const library = [] {
  static torch::Library fragment(torch::Library::FRAGMENT, "fusionmd", std::nullopt, __FILE__, __LINE__);
  provide(fragment, "mix",
          "mix(Tensor line, Tensor[] weights, Tensor[] turned, int[] rows, int n_channels) -> Tensor", TORCH_FN(mix_op));
  provide(fragment, "layer",
          "layer(Tensor h, Tensor features, Tensor harmonics, Tensor basis, Tensor envelope, Tensor species, "
          "Tensor senders, Tensor offsets, Tensor pairs, Tensor pair_shift, Tensor[] matrices, Tensor[] turned, "
          "Tensor[] scales, Tensor[] tables, Tensor[] values, int[] program) -> Tensor",
          TORCH_FN(layer_op));
  provide(fragment, "edge_basis",
          "edge_basis(Tensor vectors, Tensor coefficients, Tensor frequencies, float cutoff, int power) -> (Tensor, Tensor, "
          "Tensor)",
          TORCH_FN(edge_basis_op));
  return &fragment;
}();

}  // namespace
}  // namespace fusionmd

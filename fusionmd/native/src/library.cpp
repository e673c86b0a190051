// The operations of `fusionmd/native/schemas.py`, with their first derivatives, for CPUs.

#include <torch/library.h>

#include <optional>

#include "edges_autograd.h"
#include "lines_autograd.h"

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
  provide(fragment, "couple",
          "couple(Tensor a, Tensor b, Tensor[] tables, Tensor[] values, int[] rows_out, int[] rows_a, int[] rows_b, "
          "int n_channels) -> Tensor",
          TORCH_FN(couple_op));
  provide(fragment, "mix",
          "mix(Tensor paths, Tensor[] weights, Tensor[] turned, int[] rows_in, int[] rows_out, int n_channels) -> Tensor",
          TORCH_FN(mix_op));
  provide(fragment, "weigh",
          "weigh(Tensor[] lines, Tensor[] weights, Tensor species, int[] sources, int[] rows, int n_channels) -> "
          "Tensor",
          TORCH_FN(weigh_op));
  provide(fragment, "neighbor_sum",
          "neighbor_sum(Tensor harmonics, Tensor weights, Tensor features, Tensor senders, Tensor offsets, "
          "Tensor paths, Tensor[] tables, Tensor[] values, int[] rows, int[] rows_in, int n_channels) -> Tensor",
          TORCH_FN(neighbor_sum_op));
  provide(fragment, "radial",
          "radial(Tensor basis, Tensor envelope, Tensor pairs, Tensor pair_shift, Tensor[] hidden, Tensor last, "
          "Tensor[] turned) -> Tensor",
          TORCH_FN(radial_op));
  provide(fragment, "edge_basis",
          "edge_basis(Tensor vectors, Tensor coefficients, Tensor frequencies, float cutoff, int power) -> (Tensor, Tensor, "
          "Tensor)",
          TORCH_FN(edge_basis_op));
  return &fragment;
}();

}  // namespace
}  // namespace fusionmd

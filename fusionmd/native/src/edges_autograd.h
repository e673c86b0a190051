// What an edge vector becomes, with its first derivatives.
#pragma once

#include "edges.h"
#include "layer_autograd.h"

namespace fusionmd {

struct EdgeBasis : torch::autograd::Function<EdgeBasis> {
  static variable_list forward(AutogradContext* context, const Tensor& vectors, const Tensor& coefficients,
                               const Tensor& frequencies, double cutoff, int64_t power) {
    const int64_t n_edges = vectors.size(0), n_basis = frequencies.numel();
    Tensor harmonics = at::empty({n_edges, coefficients.size(1)}, vectors.options());
    Tensor directions = at::empty({n_edges, 3}, vectors.options()), inverse = at::empty({n_edges, 1}, vectors.options());
    Tensor basis = at::empty({n_edges, n_basis}, vectors.options()), by_basis = at::empty_like(basis);
    Tensor envelope = at::empty_like(inverse), by_envelope = at::empty_like(inverse);
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "edge_basis", [&] {
      EdgeFunctions<scalar_t>{frequencies.data_ptr<scalar_t>(), n_basis, cutoff, power}.evaluate(
          vectors.data_ptr<scalar_t>(), n_edges, directions.data_ptr<scalar_t>(), inverse.data_ptr<scalar_t>(),
          basis.data_ptr<scalar_t>(), by_basis.data_ptr<scalar_t>(), envelope.data_ptr<scalar_t>(),
          by_envelope.data_ptr<scalar_t>());
      Polynomials<scalar_t>(coefficients).evaluate(directions.data_ptr<scalar_t>(), n_edges,
                                                   harmonics.data_ptr<scalar_t>());
    });
    context->save_for_backward({directions, inverse, by_basis, by_envelope});
    context->saved_data["coefficients"] = coefficients;
    return {harmonics, basis, envelope};
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list saved = context->get_saved_variables();
    Tensor found = at::empty_like(saved[0]);
    const Tensor coefficients = context->saved_data["coefficients"].toTensor();
    Tensor by_direction = at::zeros_like(saved[0]);
    const Tensor by_basis = slopes[1].defined() ? slopes[1].contiguous() : at::zeros_like(saved[2]);
    const Tensor by_envelope = slopes[2].defined() ? slopes[2].contiguous() : at::zeros_like(saved[3]);
    AT_DISPATCH_FLOATING_TYPES(found.scalar_type(), "edge_basis", [&] {
      if (slopes[0].defined())
        Polynomials<scalar_t>(coefficients)
            .pull(saved[0].data_ptr<scalar_t>(), slopes[0].contiguous().data_ptr<scalar_t>(), saved[0].size(0),
                  by_direction.data_ptr<scalar_t>());
      pull_edges<scalar_t>(saved[0].size(0), saved[2].size(1), saved[0].data_ptr<scalar_t>(),
                           saved[1].data_ptr<scalar_t>(), saved[2].data_ptr<scalar_t>(),
                           saved[3].data_ptr<scalar_t>(), by_direction.data_ptr<scalar_t>(),
                           by_basis.data_ptr<scalar_t>(), by_envelope.data_ptr<scalar_t>(),
                           found.data_ptr<scalar_t>());
    });
    return {found, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

inline std::tuple<Tensor, Tensor, Tensor> edge_basis_op(const Tensor& vectors, const Tensor& coefficients,
                                                 const Tensor& frequencies, double cutoff, int64_t power) {
  const variable_list found =
      EdgeBasis::apply(vectors.contiguous(), coefficients.contiguous(), frequencies.contiguous(), cutoff, power);
  return {found[0], found[1], found[2]};
}

}  // namespace fusionmd

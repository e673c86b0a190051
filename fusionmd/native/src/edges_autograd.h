// Operations on edges with their first derivatives. Tables and weights are constants.
#pragma once

#include "edges.h"
#include "lines_autograd.h"
#include "neighbors.h"

namespace fusionmd {

// ---- neighbor_sum

struct Neighborhood {
  std::vector<Tensor> tables, values;  // rows out from T, and T from rows out
  Rows out, in;
  int64_t n_channels;
};

template <class T>
NeighborSum<T> neighbor_sum_of(const variable_list& edges, const Neighborhood& with) {
  const Tensor &harmonics = edges[0], &weights = edges[1], &features = edges[2], &senders = edges[3],
               &offsets = edges[4], &paths = edges[5];
  const Line<T> line(features, with.in, n_nodes_of(features, with.in, with.n_channels), with.n_channels);
  const Edges<T> seen{harmonics.data_ptr<T>(),     weights.data_ptr<T>(),       features.data_ptr<T>(),
                      senders.data_ptr<int64_t>(), offsets.data_ptr<int64_t>(), harmonics.size(1),
                      paths.size(0),               with.n_channels};
  TORCH_CHECK(weights.size(1) == seen.n_paths * with.n_channels, "fusionmd: radial weights for other paths");
  return {seen, paths_of(paths, line), Table<T>(with.tables[0], with.values[0]),
          Table<T>(with.tables[1], with.values[1]), with.out, offsets.size(0) - 1};
}

struct SumNeighbors : torch::autograd::Function<SumNeighbors> {
  static Tensor forward(AutogradContext* context, const Tensor& harmonics, const Tensor& weights,
                        const Tensor& features, const Tensor& senders, const Tensor& offsets, const Tensor& paths,
                        const Neighborhood& with) {
    const variable_list edges{harmonics, weights, features, senders, offsets, paths};
    context->save_for_backward(edges);
    keep(context, with);
    Tensor out = at::empty({(offsets.size(0) - 1) * total(with.out) * with.n_channels}, features.options());
    AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "neighbor_sum",
                               [&] { neighbor_sum_of<scalar_t>(edges, with).forward(out); });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list edges = context->get_saved_variables();
    const Neighborhood& with = kept<Neighborhood>(context);
    const Tensor slope = slopes[0].contiguous();
    const Tensor harmonics = at::empty_like(edges[0]), weights = at::empty_like(edges[1]);
    const int64_t n_threads = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), edges[4].size(0) - 1));
    const Tensor features = at::zeros({n_threads, edges[2].size(0)}, edges[2].options());
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "neighbor_sum", [&] {
      std::vector<scalar_t*> buffers;
      for (int64_t k = 0; k < n_threads; ++k) buffers.push_back(features.data_ptr<scalar_t>() + k * features.size(1));
      neighbor_sum_of<scalar_t>(edges, with)
          .backward(slope, harmonics.data_ptr<scalar_t>(), weights.data_ptr<scalar_t>(), buffers);
    });
    return {harmonics, weights,  n_threads == 1 ? features.view({-1}) : features.sum(0), Tensor(), Tensor(),
            Tensor(),  Tensor()};
  }
};

inline Tensor neighbor_sum_op(const Tensor& harmonics, const Tensor& weights, const Tensor& features,
                              const Tensor& senders, const Tensor& offsets, const Tensor& paths, TensorList tables,
                              TensorList values, IntArrayRef rows, IntArrayRef rows_in, int64_t n_channels) {
  return SumNeighbors::apply(harmonics.contiguous(), weights.contiguous(), features.contiguous(),
                             senders.contiguous(), offsets.contiguous(), paths.contiguous(),
                             Neighborhood{tables.vec(), values.vec(), rows.vec(), rows_in.vec(), n_channels});
}

// ---- radial

struct RadialNet {
  Tensor pairs, pair_shift;
  std::vector<Tensor> hidden, turned;  // turned: all weights, the last one too, [n_out, n_in]
  Tensor last;
};

struct Radial : torch::autograd::Function<Radial> {
  static Tensor forward(AutogradContext* context, const Tensor& basis, const Tensor& envelope, const RadialNet& with) {
    variable_list sums{at::mm(basis, with.hidden[0])};
    if (with.pair_shift.size(0) > 0) sums[0].add_(with.pair_shift.index_select(0, with.pairs));
    for (size_t k = 1; k < with.hidden.size(); ++k) sums.push_back(at::mm(at::silu(sums.back()), with.hidden[k]));
    const Tensor bare = at::silu(sums.back()), out = at::mm(bare * envelope, with.last);
    sums.push_back(bare);
    sums.push_back(envelope);
    context->save_for_backward(sums);
    keep(context, with);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list saved = context->get_saved_variables();
    const RadialNet& with = kept<RadialNet>(context);
    const size_t depth = with.hidden.size();
    Tensor slope = at::mm(slopes[0], with.turned[depth]);
    const Tensor by_envelope = (slope * saved[depth]).sum(1, true);
    slope.mul_(saved[depth + 1]);
    for (size_t k = depth; k-- > 0;) slope = at::mm(at::silu_backward(slope, saved[k]), with.turned[k]);
    return {slope, by_envelope, Tensor()};
  }
};

inline Tensor radial_op(const Tensor& basis, const Tensor& envelope, const Tensor& pairs, const Tensor& pair_shift,
                        TensorList hidden, const Tensor& last, TensorList turned) {
  return Radial::apply(basis, envelope, RadialNet{pairs, pair_shift, hidden.vec(), turned.vec(), last});
}

// ---- edge_basis

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

// Operations on lines with their first derivatives: a layer, and the mixing of channels before it.
#pragma once

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "layer.h"

namespace fusionmd {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What an operation keeps for its backward pass beside the tensors that have derivatives.
template <class Constants>
struct Kept : torch::CustomClassHolder {
  explicit Kept(Constants constants) : constants(std::move(constants)) {}
  Constants constants;
};

template <class Constants>
const Constants& keep(AutogradContext* context, Constants&& constants) {
  auto holder = c10::make_intrusive<Kept<Constants>>(std::move(constants));
  context->saved_data["constants"] = c10::IValue::make_capsule(holder);
  return holder->constants;
}

template <class Constants>
const Constants& kept_by(AutogradContext* context) {
  return static_cast<Kept<Constants>*>(context->saved_data["constants"].toCapsule().get())->constants;
}

// ---- mix

struct Mixing {
  std::vector<Tensor> weights, turned;
  std::vector<int64_t> rows;
  int64_t n_channels;
};

struct Mix : torch::autograd::Function<Mix> {
  static Tensor forward(AutogradContext* context, const Tensor& line, Mixing with) {
    const Mixing& mixing = keep(context, std::move(with));
    return mix(line, mixing.weights, mixing.rows, mixing.n_channels);
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const Mixing& with = kept_by<Mixing>(context);
    return {mix(slopes[0].contiguous(), with.turned, with.rows, with.turned[0].size(0)), Tensor()};
  }
};

inline Tensor mix_op(const Tensor& line, TensorList weights, TensorList turned, IntArrayRef rows, int64_t n_channels) {
  return Mix::apply(line.contiguous(), Mixing{weights.vec(), turned.vec(), rows.vec(), n_channels});
}

// ---- layer

// Whole nodes with at most so many edges, unless one node has more: first node of each block, and the end.
inline std::vector<int64_t> blocks_of(const Tensor& offsets, int64_t max_nodes, int64_t max_edges) {
  const int64_t *first_edge = offsets.data_ptr<int64_t>(), n_nodes = offsets.size(0) - 1;
  std::vector<int64_t> starts{0};
  for (int64_t node = 0; node < n_nodes; ++node) {
    const int64_t begin = starts.back();
    const bool is_full = node - begin >= max_nodes || first_edge[node + 1] - first_edge[begin] > max_edges;
    if (node > begin && is_full) starts.push_back(node);
  }
  if (n_nodes > 0) starts.push_back(n_nodes);
  return starts;
}

// What stays in the second cache, with what is read beside.
constexpr int64_t n_block_numbers = 1 << 17, max_kept_bytes = 1 << 20;

inline std::vector<int64_t> blocks_of(const Tensor& offsets, const Program& program) {
  const int64_t c = program.n_channels, per_node = (program.n_rows[kept] + program.n_rows[scratch]) * c;
  return blocks_of(offsets, std::max<int64_t>(1, n_block_numbers / per_node),
                   std::max<int64_t>(1, n_block_numbers / (program.n_paths() * c)));
}

struct Layer : torch::autograd::Function<Layer> {
  static Tensor forward(AutogradContext* context, const Tensor& h, const Tensor& features, const Tensor& harmonics,
                        const Tensor& basis, const Tensor& envelope, const Tensor& species, EdgeTensors of,
                        LayerConstants constants) {
    const LayerConstants& with = keep(context, std::move(constants));
    const Program program(with.numbers);
    const int64_t c = program.n_channels, n_nodes = of.offsets.size(0) - 1, n_edges = of.senders.size(0);
    const int64_t n_weights = n_edges * program.n_paths() * c;
    const bool keeps_weights = n_weights * static_cast<int64_t>(h.element_size()) <= max_kept_bytes;
    of.harmonics = harmonics, of.basis = basis, of.envelope = envelope;
    of.weights = at::empty({keeps_weights ? n_weights : 0}, h.options());
    const Tensor keep = at::empty({n_nodes * program.n_rows[kept] * c}, h.options());
    Tensor out = at::empty({n_nodes * program.n_rows[target] * c}, h.options());
    const auto blocks = blocks_of(of.offsets, program);
    AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "layer", [&] {
      of.hidden = at::empty({n_edges * RadialNet<scalar_t>::n_kept(with.matrices, program.n_hidden)}, h.options());
      const LayerRun<scalar_t> run(with, features, species, of);
      at::parallel_for(0, static_cast<int64_t>(blocks.size()) - 1, 1, [&](int64_t begin, int64_t end) {
        static thread_local Workspace<scalar_t> space;
        for (int64_t k = begin; k < end; ++k)
          run.forward(blocks[k], blocks[k + 1], h.data_ptr<scalar_t>(), out.data_ptr<scalar_t>(),
                      keep.data_ptr<scalar_t>(), space);
      });
    });
    context->save_for_backward({h, features, harmonics, basis, envelope, species, of.senders, of.offsets, of.pairs,
                                of.pair_shift, of.hidden, of.weights, keep});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &h = saved[0], &features = saved[1], &species = saved[5], &keep = saved[12];
    const EdgeTensors of{saved[2], saved[3], saved[4], saved[6], saved[7], saved[8], saved[9], saved[10], saved[11]};
    const LayerConstants& with = kept_by<LayerConstants>(context);
    const Tensor slope = slopes[0].contiguous(), by_h = at::zeros_like(h), by_harmonics = at::empty_like(of.harmonics);
    const Tensor by_basis = at::empty_like(of.basis), by_envelope = at::empty_like(of.envelope);
    const auto blocks = blocks_of(of.offsets, Program(with.numbers));
    const int64_t n_blocks = static_cast<int64_t>(blocks.size()) - 1;
    const int64_t n_threads = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), n_blocks));
    const bool wants_features = context->needs_input_grad(1);
    const Tensor by_features = at::zeros({n_threads, wants_features ? features.size(0) : 0}, features.options());
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "layer", [&] {
      const LayerRun<scalar_t> run(with, features, species, of);
      at::parallel_for(0, n_blocks, (n_blocks + n_threads - 1) / n_threads, [&](int64_t begin, int64_t end) {
        static thread_local Workspace<scalar_t> space;
        scalar_t* by_neighbors = by_features.data_ptr<scalar_t>() + at::get_thread_num() * by_features.size(1);
        const LayerSlopes<scalar_t> by{slope.data_ptr<scalar_t>(), by_h.data_ptr<scalar_t>(),
                                       wants_features ? by_neighbors : nullptr, by_harmonics.data_ptr<scalar_t>(),
                                       by_basis.data_ptr<scalar_t>(), by_envelope.data_ptr<scalar_t>()};
        for (int64_t k = begin; k < end; ++k)
          run.backward(blocks[k], blocks[k + 1], h.data_ptr<scalar_t>(), keep.data_ptr<scalar_t>(), by, space);
      });
    });
    const Tensor summed = n_threads == 1 ? by_features.view({-1}) : by_features.sum(0);
    return {by_h,     wants_features ? summed : Tensor(), by_harmonics, by_basis, by_envelope, Tensor(), Tensor(),
            Tensor()};
  }
};

inline Tensor layer_op(const Tensor& h, const Tensor& features, const Tensor& harmonics, const Tensor& basis,
                       const Tensor& envelope, const Tensor& species, const Tensor& senders, const Tensor& offsets,
                       const Tensor& pairs, const Tensor& pair_shift, TensorList matrices, TensorList turned,
                       TensorList scales, TensorList tables, TensorList values, IntArrayRef program) {
  EdgeTensors of;
  of.senders = senders.contiguous(), of.offsets = offsets.contiguous(), of.pairs = pairs.contiguous();
  of.pair_shift = pair_shift.contiguous();
  return Layer::apply(h.contiguous(), features.contiguous(), harmonics.contiguous(), basis.contiguous(),
                      envelope.contiguous(), species.contiguous(), of,
                      LayerConstants{matrices.vec(), turned.vec(), scales.vec(), tables.vec(), values.vec(),
                                     program.vec()});
}

}  // namespace fusionmd

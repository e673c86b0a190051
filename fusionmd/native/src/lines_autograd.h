// Operations on lines with their first derivatives. Tables and weights are constants.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "channels.h"
#include "couple.h"

namespace fusionmd {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Rows = std::vector<int64_t>;

// What an operation keeps for its backward pass beside the tensors that have derivatives.
template <class Constants>
struct Kept : torch::CustomClassHolder {
  explicit Kept(Constants constants) : constants(std::move(constants)) {}
  Constants constants;
};

template <class Constants>
void keep(AutogradContext* context, const Constants& constants) {
  context->saved_data["constants"] = c10::IValue::make_capsule(c10::make_intrusive<Kept<Constants>>(constants));
}

template <class Constants>
const Constants& kept(AutogradContext* context) {
  return static_cast<Kept<Constants>*>(context->saved_data["constants"].toCapsule().get())->constants;
}

// ---- couple

struct Coupling {
  std::vector<Tensor> tables, values;  // of out, of the slope by a, and (unless a is b) of the slope by b
  Rows out, a, b;
  int64_t n_channels;
};

struct Couple : torch::autograd::Function<Couple> {
  static Tensor forward(AutogradContext* context, const Tensor& a, const Tensor& b, const Coupling& with) {
    context->save_for_backward({a, b});
    keep(context, with);
    return couple(a, b, with.tables[0], with.values[0], with.out, with.a, with.b, with.n_channels);
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list legs = context->get_saved_variables();
    const Coupling& with = kept<Coupling>(context);
    const Tensor slope = slopes[0].contiguous();
    const Tensor by_a = couple(slope, legs[1], with.tables[1], with.values[1], with.a, with.out, with.b, with.n_channels);
    if (with.tables.size() == 2) return {by_a, Tensor(), Tensor()};
    return {by_a, couple(slope, legs[0], with.tables[2], with.values[2], with.b, with.out, with.a, with.n_channels),
            Tensor()};
  }
};

inline Tensor couple_op(const Tensor& a, const Tensor& b, TensorList tables, TensorList values, IntArrayRef rows_out,
                        IntArrayRef rows_a, IntArrayRef rows_b, int64_t n_channels) {
  return Couple::apply(a.contiguous(), b.contiguous(),
                       Coupling{tables.vec(), values.vec(), rows_out.vec(), rows_a.vec(), rows_b.vec(), n_channels});
}

// ---- mix

struct Mixing {
  std::vector<Tensor> weights, turned;
  Rows in, out;
  int64_t n_channels;
};

struct Mix : torch::autograd::Function<Mix> {
  static Tensor forward(AutogradContext* context, const Tensor& paths, const Mixing& with) {
    keep(context, with);
    return mix(paths, with.weights, with.in, with.out, with.n_channels);
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const Mixing& with = kept<Mixing>(context);
    return {mix_backward(slopes[0].contiguous(), with.turned, with.in, with.out, with.n_channels), Tensor()};
  }
};

inline Tensor mix_op(const Tensor& paths, TensorList weights, TensorList turned, IntArrayRef rows_in,
                     IntArrayRef rows_out, int64_t n_channels) {
  return Mix::apply(paths.contiguous(), Mixing{weights.vec(), turned.vec(), rows_in.vec(), rows_out.vec(), n_channels});
}

// ---- weigh

struct Weighing {
  std::vector<Tensor> weights;
  Tensor species;
  std::vector<Source> sources;
  Rows rows;
  int64_t n_channels;
};

struct Weigh : torch::autograd::Function<Weigh> {
  static Tensor forward(AutogradContext* context, TensorList lines, const Weighing& with) {
    context->save_for_backward(lines.vec());
    keep(context, with);
    Tensor out = at::zeros({with.species.size(0) * total(with.rows) * with.n_channels}, lines[0].options());
    AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "weigh", [&] {
      weigh_nodes<scalar_t>(lines, nullptr, with.weights, with.species, with.sources, with.rows, out, with.n_channels);
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list lines = context->get_saved_variables();
    const Weighing& with = kept<Weighing>(context);
    std::vector<int64_t> n_read(lines.size(), 0);
    for (const Source& source : with.sources) n_read[source.line] += with.rows[source.target] * source.n_paths;
    std::vector<Tensor> by_lines;
    for (size_t k = 0; k < lines.size(); ++k) {
      const bool is_whole = n_read[k] * with.species.size(0) * with.n_channels == lines[k].numel();
      by_lines.push_back(is_whole ? at::empty_like(lines[k]) : at::zeros_like(lines[k]));
    }
    const Tensor slope = slopes[0].contiguous();
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "weigh", [&] {
      weigh_nodes<scalar_t>(lines, &by_lines, with.weights, with.species, with.sources, with.rows, slope,
                            with.n_channels);
    });
    by_lines.push_back(Tensor());
    return by_lines;
  }
};

inline Tensor weigh_op(TensorList lines, TensorList weights, const Tensor& species, IntArrayRef sources,
                       IntArrayRef rows, int64_t n_channels) {
  std::vector<Tensor> flat;
  for (const Tensor& line : lines) flat.push_back(line.contiguous());
  return Weigh::apply(TensorList(flat), Weighing{weights.vec(), species.contiguous(), sources_of(sources), rows.vec(),
                                                 n_channels});
}

}  // namespace fusionmd

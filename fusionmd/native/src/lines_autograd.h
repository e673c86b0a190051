// Operations on lines with their first derivatives. Tables and weights are constants.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "channels.h"
#include "couple.h"

namespace fusionmd {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

inline std::vector<Tensor> kept(TensorList tensors) { return tensors.vec(); }

// ---- couple: tables of out, of the slope by a, and (unless a is b) of the slope by b

struct Couple : torch::autograd::Function<Couple> {
  static Tensor forward(AutogradContext* context, const Tensor& a, const Tensor& b, TensorList tables,
                        TensorList values, std::vector<int64_t> rows_out, std::vector<int64_t> rows_a,
                        std::vector<int64_t> rows_b, int64_t n_channels) {
    context->save_for_backward({a, b});
    context->saved_data["tables"] = kept(tables);
    context->saved_data["values"] = kept(values);
    context->saved_data["rows"] = std::vector<std::vector<int64_t>>{rows_out, rows_a, rows_b};
    context->saved_data["n_channels"] = n_channels;
    return couple(a, b, tables[0], values[0], rows_out, rows_a, rows_b, n_channels);
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list legs = context->get_saved_variables();
    const auto tables = context->saved_data["tables"].toTensorVector();
    const auto values = context->saved_data["values"].toTensorVector();
    const auto rows = context->saved_data["rows"].to<std::vector<std::vector<int64_t>>>();
    const int64_t n_channels = context->saved_data["n_channels"].toInt();
    const Tensor slope = slopes[0].contiguous();
    variable_list found(2 + 2 * tables.size() + 4);
    found[0] = couple(slope, legs[1], tables[1], values[1], rows[1], rows[0], rows[2], n_channels);
    if (tables.size() > 2)
      found[1] = couple(slope, legs[0], tables[2], values[2], rows[2], rows[0], rows[1], n_channels);
    return found;
  }
};

inline Tensor couple_op(const Tensor& a, const Tensor& b, TensorList tables, TensorList values, IntArrayRef rows_out,
                 IntArrayRef rows_a, IntArrayRef rows_b, int64_t n_channels) {
  return Couple::apply(a.contiguous(), b.contiguous(), tables, values, rows_out.vec(), rows_a.vec(), rows_b.vec(),
                       n_channels);
}

// ---- mix

struct Mix : torch::autograd::Function<Mix> {
  static Tensor forward(AutogradContext* context, const Tensor& paths, TensorList weights,
                        std::vector<int64_t> rows_in, std::vector<int64_t> rows_out, int64_t n_channels) {
    context->saved_data["weights"] = kept(weights);
    context->saved_data["rows_in"] = rows_in;
    context->saved_data["rows_out"] = rows_out;
    context->saved_data["n_channels"] = n_channels;
    return mix(paths, weights, rows_in, rows_out, n_channels);
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const auto weights = context->saved_data["weights"].toTensorVector();
    variable_list found(1 + weights.size() + 3);
    found[0] = mix_backward(slopes[0].contiguous(), weights, context->saved_data["rows_in"].toIntVector(),
                            context->saved_data["rows_out"].toIntVector(), context->saved_data["n_channels"].toInt());
    return found;
  }
};

inline Tensor mix_op(const Tensor& paths, TensorList weights, IntArrayRef rows_in, IntArrayRef rows_out, int64_t n_channels) {
  return Mix::apply(paths.contiguous(), weights, rows_in.vec(), rows_out.vec(), n_channels);
}

// ---- weigh

struct Weigh : torch::autograd::Function<Weigh> {
  static Tensor forward(AutogradContext* context, TensorList lines, TensorList weights, const Tensor& species,
                        std::vector<int64_t> sources, std::vector<int64_t> rows, int64_t n_channels) {
    context->save_for_backward(kept(lines));
    context->saved_data["weights"] = kept(weights);
    context->saved_data["species"] = species;
    context->saved_data["sources"] = sources;
    context->saved_data["rows"] = rows;
    context->saved_data["n_channels"] = n_channels;
    Tensor out = at::zeros({species.size(0) * total(rows) * n_channels}, lines[0].options());
    AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "weigh", [&] {
      weigh_nodes<scalar_t>(lines, nullptr, weights, species, sources_of(sources), rows, out, n_channels);
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list slopes) {
    const variable_list lines = context->get_saved_variables();
    const auto weights = context->saved_data["weights"].toTensorVector();
    const auto sources = context->saved_data["sources"].toIntVector(), rows = context->saved_data["rows"].toIntVector();
    variable_list found(lines.size() + weights.size() + 4);
    std::vector<Tensor> by_lines;
    std::vector<int64_t> n_read(lines.size(), 0);
    for (const Source& source : sources_of(sources)) n_read[source.line] += rows[source.target] * source.n_paths;
    const int64_t n_channels = context->saved_data["n_channels"].toInt();
    const int64_t per_row = context->saved_data["species"].toTensor().size(0) * n_channels;
    for (size_t k = 0; k < lines.size(); ++k) {
      const bool is_whole = n_read[k] * per_row == lines[k].numel();
      by_lines.push_back(found[k] = is_whole ? at::empty_like(lines[k]) : at::zeros_like(lines[k]));
    }
    const Tensor slope = slopes[0].contiguous();
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "weigh", [&] {
      weigh_nodes<scalar_t>(lines, &by_lines, weights, context->saved_data["species"].toTensor(), sources_of(sources),
                            rows, slope, n_channels);
    });
    return found;
  }
};

inline Tensor weigh_op(TensorList lines, TensorList weights, const Tensor& species, IntArrayRef sources, IntArrayRef rows,
                int64_t n_channels) {
  std::vector<Tensor> flat;
  for (const Tensor& line : lines) flat.push_back(line.contiguous());
  return Weigh::apply(TensorList(flat), weights, species.contiguous(), sources.vec(), rows.vec(), n_channels);
}

}  // namespace fusionmd

// A layer for a block of nodes, there and back: all that is not kept stays in the second cache.
#pragma once

#include "channels.h"
#include "neighbors.h"
#include "program.h"
#include "radial.h"

namespace fusionmd {

struct LayerConstants {
  std::vector<Tensor> matrices, turned, scales, tables, values;
  std::vector<int64_t> numbers;
};

// Numbers of one kind of pieces: of all nodes (first: the first of this block) or of the block alone (first = 0).
template <class T>
struct Store {
  T* base;
  int64_t n_nodes, first;
};

template <class T>
using Stores = std::array<Store<T>, n_kinds>;

// Buffers of one thread, which outlive the call.
template <class T>
struct Workspace {
  std::vector<T> lines, weights, by_weights, by_hidden, hidden, sums;
  RowPointers<T> rows;
};

// What the edges bring: [n_edges, ...], and what is kept of the radial network; no weights: found anew.
struct EdgeTensors {
  Tensor harmonics, basis, envelope, senders, offsets, pairs, pair_shift, hidden, weights;
};

template <class T>
struct LayerSlopes {
  T *out, *h, *features, *harmonics, *basis, *envelope;
};

template <class T>
class LayerRun {
 public:
  LayerRun(const LayerConstants& with, const Tensor& features, const Tensor& species, const EdgeTensors& of)
      : program(with.numbers), with(with), n_channels(program.n_channels), n_nodes(of.offsets.size(0) - 1),
        n_weights(program.n_paths() * program.n_channels),
        n_hidden(RadialNet<T>::n_kept(with.matrices, program.n_hidden)), hidden(of.hidden.data_ptr<T>()),
        weights(of.weights.data_ptr<T>()), keeps_weights(of.weights.numel() > 0),
        species(species.data_ptr<int64_t>()), offsets(of.offsets.data_ptr<int64_t>()),
        radial(with.matrices, with.turned, program.n_hidden, of.basis, of.envelope, of.pairs, of.pair_shift),
        edges{of.harmonics.data_ptr<T>(), nullptr, features.data_ptr<T>(), of.senders.data_ptr<int64_t>(),
              offsets, of.harmonics.size(1), program.n_paths(), program.n_channels, 0} {
    for (size_t k = 0; k < with.tables.size(); ++k) tables.emplace_back(with.tables[k], with.values[k]);
    find_paths(features.numel());
  }

  void forward(int64_t first, int64_t last, T* h, T* out, T* keep, Workspace<T>& space) const {
    const int64_t n = last - first, e = offsets[first], n_edges = offsets[last] - e;
    T* lines = grown(space.lines, program.n_rows[scratch] * n * n_channels);
    const auto pieces = placed({{{h, n_nodes, first}, {out, n_nodes, first}, {keep, n_nodes, first}, {lines, n, 0}}});
    radial.forward(e, n_edges, hidden + e * n_hidden, space.hidden);
    NeighborSum<T>{edges_of(e, n_edges, space, false), paths, tables[0], tables[1]}.forward(
        first, last, line(pieces, program.summed), space.rows, space.sums);
    std::vector<char> is_filled(pieces.size(), false);
    for (const IntArrayRef& step : program.steps) run(step, pieces, first, n, is_filled, space.rows);
  }

  // The slopes by h and by features are added to, the others written. features: null if they are not wanted.
  void backward(int64_t first, int64_t last, T* h, T* keep, const LayerSlopes<T>& by, Workspace<T>& space) const {
    const int64_t n = last - first, e = offsets[first], n_edges = offsets[last] - e;
    const int64_t n_kept = program.n_rows[kept] * n * n_channels, n_all = n_kept + program.n_rows[scratch] * n * n_channels;
    T* lines = grown(space.lines, n_all);
    std::fill(lines, lines + n_all, T(0));
    const auto pieces = placed({{{h, n_nodes, first}, {by.out, n_nodes, first}, {keep, n_nodes, first}, {lines, n, 0}}});
    const auto slopes =
        placed({{{by.h, n_nodes, first}, {by.out, n_nodes, first}, {lines, n, 0}, {lines + n_kept, n, 0}}});
    for (size_t k = program.steps.size(); k-- > 0;) run_back(program.steps[k], pieces, slopes, first, n, space.rows);
    T* by_weights = grown(space.by_weights, n_edges * n_weights);
    NeighborSum<T>{edges_of(e, n_edges, space, keeps_weights), paths, tables[0], tables[1]}.backward(
        first, last, line(slopes, program.summed), by.harmonics, {by_weights, by.features}, space.rows, space.sums);
    T* by_hidden = grown(space.by_hidden, n_edges * radial.widest());
    multiply(by_weights, with.turned[program.n_hidden].template data_ptr<T>(), by_hidden, n_edges, radial.last_width(),
             n_weights, false);
    radial.backward(e, n_edges, hidden + e * n_hidden, by_hidden, by.basis, by.envelope, space.hidden);
  }

  const Program program;

 private:
  const LayerConstants& with;
  const int64_t n_channels, n_nodes, n_weights, n_hidden;
  T *hidden, *weights;
  const bool keeps_weights;
  const int64_t *species, *offsets;
  const RadialNet<T> radial;
  const Edges<T> edges;
  std::vector<Table<T>> tables;
  std::vector<NeighborPath> paths;

  // Places of the pieces in their stores.
  Line<T> placed(const Stores<T>& stores) const {
    Line<T> pieces;
    for (const PieceInfo& info : program.pieces) {
      const Store<T>& store = stores[info.kind];
      pieces.push_back({store.base + (info.first_row * store.n_nodes + store.first * info.rows) * n_channels, info.rows});
    }
    return pieces;
  }

  static Line<T> line(const Line<T>& pieces, IntArrayRef which) {
    Line<T> found;
    for (int64_t k : which) found.push_back(pieces[k]);
    return found;
  }

  void find_paths(int64_t n_features) {
    std::vector<int64_t> starts, strides;
    const int64_t n = n_features / total(program.feature_rows);  // nodes times channels
    int64_t start = 0, row = 0;
    for (int64_t n_rows : program.feature_rows) {
      for (int64_t k = 0; k < n_rows; ++k) {
        starts.push_back(start + k * n_channels);
        strides.push_back(n_rows * n_channels);
      }
      start += n * n_rows;
    }
    for (size_t k = 0; k < program.path_numbers.size(); k += 4) {
      const int64_t* p = program.path_numbers.data() + k;
      paths.push_back({p[0], p[1], p[2], p[3], row, starts[p[2]], strides[p[2]]});
      row += p[1] * p[3];
    }
  }

  // The edges of a block with their radial weights: those that are kept, or found anew.
  Edges<T> edges_of(int64_t e, int64_t n_edges, Workspace<T>& space, bool is_known) const {
    Edges<T> seen = edges;
    seen.first_edge = e;
    T* found = keeps_weights ? weights + e * n_weights : grown(space.weights, n_edges * n_weights);
    if (!is_known)
      multiply(radial.result(n_edges, hidden + e * n_hidden), with.matrices[program.n_hidden].template data_ptr<T>(),
               found, n_edges, n_weights, radial.last_width(), false);
    seen.weights = found;
    return seen;
  }

  PathWeights<T> scale_of(IntArrayRef step) const {
    const Tensor& scale = with.scales[step[3]];
    return {scale.template data_ptr<T>(), scale.size(1), step[5], step[4]};
  }

  void run(IntArrayRef step, const Line<T>& pieces, int64_t first, int64_t n, std::vector<char>& is_filled,
           RowPointers<T>& rows) const {
    if (step[0] == coupling) {
      Reader reader(step.slice(3));
      const auto a = line(pieces, reader.list()), b = line(pieces, reader.list()), out = line(pieces, reader.list());
      return couple<false>(tables[step[1]], a, b, out, n, n_channels, rows);
    }
    const Piece<T>&in = pieces[step[1]], &out = pieces[step[2]];
    if (step[0] == mixing) {
      const Tensor& matrix = with.matrices[step[3]];
      multiply(in.start, matrix.template data_ptr<T>(), out.start, n * out.rows, matrix.size(1), matrix.size(0),
               is_filled[step[2]]);
    } else {
      if (!is_filled[step[2]]) std::fill(out.start, out.start + n * out.rows * n_channels, T(0));
      weigh(in.start, scale_of(step), species + first, out.start, n, out.rows, n_channels);
    }
    is_filled[step[2]] = true;
  }

  void run_back(IntArrayRef step, const Line<T>& pieces, const Line<T>& slopes, int64_t first, int64_t n,
                RowPointers<T>& rows) const {
    if (step[0] == coupling) {
      Reader reader(step.slice(3));
      const IntArrayRef a = reader.list(), b = reader.list(), out = reader.list();
      couple<true>(tables[step[1] + 1], line(slopes, out), line(pieces, b), line(slopes, a), n, n_channels, rows);
      if (step[2] == 3)
        couple<true>(tables[step[1] + 2], line(slopes, out), line(pieces, a), line(slopes, b), n, n_channels, rows);
      return;
    }
    const Piece<T>&in = slopes[step[1]], &out = slopes[step[2]];
    if (step[0] == mixing) {
      const Tensor& matrix = with.turned[step[3]];
      multiply(out.start, matrix.template data_ptr<T>(), in.start, n * out.rows, matrix.size(1), matrix.size(0), true);
    } else {
      weigh_back(in.start, scale_of(step), species + first, out.start, n, out.rows, n_channels);
    }
  }
};

}  // namespace fusionmd

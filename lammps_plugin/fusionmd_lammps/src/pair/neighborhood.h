// From LAMMPS' atoms and neighbour list to the graph of a potential.
//
// Fold: one node per atom ID; periodic images share it, the edge vectors carry the image. Hop search: from the owned
// atoms outwards, so that only ghosts inside the true receptive field become nodes. Candidates are sorted when the
// neighbour list is new and filtered at every step, so that results do not depend on the history of the list.
#pragma once

#include "fusionmd_core.h"

#include <functional>
#include <vector>

namespace fusionmd {

/// What LAMMPS knows about its atoms: owned ones first, then ghosts.
struct Atoms {
  int n_local, n_all;
  const double *const *x;        // now; they move until the next list
  std::vector<int64_t> ids;      // [n_all]
  std::vector<int> species;      // [n_all]; -1: not of this potential
};

/// LAMMPS' full list; of ghosts too where `n_ghosts` is not 0.
struct List {
  int n_local, n_ghosts, mask;
  const int *atoms, *counts;
  const int *const *neighbors;
};

/// Two atoms too close to be true, by index.
struct Collision {
  int first, second;
  double distance;
};

class Neighborhood {
 public:
  /// Take a new neighbour list; `reach` is cutoff + skin, `image` orders the images of an atom.
  void rebuild(Atoms atoms, const List &list, double reach, const std::function<int64_t(int)> &image);

  /// The graph at positions `x`; edges are received within n_hops - 1 edges of an owned atom.
  fusionmd_graph collect(const double *const *x, double cutoff, int n_hops);

  int n_atoms() const { return atoms.n_all; }

  /// The atom that stands for each node; owned atoms first.
  const std::vector<int> &atoms_of_nodes() const { return representatives; }
  const std::vector<Collision> &collisions() const { return too_close; }
  double bytes() const;

 private:
  struct Candidate {
    int node, atom;
  };

  Atoms atoms{};
  int n_owned = 0, n_candidates = 0;                // nodes; ghost nodes behind the owned ones
  std::vector<int> node_of_atom, owned;             // [n_all]; owned atoms by ID
  std::vector<int> first_candidate;                 // [n_all + 1]
  std::vector<Candidate> candidates;
  std::vector<int> image_of_node;                   // the first image reached, -1 where none was
  std::vector<int> representatives;
  int64_t n_edges = 0;
  std::vector<int64_t> species, senders, receivers;    // with room for every candidate
  std::vector<double> vectors, positions;
  std::vector<Collision> too_close;

  void number_nodes();
  std::vector<int> in_order(const std::function<int64_t(int)> &image) const;
  void gather_candidates(const List &list, double reach, const std::function<int64_t(int)> &image);
  void make_room();
  void receive(int atom, int node, double cutoff);
  void note_collisions(int atom);
  std::vector<int> reach_ghosts(double cutoff, int n_hops);
  void renumber(int64_t first_ghost_edge);
};

}    // namespace fusionmd

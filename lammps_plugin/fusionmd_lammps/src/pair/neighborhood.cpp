#include "neighborhood.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace fusionmd {
namespace {

constexpr double MIN_DISTANCE = 0.1;    // angstrom; closer atoms are a mistake, not chemistry
constexpr int NONE = -1;

double squared_distance(const double *a, const double *b)
{
  const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

/// [n_all, 3]; LAMMPS keeps the rows of its arrays together.
const double *positions_of(const Atoms &atoms)
{
  return atoms.n_all > 0 ? atoms.x[0] : nullptr;
}

}    // namespace

void Neighborhood::rebuild(Atoms now, const List &list, double reach, const std::function<int64_t(int)> &image)
{
  atoms = std::move(now);
  number_nodes();
  gather_candidates(list, reach, image);
}

/// Owned nodes by ID, then the ghosts whose owner is elsewhere, by ID.
void Neighborhood::number_nodes()
{
  const auto by_id = [&](int a, int b) { return atoms.ids[a] < atoms.ids[b]; };
  owned.clear();
  for (int i = 0; i < atoms.n_local; ++i)
    if (atoms.species[i] >= 0) owned.push_back(i);
  std::sort(owned.begin(), owned.end(), by_id);
  n_owned = static_cast<int>(owned.size());
  node_of_atom.assign(atoms.n_all, NONE);
  for (int node = 0; node < n_owned; ++node) node_of_atom[owned[node]] = node;

  std::vector<int> foreign;
  for (int i = atoms.n_local; i < atoms.n_all; ++i) {
    if (atoms.species[i] < 0) continue;
    const auto owner = std::lower_bound(owned.begin(), owned.end(), i, by_id);
    if (owner != owned.end() && atoms.ids[*owner] == atoms.ids[i])
      node_of_atom[i] = static_cast<int>(owner - owned.begin());
    else
      foreign.push_back(i);
  }
  std::sort(foreign.begin(), foreign.end(), by_id);
  n_candidates = n_owned;
  for (size_t k = 0; k < foreign.size(); ++k) {
    if (k > 0 && atoms.ids[foreign[k]] != atoms.ids[foreign[k - 1]]) ++n_candidates;
    node_of_atom[foreign[k]] = n_candidates;
  }
  if (!foreign.empty()) ++n_candidates;
}

/// The atoms of this potential in the order (node, image).
std::vector<int> Neighborhood::in_order(const std::function<int64_t(int)> &image) const
{
  std::vector<std::pair<int64_t, int>> sorted;
  for (int i = 0; i < atoms.n_all; ++i)
    if (node_of_atom[i] != NONE) sorted.emplace_back(int64_t(node_of_atom[i]) << 32 | image(i), i);
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> ordered;
  for (const auto &[key, i] : sorted) ordered.push_back(i);
  return ordered;
}

/// Of every listed atom, sorted by (node, image): dealt out by sender, in order, and then to those who receive.
void Neighborhood::gather_candidates(const List &list, double reach, const std::function<int64_t(int)> &image)
{
  const double *const x = positions_of(atoms);
  std::vector<int> first_receiver(atoms.n_all + 1, 0);
  first_candidate.assign(atoms.n_all + 1, 0);
  std::vector<std::pair<int, int>> pairs;    // sender, receiver
  for (int k = 0; k < list.n_local + list.n_ghosts; ++k) {
    const int i = list.atoms[k];
    if (node_of_atom[i] == NONE) continue;
    for (int n = 0; n < list.counts[i]; ++n) {
      const int j = list.neighbors[i][n] & list.mask;
      if (node_of_atom[j] == NONE || !(squared_distance(x + 3 * j, x + 3 * i) < reach * reach)) continue;
      pairs.emplace_back(j, i);
      ++first_receiver[j + 1];
      ++first_candidate[i + 1];
    }
  }
  std::partial_sum(first_receiver.begin(), first_receiver.end(), first_receiver.begin());
  std::partial_sum(first_candidate.begin(), first_candidate.end(), first_candidate.begin());
  std::vector<int> receivers_of(pairs.size()), next(first_receiver);
  for (const auto &[j, i] : pairs) receivers_of[next[j]++] = i;
  candidates.resize(pairs.size());
  next = first_candidate;
  for (int j : in_order(image))
    for (int k = first_receiver[j]; k < first_receiver[j + 1]; ++k)
      candidates[next[receivers_of[k]]++] = {node_of_atom[j], j};
}

fusionmd_graph Neighborhood::collect(const double *const *x, double cutoff, int n_hops)
{
  atoms.x = x;
  make_room();
  image_of_node.assign(n_candidates, NONE);
  std::copy(owned.begin(), owned.end(), image_of_node.begin());
  for (int node = 0; node < n_owned; ++node) {
    receive(owned[node], node, cutoff);
    std::copy_n(atoms.x[owned[node]], 3, positions.begin() + 3 * node);
  }
  const int64_t first_ghost_edge = n_edges;
  if (n_candidates > n_owned) {
    for (int node : reach_ghosts(cutoff, n_hops)) receive(image_of_node[node], node, cutoff);
    renumber(first_ghost_edge);
  } else {
    representatives = owned;
  }
  species.resize(representatives.size());
  for (size_t k = 0; k < species.size(); ++k) species[k] = atoms.species[representatives[k]];
  return {static_cast<int64_t>(species.size()), n_owned, n_edges, species.data(), senders.data(), receivers.data(),
          vectors.data(), positions.data()};
}

/// For every candidate; room is kept from step to step.
void Neighborhood::make_room()
{
  n_edges = 0;
  too_close.clear();
  positions.resize(3 * static_cast<size_t>(n_owned));
  if (senders.size() >= candidates.size()) return;
  senders.resize(candidates.size());
  receivers.resize(candidates.size());
  vectors.resize(3 * candidates.size());
}

/// The edges that `node` receives, seen from `atom`, one of its images. Every candidate is written; those too far are
/// overwritten by the next one, which is faster than to decide.
void Neighborhood::receive(int atom, int node, double cutoff)
{
  const double *const x = positions_of(atoms);
  const double x0 = x[3 * atom], y0 = x[3 * atom + 1], z0 = x[3 * atom + 2], most = cutoff * cutoff;
  int64_t *const sender = senders.data(), *const receiver = receivers.data(), n = n_edges;
  double *const d = vectors.data(), least = most;
  const Candidate *const end = candidates.data() + first_candidate[atom + 1];
  for (const Candidate *c = candidates.data() + first_candidate[atom]; c < end; ++c) {
    const double *const other = x + 3 * c->atom;
    const double dx = other[0] - x0, dy = other[1] - y0, dz = other[2] - z0;
    const double squared = dx * dx + dy * dy + dz * dz;
    d[3 * n] = dx, d[3 * n + 1] = dy, d[3 * n + 2] = dz;
    sender[n] = c->node, receiver[n] = node;
    least = std::min(least, squared);
    n += squared < most;
  }
  n_edges = n;
  if (least < MIN_DISTANCE * MIN_DISTANCE) note_collisions(atom);
}

void Neighborhood::note_collisions(int atom)
{
  for (int c = first_candidate[atom]; c < first_candidate[atom + 1]; ++c) {
    const double distance = std::sqrt(squared_distance(atoms.x[candidates[c].atom], atoms.x[atom]));
    if (distance < MIN_DISTANCE) too_close.push_back({atom, candidates[c].atom, distance});
  }
}

/// Mark the first image of every ghost that is reached; return the nodes that receive edges, in order.
std::vector<int> Neighborhood::reach_ghosts(double cutoff, int n_hops)
{
  const double most = cutoff * cutoff;
  std::vector<int> receiving, front = owned, next;
  for (int hop = 1; hop <= n_hops; ++hop, front.swap(next), next.clear())
    for (int atom : front)
      for (int c = first_candidate[atom]; c < first_candidate[atom + 1]; ++c) {
        const auto [node, image] = candidates[c];
        if (image_of_node[node] != NONE || !(squared_distance(atoms.x[image], atoms.x[atom]) < most)) continue;
        image_of_node[node] = image;
        if (hop < n_hops) {
          next.push_back(image);
          receiving.push_back(node);
        }
      }
  std::sort(receiving.begin(), receiving.end());
  return receiving;
}

/// Close the gaps that unreached ghosts leave among the nodes.
void Neighborhood::renumber(int64_t first_ghost_edge)
{
  std::vector<int64_t> place(n_candidates, NONE);
  representatives = owned;
  for (int node = 0; node < n_candidates; ++node) {
    if (node < n_owned)
      place[node] = node;
    else if (image_of_node[node] != NONE) {
      place[node] = static_cast<int64_t>(representatives.size());
      representatives.push_back(image_of_node[node]);
    }
  }
  for (int64_t e = 0; e < n_edges; ++e) senders[e] = place[senders[e]];
  for (int64_t e = first_ghost_edge; e < n_edges; ++e) receivers[e] = place[receivers[e]];
}

double Neighborhood::bytes() const
{
  return static_cast<double>(candidates.capacity() * sizeof(Candidate) + vectors.capacity() * sizeof(double) +
                             (senders.capacity() + receivers.capacity()) * sizeof(int64_t) +
                             atoms.ids.capacity() * sizeof(int64_t) + node_of_atom.capacity() * sizeof(int));
}

}    // namespace fusionmd

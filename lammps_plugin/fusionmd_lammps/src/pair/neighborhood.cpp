#include "neighborhood.h"

#include <algorithm>
#include <cmath>
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

/// Of every listed atom, sorted by (node, image).
void Neighborhood::gather_candidates(const List &list, double reach, const std::function<int64_t(int)> &image)
{
  std::vector<int64_t> images(atoms.n_all);
  for (int i = 0; i < atoms.n_all; ++i) images[i] = image(i);
  std::vector<int> row(atoms.n_all, NONE);
  for (int k = 0; k < list.n_local + list.n_ghosts; ++k) row[list.atoms[k]] = k;

  first_candidate.assign(atoms.n_all + 1, 0);
  candidates.clear();
  std::vector<std::pair<int64_t, int>> sorted;
  for (int i = 0; i < atoms.n_all; ++i) {
    sorted.clear();
    if (row[i] != NONE && node_of_atom[i] != NONE)
      for (int k = 0; k < list.counts[i]; ++k) {
        const int j = list.neighbors[i][k] & list.mask;
        if (node_of_atom[j] != NONE && squared_distance(atoms.x[j], atoms.x[i]) < reach * reach)
          sorted.emplace_back(int64_t(node_of_atom[j]) << 32 | images[j], j);
      }
    std::sort(sorted.begin(), sorted.end());
    for (const auto &[key, j] : sorted) candidates.push_back({node_of_atom[j], j});
    first_candidate[i + 1] = static_cast<int>(candidates.size());
  }
}

fusionmd_graph Neighborhood::collect(const double *const *x, double cutoff, int n_hops)
{
  atoms.x = x;
  senders.clear(), receivers.clear(), vectors.clear(), too_close.clear(), positions.clear();
  image_of_node.assign(n_candidates, NONE);
  std::copy(owned.begin(), owned.end(), image_of_node.begin());
  for (int node = 0; node < n_owned; ++node) {
    receive(owned[node], node, cutoff);
    positions.insert(positions.end(), atoms.x[owned[node]], atoms.x[owned[node]] + 3);
  }
  const size_t first_ghost_edge = senders.size();
  if (n_candidates > n_owned) {
    for (int node : reach_ghosts(cutoff, n_hops)) receive(image_of_node[node], node, cutoff);
    renumber(first_ghost_edge);
  } else {
    representatives = owned;
  }
  species.resize(representatives.size());
  for (size_t k = 0; k < species.size(); ++k) species[k] = atoms.species[representatives[k]];
  return {static_cast<int64_t>(species.size()), n_owned, static_cast<int64_t>(senders.size()), species.data(),
          senders.data(), receivers.data(), vectors.data(), positions.data()};
}

/// The edges that `node` receives, seen from `atom`, one of its images.
void Neighborhood::receive(int atom, int node, double cutoff)
{
  const double *const centre = atoms.x[atom];
  const double most = cutoff * cutoff;
  for (int c = first_candidate[atom]; c < first_candidate[atom + 1]; ++c) {
    const double *const x = atoms.x[candidates[c].atom];
    const double d[3] = {x[0] - centre[0], x[1] - centre[1], x[2] - centre[2]};
    const double squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    if (!(squared < most)) continue;
    if (squared < MIN_DISTANCE * MIN_DISTANCE) too_close.push_back({atom, candidates[c].atom, std::sqrt(squared)});
    senders.push_back(candidates[c].node);
    receivers.push_back(node);
    vectors.insert(vectors.end(), d, d + 3);
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
void Neighborhood::renumber(size_t first_ghost_edge)
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
  for (auto &sender : senders) sender = place[sender];
  for (size_t e = first_ghost_edge; e < receivers.size(); ++e) receivers[e] = place[receivers[e]];
}

double Neighborhood::bytes() const
{
  return static_cast<double>(candidates.capacity() * sizeof(Candidate) + vectors.capacity() * sizeof(double) +
                             (senders.capacity() + receivers.capacity()) * sizeof(int64_t) +
                             atoms.ids.capacity() * sizeof(int64_t) + node_of_atom.capacity() * sizeof(int));
}

}    // namespace fusionmd

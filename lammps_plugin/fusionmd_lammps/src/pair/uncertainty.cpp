// What `compute pair` and `fix pair` ask for.
#include "pair_fusionmd.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "memory.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

/// Energies of all states; then, of a committee, the spread of the driving energy and of the forces, or the standard
/// deviation of the driving energy that a calibrated potential has. `compute pair` adds up what the ranks have.
void PairFusionMD::gather_extras(const fusionmd_graph &graph, const fusionmd_result &result)
{
  const int n_states = potential.n_states, n_members = potential.n_members;
  const double spread = n_members > 1 ? largest_spread(graph, result) : 0.0;
  const double energy_std = tells_energy_std && eflag_global ? calibrated_energy_std(graph) : 0.0;
  std::fill(pvector, pvector + nextra, 0.0);
  if (comm->me != 0) return;
  if (tells_energy_std) pvector[n_states] = eV * energy_std;
  for (int s = 0; s < n_states; ++s)
    for (int m = 0; m < n_members; ++m) pvector[s] += eV * result.energies[m * n_states + s] / n_members;
  if (n_members == 1) return;
  double variance = 0.0;
  for (int m = 0; m < n_members; ++m)
    variance += std::pow(eV * result.energies[m * n_states + state] - pvector[state], 2) / n_members;
  pvector[n_states] = std::sqrt(variance);
  pvector[n_states + 1] = spread;
}

double PairFusionMD::calibrated_energy_std(const fusionmd_graph &graph)
{
  const fusionmd_world ranks = world_of_ranks();
  const double found = core->energy_std(model, &graph, &ranks, uses_exchange);
  if (found < 0.0) error->one(FLERR, std::string("Pair style fusionmd: ") + core->error());
  return found;
}

/// Standard deviation of the forces over the committee, per atom and component; returns the largest of its norms.
double PairFusionMD::largest_spread(const fusionmd_graph &graph, const fusionmd_result &result)
{
  const auto &atoms = neighborhood.atoms_of_nodes();
  const int n_members = potential.n_members, width = 3 * n_members;
  halo.assign(static_cast<size_t>(atom->nlocal + atom->nghost) * width, 0.0);
  for (int64_t e = 0; e < graph.n_edges; ++e)
    for (int c = 0; c < width; ++c) {
      const double g = result.member_gradients[(c / 3 * graph.n_edges + e) * 3 + c % 3];
      halo[static_cast<size_t>(atoms[graph.receivers[e]]) * width + c] += g;
      halo[static_cast<size_t>(atoms[graph.senders[e]]) * width + c] -= g;
    }
  halo_width = width;
  if (is_parallel()) comm->reverse_comm(this, width);
  if (atom->nmax > n_forces_std) memory->grow(forces_std, n_forces_std = atom->nmax, 3, "fusionmd:forces_std");
  double largest = 0.0;
  for (int i = 0; i < atom->nlocal; ++i) {
    double total = 0.0;
    for (int k = 0; k < 3; ++k) {
      double mean = 0.0, variance = 0.0;
      const double *const force = &halo[static_cast<size_t>(i) * width + k];
      for (int m = 0; m < n_members; ++m) mean += force[3 * m] / n_members;
      for (int m = 0; m < n_members; ++m) variance += std::pow(force[3 * m] - mean, 2) / n_members;
      forces_std[i][k] = eV * std::sqrt(variance);
      total += variance;
    }
    largest = std::max(largest, eV * std::sqrt(total));
  }
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  return largest;
}

/// For `fix pair`.
void *PairFusionMD::extract_peratom(const char *name, int &n_columns)
{
  if (std::strcmp(name, "forces_std") != 0 || potential.n_members < 2) return nullptr;
  if (!forces_std) {
    memory->create(forces_std, n_forces_std = std::max(atom->nmax, 1), 3, "fusionmd:forces_std");
    std::fill(forces_std[0], forces_std[0] + 3 * static_cast<size_t>(n_forces_std), 0.0);
  }
  n_columns = 3;
  return forces_std;
}

// What crosses ranks: sums, features of ghosts forward, their gradients back.
#include "pair_fusionmd.h"

#include "atom.h"
#include "comm.h"

#include <algorithm>

using namespace LAMMPS_NS;

fusionmd_world PairFusionMD::world_of_ranks()
{
  return is_parallel() ? fusionmd_world{this, sum, forward, reverse} : fusionmd_world{};
}

void PairFusionMD::sum(void *self, double *values, int64_t n)
{
  MPI_Allreduce(MPI_IN_PLACE, values, static_cast<int>(n), MPI_DOUBLE, MPI_SUM,
                static_cast<PairFusionMD *>(self)->world);
}

/// Context rows become those of their owners. Ghosts that are no nodes travel too: others are reached through them.
void PairFusionMD::forward(void *self, double *rows, int64_t width)
{
  auto &pair = *static_cast<PairFusionMD *>(self);
  const auto &atoms = pair.neighborhood.atoms_of_nodes();
  const auto n_local = static_cast<size_t>(pair.n_local_nodes);
  pair.halo_width = width;
  pair.spent.bytes += static_cast<double>(pair.atom->nghost * width * sizeof(double));
  pair.halo.assign(static_cast<size_t>(pair.atom->nlocal + pair.atom->nghost) * width, 0.0);
  for (size_t node = 0; node < n_local; ++node)
    std::copy_n(rows + node * width, width, pair.halo.begin() + atoms[node] * width);
  pair.comm->forward_comm(&pair, static_cast<int>(width));
  for (size_t node = n_local; node < atoms.size(); ++node)
    std::copy_n(pair.halo.begin() + atoms[node] * width, width, rows + node * width);
}

/// The transpose: context rows are added to their owners, and are 0 then.
void PairFusionMD::reverse(void *self, double *rows, int64_t width)
{
  auto &pair = *static_cast<PairFusionMD *>(self);
  const auto &atoms = pair.neighborhood.atoms_of_nodes();
  const auto n_local = static_cast<size_t>(pair.n_local_nodes);
  pair.halo_width = width;
  pair.spent.bytes += static_cast<double>(pair.atom->nghost * width * sizeof(double));
  pair.halo.assign(static_cast<size_t>(pair.atom->nlocal + pair.atom->nghost) * width, 0.0);
  for (size_t node = 0; node < atoms.size(); ++node)
    std::copy_n(rows + node * width, width, pair.halo.begin() + atoms[node] * width);
  pair.comm->reverse_comm(&pair, static_cast<int>(width));
  for (size_t node = 0; node < n_local; ++node)
    std::copy_n(pair.halo.begin() + atoms[node] * width, width, rows + node * width);
  std::fill(rows + n_local * width, rows + atoms.size() * width, 0.0);
}

int PairFusionMD::pack_forward_comm(int n, int *atoms, double *buffer, int /*pbc_flag*/, int * /*pbc*/)
{
  for (int k = 0; k < n; ++k) buffer = std::copy_n(halo.begin() + atoms[k] * halo_width, halo_width, buffer);
  return static_cast<int>(n * halo_width);
}

void PairFusionMD::unpack_forward_comm(int n, int first, double *buffer)
{
  std::copy_n(buffer, n * halo_width, halo.begin() + first * halo_width);
}

int PairFusionMD::pack_reverse_comm(int n, int first, double *buffer)
{
  std::copy_n(halo.begin() + first * halo_width, n * halo_width, buffer);
  return static_cast<int>(n * halo_width);
}

void PairFusionMD::unpack_reverse_comm(int n, int *atoms, double *buffer)
{
  for (int k = 0; k < n; ++k)
    for (int64_t c = 0; c < halo_width; ++c) halo[atoms[k] * halo_width + c] += *buffer++;
}

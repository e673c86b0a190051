// Memory and devices, shared by the ranks of a node.
#include "pair_fusionmd.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"

#include <algorithm>
#include <cmath>
#include <fstream>

using namespace LAMMPS_NS;

namespace {

constexpr double BYTES_PER_GB = 1e9, FREE_FRACTION = 0.5;

/// MemAvailable of /proc/meminfo, bytes; 0 where the system does not tell.
double free_bytes()
{
  std::ifstream lines("/proc/meminfo");
  for (std::string word; lines >> word;)
    if (double kB; word == "MemAvailable:" && lines >> kB) return 1024 * kB;
  return 0.0;
}

}    // namespace

/// By the mean density: there is no neighbour list yet.
bool PairFusionMD::exceeds_memory() const
{
  constexpr double SPHERE = 4.0 / 3.0 * M_PI;
  int most = atom->nlocal;
  MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT, MPI_MAX, world);
  const double volume = domain->xprd * domain->yprd * domain->zprd;
  const double degree = SPHERE * std::pow(potential.cutoff, 3) * static_cast<double>(atom->natoms) / volume;
  double limit = limit_bytes;
  MPI_Allreduce(MPI_IN_PLACE, &limit, 1, MPI_DOUBLE, MPI_MIN, world);
  return limit > 0.0 && most * degree * potential.bytes_per_edge > limit;
}

double PairFusionMD::memory_bytes() const
{
  if (memory_GB > 0.0) return memory_GB * BYTES_PER_GB;
  return device == "cuda" ? 0.0 : FREE_FRACTION * free_bytes() / ranks_here().second;
}

/// Of this node: which rank this is, and how many there are.
std::pair<int, int> PairFusionMD::ranks_here() const
{
  MPI_Comm node;
  std::pair<int, int> found;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->me, MPI_INFO_NULL, &node);
  MPI_Comm_rank(node, &found.first);
  MPI_Comm_size(node, &found.second);
  MPI_Comm_free(&node);
  return found;
}

/// Ranks of a node take its GPUs in turn.
std::string PairFusionMD::device_of_rank() const
{
  if (device == "cpu") return device;
  const int n_devices = std::max(core->count_devices(), 1);
  return device + ":" + std::to_string(ranks_here().first % n_devices);
}

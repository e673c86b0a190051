#include "pair_fusionmd.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace LAMMPS_NS;

PairFusionMD::PairFusionMD(LAMMPS *lmp) : Pair(lmp)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairFusionMD::~PairFusionMD()
{
  if (model) core->free(model);
  memory->destroy(forces_std);
  delete[] pvector;
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
  memory->destroy(cutghost);
}

double PairFusionMD::init_one(int i, int j)
{
  if (!setflag[i][j])
    error->all(FLERR, "Pair style fusionmd has no coefficients; write pair_coeff * * potential.pt with one element per "
                      "atom type");
  cutghost[i][j] = cutghost[j][i] = potential.cutoff;
  return potential.cutoff;
}

void PairFusionMD::compute(int eflag, int vflag)
{
  const int of_processor = device == "cpu";
  const double began = core->seconds(of_processor);
  ev_init(eflag, vflag);
  take_list();
  const fusionmd_graph graph = neighborhood.collect(atom->x, potential.cutoff, n_hops_here());
  check_collisions();
  const fusionmd_result result = evaluate(graph);
  add_forces(graph, result.gradients);
  if (eflag_either) add_energies(graph, result);
  if (vflag_either) add_virial(graph, result.gradients);
  gather_extras(graph, result);
  count(graph, result.model_seconds, core->seconds(of_processor) - began);
}

void PairFusionMD::count(const fusionmd_graph &graph, double model_seconds, double seconds)
{
  ++spent.n;
  spent.model += model_seconds;
  spent.all += seconds;
  spent.nodes = std::max(spent.nodes, graph.n_nodes);
  spent.ghosts = std::max(spent.ghosts, graph.n_nodes - graph.n_local);
  spent.edges = std::max(spent.edges, graph.n_edges);
}

/// What the run cost, for whoever wonders where the time goes.
void PairFusionMD::finish()
{
  const double n = std::max(spent.n, 1);
  double most[6] = {1e3 * spent.model / n, 1e3 * (spent.all - spent.model) / n, static_cast<double>(spent.nodes),
                    static_cast<double>(spent.ghosts), static_cast<double>(spent.edges), spent.bytes / n};
  MPI_Allreduce(MPI_IN_PLACE, most, 6, MPI_DOUBLE, MPI_MAX, world);
  char line[256];
  std::snprintf(line, sizeof line, "fusionmd: mean of %d evaluations, at most of a rank: %.3f ms in the model, "
                "%.3f ms around it, %.0f nodes, %.0f of them ghosts, %.0f edges, %.0f bytes exchanged\n",
                spent.n, most[0], most[1], most[2], most[3], most[4], most[5]);
  if (comm->me == 0 && spent.n > 0) utils::logmesg(lmp, line);
  spent = Spent();
}

/// Look again where LAMMPS has made a new list, or somebody has changed types without one.
void PairFusionMD::take_list()
{
  const int n_all = atom->nlocal + atom->nghost;
  const bool is_same = neighbor->ago != 0 && neighbor->lastcall == last_list && n_all == neighborhood.n_atoms();
  if (is_same && std::equal(types.begin(), types.end(), atom->type)) return;
  last_list = neighbor->lastcall;
  types.assign(atom->type, atom->type + n_all);
  check_hybrid();
  check_special_neighbors();
  fusionmd::Atoms atoms{atom->nlocal, n_all, atom->x, {}, {}};
  atoms.ids.assign(atom->tag, atom->tag + n_all);
  for (int i = 0; i < n_all; ++i) atoms.species.push_back(species_of_type[atom->type[i]]);
  const fusionmd::List lists{list->inum, ghostneigh ? list->gnum : 0, NEIGHMASK, list->ilist, list->numneigh,
                             list->firstneigh};
  neighborhood.rebuild(std::move(atoms), lists, potential.cutoff + neighbor->skin,
                       [this](int i) { return image_of(i); });
}

/// A number that orders the periodic images of an atom in the same way at every list.
int64_t PairFusionMD::image_of(int i) const
{
  constexpr int64_t half = 512, most = 1023;
  double fractional[3];
  domain->x2lamda(atom->x[i], fractional);
  int64_t image = 0;
  for (double f : fractional)
    image = image << 10 | std::clamp<int64_t>(static_cast<int64_t>(std::floor(f)) + half, 0, most);
  return image;
}

fusionmd_result PairFusionMD::evaluate(const fusionmd_graph &graph)
{
  const fusionmd_world ranks = world_of_ranks();
  fusionmd_result result;
  n_local_nodes = graph.n_local;
  if (core->evaluate(model, &graph, &ranks, uses_exchange, &result))
    error->one(FLERR, std::string("Pair style fusionmd: ") + core->error());
  if (uses_exchange && !has_warned_of_memory && limit_bytes > 0 &&
      static_cast<double>(graph.n_edges) * potential.bytes_per_edge > limit_bytes) {
    error->warning(FLERR, "Pair style fusionmd needs more memory than memory_GB allows, and mode exchange cannot work "
                          "in parts; use more ranks, or mode expand");
    has_warned_of_memory = true;
  }
  if (result.n_blocks > 1 && !has_told_of_blocks && comm->me == 0) {
    utils::logmesg(lmp, "fusionmd: works in " + std::to_string(result.n_blocks) + " parts, by memory_GB\n");
    has_told_of_blocks = true;
  }
  return result;
}

/// F_k = sum of gradients received - sum of gradients sent; those on ghosts go home by LAMMPS' reverse communication.
void PairFusionMD::add_forces(const fusionmd_graph &graph, const double *gradients)
{
  const auto &atoms = neighborhood.atoms_of_nodes();
  if (atoms.empty()) return;
  const double unit = eV;    // what is stored could be anything to the compiler: it would read members again
  const int *const atom_of = atoms.data();
  double *const forces = atom->f[0];
  for (int64_t e = 0, n = graph.n_edges; e < n;) {
    const int64_t receiver = graph.receivers[e];    // edges of one receiver stand together
    double x = 0.0, y = 0.0, z = 0.0;
    for (; e < n && graph.receivers[e] == receiver; ++e) {
      double *const sent = forces + 3 * atom_of[graph.senders[e]];
      const double gx = unit * gradients[3 * e], gy = unit * gradients[3 * e + 1], gz = unit * gradients[3 * e + 2];
      x += gx, y += gy, z += gz;
      sent[0] -= gx, sent[1] -= gy, sent[2] -= gz;
    }
    double *const received = forces + 3 * atom_of[receiver];
    received[0] += x, received[1] += y, received[2] += z;
  }
}

void PairFusionMD::add_energies(const fusionmd_graph &graph, const fusionmd_result &result)
{
  const auto &atoms = neighborhood.atoms_of_nodes();
  for (int64_t i = 0; i < graph.n_local; ++i) {
    const double energy = eV * result.atomic_energies[i];
    if (eflag_global) eng_vdwl += energy;
    if (eflag_atom) eatom[atoms[i]] += energy;
  }
}

/// -sum vector (x) dE/dvector, symmetrised; half of each edge to either end.
void PairFusionMD::add_virial(const fusionmd_graph &graph, const double *gradients)
{
  const auto &atoms = neighborhood.atoms_of_nodes();
  constexpr int rows[6] = {0, 1, 2, 0, 0, 1}, columns[6] = {0, 1, 2, 1, 2, 2};
  for (int64_t e = 0; e < graph.n_edges; ++e) {
    const double *const r = graph.vectors + 3 * e, *const g = gradients + 3 * e;
    for (int k = 0; k < 6; ++k) {
      const double v = -0.5 * eV * (r[rows[k]] * g[columns[k]] + r[columns[k]] * g[rows[k]]);
      if (vflag_global) virial[k] += v;
      if (!vflag_atom) continue;
      vatom[atoms[graph.receivers[e]]][k] += 0.5 * v;
      vatom[atoms[graph.senders[e]]][k] += 0.5 * v;
    }
  }
}

double PairFusionMD::memory_usage()
{
  return Pair::memory_usage() + neighborhood.bytes() + static_cast<double>(halo.capacity() * sizeof(double));
}

extern "C" FUSIONMD_API void *fusionmd_create_pair(void *lmp)
{
  return new PairFusionMD(static_cast<LAMMPS *>(lmp));
}

// Whether it can be done here: what would give silent wrong numbers stops with a sentence that tells what to do.
#include "pair_fusionmd.h"

#include "fusionmd_tables.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include <cstdio>
#include <cstring>

using namespace LAMMPS_NS;

namespace {

/// The group that `comm_modify group` has set, which is for children of Comm to know.
struct Ghosts : Comm {
  static int Comm::*group() { return &Ghosts::bordergroup; }
};

}    // namespace

void PairFusionMD::check_settings()
{
  const std::string me = "Pair style fusionmd ";
  if (std::strcmp(update->unit_style, "metal") == 0)
    eV = 1.0;
  else if (std::strcmp(update->unit_style, "real") == 0)
    eV = FUSIONMD_KCAL_PER_MOL_PER_EV;
  else
    error->all(FLERR, me + "has no meaning in units " + update->unit_style + "; use units metal or real");
  if (!atom->tag_enable) error->all(FLERR, me + "needs atom IDs; remove atom_modify id no");
  if (!force->newton_pair) error->all(FLERR, me + "needs newton on for pairs; remove newton off");
  if (neighbor->nex_type || neighbor->nex_group || neighbor->nex_mol)
    error->all(FLERR, me + "needs every neighbor, or its energies are wrong; remove neigh_modify exclude");
  if (neighbor->includegroup)
    error->all(FLERR, me + "needs every neighbor, or its energies are wrong; remove neigh_modify include");
  if (comm->*Ghosts::group())
    error->all(FLERR, me + "needs every neighbor, or its energies are wrong; remove comm_modify group");
}

/// Bonds make LAMMPS drop neighbours, silently, where the weights of special_bonds are 0.
void PairFusionMD::check_special_neighbors() const
{
  if (atom->molecular == Atom::ATOMIC) return;
  const auto is_dropped = [&](int k) { return force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0; };
  bool is_any = atom->molecular == Atom::TEMPLATE && (is_dropped(1) || is_dropped(2) || is_dropped(3));
  if (atom->molecular == Atom::MOLECULAR && atom->nspecial)
    for (int i = 0; i < atom->nlocal && !is_any; ++i) {
      if (species_of_type[atom->type[i]] < 0) continue;
      const int *const n = atom->nspecial[i];    // counts up to 1-2, 1-3, 1-4
      is_any = (is_dropped(1) && n[0] > 0) || (is_dropped(2) && n[1] > n[0]) || (is_dropped(3) && n[2] > n[1]);
    }
  if (is_any)
    error->one(FLERR, "Pair style fusionmd needs bonded neighbors too, or its energies are wrong; use special_bonds "
                      "lj/coul 1 1 1, or leave the bonds of its atoms out");
}

/// Every pair of our types must reach us, or neighbours are missing.
void PairFusionMD::check_hybrid() const
{
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = 1; j <= atom->ntypes; ++j) {
      if (species_of_type[i] < 0 || species_of_type[j] < 0) continue;
      if ((list->iskip && list->iskip[i]) || (list->ijskip && list->ijskip[i][j]))
        error->all(FLERR, "Pair style fusionmd does not get the pairs of atom types " + std::to_string(i) + " and " +
                              std::to_string(j) + "; use pair_style hybrid/overlay, or NULL for one of them");
    }
}

void PairFusionMD::check_collisions() const
{
  if (neighborhood.collisions().empty()) return;
  const auto &found = neighborhood.collisions().front();
  char distance[32];
  std::snprintf(distance, sizeof distance, "%.3g", found.distance);
  error->one(FLERR, "Pair style fusionmd: atoms " + std::to_string(atom->tag[found.first]) + " and " +
                        std::to_string(atom->tag[found.second]) + " are " + distance +
                        " angstrom apart; check units, box, timestep and duplicated atoms");
}

/// Stop on all ranks if one of them has a problem, with its words.
void PairFusionMD::agree(const std::string &problem)
{
  int first = problem.empty() ? comm->nprocs : comm->me;
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  int length = static_cast<int>(problem.size());
  MPI_Bcast(&length, 1, MPI_INT, first, world);
  std::string text = problem;
  text.resize(length);
  MPI_Bcast(text.data(), length, MPI_CHAR, first, world);
  error->all(FLERR, "Pair style fusionmd: " + text);
}

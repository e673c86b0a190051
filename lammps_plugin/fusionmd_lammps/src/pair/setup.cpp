// What the user asked for, and whether it can be done here: pair_style, pair_coeff, and the checks before a run.
#include "pair_fusionmd.h"

#include "fusionmd_tables.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

using namespace LAMMPS_NS;

namespace {

constexpr double BYTES_PER_GB = 1e9, FREE_FRACTION = 0.5;

bool is_file(const std::string &path)
{
  return std::ifstream(path, std::ios::binary).good();
}

/// A file, or the name of a potential that comes with fusionmd.
std::string potential_path(const std::string &name)
{
  if (is_file(name)) return name;
  const std::string shipped = fusionmd::path_of("models") + "/" + name + "/potential.pt";
  return is_file(shipped) ? shipped : name;
}

/// MemAvailable of /proc/meminfo, bytes; 0 where the system does not tell.
double free_bytes()
{
  std::ifstream lines("/proc/meminfo");
  for (std::string word; lines >> word;)
    if (double kB; word == "MemAvailable:" && lines >> kB) return 1024 * kB;
  return 0.0;
}

int atomic_number(const std::string &symbol)
{
  constexpr int n = sizeof(FUSIONMD_SYMBOLS) / sizeof(*FUSIONMD_SYMBOLS);
  for (int z = 1; z < n; ++z)
    if (symbol == FUSIONMD_SYMBOLS[z]) return z;
  return 0;
}

}    // namespace

bool PairFusionMD::is_parallel() const
{
  return comm->nprocs > 1;
}

/// How far from its owned atoms a rank looks.
int PairFusionMD::n_hops_here() const
{
  return uses_exchange ? 1 : potential.n_hops;
}

/// pair_style fusionmd keyword value ...
void PairFusionMD::settings(int argc, char **argv)
{
  for (int k = 0; k < argc; k += 2) {
    const std::string keyword = argv[k];
    if (k + 1 == argc)
      error->all(FLERR, "Pair style fusionmd: keyword " + keyword + " has no value; the keywords are " + KEYWORDS);
    set(keyword, argv[k + 1]);
  }
}

void PairFusionMD::set(const std::string &keyword, const std::string &value)
{
  if (keyword == "mode")
    mode = choice<Mode>(keyword, value, {{"exchange", Mode::exchange}, {"expand", Mode::expand}});
  else if (keyword == "device")
    device = choice<const char *>(keyword, value, {{"cpu", "cpu"}, {"cuda", "cuda"}});
  else if (keyword == "compiled")
    compiled = choice<int>(keyword, value, {{"auto", FUSIONMD_COMPILED_AUTO}, {"yes", FUSIONMD_COMPILED_YES},
                                            {"no", FUSIONMD_COMPILED_NO}});
  else if (keyword == "mallopt")
    keeps_memory = choice<bool>(keyword, value, {{"yes", true}, {"no", false}});
  else if (keyword == "state")
    state = utils::inumeric(FLERR, value, false, lmp);
  else if (keyword == "memory_GB")
    memory_GB = utils::numeric(FLERR, value, false, lmp);
  else
    error->all(FLERR, "Pair style fusionmd knows no keyword " + keyword + "; the keywords are " + KEYWORDS);
  if (memory_GB < 0.0) error->all(FLERR, "Pair style fusionmd: memory_GB is " + value + "; give a positive number");
}

template <typename T>
T PairFusionMD::choice(const std::string &keyword, const std::string &value,
                       const std::vector<std::pair<std::string, T>> &values)
{
  std::string known;
  for (const auto &[name, result] : values) {
    if (name == value) return result;
    known += (known.empty() ? "" : ", ") + name;
  }
  error->all(FLERR, "Pair style fusionmd: " + keyword + " is " + value + "; give one of " + known);
}

/// pair_coeff * * potential.pt element ...
void PairFusionMD::coeff(int argc, char **argv)
{
  const int n_types = atom->ntypes;
  if (argc != 3 + n_types)
    error->all(FLERR, "Pair style fusionmd got " + std::to_string(std::max(argc - 3, 0)) + " elements for " +
                          std::to_string(n_types) + " atom types; write pair_coeff * * potential.pt and one element " +
                          "(or NULL, in pair_style hybrid/overlay) per atom type");
  if (std::strcmp(argv[0], "*") != 0 || std::strcmp(argv[1], "*") != 0)
    error->all(FLERR, "Pair style fusionmd is no pair potential; write pair_coeff * * potential.pt and one element "
                      "per atom type");
  load(potential_path(argv[2]));
  take_elements(argv + 3);
}

void PairFusionMD::load(const std::string &given)
{
  path = given;
  std::string problem;
  core = fusionmd::open_torch_core(problem);
  if (core && model) core->free(model);
  model = nullptr;
  if (core) {
    limit_bytes = memory_bytes();
    const std::string where = device_of_rank();
    const fusionmd_options options{path.c_str(), where.c_str(), state, compiled, comm->nthreads, keeps_memory,
                                   limit_bytes};
    model = core->load(&options);
    if (!model) problem = core->error();
  }
  agree(problem);
  core->describe(model, &potential);
  nextra = potential.n_states + (potential.n_members > 1 ? 2 : 0);
  delete[] pvector;
  pvector = new double[nextra]();
  comm_forward = comm_reverse = std::max(comm_reverse, 3 * potential.n_members);
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

void PairFusionMD::take_elements(char **symbols)
{
  const int n = atom->ntypes;
  if (!allocated) {
    memory->create(setflag, n + 1, n + 1, "pair:setflag");
    memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
    memory->create(cutghost, n + 1, n + 1, "pair:cutghost");
    allocated = 1;
  }
  species_of_type.assign(n + 1, -1);
  for (int type = 1; type <= n; ++type)
    if (std::strcmp(symbols[type - 1], "NULL") != 0) species_of_type[type] = species_of(symbols[type - 1]);
  for (int i = 1; i <= n; ++i)
    for (int j = 1; j <= n; ++j) {
      setflag[i][j] = i <= j && species_of_type[i] >= 0 && species_of_type[j] >= 0;
      cutsq[i][j] = cutghost[i][j] = 0.0;
    }
}

int PairFusionMD::species_of(const std::string &symbol)
{
  std::string known;
  for (int s = 0; s < potential.n_elements; ++s) {
    if (potential.elements[s] == atomic_number(symbol)) return s;
    known += std::string(s ? ", " : "") + FUSIONMD_SYMBOLS[potential.elements[s]];
  }
  error->all(FLERR, "Pair style fusionmd: element " + symbol + " is not in " + path + " (it knows " + known +
                        "); choose another potential, or retrain with it");
}

void PairFusionMD::init_style()
{
  check_settings();
  choose_mode();
  ghostneigh = is_parallel() && n_hops_here() > 1;
  if (ghostneigh) {
    if (comm->mode != Comm::SINGLE)
      error->all(FLERR, "Pair style fusionmd in mode expand needs one ghost cutoff; use comm_modify mode single");
    comm->cutghostuser = std::max(comm->cutghostuser, potential.n_hops * potential.cutoff + neighbor->skin);
  }
  // A hybrid style has asked its parts already, before they knew.
  force->pair->comm_forward = std::max(force->pair->comm_forward, comm_forward);
  force->pair->comm_reverse = std::max(force->pair->comm_reverse, comm_reverse);
  force->pair->ghostneigh = std::max(force->pair->ghostneigh, ghostneigh);
  neighbor->add_request(this, NeighConst::REQ_FULL | (ghostneigh ? NeighConst::REQ_GHOST : 0));
}

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
  error->one(FLERR, "Pair style fusionmd: atoms " + std::to_string(atom->tag[found.first]) + " and " +
                        std::to_string(atom->tag[found.second]) + " are " + std::to_string(found.distance) +
                        " angstrom apart; check units, box, timestep and duplicated atoms");
}

/// Features of ghosts are exchanged where that is possible, unless the user wants otherwise.
void PairFusionMD::choose_mode()
{
  const bool has_layers = potential.n_hops > 1;
  if (mode == Mode::exchange && !potential.supports_exchange)
    error->all(FLERR, "Pair style fusionmd: the model in " + path + " does not support exchange; use mode expand");
  if (mode == Mode::exchange && compiled == FUSIONMD_COMPILED_YES)
    error->all(FLERR, "Pair style fusionmd: compiled models do not exchange features; use mode expand or compiled no");
  const bool is_wanted = mode != Mode::expand && compiled != FUSIONMD_COMPILED_YES;
  uses_exchange = is_parallel() && has_layers && potential.supports_exchange && is_wanted;
  if (uses_exchange && exceeds_memory()) {
    uses_exchange = false;
    if (comm->me == 0)
      error->warning(FLERR, "Pair style fusionmd falls back to mode expand, which can work in parts: exchange would "
                            "need more memory than memory_GB (or half of what is free) on a rank");
  }
  std::string problem;
  if (uses_exchange) {
    exchange_width = core->prepare_exchange(model);
    if (exchange_width < 0) problem = core->error();
    comm_forward = comm_reverse = std::max(comm_reverse, static_cast<int>(exchange_width));
  }
  agree(problem);
  if (comm->me != 0) return;
  const std::string how = !is_parallel() ? "one rank" : uses_exchange ? "mode exchange" : "mode expand";
  const bool is_native = potential.is_compiled && !uses_exchange;
  utils::logmesg(lmp, "fusionmd: " + path + ", state " + std::to_string(state) + ", " + how + ", " + device +
                          (is_native ? ", compiled\n" : ", TorchScript\n"));
}

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

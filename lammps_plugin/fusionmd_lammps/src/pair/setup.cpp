// What the user asked for: pair_style, pair_coeff, and what follows from them before a run.
#include "pair_fusionmd.h"

#include "fusionmd_tables.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "utils.h"

#include <algorithm>
#include <cstring>
#include <fstream>

using namespace LAMMPS_NS;

namespace {

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
  else if (keyword == "uncertainty")
    wants_uncertainty = choice<bool>(keyword, value, {{"yes", true}, {"no", false}});
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
    const std::string library = fusionmd::path_of("native"), processor = fusionmd::path_of("processor");
    const fusionmd_options options{path.c_str(), where.c_str(), state, compiled, comm->nthreads, keeps_memory,
                                   limit_bytes, library.c_str(), processor.c_str()};
    model = core->load(&options);
    if (!model) problem = core->error();
  }
  agree(problem);
  core->describe(model, &potential);
  const bool is_committee = potential.n_members > 1;
  if (wants_uncertainty && !is_committee && !potential.is_calibrated)
    error->all(FLERR, "Pair style fusionmd: uncertainty is yes, but " + path + " is no committee and was not calibrated; "
                      "use `fusionmd calibrate`, or uncertainty no");
  tells_energy_std = wants_uncertainty && !is_committee;
  nextra = potential.n_states + (is_committee ? 2 : tells_energy_std ? 1 : 0);
  delete[] pvector;
  pvector = new double[nextra]();
  comm_forward = comm_reverse = std::max(comm_reverse, 3 * potential.n_members);
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
  const bool is_alone = force->pair == this;
  if (is_alone && std::count(species_of_type.begin(), species_of_type.end(), -1) > 1)
    error->all(FLERR, "Pair style fusionmd has no element for every atom type; NULL is for pair_style hybrid/overlay, "
                      "where another style takes over");
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

/// Features of ghosts are exchanged where that is possible, unless the user wants otherwise.
void PairFusionMD::choose_mode()
{
  const bool has_layers = potential.n_hops > 1;
  if (mode == Mode::exchange && !potential.supports_exchange)
    error->all(FLERR, "Pair style fusionmd: the model in " + path + " does not support exchange; use mode expand");
  const bool can_be_compiled = compiled != FUSIONMD_COMPILED_YES || potential.exchanges_compiled;
  if (mode == Mode::exchange && !can_be_compiled)
    error->all(FLERR, "Pair style fusionmd: the compiled form of " + path + " does not exchange features; use mode "
                      "expand or compiled no");
  const bool is_wanted = mode != Mode::expand && can_be_compiled;
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
  const bool is_native = uses_exchange ? potential.exchanges_compiled : potential.is_compiled;
  utils::logmesg(lmp, "fusionmd: " + path + ", state " + std::to_string(state) + ", " + how + ", " + device +
                          (is_native ? ", compiled\n" : ", TorchScript\n"));
}


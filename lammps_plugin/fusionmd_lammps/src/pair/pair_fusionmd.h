// pair_style fusionmd: a potential file in LAMMPS, on any number of MPI ranks.
//
// This folder includes headers of LAMMPS and is under the GNU General Public License, version 2; see LICENSE here.
#pragma once

#include "neighborhood.h"
#include "torch_core.h"

#include "pair.h"

#include <string>
#include <utility>
#include <vector>

namespace LAMMPS_NS {

class PairFusionMD : public Pair {
 public:
  explicit PairFusionMD(LAMMPS *lmp);
  ~PairFusionMD() override;

  void settings(int argc, char **argv) override;
  void coeff(int argc, char **argv) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;
  void finish() override;
  void *extract_peratom(const char *name, int &n_columns) override;
  double memory_usage() override;

  int pack_forward_comm(int n, int *atoms, double *buffer, int, int *) override;
  void unpack_forward_comm(int n, int first, double *buffer) override;
  int pack_reverse_comm(int n, int first, double *buffer) override;
  void unpack_reverse_comm(int n, int *atoms, double *buffer) override;

 private:
  enum class Mode { chosen, exchange, expand };

  // settings
  Mode mode = Mode::chosen;
  std::string device = "cpu", path;
  int state = 0, compiled = FUSIONMD_COMPILED_AUTO;
  bool keeps_memory = true, wants_uncertainty = false;
  double memory_GB = 0.0, limit_bytes = 0.0;

  // the potential
  const fusionmd::TorchCore *core = nullptr;
  fusionmd_model *model = nullptr;
  fusionmd_description potential{};
  int64_t exchange_width = 0;
  bool tells_energy_std = false, uses_exchange = false, has_warned_of_memory = false, has_told_of_blocks = false;
  double eV = 1.0;    // in the units of this run

  std::vector<int> species_of_type;    // [n_types + 1]; -1: NULL

  fusionmd::Neighborhood neighborhood;
  bigint last_list = -1;
  std::vector<int> types;    // [n_all] of that list
  int64_t n_local_nodes = 0;
  std::vector<double> halo;    // rows of all atoms while they are exchanged
  int64_t halo_width = 0;
  // Since the start of a run: seconds of the processor (of the wall on a GPU), rows of ghosts that travelled; the
  // largest graph.
  struct Spent {
    int n = 0;
    double model = 0.0, all = 0.0, bytes = 0.0;
    int64_t nodes = 0, ghosts = 0, edges = 0;
  } spent;

  double **forces_std = nullptr;
  int n_forces_std = 0;

  // setup.cpp
  static constexpr const char *KEYWORDS = "mode, device, state, compiled, uncertainty, memory_GB, mallopt";
  void set(const std::string &keyword, const std::string &value);
  template <typename T>
  T choice(const std::string &keyword, const std::string &value, const std::vector<std::pair<std::string, T>> &values);
  void load(const std::string &given);
  void take_elements(char **symbols);
  int species_of(const std::string &symbol);
  void choose_mode();
  bool is_parallel() const;
  int n_hops_here() const;

  // resources.cpp
  bool exceeds_memory() const;
  double memory_bytes() const;
  std::pair<int, int> ranks_here() const;
  std::string device_of_rank() const;

  // checks.cpp
  void agree(const std::string &problem);
  void check_settings();
  void check_hybrid() const;
  void check_special_neighbors() const;
  void check_collisions() const;

  // pair_fusionmd.cpp
  void take_list();
  int64_t image_of(int atom) const;
  fusionmd_result evaluate(const fusionmd_graph &graph);
  void add_forces(const fusionmd_graph &graph, const double *gradients);
  void add_energies(const fusionmd_graph &graph, const fusionmd_result &result);
  void add_virial(const fusionmd_graph &graph, const double *gradients);
  void count(const fusionmd_graph &graph, double model_seconds, double seconds);

  // uncertainty.cpp
  void gather_extras(const fusionmd_graph &graph, const fusionmd_result &result);
  double calibrated_energy_std(const fusionmd_graph &graph);
  double largest_spread(const fusionmd_graph &graph, const fusionmd_result &result);

  // exchange.cpp
  fusionmd_world world_of_ranks();
  static void sum(void *self, double *values, int64_t n);
  static void forward(void *self, double *rows, int64_t width);
  static void reverse(void *self, double *rows, int64_t width);
};

}    // namespace LAMMPS_NS

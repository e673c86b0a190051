#include "torch_core.h"

#include <dlfcn.h>

#include <fstream>

namespace fusionmd {
namespace {

std::string own_folder()
{
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&own_folder), &info)) return ".";
  const std::string path = info.dli_fname;
  return path.substr(0, path.find_last_of('/'));
}

template <typename F> bool find(void *library, const char *name, F &function)
{
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

bool find_all(void *library, TorchCore &core)
{
  return find(library, "fusionmd_abi", core.abi) && core.abi() == FUSIONMD_ABI &&
      find(library, "fusionmd_error", core.error) && find(library, "fusionmd_count_devices", core.count_devices) &&
      find(library, "fusionmd_seconds", core.seconds) && find(library, "fusionmd_load", core.load) &&
      find(library, "fusionmd_free", core.free) && find(library, "fusionmd_describe", core.describe) &&
      find(library, "fusionmd_prepare_exchange", core.prepare_exchange) &&
      find(library, "fusionmd_evaluate", core.evaluate) &&
      find(library, "fusionmd_energy_std", core.energy_std);
}

}    // namespace

std::string path_of(const std::string &key)
{
  std::ifstream lines(own_folder() + "/fusionmd.paths");
  for (std::string line; std::getline(lines, line);)
    if (line.compare(0, key.size() + 1, key + " ") == 0) return line.substr(key.size() + 1);
  return "";
}

const TorchCore *open_torch_core(std::string &message)
{
  static TorchCore core;
  static bool is_open = false;
  if (is_open) return &core;
  const std::string path = path_of("core");
  // Local, so that its symbols and those of torch stay out of LAMMPS' way.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    message = "cannot open the torch core " + path + " (" + (reason ? reason : "unknown reason") +
        "); run `fusionmd lammps build` in the environment that has torch";
    return nullptr;
  }
  if (!find_all(library, core)) {
    message = "the torch core " + path + " belongs to another version; run `fusionmd lammps build` again";
    return nullptr;
  }
  is_open = true;
  return &core;
}

}    // namespace fusionmd

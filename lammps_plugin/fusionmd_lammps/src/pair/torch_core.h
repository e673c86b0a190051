// The torch core, opened when it is first needed: linked, it would cost every start of LAMMPS half a second, and a
// library that is missing could only be reported by the loader.
#pragma once

#include "fusionmd_core.h"

#include <string>

namespace fusionmd {

struct TorchCore {
  decltype(&fusionmd_abi) abi;
  decltype(&fusionmd_error) error;
  decltype(&fusionmd_count_devices) count_devices;
  decltype(&fusionmd_seconds) seconds;
  decltype(&fusionmd_load) load;
  decltype(&fusionmd_free) free;
  decltype(&fusionmd_describe) describe;
  decltype(&fusionmd_prepare_exchange) prepare_exchange;
  decltype(&fusionmd_evaluate) evaluate;
  decltype(&fusionmd_energy_std) energy_std;
};

/// The core that belongs to this plugin; null, with a sentence in `message`, where it cannot be opened.
const TorchCore *open_torch_core(std::string &message);

/// A line of `fusionmd.paths` beside this plugin: `key path`; empty if there is none.
std::string path_of(const std::string &key);

}    // namespace fusionmd

// The processor of this machine, on which native code depends.
#pragma once

#include <string>

namespace fusionmd {

/// Its instruction sets, as `cpu_features` of fusionmd/native/compiler.py names them; empty if the system does not tell.
std::string cpu_features();

/// Whether `path` is there; throws if it belongs to another user, whose code is not run.
bool is_own_file(const std::string &path);

}    // namespace fusionmd

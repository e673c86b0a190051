// SHA-256, FIPS 180-4.
#pragma once

#include <string>

namespace fusionmd {

/// Hexadecimal digest of `message`.
std::string sha256(const std::string &message);

}    // namespace fusionmd

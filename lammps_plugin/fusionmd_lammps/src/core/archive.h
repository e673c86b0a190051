// The potential file as bytes: is it one of ours, whole, and undamaged?
#pragma once

#include <cstdint>
#include <string>

namespace fusionmd {

/// Throws std::runtime_error, with a sentence for the user, unless `path` is a zip file whose stored records have the
/// checksums it promises (torch itself does not look).
void check_archive(const std::string &path);

/// Throws unless `content`, as torch unpacked the record `name` of the archive at `path`, has the promised checksum.
void check_record(const std::string &path, const std::string &name, const std::string &content);

std::string read_file(const std::string &path);

/// Value of a key at the top level of a `fusionmd.json`, as it is written there; empty if there is none.
std::string json_value(const std::string &json, const std::string &key);

}    // namespace fusionmd

#include "entries.h"

#include "archive.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace fusionmd {
namespace {

constexpr int NEWEST_FORMAT = 1;
constexpr const char *METADATA = "fusionmd.json";

torch::jit::Module whole(const std::string &path, at::Device device, std::unordered_map<std::string, std::string> &files)
{
  check_archive(path);
  files = {{METADATA, ""}, {"exchange.pt", ""}, {"native.pt", ""}, {"native_exchange.pt", ""}};
  torch::jit::Module core = torch::jit::load(path, device, files);
  for (const auto &[name, content] : files)
    if (!content.empty()) check_record(path, "/extra/" + name, content);
  core.eval();
  return core;
}

}    // namespace

Entries::Entries(const std::string &path, at::Device device) :
    core(whole(path, device, files)), path(path), device(device)
{
  const std::string &json = files[METADATA], version = json_value(json, "format_version");
  if (json_value(json, "format") != "fusionmd-potential")
    throw std::runtime_error(path + " is not a fusionmd potential; make one with `fusionmd export`");
  if (std::atoi(version.c_str()) < 1 || std::atoi(version.c_str()) > NEWEST_FORMAT)
    throw std::runtime_error(path + " has format version " + version + ", this plugin reads up to " +
                             std::to_string(NEWEST_FORMAT) + "; upgrade fusionmd");
  bytes_per_edge = std::atof(json_value(json, "bytes_per_edge").c_str());
}

bool Entries::has(const std::string &name) const
{
  const auto found = files.find(name);
  return found != files.end() && !found->second.empty();
}

torch::jit::Module Entries::load(const std::string &name) const
{
  std::istringstream stream(files.at(name));
  torch::jit::Module entry = torch::jit::load(stream, device);
  std::unordered_map<std::string, at::Tensor> values;
  for (const auto &p : core.named_parameters()) values[p.name] = p.value;
  for (const auto &b : core.named_buffers()) values[b.name] = b.value;
  const auto share = [&](const auto &tensors) {
    for (const auto &t : tensors)
      if (const auto found = values.find(t.name); found != values.end()) t.value.set_data(found->second);
  };
  share(entry.named_parameters());
  share(entry.named_buffers());
  entry.eval();
  return entry;
}

}    // namespace fusionmd

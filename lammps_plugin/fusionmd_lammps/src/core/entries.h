// The entries of a potential file: the core itself, and its other forms, which take their weights from it.
#pragma once

#include <torch/script.h>

#include <string>
#include <unordered_map>

namespace fusionmd {

class Entries {
 public:
  /// Throws std::runtime_error where `path` is no undamaged potential of a format that is known here.
  Entries(const std::string &path, at::Device device);

  bool has(const std::string &name) const;
  /// The entry `name`, like "exchange.pt"; what core and entry have under one name is shared.
  torch::jit::Module load(const std::string &name) const;

 private:
  std::unordered_map<std::string, std::string> files;    // filled while the core is loaded: stands before it

 public:
  torch::jit::Module core;
  double bytes_per_edge;

 private:
  std::string path;
  at::Device device;
};

}    // namespace fusionmd

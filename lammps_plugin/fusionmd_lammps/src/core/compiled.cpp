#include "backend.h"

#include "archive.h"
#include "fusionmd_tables.h"
#include "processor.h"
#include "sha256.h"

#include <ATen/Version.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <algorithm>
#include <cstdlib>

namespace fusionmd {
namespace {

constexpr int64_t MIN_SIZE = 2;    // smaller numbers of nodes or edges were not traced

/// Compiled code checks neither strides nor dtypes: both are settled here.
class Compiled : public Backend {
 public:
  Compiled(torch::jit::Module core, const std::vector<std::string> &files) :
      scripted(scripted_backend(core)), references(core.attr("atomic_energies").toTensor())
  {
    for (const auto &file : files) members.push_back(std::make_unique<torch::inductor::AOTIModelPackageLoader>(file));
  }

  std::pair<at::Tensor, at::Tensor> differentiate(const Input &in, const at::Tensor &weights) override
  {
    if (std::min(in.species.size(0), in.senders.size(0)) < MIN_SIZE) return scripted->differentiate(in, weights);
    const at::Tensor whole = at::constant_pad_nd(weights, {0, 0, 0, in.species.size(0) - in.n_local});
    const at::Tensor own = references.index_select(0, in.species.narrow(0, 0, in.n_local));
    std::vector<at::Tensor> energies, slopes;
    for (size_t m = 0; m < members.size(); ++m) {
      const auto found = members[m]->run({in.vectors.contiguous(), in.senders.contiguous(), in.receivers.contiguous(),
                                          in.slots.contiguous(), in.species.contiguous(), whole[m].contiguous()});
      energies.push_back(found[0].narrow(0, 0, in.n_local) + own);
      slopes.push_back(found[1]);
    }
    return {at::stack(energies), at::stack(slopes)};
  }

  at::Tensor summed(const std::string &method, const Input &in) override
  {
    return scripted->summed(method, in);
  }

 private:
  std::unique_ptr<Backend> scripted;
  at::Tensor references;
  std::vector<std::unique_ptr<torch::inductor::AOTIModelPackageLoader>> members;
};

std::string variable(const char *name)
{
  const char *value = std::getenv(name);
  return value ? value : "";
}

std::string cache_folder()
{
  if (const auto given = variable("FUSIONMD_CACHE"); !given.empty()) return given + "/compiled";
  const auto shared = variable("XDG_CACHE_HOME");
  return (shared.empty() ? variable("HOME") + "/.cache" : shared) + "/fusionmd/compiled";
}

std::string processor(at::Device device)
{
  if (device.is_cuda()) return "cuda";    // Python names the GPU; what it compiled for one is not looked for here
  return "cpu " + at::get_cpu_capability() + " " + cpu_features();
}

}    // namespace

std::vector<std::string> compiled_files(const torch::jit::Module &core, const std::string &potential, at::Device device)
{
  const bool is_double = core.attr("model_dtype").toTensor().scalar_type() == at::kDouble;
  const std::string parts = std::string(FUSIONMD_COMPILED_FORM) + "\n" + sha256(read_file(potential)) + "\n" +
      FUSIONMD_TORCH_VERSION + "\n" + processor(device) + "\n" + (is_double ? "float64" : "float32");
  const std::string folder = cache_folder() + "/" + sha256(parts).substr(0, 32);
  std::vector<std::string> files;
  for (int64_t m = 0; m < core.attr("n_members").toInt(); ++m)
    files.push_back(folder + "/member_" + std::to_string(m) + ".pt2");
  return files;
}

std::unique_ptr<Backend> compiled_backend(torch::jit::Module core, const std::string &potential, at::Device device)
{
  const auto files = compiled_files(core, potential, device);
  if (!std::all_of(files.begin(), files.end(), is_own_file)) return nullptr;
  return std::make_unique<Compiled>(std::move(core), files);
}

}    // namespace fusionmd

#include "backend.h"

namespace fusionmd {
namespace {

class Scripted : public Backend {
 public:
  explicit Scripted(torch::jit::Module core) : core(std::move(core)) {}

  std::pair<at::Tensor, at::Tensor> differentiate(const Input &in, const at::Tensor &weights) override
  {
    const auto found = core.get_method("differentiate")({in.vectors, in.senders, in.receivers, in.slots, in.species,
                                                         in.n_local, weights.unsqueeze(1)});
    const auto &both = found.toTupleRef().elements();
    return {both[0].toTensor(), both[1].toTensor().squeeze(1)};
  }

  at::Tensor summed(const std::string &method, const Input &in) override
  {
    const at::NoGradGuard without_gradients;
    const auto values = core.get_method(method)({in.vectors, in.senders, in.receivers, in.slots, in.species, in.n_local});
    return values.toTensor().sum(1, false, at::kDouble).to(at::kCPU);
  }

 private:
  torch::jit::Module core;
};

}    // namespace

std::unique_ptr<Backend> scripted_backend(torch::jit::Module core)
{
  return std::make_unique<Scripted>(std::move(core));
}

}    // namespace fusionmd

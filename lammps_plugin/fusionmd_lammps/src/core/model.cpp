#include "model.h"

#include "plain.h"
#include "processor.h"
#include "sha256.h"
#include "tensors.h"

#include <ATen/Parallel.h>

#include <dlfcn.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace fusionmd {
namespace {

[[noreturn]] void refuse(const std::string &sentence)
{
  throw std::runtime_error(sentence);
}

at::Device device_named(const std::string &name)
{
  const at::Device device(name);
  if (device.is_cuda() && !at::hasCUDA())
    refuse("device cuda was asked for, but torch sees no CUDA device here; use device cpu, or install a CUDA build of "
           "torch and build the plugin again");
  return device;
}

}    // namespace

Model::Model(const fusionmd_options &options) :
    path(options.path), device(device_named(options.device)), state(options.state),
    memory_bytes(options.memory_bytes), entries(path, device), core(entries.core)
{
  at::set_num_threads(std::max(options.n_threads, 1));
  cutoff = core.attr("cutoff").toDouble();
  n_hops = core.attr("n_hops").toInt();
  n_states = core.attr("n_states").toInt();
  n_members = core.attr("n_members").toInt();
  n_outputs = core.attr("n_outputs").toInt();
  supports_exchange = core.attr("supports_exchange").toBool() && entries.has("exchange.pt");
  elements = core.attr("elements").toIntVector();
  is_calibrated = core.find_method("spreads").has_value();
  is_linear = core.attr("head").toModule().attr("is_linear").toBool();
  if (state < 0 || state >= n_states)
    refuse("state " + std::to_string(state) + " was asked for, but " + path + " has states 0.." +
           std::to_string(n_states - 1));
  choose_backend(options);
}

fusionmd_description Model::description() const
{
  return {cutoff, static_cast<int>(n_hops), static_cast<int>(n_states), static_cast<int>(n_members),
          supports_exchange, is_compiled, exchanges_compiled, is_calibrated, entries.bytes_per_edge,
          static_cast<int>(elements.size()), elements.data()};
}

/// Native operations where the file has them and `fusionmd compile` has built them, else AOTInductor, else TorchScript.
void Model::choose_backend(const fusionmd_options &options)
{
  backend = scripted_backend(core);
  if (options.compiled == FUSIONMD_COMPILED_NO) return;
  const bool has_native_entry = device.is_cpu() && entries.has("native.pt");
  auto found = has_native_entry ? native_backend(options) : compiled_backend(core, path, device);
  if (found) {
    check_compiled(*found);
    backend = std::move(found);
    is_compiled = true;
    exchanges_compiled = has_native_entry && supports_exchange && entries.has("native_exchange.pt");
  } else if (options.compiled == FUSIONMD_COMPILED_YES) {
    const std::string wanted = has_native_entry ? options.native_library : compiled_files(core, path, device)[0];
    refuse("there is no compiled form of " + path + " for this machine (looked for " + wanted +
           "); run `fusionmd compile " + path + "` first (and `fusionmd lammps build` on this kind of processor), or "
           "use compiled no");
  }
}

std::unique_ptr<Backend> Model::native_backend(const fusionmd_options &options)
{
  const bool is_for_this_processor = sha256(cpu_features()) == options.native_processor;
  if (!is_for_this_processor || !is_own_file(options.native_library)) return nullptr;
  // Loaded once, for good: it tells torch's dispatcher about its operations.
  if (!dlopen(options.native_library, RTLD_NOW | RTLD_LOCAL))
    refuse(std::string("the native operations cannot be loaded (") + dlerror() + "); run `fusionmd compile` again, or "
           "use compiled no");
  return scripted_backend(entries.load("native.pt"));
}

/// Never trusted blindly: it must agree with TorchScript on a chain of atoms before it is used.
void Model::check_compiled(Backend &compiled)
{
  constexpr int64_t n = 7;
  std::vector<int64_t> species, senders, receivers;
  std::vector<double> vectors;
  for (int64_t i = 0; i < n; ++i) {
    species.push_back(i % static_cast<int64_t>(elements.size()));
    for (int64_t j : {i - 1, i + 1})
      if (j >= 0 && j < n) {
        receivers.push_back(i);
        senders.push_back(j);
        const double along = (j - i) * 0.4 * cutoff, side = 0.05 * cutoff * ((j % 3) - (i % 3));
        vectors.insert(vectors.end(), {along, side, -0.5 * side});
      }
  }
  const fusionmd_graph graph{n, n, static_cast<int64_t>(senders.size()), species.data(), senders.data(),
                             receivers.data(), vectors.data(), nullptr};
  const at::Tensor weights = at::ones({n_members, n, n_outputs}, at::TensorOptions(at::kDouble).device(device));
  const Plain mode;
  const auto [energies_a, slopes_a] = compiled.differentiate(input(graph), weights);
  const auto [energies_b, slopes_b] = backend->differentiate(input(graph), weights);
  const double scale = std::max(1.0, slopes_b.abs().max().item<double>());
  const double error = std::max((energies_a - energies_b).abs().max().item<double>(),
                                (slopes_a - slopes_b).abs().max().item<double>()) / scale;
  const double allowed = core.attr("model_dtype").toTensor().scalar_type() == at::kDouble ? 1e-9 : 1e-3;
  if (!(error <= allowed)) {
    std::ostringstream sentence;
    sentence << "the compiled form of " << path << " differs from TorchScript by " << error << " (allowed " << allowed
             << "); remove " << compiled_files(core, path, device)[0] << " and compile again, or use compiled no";
    refuse(sentence.str());
  }
}

int64_t Model::prepare_exchange()
{
  if (!exchange_core) {
    if (!supports_exchange)
      refuse(path + " has no exchange entry: its model does not support exchange; use mode expand");
    register_ghost_exchange();
    exchange_core = entries.load(exchanges_compiled ? "native_exchange.pt" : "exchange.pt");
    exchange_backend = scripted_backend(*exchange_core);
  }
  const int64_t species[2] = {0, 0}, senders[2] = {1, 0}, receivers[2] = {0, 1};
  const double vectors[6] = {0.6 * cutoff, 0, 0, -0.6 * cutoff, 0, 0};
  const fusionmd_graph pair{2, 2, 2, species, senders, receivers, vectors, nullptr};
  const at::Tensor weights = at::ones({n_members, 2, n_outputs}, at::TensorOptions(at::kDouble).device(device));
  const Plain mode;
  {
    const Exchanging noting(nullptr);
    exchange_backend->differentiate(input(pair), weights);
    calls_of_gradients = noting.calls();
  }
  for (const char *method : {"contributions", "descriptors"}) {
    if (!exchange_core->find_method(method)) continue;
    const Exchanging noting(nullptr);
    exchange_backend->summed(method, input(pair));
    calls_of_sums[method] = noting.calls();
  }
  int64_t widest = 0;
  for (const Call &call : calls_of_gradients) widest = std::max(widest, call.width);
  return widest;
}

}    // namespace fusionmd

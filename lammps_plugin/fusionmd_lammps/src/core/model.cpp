#include "model.h"

#include "blocks.h"
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

constexpr double FREE_FRACTION = 0.5;

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

/// Gradients on, and TorchScript's optimiser off: it specialises code to sizes that change at every step.
struct Plain {
  const at::AutoGradMode with_gradients{true};
  const c10::InferenceMode not_inference{false};
  const torch::jit::GraphOptimizerEnabledGuard plain{false};
};

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
  is_linear = core.attr("head").toModule().attr("is_linear").toBool();
  if (state < 0 || state >= n_states)
    refuse("state " + std::to_string(state) + " was asked for, but " + path + " has states 0.." +
           std::to_string(n_states - 1));
  choose_backend(options);
}

fusionmd_description Model::description() const
{
  return {cutoff, static_cast<int>(n_hops), static_cast<int>(n_states), static_cast<int>(n_members),
          supports_exchange, is_compiled, exchanges_compiled, entries.bytes_per_edge,
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
  const Exchanging noting(nullptr);
  energies_of(*exchange_core, input(pair));
  calls_of_energies = noting.calls();
  int64_t widest = 0;
  for (const Call &call : calls_of_gradients) widest = std::max(widest, call.width);
  return widest;
}

int64_t Model::max_edges() const
{
  double limit = memory_bytes;
  if (limit <= 0 && device.is_cuda()) {
    // torch has loaded the CUDA runtime; the core is built without its headers.
    using MemGetInfo = int (*)(size_t *, size_t *);
    const auto mem_get_info = reinterpret_cast<MemGetInfo>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
    size_t available = 0, total = 0;
    if (mem_get_info && mem_get_info(&available, &total) == 0) limit = FREE_FRACTION * static_cast<double>(available);
  }
  if (limit <= 0 || entries.bytes_per_edge <= 0) return INT64_MAX;
  return std::max<int64_t>(1, static_cast<int64_t>(limit / entries.bytes_per_edge));
}

Input Model::input(const fusionmd_graph &graph) const
{
  return input_of(graph, device);
}

/// Energies [..., n_states] of totals [..., n_outputs]; cotangents [..., n_states, n_outputs].
at::Tensor Model::state_energies(const at::Tensor &totals, at::Tensor *cotangents)
{
  const auto found = core.get_method("state_energies")({totals.to(device)});
  const auto &both = found.toTupleRef().elements();
  if (cotangents) *cotangents = both[1].toTensor();
  return both[0].toTensor();
}

/// Contributions summed over the owned nodes [n_members, n_outputs], without gradients.
at::Tensor Model::energies_of(torch::jit::Module &entry, const Input &in)
{
  const at::NoGradGuard without_gradients;
  const auto values = entry.get_method("contributions")(
      {in.vectors, in.senders, in.receivers, in.slots, in.species, in.n_local});
  return values.toTensor().sum(1).to(at::kCPU);
}

/// Of the driving state [n_members, n_outputs]. A linear head knows them before any pass.
at::Tensor Model::cotangents(const fusionmd_graph &graph, const std::vector<Block> &blocks,
                             const fusionmd_world &world, bool uses_exchange)
{
  at::Tensor totals = at::zeros({n_members, n_outputs}, at::kDouble), slopes;
  if (!is_linear && !blocks.empty()) {
    std::vector<int64_t> local(graph.n_nodes);
    for (const Block &block : blocks) totals += energies_of(core, input(Part(graph, block, local).graph));
  } else if (!is_linear && uses_exchange && graph.n_edges > 0) {
    const Exchanging exchanging(&world);
    totals = energies_of(*exchange_core, input(graph));
  } else if (!is_linear) {
    totals = energies_of(core, input(graph));
    if (uses_exchange) take_part(calls_of_energies, graph.n_nodes, world);
  }
  if (!is_linear && world.sum) world.sum(world.self, totals.data_ptr<double>(), totals.numel());
  state_energies(totals, &slopes);
  return slopes.select(1, state);
}

std::pair<at::Tensor, at::Tensor> Model::timed(Backend &engine, const Input &in, const at::Tensor &weights)
{
  const double began = fusionmd_seconds(device.is_cpu());
  auto found = engine.differentiate(in, weights);
  model_seconds += fusionmd_seconds(device.is_cpu()) - began;
  return found;
}

/// Contributions and gradients, on the CPU; every rank makes the same calls, also one without edges.
std::pair<at::Tensor, at::Tensor> Model::in_one_piece(const fusionmd_graph &graph, const at::Tensor &weights,
                                                      const fusionmd_world &world, bool uses_exchange)
{
  std::pair<at::Tensor, at::Tensor> found;
  if (uses_exchange && graph.n_edges > 0) {
    const Exchanging exchanging(&world);
    found = timed(*exchange_backend, input(graph), weights);
  } else {
    // Whoever has no edges is nobody's neighbour: others do not need its features.
    found = timed(*backend, input(graph), weights);
    if (uses_exchange) take_part(calls_of_gradients, graph.n_nodes, world);
  }
  return {found.first.to(at::kCPU), found.second.to(at::kCPU)};
}

std::pair<at::Tensor, at::Tensor> Model::in_blocks(const fusionmd_graph &graph, const std::vector<Block> &blocks,
                                                   const at::Tensor &weights)
{
  const at::Tensor contributions = at::zeros({n_members, graph.n_local, n_outputs}, at::kDouble);
  const at::Tensor gradients = at::zeros({n_members, graph.n_edges, 3}, at::kDouble);
  std::vector<int64_t> local(graph.n_nodes);
  for (const Block &block : blocks) {
    const Part part(graph, block, local);
    const auto [values, slopes] = timed(*backend, input(part.graph), weights.narrow(1, 0, block.n_local));
    contributions.index_copy_(1, indices(block.nodes.data(), block.n_local), values.to(at::kCPU));
    gradients.index_add_(1, indices(block.edges.data(), part.graph.n_edges), slopes.to(at::kCPU));
  }
  return {contributions, gradients};
}

fusionmd_result Model::evaluate(const fusionmd_graph &graph, const fusionmd_world &world, bool uses_exchange)
{
  const Plain mode;
  model_seconds = 0.0;
  const bool fits = uses_exchange || graph.n_edges <= max_edges();
  const auto blocks = fits ? std::vector<Block>() : blocks_within(graph, static_cast<int>(n_hops), max_edges());
  const at::Tensor slopes = cotangents(graph, blocks, world, uses_exchange);
  const at::Tensor weights = slopes.unsqueeze(1).expand({n_members, graph.n_local, n_outputs});
  const auto [contributions, derivatives] =
      fits ? in_one_piece(graph, weights, world, uses_exchange) : in_blocks(graph, blocks, weights);

  atomic_energies = (contributions * slopes.to(at::kCPU).unsqueeze(1)).sum(-1).mean(0).contiguous();
  const at::Tensor totals = contributions.sum(1).contiguous();
  if (world.sum) world.sum(world.self, totals.data_ptr<double>(), totals.numel());
  energies = state_energies(totals, nullptr).to(at::kCPU).contiguous();
  member_gradients = derivatives.contiguous();
  gradients = n_members > 1 ? member_gradients.mean(0).contiguous() : member_gradients;
  return {energies.data_ptr<double>(), atomic_energies.data_ptr<double>(), gradients.data_ptr<double>(),
          n_members > 1 ? member_gradients.data_ptr<double>() : nullptr,
          std::max<int64_t>(1, static_cast<int64_t>(blocks.size())), model_seconds};
}

}    // namespace fusionmd

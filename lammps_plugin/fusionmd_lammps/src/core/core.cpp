#include "model.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <malloc.h>
#include <time.h>

#include <string>

struct fusionmd_model {
  fusionmd::Model model;
};

namespace {

std::string last_error;

/// First line, without a stack trace: it is for the user.
std::string sentence_of(const std::exception &error)
{
  const auto *of_torch = dynamic_cast<const c10::Error *>(&error);
  const std::string text = of_torch ? of_torch->what_without_backtrace() : error.what();
  // TorchScript puts the reason on the last line, below its own traceback.
  const size_t end = text.find_last_not_of(" \n"), start = text.find_last_of('\n', end);
  if (text.find("Traceback of TorchScript") != std::string::npos && start != std::string::npos)
    return text.substr(start + 1, end - start);
  return text.substr(0, text.find('\n'));
}

/// What `action` returns; `failed` if it throws, with the reason in `last_error`.
template <typename Result, typename Action> Result guarded(Result failed, Action action)
{
  try {
    return action();
  } catch (const std::exception &error) {
    last_error = sentence_of(error);
    return failed;
  }
}

/// Large tensors come and go at every step; to map and unmap their memory each time costs more than the model.
void keep_memory()
{
  constexpr int trim_bytes = 2000000000;
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, trim_bytes);
}

}    // namespace

extern "C" {

int fusionmd_abi(void)
{
  return FUSIONMD_ABI;
}

const char *fusionmd_error(void)
{
  return last_error.c_str();
}

double fusionmd_seconds(int of_processor)
{
  timespec now;
  clock_gettime(of_processor ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int fusionmd_count_devices(void)
{
  return guarded(0, [] { return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0; });
}

fusionmd_model *fusionmd_load(const fusionmd_options *options)
{
  return guarded<fusionmd_model *>(nullptr, [&] {
    if (options->keeps_memory) keep_memory();
    return new fusionmd_model{fusionmd::Model(*options)};
  });
}

void fusionmd_free(fusionmd_model *model)
{
  delete model;
}

void fusionmd_describe(const fusionmd_model *model, fusionmd_description *description)
{
  *description = model->model.description();
}

int64_t fusionmd_prepare_exchange(fusionmd_model *model)
{
  return guarded<int64_t>(-1, [&] { return model->model.prepare_exchange(); });
}

int fusionmd_evaluate(fusionmd_model *model, const fusionmd_graph *graph, const fusionmd_world *world,
                      int uses_exchange, fusionmd_result *result)
{
  return guarded(-1, [&] {
    *result = model->model.evaluate(*graph, *world, uses_exchange != 0);
    return 0;
  });
}

double fusionmd_energy_std(fusionmd_model *model, const fusionmd_graph *graph, const fusionmd_world *world,
                           int uses_exchange)
{
  return guarded(-1.0, [&] { return model->model.energy_std(*graph, *world, uses_exchange != 0); });
}

}    // extern "C"

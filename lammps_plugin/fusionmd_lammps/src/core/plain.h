// How torch is called.
#pragma once

#include <torch/script.h>

namespace fusionmd {

/// Gradients on, and TorchScript's optimiser off: it specialises code to sizes that change at every step.
struct Plain {
  const at::AutoGradMode with_gradients{true};
  const c10::InferenceMode not_inference{false};
  const torch::jit::GraphOptimizerEnabledGuard plain{false};
};

}    // namespace fusionmd

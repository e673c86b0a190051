// The op fusionmd::ghost_exchange(Tensor h) -> Tensor: rows of context nodes become those of their owners.
//
// Its backward is the transpose: gradients of context rows go back to the owners and are added there. Without an
// engine at work it is the identity. One definition per process: Python may have made it before (contract.py).
#pragma once

#include "fusionmd_core.h"

#include <cstdint>

namespace fusionmd {

/// Define the op if nobody has, and attach what runs it; any number of calls.
void register_ghost_exchange();

/// While it lives, the op asks `world`; without `world` it only notes how wide the exchanged rows are.
class Exchanging {
 public:
  explicit Exchanging(const fusionmd_world *world);
  ~Exchanging();
  Exchanging(const Exchanging &) = delete;
  Exchanging &operator=(const Exchanging &) = delete;

  /// Largest number of columns seen.
  int64_t width() const;
};

}    // namespace fusionmd

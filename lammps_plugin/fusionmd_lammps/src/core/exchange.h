// The op fusionmd::ghost_exchange(Tensor h) -> Tensor: rows of context nodes become those of their owners.
//
// Its backward is the transpose: gradients of context rows go back to the owners and are added there. Without an
// engine at work it is the identity. One definition per process: Python may have made it before (contract.py).
#pragma once

#include "fusionmd_core.h"

#include <cstdint>
#include <vector>

namespace fusionmd {

/// Define the op if nobody has, and attach what runs it; any number of calls.
void register_ghost_exchange();

/// One exchange, as all ranks make it together.
struct Call {
  bool is_reverse;
  int64_t width;
};

/// While it lives, the op asks `world`, or only notes the calls where there is none.
class Exchanging {
 public:
  explicit Exchanging(const fusionmd_world *world);
  ~Exchanging();
  Exchanging(const Exchanging &) = delete;
  Exchanging &operator=(const Exchanging &) = delete;

  /// The calls so far.
  std::vector<Call> calls() const;
};

/// Make `calls` with `n_nodes` rows of zeros: for a rank whose model has no edges, and thus no gradients to send back.
void take_part(const std::vector<Call> &calls, int64_t n_nodes, const fusionmd_world &world);

}    // namespace fusionmd

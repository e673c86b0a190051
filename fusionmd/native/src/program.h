// What a layer does, as numbers (`fusionmd/nn/native/program.py` writes them):
//   channels; hidden layers of the radial network; irreps of the features (rows); pieces (kind, rows); paths (y, n_y, h, n_h); pieces of the summed paths;
//   then steps (how many numbers, what to do, ...).
#pragma once

#include <array>

#include "pieces.h"

namespace fusionmd {

// Centers come in, the target goes out; what vertices read is kept for the way back, the rest lasts for a block.
enum Kind : int64_t { centers, target, kept, scratch, n_kinds };
// Numbers of a step after that: mix: in, out, matrix. weigh: in, out, scale, n_paths, first path.
// couple: first table, how many, then three lists of pieces: a, b, out.
enum Action : int64_t { mixing, weighing, coupling };

class Reader {
 public:
  explicit Reader(IntArrayRef numbers) : numbers(numbers) {}
  bool is_done() const { return at == numbers.size(); }
  int64_t next() { return take(1)[0]; }
  IntArrayRef list() { return take(next()); }

  IntArrayRef take(int64_t n) {
    TORCH_CHECK(n >= 0 && at + n <= numbers.size(), "fusionmd: a damaged layer program");
    const IntArrayRef found = numbers.slice(at, n);
    at += n;
    return found;
  }

 private:
  IntArrayRef numbers;
  size_t at = 0;
};

struct PieceInfo {
  Kind kind;
  int64_t rows, first_row;  // among all of its kind
};

struct Program {
  int64_t n_channels, n_hidden;
  IntArrayRef feature_rows, path_numbers, summed;
  std::vector<PieceInfo> pieces;
  std::array<int64_t, n_kinds> n_rows{};
  std::vector<IntArrayRef> steps;

  explicit Program(IntArrayRef numbers) {
    Reader reader(numbers);
    n_channels = reader.next();
    n_hidden = reader.next();
    feature_rows = reader.list();
    const IntArrayRef infos = reader.list();
    for (size_t k = 0; k + 1 < infos.size(); k += 2) {
      const Kind kind = static_cast<Kind>(infos[k]);
      pieces.push_back({kind, infos[k + 1], n_rows[kind]});
      n_rows[kind] += infos[k + 1];
    }
    path_numbers = reader.list();
    summed = reader.list();
    while (!reader.is_done()) steps.push_back(reader.list());
  }

  int64_t n_paths() const { return static_cast<int64_t>(path_numbers.size() / 4); }
};

}  // namespace fusionmd

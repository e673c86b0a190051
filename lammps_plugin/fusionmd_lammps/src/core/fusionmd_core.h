// The border between an engine and the torch core: plain C, so that neither sees the other's headers or exceptions.
//
// Lengths in angstrom, energies in eV, everything float64. Functions that can fail say so by their result;
// fusionmd_error() then holds one sentence. Not thread-safe: one model is used by one thread at a time.
#ifndef FUSIONMD_CORE_H
#define FUSIONMD_CORE_H

#include <stdint.h>

#define FUSIONMD_ABI 4
#define FUSIONMD_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fusionmd_model fusionmd_model;

enum fusionmd_compiled { FUSIONMD_COMPILED_NO = 0, FUSIONMD_COMPILED_AUTO = 1, FUSIONMD_COMPILED_YES = 2 };

typedef struct {
  const char *path;       // of the potential file
  const char *device;     // "cpu", "cuda:0", ...
  int state;              // which electronic state drives
  int compiled;           // one of fusionmd_compiled
  int n_threads;          // of torch
  int keeps_memory;       // whether malloc keeps large blocks (faster); for the whole process
  double memory_bytes;    // bound on the working memory; 0: none
  const char *native_library;    // native operations, as `fusionmd compile` builds them; used if the file is there
  const char *native_processor;  // SHA-256 of the instruction sets it was built for
} fusionmd_options;

typedef struct {
  double cutoff;          // angstrom
  int n_hops, n_states, n_members;
  int supports_exchange, is_compiled, exchanges_compiled;
  int is_calibrated;      // one model that knows how uncertain its energies are
  double bytes_per_edge;  // working memory, per edge
  int n_elements;
  const int64_t *elements;  // atomic numbers, ascending; species index them
} fusionmd_description;

// What other ranks are asked for; every member may be null for a process on its own. None of them may throw.
// Every rank makes the same calls in the same order, also one without atoms.
typedef struct {
  void *self;
  void (*sum)(void *self, double *values, int64_t n);               // over all ranks, in place
  void (*forward)(void *self, double *rows, int64_t width);         // context rows := rows of their owners
  void (*reverse)(void *self, double *rows, int64_t width);         // owned rows += context rows elsewhere; context := 0
} fusionmd_world;

// Nodes 0..n_local-1 own energy, the rest is context. Edges sorted by (receiver, sender, image).
typedef struct {
  int64_t n_nodes, n_local, n_edges;
  const int64_t *species;          // [n_nodes]
  const int64_t *senders, *receivers;  // [n_edges]
  const double *vectors;           // r_sender - r_receiver [n_edges, 3]
  const double *positions;         // of the owned nodes [n_local, 3]; where memory is short, blocks are cut by them
} fusionmd_graph;

// Valid until the next evaluation.
typedef struct {
  const double *energies;          // of all ranks together [n_members, n_states]
  const double *atomic_energies;   // of the driving state, mean over members [n_local]
  const double *gradients;         // dE/dvector, mean over members [n_edges, 3]
  const double *member_gradients;  // [n_members, n_edges, 3]; null with one member
  int64_t n_blocks;
  double model_seconds;            // of that, in the model itself
} fusionmd_result;

FUSIONMD_API int fusionmd_abi(void);
FUSIONMD_API const char *fusionmd_error(void);
FUSIONMD_API double fusionmd_seconds(int of_processor);    // a clock: of this thread's processor time, or of the wall
FUSIONMD_API int fusionmd_count_devices(void);    // GPUs that torch sees

FUSIONMD_API fusionmd_model *fusionmd_load(const fusionmd_options *options);
FUSIONMD_API void fusionmd_free(fusionmd_model *model);
FUSIONMD_API void fusionmd_describe(const fusionmd_model *model, fusionmd_description *description);

// Load the entry that exchanges features; returns the largest width of exchanged rows, or -1.
FUSIONMD_API int64_t fusionmd_prepare_exchange(fusionmd_model *model);

// Energies and gradients; with exchange if `world` has it and `uses_exchange` is not 0. Returns 0, or -1.
FUSIONMD_API int fusionmd_evaluate(fusionmd_model *model, const fusionmd_graph *graph, const fusionmd_world *world,
                                   int uses_exchange, fusionmd_result *result);

// Of a calibrated potential: the standard deviation of the driving energy of all ranks together, eV; or -1.
FUSIONMD_API double fusionmd_energy_std(fusionmd_model *model, const fusionmd_graph *graph, const fusionmd_world *world,
                                        int uses_exchange);

#ifdef __cplusplus
}
#endif

#endif

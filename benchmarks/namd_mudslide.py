"""The peer of namd_throughput.py: FSSH on Tully's first model with mudslide, one trajectory after the other.

    python benchmarks/namd_mudslide.py N WAVE_NUMBER TIME_STEP SEED      prints one line of JSON

Run by an interpreter that has mudslide; nothing of this package is imported.
"""

import json
import sys
import time
from importlib import metadata

import mudslide
import numpy as np

START, STOP, MASS = -10.0, 11.0, 2000.0


def main() -> None:
    n, wave_number, dt, seed = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    model = mudslide.models.TullySimpleAvoidedCrossing(mass=MASS)
    counts = [0, 0, 0, 0]
    n_steps = 0
    began, began_cpu = time.perf_counter(), time.process_time()
    for sequence in np.random.SeedSequence(seed).spawn(n):
        trajectory = mudslide.SurfaceHoppingMD(
            model,
            np.array([START]),
            np.array([wave_number / MASS]),
            0,
            tracer=mudslide.InMemoryTrace(),
            dt=dt,
            bounds=[[-STOP], [STOP]],
            trace_every=10**9,
            seed_sequence=sequence,
        )
        trajectory.simulate()
        n_steps += trajectory.nsteps
        counts[(0 if trajectory.position[0] > 0 else 2) + int(trajectory.state)] += 1
    spent = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - began_cpu}
    version = metadata.version("mudslide")
    print(json.dumps({"n": n, "counts": counts, "steps_each": n_steps / n, "mudslide": version, **spent}))


if __name__ == "__main__":
    main()

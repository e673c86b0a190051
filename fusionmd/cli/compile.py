"""`fusionmd compile`: native code for a potential, made for this machine."""

from fusionmd.cli.options import Device, DType, Json, PotentialName, Threads, device_of, dtype_of, use_threads
from fusionmd.cli.output import waiting, write_json


def command(
    potential: PotentialName,
    json: Json = None,
    threads: Threads = None,
    device: Device = "auto",
    dtype: DType = None,
) -> None:
    """Compile a potential into your cache (a minute, needs a C++ compiler); engines then find it.

    Example: fusionmd compile acac-300K
    """
    import time

    from fusionmd.potential import load_potential
    from fusionmd.potential.fast import build_fast, fast_files

    use_threads(threads)
    loaded, began = load_potential(potential, device=device_of(device), dtype=dtype_of(dtype)), time.perf_counter()
    was_there = all(path.exists() for path in fast_files(loaded))
    doing, done = ("testing", "already compiled") if was_there else ("compiling", "compiled")
    with waiting(f"{doing} {loaded.metadata.name} for torch and processor of this machine", after_s=0.0):
        files = build_fast(loaded)
    seconds = time.perf_counter() - began
    print(f"{done}, agrees with TorchScript ({seconds:.0f} s): {files[0].parent}")
    write_json(json, {"files": [str(path) for path in files], "was_there": was_there, "seconds": seconds})

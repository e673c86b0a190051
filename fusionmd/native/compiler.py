"""The C++ compiler of this machine: one command, a time limit, a file that is whole or not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch

from fusionmd.errors import CompilerError
from fusionmd.files import atomic_write

COMPILERS = ("g++", "c++", "clang++")
TIME_LIMIT_S = 600


def build_shared(sources: Sequence[Path], target: Path, flags: Sequence[str] = ()) -> None:
    """Compile C++20 `sources` into the shared object `target` for this processor.

    Raises CompilerError where there is no compiler, it fails, or it needs longer than ten minutes.
    """
    with atomic_write(target) as temporary:
        command = [compiler(), "-std=c++20", "-O3", "-march=native", "-fPIC", "-shared", *map(str, sources), *flags]
        try:
            done = subprocess.run(
                [*command, "-o", str(temporary)], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise CompilerError(f"{command[0]} had not finished {sources[0]} after {TIME_LIMIT_S} s") from None
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:300])
            raise CompilerError(
                f"{command[0]} cannot build {target.name} ({first}); is it complete (Debian: apt install g++)? "
                "Potentials run without: compiled='no'"
            )


def compiler() -> str:
    """Path of the C++ compiler: that of $CXX, else the first of COMPILERS."""
    given = os.environ.get("CXX")
    found = next(filter(None, map(shutil.which, (given,) if given else COMPILERS)), None)
    if found is None:
        raise CompilerError(
            f"no C++ compiler ({given or ', '.join(COMPILERS)}) on the PATH; install one (Debian: apt install g++), "
            "or run potentials without: compiled='no'"
        )
    return found


def torch_flags() -> list[str]:
    """What a program of libtorch is compiled and linked with."""
    home = Path(torch.__file__).parent
    includes = [f"-I{home / 'include'}", f"-I{home / 'include/torch/csrc/api/include'}"]
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}"
    libraries = [f"-L{home / 'lib'}", f"-Wl,-rpath,{home / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10"]
    return [*includes, abi, "-fopenmp", *libraries]


def cpu_features() -> str:
    """The instruction sets of the processor, on which native code depends; empty where the system does not tell."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.strip() for line in lines if line.lower().startswith(("flags", "features"))), "")
    except OSError:
        return ""

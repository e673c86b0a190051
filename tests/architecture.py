"""Reads the package as syntax trees and reports what breaks a floor, a wall or a size of the project."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FLOORS = {
    "units": 0, "errors": 0, "files": 0, "elements": 0, "workers": 0, "threads": 0,
    "o3": 1, "native": 1, "structure": 1, "neighbors": 1, "skin": 1, "graph": 1, "moving_graph": 1,
    "fusion": 2, "potential": 2, "data": 2,
    "nn": 3,
    "models": 4,
    "training": 5, "engines": 5, "namd": 5, "labels": 5, "fusionmd_openmm": 5, "fusionmd_lammps": 5,
    "workflows": 6,
    "cli": 7,
}  # fmt: skip
PLUGINS = {"fusionmd_openmm": "openmm_plugin", "fusionmd_lammps": "lammps_plugin"}  # import package -> its folder
GEOMETRY, GROUND = (
    {"structure", "neighbors", "skin", "graph", "moving_graph"},
    {"units", "errors", "files", "elements", "workers", "threads"},
)
FAMILIES = dict.fromkeys(GEOMETRY, "geometry") | dict.fromkeys(GROUND, "ground")
WALLS = dict.fromkeys(("engines", "namd", *PLUGINS), {"models", "nn", "fusion", "training", "data"}) | {
    "potential": {"models"},
    "training": {"engines", "namd"},
    "data": {"nn"},
}
MAY_IMPORT_TORCH = {
    "o3": {"spherical_harmonics", "laws"},
    "fusion": {"contraction", "constants", "kernels"},
    "namd": {"surfaces"},
} | dict.fromkeys({*GROUND, "structure", "neighbors", "skin"}, set[str]())
# Slow to import, rarely needed.
COMPILERS = ("torch._inductor", "torch._dynamo", "torch.fx", "torch.export", "fusionmd.potential.compile")
MAY_IMPORT_LATE = {("workflows", "installation")}  # must survive what is not there
MAX_FILE_LINES, MAX_FUNCTION_LINES = 320, 60


@dataclass(frozen=True)
class Import:
    """One import statement: `module` dotted and absolute, where it stands, and whether inside a function."""

    module: str
    line: int
    is_inside_function: bool


@dataclass(frozen=True)
class Source:
    """One Python file of the packages: `parts` are its dotted name split, `fusionmd` first, even of a plugin."""

    path: str
    parts: tuple[str, ...]
    text: str
    tree: ast.Module

    @property
    def home(self) -> str:
        """The top-level module it belongs to: `o3`, `units`, ...; empty for `fusionmd/__init__.py`."""
        return self.parts[1] if len(self.parts) > 1 else ""


def source_of(path: str, text: str) -> Source:
    """Parse one file; `path` is relative to the repository, like `fusionmd/o3/irreps.py`."""
    parts = Path(path).with_suffix("").parts
    parts = ("fusionmd", *parts[1:]) if parts[0] in PLUGINS.values() else parts
    return Source(path, parts[:-1] if parts[-1] == "__init__" else parts, text, ast.parse(text))


def sources(root: Path, package: str = "fusionmd") -> list[Source]:
    """Every Python file of `package` and of the plugins below `root`."""
    folders = [root / package, *(root / folder / name for name, folder in PLUGINS.items())]
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return [source_of(str(path.relative_to(root)), path.read_text()) for path in paths]


def imports(source: Source) -> Iterator[Import]:
    """Every import at run time, also inside functions; not those under `if TYPE_CHECKING`."""
    yield from _imports_below(source.tree, source, False)


def _imports_below(node: ast.AST, source: Source, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, source)
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, inside)
        elif isinstance(child, ast.Call) and ast.unparse(child.func).endswith(("import_module", "__import__")):
            if child.args and isinstance(child.args[0], ast.Constant):
                yield Import(str(child.args[0].value), child.lineno, inside)
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports_below(child, source, inside or is_function)


def _absolute(node: ast.ImportFrom, source: Source) -> str:
    if node.level == 0:
        return node.module or ""
    is_package = source.path.endswith("__init__.py")
    base = source.parts[: len(source.parts) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def broken_floors(source: Source) -> Iterator[str]:
    """Imports that go up, or sideways to a sibling, or through a wall."""
    for found in imports(source):
        target = _home_of(found.module)
        if not source.home or target is None or target == source.home:
            continue
        here, there = FLOORS.get(source.home), FLOORS.get(target)
        where = f"{source.path}:{found.line}: {source.home} imports {found.module}"
        if here is None or there is None:
            yield f"{where}, and one of them stands on no floor (tests/architecture.py)"
        elif there > here:
            yield f"{where}, which is above it"
        elif there == here and FAMILIES.get(source.home, source.home) != FAMILIES.get(target, target):
            yield f"{where}, its sibling"
        elif target in WALLS.get(source.home, ()):
            yield f"{where}, through a wall"


def _home_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] in PLUGINS:
        return parts[0]
    return parts[1] if parts[0] == "fusionmd" and len(parts) > 1 and parts[1] in FLOORS else None


def torch_where_it_may_not_be(source: Source) -> Iterator[str]:
    """Imports of torch in tables, diagrams, plans and geometry."""
    allowed = MAY_IMPORT_TORCH.get(source.home)
    if allowed is None or source.parts[-1] in allowed:
        return
    for found in imports(source):
        if found.module.split(".")[0] == "torch":
            yield f"{source.path}:{found.line}: imports torch; {source.home} must work without it"


def lazy_imports(source: Source) -> Iterator[str]:
    """Imports of our own modules or of torch inside functions, outside `cli` and `__init__`."""
    if source.home == "cli" or source.path.endswith("__init__.py") or source.parts[1:] in MAY_IMPORT_LATE:
        return
    for found in imports(source):
        needs_no_delay = found.module.split(".")[0] in {"fusionmd", "torch", "numpy", *PLUGINS}
        if found.is_inside_function and needs_no_delay and not found.module.startswith(COMPILERS):
            yield f"{source.path}:{found.line}: imports {found.module} inside a function"


def too_long(source: Source) -> Iterator[str]:
    """Files and functions that have grown out of their size; docstrings do not count in functions."""
    n_lines = source.text.count("\n")
    if n_lines > MAX_FILE_LINES:
        yield f"{source.path}: {n_lines} lines, at most {MAX_FILE_LINES}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0
            if length > MAX_FUNCTION_LINES:
                yield f"{source.path}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}"


def forbidden_calls(source: Source) -> Iterator[str]:
    """Calls that print, run a shell, load pickles or change global state."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            reason = _reason_against(node, source)
            if reason:
                yield f"{source.path}:{node.lineno}: {ast.unparse(node.func)}: {reason}"


def _reason_against(call: ast.Call, source: Source) -> str | None:
    name = ast.unparse(call.func)
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name == "print" and source.home != "cli":
        return "the library never prints"
    if name == "torch.load" and keywords.get("weights_only") != "True":
        return "needs weights_only=True"
    if keywords.get("shell") not in (None, "False") or name in {"os.system", "os.popen"}:
        return "no shell"
    if keywords.get("allow_pickle") not in (None, "False"):
        return "no pickles"
    if name.endswith((".set_default_dtype", ".set_default_device", ".cuda", "logging.basicConfig")):
        return "changes what is not ours to change"
    return "runs text as code" if name in {"eval", "exec"} else None


def pickles(source: Source) -> Iterator[str]:
    """Imports of modules that run code when they read data."""
    for found in imports(source):
        if found.module.split(".")[0] in {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}:
            yield f"{source.path}:{found.line}: imports {found.module}; files of data must not run code"


CONVERSIONS = (
    "27.211", "13.605", "0.52917", "1.8897", "23.06", "96.48", "627.5", "160.21", "219474", "8065.5", "0.0433",
    "0.01036", "8.617",
)  # fmt: skip


def bare_conversions(source: Source) -> Iterator[str]:
    """Numbers that are conversion factors, written out anywhere but in `units.py`."""
    if source.home == "units":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value:
            if f"{abs(node.value):.12g}".startswith(CONVERSIONS) and len(f"{abs(node.value):.12g}") >= 5:
                yield f"{source.path}:{node.lineno}: {node.value} looks like a conversion factor; they live in units.py"

"""The architecture: imports point down, the public API is as declared, and importing or calling costs no more."""

from __future__ import annotations

import ast
import functools
import gc
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

import nn
import tensorgrad as tg
from tensorgrad._tensor_methods import Methods

ROOT = Path(tg.__file__).parent.parent
LAYERS: dict[str, list[set[str]]] = {
    "tensorgrad": [
        {"_allocator", "_cupy", "_hints", "_html", "_typing", "arguments", "interrupts", "node", "randomness"},
        {"modes"},
        {"_messages", "_tensor_methods", "domains"},
        {"_arrays"},
        {"_gradients", "numpy_dispatch"},
        {"backward"},
        {"anomaly"},
        {"tensor"},
        {"_operands", "_views"},
        {"record", "scopes"},
        {"compiled"},
        {"_declaration"},
        {"_higher_order"},
        {"op"},
        {"_composing"},
        {"ops"},
        {"linalg", "transforms"},
        {"gradcheck"},
        {"xla"},
        {"_compile"},
        {"viz"},
        {"costs", "examples", "optimize", "special"},
        {"interop", "stats"},
    ],
    "tensorgrad.ops": [
        {"_matrices", "_reduced_axes", "_singular", "_tracking", "nondifferentiable"},
        {"indexing"},
        {"shape"},
        {"elementwise"},
        {"reductions"},
        {"linalg", "ufunc_methods"},
        {"scipy"},
    ],
    "tensorgrad.viz": [
        {"fonts", "recording"},
        {"formulas"},
        {"recording.passes"},
        {"recording.capture"},
        {"folding", "layout"},
        {"calling", "outputs", "lesson"},
        {"film"},
        {"drawing", "walkthrough"},
    ],
    "nn": [
        {
            "_files",
            "_hints",
            "_libraries",
            "_load_report",
            "_processes",
            "_renamed",
            "_repr",
            "_rng",
            "_several",
            "_validation",
            "_weight_layouts",
            "pictures",
        },
        {"_html"},
        {"module"},
        {"functional", "init"},
        {"layers"},
        {"losses", "metrics", "optimizers", "data"},
        {"datasets"},
        {"callbacks"},
        {"plots"},
        {"saving"},
        {"interop"},
        {"training"},
        {"distributed", "sklearn"},
    ],
}
"""The layers of each package, lowest first: subpackages and modules, named from the package.

Code may import from its own subpackage and from lower layers. A module that is named itself, such as `record.passes`,
lies in its own layer and not in that of its subpackage. The package's `__init__` is above all layers.
"""

PUBLIC_TO_NETWORKS = {
    "tensorgrad", "tensorgrad.arguments", "tensorgrad.costs", "tensorgrad.domains", "tensorgrad.interrupts",
    "tensorgrad.randomness", "tensorgrad.scopes", "tensorgrad.viz.fonts", "tensorgrad.xla",
}  # fmt: skip
"""`arguments` has hints for misspelt arguments; `costs` counts the work of a recorded graph; `domains` has the
arguments of a user's own `@op(domain=…, examples=…)`; `interrupts` protects changes that belong together; `randomness`
is the source of random numbers, also inside compiled programs; `scopes` records which layer made which nodes, for
pictures; `viz.fonts` finds fonts of the system for figures; `xla` is loaded by compiled programs only."""


def files(package: str) -> Iterator[tuple[str, Path]]:
    """Yield the modules of a package by name."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = {name: path for package in ("tensorgrad", "nn") for name, path in files(package)}


@functools.cache
def imported_names(module: str) -> list[tuple[str, str | None]]:
    """What a file imports from this project, also in functions and under TYPE_CHECKING: modules, and names in them."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in MODULES:
                    found.append((inner, None))
                elif node.module in MODULES:
                    found.append((node.module, alias.name))
    return found


def imports_of(module: str) -> set[str]:
    """Return the modules of this project that a file imports."""
    return {imported for imported, _ in imported_names(module)}


def layer_of(package: str, module: str) -> tuple[int, str]:
    """Return the layer of a module within a package, and the name under which it is listed there."""
    name = module.removeprefix(package).removeprefix(".")
    if not name:
        return len(LAYERS[package]), ""
    listed = {entry: level for level, entries in enumerate(LAYERS[package]) for entry in entries}
    while name and name not in listed:
        name = name.rpartition(".")[0]
    assert name, f"{module} has no layer: add it to LAYERS[{package!r}]"
    return listed[name], name


def is_inside(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def points_down(package: str, module: str, imported: str) -> bool:
    level, entry = layer_of(package, module)
    level_below, entry_below = layer_of(package, imported)
    return entry_below == entry or level_below < level


@pytest.mark.parametrize("package", LAYERS)
def test_imports_only_point_down(package: str) -> None:
    imports = [(module, imported) for module in MODULES for imported in imports_of(module)]
    within = [pair for pair in imports if all(is_inside(end, package) for end in pair)]
    assert within
    assert [pair for pair in within if not points_down(package, *pair)] == []


@pytest.mark.parametrize("package", LAYERS)
def test_layers_name_each_entry_once_and_only_what_exists(package: str) -> None:
    entries = [entry for layer in LAYERS[package] for entry in layer]
    assert len(entries) == len(set(entries))
    assert [entry for entry in entries if f"{package}.{entry}" not in MODULES] == []


def test_engine_does_not_import_networks() -> None:
    imported = {imported for module in MODULES if is_inside(module, "tensorgrad") for imported in imports_of(module)}
    assert {module for module in imported if is_inside(module, "nn")} == set()


def test_networks_use_only_the_public_api() -> None:
    imported = {imported for module in MODULES if is_inside(module, "nn") for imported in imports_of(module)}
    assert {module for module in imported if not is_inside(module, "nn")} - PUBLIC_TO_NETWORKS == set()


def outline(package: str) -> list[str]:
    """Return the modules and subpackages of a package in the order of CONTRIBUTING.md, where the highest come first."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(rf"^{package}/.*\n((?: +.*\n)+)", text, re.MULTILINE)
    assert found is not None
    lines = [re.split(r" {3,}|: ", line.strip()) for line in found[1].splitlines() if re.match(r"    \S", line)]
    names = [name for line in lines for name in line[0].split()]
    return [name.removesuffix("/").removesuffix(".py") for name in names if name != "__init__.py"]


@pytest.mark.parametrize("package", ["tensorgrad", "nn"])
def test_contributing_lists_the_architecture_in_the_order_of_the_layers(package: str) -> None:
    levels = {entry: level for level, entries in enumerate(LAYERS[package]) for entry in entries}
    listed = outline(package)
    assert {name for name in levels if not is_private(name)} - {"init", "pictures"} <= set(listed)
    assert set(listed) <= set(levels)
    assert [levels[name] for name in listed] == sorted((levels[name] for name in listed), reverse=True)


MIRRORED = {
    "nn.functional": "nn.layers", "tensorgrad.ops": "tensorgrad",
    "tensorgrad.ops.elementwise": "tensorgrad",
}  # fmt: skip
"""Packages with files of the same names: `nn.functional` has the functions of each family of layers,
`tensorgrad.linalg` names the operations of `ops.linalg`, `tensorgrad.special` those of `ops.elementwise.special`."""


@pytest.mark.parametrize("package", ["nn", "tensorgrad", "tensorgrad.viz"])
def test_file_names_are_unique_within_a_package(package: str) -> None:
    places: dict[str, set[str]] = {}
    for module in (module for module in MODULES if module.startswith(f"{package}.")):
        parent, _, name = module.rpartition(".")
        if not parent.endswith(f".{name}"):  # a subpackage's main module may have its name: `losses.losses`
            places.setdefault(name, set()).add(MIRRORED.get(parent, parent))
    assert {name: sorted(parents) for name, parents in places.items() if len(parents) > 1} == {}


def test_imports_have_no_cycles() -> None:
    graph = {module: imports_of(module) - {module} for module in MODULES}
    while True:
        leaves = {module for module, needs in graph.items() if not needs}
        if not leaves:
            break
        graph = {module: needs - leaves for module, needs in graph.items() if module not in leaves}
    assert graph == {}, f"these import each other: {sorted(graph)}"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def test_private_names_stay_in_their_module() -> None:
    names = [(module, imported, name) for module in MODULES for imported, name in imported_names(module)]
    assert [each for each in names if each[2] is not None and is_private(each[2])] == []


def packages_of_private_parts(module: str) -> list[str]:
    """Return the packages outside which a module must not be imported: one for each private part of its name."""
    parts = module.split(".")
    return [".".join(parts[:depth]) for depth, part in enumerate(parts) if is_private(part)]


def test_private_modules_stay_in_their_package() -> None:
    for module in MODULES:
        for imported in imports_of(module):
            packages = packages_of_private_parts(imported)
            assert all(is_inside(module, package) for package in packages), f"{module} imports {imported}"


# -- the public API --------------------------------------------------------------------------------------


def declared_methods() -> dict[str, ast.FunctionDef]:
    """What `_tensor_methods.py` shows to type checkers."""
    tree = ast.parse((ROOT / "tensorgrad" / "_tensor_methods.py").read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", sorted(declared_methods()))
def test_typed_methods_exist_with_the_same_parameters(name: str) -> None:
    bound = inspect.getattr_static(tg.Tensor, name)
    if isinstance(bound, property):
        return
    arguments = declared_methods()[name].args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    typed = {a.arg: True for a in positional} | {a.arg: False for a in arguments.kwonlyargs}
    real = list(inspect.signature(bound).parameters.values())[1:]
    if arguments.vararg is not None:
        assert real[0].kind is inspect.Parameter.VAR_POSITIONAL
        assert {p.name for p in real[1:]} == set(typed)
    elif name.startswith("__") or arguments.posonlyargs:
        assert len(real) == len(typed)
    else:
        assert {p.name: p.kind is not p.KEYWORD_ONLY for p in real} == typed
        defaults = {p.name for p in real if p.default is not p.empty}
        with_default = [a.arg for a in positional[len(positional) - len(arguments.defaults) :]]
        with_default += [a.arg for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default]
        assert defaults == set(with_default)


def test_bound_methods_are_typed() -> None:
    own = set(vars(Methods)) | set(declared_methods())
    source = (ROOT / "tensorgrad" / "tensor.py").read_text(encoding="utf-8")
    written = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    bound = {n for n, value in vars(tg.Tensor).items() if callable(value) or isinstance(value, property)}
    bound = {n for n in bound if n not in written and not inspect.ismemberdescriptor(vars(tg.Tensor)[n])}
    assert bound - {"__hash__"} - own == set()


@pytest.mark.parametrize("package", [tg, nn])
def test_dir_lists_the_public_names_and_nothing_else(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__)
    assert len(set(package.__all__)) == len(package.__all__)
    assert all(hasattr(package, name) for name in dir(package))


def test_public_names_are_documented() -> None:
    for name in tg.__all__:
        assert getattr(tg, name).__doc__, f"tg.{name}"
    for name in getattr(nn, "__all__", []):
        assert getattr(nn, name).__doc__, f"nn.{name}"


def test_packages_are_marked_as_typed() -> None:
    assert (ROOT / "tensorgrad" / "py.typed").exists()
    assert (ROOT / "nn" / "py.typed").exists()


def in_a_new_python(code: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ON_FIRST_USE = {
    "matplotlib", "graphviz", "tqdm", "sklearn", "safetensors", "pooch", "scipy", "PIL", "pandas", "torch", "jax",
    "csv", "difflib", "html", "pkgutil", "subprocess", "tarfile", "tempfile", "tensorgrad.viz", "traceback", "xml",
}  # fmt: skip
"""What functions import when they need it, because it takes time."""


@pytest.mark.parametrize(("package", "more"), [("tensorgrad", {"json", "pathlib", "random", "zlib"}), ("nn", set())])
def test_import_loads_numpy_and_nothing_heavier(package: str, more: set[str], tmp_path: Path) -> None:
    code = f"import sys, numpy; before = {{*sys.modules}}; import {package}; print(*(sys.modules.keys() - before))"
    loaded = set(in_a_new_python(code, tmp_path).split())
    assert package in loaded
    assert loaded & (ON_FIRST_USE | more) == set()


def test_import_of_the_engine_does_not_load_the_networks(tmp_path: Path) -> None:
    assert in_a_new_python("import sys, tensorgrad; print('nn' in sys.modules)", tmp_path) == "False"


@pytest.mark.slow
def test_operators_have_types_for_type_checkers(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed: it comes with the lint extra")
    snippet = tmp_path / "snippet.py"
    expressions = [
        "a + b", "2.0 * a", "a @ b", "-a", "a ** 2", "abs(a)", "a[0]", "a.sum()", "a.T", "a.reshape(2, 1)",
        "tg.tensor([1.0])", "tg.exp(a)", "tg.maximum(a, 0.0)", "tg.concatenate([a, b])",
        "tg.linalg.eigh(a).eigenvalues", "tg.linalg.svd(a).S", "tg.linalg.svd(a, compute_uv=False)",
        "tg.linalg.qr(a).Q", "tg.linalg.qr(a, 'r')", "tg.linalg.slogdet(a).logabsdet", "F.lstm(a, a, a).cell",
        "F.batch_norm(a).variance",
    ]  # fmt: skip
    lines = ["import nn.functional as F", "import tensorgrad as tg", "a = tg.tensor([1.0, 2.0])", "b = a + 2.0"]
    snippet.write_text("\n".join([*lines, *(f"reveal_type({e})" for e in expressions)]) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(snippet)],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip
    revealed = [line.rsplit(" ", 1)[-1].strip('"') for line in done.stdout.splitlines() if "Revealed type" in line]
    assert revealed == ["tensorgrad.tensor.Tensor"] * len(expressions), done.stdout


# -- the cost of a call -----------------------------------------------------------------------------------


def frames_of(compute: Any) -> list[str]:
    """Return the Python functions that run during `compute()`."""
    frames: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            frames.append(frame.f_code.co_name)

    gc.disable()  # Hypothesis registers callbacks, which would be among the frames
    sys.setprofile(profile)
    try:
        compute()
    finally:
        sys.setprofile(None)
        gc.enable()
    return frames[1:]


def test_operator_call_is_one_frame_and_its_forward_rule() -> None:
    a, b = tg.tensor([[1.0]], requires_grad=True), tg.tensor([[3.0]], requires_grad=True)
    _ = a + b, a @ b, a * b, b - a, 2.0 - a, tg.tanh(a)  # the first call of each writes its code
    assert frames_of(lambda: a + b) == ["add", "add"]
    assert frames_of(lambda: a @ b) == ["matmul", "matmul"]
    assert frames_of(lambda: tg.tanh(a)) == ["tanh", "tanh"]
    constant = a.detach()
    assert frames_of(lambda: constant * 2.0) == ["multiply", "multiply"]
    assert frames_of(lambda: 2.0 - constant) == ["subtract", "subtract"]


def test_backward_pass_has_a_frame_per_rule() -> None:
    def rules_run(length: int) -> int:
        y = tg.tensor(1.0, requires_grad=True)
        for _ in range(length):
            y = y * 2.0
        return frames_of(y.backward).count("<lambda>")

    assert rules_run(5) == 5
    assert rules_run(50) == 50

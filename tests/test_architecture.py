"""The architecture holds: imports point down, the public API is complete, and importing or calling costs no more."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import nn
import tensorgrad as tg
from tensorgrad._tensor_methods import Methods

ROOT = Path(tg.__file__).parent.parent
LAYERS: dict[str, list[set[str]]] = {
    "": [{"tensorgrad"}, {"nn"}],
    "tensorgrad": [
        {"graph", "_allocator", "modes", "_typing", "domains", "numpy_dispatch"},
        {"anomaly", "_tensor_methods"},
        {"tensor"},
        {"recorder", "scopes"},
        {"op"},
        {"ops"},
        {"linalg", "transforms"},
        {"gradcheck"},
        {"viz"},
    ],
    "tensorgrad.ops": [
        {"_reduced_axes", "_tracking", "nondifferentiable"},
        {"indexing"},
        {"shape"},
        {"elementwise"},
        {"reductions"},
        {"linalg"},
    ],
    "tensorgrad.viz": [
        {"capture", "drawing", "folding", "formulas", "layout", "lesson", "outputs", "recording", "replay", "walk"},
    ],
    "nn": [
        {
            "activations", "callbacks", "data", "datasets", "description", "functional", "init", "layers", "losses",
            "metrics", "module", "numbers", "optimizers", "pictures", "random", "saving", "sklearn", "spellings",
            "training",
        },
    ],
}  # fmt: skip
"""For each package, the modules and subpackages in it, lowest layer first.

A member may import from its own layer and those below it. The package's `__init__` is above them all.
"""

PUBLIC_TO_NETWORKS = {"tensorgrad", "tensorgrad.domains", "tensorgrad.scopes"}
"""`domains` holds what a user's own `@op(domain=…, examples=…)` takes; a layer uses `scopes` to frame its nodes."""

ONE_SUBJECT = {
    "linalg": "`tg.linalg` is the namespace, `ops.linalg` holds its operations",
    "graph": "`viz.capture.graph` captures what `tensorgrad.graph` builds",
}
"""Names that two modules may have, and why."""


def files(package: str) -> Iterator[tuple[str, Path]]:
    """The modules of a package by name."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = {name: path for package in ("tensorgrad", "nn") for name, path in files(package)}


def imported_names(module: str) -> Iterator[tuple[str, str | None]]:
    """What a file imports from this project, also in functions and under TYPE_CHECKING: modules, and names in them."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in MODULES:
                    yield inner, None
                elif node.module in MODULES:
                    yield node.module, alias.name


def imports_of(module: str) -> set[str]:
    """The modules of this project that a file imports."""
    return {imported for imported, _ in imported_names(module)}


def is_in(module: str, package: str) -> bool:
    return not package or module == package or module.startswith(f"{package}.")


def layer_of(module: str, package: str) -> int:
    """The number of the layer, counted from the lowest, in which `package` has `module`."""
    layers = LAYERS[package]
    if module == package:
        return len(layers)
    member = module.removeprefix(f"{package}.").partition(".")[0]
    found = [level for level, members in enumerate(layers) if member in members]
    assert len(found) == 1, f"{module}: name {member!r} once in LAYERS[{package!r}], not {len(found)} times"
    return found[0]


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_point_down(module: str) -> None:
    for package in LAYERS:
        for imported in imports_of(module):
            if is_in(module, package) and is_in(imported, package):
                assert layer_of(imported, package) <= layer_of(module, package), f"{module} imports {imported}"


@pytest.mark.parametrize("package", LAYERS)
def test_layers_name_only_what_there_is(package: str) -> None:
    named = {f"{package}.{member}".removeprefix(".") for layer in LAYERS[package] for member in layer}
    assert named - MODULES.keys() == set()


@pytest.mark.parametrize("module", [module for module in MODULES if is_in(module, "nn")])
def test_networks_use_only_the_public_api(module: str) -> None:
    for imported in imports_of(module):
        assert is_in(imported, "nn") or imported in PUBLIC_TO_NETWORKS, f"{module} imports {imported}"


def test_there_are_no_cycles() -> None:
    graph = {module: imports_of(module) - {module} for module in MODULES}
    while True:
        leaves = {module for module, needs in graph.items() if not needs}
        if not leaves:
            break
        graph = {module: needs - leaves for module, needs in graph.items() if module not in leaves}
    assert graph == {}, f"these import each other: {sorted(graph)}"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@pytest.mark.parametrize("module", MODULES)
def test_private_names_stay_in_their_module(module: str) -> None:
    for imported, name in imported_names(module):
        assert name is None or not is_private(name), f"{module} imports {name} from {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_private_modules_stay_in_their_package(module: str) -> None:
    for imported in imports_of(module):
        parts = imported.split(".")
        packages = [".".join(parts[:depth]) for depth, part in enumerate(parts) if is_private(part)]
        assert all(is_in(module, package) for package in packages), f"{module} imports {imported}"


def test_module_names_mean_one_thing() -> None:
    named: dict[str, list[str]] = {}
    for module in MODULES:
        package, _, name = module.rpartition(".")
        if is_in(module, "tensorgrad") and name != package.rpartition(".")[2]:  # a package may hold its namesake
            named.setdefault(name.lstrip("_"), []).append(module)
    assert {name: modules for name, modules in named.items() if len(modules) > 1 and name not in ONE_SUBJECT} == {}


# -- the public API ---------------------------------------------------------------------------------------


def declared_methods() -> dict[str, ast.FunctionDef]:
    """What `_tensor_methods.py` shows to type checkers."""
    tree = ast.parse((ROOT / "tensorgrad" / "_tensor_methods.py").read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", sorted(declared_methods()))
def test_every_typed_method_is_there_with_the_same_parameters(name: str) -> None:
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


def test_every_bound_method_is_typed() -> None:
    own = set(vars(Methods)) | set(declared_methods())
    source = (ROOT / "tensorgrad" / "tensor.py").read_text(encoding="utf-8")
    written = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    bound = {n for n, value in vars(tg.Tensor).items() if callable(value) or isinstance(value, property)}
    bound = {n for n in bound if n not in written and not inspect.ismemberdescriptor(vars(tg.Tensor)[n])}
    assert bound - {"__hash__"} - own == set()


def test_every_public_name_is_documented() -> None:
    for name in tg.__all__:
        assert getattr(tg, name).__doc__, f"tg.{name}"
    for name in getattr(nn, "__all__", []):
        assert getattr(nn, name).__doc__, f"nn.{name}"


def test_both_packages_say_that_they_are_typed() -> None:
    assert (ROOT / "tensorgrad" / "py.typed").exists()
    assert (ROOT / "nn" / "py.typed").exists()


def in_a_new_python(code: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = ["matplotlib", "graphviz", "tqdm", "sklearn", "safetensors", "pooch", "scipy", "PIL", "pandas", "torch"]


@pytest.mark.parametrize("package", ["tensorgrad", "nn"])
def test_importing_loads_numpy_and_nothing_heavier(package: str, tmp_path: Path) -> None:
    code = f"import sys, {package}; print(sorted({HEAVY!r} & sys.modules.keys()))".replace(
        repr(HEAVY), repr(set(HEAVY))
    )
    assert in_a_new_python(code, tmp_path) == "[]"


def test_the_engine_does_not_load_the_networks(tmp_path: Path) -> None:
    assert in_a_new_python("import sys, tensorgrad; print('nn' in sys.modules)", tmp_path) == "False"


def test_type_checkers_see_tensors(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed: it comes with the lint extra")
    snippet = tmp_path / "snippet.py"
    expressions = [
        "a + b", "2.0 * a", "a @ b", "-a", "a ** 2", "abs(a)", "a[0]", "a.sum()", "a.T", "a.reshape(2, 1)",
        "tg.tensor([1.0])", "tg.exp(a)", "tg.maximum(a, 0.0)", "tg.concatenate([a, b])",
    ]  # fmt: skip
    lines = ["import tensorgrad as tg", "a = tg.tensor([1.0, 2.0])", "b = tg.tensor([3.0, 4.0])"]
    snippet.write_text("\n".join([*lines, *(f"reveal_type({e})" for e in expressions)]) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(snippet)],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip
    revealed = [line.rsplit(" ", 1)[-1].strip('"') for line in done.stdout.splitlines() if "Revealed type" in line]
    assert revealed == ["tensorgrad.tensor.Tensor"] * len(expressions), done.stdout


# -- the cost of a call -----------------------------------------------------------------------------------


def frames_of(compute: Any) -> list[str]:
    """The Python functions that run during `compute()`."""
    frames: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            frames.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        compute()
    finally:
        sys.setprofile(None)
    return frames[1:]


def test_an_operator_is_one_frame_and_its_forward_rule() -> None:
    a, b = tg.tensor([[1.0]], requires_grad=True), tg.tensor([[3.0]], requires_grad=True)
    _ = a + b, a @ b, a * b, b - a, 2.0 - a, tg.tanh(a)  # the first call of each writes its code
    assert frames_of(lambda: a + b) == ["add", "add"]
    assert frames_of(lambda: a @ b) == ["matmul", "matmul"]
    assert frames_of(lambda: tg.tanh(a)) == ["tanh", "tanh"]
    constant = a.detach()
    assert frames_of(lambda: constant * 2.0) == ["multiply", "multiply"]
    assert frames_of(lambda: 2.0 - constant) == ["subtract", "subtract"]


def test_a_backward_pass_costs_a_frame_per_rule() -> None:
    def rules_run(length: int) -> int:
        y = tg.tensor(1.0, requires_grad=True)
        for _ in range(length):
            y = y * 2.0
        return frames_of(y.backward).count("<lambda>")

    assert rules_run(5) == 5
    assert rules_run(50) == 50

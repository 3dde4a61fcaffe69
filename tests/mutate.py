"""Spoils each derivative rule in turn and shows that the tests notice: `python -m tests.mutate`.

A mutant is a rule, or a helper it calls, with one small mistake written into its syntax tree: a factor dropped, a
divisor dropped, + for -, a sign lost, or the whole doubled or negated; of the gradients of a joint rule, the first. It
replaces the original in memory, the
registry's checks run over the samples of the operation, and then, if they saw nothing, the tests written by hand. A
mutant that survives both is a mistake nobody would have noticed.

    python -m tests.mutate                   all of them
    python -m tests.mutate --sample 60       some of them, drawn with a seed that is printed
    python -m tests.mutate --only norms      those of the operations with that in their full name
    python -m tests.mutate --jobs 1          in one process instead of one for each core
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import inspect
import itertools
import os
import random
import secrets
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np
import pytest

from tensorgrad.op import SequenceRules
from tests.ops import checks
from tests.ops.samples import BUILT_IN, samples_of

CHECKS: list[Callable[..., None]] = [
    checks.first_gradient,
    checks.composed_form_agrees,
    checks.second_gradient,
    checks.values,
    checks.forward_mode_is_the_adjoint,
    checks.linear_in_upstream,
    checks.layouts,
    checks.single_precision,
    checks.strange_numbers_pass_through,
]
BY_HAND = [
    "tests/ops/test_conventions.py",
    "tests/ops/indexing",
    "tests/ops/shape",
    "tests/ops/elementwise",
    "tests/ops/reductions",
    "tests/ops/linalg",
    "tests/ops/scipy",
    "tests/nn/test_layers_activations.py",
    "tests/nn/test_losses.py",
]
OWN_TESTS = {"nn.functional.windows": ["tests/nn/test_windows.py"]}
"""Tests of a module that are faster than the checks, and go first."""
BY_HAND_OF_NETWORKS = [
    "tests/nn/test_windows.py",
    "tests/nn/test_blocks.py",
    "tests/nn/test_products.py",
    "tests/nn/test_attention.py",
    "tests/nn/test_layers_activations.py",
    "tests/nn/test_losses.py",
    "tests/nn/test_layers_embedding.py",
    "tests/nn/test_layers_pooling.py::test_max_pool1d_of_nan_passes_on_the_whole_gradient",
    "tests/nn/test_layers_pooling.py::test_max_pool2d_chooses_among_ties_in_blocks",
]
"""Tests that catch the mistakes in operations of `nn`, and are fast."""


UFUNCS = {"np.add": "np.subtract", "np.subtract": "np.add", "np.multiply": "np.add"}
"""Functions that write into an array, and what to call in their place."""
HARMLESS = (ast.Subscript, ast.Raise, ast.JoinedStr)
Change: TypeAlias = Callable[[Any], ast.AST]
"""Makes a mistake: returns what to put in the place of an expression or assignment."""


@dataclass(frozen=True)
class Mutant:
    """One mistake in one function that an operation's derivative is made of.

    Attributes:
        operations: the full names of those that use `function`.
        function: a rule, or a helper that rules call.
        number: the place of the mistake among all that `function` can have.
        mistake: what it is, in words.
    """

    operations: tuple[str, ...]
    function: FunctionType
    number: int
    mistake: str

    def __str__(self) -> str:
        code = self.function.__code__
        file = code.co_filename.rsplit("/", 1)[-1]
        names = ", ".join(name.rsplit(".", 1)[-1] for name in self.operations)
        return f"{names}: {file}:{code.co_firstlineno} {code.co_name}: {self.mistake}"


# -- where mistakes are possible --------------------------------------------------------------------------------------


def rules_of(name: str) -> list[Any]:
    """Return the rules of an operation, single or joint."""
    rules = BUILT_IN[name].rules
    every = [*rules.single, rules.item] if isinstance(rules, SequenceRules) else list(rules)
    every.append(BUILT_IN[name].joint)
    return [rule for rule in every if rule is not None]


@functools.cache
def joint_rules() -> set[Any]:
    """Return the rules that return the gradients of several inputs."""
    return {operation.joint for operation in BUILT_IN.values() if operation.joint is not None}


def functions_of(name: str) -> list[FunctionType]:
    """Return the rules of an operation, and the functions of this package that they call."""
    found: dict[FunctionType, None] = {}
    waiting = rules_of(name)
    while waiting:
        function = waiting.pop(0)
        if not inspect.isfunction(function) or function in found or hasattr(function, "operation"):
            continue
        found[function] = None
        waiting += [each for called in _names(function.__code__) for each in _called(function, called)]
    ours = [f for f in found if f.__module__.startswith(("tensorgrad.ops", "nn."))]
    return [f for f in ours if not str(f.__annotations__.get("return")).endswith("Error")]  # those make messages


def _called(function: FunctionType, name: str) -> list[Any]:
    """What a name in a function's code may be: a global, or an attribute of a module of ours."""
    modules = [each for each in function.__globals__.values() if isinstance(each, ModuleType)]
    ours = [vars(each) for each in modules if each.__name__.startswith("nn.functional._")]
    return [each[name] for each in (function.__globals__, *ours) if name in each]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@functools.cache
def _module(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[name]))


def _is(node: ast.AST, function: FunctionType) -> bool:
    """Return whether `node` is where `function` was written: lambdas on one line differ in their columns."""
    if not isinstance(node, (ast.Lambda, ast.FunctionDef)):
        return False
    code = function.__code__
    if isinstance(node, ast.FunctionDef):
        return node.name == code.co_name and node.lineno <= code.co_firstlineno <= node.body[0].lineno
    first = next((p for p in code.co_positions() if p[2]), None)
    if code.co_name != "<lambda>" or first is None or node.lineno != code.co_firstlineno:
        return False
    body, inside = node.body, [p for p in code.co_positions() if p[2] is not None and p[0] is not None and p[3]]
    return all(
        (body.lineno, body.col_offset) <= (line, column)
        and (end_line, end_column) <= (body.end_lineno, body.end_col_offset)
        for line, end_line, column, end_column in inside
        if (end_line, end_column) != (line, column) and not _is_prologue(code, (line, column))
    )


def _is_prologue(code: CodeType, position: tuple[Any, Any]) -> bool:
    return position == (code.co_firstlineno, 0)


def _mistakes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can go wrong in one expression or assignment, in words and as what to put in its place."""
    if isinstance(node, ast.BinOp):
        text = ast.unparse(node)
        if isinstance(node.op, (ast.Mult, ast.MatMult)):
            yield f"{text}: second factor dropped", lambda e: e.left
            yield f"{text}: first factor dropped", lambda e: e.right
        elif isinstance(node.op, ast.Div):
            yield f"{text}: divisor dropped", lambda e: e.left
        elif isinstance(node.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield f"{text}: sign of the second term flipped", lambda e: ast.BinOp(e.left, other, e.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield f"{ast.unparse(node)}: sign lost", lambda e: e.operand
    elif isinstance(node, ast.AugAssign):
        text = ast.unparse(node)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            opposite = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield f"{text}: sign flipped", lambda e: ast.AugAssign(e.target, opposite, e.value)
        elif isinstance(node.op, ast.Mult):
            yield f"{text}: added instead", lambda e: ast.AugAssign(e.target, ast.Add(), e.value)
    elif isinstance(node, ast.Call) and (wrong := UFUNCS.get(ast.unparse(node.func))):
        function = ast.parse(wrong, mode="eval").body
        yield f"{ast.unparse(node)}: {wrong} in its place", lambda e: ast.Call(function, e.args, e.keywords)


def _doubled(e: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(2), ast.Mult(), e)


def _negated(e: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), e)


def _of_first(mistake: Change) -> Change:
    """Return the same mistake in the first of the gradients that a joint rule returns."""

    def mistaken(e: ast.expr) -> ast.AST:
        first = "next(each for each in gradients if each is not None)"
        code = f"(lambda gradients: [SPOILED if each is {first} else each for each in gradients])(RESULT)"
        outer = ast.parse(code, mode="eval").body
        spoiled = mistake(ast.Name("each", ast.Load()))
        return _Exchange({"SPOILED": spoiled, "RESULT": e}).visit(outer)  # type: ignore[no-any-return]

    return mistaken


class _Exchange(ast.NodeTransformer):
    """Replaces names by expressions."""

    def __init__(self, expressions: dict[str, ast.AST]) -> None:
        self.expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.expressions.get(node.id, node)


def _spots(function: ast.AST, rule: bool, joint: bool = False) -> list[tuple[ast.AST, str, Change]]:
    body = [function.body] if isinstance(function, ast.Lambda) else function.body  # type: ignore[attr-defined]
    spots = []
    for part in body:
        harmless = _harmless(part)
        changeable = [node for node in ast.walk(part) if node not in harmless]
        spots += [(node, words, mistake) for node in changeable for words, mistake in _mistakes(node)]
    if rule:
        results = (
            [function.body]
            if isinstance(function, ast.Lambda)
            else [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        )
        for result in results:
            for words, mistake in (("doubled", _doubled), ("negated", _negated)):
                spots.append((result, f"result {words}", _of_first(mistake) if joint else mistake))
    return spots


def _harmless(root: ast.AST) -> set[ast.AST]:
    """Return what computes an index, where a mistake is an error rather than a wrong number, or is in a message."""
    apart = [s.slice if isinstance(s, ast.Subscript) else s for s in ast.walk(root) if isinstance(s, HARMLESS)]
    return {node for each in apart for node in ast.walk(each)}


def _found(module: ast.Module, function: FunctionType) -> ast.AST | None:
    matching = [node for node in ast.walk(module) if _is(node, function)]
    return matching[0] if len(matching) == 1 else None


def all_mutants() -> list[Mutant]:
    """Return every mistake that can be made in a rule, each once, however many operations share the function."""
    users: dict[FunctionType, list[str]] = {}
    rules: set[Any] = set()
    for name in sorted(BUILT_IN):
        rules.update(rules_of(name))
        for function in functions_of(name):
            users.setdefault(function, []).append(name)
    found = []
    for function, names in users.items():
        node = _found(_module(function.__module__), function)
        if node is None:
            raise LookupError(f"no one place in the source for {function.__qualname__} of {names}")
        spots = _spots(node, rule=function in rules, joint=function in joint_rules())
        found += [Mutant(tuple(names), function, number, words) for number, (_, words, _) in enumerate(spots)]
    return found


# -- making them ------------------------------------------------------------------------------------------------------


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, mistake: Change) -> None:
        self.target, self.mistake = target, mistake

    def visit(self, node: ast.AST) -> Any:
        if node is self.target:
            return ast.copy_location(self.mistake(node), node)
        return self.generic_visit(node)


def code_of(mutant: Mutant) -> CodeType | None:
    """Return the function with its mistake; None if a variable of an enclosing function is no longer used by it."""
    module = copy.deepcopy(_module(mutant.function.__module__))
    function = _found(module, mutant.function)
    assert function is not None
    rule = mutant.number >= len(_spots(function, rule=False))
    target, _, mistake = _spots(function, rule=rule, joint=mutant.function in joint_rules())[mutant.number]
    line, column = function.lineno, function.col_offset  # type: ignore[attr-defined]
    spoiled = ast.fix_missing_locations(_Replace(target, mistake).visit(module))
    original = mutant.function.__code__
    (node,) = [
        n
        for n in ast.walk(spoiled)
        if isinstance(n, (ast.Lambda, ast.FunctionDef)) and (n.lineno, n.col_offset) == (line, column)
    ]
    # Compiled alone, within a function that has the variables the original found around it.
    make = ast.parse(f"def make({', '.join(original.co_freevars)}):\n    return None")
    outer = make.body[0]
    assert isinstance(outer, ast.FunctionDef)
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = []
        outer.body[:0] = [ast.Global([node.name]), node]  # global, as a function that calls itself expects
    else:
        outer.body[0] = ast.copy_location(ast.Return(node), outer.body[0])
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # such as of an index of a number
        compiled = compile(ast.fix_missing_locations(make), original.co_filename, "exec")
    within = next(c for c in compiled.co_consts if isinstance(c, CodeType))
    code = next(c for c in within.co_consts if isinstance(c, CodeType))
    return code if code.co_freevars == original.co_freevars else None


@contextmanager
def spoiled(mutant: Mutant) -> Iterator[bool]:
    """Within, the mistake is in force; False if it cannot be made."""
    code, original = code_of(mutant), mutant.function.__code__
    if code is not None:
        mutant.function.__code__ = code
    try:
        yield code is not None
    finally:
        mutant.function.__code__ = original


# -- catching them ----------------------------------------------------------------------------------------------------


def caught_by_checks(mutant: Mutant) -> str | None:
    """Return the first of the registry's checks that fails, if any."""
    operations = [BUILT_IN[name] for name in mutant.operations]
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        for check, operation in itertools.product(CHECKS, operations):
            for sample in samples_of(operation):
                try:
                    check(sample)
                except Exception:
                    return check.__name__
    return None


def caught_by_hand(mutant: Mutant) -> bool:
    """Return whether the tests that are written for single operations fail."""
    return fails(BY_HAND_OF_NETWORKS if all(name.startswith("nn.") for name in mutant.operations) else BY_HAND)


def fails(files: list[str]) -> bool:
    with redirect_stdout(StringIO()):
        return pytest.main(["-x", "-q", "-p", "no:cacheprovider", *files]) == pytest.ExitCode.TESTS_FAILED


def survivors(mutants: list[Mutant], report: Callable[[str], None]) -> tuple[list[Mutant], dict[str, int]]:
    """Those that nothing catches, and how many each check caught."""
    alive, counts = [], dict.fromkeys([*(c.__name__ for c in CHECKS), "tests by hand", "equivalent", "impossible"], 0)
    for mutant in mutants:
        with spoiled(mutant) as possible:
            if not possible:
                counts["impossible"] += 1
                report(f"impossible: {mutant}")
            elif (own := OWN_TESTS.get(mutant.function.__module__)) and fails(own):
                counts["tests by hand"] += 1
            elif (check := caught_by_checks(mutant)) is not None:
                counts[check] += 1
            elif is_equivalent(mutant):
                counts["equivalent"] += 1
            elif caught_by_hand(mutant):
                counts["tests by hand"] += 1
            else:
                alive.append(mutant)
                report(f"survived: {mutant}")
    return alive, counts


THRESHOLD = "only moves the point from which numbers count as equal"
TWO_WAYS = "only decides which of two right ways is taken"
BLOCKS = "only changes the size of the blocks"
PIECES = "only changes the size of the pieces"
SUMMED = "the engine sums over the rows that are left"
ZERO = "twice nothing, or minus nothing, is nothing"
EQUIVALENT: dict[str, tuple[str, str]] = {
    "_minus_targets_over_probabilities": ("finfo(probabilities.dtype).tiny", THRESHOLD),
    "_is_far_from_singular": ("epsilon(a) ** 0.5", TWO_WAYS),
    "lie_side_by_side": ("axis.windows * axis.kernel", TWO_WAYS),
    "negligible": ("epsilon(values)", THRESHOLD),
    "_tall_qr_gradient": ("epsilon(r) * np.linalg.norm", THRESHOLD),
    "_add_blocks": ("highest - lowest", "numbers beyond the ids of a block only add rows of zeros"),
    "_bias_gradient": ("first factor dropped", SUMMED),
    "_blocks": ("row", BLOCKS),
    "_rows": ("together * channels", BLOCKS),
    "_rows_of_a_piece": ("", PIECES),
    "pieces": ("first factor dropped", PIECES),
    "rows_in_pieces": ("rows // ", PIECES),
    "summed_pieces": ("a.shape[1] * b.shape[1]", PIECES),
    "_row_gradients": ("length * upstream.itemsize", BLOCKS),
    "_overlaps_far": ("axis.stride + 1", TWO_WAYS),
    "scale_of": ("axis.windows - 1", TWO_WAYS),
    "gru_gradients": ("first factor dropped", SUMMED),
    "_tiles_of": ("factor dropped", "only decides how much is computed at once"),
    "_places": ("rows - row", "a slice ends with the array at the latest"),
    "_vector_norm_gradient": ("result", ZERO),
    "_differences_back": ("result", ZERO),
}
"""Mistakes that change nothing: the function, words of the mistake, and the reason."""
FLAT = {
    "sign", "ceil", "floor", "round", "rint", "fix", "trunc", "floor_divide", "heaviside", "copysign", "angle", "imag",
    "spacing", "nextafter", "gammasgn", "zeros_with_singular_slope",
}  # fmt: skip
"""Operations with a rule that is 0 everywhere, so that its multiples are the same rule."""


def is_equivalent(mutant: Mutant) -> bool:
    """Return whether a mistake that nothing caught is known to change nothing."""
    name = mutant.function.__code__.co_name
    flat = all(operation.rsplit(".", 1)[-1] in FLAT for operation in mutant.operations)
    return (name in EQUIVALENT and EQUIVALENT[name][0] in mutant.mistake) or (flat and "result" in mutant.mistake)


def main() -> int:
    """Run from the command line; the exit status is 1 if a mutant survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="how many to draw; default all")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the draw; default a new one")
    parser.add_argument("--only", default="", help="part of the full name of the operations to spoil")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default one for each core")
    options = parser.parse_args()
    mutants, total = chosen(options.only, options.sample, options.seed)
    print(f"seed {options.seed}: {len(mutants)} of {total} mutants", flush=True)
    one = functools.partial(fate, options.only, options.sample, options.seed)
    alive, counts = 0, Counter[str]()
    with ProcessPoolExecutor(options.jobs) as processes:
        for survived, counted in processes.map(one, range(len(mutants))):
            alive += survived
            counts.update(counted)
    for check, count in counts.items():
        print(f"{count:6} {check}")
    print(f"{alive:6} survived")
    return 1 if alive else 0


@functools.cache
def chosen(only: str, sample: int | None, seed: int) -> tuple[list[Mutant], int]:
    """Return the mutants to make, and the number they were drawn from. The result is the same in every process."""
    mutants = [m for m in all_mutants() if any(only in name for name in m.operations)]
    if sample is None or sample >= len(mutants):
        return mutants, len(mutants)
    return random.Random(seed).sample(mutants, sample), len(mutants)


def fate(only: str, sample: int | None, seed: int, place: int) -> tuple[bool, dict[str, int]]:
    """Return whether the mutant at `place` among the chosen ones survives, and how many mutants each check caught.

    The functions of mutants cannot be pickled, so each process finds the mutants itself.
    """
    mutants, _ = chosen(only, sample, seed)
    alive, counts = survivors([mutants[place]], lambda line: print(line, flush=True))
    return bool(alive), counts


if __name__ == "__main__":
    sys.exit(main())

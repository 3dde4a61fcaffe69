"""Check the gradients of a graph's leaves against finite differences.

The graph is recomputed in float64 with single elements of a leaf perturbed in both directions. The gradient it is
compared with is also computed in float64. Tolerances and the treatment of kinks are those of `gradcheck`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.backward import backpropagate
from tensorgrad.gradcheck import GradcheckError, GradcheckWarning, gradcheck
from tensorgrad.gradcheck.diagnosis import diagnose
from tensorgrad.gradcheck.differences import Slopes, Steps, Verdict, judge, slopes
from tensorgrad.node import Node, Result
from tensorgrad.tensor import Tensor
from tensorgrad.viz.recording import Check
from tensorgrad.viz.recording.replay import WHY, Replay, is_constant_leaf, recomputed

ELEMENTS = 10
"""How many elements of a leaf are tried; of a larger one also one direction in which all of them move."""

CALLS = 400_000
"""How many operations may be called for all checks of a graph: some two seconds' worth of small ones."""

LARGEST = 64
"""Maximum number of elements of the operands of an operation that is checked separately."""

SHOWN = 6
"""Maximum number of elements of a leaf whose right gradient is shown beside a wrong one."""

USUALLY = "Usually this means: "

RTOL = 1e-5
"""The tolerance of `gradcheck`."""


def checks(order: Sequence[Node], known: Replay, seed: NDArray[Any]) -> dict[Node, Check]:
    """Return the check of every leaf.

    Args:
        order: the nodes of the graph, oldest first; the last one is the output's.
        known: its replay.
        seed: the gradient at the output.
    """
    sources = [node for node in order if node.operation is None]
    leaves = [node for node in sources if not is_constant_leaf(node)]
    missing = next((known.missing[node] for node in order if node in known.missing), None)
    if missing is not None:
        return dict.fromkeys(leaves, Check("not checked", f"a value it depends on {WHY[missing]}"))
    tried = min(ELEMENTS, CALLS // (2 * len(order) * len(leaves)))
    if tried == 0:
        return dict.fromkeys(leaves, Check("not checked", "the graph is too large"))
    with np.errstate(all="ignore"):
        tracked = {
            node: Tensor(np.array(known.tensors[node].array, np.float64), requires_grad=not is_constant_leaf(node))
            for node in sources
        }
        tensors = recomputed(order, known, tracked)
        problem = _problem(tensors)
        if tensors is None or problem:
            return dict.fromkeys(leaves, Check("not checked", problem))
        function = _Function(order, known, np.asarray(seed, np.float64), tensors)
        found = {leaf: function.check(leaf, tried) for leaf in leaves}
        if any(check.verdict == "differs" for check in found.values()):
            found = _with_blame(found, function.blame())
        return found


def _with_blame(found: Mapping[Node, Check], blame: str) -> dict[Node, Check]:
    """Return the checks with the diagnosis of the wrong operation in place of that of the gradient."""
    if not blame:
        return dict(found)
    return {
        leaf: replace(check, reason=check.reason.partition(f" {USUALLY}")[0] + blame)
        if check.verdict == "differs"
        else check
        for leaf, check in found.items()
    }


def _problem(tensors: Mapping[Node, Tensor] | None) -> str:
    """Return why a graph cannot be checked in float64, or "" if it can."""
    if tensors is None:
        return "an operation does not work in float64"
    for node, tensor in tensors.items():
        if tensor.dtype != np.float64 and node.operation is not None:
            return f"{node.operation.name} returns {tensor.dtype}, which is too coarse for differences"
    return ""


class _Function:
    """Graph in float64 as a function of its leaves: the sum of the output times `seed`.

    Attributes:
        values: of every node at the point itself.
        gradients: of the leaves, by the derivative rules.
    """

    def __init__(
        self, order: Sequence[Node], known: Replay, seed: NDArray[Any], tensors: Mapping[Node, Tensor]
    ) -> None:
        self.order = order
        self.known = known
        self.seed = seed
        self.values = {node: Tensor(tensor.array) for node, tensor in tensors.items()}
        output = tensors[order[-1]].node
        assert output is not None
        found = backpropagate({output: seed}, release=False)
        self.gradients = {node: found[t.node] for node, t in tensors.items() if t.node is not None and t.node in found}

    def check(self, leaf: Node, tried: int) -> Check:
        """Check single elements of a leaf, and all together along one direction if these are not all."""
        array = self.values[leaf].array
        if array.size == 0 or leaf not in self.gradients:
            return Check("not checked", "no gradient arrives" if array.size else "it is empty")
        rng = np.random.default_rng(0)
        few = array.size <= tried
        elements = range(array.size) if few else sorted(rng.choice(array.size, tried, replace=False).tolist())
        trials = []
        for element in elements:
            direction = np.zeros(array.shape, np.float64)
            direction.flat[element] = 1.0
            trials.append(self.trial(leaf, element, direction, abs(array.flat[element])))
        if not few:
            direction = np.asarray(rng.standard_normal(array.shape))
            direction /= np.linalg.norm(direction)
            trials.append(self.trial(leaf, None, direction, np.sqrt(np.mean(array * array))))
        return _told(trials, array.shape)

    def trial(self, leaf: Node, element: int | None, direction: NDArray[Any], size: float) -> _Trial:
        """Compare the derivative along a direction with finite differences; steps are proportional to `size`."""
        behind = self.behind(leaf)
        array = self.values[leaf].array

        def value(distance: float) -> NDArray[Any]:
            moved = {**self.values, leaf: Tensor(array + distance * direction)}
            return self.output(recomputed(behind, self.known, moved))

        def slopes_at(step: float) -> Slopes:
            return slopes(value, self.output(self.values), step)

        got = float(np.sum(self.gradients[leaf] * direction))
        verdict = judge(slopes_at, Steps.at(float(size)), np.array([got]), rtol=RTOL, atol=0.0, scale=np.zeros(1))
        return _Trial(element, got, verdict)

    def blame(self) -> str:
        """Return what `gradcheck` reports for the first operation whose own derivative is wrong; "" if it finds none.

        The full derivative of one operation is more informative than the gradient of the output. For example, it
        shows that a matrix should have been transposed.
        """
        for node in self.order:
            parents = list(dict.fromkeys(node.parents))
            sizes = [self.values[parent].size for parent in parents if parent in self.values]
            if node.operation is None or isinstance(node, Result) or len(sizes) < len(parents) or sum(sizes) > LARGEST:
                continue

            def alone(*inputs: Tensor, node: Node = node, parents: list[Node] = parents) -> Tensor:
                found = recomputed([node], self.known, dict(zip(parents, inputs)))
                if found is None:
                    raise ValueError("the operation fails nearby")
                return found[node]

            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", GradcheckWarning)
                    gradcheck(alone, [np.array(self.values[parent].array) for parent in parents])
            except GradcheckError as error:
                if error.finding is not None:
                    words = " ".join(error.finding.message.partition(USUALLY)[2].split())
                    return f" {USUALLY}{words} (This is the rule of {node.operation.name}.)"
            except Exception:  # a user's operation may raise anything; the gradient of the leaf is checked anyway
                continue
        return ""

    def output(self, tensors: Mapping[Node, Tensor] | None) -> NDArray[Any]:
        """Return the function's value, or NaN if an operation fails."""
        return np.array([np.nan if tensors is None else np.sum(tensors[self.order[-1]].array * self.seed)])

    def behind(self, leaf: Node) -> list[Node]:
        """Return what is computed from a leaf."""
        reached = {leaf}
        for node in self.order:
            if any(parent in reached for parent in node.parents):
                reached.add(node)
        return [node for node in self.order if node in reached and node is not leaf]


@dataclass(frozen=True)
class _Trial:
    """One direction: the perturbed element (None for all together), the derivative by the rules, and the verdict."""

    element: int | None
    got: float
    verdict: Verdict

    @property
    def expected(self) -> float:
        return float(self.verdict.expected[0])

    @property
    def wrong(self) -> bool:
        return bool(self.verdict.wrong[0])

    @property
    def kink(self) -> bool:
        return bool(self.verdict.kink[0])


def _told(trials: Sequence[_Trial], shape: tuple[int, ...]) -> Check:
    single = [trial for trial in trials if trial.element is not None]
    size = int(np.prod(shape))
    what = "1 element" if size == 1 else f"{'all' if len(single) == size else f'{len(single)} of'} {size:,} elements"
    what += " and a direction" * (len(single) < len(trials))
    if not np.isfinite([trial.expected for trial in trials]).all():
        return Check("not checked", "the function is not finite nearby")
    wrong = [trial for trial in trials if trial.wrong]
    if wrong:
        expected = tuple(trial.expected for trial in single) if len(single) == size <= SHOWN else ()
        return Check("differs", f"{what}: {_difference(wrong, single, shape)}", expected)
    smooth = [abs(trial.got - trial.expected) for trial in trials if not trial.kink]
    words = [f"{what}, largest difference {max(smooth):.1g}" if smooth else what]
    kinks = len(trials) - len(smooth)
    if kinks:
        words.append(f"{kinks} at a kink, where any slope between those of the two sides is right")
    return Check("agrees", "; ".join(words))


def _difference(wrong: Sequence[_Trial], single: Sequence[_Trial], shape: tuple[int, ...]) -> str:
    """Return the largest error, and what `gradcheck` says that it usually means."""
    worst = max(wrong, key=lambda trial: abs(trial.got - trial.expected))
    index = () if worst.element is None else tuple(map(int, np.unravel_index(worst.element, shape)))
    where = f" at index {index}" if index else ""
    words = f"{len(wrong)} differ, most{where}: differences give {worst.expected:.7g}, the rules {worst.got:.7g}"
    if any(trial.wrong for trial in single):
        expected = np.array([[trial.expected for trial in single]])
        got = np.array([[trial.got for trial in single]])
        kind, explanation = diagnose(expected, got, np.array([[t.wrong for t in single]]), (len(single),), {})
        words += f". {USUALLY}{kind}. {explanation}"
    return words

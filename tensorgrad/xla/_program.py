"""One program: what the function computes for arguments of one structure, traced by JAX and compiled by XLA."""

from __future__ import annotations

import operator
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from itertools import compress, repeat
from sys import getrefcount
from typing import Any

import jax
import numpy as np

from tensorgrad import interrupts, randomness
from tensorgrad._messages import TraceError, user_line
from tensorgrad.backward import topological_order
from tensorgrad.modes import current_mode, tracing
from tensorgrad.node import LIVE, Node, leaf_node, next_number
from tensorgrad.tensor import OF_LEAF, Tensor, tensor_at
from tensorgrad.transforms.trees import leaves, rebuilt
from tensorgrad.xla import _refusals
from tensorgrad.xla._arguments import Arguments
from tensorgrad.xla._keys import Keys
from tensorgrad.xla._reachable import ARRAY, GRAD, NODE, PLAIN, Surroundings, set_state, state_of
from tensorgrad.xla.array import Array

ARGUMENT = "it is an argument of the compiled function, and the caller's array would not change"


class Outcome:
    """Results of a program: arrays, and the plan that describes them. JAX keeps the plan beside the program."""

    __slots__ = ("plan", "values")

    def __init__(self, plan: Plan, values: Any) -> None:
        self.plan, self.values = plan, values


jax.tree_util.register_pytree_node(
    Outcome, lambda outcome: (outcome.values, outcome.plan), lambda plan, values: Outcome(plan, values)
)


class Program:
    """Programs of a function for arguments of one structure. JAX compiles one for each set of shapes and dtypes.

    Attributes:
        surroundings: what the function uses besides its arguments, found when this program was last looked up.
        arguments: those of the running call; None between calls, to keep no batch alive.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.compiled = jax.jit(self._trace)
        self.arguments: Arguments | None = None
        self._floats: list[int] = []
        self._is_single = False

    def use_for(self, arguments: Arguments, surroundings: Surroundings) -> None:
        """Use this program for arguments like these until something changes."""
        self.surroundings = surroundings
        self._mode = current_mode()
        self._structure, self._objects = arguments.structure, arguments.objects
        self._places = list(map(surroundings.place, arguments.tensors))

    def fits(self, arguments: Arguments) -> bool:
        """Return whether this is the program for these arguments, and what the function uses has not changed."""
        surroundings, objects = self.surroundings, arguments.objects
        return (
            arguments.structure == self._structure
            and current_mode() is self._mode
            and (not objects or all(one is other for one, other in zip(objects, self._objects)))
            and (not arguments.tensors or list(map(surroundings.place, arguments.tensors)) == self._places)
            and surroundings.unchanged()
        )

    def tensors_of(self, arguments: Arguments) -> list[Tensor]:
        """Return the tensors that the function uses: those of its surroundings, then those among its arguments."""
        known = self.surroundings.tensors
        if not arguments.tensors:
            return known
        return known + [t for t, place in zip(arguments.tensors, self._places) if place is None]

    def run(self, arguments: Arguments, tensors: list[Tensor], seeds: list[int] | None) -> Outcome:
        """Return the results for these arguments."""
        inputs = _values(list(map(ARRAY, tensors)))
        with_grad = tensors if arguments.tensors else self.surroundings.with_grad
        inputs += _values([gradient for gradient in map(GRAD, with_grad) if gradient is not None])
        self._floats = [len(inputs) + place for place in arguments.floats]
        inputs += arguments.values
        if seeds is not None:
            inputs.append(np.array(seeds, np.uint32))
        self.arguments = arguments
        try:
            with jax.enable_x64(True):
                try:
                    outcome = self._called(inputs)
                except _OtherPrecision:
                    self._is_single = not self._is_single
                    outcome = self._called(inputs)
        finally:
            self.arguments = None
        if outcome.plan.source is None:
            outcome.plan.source = self, list(map(_description, inputs))
        return outcome

    def _called(self, inputs: list[Any]) -> Outcome:
        if self._floats:
            assert self.arguments is not None
            kind = np.float32 if self._is_single else float
            for place, number in zip(self._floats, map(self.arguments.values.__getitem__, self.arguments.floats)):
                inputs[place] = kind(number)
        outcome: Outcome = self.compiled(inputs)
        return outcome

    def _trace(self, values: list[Any]) -> Outcome:
        """Return the results as tracers. JAX calls this when it has no program for these shapes and dtypes."""
        arguments, generators = self.arguments, self.surroundings.generators
        assert arguments is not None
        if self._floats and _is_single(values, self._floats) != self._is_single:
            raise _OtherPrecision
        inputs = list(map(array_of, values))
        keys = Keys(generators, inputs.pop().value) if generators else Keys([], None)
        states = [state_of(each) for each in generators]
        drawn = np.random.get_state(legacy=False)  # noqa: NPY002 (state of the legacy functions)
        since = next_number()
        changes = Changes(self, self.tensors_of(arguments))
        try:
            waiting = iter(inputs)
            changes.begin(waiting)
            rest = list(waiting)
            for place in arguments.floats:
                rest[place].value = _as_number(rest[place].value)
            for each in rest:
                each.owner = ARGUMENT
            args, kwargs = arguments.replaced(iter(rest))
            config: Any = jax.config
            precision = config.jax_default_matmul_precision or "highest"  # JAX's default on GPUs is TF32
            with tracing(since), randomness.replaced(keys), jax.default_matmul_precision(precision):
                result = self.function(*args, **kwargs)
            same = np.random.get_state(legacy=False)  # noqa: NPY002
            if not _equal(drawn, same) or not all(_equal(s, state_of(g)) for s, g in zip(states, generators)):
                raise _refusals.drew()
            plan, results = changes.results(result)
        except Exception as error:
            for each, before in zip(generators, states):
                set_state(each, before)
            np.random.set_state(drawn)  # noqa: NPY002
            if not isinstance(error, TraceError):
                line = user_line(traceback.extract_tb(error.__traceback__))
                error.add_note(f"compile: raised while {_refusals.name_of(self.function)} was traced, at {line}")
            raise
        finally:
            changes.undo()
        return Outcome(plan, results)


class Plan:
    """Description of the results of a program.

    Attributes:
        template: the result of the function, in which everything but containers is replaced.
        leaves: for each leaf of the template a kind and a value: the position of an array of the program, the place of
            a tensor that was an argument or was found, or a constant.
        changes: for each changed tensor its place and the positions of its array and its gradient.
        source: the program, and the shapes and dtypes of its inputs.
    """

    def __init__(self, template: Any, parts: list[tuple[str, Any]], changes: list[tuple[int, int, int]]) -> None:
        self.template, self.leaves, self.changes = template, parts, changes
        self.source: Any = None
        self.is_new = True
        self._only_arrays = all(array != KEPT and grad == KEPT for _, array, grad in changes)
        places = {place for place, _, _ in changes}
        self._is_changed = [place in places for place in range(max(places, default=-1) + 1)]

    def finish(self, values: list[Any], tensors: list[Tensor]) -> Any:
        """Assign the changed tensors and return the result of the function."""
        if self.changes and not self._rebound(values, tensors):
            _rebind(self.changes, values, tensors)
        if self.template is None:
            return _made(*self.leaves[0], values, tensors)
        return rebuilt(self.template, iter([_made(kind, value, values, tensors) for kind, value in self.leaves]))

    def _rebound(self, values: list[Any], tensors: list[Tensor]) -> bool:
        """Do what `_rebind` does and return True, if only arrays have changed and no graph uses the tensors.

        The assignments are one call of a function written in C, which Ctrl-C cannot interrupt. Postponing Ctrl-C,
        as `_rebind` does, would take as long as all the rest. Arrays without other references are updated in
        place; replacing them would take twice as long.
        """
        if not self._only_arrays:
            return False
        changed = list(compress(tensors, self._is_changed))
        arrays, of_tensors = list(map(ARRAY, changed)), list(map(NODE, changed))
        nodes, new = list(filter(None, of_tensors)), values[-len(changed) :]
        if max(map(getrefcount, nodes), default=0) > OF_LEAF + 1:  # the tensor, two lists and `map` refer to a node
            return False
        if _unshared(arrays, of_tensors, nodes):
            deque(map(WRITE, arrays, new), 0)
        else:
            replacements = list(map(array_of, new))
            replacements += compress(replacements, of_tensors)
            deque(map(setattr, changed + nodes, repeat("array"), replacements), 0)
        return True

    def executable(self) -> Any:
        """Return the compiled program, as JAX describes it."""
        program, inputs = self.source
        with jax.enable_x64(True):
            return program.compiled.lower(inputs).compile()


def _unshared(arrays: list[Any], of_tensors: list[Node | None], nodes: list[Node]) -> bool:
    """Return whether only tensors and their nodes refer to these arrays, and none is a view or a NumPy array."""
    try:
        if any(map(OWNER, arrays)):
            return False
    except AttributeError:  # NumPy arrays, as in the first call
        return False
    if not all(map(operator.is_, map(ARRAY, nodes), compress(arrays, of_tensors))):  # after a backward pass
        return False
    return sum(map(getrefcount, arrays)) <= 3 * len(arrays) + len(nodes)  # the tensor, its node, the list and `map`


KEPT, REMOVED = -1, -2
"""In place of a position: the array or gradient is unchanged; the gradient is None."""


def _made(kind: str, value: Any, values: list[Any], tensors: list[Tensor]) -> Any:
    if kind == "tensor":
        return tensor_at(array_of(values[value]), None)
    if kind == "array":
        return array_of(values[value])
    return tensors[value] if kind == "given" else value


@interrupts.uninterrupted
def _rebind(changes: list[tuple[int, int, int]], values: list[Any], tensors: list[Tensor]) -> None:
    for place, array, grad in changes:
        tensor = tensors[place]
        new = tensor.array if array == KEPT else array_of(values[array])
        if grad == KEPT and tensor.node is None:
            tensor.array = new  # type: ignore[assignment]
        else:
            old = tensor.grad
            tensor.rebind(new, old if grad == KEPT else None if grad == REMOVED else array_of(values[grad]))


class Changes:
    """Tensors with placeholders while a function is traced: what the function changes, and how to undo it."""

    def __init__(self, program: Program, tensors: list[Tensor]) -> None:
        self.holders = program.surroundings.holders
        self.found = len(program.surroundings.tensors)
        self.tensors = tensors
        self.before = [(tensor, tensor.array, tensor.node, tensor.grad) for tensor in tensors]
        self.given: list[tuple[Array, Any, Array | None]] = []
        self.nodes: list[Node | None] = []

    def begin(self, inputs: Iterator[Array]) -> None:
        """Replace the arrays of the tensors, and their gradients, with placeholders."""
        arrays = [next(inputs) for _ in self.before]
        for place, (array, (tensor, _, node, grad)) in enumerate(zip(arrays, self.before)):
            gradient = None if grad is None else next(inputs)
            self.given.append((array, array.value, gradient))
            own = None if node is None else leaf_node(weakref.ref(tensor), array, tensor.name)
            if own is not None and node is not None:
                own.hooks = node.hooks
                if node.operation is not None and place < self.found:
                    own.hooks = [_refusing(tensor)]
            self.nodes.append(own)
            tensor.array, tensor.node = array, own  # type: ignore[assignment]
            tensor.rebind(array, gradient)

    def results(self, result: Any) -> tuple[Plan, list[Any]]:
        """Return the plan and the arrays of the result and of the changed tensors."""
        values: list[Any] = []

        def position(array: Any) -> int:
            values.append(array.value if isinstance(array, Array) else jax.numpy.asarray(array))
            return len(values) - 1

        assigned = self._replaced_attributes()
        parts = [self._part(leaf, position) for leaf in leaves(result)]
        template = None if not isinstance(result, (tuple, list, dict)) else rebuilt(result, iter([None] * len(parts)))
        changes = []
        for place, (tensor, (array, value, gradient)) in enumerate(zip(self.tensors, self.given)):
            now = assigned.get(id(tensor), tensor)
            if (now.node is None) != (self.nodes[place] is None) and now is tensor:
                raise _refusals.gradient_switched(tensor)
            held: Any = now.array
            kept = held is array and array.value is value
            grad: Any = now.grad
            if grad is None:
                after = KEPT if gradient is None else REMOVED
            else:
                after = KEPT if grad is gradient else position(grad)
            if not kept or after != KEPT:
                changes.append((place, KEPT if kept else position(held), after))
        return Plan(template, parts, changes), values

    def _part(self, leaf: Any, position: Callable[[Any], int]) -> tuple[str, Any]:
        if isinstance(leaf, Tensor):
            for place, tensor in enumerate(self.tensors):
                if tensor is leaf:
                    return "given", place
            if leaf.node is not None and leaf.node.state is LIVE:
                arguments = {node for node in self.nodes[self.found :] if node is not None}
                if not arguments.isdisjoint(topological_order([leaf.node])):
                    raise _refusals.graph_lost()
            return "tensor", position(leaf.array)
        if isinstance(leaf, (Array, np.ndarray)):
            return "array", position(leaf)
        return "constant", leaf

    def _replaced_attributes(self) -> dict[int, Tensor]:
        """Return the tensors that replaced found ones, by the ids of the latter; undo changes of other attributes."""
        replaced: dict[int, Tensor] = {}
        for holder, name, before, after in self._changed():
            if isinstance(before, Tensor) and isinstance(after, Tensor):
                replaced[id(before)] = after
            elif isinstance(after, PLAIN) and not isinstance(before, Tensor) and not holder.is_new(name):
                raise _refusals.attribute_changed(name, before, after)
        return replaced

    def _changed(self) -> Iterator[tuple[Any, Any, Any, Any]]:
        for holder in self.holders:
            now = dict(holder.items())
            for name in [*holder.before, *(name for name in now if name not in holder.before)]:
                before, after = holder.before.get(name), now.get(name)
                if before is not after:
                    yield holder, name, before, after

    def undo(self) -> None:
        """Restore the arrays of all tensors, and remove placeholders from attributes and containers."""
        for tensor, array, node, grad in self.before:
            tensor.array, tensor.node = array, node
            tensor.rebind(array, grad)
        for holder, name, before, after in list(self._changed()):
            is_kept = isinstance(after, PLAIN) and holder.is_new(name)  # an attribute that is computed once
            if isinstance(before, Tensor) or (isinstance(after, PLAIN) and not is_kept) or _is_traced(after):
                holder.restore(name)


def _refusing(tensor: Tensor) -> Callable[[Any], Any]:
    def refuse(gradient: Any) -> Any:
        raise _refusals.made_by_operation(tensor)

    return refuse


def _is_traced(value: Any, depth: int = 0) -> bool:
    """Return whether `value` is or contains a placeholder."""
    if isinstance(value, Tensor):
        return _is_traced(value.array)
    if isinstance(value, Array):
        return isinstance(value.value, jax.core.Tracer)
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, (list, tuple, set)) and depth < 20 and any(_is_traced(item, depth + 1) for item in value)


def array_of(value: Any) -> Array:
    """Return the `Array` for a JAX array, without checks."""
    array: Array = object.__new__(Array)
    array.value, array.owner, array.transpose_of = value, None, None
    return array


def _values(arrays: list[Any]) -> list[Any]:
    """Return the arrays, with its JAX array in place of each `Array`."""
    try:
        return list(map(VALUE, arrays))
    except AttributeError:
        return [array.value if array.__class__ is Array else array for array in arrays]


VALUE, OWNER = operator.attrgetter("value"), operator.attrgetter("owner")
WRITE = vars(Array)["value"].__set__
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def _description(value: Any) -> Any:
    """Return what JAX needs to know about an input to find the program again: shape, dtype and devices."""
    describe: Any = jax.ShapeDtypeStruct
    if not isinstance(value, jax.Array):
        return value if value.__class__ is float else describe(value.shape, value.dtype)
    several = len(value.sharding.device_set) > 1
    weak: Any = value.weak_type
    return describe(value.shape, value.dtype, sharding=value.sharding if several else None, weak_type=weak)


class _OtherPrecision(Exception):
    """The floats among the arguments were not passed in the precision of the arrays."""


def _is_single(inputs: list[Any], floats: list[int]) -> bool:
    """Return whether float32 is the widest dtype among the arrays, so that the program needs no float64."""
    kinds = {each.dtype for place, each in enumerate(inputs) if place not in floats}
    return _FLOAT32 in kinds and _FLOAT64 not in kinds


def _as_number(value: Any) -> Any:
    """Return a traced float as a number whose dtype adapts to the arrays it is combined with, like a Python number."""
    with jax.enable_x64(value.dtype == _FLOAT64):
        return jax.lax.convert_element_type(value, float)


def _equal(a: Any, b: Any) -> bool:
    """Return whether two states of a generator, dicts that hold arrays, are equal."""
    if isinstance(a, dict):
        return all(_equal(value, b[key]) for key, value in a.items())
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)

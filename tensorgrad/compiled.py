"""Generate the Python function that users call for each declared operation: `record`, specialised for speed.

The code is generated for exactly that operation's arguments, as `dataclasses` does for `__init__`: nothing is looked
up, bound or looped over at call time. With arrays of 16 elements, a call is more than 20 times as fast. Use
`print(tg.multiply.operation.source)` to see an example. Tests check that results and nodes equal those of `record`.
"""

from __future__ import annotations

import functools
import linecache
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, Signature
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np

from tensorgrad import _messages, _operands, anomaly
from tensorgrad._hints import unexpected_argument
from tensorgrad._views import note_view
from tensorgrad.backward import call_rules
from tensorgrad.modes import current_mode
from tensorgrad.node import LIVE, Node, Result, next_number
from tensorgrad.tensor import Tensor, tensor_at


@dataclass(frozen=True)
class Plan:
    """Everything the generated function depends on: two operations with equal plans share their code.

    Attributes:
        parameters: those of the forward rule.
        inputs: the parameters that can be tensors; a sequence of tensors comes last.
        sequence: the one among them that is a sequence, if any.
        saves: for each input, the names of its rule's parameters; None for an input without a rule.
        joint: whether there is one rule for all inputs.
        keep: names of the values that the forward rule hands over besides its result.
        results: whether the forward rule returns several results.
        composed: whether the operands are saved too, for the composed form.
        needs_numpy: whether arrays of other libraries are treated differently.
        lowered: whether they are treated differently while a function is traced.
        view: whether the result may be a view of the first input.
        reflected: whether the two operands are swapped, as for `__rsub__`.
        settled: the options that may be lists or arrays, which the caller can write into.
    """

    parameters: tuple[Parameter, ...]
    inputs: tuple[str, ...]
    sequence: str | None
    saves: tuple[tuple[str, ...] | None, ...]
    joint: bool = False
    keep: tuple[str, ...] = ()
    results: bool = False
    composed: bool = False
    needs_numpy: bool = False
    lowered: bool = False
    view: bool = False
    reflected: bool = False
    settled: tuple[str, ...] = ()

    @property
    def single(self) -> list[tuple[str, tuple[str, ...] | None]]:
        """Return the inputs that are single tensors, with the names saved for them."""
        return [(i, save) for i, save in zip(self.inputs, self.saves) if i != self.sequence]

    @property
    def options(self) -> list[Parameter]:
        """Return the parameters that cannot be tensors."""
        return [p for p in self.parameters if p.name not in self.inputs]


def written(plan: Plan) -> tuple[str, str]:
    """Return the parameter list and the body of the recording function."""
    header = ", ".join(reversed(plan.inputs)) if plan.reflected else str(Signature(list(plan.parameters)))[1:-1]
    lines = []
    if any(p.name == "axis" for p in plan.parameters) and not plan.reflected:  # users of PyTorch write dim=
        header += ", **_unknown"
        lines += ["if _unknown:", "    raise helpers.unexpected_argument(name, _unknown)"]
    lines += [*_take_arrays(plan), *_compute(plan), *_record(plan)]
    return header, "".join(f"        {line}\n" for line in lines)


def _take_arrays(plan: Plan) -> Iterator[str]:
    for i, _ in plan.single:
        yield f"{i}_node = None"
        yield f"{i}_operand = {i}"
        yield f"if isinstance({i}, Tensor):"
        yield f"    {i}_node = {i}.node"
        yield f"    {i} = {i}.array"
        yield f"elif {i}.__class__ not in numbers:"
        yield f"    {i} = {i}_operand = helpers.check_operand({i}, name)"
        yield f"    if isinstance({i}, Tensor):"  # lists that contained one
        yield f"        {i}_node = {i}.node"
        yield f"        {i} = {i}.array"
    if s := plan.sequence:
        yield f"{s}_operands = helpers.check_sequence({s}, name)"
        yield f"{s}_nodes = [i.node if isinstance(i, Tensor) else None for i in {s}_operands]"
        yield f"{s} = [i.array if isinstance(i, Tensor) else i for i in {s}_operands]"
    if plan.needs_numpy or plan.lowered:
        operands = [f"{i}_operand" for i, _ in plan.single] + ([f"*{plan.sequence}_operands"] if plan.sequence else [])
        others = " or ".join(f"{i}.__class__ is not ndarray" for i, _ in plan.single)  # the call takes 0.5 µs
        some = "" if plan.sequence else f"({others}) and "
        traced = "" if plan.needs_numpy else "current_mode().since and "
        yield f"if {some}{traced}helpers.holds_foreign([{', '.join(operands)}]):"
        yield f"    return operation.on_foreign({', '.join(_passed_on(plan, p) for p in plan.parameters)})"
    for option in plan.options:
        yield f"if isinstance({option.name}, Tensor):"
        yield f"    {option.name} = helpers.check_option({option.name}, {option.name!r}, operation)"


def _compute(plan: Plan) -> Iterator[str]:
    yield "try:"
    yield f"    out = forward({', '.join(_argument(p) for p in plan.parameters)})"
    yield "except Exception as error:"
    yield f"    better = helpers.explained(error, name, {{{', '.join(f'{i!r}: {i}' for i in plan.inputs)}}})"
    yield "    if better is None:"
    yield "        raise"
    yield "    try:"
    yield "        raise better from error"
    yield "    finally:"
    yield "        del better  # break the cycle exception → traceback → frame → exception"
    if plan.keep:
        yield f"out, ({', '.join(plan.keep)},) = out"
    if plan.results:
        yield "out = operation.results(*[helpers.check_result(each, name) for each in out])"
        return
    yield "if out.__class__ is not ndarray:"
    yield "    out = helpers.check_result(out, name)"
    yield "_dtype = out.dtype"
    is_unusual = "_dtype is not float32 and _dtype is not float64"  # .kind is slow
    yield f"if {is_unusual} and _dtype.kind not in helpers.real_kinds:"
    yield "    raise helpers.not_real(_dtype, name)"
    if plan.view:
        first = f"{plan.inputs[0]}_operand" if plan.inputs[0] != plan.sequence else f"{plan.sequence}_operands[0]"
        yield "if out.__class__ is not ndarray or out.base is not None:"
        yield f"    helpers.note_view({first}, out)"
    yield "_result = new(Tensor)"
    yield "_result.array = out"
    yield "_result.node = _result._grad = _result._name = None"


def _record(plan: Plan) -> Iterator[str]:
    untracked = [f"{i}_node is None" for i, save in plan.single if save is not None]
    inputs = [
        f"{i}_node or ({i} if {i}.__class__ in numbers else helpers.without_gradient({i}_operand))"
        for i, _ in plan.single
    ]
    saved = [_saved(plan, i, save) for i, save in plan.single]
    if s := plan.sequence:
        untracked.append(f"not helpers.any({s}_nodes)")
        inputs.append(f"*[n or helpers.without_gradient(i) for n, i in helpers.zip({s}_nodes, {s}_operands)]")
        item = "".join(f"{_value(plan, name)}, " for name in plan.saves[-1] or ())
        saved.append(f"*[None if n is None else ({item}) for index, n in helpers.enumerate({s}_nodes)]")
    if plan.joint:
        shared = next(save for save in plan.saves if save is not None)
        saved = [f"({''.join(f'{_value(plan, name)}, ' for name in shared)})"]
    if plan.composed:
        saved.append(f"({', '.join(plan.inputs)},)")
    options = ", ".join(f"{p.name!r}: {p.name}" for p in plan.options)
    nodes = [f"{i}_node" for i, _ in plan.single] + ([f"*{plan.sequence}_nodes"] if plan.sequence else [])

    without_graph = "helpers.tensors(out, None, operation)" if plan.results else "_result"
    yield f"if {' and '.join(untracked) or 'True'}:"
    yield f"    return {without_graph}"
    yield "_mode = current_mode()"
    yield "if not _mode.recording:"
    yield "    if _mode.since:"
    yield f"        helpers.check_sources(({', '.join(nodes)},))"
    yield f"    return {without_graph}"
    for name in plan.settled:
        yield f"if {name}.__class__ not in helpers.fixed_types:"
        yield f"    {name} = helpers.settled({name})"
    if plan.results:
        yield "_shapes = helpers.tuple([each.shape for each in out])"
        yield "_dtypes = helpers.tuple([each.dtype for each in out])"
        yield f"_node = Node(operation, ({', '.join(inputs)},), {{{options}}}, ({', '.join(saved)},), _shapes, _dtypes)"
        yield "_result = helpers.tensors(out, _node, operation)"
    else:
        yield "if _dtype is not float32 and _dtype is not float64 and _dtype.kind != 'f':"
        yield "    raise helpers.not_float(_dtype, name)"
        yield "_result.node = _node = new(Node)"  # `Node(...)` without its call
        yield "_node.number = next_number()"
        yield "_node.operation = operation"
        yield f"_node.inputs = ({', '.join(inputs)},)"
        yield f"_node.options = {{{options}}}" if options else "_node.options = no_options"
        yield f"_node.saved = ({', '.join(saved)},)"
        yield "_node.state = live"
        yield "_node.shape = out.shape"
        yield "_node.dtype = _dtype"
        yield "_node.tensor = _node.hooks = _node.seed = None"
        yield "_node.collects = False"
        yield "_node.scopes = ()"
    yield "if _mode.watched:"
    yield f"    helpers.watch(_node, {'out' if plan.results else '(out,)'})"
    yield "return _result"


def _argument(p: Parameter) -> str:
    if p.kind is p.VAR_POSITIONAL:
        return f"*{p.name}"
    return f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else p.name


def _passed_on(plan: Plan, p: Parameter) -> str:
    """Return the source of an argument passed on to another function with the same parameters."""
    operands = {i: f"{i}_operand" for i, _ in plan.single} | {plan.sequence: f"{plan.sequence}_operands"}
    star = "*" if p.kind is p.VAR_POSITIONAL else f"{p.name}=" if p.kind is p.KEYWORD_ONLY else ""
    return star + operands.get(p.name, p.name)


def _saved(plan: Plan, owner: str, save: tuple[str, ...] | None) -> str:
    if save is None:
        return "None"
    values = [f"{owner}.shape" if name == f"{owner}_shape" else _value(plan, name) for name in save]
    return f"None if {owner}_node is None else ({''.join(f'{value}, ' for value in values)})"


def _value(plan: Plan, name: str) -> str:
    """Return the source for a variable; `x_shape` is the shape of the operand `x`, unless it is a parameter itself."""
    if name.endswith("_shape") and name not in {p.name for p in plan.parameters}:
        return f"helpers.shape_of({name.removesuffix('_shape')})"
    return name


def rule_caller(operation: Any) -> Callable[..., Any]:
    """Return `backward.call_rules`, specialised if the operation has one result and a rule for each operand.

    The specialised version is generated on the first call, and replaces `operation.call`.
    """
    if operation.joint is not None or operation.results is not None or operation.sequence:
        return call_rules

    def first_call(node: Node, gradient: Any, wanted: Any = None, saved: Any = None) -> Any:
        counts = tuple(None if names is None else len(names) for names in operation.saves)
        namespace: dict[str, Any] = {}
        exec(_caller(counts, operation.composed is not None), namespace)
        operation.call = namespace["call"]
        return operation.call(node, gradient, wanted, saved)

    return first_call


@functools.cache
def _caller(counts: tuple[int | None, ...], composed: bool) -> CodeType:
    numbers = [i for i, count in enumerate(counts) if count is not None]
    pairs = {
        i: f"({i}, rule{i}(gradient{''.join(f', saved{i}[{k}]' for k in range(counts[i] or 0))}))" for i in numbers
    }
    every = range(len(counts))
    lines = [
        "def call(node, gradient, wanted=None, saved=None):",
        f"    {''.join(f'saved{i}, ' for i in every)}{'_' if composed else ''} = saved or node.saved",
        f"    {''.join(f'rule{i}, ' for i in every)} = node.operation.rules",
        *(f"    asked{i} = saved{i} is not None and (wanted is None or node.inputs[{i}] in wanted)" for i in numbers),
    ]
    if len(numbers) > 1:
        lines.append(f"    if {' and '.join(f'asked{i}' for i in numbers)}: return ({', '.join(pairs.values())})")
    if len(numbers) <= 2:
        lines += [f"    if asked{i}: return ({pairs[i]},)" for i in numbers] + ["    return ()"]
    else:
        lines += ["    found = ()", *(f"    if asked{i}: found += ({pairs[i]},)" for i in numbers), "    return found"]
    return compile("\n".join(lines), "<tensorgrad rules>", "exec")


def tensors(results: Any, node: Node | None, operation: Any) -> Any:
    """Return several results as a named tuple of tensors."""
    return operation.results(*(
        tensor_at(each, None if node is None or each.dtype.kind != "f" else Result(node, index))
        for index, each in enumerate(results)
    ))  # fmt: skip


HELPERS = SimpleNamespace(
    check_operand=_operands.check_operand,
    check_sequence=_operands.check_sequence,
    check_option=_operands.check_option,
    check_result=_operands.check_result,
    shape_of=_operands.shape_of,
    holds_foreign=_operands.holds_foreign,
    without_gradient=_operands.without_gradient,
    fixed_types=_operands.FIXED,
    settled=_operands.settled,
    real_kinds=_operands.REAL_KINDS,
    note_view=note_view,
    tensors=tensors,
    explained=_messages.explained,
    not_real=_messages.not_real,
    not_float=_messages.not_float,
    unexpected_argument=unexpected_argument,
    watch=anomaly.watch,
    check_sources=anomaly.check_sources,
    any=any,
    zip=zip,
    enumerate=enumerate,
    tuple=tuple,
)
"""What the generated functions use in some calls, including builtins, because modules of `ops` redefine `any`."""

NAMES: dict[str, Any] = {
    "helpers": HELPERS,
    "Tensor": Tensor,
    "Node": Node,
    "new": object.__new__,
    "next_number": next_number,
    "current_mode": current_mode,
    "numbers": _operands.NUMBERS,
    "live": LIVE,
    "no_options": {},
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "ndarray": np.ndarray,
    "isinstance": isinstance,
}
"""What they use in every call. Each name here costs every call of an operation about a thousandth of its time."""


_FIXED_ANNOTATIONS = frozenset({"bool", "int", "float", "str", "int | None", "Axis", "Shape", "DTypeLike"})
"""Annotations of options that cannot be lists or arrays in NumPy."""


def plan_of(operation: Any, *, reflected: bool = False) -> Plan:
    """Return the plan of `operation`."""
    bare = tuple(  # without annotations, and with None for every default; the real ones are set afterwards
        p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else None)
        for p in operation.signature.parameters.values()
    )
    return Plan(
        parameters=bare,
        inputs=operation.inputs,
        sequence=operation.sequence,
        saves=operation.saves,
        joint=operation.joint is not None,
        keep=operation.keep,
        results=operation.results is not None,
        composed=operation.composed is not None,
        needs_numpy=operation.needs_numpy,
        lowered=bool(operation.lowering),
        view=operation.view,
        reflected=reflected,
        settled=tuple(
            p.name
            for p in operation.signature.parameters.values()
            if p.name not in operation.inputs and p.annotation not in _FIXED_ANNOTATIONS
        ),
    )


def recorder(operation: Any, *, reflected: bool = False) -> Any:
    """Return the public function, in the module that declared it and with the name of its forward rule.

    Its code is generated on the first call: `import tensorgrad` would take twice as long if it compiled every
    operation. The initial code only replaces itself by the generated code and calls the function again.
    """
    name, forward = operation.name, operation.forward
    namespace: dict[str, Any] = {}
    exec(_FIRST_CALL, forward.__globals__, namespace)

    def complete() -> Callable[..., Any]:
        plan = plan_of(operation, reflected=reflected)
        code = next(c for c in _compiled(plan).co_consts if isinstance(c, CodeType))
        code = next(c for c in code.co_consts if isinstance(c, CodeType))
        filename = f"<tensorgrad {name}>"
        function.__code__ = code.replace(co_name=name, co_filename=filename)
        linecache.cache[filename] = (0, None, shown(plan, name).splitlines(True), filename)
        return function

    function: Any = namespace["make"](name, forward, operation, complete, **NAMES)
    function.__defaults__, function.__kwdefaults__ = forward.__defaults__, forward.__kwdefaults__
    return function


def _made(header: str, body: str) -> str:
    """Return the source of `make`. All functions it makes have the same free variables, so that their code can be
    replaced: names count as used even in unreachable code."""
    return (
        f"def make(name, forward, operation, complete, {', '.join(NAMES)}):\n"
        f"    def recorded({header}):\n"
        f"        if False:\n"
        f"            name, forward, operation, complete, {', '.join(NAMES)}\n"
        f"{body}"
        f"    return recorded\n"
    )


_FIRST_CALL = compile(_made("*args, **kwargs", "        return complete()(*args, **kwargs)\n"), "<tensorgrad>", "exec")


@functools.cache
def _compiled(plan: Plan) -> CodeType:
    return compile(_made(*written(plan)), "<tensorgrad>", "exec")


def source(operation: Any) -> str:
    """Return the source of the recording function in readable form."""
    return shown(plan_of(operation), operation.name)


def shown(plan: Plan, name: str) -> str:
    """Return the source for the name of one operation."""
    header, body = written(plan)
    return f"def {name}({header}):\n{textwrap.indent(textwrap.dedent(body), '    ')}"

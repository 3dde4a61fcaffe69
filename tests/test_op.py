"""`@op`: what a declaration means, what it refuses, and the function that comes out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import numpy_dispatch
from tensorgrad.op import PLAIN, operation_of, registry


@pytest.fixture(autouse=True)
def registries_restored() -> Iterator[None]:
    """Declarations made here are forgotten again."""
    names, answers = dict(registry), dict(numpy_dispatch.answers)
    yield
    registry.clear()
    registry.update(names)
    numpy_dispatch.answers.clear()
    numpy_dispatch.answers.update(answers)


def leaf(*numbers: float) -> tg.Tensor:
    return tg.tensor(numbers, requires_grad=True)


def test_op_declares_a_custom_operation_in_three_lines() -> None:
    @tg.op(x=lambda g, x: g * 3 * x**2)
    def cube(x: Any) -> Any:
        """x³."""
        return x**3

    x = leaf(1.0, 2.0)
    y = cube(x)
    assert repr(y) == "Tensor([1., 8.], op=cube)"
    slope = tg.gradient(y.sum(), x, create_graph=True)
    np.testing.assert_array_equal(slope.data, [3.0, 12.0])
    curvature = tg.gradient(slope.sum(), x, create_graph=True)
    np.testing.assert_array_equal(curvature.data, [6.0, 12.0])
    np.testing.assert_array_equal(tg.gradient(curvature.sum(), x), [6.0, 6.0])


def test_op_keeps_name_signature_and_docstring() -> None:
    @tg.op(x=lambda g: g)
    def shifted(x: Any, by: float = 1.0, *, up: bool = True) -> Any:
        """Moved."""
        return x + by if up else x - by

    assert shifted.__name__ == "shifted"
    assert shifted.__doc__ == "Moved."
    assert shifted.__module__ == __name__
    assert shifted.__qualname__.endswith("shifted")
    assert str(inspect.signature(shifted)).startswith("(x: 'Any', by: 'float' = 1.0, *, up: 'bool' = True)")
    assert float(shifted(1.0)) == 2.0
    assert float(shifted(1.0, 5.0, up=False)) == -4.0
    assert float(shifted(x=1.0, by=2.0)) == 3.0
    with pytest.raises(TypeError, match="missing a required argument" if PLAIN else "shifted"):
        shifted()
    with pytest.raises(TypeError, match="down"):
        shifted(1.0, down=True)


def test_op_saves_the_parameters_of_rules() -> None:
    @tg.op(x=lambda g, y, out, x_shape, power: g * y, y=lambda g: g)
    def odd(x: Any, y: Any, power: int = 2) -> Any:
        return x * y

    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    result = odd(x, y, power=5)
    assert result.node is not None
    assert result.node.saved is not None
    for_x, for_y = result.node.saved
    assert for_x is not None
    assert for_x[0] is y.data
    assert for_x[1] is result.array
    assert for_x[2:] == ((2,), 5)
    assert for_y == ()
    assert result.node.options == {"power": 5}


def test_add_saves_nothing() -> None:
    node = (leaf(1.0) + leaf(2.0)).node
    assert node is not None
    assert node.saved == ((), ())


def test_op_saves_nothing_for_an_operand_without_a_gradient() -> None:
    node = (leaf(1.0) * tg.tensor([2.0])).node
    assert node is not None
    assert node.saved is not None
    assert node.saved[1] is None


def test_op_with_a_rule_of_none_does_not_differentiate_the_input() -> None:
    @tg.op(mask=None, x=lambda g, mask: g * mask)
    def masked(x: Any, mask: Any) -> Any:
        return x * mask

    x, mask = leaf(1.0, 2.0), leaf(0.0, 1.0)
    assert not masked(x.detach(), mask).requires_grad
    masked(x, mask).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 1.0])
    assert mask.grad is None


def test_op_accepts_a_sequence_of_tensors() -> None:
    @tg.op(parts=lambda g, index, weight: g * weight * (index + 1), sequence="parts")
    def weighted(parts: Sequence[Any], weight: float = 1.0) -> Any:
        total = 0.0
        for position, part in enumerate(parts):
            total = total + weight * (position + 1) * part
        return total

    a, b, c = leaf(1.0), leaf(2.0), tg.tensor([3.0])
    result = weighted([a, b, c, 4.0], weight=2.0)
    np.testing.assert_array_equal(result.data, [2.0 + 8.0 + 18.0 + 32.0])
    result.sum().backward()
    assert (a.grad, b.grad, c.grad) == (2.0, 4.0, None)
    twice = weighted((a, a))
    a.zero_grad()
    twice.sum().backward()
    assert a.grad == 3.0
    for wrong in (1.0, tg.tensor(1.0), np.array(1.0)):
        with pytest.raises(TypeError, match=r"^weighted: expected a sequence"):
            weighted(wrong)
    with pytest.raises(ValueError, match=r"^weighted: expected at least one"):
        weighted([])


def test_apply_returns_arrays_for_arrays_and_tensors_for_tensors() -> None:
    @tg.op(x=lambda g: 2 * g)
    def doubled(x: Any) -> Any:
        return 2 * np.asarray(x)

    assert isinstance(doubled(np.ones(2)), tg.Tensor)
    assert type(doubled.apply(np.ones(2))) is np.ndarray
    assert isinstance(doubled.apply(tg.tensor([1.0])), tg.Tensor)
    x = leaf(1.0)
    doubled.apply(x).sum().backward()
    assert x.grad == 2.0


def test_apply_of_composed_operations_and_sequences_follows_the_arguments() -> None:
    assert type(tg.linalg.norm.apply(np.ones(4))) is np.ndarray
    assert isinstance(tg.concatenate.apply([np.ones(2), tg.tensor([1.0])]), tg.Tensor)
    assert type(tg.concatenate.apply([np.ones(2), np.ones(1)])) is np.ndarray


def test_op_adds_a_numpy_function_and_a_method() -> None:
    @tg.op(x=lambda g, x: g * np.sinh(x), numpy=np.i0, methods=["bessel"])
    def i0(x: Any) -> Any:
        return np.i0(x)

    try:
        assert isinstance(np.i0(leaf(1.0)), tg.Tensor)
        assert isinstance(tg.tensor([1.0]).bessel(), tg.Tensor)  # type: ignore[attr-defined]
        assert operation_of(i0).methods == ("bessel",)
        assert any(function is i0 for function in registry.values())
    finally:
        del tg.Tensor.bessel  # type: ignore[attr-defined]


def test_op_source_can_be_read() -> None:
    source = tg.multiply.operation.source
    assert "def multiply(x, y):" in source
    compile(source, "multiply", "exec")


# -- bad declarations -------------------------------------------------------------------------------------


def one(x: Any) -> Any:
    return x * 1.0


def test_op_rejects_a_declaration_without_rules() -> None:
    with pytest.raises(TypeError, match=r"^op one: .*at least one"):
        tg.op()(one)


def test_op_rejects_a_rule_for_an_unknown_parameter() -> None:
    with pytest.raises(TypeError, match=r"^op one: .*'y'.*\['x'\]"):
        tg.op(x=lambda g: g, y=lambda g: g)(one)


@pytest.mark.parametrize(
    "rule", [lambda: 1.0, lambda x, g: g, lambda g, z: g, lambda g, y_shape: g, lambda g, index: g]
)
def test_op_rejects_a_rule_with_an_unknown_parameter(rule: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"^op one: a derivative rule takes g first"):
        tg.op(x=rule)(one)


def test_op_does_not_register_a_bad_declaration() -> None:
    before = dict(registry)
    with pytest.raises(TypeError):
        tg.op(x=lambda g, z: g)(one)
    assert registry == before


def test_op_works_with_or_rejects_any_parameter_name() -> None:
    def declare(name: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(f"def doubled({name}):\n    return {name} * 2.0", namespace)
        return tg.op(**{name: lambda g: g * 2.0})(namespace["doubled"])

    for name in (
        "new",
        "Node",
        "any",
        "operation",
        "forward",
        "out",
        "reference",
        "error",
        "g",
        "_node",
        "_mode",
        "zip",
    ):
        try:
            function = declare(name)
        except TypeError as error:
            assert "doubled" in str(error)  # noqa: PT017
            continue
        x = leaf(1.0)
        function(x).sum().backward()
        assert x.grad == 2.0, name


def test_op_accepts_an_option_named_like_a_shape() -> None:
    @tg.op(x=lambda g, x_shape, new_shape: np.reshape(g, x_shape) + 0 * len(new_shape))
    def arranged(x: Any, new_shape: Any) -> Any:
        return np.reshape(x, new_shape)

    x = leaf(1.0, 2.0)
    arranged(x, (2, 1)).sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


# -- bad calls --------------------------------------------------------------------------------------------


def test_op_errors_name_the_operation_and_keep_their_type() -> None:
    @tg.op(x=lambda g: g)
    def picky(x: Any) -> Any:
        raise {1: ValueError, 2: TypeError, 3: IndexError, 4: np.linalg.LinAlgError}[x.size]("no.")

    for size, kind in enumerate([ValueError, TypeError, IndexError, np.linalg.LinAlgError], start=1):
        with pytest.raises(kind, match=rf"^picky: no\. Operands: x \({size},\) float64") as raised:
            picky(np.ones(size))
        assert raised.value.__cause__ is not None


def test_op_adds_a_note_to_unexpected_errors() -> None:
    @tg.op(x=lambda g: g)
    def unlucky(x: Any) -> Any:
        raise KeyError("lost")

    with pytest.raises(KeyError) as raised:
        unlucky(1.0)
    notes = getattr(raised.value, "__notes__", []) or getattr(raised.value.__cause__, "__notes__", [])
    assert any("unlucky" in note for note in notes)


def test_options_take_no_tensors_that_require_a_gradient() -> None:
    @tg.op(x=lambda g, by: g * by)
    def scaled(x: Any, by: Any) -> Any:
        return x * by

    assert float(scaled(2.0, tg.tensor(3.0))) == 6.0
    with pytest.raises(TypeError, match=r"^scaled: the argument 'by' has no derivative rule"):
        scaled(2.0, tg.tensor(3.0, requires_grad=True))


def test_op_rejects_results_that_are_not_real() -> None:
    @tg.op(x=lambda g: g)
    def imaginary(x: Any) -> Any:
        return x * 1j

    with pytest.raises(TypeError, match=r"^imaginary: .*complex"):
        imaginary(leaf(1.0))


def test_op_rejects_tracked_results_that_are_not_floating() -> None:
    x = leaf(1.5)
    with pytest.raises(TypeError, match=r"^astype: .*int64.*detach"):
        x.astype(int)
    assert x.detach().astype(int).dtype == int


def test_op_call_that_fails_changes_nothing() -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match=r"^multiply"):
        x * y
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])
    assert y.grad is None


def test_op_accepts_a_parameter_named_shape() -> None:
    @tg.op(x=lambda g, kernel_shape: g * kernel_shape[0])
    def scaled(x: Any, kernel_shape: Any) -> Any:
        return x * kernel_shape[0]

    x = tg.tensor([1.0, 2.0], requires_grad=True)
    scaled(x, (3, 4)).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])


def test_op_rejects_the_shape_of_an_input_as_parameter() -> None:
    with pytest.raises(TypeError, match="x_shape"):

        @tg.op(x=lambda g: g)
        def clash(x: Any, x_shape: Any) -> Any:
            return x


@pytest.mark.parametrize("rule", [np.negative, 3, lambda g, *, x: g])
def test_op_rejects_rules_that_are_not_plain_functions(rule: Any) -> None:
    with pytest.raises(TypeError, match="a derivative rule is a function of g"):

        @tg.op(x=rule)
        def wrong(x: Any) -> Any:
            return x


def test_op_requires_parentheses() -> None:
    with pytest.raises(TypeError, match="write @op"):
        tg.op(lambda x: x)  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [None, 0.5])
def test_op_names_a_rule_that_returns_no_array(result: Any) -> None:
    @tg.op(x=lambda g: result)
    def twice(x: Any) -> Any:
        return 2 * x

    with pytest.raises(TypeError, match="twice: a derivative rule returned"):
        twice(tg.tensor([1.0], requires_grad=True)).backward()

"""`nn.functional.attention` and `rotary`: against PyTorch, in tiles, at their limits, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.functional import _attention_tiles
from tensorgrad.costs import costs
from tensorgrad.op import operation_of

F = nn.functional


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", exc_type=ImportError)


def gradients(function: Any, arrays: list[Any], weigh: Any) -> list[Any]:
    """Return the result and the gradients of its weighted sum, with respect to the arrays of numbers."""
    operands = [tg.tensor(each, requires_grad=True) if each.dtype != bool else each for each in arrays]
    result = function(*operands)
    tg.sum(result * weigh).backward()
    return [result.data, *(each.grad for each in operands if isinstance(each, tg.Tensor))]


def theirs(torch: Any, function: Any, arrays: list[Any], weigh: Any) -> list[Any]:
    operands = [torch.from_numpy(each).requires_grad_(each.dtype != bool) for each in arrays]
    result = function(*operands)
    (result * torch.from_numpy(weigh)).sum().backward()
    return [result.detach().numpy(), *(each.grad.numpy() for each in operands if each.requires_grad)]


def assert_close(ours: list[Any], others: list[Any]) -> None:
    for a, b in zip(ours, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def causal_mask(queries: int, keys: int) -> Any:
    """PyTorch's `is_causal` takes the queries as the first positions, not the last."""
    return np.tri(queries, keys, keys - queries, dtype=bool)


MASKS: dict[str, Any] = {
    "none": None,
    "of each score": lambda rng, shape: rng.random(shape) < 0.6,
    "of keys": lambda rng, shape: rng.random((shape[0], 1, 1, shape[3])) < 0.7,
    "of heads": lambda rng, shape: rng.random((shape[1], 1, shape[3])) < 0.7,
    "added": lambda rng, shape: rng.normal(size=shape),
    "added for time": lambda rng, shape: rng.normal(size=shape[2:]),
    "added, some -inf": lambda rng, shape: np.where(rng.random(shape) < 0.8, rng.normal(size=shape), -np.inf),
}
LENGTHS = [(5, 5), (3, 7), (130, 130), (150, 200)]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", MASKS)
def test_attention_computes_what_pytorch_computes(
    torch: Any, kind: str, causal: bool, lengths: tuple[int, int], rng: np.random.Generator
) -> None:
    queries, keys = lengths
    q, k, v = (rng.normal(size=(2, 2, time, 4)) for time in (queries, keys, keys))
    shape = (2, 2, queries, keys)
    mask = None if kind == "none" else MASKS[kind](rng, shape)
    arrays = [q, k, v] if mask is None else [q, k, v, mask]
    whole = causal_mask(queries, keys) if causal else np.ones((queries, keys), bool)

    def reference(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        allowed = torch.from_numpy(whole)
        if mask is None:
            mask = allowed
        elif mask.dtype == torch.bool:
            mask = mask & allowed
        else:
            mask = torch.where(allowed, mask, -torch.inf)
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)

    weigh = rng.normal(size=q.shape)
    ours = gradients(lambda *operands: F.attention(*operands, causal=causal), arrays, weigh)
    assert_close(ours, theirs(torch, reference, arrays, weigh))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("time", [6, 140])
def test_attention_with_grouped_queries_computes_what_pytorch_computes(
    torch: Any, groups: int, time: int, rng: np.random.Generator
) -> None:
    arrays = [rng.normal(size=(2, heads, time, 4)) for heads in (6, groups, groups)]
    mask = rng.normal(size=(6, time, time))
    weigh = rng.normal(size=(2, 6, time, 4))

    def reference(q: Any, k: Any, v: Any, mask: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, scale=0.7, enable_gqa=True)

    ours = gradients(lambda q, k, v, mask: F.attention(q, k, v, mask, scale=0.7), [*arrays, mask], weigh)
    assert_close(ours, theirs(torch, reference, [*arrays, mask], weigh))


@pytest.mark.parametrize("size", [1.0, 100.0])
def test_attention_in_tiles_equals_the_composed_form(size: float, rng: np.random.Generator) -> None:
    """Large scores are shifted, and a query that may attend to nothing gets zeros."""
    arrays = [size * rng.normal(size=(3, 2, 135, 3)) for _ in range(3)]
    mask = rng.random((135, 135)) < 0.5
    mask[7] = False
    weigh = rng.normal(size=arrays[0].shape)
    composed: Any = operation_of(F.attention).composed
    for causal in (False, True):
        ours = gradients(lambda q, k, v, causal=causal: F.attention(q, k, v, mask, causal), arrays, weigh)
        expected = gradients(lambda q, k, v, causal=causal: composed(q, k, v, mask, causal), arrays, weigh)
        for a, b in zip(ours, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * size)
        assert not ours[0][..., 7, :].any()
        assert not ours[1][..., 7, :].any()


def test_attention_never_holds_all_scores_of_long_sequences(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    shapes = []
    scores_of = _attention_tiles.Scores.unmasked

    def watched(self: Any, *args: Any, **options: Any) -> Any:
        scores = scores_of(self, *args, **options)
        shapes.append(scores.shape)
        return scores

    monkeypatch.setattr(_attention_tiles.Scores, "unmasked", watched)
    x = tg.tensor(rng.normal(size=(1, 300, 2)), requires_grad=True)
    tg.sum(F.attention(x, x, x, causal=True)).backward()
    assert sorted(shape[3:] for shape in shapes) == sorted(2 * [(44, 300), *((64, 64 * n) for n in (1, 2, 3, 4))])


def test_attention_is_stable_in_float32() -> None:
    x = np.float32([[[1e4], [-1e4]]])
    tracked = tg.tensor(x, requires_grad=True)
    out = F.attention(tracked, tracked, tracked)
    np.testing.assert_array_equal(out.data, x)
    tg.sum(out).backward()
    assert np.isfinite(tracked.grad).all()
    added = F.attention(
        np.zeros((1, 2), "f4"), np.zeros((2, 2), "f4"), np.float32([[1], [3]]), np.float32([[-1e9, -1e9]])
    )
    np.testing.assert_array_equal(added.data, np.float32([[2]]))
    assert np.isnan(F.attention(np.float32([[np.nan]]), np.float32([[1]]), np.float32([[1]])).data).all()


def test_attention_returns_the_layout_of_the_queries(rng: np.random.Generator) -> None:
    by_time = rng.normal(size=(2, 5, 3, 4)).swapaxes(1, 2)
    out = F.attention(by_time, by_time, by_time)
    assert out.data.strides == by_time.strides  # so that joining the heads copies nothing


def test_attention_takes_any_number_of_leading_axes(rng: np.random.Generator) -> None:
    """As with these axes joined; masks broadcast along them."""
    q, k, v = (rng.normal(size=(2, 3, heads, time, 2)) for heads, time in ((4, 3), (2, 5), (2, 5)))
    weigh = rng.normal(size=q.shape)
    joined = [each.reshape(6, *each.shape[2:]) for each in (q, k, v)]
    for shape in ((3, 1, 3, 5), (2, 1, 4, 3, 5), (3, 5), (2, 3, 1, 1, 5), (2, 3, 4, 3, 5)):
        mask = rng.normal(size=shape)
        whole = np.broadcast_to(mask, (2, 3, 4, 3, 5))
        ours = gradients(F.attention, [q, k, v, mask], weigh)
        expected = gradients(F.attention, [*joined, whole.reshape(6, 4, 3, 5)], weigh.reshape(6, *weigh.shape[2:]))
        for a, b in zip(ours[:4], expected[:4], strict=True):
            np.testing.assert_allclose(a.reshape(b.shape), b, rtol=1e-10, atol=1e-12)
        to_mask = expected[4].reshape(whole.shape)
        padded = (1,) * (5 - len(shape)) + shape
        axes = tuple(axis for axis, length in enumerate(padded) if length == 1)
        np.testing.assert_allclose(ours[4], to_mask.sum(axis=axes, keepdims=True).reshape(shape), rtol=1e-9, atol=1e-12)


def test_attention_to_second_order(rng: np.random.Generator) -> None:
    assert tg.gradcheck(lambda x: F.attention(x, x, x, causal=True), rng.standard_normal((2, 5, 8)), order=2)
    operands = [rng.normal(size=shape) for shape in ((1, 2, 3, 2), (1, 1, 3, 2), (2, 1, 3))]
    assert tg.gradcheck(lambda q, k, mask: F.attention(q, k, k, mask), operands, order=2)


def test_attention_weights_average_the_values(rng: np.random.Generator) -> None:
    q, k, v = (rng.normal(size=(2, heads, 3, 4)) for heads in (4, 2, 2))
    mask = rng.random((4, 3, 3)) < 0.7
    weights = F.attention_weights(q, k, mask, causal=True)
    assert weights.shape == (2, 4, 3, 3)
    np.testing.assert_allclose(
        weights.data @ np.repeat(v, 2, axis=1), F.attention(q, k, v, mask, causal=True).data, rtol=1e-12
    )


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"mask": np.ones((4, 6), bool)}])
def test_attention_costs_what_its_composed_form_costs(options: dict[str, Any]) -> None:
    operands = [tg.tensor(np.zeros(shape), requires_grad=True) for shape in ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7))]
    composed: Any = operation_of(F.attention).composed
    expected = sum(cost.flops for cost in costs(composed(*operands, **options)))
    assert [cost.flops for cost in costs(F.attention(*operands, **options))] == [expected]


def zeros(*shape: int) -> Any:
    return np.zeros(shape)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ([zeros(3), zeros(3), zeros(3)], {}, r"with the same number of axes, got q \(3,\), k \(3,\), v \(3,\)"),
        ([zeros(2, 3, 4), zeros(3, 4), zeros(3, 4)], {}, r"with the same number of axes"),
        (
            [zeros(2, 3, 4), zeros(2, 3, 5), zeros(2, 3, 5)],
            {},
            r"the same number of features, at least one, got q \(2, 3, 4\)",
        ),
        ([zeros(2, 3, 0), zeros(2, 3, 0), zeros(2, 3, 0)], {}, r"at least one"),
        ([zeros(2, 3, 4), zeros(2, 5, 4), zeros(2, 6, 4)], {}, r"expected v with the same shape as k"),
        ([zeros(2, 3, 4), zeros(1, 3, 4), zeros(1, 3, 4)], {}, r"the same axes before time and features"),
        ([zeros(2, 6, 3, 4), zeros(2, 4, 3, 4), zeros(2, 4, 3, 4)], {}, r"divides the 6 heads of q"),
        ([zeros(2, 3, 4), zeros(2, 2, 4), zeros(2, 2, 4)], {"causal": True}, r"at least as many keys as queries"),
        (
            [zeros(2, 3, 4), zeros(2, 5, 4), zeros(2, 5, 4), zeros(5, 3)],
            {},
            r"to the scores, \(2, 3, 5\), got \(5, 3\)",
        ),
        (
            [zeros(2, 4, 3, 4), zeros(2, 4, 5, 4), zeros(2, 4, 5, 4), zeros(2, 3, 5)],
            {},
            r"in all heads, write mask\[:, None\]",
        ),
        (
            [zeros(2, 4, 3, 4), zeros(2, 4, 5, 4), zeros(2, 4, 5, 4), zeros(2, 5)],
            {},
            r"padding of keys is mask\[:, None, None\]",
        ),
    ],
)
def test_attention_refuses_shapes_that_do_not_fit(arrays: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^attention: .*{message}"):
        F.attention(*arrays, **options)


def test_attention_refuses_masks_of_integers() -> None:
    for function in (F.attention, lambda q, k, v, mask: F.attention_weights(q, k, mask)):
        with pytest.raises(TypeError, match=r"^attention(_weights)?: expected a mask of booleans.* got dtype int64"):
            function(zeros(2, 3), zeros(2, 3), zeros(2, 3), np.ones((2, 2), int))


# -- positions -----------------------------------------------------------------------------------------------


def test_rotary_makes_scores_depend_on_distances_only(rng: np.random.Generator) -> None:
    q, k = rng.normal(size=(2, 6))
    for interleaved in (True, False):
        scores = []
        for start in (0, 11):
            angles = F.rotary_angles([start + 5, start + 2], 6)
            rotated = F.rotary(np.stack([q, k]), *angles, interleaved=interleaved).data
            scores.append(rotated[0] @ rotated[1])
        assert scores[0] == pytest.approx(scores[1])
        assert scores[0] != pytest.approx(q @ k)


def test_rotary_refuses_odd_features_and_other_angles() -> None:
    with pytest.raises(ValueError, match=r"^rotary: expected an even number of features.*\(4, 3\)"):
        F.rotary(zeros(4, 3), zeros(4, 1), zeros(4, 1))
    with pytest.raises(ValueError, match=r"^rotary: expected cosines that broadcast to \(4, 3\), half of the features"):
        F.rotary(zeros(4, 6), zeros(4, 6), zeros(4, 6))
    with pytest.raises(ValueError, match=r"^rotary_angles: expected an even number of features, .* got 3"):
        F.rotary_angles([0, 1], 3)


def test_sinusoids_are_those_of_the_paper() -> None:
    table = F.sinusoids(4, 6, start=2)
    for row, position in enumerate(range(2, 6)):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert table[row, 2 * i] == pytest.approx(np.sin(angle))
            assert table[row, 2 * i + 1] == pytest.approx(np.cos(angle))
    assert F.sinusoids(2, 3).shape == (2, 3)

"""PyTorch in one program with tensorgrad: values, gradients of both orders, memory, and what is refused."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

X, Y = np.array([[0.3, -1.2, 2.0], [0.1, 0.4, -0.7]]), np.array([1.5, -0.5, 0.8])


def ours(x: Any, y: Any) -> Any:
    return tg.sum(tg.exp(x * y) + tg.sin(x) ** 2, axis=1)


def theirs(x: Any, y: Any) -> Any:
    return torch.sum(torch.exp(x * y) + torch.sin(x) ** 2, dim=1)


def torch_leaves() -> list[Any]:
    return [torch.tensor(a, requires_grad=True) for a in (X, Y)]


@pytest.mark.slow
def test_torch_function_has_values_and_gradients_of_both_orders() -> None:
    for order in (1, 2):
        found = []
        for function in (tg.interop.torch_function(ours), theirs):
            leaves = torch_leaves()
            value = function(*leaves)
            upstream = torch.tensor([0.7, -1.3], dtype=torch.float64, requires_grad=True)
            gradients = torch.autograd.grad(value, leaves, upstream, create_graph=order == 2)
            if order == 2:
                total = sum((g**2).sum() for g in gradients)
                gradients = torch.autograd.grad(total, [*leaves, upstream])
            found.append([value.detach(), *gradients])
        for a, b in zip(*found, strict=True):
            torch.testing.assert_close(a, b)


def test_torch_function_passes_pytorchs_gradcheck() -> None:
    function = tg.interop.torch_function(ours)
    assert torch.autograd.gradcheck(function, torch_leaves())
    assert torch.autograd.gradgradcheck(function, torch_leaves())


def test_torch_function_takes_and_returns_containers() -> None:
    def f(parameters: dict[str, Any], scale: float, *, flags: list[Any]) -> Any:
        w, (b, n) = parameters["w"], parameters["rest"]
        return {"sum": (w * b).sum() * scale, "count": n + 1, "flags": (tg.argmax(w), flags[0] * 2)}

    w, b = torch_leaves()[0][0].detach().requires_grad_(), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    result = tg.interop.torch_function(f)({"w": w, "rest": (b, torch.tensor(3))}, 10.0, flags=[torch.ones(2)])
    assert (result["count"].item(), result["flags"][0].item()) == (4, 2)
    assert not result["count"].requires_grad
    result["sum"].backward()
    torch.testing.assert_close(w.grad, torch.full_like(w, 20.0))
    torch.testing.assert_close(b.grad, 10 * w.detach().sum())


def test_torch_function_shares_memory_and_keeps_the_dtype() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.array)
        return tg.sum(x * 2)

    x = torch.ones(3, requires_grad=True)
    value = tg.interop.torch_function(f)(x)
    assert np.shares_memory(seen[0], x.detach().numpy())
    assert value.dtype == torch.float32
    value.backward()
    assert x.grad.dtype == torch.float32


def test_torch_function_notices_changes_in_place() -> None:
    function = tg.interop.torch_function(tg.exp)
    for change in ("input", "output"):
        x = torch.zeros(2, requires_grad=True)
        z = x * 1.0
        y = function(z)
        (z if change == "input" else y).add_(1.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_torch_function_copies_results_that_are_views() -> None:
    x = torch.zeros(2, 2)
    y = tg.interop.torch_function(tg.transpose)(x)
    y[0, 1] = 5.0
    assert x.sum() == 0


def test_torch_function_of_the_identity_and_of_unused_arguments() -> None:
    x, unused = torch.tensor([1.0, 2.0], requires_grad=True), torch.ones(2, requires_grad=True)
    y, z = tg.interop.torch_function(lambda x, u: (x, x * 2))(x, unused)
    (y.sum() + z.sum()).backward()
    torch.testing.assert_close(x.grad, torch.full((2,), 3.0))
    assert unused.grad is None


def test_torch_function_without_a_gradient_records_nothing() -> None:
    function = tg.interop.torch_function(lambda x: tg.Tensor(float(tg.exp(x).requires_grad)))
    assert function(torch.zeros(())).item() == 0.0
    with torch.no_grad():
        assert not function(torch.zeros((), requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.zeros(2, device="meta"), "dense PyTorch tensors on the CPU, got .* on meta"),
        (lambda: torch.zeros(2).to_sparse(), "torch.sparse_coo tensor"),
        (lambda: torch.zeros(2, dtype=torch.bfloat16), "got torch.bfloat16"),
    ],
)
def test_torch_function_refuses_what_numpy_cannot_share(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^torch_function: .*{message}"):
        tg.interop.torch_function(tg.exp)(make())


def tg_leaves() -> list[tg.Tensor]:
    return [tg.tensor(a, requires_grad=True) for a in (X, Y)]


def test_from_torch_has_values_and_gradients_of_both_orders() -> None:
    for order in (1, 2):
        found = []
        for function in (ours, tg.interop.from_torch(theirs)):
            leaves = tg_leaves()
            upstream = tg.tensor([0.7, -1.3], requires_grad=True)
            value = function(*leaves)
            gradients = tg.gradient(value, leaves, grad_outputs=upstream, create_graph=order == 2)
            if order == 2:
                gradients = tg.gradient(sum((g**2).sum() for g in gradients), [*leaves, upstream])
            found.append([value.data, *gradients])
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_from_torch_in_the_transforms() -> None:
    function = tg.interop.from_torch(lambda x: (x**3).sum())
    np.testing.assert_allclose(tg.hessian(function)(Y).data, np.diag(6 * Y))
    np.testing.assert_allclose(tg.jvp(function, [Y], [np.ones(3)])[1].data, np.sum(3 * Y**2))
    assert tg.gradcheck(lambda x, y: tg.interop.from_torch(theirs)(x, y), (X, Y), order=2)


def test_from_torch_with_several_results_and_integers() -> None:
    @tg.interop.from_torch
    def f(values: dict[str, Any], dim: int) -> Any:
        top = torch.max(values["x"], dim=dim)
        return {"max": top.values, "place": top.indices, "square": values["x"] ** 2, "still": torch.ones(2)}

    x = tg.tensor(X, requires_grad=True)
    result = f({"x": x}, 1)
    np.testing.assert_array_equal(result["place"].data, [2, 1])
    assert not result["place"].requires_grad
    (result["max"].sum() + result["square"][0].sum()).backward()
    np.testing.assert_allclose(x.grad, [[0.6, -2.4, 5.0], [0, 1, 0]])
    assert x.grad.shape == X.shape


def test_from_torch_takes_modules_and_arrays() -> None:
    layer = torch.nn.Linear(3, 2)
    x = tg.tensor(X, dtype=np.float32, requires_grad=True)
    function = tg.interop.from_torch(layer)
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad, np.tile(layer.weight.detach().numpy().sum(0), (2, 1)), rtol=1e-6)
    assert x.grad.dtype == np.float32
    assert layer.weight.grad is None
    np.testing.assert_allclose(function(X.astype(np.float32)).data, function(x).data)
    assert not function(X.astype(np.float32)).requires_grad


def test_from_torch_shares_memory() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.detach().numpy())
        return x * 2

    x = tg.tensor(X, requires_grad=True)
    tg.interop.from_torch(f)(x)
    assert np.shares_memory(seen[0], x.array)
    np.testing.assert_allclose(tg.interop.from_torch(f)(x[::-1]).data, 2 * X[::-1])


def test_from_torch_results_are_not_views_of_its_arguments() -> None:
    x = tg.tensor(X, requires_grad=True)
    result = tg.interop.from_torch(lambda x: x.T)(x)
    assert not np.shares_memory(result.array, x.array)


def test_from_torch_refuses_other_results() -> None:
    with pytest.raises(TypeError, match=r"^from_torch: the function must return PyTorch tensors, got float"):
        tg.interop.from_torch(lambda x: 3.0)(tg.tensor(1.0))


def test_both_ways_through_a_network() -> None:
    inner = tg.interop.from_torch(torch.tanh)
    x = torch.tensor(X, requires_grad=True)
    tg.interop.torch_function(lambda t: tg.sum(inner(t) * inner(t)))(x).backward()
    torch.testing.assert_close(x.grad, 2 * torch.tanh(x.detach()) * (1 - torch.tanh(x.detach()) ** 2))


@pytest.mark.slow
def test_interop_example_trains_a_pytorch_network(capsys: pytest.CaptureFixture[str]) -> None:
    state = np.random.get_state()  # noqa: NPY002 - PyTorch's optimizers draw from it when they are first used
    found = runpy.run_path(str(Path(tg.__file__).parent.parent / "examples" / "interop.py"))
    np.random.set_state(state)  # noqa: NPY002
    assert found["loss"].item() < 0.05
    assert "softplus: [0.73105858 0.11920292]" in capsys.readouterr().out


# -- DLPack -----------------------------------------------------------------------------------------------


def test_dlpack_shares_memory_in_both_directions() -> None:
    there = torch.arange(3.0)
    here = tg.from_dlpack(there)
    there[0] = 7.0
    np.testing.assert_array_equal(here.data, [7.0, 1.0, 2.0])
    assert not np.shares_memory(tg.from_dlpack(there, copy=True).array, there.numpy())
    t = tg.tensor([1.0, 2.0])
    assert t.__dlpack_device__() == (1, 0)
    back = torch.from_dlpack(t)
    back[1] = 9.0
    np.testing.assert_array_equal(t.data, [1.0, 9.0])


def test_dlpack_never_loses_a_gradient() -> None:
    with pytest.raises(TypeError, match=r"^__dlpack__: expected values without a gradient"):
        torch.from_dlpack(tg.tensor([1.0], requires_grad=True))
    with pytest.raises(BufferError, match=r"^from_dlpack: .*requires? grad"):
        tg.from_dlpack(torch.ones(2, requires_grad=True))

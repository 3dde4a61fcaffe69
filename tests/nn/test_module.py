"""What a module finds inside itself, and how it is saved, switched and shown."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def parameter(*values: float) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True)


class Branches(nn.Module):
    """A bit of everything that a module may hold."""

    def __init__(self) -> None:
        self.blocks = [nn.Dense(2, 2, rng=0), nn.ReLU()]
        self.scale = parameter(1.0, 2.0)
        self.heads = {"left": nn.Dense(2, 1, rng=1), "right": (nn.Dense(2, 1, bias=False, rng=2),)}
        self.frozen = parameter(5.0)
        self.frozen.requires_grad = False
        self.factor = 3

    def forward(self, x: Any) -> tg.Tensor:
        for block in self.blocks:
            x = block(x)
        self.last = x * self.scale * self.factor
        return self.heads["left"](self.last) + self.heads["right"][0](self.last) + self.frozen


NAMES = ["scale", "blocks.0.weight", "blocks.0.bias", "heads.left.weight", "heads.left.bias", "heads.right.0.weight"]


def test_module_finds_parameters_in_attributes_lists_tuples_and_dicts() -> None:
    module = Branches()
    assert [name for name, _ in module.named_parameters()] == NAMES
    assert len(list(module.parameters())) == len(NAMES)
    assert [name for name, _ in module.named_children()] == ["blocks.0", "blocks.1", "heads.left", "heads.right.0"]
    assert next(name for name, _ in module.named_modules()) == ""
    assert next(module.modules()) is module


class Keeping(nn.Module):
    """Keeps what it saw."""

    def __init__(self) -> None:
        self.weight = parameter(2.0)
        self.seen: Any = []

    def forward(self, x: Any) -> tg.Tensor:
        self.input, self.seen = x, [x]
        self.output = x * self.weight
        return self.output


@pytest.mark.parametrize("recording", [True, False])
def test_module_state_excludes_results_kept_by_forward(recording: bool) -> None:
    module = Keeping()
    outer = nn.Sequential(module)
    x = tg.tensor([3.0], requires_grad=True)
    for _ in range(2):
        if recording:
            outer(x)
        else:
            with tg.no_grad():
                outer(x)
    assert module.input is x
    assert x.name is None
    assert module.output.requires_grad is recording
    assert list(module.state_dict()) == [name for name, _ in module.named_parameters()] == ["weight"]
    assert list(outer.state_dict()) == ["0.weight"]


class Remembering(nn.Module):
    """Assigns the same in `forward` and in a method."""

    parameter_names = ("late",)

    def __init__(self) -> None:
        self.weight, self.gains = parameter(2.0), [parameter(1.0)]
        self.last: Any = None

    def remember(self, x: Any) -> None:
        self.last = self.new = x
        self.seen = [x]
        self.gains = [x]
        self.late = x

    def forward(self, x: Any) -> Any:
        self.remember(x)
        return x * self.weight


def test_module_attributes_mean_the_same_in_forward_and_outside() -> None:
    x = parameter(3.0)
    inside, outside, beside = Remembering(), Remembering(), Remembering()
    inside(x)
    outside.remember(x)
    beside.last = beside.new = beside.late = x
    assert [name for name, _ in inside.named_parameters()] == ["weight", "gains.0"]  # `late` is the same tensor
    assert [name for name, _ in outside.named_parameters()] == ["weight", "gains.0"]
    assert [name for name, _ in beside.named_parameters()] == ["weight", "gains.0", "late"]


def test_module_with_parameter_names_may_make_parameters_in_forward() -> None:
    class Lazy(nn.Module):
        parameter_names = ("weight",)
        weight: Any = None

        def forward(self, x: Any) -> Any:
            if self.weight is None:
                self.weight = parameter(*np.ones(x.shape[-1]))
            return x * self.weight

    module = Lazy()
    assert list(module.parameters()) == []
    module(np.ones((2, 3)))
    assert list(module.state_dict()) == ["weight"]
    module.weight.requires_grad = False
    assert list(module.state_dict()) == ["weight"]


def test_module_parameters_are_declared_by_the_outermost_constructor() -> None:
    class Base(nn.Module):
        def __init__(self) -> None:
            self.a = parameter(1.0)

        def forward(self, x: Any) -> Any:
            return x * self.a

    class Derived(Base):
        def __init__(self) -> None:
            self.before = parameter(1.0)
            super().__init__()
            self.after = [parameter(1.0)]
            self.after.append(parameter(2.0))

    class Inherited(Derived):
        pass

    for kind in (Derived, Inherited):
        module = kind()
        module.cached = parameter(5.0)
        assert list(module.state_dict()) == ["before", "a", "after.0", "after.1"]


def test_module_copies_keep_what_was_declared() -> None:
    for clone in (copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))):
        twin = clone(Keeping())
        twin.cached = parameter(5.0)
        assert list(twin.state_dict()) == ["weight"]


def test_module_without_constructor_has_no_parameters_unless_registered() -> None:
    class Plain(nn.Module):
        def forward(self, x: Any) -> Any:
            self.last = x
            return x

    module = Plain()
    module(parameter(1.0))
    assert module.state_dict() == {}
    module.register_parameter("gain", parameter(2.0))
    module.register_buffer("mean", tg.tensor([0.0]))
    module.gain = parameter(3.0)
    assert list(module.state_dict()) == ["gain", "mean"]
    assert list(module.parameters()) == [module.gain]
    assert module.gain.name == "gain"
    with pytest.raises(TypeError, match=r"Plain.register_parameter: gain must be a leaf tensor .*, got ndarray"):
        module.register_parameter("gain", np.ones(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Plain.register_buffer: mean must be a leaf tensor, .* got the result of"):
        module.register_buffer("mean", module.gain * 2)


@pytest.mark.parametrize("make", [lambda: nn.Dense(2, 3, bias=False), lambda: nn.Conv2D(2, 3, 1, bias=False)])
def test_module_accepts_a_bias_added_later(make: Any) -> None:
    layer = make()
    layer.bias = tg.tensor(np.zeros(3), requires_grad=True)
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_module_constants_are_plain_values() -> None:
    module = nn.Module()
    module.constant = tg.tensor([1.0])
    module.constant = tg.tensor([2.0])
    module.result = parameter(1.0) * 2
    assert module.state_dict() == {}


def test_module_finds_parameters_appended_to_a_list() -> None:
    module = nn.Module()
    module.gains = [parameter(1.0)]
    module.gains.append(parameter(2.0))
    assert list(module.state_dict()) == ["gains.0", "gains.1"]
    module.gains[0].requires_grad = False
    assert list(module.state_dict()) == ["gains.0", "gains.1"]
    assert [name for name, _ in module.named_parameters()] == ["gains.1"]


class Average(nn.Module):
    """A running average: state that is not trained."""

    state_names = ("mean",)

    def __init__(self, detached: bool = True) -> None:
        self.mean, self.detached = tg.tensor([0.0]), detached

    def forward(self, x: Any) -> tg.Tensor:
        mean = 0.5 * self.mean + 0.5 * tg.mean(x, axis=0)
        self.mean = mean.detach() if self.detached else mean
        return x - self.mean


def test_module_state_is_saved_and_not_trained() -> None:
    module = Average()
    module(tg.tensor([[4.0]], requires_grad=True))
    np.testing.assert_array_equal(module.state_dict()["mean"], [2.0])
    assert list(module.parameters()) == []
    twin = Average()
    twin.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(twin.mean.data, [2.0])
    with pytest.raises(TypeError, match=r"Average: mean is part of the state; .*Got the result of an operation"):
        Average(detached=False)(tg.tensor([[4.0]], requires_grad=True))


def test_module_replaces_a_parameter_only_by_a_parameter() -> None:
    layer = nn.Dense(2, 1, rng=0)
    old = layer.weight
    message = r"Dense: weight is a parameter; write layer\.weight\.data = … .*requires_grad=True\. Got "
    with pytest.raises(TypeError, match=message + "the result of an operation"):
        layer.weight = layer.weight * 2
    with pytest.raises(TypeError, match=message + "the result of an operation"):
        layer.weight -= 0.1
    with tg.no_grad(), pytest.raises(TypeError, match=message + "a tensor that requires no gradient"):
        layer.weight = layer.weight * 2
    with pytest.raises(TypeError, match=message + "ndarray"):
        layer.weight = np.ones((2, 1))
    assert layer.weight is old

    layer.weight.data -= 0.1
    layer.weight = layer.weight
    layer.weight = tg.tensor(np.ones((2, 1)), requires_grad=True)
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    assert layer.weight.name == "weight"


def test_module_replaces_a_frozen_parameter_by_a_constant() -> None:
    layer = nn.Dense(2, 1, rng=0)
    layer.weight.requires_grad = False
    layer.weight = tg.tensor(np.ones((2, 1)))
    assert list(layer.state_dict()) == ["weight", "bias"]
    with pytest.raises(TypeError, match="weight is part of the state"):
        layer.weight = np.ones((2, 1))


@pytest.mark.parametrize(("result", "message"), [(None, "`return`"), (np.ones(2), "NumPy array.* Return a Tensor")])
def test_module_rejects_a_forward_without_a_tensor(result: Any, message: str) -> None:
    class Wrong(nn.Module):
        def forward(self, x: Any) -> Any:
            return result

    with pytest.raises(TypeError, match=f"Wrong: forward returned .*{message}"):
        nn.Sequential(Wrong())(1.0)


def test_module_lists_shared_parameters_once() -> None:
    shared = nn.Dense(3, 3, rng=0)
    module = nn.Sequential(shared, nn.ReLU(), shared)
    assert [name for name, _ in module.named_parameters()] == ["0.weight", "0.bias"]
    tied = Branches()
    tied.again = tied.scale
    assert [name for name, _ in tied.named_parameters()] == NAMES


def test_module_may_refer_to_its_parent() -> None:
    child, parent = Branches(), Branches()
    child.parent = parent
    parent.child = child
    assert len(list(parent.modules())) == 2 * 5


def test_module_labels_unnamed_parameters_with_their_path() -> None:
    inner = nn.Sequential(nn.Dense(2, 2, rng=0))
    assert inner[0].weight.name == "0.weight"
    outer = nn.Sequential(nn.ReLU(), inner)
    assert [p.name for p in outer.parameters()] == ["1.0.weight", "1.0.bias"]

    module = nn.Module()
    module.gain = tg.tensor(1.0, requires_grad=True, name="γ")
    nn.Sequential(module)
    assert module.gain.name == "γ"


def test_train_and_eval_reach_everything() -> None:
    network = nn.Sequential(nn.Dropout(0.5, rng=0), nn.Sequential(nn.Dropout(0.5, rng=0)))
    assert network.training
    assert network.eval() is network
    assert not any(module.training for module in network.modules())
    assert network.train() is network
    assert all(module.training for module in network.modules())


def test_zero_grad_clears_all_gradients() -> None:
    network = nn.Sequential(nn.Dense(2, 2, rng=0), nn.Dense(2, 1, rng=0))
    network(np.ones((3, 2))).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    network.zero_grad()
    assert all(p.grad is None for p in network.parameters())


def test_regularization_loss_adds_up_the_layers() -> None:
    ones = nn.init.constant(-1.0)
    network = nn.Sequential(
        nn.Dense(2, 3, weight_init=ones, weight_l1=0.5, bias_l2=7.0),
        nn.Sequential(nn.Dense(3, 1, weight_init=nn.init.constant(2.0), weight_l2=0.25)),
    )
    network[0].bias.data = [1.0, 0.0, -2.0]
    loss = network.regularization_loss()
    assert loss.dtype == np.float32
    assert loss.item() == 0.5 * 6 + 7 * 5 + 0.25 * 3 * 4
    loss.backward()
    np.testing.assert_array_equal(network[0].weight.grad, np.full((2, 3), -0.5))
    np.testing.assert_array_equal(network[0].bias.grad, [14.0, 0.0, -28.0])
    np.testing.assert_array_equal(network[1][0].weight.grad, np.full((3, 1), 1.0))
    assert network[1][0].bias.grad is None


def test_regularization_loss_has_l1_slope_zero_at_zero() -> None:
    layer = nn.Dense(1, 3, weight_init=nn.init.zeros(), weight_l1=1.0)
    layer.regularization_loss().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.zeros((1, 3)))


def test_regularization_loss_without_penalties_is_a_float32_zero() -> None:
    loss = nn.Sequential(nn.Dense(2, 2), nn.ReLU()).regularization_loss()
    assert isinstance(loss, tg.Tensor)
    assert (loss.item(), loss.shape, loss.dtype, loss.requires_grad) == (0.0, (), np.float32, False)


def test_state_dict_survives_a_round_trip() -> None:
    source, target = Branches(), Branches()
    for value in source.parameters():
        value.data = value.data + 1
    source.frozen.data = [9.0]
    state = source.state_dict()
    assert list(state) == [*NAMES[:1], "frozen", *NAMES[1:]]
    target.load_state_dict(state)
    x = np.ones((2, 2))
    np.testing.assert_array_equal(target(x).data, source(x).data)
    state["scale"][:] = 0  # neither module shares memory with the arrays
    assert source.scale.data.all()
    assert target.scale.data.all()


def test_state_dict_contains_frozen_parameters() -> None:
    layer = nn.Dense(2, 2, rng=0)
    layer.weight.requires_grad = False
    assert [name for name, _ in layer.named_parameters()] == ["bias"]
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_load_state_dict_invalidates_recorded_graphs() -> None:
    layer = nn.Dense(2, 1, rng=0)
    result = layer(np.ones((1, 2))).sum()
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(RuntimeError, match="changed after it was used"):
        result.backward()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("0.bias"), r"missing \['0.bias'\]"),
        (lambda s: s.update(extra=np.ones(1)), r"unknown \['extra'\]"),
        (lambda s: s.update({"2.bias": np.ones(4)}), r"'2.bias': expected shape \(1,\), got \(4,\)"),
        (lambda s: s.update({"2.bias": np.array([1j])}), "'2.bias': expected numbers .* complex128"),
        (lambda s: s.update({"2.bias": np.array(["a"])}), "'2.bias': expected numbers"),
    ],
)
def test_load_state_dict_that_does_not_fit_changes_nothing(change: Any, message: str) -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=0))
    before = network.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        network.load_state_dict(state)
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_load_state_dict_keeps_the_dtype() -> None:
    layer = nn.Dense(2, 1)
    layer.load_state_dict({"weight": np.ones((2, 1)), "bias": [1]})
    assert layer.weight.dtype == layer.bias.dtype == np.float32


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_module_copies_are_complete_and_independent(clone: Any) -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dropout(0.5, rng=1))
    twin = clone(network)
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(twin(x).data, network(x).data)
    twin[0].weight.data = twin[0].weight.data + 1
    assert not np.array_equal(twin[0].weight.data, network[0].weight.data)


def test_module_repr_is_its_constructor_call() -> None:
    network = nn.Sequential(
        nn.Dense(2, 64, weight_l2=5e-4),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Dropout(0.1), nn.Dense(64, 3, bias=False, dtype=np.float64)),
        nn.Softmax(),
    )
    assert repr(network) == (
        "Sequential(\n"
        "  0: Dense(2, 64, weight_l2=0.0005),\n"
        "  1: LeakyReLU(negative_slope=0.2),\n"
        "  2: Sequential(\n"
        "    0: Dropout(0.1),\n"
        "    1: Dense(64, 3, bias=False, dtype='float64'),\n"
        "  ),\n"
        "  3: Softmax(),\n"
        ")"
    )
    assert repr(nn.Sequential()) == "Sequential()"


def test_module_without_forward_raises_an_error() -> None:
    with pytest.raises(NotImplementedError, match=r"Module: a module needs a forward\(self, x\)"):
        nn.Module()(1.0)


def test_zero_grad_forgets_the_gradients_of_frozen_parameters() -> None:
    layer = nn.Dense(2, 3, rng=0)
    layer(np.ones((1, 2), np.float32)).sum().backward()
    layer.weight.requires_grad = False
    layer.zero_grad()
    assert layer.weight.grad is None


# -- load_state_dict, as far as it fits -------------------------------------------------------------------


def test_load_state_dict_not_strict_takes_what_fits() -> None:
    old = nn.Sequential(nn.Dense(3, 4, rng=0), nn.ReLU(), nn.Dense(4, 2, rng=1))
    new = nn.Sequential(nn.Dense(3, 4, rng=2), nn.ReLU(), nn.Dense(4, 5, rng=3), nn.Dense(5, 1, rng=4))
    before = new.state_dict()
    report = new.load_state_dict({**old.state_dict(), "extra": np.ones(1)}, strict=False)
    assert report.loaded == ["0.weight", "0.bias"]
    assert report.missing == ["3.weight", "3.bias"]
    assert report.unused == ["extra"]
    assert report.wrong_shape == {"2.weight": ((4, 5), (4, 2)), "2.bias": ((5,), (2,))}
    for name, array in new.state_dict().items():
        expected = old.state_dict()[name] if name in report.loaded else before[name]
        np.testing.assert_array_equal(array, expected)


def test_load_state_dict_not_strict_changes_nothing_on_an_error() -> None:
    layer = nn.Dense(2, 2, rng=0)
    before = layer.state_dict()
    with pytest.raises(ValueError, match="'bias': expected numbers that fit float32"):
        layer.load_state_dict({"weight": np.ones((2, 2)), "bias": np.array(["a", "b"])}, strict=False)
    np.testing.assert_array_equal(layer.weight.data, before["weight"])


def test_load_state_dict_reports_what_was_loaded() -> None:
    layer = nn.Dense(2, 2, rng=0)
    assert str(layer.load_state_dict(layer.state_dict())) == "2 loaded, 0 missing, 0 unused"


def test_load_state_dict_mentions_transposed_weights() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(2, 3\), got \(3, 2\).*nn.interop.load_pytorch"):
        nn.Dense(2, 3).load_state_dict({"weight": np.ones((3, 2)), "bias": np.ones(3)})


def test_module_errors_name_the_layer_and_its_path() -> None:
    image = np.zeros((2, 8, 8, 3), np.float32)
    frozen = nn.Conv2D(3, 4, 3)
    for _, tensor in frozen.named_state():
        tensor.requires_grad = False
    cases: list[tuple[nn.Module, Any, str]] = [
        (nn.MaxPool2D(9), image, "MaxPool2D(9): the kernel covers 9 elements along the height, but the"),
        (nn.AveragePool2D(3, padding=3), image, "AveragePool2D(3, padding=3): the padding must be smaller"),
        (nn.GlobalMaxPool(), image[0, 0], "GlobalMaxPool(): expected x of shape (batch, time, channels) or"),
        (nn.AdaptiveAveragePool2D(2), image[0, 0], "AdaptiveAveragePool2D(2): expected x of shape (batch, height"),
        (nn.UpSample2D(2), image[0, 0], "UpSample2D(2): expected x of shape (batch, height, width, channels)"),
        (nn.Reshape((5, 5)), image, "Reshape((5, 5)): expected samples of 25 elements"),
        (nn.GLU(), image, "GLU(): expected an even length along axis -1"),
        (nn.Residual(nn.Flatten()), image, "Residual: the layers return shape (2, 192), but the input has shape"),
        (nn.Concatenate(), (image, image[:1]), "Concatenate(): expected shapes that are equal along all axes but -1"),
        (nn.LearnedPositions(4, 3), image, "LearnedPositions(4, 3): expected at most 4 steps, got 8"),
        (frozen, np.moveaxis(image, -1, 1), "Conv2D(3, 4, 3): expected x of shape (batch, height, width"),
    ]  # fmt: skip
    for layer, x, message in cases:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            layer(x)
        network = nn.Sequential(nn.Sequential(layer, nn.ReLU()), nn.ReLU())
        with pytest.raises(ValueError, match=f"^layer 0.0: {re.escape(message)}") as caught:
            network(x)
        assert " Operands: " not in str(caught.value)


def test_module_errors_of_users_and_of_operations_in_their_modules_are_unchanged() -> None:
    class Product(nn.Module):
        def forward(self, x: Any) -> Any:
            return tg.matmul(x, np.ones((5, 2)))

    class Refusal(nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("Refusal: no")

    for module, message in ((Product(), "matmul: .* Operands: "), (Refusal(), "Refusal: no$")):
        with pytest.raises(ValueError, match=f"^{message}"):
            nn.Sequential(nn.Identity(), module)(np.ones((2, 3)))

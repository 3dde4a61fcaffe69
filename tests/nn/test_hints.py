"""Names of PyTorch, Keras and the book, used by mistake: errors that say what they are called here."""

from __future__ import annotations

import copy
import functools
import itertools
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import _hints as of_nn
from tensorgrad import _hints as of_tensors

T = tg.tensor([[1.0, 2.0]], requires_grad=True)
NETWORK = nn.Sequential(nn.Dense(2, 4, rng=0), nn.ReLU(), nn.Dense(4, 3, rng=1))
ATTENTION, ROWS = nn.MultiHeadAttention(2, 1, rng=0), np.ones((1, 3, 2), np.float32)
OPTIMIZER = nn.SGD(NETWORK.parameters(), 0.1)
MODEL = nn.Model(NETWORK, loss=nn.SoftmaxCrossEntropy(), optimizer=OPTIMIZER)


@pytest.mark.parametrize("name", of_tensors.FUNCTIONS)
def test_functions_of_pytorch_have_a_hint(name: str) -> None:
    hint = of_tensors.FUNCTIONS[name]
    with pytest.raises(AttributeError, match=re.escape(f"has no attribute {name!r}. Use {hint}")):
        getattr(tg, name)
    for function in re.findall(r"\btg\.(\w+)", hint):
        assert hasattr(tg, function)
    for function in re.findall(r"\bnn\.functional\.(\w+)", hint):
        assert hasattr(nn.functional, function)


@pytest.mark.parametrize("name", [*of_tensors.METHODS, "exp", "concatenate"])
def test_methods_of_pytorch_have_a_hint(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"^'Tensor' object has no attribute '{name}'\. Use "):
        getattr(T, name)


def test_unknown_names_are_not_guessed() -> None:
    for thing, name in ((tg, "frobnicate"), (T, "frobnicate"), (NETWORK, "frobnicate"), (MODEL, "frobnicate")):
        with pytest.raises(AttributeError, match=r"has no attribute 'frobnicate'$"):
            getattr(thing, name)
    assert not hasattr(T, "__array_interface__")


@pytest.mark.parametrize(
    "call",
    [
        lambda: T.sum(dim=0),
        lambda: T.argmax(dim=1),
        lambda: tg.argsort(T, dim=1),
        lambda: tg.mean(T, dim=1),
        lambda: tg.concatenate([T, T], dim=0),
        lambda: tg.stack([T, T], dim=0),
        lambda: tg.softmax(T, dim=-1),
    ],
)
def test_dim_is_axis(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"\w+\(\) got an unexpected keyword argument 'dim'\. Use 'axis'"):
        call()


def test_keepdim_is_keepdims() -> None:
    with pytest.raises(TypeError, match=r"'keepdim'\. Use 'keepdims'"):
        T.max(keepdim=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"sum\(\) got an unexpected keyword argument 'other'\.$"):
        T.sum(other=True)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("thing", "hints"),
    [
        (NETWORK[0], of_nn.MODULE),
        (MODEL, of_nn.MODEL),
        (OPTIMIZER, of_nn.OPTIMIZER),
        (nn.MeanSquaredError(), of_nn.LOSS),
        (nn.History(), of_nn.HISTORY),
    ],
)
def test_attributes_of_other_libraries_have_a_hint(thing: Any, hints: dict[str, str]) -> None:
    for name, hint in hints.items():
        with pytest.raises(AttributeError, match=re.escape(f"no attribute {name!r}. Use {hint}") + "$"):
            getattr(thing, name)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (
            lambda: nn.SGD(NETWORK.parameters(), lr=0.1),
            "SGD() got an unexpected keyword argument 'lr'. Use learn",
        ),
        (lambda: nn.Adam(NETWORK.parameters(), betas=(0.9, 0.99)), "Use beta_1 and beta_2."),
        (lambda: nn.Adam(NETWORK.parameters(), nesterov=True), "nn.NAdam is Adam with Nesterov momentum."),
        (lambda: nn.Adam(NETWORK.parameters(), rho=0.9), "Here the fraction that is kept is beta_2"),
        (lambda: nn.RMSprop(NETWORK.parameters(), alpha=0.9), "RMSprop() got an unexpected keyword argument 'alpha'"),
        (lambda: nn.SGD(NETWORK.parameters(), amsgrad=True), "It is an argument of nn.Adam and nn.AdamW."),
        (lambda: nn.LBFGS(NETWORK.parameters(), max_iter=3), "Use max_iterations."),
        (lambda: MODEL.fit(np.ones((2, 2)), [0, 1], gradient_accumulation_steps=2), "Use accumulate."),
        (lambda: nn.Dense(2, 3, activation="relu"), "Put a layer such as nn.ReLU() behind this one."),
        (lambda: MODEL.fit(np.ones((2, 2)), [0, 1], initial_epoch=2), "Use resume=True"),
        (lambda: MODEL.evaluate(np.ones((2, 2)), [0, 1], workers=2), "Leave it out"),
        (lambda: MODEL.predict(np.ones((2, 2)), mask=np.ones((2, 2), bool)), 'input of the network: {"x": X, "mask"'),
        (lambda: nn.SoftmaxCrossEntropy(ignore_index=-100), "Use ignored_label."),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 2]), "or class_weight to model.fit."),
        (lambda: nn.StepDecay(0.1, step_size=10), "StepDecay() got an unexpected keyword argument 'step_size'. Use"),
        (lambda: nn.CosineDecay(0.1, T_max=10), "Use steps, the number of updates, not of epochs."),
        (lambda: ATTENTION(ROWS, attn_mask=None), "forward() got an unexpected keyword argument 'attn_mask'. Use"),
        (
            lambda: nn.Residual(ATTENTION)(ATTENTION(ROWS), training=True),
            "Call network.train() or network.eval() first.",
        ),
        (lambda: MODEL.fit(np.ones((2, 2)), [0, 1], epoch=3), "Did you mean epochs?"),
        (lambda: nn.Adam(NETWORK.parameters(), learning_rates=0.1), "Did you mean learning_rate?"),
        (lambda: nn.SoftmaxCrossEntropy(label_smooting=0.1), "Did you mean label_smoothing?"),
        (
            lambda: nn.EarlyStopping(patiance=3),
            "Did you mean patience?",
        ),
        (lambda: nn.EarlyStopping(restore_best_weights=True), "Use restore_best."),
        (lambda: nn.plots.LivePlot(everyy=3), "Did you mean every?"),
        (lambda: nn.plots.confusion_matrix(MODEL, T, [0], class_names=["a"]), "Did you mean names?"),
        (lambda: nn.plots.confusion_matrix(y_true=[0], y_pred=[0]), "Use targets."),
        (lambda: nn.plots.confusion_matrix([0], [0], normalize="true"), "Leave it out: each cell shows the count"),
        (lambda: nn.plots.saliency(MODEL, T, normalize=True), "unexpected keyword argument 'normalize'."),
        (lambda: nn.Huber()(y_true=T, y_pred=T), "__call__() got an unexpected keyword argument 'y_true'. Use targets"),
        (lambda: nn.RegressionAccuracy()(y_pred=T, y_true=T), "argument 'y_pred'. Use predictions."),
        (lambda: nn.F1().update(y_pred=T, y_true=T), "argument 'y_pred'. Use predictions."),
        (lambda: MODEL.export("x.onnx", dynamic_axes={}), "argument 'dynamic_axes'. Use free_axes, such as free"),
        (
            lambda: nn.plots.saliency(MODEL, T, ax=None),
            "Leave it out: the result is a new figure.",
        ),
        (
            lambda: nn.Model(NETWORK, los=nn.Huber()),
            "argument 'los'. Did you mean loss?",
        ),
        (lambda: nn.Model(NETWORK, criterion=nn.Huber()), "Use loss."),
        (lambda: NETWORK.to(device="cuda"), "argument 'device'. Pass the library of the arrays: import cupy"),
        (lambda: tg.draw(T, collapsed=True), "draw() got an unexpected keyword argument 'collapsed'. To draw each"),
        (lambda: tg.draw(T, rankdir="TB"), "Use direction."),
        (lambda: tg.walkthrough(T.sum(), direktion="TB"), "Did you mean direction?"),
        (lambda: nn.Model(), "Make the layers first: nn.Model(nn.Sequential("),
        (lambda: nn.Model(NETWORK), "loss must be a loss object"),
    ],
)
def test_arguments_of_other_libraries_have_a_hint(call: Callable[[], Any], hint: str) -> None:
    with pytest.raises(TypeError, match=re.escape(hint)):
        call()


def test_hints_name_no_argument_that_is_missing_too() -> None:
    with pytest.raises(TypeError, match=r"argument 'filepath'\.$"):
        nn.EarlyStopping(filepath="x")  # type: ignore[call-arg]


def test_model_warnings_name_the_line_of_the_call() -> None:
    with pytest.warns(UserWarning, match="Softmax") as seen:
        nn.Model(nn.Sequential(nn.Dense(2, 3), nn.Softmax()), loss=nn.SoftmaxCrossEntropy())
    assert seen[0].filename == __file__
    model = nn.Model(nn.Dense(2, 2, rng=0), loss=nn.SoftmaxCrossEntropy())
    model.optimizer = nn.SGD(model.network.parameters(), 0.1)
    with pytest.warns(UserWarning, match="validation_split keeps the last") as seen:
        model.fit(np.ones((8, 2), np.float32), [0] * 6 + [1] * 2, epochs=1, validation_split=0.25, verbose=0)
    assert seen[0].filename == __file__


def test_subclasses_may_take_any_keyword_argument() -> None:
    class Weighted(nn.Loss):
        def __init__(self, **options: float) -> None:
            self.weight = options["weight"]

    assert Weighted(weight=2.0).weight == 2.0


def test_callbacks_may_have_any_constructor() -> None:
    class Named(nn.Callback):
        __init__ = functools.partialmethod(lambda self, name, epochs: vars(self).update(name=name), "kept")

    assert Named(epochs=3).name == "kept"


def test_parameters_are_an_iterator_that_says_so() -> None:
    assert next(NETWORK.parameters()).shape == (2, 4)  # type: ignore[arg-type]
    assert len(list(NETWORK.parameters())) == 4
    assert NETWORK.parameters()
    assert "list(network.parameters())" in repr(NETWORK.parameters())
    for use in (lambda p: p[0], lambda p: p + p, len):
        with pytest.raises(TypeError, match=r"is an iterator, not a list\. Write list\(network\.parameters\(\)\)"):
            use(NETWORK.parameters())


def test_parameters_used_up_by_a_loop_raise_an_error() -> None:
    parameters = NETWORK.parameters()
    assert len([next(iter(parameters)), *parameters]) == 4
    for use in (list, lambda p: tg.gradient(T.sum(), p), lambda p: nn.SGD(p, 0.1)):
        with pytest.raises(TypeError, match=r"used up by an earlier loop\. Write list\(network"):
            use(parameters)
    assert next(parameters, None) is None  # type: ignore[call-overload]
    rest = iter(NETWORK.parameters())
    assert [len(list(itertools.islice(rest, 2))) for _ in range(3)] == [2, 2, 0]
    empty = nn.ReLU().parameters()
    assert list(empty) == list(empty) == []


def test_objects_with_hints_can_be_copied_and_pickled() -> None:
    for thing in (NETWORK, nn.Huber(2.0), nn.History(), nn.Dense(2, 3)):
        assert repr(copy.deepcopy(thing)) == repr(copy.copy(thing)) == repr(thing)
        assert repr(pickle.loads(pickle.dumps(thing))) == repr(thing)

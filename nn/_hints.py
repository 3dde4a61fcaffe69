"""Hints that map attributes and arguments of PyTorch, Keras and *Neural Networks from Scratch* to the names here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

MODULE = {
    "add": "nn.Sequential(*layers): make the list of layers first",
    "append": "nn.Sequential(*layers): make the list of layers first",
    "apply": "a loop over network.modules()",
    "backward": "loss.backward(), for the tensor that the loss returned: it fills .grad of every parameter",
    "biases": "layer.bias",
    "compile": "nn.Model(network, loss=..., optimizer=...)",
    "cpu": "the network as it is: parameters are NumPy arrays",
    "cuda": "the network as it is: parameters are NumPy arrays",
    "dbiases": "layer.bias.grad",
    "dinputs": "x.grad, of the tensor x that the layer was called with",
    "dweights": "layer.weight.grad",
    "embed_dim": "layer.features",
    "fit": "nn.Model(network, loss=..., optimizer=...).fit(X, y)",
    "kernel": "layer.weight",
    "num_heads": "layer.heads",
    "output": "the result of calling the layer: y = layer(x)",
    "predict": "nn.Model(network, loss=...).predict(X)",
    "requires_grad_": "p.requires_grad = True, for p in the state of the network",
    "to": "the dtype= argument of the layers",
    "trainable_weights": "list(network.parameters())",
    "units": "layer.neurons",
    "in_features": "layer.inputs",
    "out_features": "layer.neurons",
    "weights": "layer.weight",
}

MODEL = {
    "add": "nn.Model(nn.Sequential(*layers), ...): make the network first",
    "backward": "loss.backward(), for the tensor that the loss returned; fit does it by itself",
    "compile": "nn.Model(network, loss=..., optimizer=..., metrics=[...])",
    "eval": "model.network.eval()",
    "finalize": "nn.Model(...), which is ready when it is made",
    "forward": "model.network(x), or model.predict(X)",
    "get_parameters": "model.network.state_dict()",
    "get_weights": "model.network.state_dict()",
    "layers": "model.network",
    "load_state_dict": "model.network.load_state_dict(state)",
    "named_parameters": "model.network.named_parameters()",
    "parameters": "model.network.parameters()",
    "score": "model.evaluate(X, y)",
    "set": "nn.Model(network, loss=..., optimizer=..., metrics=[...])",
    "set_parameters": "model.network.load_state_dict(state)",
    "set_weights": "model.network.load_state_dict(state)",
    "state_dict": "model.network.state_dict()",
    "train": "model.fit(X, y, epochs=...)",
}

OPTIMIZER = {
    "apply_gradients": "optimizer.step()",
    "lr": "optimizer.learning_rate",
    "minimize": "loss.backward(), then optimizer.step()",
    "param_groups": "optimizer.groups",
    "post_update_params": "optimizer.step(), which does it too",
    "pre_update_params": "optimizer.step(), which does it too",
    "update_params": "optimizer.step(), which updates all parameters",
}

LOSS = {
    "backward": "loss(predictions, targets).backward()",
    "calculate": "loss(predictions, targets)",
    "remember_trainable_layers": "network.regularization_loss()",
}

HISTORY = {"history": "the History itself, a mapping: history['loss']", "epoch": "history.epochs"}

FIT = {
    "initial_epoch": "Use resume=True, which trains until there are `epochs` epochs in total.",
    "max_queue_size": "Leave it out: batches are prepared in this process.",
    "steps_per_epoch": "Leave it out: an epoch goes through all samples. To stop earlier, set model.stop_training in a "
    "callback.",
    "use_multiprocessing": "Leave it out: batches are prepared in this process.",
    "validation_batch_size": "Give validation_data=nn.data.Batches(X, y, batch_size=...).",
    "validation_freq": "Leave it out: validation comes after every epoch.",
    "validation_steps": "Give validation_data with fewer samples.",
    "workers": "Leave it out: batches are prepared in this process.",
    "print_every": "Use verbose=2 for a line per epoch.",
    "x": "Here it is X.",
}
"""Arguments of Keras's `fit`, `evaluate` and `predict`, and of the book's `train` -> what to do."""

SETTINGS = {
    "activation": "Put a layer such as nn.ReLU() behind this one.",
    "activation_function": "Put a layer such as nn.ReLU() behind this one.",
    "amsgrad": "It is not supported.",
    "beta1": "Here it is beta_1.",
    "beta2": "Here it is beta_2.",
    "betas": "Here they are beta_1 and beta_2.",
    "bias_regularizer_l1": "Here it is bias_l1.",
    "bias_regularizer_l2": "Here it is bias_l2.",
    "eps": "Here it is epsilon.",
    "in_features": "Here it is inputs.",
    "input_shape": "Give the width of the input as inputs.",
    "kernel_initializer": "Here it is weight_init.",
    "lr": "Here it is learning_rate.",
    "n_inputs": "Here it is inputs.",
    "n_neurons": "Here it is neurons.",
    "out_features": "Here it is neurons.",
    "params": "Here it is parameters.",
    "units": "Here it is neurons.",
    "use_bias": "Here it is bias.",
    "weight_regularizer_l1": "Here it is weight_l1.",
    "weight_regularizer_l2": "Here it is weight_l2.",
}
"""Arguments of layers and optimizers elsewhere -> what to do."""

ATTENTION = {
    "add_bias_kv": "It is not supported.",
    "attn_dropout": "Here it is dropout.",
    "batch_first": "Leave it out: sequences are (batch, time, features).",
    "d_model": "Here it is features.",
    "dim_feedforward": "Here it is hidden.",
    "embed_dim": "Here it is features.",
    "embedding_dim": "Here it is features.",
    "encoder_layer": "Here it is block.",
    "decoder_layer": "Here it is block.",
    "head_dim": "Heads have features / heads features each.",
    "kdim": "Here it is key_features.",
    "key_dim": "Heads have features / heads features each.",
    "layer_norm_eps": "Here it is epsilon.",
    "max_len": "Leave it out: there is no longest sequence.",
    "nhead": "Here it is heads.",
    "num_heads": "Here it is heads.",
    "num_key_value_heads": "Here it is kv_heads.",
    "num_layers": "Here it is count.",
    "num_query_heads": "Here it is heads.",
    "vdim": "Here it is value_features.",
}
"""Arguments of attention, transformers and positions elsewhere -> what to do."""


class Hint:
    """Descriptor for an attribute that a class lacks; its error message names the counterpart here.

    An attribute of an instance or a subclass overrides it. A `__getattr__` would also work, but slows down the access
    to every other attribute.
    """

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}. Here it is {self.hint}.")


def attribute_hints(hints: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """Return a class decorator that adds a hint for each attribute of other libraries that the class lacks.

    >>> @attribute_hints(OPTIMIZER)
    ... class Descent:
    ...     pass
    >>> Descent().lr
    Traceback (most recent call last):
    AttributeError: 'Descent' object has no attribute 'lr'. Here it is optimizer.learning_rate.
    """

    def decorate(cls: type[T]) -> type[T]:
        for name, hint in hints.items():
            if not hasattr(cls, name):
                setattr(cls, name, Hint(name, hint))
        cls.__dir__ = _without_hints  # type: ignore[method-assign, assignment]
        return cls

    return decorate


def _without_hints(thing: object) -> list[str]:
    found = {name: value for cls in reversed(type(thing).__mro__) for name, value in vars(cls).items()}
    return [name for name in object.__dir__(thing) if not isinstance(found.get(name), Hint)]


def with_hints(hints: Mapping[str, str]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator whose error message names the counterpart of an argument that the function lacks.

    >>> @with_hints(SETTINGS)
    ... def descend(learning_rate):
    ...     return learning_rate
    >>> descend(lr=0.1)
    Traceback (most recent call last):
    TypeError: descend() got an unexpected keyword argument 'lr'. Here it is learning_rate.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        known = function.__code__.co_varnames

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            for name in kwargs:
                if name in hints and name not in known:
                    where = function.__qualname__.removesuffix(".__init__")
                    raise TypeError(f"{where}() got an unexpected keyword argument {name!r}. {hints[name]}")
            return function(*args, **kwargs)

        return call

    return decorate


class Listed(Generic[T]):
    """An iterator with a helpful error message when it is used like a list.

    >>> weights = Listed(iter([1.0, 2.0]))
    >>> weights[0]
    Traceback (most recent call last):
    TypeError: parameters() is an iterator, not a list. Write list(network.parameters()) first.
    >>> list(weights)
    [1.0, 2.0]
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return self._items

    def __next__(self) -> T:
        return next(self._items)

    def __getitem__(self, index: Any) -> Any:
        raise self._error()

    def __add__(self, other: Any) -> Any:
        raise self._error(" To join two, write [*a.parameters(), *b.parameters()].")

    def __len__(self) -> int:
        raise self._error()

    def __bool__(self) -> bool:
        return True

    @staticmethod
    def _error(more: str = "") -> TypeError:
        return TypeError(f"parameters() is an iterator, not a list. Write list(network.parameters()) first.{more}")

"""Recurrent layers, which map sequences to sequences or to the last state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import tensorgrad as tg
from nn import functional, init
from nn._repr import described
from nn._rng import Rng, generator
from nn._validation import MOST_LAYERS, whole_number
from nn._weight_layouts import Foreign, Layout, foreign
from nn.layers._weights import drawn
from nn.layers.dropout import Dropout
from nn.layers.masks import as_mask
from nn.module import Module, place
from tensorgrad import Tensor, scopes


class Recurrent(Module):
    """Base class of `RNN`, `LSTM` and `GRU`, which document the arguments."""

    parameter_names = ("bias", "recurrent_bias")

    gates: ClassVar[int] = 1
    """Blocks in the weights, `units` wide each."""

    state_tensors: ClassVar[int] = 1
    """Tensors in the state of one layer; a tuple if there are several."""

    weight: Tensor
    recurrent_weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        return_sequences: bool = False,
        return_state: bool = False,
        reverse: bool = False,
        layers: int = 1,
        dropout: float = 0.0,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
        recurrent_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        name = type(self).__name__
        self.inputs = whole_number(f"{name}: inputs", inputs)
        self.units = whole_number(f"{name}: units", units)
        self.layers = whole_number(f"{name}: layers", layers, highest=MOST_LAYERS)
        self.return_sequences, self.return_state, self.reverse = return_sequences, return_state, reverse
        self.weight_init = init.glorot() if weight_init is None else weight_init
        self.recurrent_init = init.orthogonal() if recurrent_init is None else recurrent_init
        self.rng = generator(rng)
        if dropout and layers == 1:
            raise ValueError(f"{name}: dropout acts between stacked layers, but layers=1. Use nn.Dropout around it.")
        width = self.gates * self.units
        self.weight, self.recurrent_weight = (
            Tensor(drawn(name, argument, initializer, (rows, width), self.rng, dtype), requires_grad=True)
            for argument, initializer, rows in (
                ("weight_init", self.weight_init, self.inputs),
                ("recurrent_init", self.recurrent_init, self.units),
            )
        )
        self.bias = Tensor(self._first_bias(np.zeros(width, dtype)), requires_grad=True) if bias else None
        self.dropout = dropout
        self.between = Dropout(dropout, self.rng) if layers > 1 else None
        self.above = [self.another(self.units) for _ in range(layers - 1)]

    def _first_bias(self, zeros: Any) -> Any:
        """Return the initial bias."""
        return zeros

    def another(self, inputs: int, **changes: Any) -> Self:
        """Return another layer of this class whose weights are drawn from the same generator."""
        settings = self.settings() | {"inputs": inputs, "layers": 1, "dropout": 0.0} | changes
        initializers = {"weight_init": self.weight_init, "recurrent_init": self.recurrent_init}
        return type(self)(**(settings | initializers | {"rng": self.rng}))

    def alone(self) -> Self:
        """Return the first of the stacked layers as a layer without a stack. It shares the tensors."""
        first = copy.copy(self)
        first.layers, first.dropout, first.between, first.above = 1, 0.0, None, []
        return first

    # -- computing ----------------------------------------------------------------------------------------

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        yield np.zeros((1, 3, self.inputs), next(self.parameters()).dtype)

    def forward(
        self, x: ArrayLike, state: Any = None, *, lengths: ArrayLike | None = None, mask: ArrayLike | None = None
    ) -> Any:
        """Return the output of the last of the stacked layers.

        Args:
            x: `(batch, time, inputs)`.
            state: the initial state, as `return_state=True` returns it; default zeros.
            lengths: `(batch,)`, the number of steps of each sequence, at most time. Later steps are padding.
            mask: `(batch, time)` booleans, False for padding, instead of `lengths`.

        Returns:
            The state after the last step, `(batch, units)`, or with `return_sequences=True` after every step,
            `(batch, time, units)`; at padding, 0. With `return_state=True`, a tuple of this and the final state.

        Raises:
            ValueError: shapes that do not fit, or lengths beyond the steps.
            TypeError: lengths that are not integers, or a mask that is not boolean.
        """
        x = x if isinstance(x, Tensor) else Tensor(x)
        self.check_input(x.shape)
        if lengths is not None or mask is not None:  # the name of the layer, for messages, takes half a millisecond
            mask = as_mask(place(self), x.shape, lengths, mask)
        sequence, last, state = self.run_stack(x, state, mask)
        output = sequence if self.return_sequences else last
        return (output, state) if self.return_state else output

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and its mask; None if only the last state is returned."""
        return self(x, mask=mask), mask if self.return_sequences else None

    def step(self, x: ArrayLike, state: Any = None) -> tuple[Tensor, Any]:
        """Return the output for one step and the state for the next step. Useful for generation.

        Args:
            x: `(batch, inputs)`.
            state: what the previous step returned; default zeros.

        Raises:
            ValueError: shapes that do not fit, or a layer that runs in reverse.
        """
        if self.reverse:
            raise ValueError(f"{self!r}: a layer that runs from the last step to the first cannot run step by step.")
        x = x if isinstance(x, Tensor) else Tensor(x)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"{place(self)}: step expected x of shape (batch, {self.inputs}), got {x.shape}.")
        _, last, state = self.run_stack(tg.expand_dims(x, 1), state, None)
        return last, state

    def run_stack(self, x: Tensor, state: Any, mask: Any) -> tuple[Tensor, Tensor, Any]:
        """Return the sequence and the last hidden state of the topmost layer, and the states of all."""
        states = self._split_state(state, (x.shape[0], self.units))
        finals = []
        sequence = x
        for number, (layer, initial) in enumerate(zip([self, *self.above], states)):
            if number and self.between is not None:
                sequence = self.between(sequence)
            start = scopes.enter()
            sequence, *final = layer.run_alone(sequence, initial, mask)
            if number:
                scopes.leave(start, layer, (), sequence)
            finals.append(tuple(final) if self.state_tensors > 1 else final[0])
        return sequence, final[0], tuple(finals) if self.layers > 1 else finals[0]

    def run_alone(self, x: Tensor, state: tuple[Any, ...], mask: Any) -> Any:
        """Return the sequence and the final state of this layer alone, without those on top of it."""
        raise NotImplementedError

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Reject inputs that are not `(batch, time, inputs)`.

        Raises:
            ValueError: another shape, or no step.
        """
        if len(shape) == 3 and shape[2] == self.inputs and shape[1]:
            return
        hint = ""
        if len(shape) == 2 and shape[1] == self.inputs:
            hint = " A single sequence is x[None]; a recurrent layer before this one needs return_sequences=True."
        elif len(shape) == 2:
            hint = " Ids go through nn.Embedding first."
        raise ValueError(
            f"{place(self)}: expected x of shape (batch, time, {self.inputs}) with at least one step, got {shape}."
            f"{hint}"
        )

    def _split_state(self, state: Any, shape: tuple[int, int]) -> list[tuple[Any, ...]]:
        """Return the initial states of the stacked layers, each as a tuple of tensors."""
        if state is None:
            return [(None,) * self.state_tensors] * self.layers
        if self.layers == 1:
            state = (state,)
        each = "(hidden, cell)" if self.state_tensors > 1 else "a tensor"
        wanted = each if self.layers == 1 else f"a tuple of {self.layers}, for every layer {each}"
        if not isinstance(state, (tuple, list)) or len(state) != self.layers:
            raise ValueError(f"{place(self)}: expected as state {wanted}, got {_described_state(state)}.")
        found = []
        for one in state:
            tensors = (one,) if self.state_tensors == 1 else one
            if not isinstance(tensors, (tuple, list)) or len(tensors) != self.state_tensors:
                raise ValueError(f"{place(self)}: expected as state {wanted}, got {_described_state(one)}.")
            for tensor in tensors:
                if np.shape(tensor) != shape:
                    raise ValueError(
                        f"{place(self)}: expected a state of shape (batch, units) = {shape}, got {np.shape(tensor)}."
                    )
            found.append(tuple(tensors))
        return found

    # -- representation and layouts in other frameworks ------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.bias is None:
            shown["bias"] = False
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        if self.dropout:
            shown["rng"] = self.rng
        return shown

    def __repr__(self) -> str:
        return described(self, {name: value for name, value in self.settings().items() if name != "rng"})

    def from_pytorch(self, suffix: str) -> dict[str, Foreign]:
        """Return PyTorch's tensors for the tensors of one layer. In PyTorch, a stack of layers is one module."""
        return {
            "weight": foreign(f"weight_ih_{suffix}").transpose(),
            "recurrent_weight": foreign(f"weight_hh_{suffix}").transpose(),
            "bias": foreign(f"bias_ih_{suffix}", f"bias_hh_{suffix}").add(),
        }

    @property
    def pytorch_layout(self) -> Layout:
        """Return the names and layouts in PyTorch, whose two biases add up to this layer's bias."""
        stack = [("", self), *((f"above.{number}.", layer) for number, layer in enumerate(self.above))]
        return Layout(
            {
                prefix + name: theirs
                for number, (prefix, layer) in enumerate(stack)
                for name, theirs in layer.from_pytorch(f"l{number}").items()
            }
        )


class RNN(Recurrent):
    """A simple recurrent layer: `h ← tanh(x[:, t] @ weight + h @ recurrent_weight + bias)`, for every step.

    Args:
        inputs: the width of x, at least 1.
        units: the width of the state, at least 1.
        activation: `"tanh"` or `"relu"`.
        return_sequences: whether the states after all steps are returned, `(batch, time, units)`, instead of the last.
        return_state: whether the final state is returned as well.
        reverse: whether the steps are taken from the last to the first.
        layers: the number of layers on top of each other. In the states, there is a tuple for them if there are
            several.
        dropout: the fraction of each layer's output that is dropped in training before the next layer.
        bias: whether a bias is added.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`.
        recurrent_init: an initialiser; default `init.orthogonal()`. Both as in Keras.
        dtype: of the parameters.
        rng: the source of the weights and of dropout, as in `Dense`.

    Attributes:
        weight: `(inputs, units)`.
        recurrent_weight: `(units, units)`.
        bias: `(units,)`, or None.
        above: the layers on top of the first.

    Call it as `layer(x, state=None, lengths=None, mask=None)`, see `forward`; `step` runs a single step.

    Raises:
        ValueError: a size below 1, another activation, dropout with one layer, an initialiser that returns the wrong
            shape; when called, shapes that do not fit, or lengths beyond the steps.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    >>> layer = RNN(4, 3, return_sequences=True, rng=0)
    >>> layer(np.ones((2, 5, 4), np.float32), lengths=[5, 3]).shape
    (2, 5, 3)
    >>> RNN(4, 3)(np.ones((2, 5, 6)))
    Traceback (most recent call last):
    ValueError: RNN(4, 3): expected x of shape (batch, time, 4) with at least one step, got (2, 5, 6).
    """

    keras_layout = Layout(
        {"weight": "cell.kernel", "recurrent_weight": "cell.recurrent_kernel", "bias": "cell.bias"}, name="simple_rnn"
    )

    def __init__(
        self, inputs: int, units: int, *, activation: Literal["tanh", "relu"] = "tanh", return_sequences: bool = False,
        return_state: bool = False, reverse: bool = False, layers: int = 1, dropout: float = 0.0, bias: bool = True,
        weight_init: init.Initializer | None = None, recurrent_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        if activation not in ("tanh", "relu"):
            raise ValueError(f"RNN: activation must be 'tanh' or 'relu', got {activation!r}.")
        self.activation = activation
        super().__init__(
            inputs, units, return_sequences=return_sequences, return_state=return_state, reverse=reverse,
            layers=layers, dropout=dropout, bias=bias, weight_init=weight_init, recurrent_init=recurrent_init,
            dtype=dtype, rng=rng,
        )  # fmt: skip

    def run_alone(self, x: Tensor, state: tuple[Any, ...], mask: Any) -> Any:
        """Return the sequence and the final state of this layer alone, without those on top of it."""
        return functional.rnn(
            x, self.weight, self.recurrent_weight, self.bias, *state, activation=self.activation, mask=mask,
            reverse=self.reverse,
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return super().settings()


class LSTM(Recurrent):
    """Long short-term memory.

    Its state is a tuple `(hidden, cell)`; see `functional.lstm` for what it computes.

    Args:
        inputs: the width of x, at least 1.
        units: the width of the state, at least 1.
        return_sequences, return_state, reverse, layers, dropout, bias, weight_init, recurrent_init, dtype, rng:
            as in `RNN`.

    Attributes:
        weight: `(inputs, 4·units)`, for input gate, forget gate, candidate and output gate.
        recurrent_weight: `(units, 4·units)`.
        bias: `(4·units,)`, or None. It starts at 1 for the forget gate, so that the cell remembers at first, and at 0
            for the others.
        above: the layers on top of the first.

    Raises:
        ValueError, TypeError: as in `RNN`.

    References:
        Hochreiter and Schmidhuber, *Long Short-Term Memory*, 1997; Jozefowicz, Zaremba, Sutskever, *An Empirical
        Exploration of Recurrent Network Architectures*, 2015, for the forget gate's bias.

    >>> layer = LSTM(4, 3, return_state=True, rng=0)
    >>> output, (hidden, cell) = layer(np.ones((2, 5, 4), np.float32))
    >>> output.shape, hidden.shape, cell.shape
    ((2, 3), (2, 3), (2, 3))
    >>> output, state = layer.step(np.ones((2, 4), np.float32), (hidden, cell))
    >>> output.shape
    (2, 3)
    """

    gates = 4
    state_tensors = 2
    keras_layout = Layout(
        {"weight": "cell.kernel", "recurrent_weight": "cell.recurrent_kernel", "bias": "cell.bias"}, name="lstm"
    )

    def _first_bias(self, zeros: Any) -> Any:
        zeros[self.units : 2 * self.units] = 1
        return zeros

    def run_alone(self, x: Tensor, state: tuple[Any, ...], mask: Any) -> Any:
        """Return the sequence and the final state of this layer alone, without those on top of it."""
        return functional.lstm(
            x, self.weight, self.recurrent_weight, self.bias, *state, mask=mask, reverse=self.reverse
        )


class GRU(Recurrent):
    """Gated recurrent unit; see `functional.gru` for what it computes.

    Args:
        inputs: the width of x, at least 1.
        units: the width of the state, at least 1.
        reset_after: whether the reset gate acts after the recurrent product, as in PyTorch and by default in Keras; the
            layer then has a second bias. If not, it acts before, as in the paper.
        return_sequences, return_state, reverse, layers, dropout, bias, weight_init, recurrent_init, dtype, rng:
            as in `RNN`.

    Attributes:
        weight: `(inputs, 3·units)`, for reset gate, update gate and candidate.
        recurrent_weight: `(units, 3·units)`.
        bias: `(3·units,)`, or None.
        recurrent_bias: `(3·units,)`; None without a bias or with `reset_after=False`.
        above: the layers on top of the first.

    Raises:
        ValueError, TypeError: as in `RNN`.

    References:
        Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder*, 2014.

    >>> layer = GRU(4, 3, return_sequences=True, rng=0)
    >>> layer(np.ones((2, 5, 4), np.float32)).shape
    (2, 5, 3)
    """

    gates = 3

    def __init__(
        self, inputs: int, units: int, *, reset_after: bool = True, return_sequences: bool = False,
        return_state: bool = False, reverse: bool = False, layers: int = 1, dropout: float = 0.0, bias: bool = True,
        weight_init: init.Initializer | None = None, recurrent_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        self.reset_after = reset_after
        super().__init__(
            inputs, units, return_sequences=return_sequences, return_state=return_state, reverse=reverse,
            layers=layers, dropout=dropout, bias=bias, weight_init=weight_init, recurrent_init=recurrent_init,
            dtype=dtype, rng=rng,
        )  # fmt: skip
        has_second = bias and reset_after
        self.recurrent_bias = Tensor(np.zeros(3 * self.units, dtype), requires_grad=True) if has_second else None

    def run_alone(self, x: Tensor, state: tuple[Any, ...], mask: Any) -> Any:
        """Return the sequence and the final state of this layer alone, without those on top of it."""
        return functional.gru(
            x, self.weight, self.recurrent_weight, self.bias, self.recurrent_bias, *state,
            reset_after=self.reset_after, mask=mask, reverse=self.reverse,
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return super().settings()

    def from_pytorch(self, suffix: str) -> dict[str, Foreign]:
        """Return PyTorch's tensors for the tensors of one layer, which has two biases as in PyTorch."""
        return super().from_pytorch(suffix) | {
            "bias": foreign(f"bias_ih_{suffix}"),
            "recurrent_bias": foreign(f"bias_hh_{suffix}"),
        }

    @property
    def keras_layout(self) -> Layout:
        """Return the names and layouts in Keras, which has the update gate first, and both biases in one variable."""
        width = 3 * self.units
        kernels: dict[str | tuple[str, ...], str | Foreign] = {
            "weight": foreign("cell.kernel").reorder([1, 0, 2]),
            "recurrent_weight": foreign("cell.recurrent_kernel").reorder([1, 0, 2]),
        }
        bias = foreign("cell.bias").reorder([1, 0, 2])
        if self.recurrent_bias is None:
            return Layout({**kernels, "bias": bias}, name="gru")
        both = bias.split(2, axis=0).reshape((1, width), (width,))
        return Layout({**kernels, ("bias", "recurrent_bias"): both}, name="gru")


class Bidirectional(Module):
    """A recurrent layer in both directions, with concatenated outputs `(…, 2·units)`.

    Args:
        layer: an `RNN`, `LSTM` or `GRU` for the forward direction. The other direction is a layer of the same kind,
            drawn from the same generator. `return_sequences` and `return_state` are those of `layer`. With a stack,
            such as `LSTM(4, 3, layers=2, dropout=0.1)`, this is a stack of bidirectional layers with dropout between
            them, as in PyTorch: the inputs of the second are both directions of the first.
        layers: the number of bidirectional layers on top of each other; default that of `layer`.
        dropout: the fraction of each layer's output that is dropped in training before the next layer; default that of
            `layer`.

    Attributes:
        layer, backward_layer: the two directions of the first layer.
        above: the bidirectional layers on top of it.

    Without `return_sequences`, the result has the state of each direction after its last step: at the end of the
    sequence, and at its beginning. The state is a tuple of those of both directions; for a stack, a tuple with such a
    tuple for each layer.

    Raises:
        TypeError: something that is not a recurrent layer, or a number of layers that is not an integer.
        ValueError: a layer that runs in reverse, or dropout with one layer.

    References:
        Schuster and Paliwal, *Bidirectional Recurrent Neural Networks*, 1997.

    >>> layer = Bidirectional(LSTM(4, 3, return_sequences=True, rng=0))
    >>> layer(np.ones((2, 5, 4), np.float32)).shape
    (2, 5, 6)
    >>> stack = Bidirectional(GRU(4, 3, layers=2, return_state=True, rng=0))
    >>> output, state = stack(np.ones((2, 5, 4), np.float32))
    >>> output.shape, [[direction.shape for direction in layer] for layer in state]
    ((2, 6), [[(2, 3), (2, 3)], [(2, 3), (2, 3)]])
    """

    def __init__(self, layer: Recurrent, *, layers: int | None = None, dropout: float | None = None) -> None:
        if not isinstance(layer, Recurrent):
            raise TypeError(f"Bidirectional: expected a recurrent layer such as nn.LSTM(…), got {layer!r}.")
        if layer.reverse:
            raise ValueError(f"Bidirectional: expected a layer that runs forward, got {layer!r}.")
        count = layer.layers if layers is None else layers
        self.layers = whole_number("Bidirectional: layers", count, highest=MOST_LAYERS)
        self.dropout = layer.dropout if dropout is None else dropout
        if self.dropout and self.layers == 1:
            raise ValueError("Bidirectional: dropout acts between stacked layers, but layers=1. Use nn.Dropout around.")
        self.layer = layer.alone() if layer.layers > 1 else layer
        self.backward_layer = layer.another(layer.inputs, reverse=True)
        self.between = Dropout(self.dropout, layer.rng) if self.layers > 1 else None
        self.above = [Bidirectional(layer.another(2 * layer.units)) for _ in range(self.layers - 1)]

    def forward(
        self, x: ArrayLike, state: Any = None, *, lengths: ArrayLike | None = None, mask: ArrayLike | None = None
    ) -> Any:
        """Return the outputs of both directions, concatenated. The arguments are those of the layers."""
        sequence = x if isinstance(x, Tensor) else Tensor(x)
        self.layer.check_input(sequence.shape)
        mask = as_mask(repr(self), sequence.shape, lengths, mask)
        finals = []
        for number, (layer, initial) in enumerate(zip([self, *self.above], self._split_state(state))):
            if number and self.between is not None:
                sequence = self.between(sequence)
            sequences, lasts, states = zip(
                *(
                    scopes.leave(scopes.enter(), direction, (), direction.run_stack(sequence, first, mask))
                    for direction, first in zip((layer.layer, layer.backward_layer), initial)
                )
            )
            sequence = tg.concatenate(sequences, axis=-1)
            finals.append(states)
        output = sequence if self.layer.return_sequences else tg.concatenate(lasts, axis=-1)
        if not self.layer.return_state:
            return output
        return output, tuple(finals) if self.layers > 1 else finals[0]

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and its mask; None if only the last state is returned."""
        return self(x, mask=mask), mask if self.layer.return_sequences else None

    def _split_state(self, state: Any) -> list[tuple[Any, Any]]:
        """Return the initial states of the stacked layers, each as a pair for the two directions."""
        if state is None:
            return [(None, None)] * self.layers
        states = [state] if self.layers == 1 else state
        stacked = f"a tuple of {self.layers}, for every layer " if self.layers > 1 else ""
        fits = isinstance(states, (tuple, list)) and len(states) == self.layers
        if not fits or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in states):
            raise ValueError(
                f"{self!r}: expected as state {stacked}a tuple of those of both directions, got "
                f"{_described_state(state)}."
            )
        return [(forward, backward) for forward, backward in states]

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        stacked = {"layers": self.layers} if self.layers > 1 else {}
        return {"layer": self.layer, **stacked, **({"dropout": self.dropout} if self.dropout else {})}

    def __repr__(self) -> str:
        return described(self, self.settings())

    @property
    def pytorch_layout(self) -> Layout:
        """Return the names and layouts in PyTorch, where both directions of all layers are in one module."""
        stack = [("", self), *((f"above.{number}.", layer) for number, layer in enumerate(self.above))]
        return Layout(
            {
                f"{prefix}{ours}.{name}": theirs
                for number, (prefix, layer) in enumerate(stack)
                for ours, suffix in (("layer", f"l{number}"), ("backward_layer", f"l{number}_reverse"))
                for name, theirs in layer.layer.from_pytorch(suffix).items()
            }
        )

    @property
    def keras_layout(self) -> Layout:
        """Return the names and layouts in Keras, where each layer of a stack is a `Bidirectional`."""
        tensors: dict[str | tuple[str, ...], str | Foreign] = {}
        for ours, theirs in (("layer", "forward_layer"), ("backward_layer", "backward_layer")):
            for names, made in self.layer.keras_layout.tensors.items():
                inside = tuple(f"{ours}.{name}" for name in names)
                tensors[inside] = Foreign(tuple(f"{theirs}.{name}" for name in made.names), made.steps)
        return Layout(tensors, name="bidirectional")


def _described_state(state: Any) -> str:
    if isinstance(state, (tuple, list)):
        return "(" + ", ".join(_described_state(each) for each in state) + ")"
    return f"an array of shape {np.shape(state)}"

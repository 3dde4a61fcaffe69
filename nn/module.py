"""Base class of layers and networks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Self
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from nn._hints import MODULE, MOVING, Listed, attribute_hints, call_hint, layer_hint
from nn._libraries import move
from nn._load_report import LoadReport
from nn._repr import described, settings
from nn._validation import as_array
from nn._weight_layouts import Layout
from tensorgrad import Tensor, interrupts, scopes
from tensorgrad.arguments import with_hints

_NO_RESULT = "forward returned None. Does it end without `return`?"
_ARRAY_RESULT = (
    "forward returned a NumPy array, which is not connected to the parameters. Return a Tensor: compute with "
    "tensorgrad's functions, not with .data or .numpy()."
)

_MASKS = {"lengths", "mask", "key_mask"}
"""Arguments of `forward` that describe the padding of sequences."""

_FLOAT64 = np.dtype(np.float64)

promoted: list[tuple[ref[Tensor], str]] = []
"""The first float32 parameter combined with float64 data since the last reset, and its layer. Used in a warning."""


@attribute_hints(MODULE)
class Module:
    """Base class of layers and networks.

    Implement `forward`, and assign the tensors and modules that it uses as attributes in the constructor, in any order.
    Calling `super().__init__()` is not required:

    - a leaf `Tensor` that requires a gradient is a **parameter**: optimizers train it, and `state_dict` includes it. If
      it is frozen later (`requires_grad = False`), it is no longer trained but stays in `state_dict`;
    - a `Module` is a **child**, and its parameters are collected recursively;
    - lists, tuples and dicts of these are searched too;
    - a `Tensor` whose attribute is listed in `state_names` is a **buffer**: `state_dict` includes it, but it is not
      trained;
    - every other `Tensor` is an ordinary attribute.

    Parameters are determined when the constructor returns. A tensor assigned later, to an attribute that did not hold a
    parameter at that time, is an ordinary attribute, so a layer can store its last input. To create a parameter later,
    list its attribute in `parameter_names`, or call `register_parameter`. A plain `Module()`, or an instance of a class
    without `forward`, is a container in which every assignment is considered.

    A parameter can be replaced by another parameter or removed with None. It cannot be replaced by an array or the
    result of an operation, which would not be trained. A parameter without a name is labelled with its path
    (`"0.weight"`), which is shown in graph drawings and messages.

    Attributes:
        training: True in training mode. Layers such as `Dropout` behave differently in evaluation mode. Set by
            `train()` and `eval()`.

    Raises:
        TypeError: a parameter is replaced by something else, or `forward` returns None or an array.

    >>> import numpy as np, tensorgrad as tg
    >>> class Scale(Module):
    ...     def __init__(self, factor):
    ...         self.factor = tg.tensor(factor, requires_grad=True)
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> layer = Scale(3.0)
    >>> layer(np.array([1.0, 2.0]))
    Tensor([3., 6.], op=multiply)
    >>> [name for name, parameter in layer.named_parameters()]
    ['factor']
    """

    training: bool = True

    state_names: ClassVar[tuple[str, ...]] = ()
    """Attributes whose tensors are part of `state_dict` although they are not trained, such as running averages."""

    parameter_names: ClassVar[tuple[str, ...]] = ()
    """Attributes that may hold parameters although the constructor does not assign them."""

    _parameter_paths: Mapping[str, frozenset[str]] = MappingProxyType({})
    """For each attribute that can hold parameters, the paths of the parameters at the time of assignment."""

    _is_complete = False
    """Whether the attributes that can hold parameters have been determined."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__init__ is object.__init__ and _is_own(cls) and _computes(cls):
            cls.__init__ = _without_arguments  # type: ignore[method-assign, assignment]
        if "__init__" in vars(cls):
            cls.__init__ = _completing(cls.__init__)  # type: ignore[method-assign]
        cls._is_complete = cls.__init__ is object.__init__ and _computes(cls)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the result. Subclasses implement this method; users call the module itself.

        Raises:
            NotImplementedError: the subclass does not define `forward`.
        """
        raise NotImplementedError(f"{type(self).__name__}: a module needs a forward(self, x) method.")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Return the result of `forward`."""
        start = scopes.enter()
        try:
            result = self.forward(*inputs, **options)
        except ValueError as error:
            located = _located(self, error)
            if located is None:
                raise
            raise located from error
        except TypeError as error:
            hint = call_hint(str(error))
            if not hint:
                raise
            raise TypeError(f"{error}. {hint}") from None
        if result is None or isinstance(result, np.ndarray):
            raise TypeError(f"{type(self).__name__}: {_NO_RESULT if result is None else _ARRAY_RESULT}")
        if result.__class__ is Tensor and result.array.dtype is _FLOAT64 and result.node is not None:
            _note_promotion(self, inputs)
        return scopes.leave(start, self, inputs, result)

    def __graph__(self, *inputs: Any) -> Any:
        """Return the result of `forward` in evaluation mode, for `tg.draw`.

        Without inputs, `forward` is called with one of `example_inputs`.

        Raises:
            ValueError: there are no inputs, and no shape is known that `forward` accepts.
        """
        with in_mode(self, training=False):
            if inputs:
                return self(*inputs)
            for example in self.example_inputs():
                try:
                    return self(Tensor(example, name="x") if example.dtype.kind == "f" else example)
                except (TypeError, ValueError, IndexError):
                    continue
        raise ValueError(
            f"{type(self).__name__}: the shape of the input is not known. Pass an input, as in tg.draw(network, x)."
        )

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs that `forward` may accept, the likeliest first. Layers with a fixed width override this."""
        for _, child in self.named_children():
            examples = list(child.example_inputs())
            if examples:
                yield from examples
                return

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and the mask of the result.

        `Sequential` calls this if it is called with `lengths` or a `mask`. By default, the layer must process every
        step on its own, as `Dense` does; the result then has the same mask. Layers that combine steps override it. The
        mask of a result without steps is None.

        Args:
            x: `(batch, time, features)`, or ids `(batch, time)`.
            mask: `(batch, time)` booleans, False for padding.

        Raises:
            TypeError: this module takes a mask or contains a layer that does, but does not define how to pass it on.
        """
        for path, inner in self.named_modules():
            defined = type(inner).with_mask is not Module.with_mask
            if defined or _MASKS & inspect.signature(inner.forward).parameters.keys():
                what = f"{path}, {type(inner).__name__}, needs" if path else "its forward takes"
                raise TypeError(
                    f"{type(self).__name__}: {what} the mask of the padding, but this module does not pass it on. "
                    "Define with_mask(self, x, mask), which returns the result and its mask."
                )
        return self(x), mask

    def penalties(self) -> Iterable[Tensor]:
        """Return the regularisation terms of this module alone, as scalar tensors. There are none by default."""
        return ()

    # -- contents -----------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the direct children with their names, in the order of assignment."""
        return ((name, value) for name, value in _members(vars(self)) if isinstance(value, Module))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield this module, with the name `""`, and all its descendants with dotted paths; each once, parents
        first."""
        seen = set()
        waiting: list[tuple[str, Module]] = [("", self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            prefix = f"{path}." if path else ""
            waiting += [(prefix + name, child) for name, child in module.named_children()][::-1]

    def modules(self) -> Iterator[Module]:
        """Yield this module and all its descendants; each once, parents first."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the trainable tensors with their dotted names (`"0.weight"`); each once, in the order of assignment."""
        return ((name, tensor) for name, tensor in self.named_state() if tensor.requires_grad)

    def parameters(self) -> Iterator[Tensor]:
        """Yield the trainable tensors; each once, in the order of assignment."""
        return Listed(tensor for _, tensor in self.named_parameters())

    def named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the entries of `state_dict`: all parameters, including frozen ones, and the buffers; each once."""
        seen = set()
        for path, module in self.named_modules():
            prefix = f"{path}." if path else ""
            for name, tensor in module.own_state():
                if id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield prefix + name, tensor

    def own_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the entries of `state_dict` that belong to this module itself, without its children."""
        for path, value in _members(vars(self)):
            if isinstance(value, Tensor) and self._is_state(path, value):
                yield path, value

    def _is_state(self, path: str, tensor: Tensor) -> bool:
        attribute = path.partition(".")[0]
        if attribute in self.state_names:
            return True
        if attribute not in self._parameter_paths:
            return False
        return path in self._parameter_paths[attribute] or _is_parameter(tensor)  # the latter: appended to a list

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        is_replacement = isinstance(held, Tensor) and self._is_state(name, held)
        if (is_replacement or name in self.state_names) and value is not None and value is not held:
            self._check_state(name, held, value)
        object.__setattr__(self, name, value)
        if not isinstance(value, (Tensor, Module, list, tuple, dict)):
            return
        members = _members({name: value})
        parameters: frozenset[str] = frozenset()
        if not self._is_complete or name in self._parameter_paths or name in self.parameter_names:
            parameters = frozenset(path for path, member in members if _is_parameter(member))
            self._note(name, frozenset({name}) if is_replacement else parameters)
        if parameters or any(isinstance(member, Module) for _, member in members):
            self._label_members()

    def register_parameter(self, name: str, parameter: Tensor) -> None:
        """Assign a parameter to an attribute after the constructor has returned.

        Raises:
            TypeError: `parameter` is not a leaf tensor that requires a gradient.

        >>> import nn, tensorgrad as tg
        >>> layer = nn.Dense(2, 1)
        >>> layer.register_parameter("gain", tg.tensor(1.0, requires_grad=True))
        >>> [name for name, _ in layer.named_parameters()]
        ['weight', 'bias', 'gain']
        """
        if not _is_parameter(parameter):
            raise TypeError(
                f"{type(self).__name__}.register_parameter: {name} must be a leaf tensor with requires_grad=True, got "
                f"{_shown(parameter)}."
            )
        self._note(name, frozenset())
        setattr(self, name, parameter)

    def register_buffer(self, name: str, buffer: Tensor) -> None:
        """Assign a tensor that is part of `state_dict` but not trained; `state_names` does the same for a class.

        Raises:
            TypeError: `buffer` is not a leaf tensor.
        """
        if not (isinstance(buffer, Tensor) and buffer.is_leaf):
            raise TypeError(
                f"{type(self).__name__}.register_buffer: {name} must be a leaf tensor, such as "
                f"tg.tensor(values), got {_shown(buffer)}."
            )
        object.__setattr__(self, "state_names", tuple(dict.fromkeys((*self.state_names, name))))
        setattr(self, name, buffer)

    def _check_state(self, name: str, held: Any, value: Any) -> None:
        trained = _is_parameter(held)
        if _is_parameter(value) or (not trained and isinstance(value, Tensor) and value.is_leaf):
            return
        raise TypeError(
            f"{type(self).__name__}: {name} is {'a parameter' if trained else 'part of the state'}; write "
            f"layer.{name}.data = … (or data -= …), or assign a new leaf tensor"
            f"{' with requires_grad=True' if trained else ''}. Got {_shown(value)}."
        )

    def _note(self, attribute: str, paths: frozenset[str]) -> None:
        object.__setattr__(self, "_parameter_paths", {**self._parameter_paths, attribute: paths})

    def _complete(self) -> None:
        """Determine which of the assigned attributes can hold parameters."""
        held = {name: _members({name: vars(self).get(name)}) for name in self._parameter_paths}
        kept = {
            name: paths
            for name, paths in self._parameter_paths.items()
            if paths or any(_is_parameter(member) for _, member in held[name])
        }
        vars(self).update(_parameter_paths=kept, _is_complete=_computes(type(self)))

    def _label_members(self) -> None:
        for path, parameter in self.named_parameters():
            if parameter.name is None or path.endswith(f".{parameter.name}"):
                parameter.name = path
        for path, module in self.named_modules():
            known = _path_of(module)
            if path and (not known or path.endswith(f".{known}")):
                vars(module)["_layer_path"] = path

    # -- training -----------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set this module and all its descendants to training mode (or, if False, evaluation mode). Return the
        module."""
        _set_modes([(module, mode) for module in self.modules()])
        return self

    def eval(self) -> Self:
        """Set this module and all its descendants to evaluation mode. Return the module."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Clear the gradient of every parameter, including frozen ones."""
        for _, tensor in self.named_state():
            tensor.zero_grad()

    @with_hints(MOVING)
    def to(self, library: ModuleType) -> Self:
        """Move the parameters, their gradients and the buffers to a GPU, or back to the CPU. Return the module.

        `network.to(cupy)` converts them to CuPy arrays on the current GPU. Everything computed from them stays there,
        and NumPy operands are copied to the GPU. `network.to(numpy)` moves them back. The tensors remain the same
        objects, so optimizers keep working: their state is moved in the next step.

        Args:
            library: the module `cupy` or `numpy`.

        Raises:
            TypeError: `library` is neither of these modules. Nothing is moved.

        >>> import nn
        >>> layer = nn.Dense(2, 3).to(np)
        >>> layer.to("cuda")
        Traceback (most recent call last):
        TypeError: Dense.to: expected the module cupy or numpy, got 'cuda'. For a GPU: import cupy; ...
        """
        move(f"{type(self).__name__}.to", [tensor for _, tensor in self.named_state()], library)
        return self

    def regularization_loss(self) -> Tensor:
        """Return the sum of the L1 and L2 penalties of this module and its descendants, a scalar to add to the data
        loss.

        A float32 zero if there are no penalties.

        >>> import nn
        >>> layer = nn.Dense(2, 3, weight_init=nn.init.constant(2.0), weight_l2=0.5)
        >>> layer.regularization_loss()  # 0.5 · 6 · 2²
        Tensor(12., dtype=float32, op=multiply)
        """
        total = total_penalty(self.modules())
        return Tensor(np.zeros((), np.float32)) if total is None else total

    # -- saving and restoring -----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return copies of the parameters and the buffers, by their dotted names."""
        return {name: tensor.numpy() for name, tensor in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Any], *, strict: bool = True) -> LoadReport:
        """Set every tensor to a copy of the array with its name, in the tensor's dtype. Loading is all or nothing.

        Names and layouts are those of `state_dict`. PyTorch and Keras use different ones: load their weights with
        `nn.interop.load_pytorch` and `nn.interop.load_keras`.

        Args:
            state: arrays by name.
            strict: whether to raise an error if a name is missing or unknown, or a shape differs. If False, the arrays
                that fit are loaded, and the other tensors keep their values.

        Returns:
            A report of what was loaded and, with `strict=False`, what was skipped.

        Raises:
            ValueError: names are missing or unknown, a shape differs, or an array does not hold real numbers.
            TypeError: the state contains PyTorch tensors, whose layouts differ even if the shapes agree. In all these
                cases, nothing is changed.

        >>> import nn
        >>> old, new = nn.Dense(2, 3, rng=0), nn.Dense(2, 4, rng=1)
        >>> print(new.load_state_dict({"bias": np.ones(4), "weight": old.weight, "scale": 1.0}, strict=False))
        1 loaded, 0 missing, 1 unused, 1 of another shape
        """
        own = dict(self.named_state())
        name_of_self = type(self).__name__
        report = LoadReport(missing=[n for n in own if n not in state], unused=[n for n in state if n not in own])
        if strict and not report.complete:
            problems = [f"missing {report.missing}"] * bool(report.missing)
            problems += [f"unknown {report.unused}"] * bool(report.unused)
            raise ValueError(f"{name_of_self}.load_state_dict: {' and '.join(problems)}. Expected exactly {list(own)}.")
        arrays = {}
        for name, tensor in own.items():
            if name not in state:
                continue
            if type(state[name]).__module__.partition(".")[0] == "torch":
                raise TypeError(
                    f"{name_of_self}.load_state_dict: {name!r} is a PyTorch tensor. PyTorch stores the weights of "
                    "linear layers transposed. Use nn.interop.load_pytorch(network, state), or np.asarray(tensor) if "
                    "the layouts are those of state_dict()."
                )
            array = as_array(state[name])
            if array.shape != tensor.shape:
                if not strict:
                    report.wrong_shape[name] = (tensor.shape, array.shape)
                    continue
                transposed = array.ndim == 2 and array.shape == tensor.shape[::-1]
                hint = " Weights of PyTorch are transposed: nn.interop.load_pytorch(network, …)." if transposed else ""
                raise ValueError(
                    f"{name_of_self}.load_state_dict: {name!r}: expected shape {tensor.shape}, got {array.shape}.{hint}"
                )
            if array.dtype.kind not in "fiub" or not np.can_cast(array.dtype, tensor.dtype, casting="same_kind"):
                raise ValueError(
                    f"{name_of_self}.load_state_dict: {name!r}: expected numbers that fit {tensor.dtype}, "
                    f"got dtype {array.dtype}."
                )
            arrays[name] = array.astype(tensor.dtype, copy=False)
        _assign([(own[name], array) for name, array in arrays.items()])
        report.loaded.extend(arrays)
        return report

    @property
    def pytorch_layout(self) -> Layout:
        """The names and layouts of this layer's tensors in PyTorch, for `nn.interop`. By default, they are the same.

        A layer whose tensors differ there sets a `Layout` as a class attribute, or defines a property if the layout
        depends on the constructor's arguments.
        """
        return Layout()

    @property
    def keras_layout(self) -> Layout:
        """The names and layouts of this layer's tensors in Keras, for `nn.interop`. By default, they are the same."""
        return Layout()

    # -- representation -----------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return the arguments shown by `repr`: the constructor's arguments that differ from their defaults.

        They are read from attributes of the same names. A class that overrides `settings` together with its constructor
        also defines how `Model.save` describes its instances.
        """
        return settings(self)

    def _repr_html_(self) -> str:
        from nn._html import module_as_html

        return module_as_html(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        from treescope import repr_lib

        shown = self.settings() | dict(self.own_state()) | dict(self.named_children())
        return repr_lib.render_object_constructor(
            object_type=type(self), attributes=shown, path=path, subtree_renderer=subtree_renderer
        )

    def __repr__(self) -> str:
        children = [f"{name}: {child!r}" for name, child in self.named_children()]
        if not children:
            return described(self, self.settings())
        lines = ",\n".join(children).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {lines},\n)"


class in_mode:
    """Context manager that sets the mode of every module of `network` and restores each module's mode afterwards."""

    def __init__(self, network: Module, *, training: bool) -> None:
        self._network = network
        self._training = training
        self._before: list[tuple[Module, bool]] = []

    def __enter__(self) -> None:
        interrupts.begin()
        self._before = [(module, module.training) for module in self._network.modules()]
        try:
            self._network.train(self._training)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        _set_modes(self._before)
        interrupts.end()


for _method in (in_mode.__enter__, in_mode.__exit__):
    interrupts.marked(_method, "wait")


@interrupts.uninterrupted
def _set_modes(modes: Iterable[tuple[Module, bool]]) -> None:
    for module, mode in modes:
        module.training = mode


@interrupts.uninterrupted
def _assign(values: Iterable[tuple[Tensor, NDArray[Any]]]) -> None:
    for tensor, array in values:
        tensor.data = array


def total_penalty(modules: Iterable[Module]) -> Tensor | None:
    """Return the sum of the penalties of these modules, without their children; None if there are none."""
    total: Tensor | None = None
    for module in modules:
        for penalty in module.penalties():
            total = penalty if total is None else total + penalty
    return total


def place(module: Module) -> str:
    """Return a module and its path in the network, for messages."""
    path = _path_of(module)
    return f"layer {path}: {module!r}" if path else repr(module)


def _path_of(module: Module) -> str:
    """Return the path of a module in the outermost one that contains it, or ""."""
    return str(vars(module).get("_layer_path", ""))


def _located(module: Module, error: ValueError) -> ValueError | None:
    """Return the error of a layer of this package with the layer and its path in the message; None if it has both.

    In a layer without others inside, they replace the name and the operands of the operation that raised the error.
    """
    if not _is_own(type(module)) or type(error) is not ValueError:
        return None
    who, _, problem = str(error).partition(": ")
    if who in (type(module).__name__, repr(module)):
        path = _path_of(module)
        return ValueError(f"layer {path}: {error}") if path else None
    if not problem or not who.isidentifier() or any(module.named_children()):
        return None
    return ValueError(f"{place(module)}: {problem.partition(' Operands: ')[0]}")


def _note_promotion(module: Module, inputs: tuple[Any, ...]) -> None:
    """Record a float32 layer whose result is float64 because its input is."""
    if promoted or not any(getattr(each, "dtype", None) == _FLOAT64 and not _is_tracked(each) for each in inputs):
        return
    for value in vars(module).values():
        if isinstance(value, Tensor) and value.requires_grad and value.dtype == np.float32:
            promoted.append((ref(value), place(module)))
            return


def _is_tracked(value: Any) -> bool:
    """Return whether the value is the result of a previous layer rather than data."""
    return isinstance(value, Tensor) and value.node is not None


def _completing(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that completes the module afterwards, unless a subclass's constructor called it."""

    @functools.wraps(init)
    def constructor(self: Module, *args: Any, **kwargs: Any) -> None:
        if _is_own(type(self)):
            _check_arguments(type(self).__name__, init, args, kwargs)
        is_called = type(self).__init__ is constructor  # not called from a subclass's constructor
        if is_called:
            object.__setattr__(self, "_is_complete", False)
        init(self, *args, **kwargs)
        if is_called:
            self._complete()

    return constructor


def _check_arguments(layer: str, init: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse unknown arguments of a layer of this package, with what they are called here.

    Raises:
        TypeError: an unknown argument.
    """
    if args and init is _without_arguments:
        raise TypeError(f"{layer}() takes no arguments, got {args[0]!r}.")
    if hasattr(init, "__wrapped__"):  # a decorated constructor, as by `with_hints`, has hints already
        return
    code = init.__code__
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    for name in kwargs:
        if name not in known:
            raise TypeError(f"{layer}() got an unexpected keyword argument {name!r}.{layer_hint(known, name)}")


def _without_arguments(self: Module) -> None:
    """Initialise a layer that has no arguments."""


def _is_own(cls: type[Module]) -> bool:
    """Return whether the class is a layer of this package, which has hints for arguments of other libraries."""
    return cls.__module__.startswith("nn.")


def _computes(cls: type[Module]) -> bool:
    """Return whether the class defines `forward`, and is not only a container."""
    return cls.forward is not Module.forward


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and value.is_leaf


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return "the result of an operation" if not value.is_leaf else "a tensor that requires no gradient"
    return type(value).__name__


DEEPEST = 64
"""Maximum nesting depth of lists, tuples and dicts in an attribute."""


def _members(named: Mapping[str, Any], depth: int = 0) -> list[tuple[str, Any]]:
    """Return the tensors and modules among these values and in their lists, tuples and dicts, with dotted names."""
    found: list[tuple[str, Any]] = []
    for name, value in named.items():
        if isinstance(value, (Tensor, Module)):
            found.append((name, value))
        elif isinstance(value, (list, tuple, dict)):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            if depth > DEEPEST:
                raise ValueError(
                    f"a module's lists can be nested {DEEPEST} deep; {name[:40]}... is deeper or contains itself."
                )
            found += _members({f"{name}.{key}": item for key, item in items}, depth + 1)
    return found

"""Hints that map attributes and arguments of PyTorch, Keras and *Neural Networks from Scratch* to the names here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

from tensorgrad.arguments import similar

T = TypeVar("T")

MODULE = {
    "add": "nn.Sequential(*layers): make the list of layers first",
    "add_module": "an attribute: network.name = layer",
    "append": "nn.Sequential(*layers): make the list of layers first",
    "apply": "a loop over network.modules()",
    "astype": "the dtype= argument of the layers",
    "backward": "loss.backward(), for the tensor that the loss returned: it fills .grad of every parameter",
    "biases": "layer.bias",
    "buffers": "network.state_dict(), together with the parameters",
    "children": "a loop over network.named_children()",
    "compile": "nn.Model(network, loss=..., optimizer=...)",
    "cpu": "network.to(numpy)",
    "cuda": 'network.to(cupy), or nn.Model(network, ..., compile=True, device="gpu")',
    "dbiases": "layer.bias.grad",
    "dinputs": "x.grad, of the tensor x that the layer was called with",
    "double": "the dtype= argument of the layers",
    "dweights": "layer.weight.grad",
    "embed_dim": "layer.features",
    "export": "nn.interop.export_onnx(network, path, example)",
    "fit": "nn.Model(network, loss=..., optimizer=...).fit(X, y)",
    "float": "the dtype= argument of the layers",
    "freeze": "p.requires_grad = False, for p in list(network.parameters())",
    "from_pretrained": "layer.weight.data = vectors",
    "get_parameter": "dict(network.named_parameters())[name]",
    "get_submodule": "dict(network.named_modules())[name]",
    "half": "the dtype= argument of the layers",
    "hidden_size": "layer.units",
    "in_channels": "layer.channels",
    "in_features": "layer.inputs",
    "input_size": "layer.inputs",
    "kernel": "layer.weight",
    "named_buffers": "network.named_state(), together with the parameters",
    "num_heads": "layer.heads",
    "num_layers": "layer.layers",
    "out_channels": "layer.filters",
    "out_features": "layer.neurons",
    "output": "the result of calling the layer: y = layer(x)",
    "predict": "nn.Model(network, loss=...).predict(X)",
    "register_forward_hook": "network[:k](x) in a Sequential, or a subclass whose forward keeps the result",
    "requires_grad_": "p.requires_grad = True, for p in the state of the network",
    "running_var": "layer.running_variance",
    "save": "nn.Model(network, ...).save(path), or nn.interop.save_pytorch(network, path)",
    "summary": "nn.Model(network, loss=...).summary()",
    "trainable_weights": "list(network.parameters())",
    "units": "layer.neurons",
    "weights": "layer.weight",
}

MOVING = {
    "device": "Pass the library of the arrays: import cupy; network.to(cupy), or import numpy; network.to(numpy).",
    "dtype": "Choose the dtype with the dtype= argument of the layers.",
    "non_blocking": "Leave it out.",
}
"""Arguments of PyTorch's `Module.to` -> what to do."""

MODEL = {
    "add": "nn.Model(nn.Sequential(*layers), ...): make the network first",
    "backward": "loss.backward(), for the tensor that the loss returned; fit does it by itself",
    "compile": "nn.Model(network, loss=..., optimizer=..., metrics=[...])",
    "cuda": 'nn.Model(network, ..., compile=True, device="gpu")',
    "eval": "model.network.eval()",
    "finalize": "nn.Model(...), which is ready when it is made",
    "forward": "model.network(x), or model.predict(X)",
    "get_parameters": "model.network.state_dict()",
    "get_weights": "model.network.state_dict()",
    "layers": "model.network",
    "load_state_dict": "model.network.load_state_dict(state)",
    "load_weights": "model.load_parameters(path)",
    "lr": "model.optimizer.learning_rate",
    "named_modules": "model.network.named_modules()",
    "named_parameters": "model.network.named_parameters()",
    "parameters": "model.network.parameters()",
    "plot": "model.history.plot()",
    "save_weights": "model.save_parameters(path)",
    "score": "model.evaluate(X, y)",
    "set": "nn.Model(network, loss=..., optimizer=..., metrics=[...])",
    "set_parameters": "model.network.load_state_dict(state)",
    "set_weights": "model.network.load_state_dict(state)",
    "state_dict": "model.network.state_dict()",
    "to": 'model.network.to(cupy), or nn.Model(network, ..., compile=True, device="gpu")',
    "train": "model.fit(X, y, epochs=...)",
    "train_on_batch": "model.fit(X, y, epochs=1, batch_size=None)",
}

MODEL_SETTINGS = {
    "batch_size": "Pass it to model.fit.",
    "callbacks": "Pass them to model.fit.",
    "class_weight": "Pass it to model.fit.",
    "criterion": "Use loss.",
    "epochs": "Pass it to model.fit.",
    "inputs": "Pass the network, a module whose forward takes the inputs and returns the outputs.",
    "jit_compile": "Use compile=True.",
    "layers": "Pass the network: nn.Model(nn.Sequential(*layers), ...).",
    "learning_rate": "Pass it to the optimizer: nn.Adam(network.parameters(), learning_rate=...).",
    "loss_fn": "Use loss.",
    "lr": "Pass it to the optimizer: nn.Adam(network.parameters(), learning_rate=...).",
    "outputs": "Pass the network, a module whose forward takes the inputs and returns the outputs.",
    "random_state": "Use rng.",
    "run_eagerly": "Leave it out: models run eagerly unless compile=True.",
    "sample_weight": "Pass it to model.fit.",
    "seed": "Use rng.",
    "steps_per_execution": "Use steps_per_call.",
    "weighted_metrics": "Use metrics: all of them use the sample weights.",
}
"""Arguments of Keras's `Model` and `compile`, and of Lightning and skorch -> what to do."""

OPTIMIZER = {
    "add_param_group": 'a new optimizer with all groups: nn.Adam([{"params": [...]}, {"params": [...]}])',
    "apply_gradients": "optimizer.step()",
    "get_last_lr": "optimizer.current_learning_rate",
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

LOSS_SETTINGS = {
    "class_weight": "Pass sample_weight when the loss is called, or class_weight to model.fit.",
    "class_weights": "Pass sample_weight when the loss is called, or class_weight to model.fit.",
    "from_logits": "Leave it out: nn.SoftmaxCrossEntropy and nn.SigmoidBinaryCrossEntropy take logits.",
    "ignore_class": "Use ignored_label.",
    "ignore_index": "Use ignored_label.",
    "reduction": "Leave it out: losses are means over the samples.",
    "weight": "Pass sample_weight when the loss is called, or class_weight to model.fit.",
}
"""Arguments of losses in other libraries -> what to do."""

PREDICTIONS = {
    "input": "Use predictions.",
    "target": "Use targets.",
    "y_pred": "Use predictions.",
    "y_true": "Use targets.",
}
"""Arguments of calls of losses and metrics in other libraries -> what to do."""

HISTORY = {"history": "the History itself, a mapping: history['loss']", "epoch": "history.epochs"}

CALLBACK = {
    "on_batch_begin": "on_epoch_begin(epoch) or on_gradients(step)",
    "on_batch_end": "on_step_end(step, logs)",
    "on_test_begin": "on_validation_begin()",
    "on_test_end": "on_validation_end()",
    "on_train_batch_begin": "on_epoch_begin(epoch) or on_gradients(step)",
    "on_train_batch_end": "on_step_end(step, logs)",
    "on_train_begin": "on_fit_begin(model)",
    "on_train_end": "on_fit_end()",
    "on_train_epoch_end": "on_epoch_end(epoch, logs)",
    "on_train_start": "on_fit_begin(model)",
}
"""Methods of callbacks of Keras and Lightning -> the method here."""

CALLBACK_SETTINGS = {
    "append": "Leave it out: the file of a resumed run contains all epochs.",
    "baseline": "It is not supported.",
    "clip_value": "Use value.",
    "clipnorm": "Use norm.",
    "clipvalue": "Use value.",
    "filename": "Use path.",
    "filepath": "Use path.",
    "max_norm": "Use norm.",
    "restore_best_weights": "Use restore_best.",
    "save_best_only": "Leave it out: with monitor, the model of the best epoch is also saved, in a second file.",
    "save_weights_only": "Leave it out: the whole model is saved.",
    "start_from_epoch": "It is not supported.",
    "verbose": "Leave it out: callbacks print nothing.",
}
"""Arguments of callbacks of Keras and Lightning -> what to do."""

PLOT = {
    "ax": "Leave it out: the result is a new figure.",
    "figsize": "Call set_size_inches on the result.",
    "filename": "Call save(path) on the result.",
    "show": "Leave it out: notebooks display the result. Elsewhere, call save(path) on it.",
}
"""Arguments of plotting functions of Matplotlib, scikit-learn and Keras -> what to do."""

CONFUSION_MATRIX = {
    **PLOT,
    **PREDICTIONS,
    "display_labels": "Use names.",
    "normalize": "Leave it out: each cell shows the count and the fraction of its row.",
}
"""Arguments of confusion matrices in other libraries -> what to do."""

EXPORT = {
    "args": "Use example.",
    "dynamic_axes": 'Use free_axes, such as free_axes={1: "time"}. The batch axis is always free.',
    "dynamic_shapes": 'Use free_axes, such as free_axes={1: "time"}. The batch axis is always free.',
    "input_names": "Leave it out: inputs are named after the parameters of forward, or by the keys of an example that "
    "is a dict.",
    "input_sample": "Use example.",
    "opset_version": "Use opset.",
    "output_names": "Leave it out: outputs are named by the keys of the dict that forward returns.",
}
"""Arguments of `torch.onnx.export` and Lightning's `to_onnx` -> what to do."""

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
    "x": "Use X.",
    "y_true": "Use y.",
    "accumulate_grad_batches": "Use accumulate.",
    "gradient_accumulation_steps": "Use accumulate.",
    "lengths": 'Pass them as an input of the network: {"x": X, "lengths": lengths}.',
    "mask": 'Pass it as an input of the network: {"x": X, "mask": mask}.',
}
"""Arguments of Keras's `fit`, `evaluate` and `predict`, and of the book's `train` -> what to do."""

SETTINGS = {
    "alpha": "The ρ of RMSprop is rho.",
    "amsgrad": "It is an argument of nn.Adam and nn.AdamW.",
    "beta1": "Use beta_1.",
    "beta2": "Use beta_2.",
    "betas": "Use beta_1 and beta_2.",
    "centered": "It is an argument of nn.RMSprop.",
    "clipnorm": "Use nn.ClipGradients(norm=...).",
    "clipvalue": "Use nn.ClipGradients(value=...).",
    "dampening": "It is not supported: the gradient enters the velocity undamped.",
    "ema_momentum": "Use nn.AveragedWeights(decay=...).",
    "eps": "Use epsilon.",
    "foreach": "Leave it out: small parameters are updated together.",
    "fused": "Leave it out: the step is fused for NumPy arrays.",
    "global_clipnorm": "Use nn.ClipGradients(norm=...).",
    "gradient_accumulation_steps": "Use model.fit(..., accumulate=...), or nn.GradientAccumulator.",
    "line_search_fn": "Use line_search.",
    "lr": "Use learning_rate.",
    "lr_decay": "Use decay.",
    "max_eval": "Use max_evaluations.",
    "max_iter": "Use max_iterations.",
    "maximize": "Minimise the negative loss.",
    "momentum": "It is an argument of nn.SGD and nn.RMSprop.",
    "nesterov": "It is an argument of nn.SGD. nn.NAdam is Adam with Nesterov momentum.",
    "params": "Use parameters.",
    "rho": "It is an argument of nn.RMSprop. Here the fraction that is kept is beta_2, if there is one.",
    "tolerance_change": "Use change_tolerance.",
    "tolerance_grad": "Use gradient_tolerance.",
    "use_ema": "Use nn.AveragedWeights().",
    "weight_decay": "This optimizer has none. Use an L2 penalty of the layers.",
}
"""Arguments of optimizers in other libraries -> what to do."""

SCHEDULE = {
    "T_max": "Use steps, the number of updates, not of epochs.",
    "alpha": "Use lowest, a learning rate.",
    "decay_rate": "Use factor.",
    "decay_steps": "Use steps.",
    "eta_min": "Use lowest.",
    "gamma": "Use factor.",
    "initial_learning_rate": "Use learning_rate.",
    "lr": "Use learning_rate.",
    "max_lr": "Use learning_rate.",
    "optimizer": "Leave it out, and pass the schedule to the optimizer: nn.SGD(parameters, learning_rate=schedule).",
    "step_size": "Use steps, the number of updates, not of epochs.",
    "total_steps": "Use steps.",
}
"""Arguments of schedules in other libraries -> what to do."""

ESTIMATOR = {
    "alpha": "Use l2.",
    "class_weight": "It is an argument of Classifier. For a Regressor, pass sample_weight to fit.",
    "learning_rate_init": "Use learning_rate.",
    "lr": "Use learning_rate.",
    "max_epochs": "Use epochs.",
    "max_iter": "Use epochs.",
    "normalize": "Scale the samples first: make_pipeline(StandardScaler(), estimator).",
    "solver": "Use optimizer, a class such as nn.Adam.",
}
"""Arguments of scikit-learn's MLPClassifier and of skorch -> what to do."""

LAYER: dict[str, tuple[str, ...] | str] = {
    "activation": "Put a layer such as nn.ReLU() behind this one.",
    "activity_regularizer": "It is not supported.",
    "add_bias_kv": "It is not supported.",
    "alpha": ("negative_slope",),
    "attn_dropout": ("dropout",),
    "axis": "Leave it out: the features are the last axis.",
    "batch_first": "Leave it out: sequences are (batch, time, features).",
    "beta_initializer": "Leave it out: the bias starts at 0.",
    "bias_initializer": "Leave it out: the bias starts at 0.",
    "bias_regularizer": "Use bias_l1 and bias_l2.",
    "bidirectional": "Wrap the layer: nn.Bidirectional(layer).",
    "center": ("bias",),
    "count_include_pad": ("count_padding",),
    "d_model": ("features",),
    "data_format": "Leave it out: the channels are the last axis.",
    "decoder_layer": ("block",),
    "device": "Leave it out: parameters are NumPy arrays.",
    "dilation_rate": ("dilation",),
    "dim": ("axis",),
    "dim_feedforward": ("hidden",),
    "elementwise_affine": ("affine",),
    "embed_dim": ("features",),
    "embedding_dim": ("features",),
    "embeddings_initializer": ("weight_init",),
    "embeddings_regularizer": "It is not supported.",
    "encoder_layer": ("block",),
    "end_dim": "Use nn.Reshape(shape), which takes the shape of a sample.",
    "eps": ("epsilon",),
    "gamma_initializer": ("weight_init",),
    "go_backwards": ("reverse",),
    "head_dim": "Heads have features / heads features each.",
    "hidden_size": ("units",),
    "in_channels": ("channels",),
    "in_features": ("inputs",),
    "init": ("initial",),
    "inplace": "Leave it out: layers return new tensors.",
    "input_dim": ("vocabulary", "inputs"),
    "input_shape": ("inputs", "channels", "features"),
    "input_size": ("inputs",),
    "interpolation": ("mode",),
    "kdim": ("key_features",),
    "keepdims": "It is not supported. Put nn.Reshape(shape) behind this layer.",
    "kernel_initializer": ("weight_init",),
    "kernel_regularizer": "Use weight_l1 and weight_l2.",
    "kernel_size": ("size",),
    "key_dim": "Heads have features / heads features each.",
    "layer_norm_eps": ("epsilon",),
    "mask_zero": 'Pass a mask to the model: model.fit({"x": ids, "mask": ids != 0}, y).',
    "max_len": ("length",),
    "merge_mode": "Leave it out: the outputs of both directions are concatenated.",
    "name": "Leave it out: layers are named by their place in the network.",
    "negative_slope": ("alpha",),
    "nhead": ("heads",),
    "nonlinearity": ("activation",),
    "normalized_shape": ("features",),
    "num_channels": ("features",),
    "num_embeddings": ("vocabulary",),
    "num_features": ("features",),
    "num_groups": ("groups",),
    "num_heads": ("heads",),
    "num_key_value_heads": ("kv_heads",),
    "num_layers": ("layers", "count"),
    "num_parameters": ("features",),
    "num_query_heads": ("heads",),
    "out_channels": ("filters",),
    "out_features": ("neurons",),
    "output_dim": ("features", "neurons", "units"),
    "p": ("rate",),
    "padding_idx": ("padding_index",),
    "padding_mode": "It is not supported: the padding is zeros.",
    "pool_size": ("size",),
    "recurrent_activation": "Leave it out: the gates use the sigmoid.",
    "recurrent_dropout": "It is not supported. dropout= acts between stacked layers.",
    "recurrent_initializer": ("recurrent_init",),
    "return_indices": "It is not supported.",
    "scale": ("affine",),
    "scale_factor": ("factor",),
    "seed": ("rng",),
    "size": ("factor",),
    "start_dim": "Use nn.Reshape(shape), which takes the shape of a sample.",
    "stateful": "Use return_state=True, and pass the state to the next call: layer(x, state).",
    "std": ("scale",),
    "stddev": ("scale",),
    "strides": ("stride",),
    "target_shape": ("shape",),
    "track_running_stats": "Leave it out: running statistics are always kept; frozen=True uses them in training.",
    "trainable": "Set requires_grad = False on the parameters of the layer.",
    "units": ("neurons",),
    "upscale_factor": ("factor",),
    "use_bias": ("bias",),
    "vdim": ("value_features",),
    "n_inputs": ("inputs",),
    "n_neurons": ("neurons",),
    "weight_regularizer_l1": ("weight_l1",),
    "weight_regularizer_l2": ("weight_l2",),
    "bias_regularizer_l1": ("bias_l1",),
    "bias_regularizer_l2": ("bias_l2",),
}
"""Arguments of layers in other libraries -> the possible names here, of which a layer has one, or what to do."""


CALL = {
    "attention_mask": "Use mask, which is True where attention is allowed.",
    "attn_mask": "Use mask, which is True where attention is allowed.",
    "causal": "It is an argument of the layer: nn.MultiHeadAttention(features, heads, causal=True).",
    "hx": "Use state.",
    "initial_state": "Use state.",
    "is_causal": "It is an argument of the layer: nn.MultiHeadAttention(features, heads, causal=True).",
    "key_padding_mask": "Use key_mask, which is True for keys that count, or lengths.",
    "memory_key_padding_mask": "Use context_mask, which is True for steps that count, or context_lengths.",
    "need_weights": "Use return_weights.",
    "return_attention_scores": "Use return_weights.",
    "src_key_padding_mask": "Use key_mask, which is True for steps that count, or lengths.",
    "src_mask": "Use mask, which is True where attention is allowed.",
    "training": "Call network.train() or network.eval() first.",
    "use_causal_mask": "It is an argument of the layer: nn.MultiHeadAttention(features, heads, causal=True).",
}
"""Arguments of layer calls in other libraries -> what to do."""


def call_hint(message: str) -> str:
    """Return a hint for Python's message about an unexpected argument of `forward`, or "".

    >>> call_hint("LSTM.forward() got an unexpected keyword argument 'hx'")
    'Use state.'
    """
    unexpected = re.search(r"\.forward\(\) got an unexpected keyword argument '(\w+)'$", message)
    return CALL.get(unexpected[1], "") if unexpected else ""


def layer_hint(parameters: Collection[str], name: str) -> str:
    """Return the end of the message about an unexpected argument of a layer: what it is called here, or "".

    >>> layer_hint(["inputs", "units"], "hidden_size")
    ' Use units.'
    """
    hint = LAYER.get(name, ())
    if isinstance(hint, str):
        return f" {hint}"
    ours = next((each for each in hint if each in parameters), None)
    if ours is not None:
        return f" Use {ours}."
    if name == "dim":
        return layer_hint(parameters, "axis")
    return similar(parameters, name)


class Hint:
    """Descriptor for an attribute that a class lacks; its error message names the counterpart here.

    An attribute of an instance or a subclass overrides it. A `__getattr__` would also work, but slows down the access
    to every other attribute.
    """

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        # no final period: Python may append ". Did you mean"
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}. Use {self.hint}")


def attribute_hints(hints: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """Return a class decorator that adds a hint for each attribute of other libraries that the class lacks.

    >>> @attribute_hints(OPTIMIZER)
    ... class Descent:
    ...     pass
    >>> Descent().lr
    Traceback (most recent call last):
    AttributeError: 'Descent' object has no attribute 'lr'. Use optimizer.learning_rate
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


class Listed(Generic[T]):
    """An iterator with a helpful error message when it is used like a list, or a second time.

    >>> weights = Listed(iter([1.0, 2.0]))
    >>> weights[0]
    Traceback (most recent call last):
    TypeError: parameters() is an iterator, not a list. Write list(network.parameters()) first.
    >>> list(weights)
    [1.0, 2.0]
    >>> list(weights)
    Traceback (most recent call last):
    TypeError: parameters() is an iterator and was used up by an earlier loop. Write list(network.parameters()) first.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._next: list[T] = []
        self._had_items = False

    def __iter__(self) -> Iterator[T]:
        if self._has_next():
            self._had_items = True
        elif self._had_items:
            raise self._error(problem="is an iterator and was used up by an earlier loop")
        return self._rest()

    def _has_next(self) -> bool:
        self._next = self._next or list(islice(self._items, 1))
        return bool(self._next)

    def _rest(self) -> Iterator[T]:
        """Yield the remaining items. At its end, this iterator can be passed to `iter`, as iterators must allow."""
        while self._has_next():
            yield self._next.pop()

    def __next__(self) -> T:
        return self._next.pop() if self._next else next(self._items)

    def __getitem__(self, index: Any) -> Any:
        raise self._error()

    def __add__(self, other: Any) -> Any:
        raise self._error(" To join two, write [*a.parameters(), *b.parameters()].")

    def __len__(self) -> int:
        raise self._error()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "<iterator over parameters; list(network.parameters()) shows them>"

    @staticmethod
    def _error(more: str = "", *, problem: str = "is an iterator, not a list") -> TypeError:
        return TypeError(f"parameters() {problem}. Write list(network.parameters()) first.{more}")

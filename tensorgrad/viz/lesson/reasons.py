"""Sentences that say why the rule of an operation is what it is."""

from __future__ import annotations

import math

from tensorgrad.viz.lesson.equations import Notation
from tensorgrad.viz.recording import Contribution, Event, Summary, labels

FIRST, SECOND = 0, 1

REASONS: dict[tuple[str, int], str] = {
    ("add", FIRST): "A sum passes its gradient on unchanged: {target} receives {up} itself.",
    ("subtract", FIRST): "The first operand of a difference receives the gradient unchanged: {up} itself.",
    ("subtract", SECOND): "{result} falls as {target} rises, so {target} receives {up} with its sign changed.",
    ("multiply", FIRST): "{target} was multiplied by {other}, so its gradient is {up} times {other}.",
    ("divide", FIRST): "{target} was divided by {other}, and so is its gradient.",
    ("divide", SECOND): "A larger {target} makes the quotient smaller: the slope is −{other} / {target}².",
    ("negative", FIRST): "The sign changes on the way forward, so it changes on the way back.",
    ("power", FIRST): "The derivative of a power is the exponent times the base raised to the exponent minus 1.",
    ("power", SECOND): "The derivative of a power with respect to its exponent is the power times log({other}).",
    ("square", FIRST): "The derivative of a square is twice its base: the larger {target}, the larger its gradient.",
    ("sqrt", FIRST): "The derivative of √{target} is 1 / (2 √{target}): large where {target} is small.",
    ("reciprocal", FIRST): "The derivative of 1 / {target} is −1 / {target}².",
    ("exp", FIRST): "The exponential is its own derivative: {up} is multiplied by {result}.",
    ("log", FIRST): "The derivative of log({target}) is 1 / {target}: large where {target} is small.",
    ("sin", FIRST): "The derivative of the sine is the cosine.",
    ("cos", FIRST): "The derivative of the cosine is minus the sine.",
    ("tanh", FIRST): "The slope of tanh is 1 − {result}²: near ±1 it is almost 0, and little gradient passes.",
    ("sigmoid", FIRST): "The slope of the sigmoid is {result} · (1 − {result}), at most 1/4, so the gradient shrinks.",
    ("absolute", FIRST): "The slope is 1 where {target} is positive and −1 where it is negative.",
    ("sum", FIRST): "Each element counts once in the sum, so each receives the same gradient.",
    ("mean", FIRST): "Each of the {count} elements counts 1/{count} in the mean, so each receives 1/{count} of {up}.",
    ("max", FIRST): "Only the largest element determines the maximum: it receives the gradient, and the others 0.",
    ("min", FIRST): "Only the smallest element determines the minimum: it receives the gradient, and the others 0.",
    ("maximum", FIRST): "Where {target} is the larger operand, it receives the gradient; elsewhere, 0.",
    ("minimum", FIRST): "Where {target} is the smaller operand, it receives the gradient; elsewhere, 0.",
    ("matmul", FIRST): "Each element of {target} is multiplied by a row of {other}, so {up} is multiplied by {other}ᵀ.",
    ("matmul", SECOND): "Each weight's gradient is its input times the gradient at its output, summed over the rows.",
    ("linear", 0): "Each input affects every output through a weight: the gradient returns through the same weights.",
    ("linear", 1): "Each weight's gradient is its input times the gradient at its output, summed over the samples.",
    ("linear", 2): "A bias is added to each sample, so its gradient is the sum over the samples.",
    ("softmax", FIRST): "Probabilities sum to 1, so raising one lowers the others: hence the sum that is subtracted.",
    ("log_softmax", FIRST): "Each logit receives its gradient minus its probability times the sum of all gradients.",
    ("logsumexp", FIRST): "The slope of logsumexp is the softmax: each element receives {up} times its softmax.",
    ("softmax_cross_entropy", FIRST): (
        "p − y: the gradient of the logits is the predicted probabilities minus 1 at the right class, averaged over "
        "the samples. It is 0 where the right class has probability 1."
    ),
    ("sigmoid_binary_cross_entropy", FIRST): (
        "p − y: the gradient of the logits is the predicted probability minus the target, averaged over the elements."
    ),
    ("categorical_cross_entropy", FIRST): (
        "−1 / p at the right class, averaged over the samples: the less probable the right class, the larger it is."
    ),
    ("transpose", FIRST): "Transposing moves the elements, so the gradient is transposed back.",
    ("reshape", FIRST): "Reshaping keeps every element, so the gradient is only reshaped to the shape of {target}.",
    ("ravel", FIRST): "Flattening keeps every element, so the gradient is only reshaped to the shape of {target}.",
    ("expand_dims", FIRST): "The new axis has length 1, so it is only removed from the gradient.",
    ("squeeze", FIRST): "The axes that were removed have length 1, so they are only inserted into the gradient.",
    ("broadcast_to", FIRST): "Each element was copied, and the gradients of its copies are added up.",
    ("getitem", FIRST): "Only the elements that were picked receive a gradient; the others receive 0.",
    ("where", 1): "{target} receives the gradient where the condition is true, and 0 elsewhere.",
    ("where", 2): "{target} receives the gradient where the condition is false, and 0 elsewhere.",
    ("conv2d", 0): "Each pixel is in several windows: its gradient is the sum over them, weighted by the filter.",
    ("conv2d", 1): "A filter is used at every place: its gradient is summed over all places and samples.",
    ("conv2d", 2): "A bias is added at every place, so its gradient is the sum over all places and samples.",
    ("max_pool2d", FIRST): "Only the largest element of each window determines the result: it receives the gradient.",
    ("average_pool2d", FIRST): "Each element of a window counts equally, so each receives an equal part.",
    ("embedding", FIRST): "Only the rows that were looked up receive a gradient, added up if one was used twice.",
    ("concatenate", FIRST): "{target} receives the part of the gradient at its place.",
    ("stack", FIRST): "{target} receives the slice of the gradient at its place.",
    ("batch_norm", 0): (
        "Mean and variance also depend on {target}: the parts of the gradient that shift or scale the batch cancel."
    ),
    ("layer_norm", 0): (
        "Mean and variance also depend on {target}: the parts of the gradient that shift or scale a row cancel."
    ),
}  # fmt: skip
"""For an operation and the position of an operand: why its gradient is what the rule says."""

SAME = {("add", 1): ("add", 0), ("multiply", 1): ("multiply", 0), ("maximum", 1): ("maximum", 0),
        ("minimum", 1): ("minimum", 0)}  # fmt: skip
ANY_POSITION = ("concatenate", "stack")


def reason(notation: Notation, event: Event, given: Contribution) -> str:
    """Return a sentence that explains a rule. For an operation without one, it quotes the rule as declared."""
    boxes = notation.recording.boxes
    box = boxes[event.box]
    op = box.op or ""
    place = FIRST if op in ANY_POSITION else given.operand
    target = boxes[box.operands[given.operand].box]
    if op == "relu":
        return _relu(notation, event, given)
    text = REASONS.get(SAME.get((op, place), (op, place)))
    if text is None:
        argument = box.operands[given.operand].name
        if given.rule and not given.rule.startswith("_"):
            return f"{op} declares this rule for its argument {argument}: {given.rule}."
        return f"{op} computes the gradient of its argument {argument} in a separate function."
    count = math.prod(target.shape or ()) // max(math.prod(box.shape or ()), 1)
    if op in ("sum", "mean") and count == 1:
        return (
            f"There is only one element, so the gradient passes unchanged: {notation.symbols[target.id]} receives it."
        )
    others = [operand.box for number, operand in enumerate(box.operands) if number != given.operand]
    return text.format(
        target=notation.symbols[target.id],
        result=notation.symbols[box.id],
        up=notation.upstream(box),
        other=notation.symbols[others[0]] if others else "",
        count=count,
    )


def _relu(notation: Notation, event: Event, given: Contribution) -> str:
    box = notation.recording.boxes[event.box]
    target = notation.recording.boxes[box.operands[given.operand].box]
    words = f"relu passes the gradient on where {notation.symbols[target.id]} was positive, and 0 elsewhere"
    if not isinstance(box.value, Summary) or not target.shape:
        return f"{words}."
    count = math.prod(target.shape)
    passing = round((1 - box.value.zeros) * count)
    return f"{words}: here {labels.number(passing)} of {labels.number(count)} elements pass."

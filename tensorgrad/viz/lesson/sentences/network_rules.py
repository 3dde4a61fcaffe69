"""Explanations of the gradients of the operations of networks and losses."""

SENTENCES = {
    # dense layers
    "linear.x": "Each input affects every output through a weight: the gradient returns through the same weights.",
    "linear.weight": "Each weight's gradient is its input times the gradient at its output, summed over the samples.",
    "linear.bias": "A bias is added to each sample, so its gradient is the sum over the samples.",
    "embedding": "Only the rows that were looked up receive a gradient, added up if one was used twice.",
    # activations
    "relu": "relu passes the gradient on where {target} was positive, and 0 elsewhere.",
    "leaky_relu": (
        "The gradient passes unchanged where {target} is positive, and is multiplied by a small slope elsewhere."
    ),
    "prelu.x": (
        "The gradient passes unchanged where {x} is positive, and is multiplied by the slope {weight} elsewhere."
    ),
    "prelu.weight": (
        "The slope only acts where {x} is negative: there, its gradient is {up} times {x}, and elsewhere 0."
    ),
    "elu": "The slope is 1 where {target} is positive; below, it is alpha · exp({target}), which falls to 0.",
    "gelu": (
        "GELU is {target} · Φ({target}), so its slope is Φ({target}) + {target} · φ({target}), with the normal "
        "distribution Φ and its density φ."
    ),
    "gelu_tanh": (
        "This GELU is {target} times a gate, (1 + tanh) / 2: its slope is the gate plus {target} times the slope of "
        "the gate."
    ),
    "silu": (
        "SiLU is {target} times its sigmoid s, so its slope is s + {target} · s · (1 − s): a little negative below "
        "−1.3."
    ),
    # convolution and pooling
    "conv1d.x": "Each step is in several windows: its gradient is the sum over them, weighted by the filter.",
    "conv1d.weight": "A filter is used at every step: its gradient is summed over all steps and samples.",
    "conv1d.bias": "A bias is added at every step, so its gradient is the sum over all steps and samples.",
    "conv2d.x": "Each pixel is in several windows: its gradient is the sum over them, weighted by the filter.",
    "conv2d.weight": "A filter is used at every position: its gradient is summed over all positions and samples.",
    "conv2d.bias": "A bias is added at every position, so its gradient is the sum over all positions and samples.",
    "conv_transpose1d.x": (
        "The filter spread each step over a window: its gradient collects that window again, which is a convolution."
    ),
    "conv_transpose1d.weight": (
        "Each step was multiplied by the filter, so the filter's gradient sums step times window over all of them."
    ),
    "conv_transpose1d.bias": "The bias is added to all steps of the longer result, and its gradient is their sum.",
    "conv_transpose2d.x": (
        "The filter spread each pixel over a window: its gradient collects that window again, which is a convolution."
    ),
    "conv_transpose2d.weight": (
        "Each pixel was multiplied by the filter, so the filter's gradient sums pixel times window over all of them."
    ),
    "conv_transpose2d.bias": "The bias is added to all pixels of the larger result, and its gradient is their sum.",
    "max_pool1d": "Only the largest step of each window determines the result: it receives the gradient.",
    "max_pool2d": "Only the largest element of each window determines the result: it receives the gradient.",
    "average_pool1d": "Each step of a window counts equally, so each receives an equal part.",
    "average_pool2d": "Each element of a window counts equally, so each receives an equal part.",
    "global_max_pool": "Of each channel, only the largest element determines the result: it alone receives a gradient.",
    # normalisation
    "batch_norm.x": (
        "Mean and variance also depend on {target}: the parts of the gradient that shift or scale the batch cancel."
    ),
    "batch_norm.weight": (
        "{target} scales the normalised batch: its gradient is {up} times that, summed over the batch."
    ),
    "batch_norm.bias": "{target} shifts the normalised batch, so its gradient is {up}, summed over the batch.",
    "layer_norm.x": (
        "Mean and variance also depend on {target}: the parts of the gradient that shift or scale a row cancel."
    ),
    "layer_norm.weight": "{target} scales each normalised row: its gradient is {up} times these, summed over the rows.",
    "layer_norm.bias": "{target} shifts each normalised row, so its gradient is {up}, summed over the rows.",
    "group_norm.x": (
        "Mean and variance of each group of channels also depend on {target}: the parts of the gradient that shift or "
        "scale a group cancel."
    ),
    "group_norm.weight": (
        "{target} scales each channel of the normalised groups: its gradient is {up} times these, summed over samples "
        "and positions."
    ),
    "group_norm.bias": "{target} shifts each channel, so its gradient is {up}, summed over samples and positions.",
    "rms_norm.x": "The root mean square also depends on {target}: the part of the gradient that scales a row cancels.",
    "rms_norm.weight": (
        "{target} scales each row, divided by its root mean square: its gradient is {up} times these, summed."
    ),
    # attention
    "attention.q": (
        "A query only acts through its scores: its gradient is the sum of the keys, weighted by the gradients of "
        "these scores."
    ),
    "attention.k": "A key receives the sum of all queries, weighted by the gradients of their scores with it.",
    "attention.v": (
        "A value receives {up} of every position that attended to it, times the attention weight: weightsᵀ @ {up}."
    ),
    "attention.mask": (
        "The mask is added to the scores, so its gradient is theirs: each weight times its gradient minus the "
        "weighted mean of its row."
    ),
    "rotary.x": "Each pair of features was rotated by an angle, so its gradient is rotated back by the same angle.",
    "rotary.cosines": "A cosine multiplied both features of its pair: its gradient is the sum of each times its {up}.",
    "rotary.sines": (
        "A sine mixed the features of its pair with opposite signs: its gradient is the difference of the two products."
    ),
    # recurrent layers
    "rnn.x": "At each step, the gradient is multiplied by the slope of the activation and returns through {weight}.",
    "rnn.weight": "The same weights act at every step: input times gradient of that step, summed over time.",
    "rnn.recurrent_weight": "The same weights act at every step: previous state times gradient, summed over time.",
    "rnn.bias": "The bias is added at every step, so its gradient is summed over time and samples.",
    "rnn.state": (
        "Each step back multiplies the gradient by {recurrent_weight}ᵀ and the slope of the activation: this is what "
        "is left before the first step."
    ),
    "gru.x": "At each step, the gradients of the update gate, reset gate and candidate return through {weight}.",
    "gru.weight": "At every step, input times the gradients of the two gates and the candidate, summed over time.",
    "gru.recurrent_weight": (
        "At every step, previous state times the gradients of the two gates and the candidate, summed over time."
    ),
    "gru.bias": "The bias of the gates and the candidate is added at every step, so its gradient is summed over time.",
    "gru.recurrent_bias": "This bias is added to what comes from the state, at every step: it is summed over time.",
    "gru.state": (
        "At each step back, the update gate decides how much of the gradient skips the step: this is what is left "
        "before the first step."
    ),
    "lstm.x": "At each step, the gradients of the three gates and the candidate return through {weight}.",
    "lstm.weight": "At every step, input times the gradients of the three gates and the candidate, summed over time.",
    "lstm.recurrent_weight": (
        "At every step, previous hidden state times the gradients of the gates and the candidate, summed over time."
    ),
    "lstm.bias": "The bias of the three gates and the candidate is added at every step: it is summed over time.",
    "lstm.hidden": (
        "The initial hidden state only enters the gates and the candidate of the first step: it receives their "
        "gradients through {recurrent_weight}ᵀ."
    ),
    "lstm.cell": (
        "From step to step, the gradient of the cell is only multiplied by the forget gate, so it can reach back far: "
        "this is what is left before the first step."
    ),
    # losses
    "softmax_cross_entropy": (
        "p − y: the gradient of the logits is the predicted probabilities minus 1 at the right class, averaged over "
        "the samples. It is 0 where the right class has probability 1."
    ),
    "sigmoid_binary_cross_entropy": (
        "p − y: the gradient of the logits is the predicted probability minus the target, averaged over the elements."
    ),
    "categorical_cross_entropy": (
        "−1 / p at the right class, averaged over the samples: the less probable the right class, the larger it is."
    ),
    "binary_cross_entropy": (
        "(p − y) / (p · (1 − p)), averaged over the elements: large where a confident prediction is wrong."
    ),
}

LIKE = {"softmax_cross_entropy_again": "softmax_cross_entropy"}
"""Operations that have the rule of another one, and therefore its sentence."""

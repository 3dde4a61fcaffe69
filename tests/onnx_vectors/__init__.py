"""ONNX's test vectors, inputs and outputs of operators made by others, and how each operator is computed here.

Each module of operators has two tables. `OPERATORS` has a function for each operator of a family: it receives the
node's attributes and inputs as ONNX has them, with channels first, and returns the first result or a tuple of all, with
None for those that are not computed here. `LEFT_OUT` has patterns for the names of cases that cannot run, and reasons.
To add a family, write such a module and name it in `FAMILIES`.
"""

from __future__ import annotations

from types import ModuleType

from tests.onnx_vectors import (
    activations,
    attention,
    convolution,
    elementwise,
    images,
    indexing,
    normalisation,
    pooling,
    products,
    recurrent,
    reductions,
    shape,
    training,
)

FAMILIES: dict[str, ModuleType] = {
    module.__name__.rsplit(".", 1)[-1]: module
    for module in (
        convolution, pooling, normalisation, recurrent, attention, activations, images, training, elementwise,
        reductions, products, shape, indexing,
    )
}  # fmt: skip

NOT_COVERED = {
    "other forms of attention, and an update of its cache": "FlexAttention LinearAttention TensorScatter",
    "results are truth values or integers, without a derivative: NumPy's functions": (
        "And ArrayFeatureExtractor Binarizer BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater "
        "GreaterOrEqual IsInf IsNaN LabelEncoder Less LessOrEqual NonZero Not Or Shape Size Unique Xor"
    ),
    "makes an array of constants": (
        "BlackmanWindow ConstantOfShape EyeLike HammingWindow HannWindow MelWeightMatrix Range"
    ),
    "converts dtypes, most of which NumPy does not have": "Cast CastLike",
    "quantised numbers": (
        "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear"
    ),
    "control flow, sequences and optional values of a graph": (
        "ConcatFromSequence Gradient If Loop OptionalGetElement OptionalHasElement Scan SequenceAt SequenceConstruct "
        "SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence"
    ),
    "strings, trees and encoded images": (
        "ImageDecoder RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer TreeEnsemble"
    ),
    "complex numbers": "DFT STFT",
    "draws from another random generator": "Bernoulli",
    "samples images at given points or regions": "AffineGrid DeformConv GridSample RoiAlign",
    "adds windows to an image, or pixels at places": "Col2Im MaxUnpool",
    "does not correct the averages of the first step": "Adam",
    "crops or reverses by amounts in a tensor": "CenterCropPad ReverseSequence",
}
"""Reasons, and the operators that no family covers."""

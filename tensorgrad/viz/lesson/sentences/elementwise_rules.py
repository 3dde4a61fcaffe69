"""Explanations of the gradients of elementwise operations."""

SENTENCES = {
    # arithmetic
    "add": "A sum passes its gradient on unchanged: {target} receives {up} itself.",
    "subtract.x": "The first operand of a difference receives the gradient unchanged: {up} itself.",
    "subtract.y": "{result} falls as {target} rises, so {target} receives {up} with its sign changed.",
    "multiply.x": "{x} was multiplied by {y}, so its gradient is {up} times {y}.",
    "multiply.y": "{y} was multiplied by {x}, so its gradient is {up} times {x}.",
    "divide.x": "{x} was divided by {y}, and so is its gradient.",
    "divide.y": "The derivative of a quotient with respect to its divisor is −{x} / {y}², which is −{result} / {y}.",
    "negative": "The sign changes on the way forward, so it changes on the way back.",
    "positive": "A plus sign changes nothing, neither forward nor back.",
    "absolute": "The slope is 1 where {target} is positive, −1 where it is negative, and 0 at 0.",
    "copysign.x": "Only the sign may change: the slope is 1 where {x} keeps its sign and −1 where it changes.",
    "copysign.y": "Only the sign of {y} matters, and it is the same for all values near {y}: the gradient is 0.",
    # exponentials and logarithms
    "exp": "The exponential is its own derivative: {up} is multiplied by {result}.",
    "exp2": "The derivative of a power of 2 is the power times log(2): {up} is multiplied by {result} · log(2).",
    "expm1": "The derivative of exp({target}) − 1 is exp({target}), which is {result} + 1.",
    "log": "The derivative of log({target}) is 1 / {target}: large where {target} is small.",
    "log1p": "The derivative of log(1 + {target}) is 1 / (1 + {target}): large where {target} is near −1.",
    "log2": "The derivative of the logarithm to the base 2 is 1 / ({target} · log(2)).",
    "log10": "The derivative of the logarithm to the base 10 is 1 / ({target} · log(10)).",
    "logaddexp": "The slope is exp({target}) / (exp({x}) + exp({y})): the larger operand receives more.",
    "logaddexp2": "The slope is 2^{target} / (2^{x} + 2^{y}), at most 1: the larger operand receives more.",
    "sigmoid": "The slope of the sigmoid is {result} · (1 − {result}), at most 1/4, so the gradient shrinks.",
    "logit": "The slope of the logit is 1 / ({target} · (1 − {target})): 4 at 1/2, and larger towards 0 and 1.",
    "softplus": "The slope of softplus is the sigmoid of {target}: near 0 for small values and near 1 for large ones.",
    # powers
    "power.x": "The derivative of a power is the exponent times the base raised to the exponent minus 1.",
    "power.y": "The derivative of a power with respect to its exponent is the power times log({x}).",
    "square": "The derivative of a square is twice its base: the larger {target}, the larger its gradient.",
    "sqrt": "The derivative of √{target} is 1 / (2 √{target}): large where {target} is small.",
    "cbrt": "The derivative of the cube root is 1 / (3 · {result}²): large where {target} is near 0.",
    "reciprocal": "The derivative of 1 / {target} is −1 / {target}².",
    # trigonometric functions
    "sin": "The derivative of the sine is the cosine.",
    "cos": "The derivative of the cosine is minus the sine.",
    "tan": "The derivative of the tangent is 1 + {result}²: large where {target} is near a pole.",
    "arcsin": "The derivative of the arcsine is 1 / √(1 − {target}²): it grows without limit towards ±1.",
    "arccos": "The derivative of the arccosine is −1 / √(1 − {target}²): that of the arcsine with its sign changed.",
    "arctan": "The derivative of the arctangent is 1 / (1 + {target}²): small where {target} is large.",
    "arctan2.y": "The derivative of the angle with respect to {y} is {x} / ({x}² + {y}²).",
    "arctan2.x": "The derivative of the angle with respect to {x} is −{y} / ({x}² + {y}²).",
    "sinh": "The derivative of the hyperbolic sine is the hyperbolic cosine.",
    "cosh": "The derivative of the hyperbolic cosine is the hyperbolic sine, without a change of sign.",
    "tanh": "The slope of tanh is 1 − {result}²: near ±1 it is almost 0, and little gradient passes.",
    "arcsinh": "The derivative of the inverse of sinh is 1 / √({target}² + 1).",
    "arccosh": "The derivative of the inverse of cosh is 1 / √({target}² − 1): it grows without limit towards 1.",
    "arctanh": "The derivative of the inverse of tanh is 1 / (1 − {target}²).",
    "degrees": "A radian is 180 / π degrees, so the gradient is multiplied by that.",
    "radians": "A degree is π / 180 radians, so the gradient is multiplied by that.",
    "hypot": "The derivative of the hypotenuse with respect to one side is that side divided by the hypotenuse.",
    # a choice between operands
    "maximum": "Where {target} is the larger operand, it receives the gradient; elsewhere, 0.",
    "minimum": "Where {target} is the smaller operand, it receives the gradient; elsewhere, 0.",
    "fmax": "{target} receives the gradient where it is the larger operand or the other one is NaN; elsewhere, 0.",
    "fmin": "{target} receives the gradient where it is the smaller operand or the other one is NaN; elsewhere, 0.",
    "where.x": "{target} receives the gradient where the condition is true, and 0 elsewhere.",
    "where.y": "{target} receives the gradient where the condition is false, and 0 elsewhere.",
    "clipped.a": "Between the bounds, {a} passes the gradient on; where it was cut off, it receives 0.",
    "clipped.a_min": (
        "Where {a} was below the lower bound, the result is the bound, so the bound receives the gradient."
    ),
    "clipped.a_max": (
        "Where {a} was above the upper bound, the result is the bound, so the bound receives the gradient."
    ),
    # steps
    "round": "Rounding is a step function, which is flat between its steps, so the gradient is 0.",
    "sign": "The sign is constant on each side of 0, so the gradient is 0.",
    "heaviside.x": "The step function is flat on both sides of its step, so the gradient is 0.",
    "heaviside.y": "{y} is the value at the step: it receives the gradient where {x} is exactly 0.",
    "floor_divide": "The quotient is rounded down, and small changes of {target} do not change it: the gradient is 0.",
    "fmod.x": "Between its jumps, the remainder rises as much as {x} does, so the gradient passes unchanged.",
    "fmod.y": "The remainder is {x} − q · {y} with the quotient q rounded towards 0, so the slope is −q.",
    "remainder.x": "Between its jumps, the remainder grows as much as {x} does: it receives {up} itself.",
    "remainder.y": "The remainder is {x} − q · {y} with the quotient q rounded down, so the slope is −q.",
    "fractional_part": (
        "Between two integers, the fractional part rises as much as {target}: the gradient passes unchanged."
    ),
    "ldexp": "{target} was multiplied by a power of 2, and so is its gradient.",
    "mantissa": "{x} was divided by a power of 2, and so is its gradient.",
    "nextafter.x1": "The result is {x1} plus a number near 0 that does not change with it: the gradient is passed on.",
    "nextafter.x2": "Only the direction of {x2} from {x1} matters: the gradient is 0.",
    "spacing": "The distance to the next number is the same for all values near {x}: the gradient is 0.",
    "nan_to_num": "Finite elements pass the gradient on; NaN and infinities were replaced and receive 0.",
    "unwrap": "Only multiples of the period are added to {target}, and they are constants: it receives {up} itself.",
    "interp.x": "Between two points, {result} is a straight line, whose slope is the derivative.",
    "interp.xp": (
        "Moving a point sideways changes the slopes on both of its sides, for every {x} between its neighbours."
    ),
    "interp.fp": (
        "Each point receives the gradients of the values between its neighbours, weighted by how close they are."
    ),
    "interp.left": "Left of the first point, the result is {left}, which receives the gradients there.",
    "interp.right": "Right of the last point, the result is {right}, which receives the gradients there.",
    # parts of complex numbers
    "real": "A real number is its own real part, so {target} receives {up} itself.",
    "imag": "The imaginary part of a real number is always 0, so the gradient is 0.",
    "conjugate": "A real number is its own conjugate, so the gradient passes unchanged.",
    "angle": "The angle of a real number is constant on each side of 0, so the gradient is 0.",
}

LIKE = {
    "fabs": "absolute", "float_power": "power", "ceil": "round", "fix": "round", "floor": "round", "rint": "round",
    "trunc": "round",
}  # fmt: skip
"""Operations that have the rule of another one, and therefore its sentence."""

"""Explanations of the gradients of special functions."""

SENTENCES = {
    # error functions and the normal distribution
    "erf": "The slope of the error function is a bell curve, 2 / √π · exp(−{target}²).",
    "erfc": "erfc is 1 − erf, so its slope is the bell curve of erf with its sign changed.",
    "erfcx": "This is exp({target}²) · erfc({target}): the product rule gives 2 · {target} · {result} − 2 / √π.",
    "erfinv": "The slope of an inverse is the reciprocal of the slope: here √π / 2 · exp({result}²).",
    "erfcinv": "erfc falls, and so does its inverse: the slope is −√π / 2 · exp({result}²).",
    "ndtr": "The slope of the normal distribution function is its density, the bell curve.",
    "log_ndtr": "The slope is the density of the normal distribution divided by the probability, exp({result}).",
    "ndtri": "The slope of a quantile is the reciprocal of the density there, √(2π) · exp({result}² / 2).",
    "stdtr": "The slope of Student's distribution function is the density of Student's distribution.",
    "log_expit": "The slope of the logarithm of the sigmoid is the sigmoid of −{target}.",
    # entropies
    "entr": "The derivative of −{target} · log({target}) is −1 − log({target}).",
    "rel_entr.x": "The derivative of x · log(x / y) with respect to x is log({x} / {y}) + 1.",
    "rel_entr.y": "The derivative of x · log(x / y) with respect to y is −{x} / {y}.",
    "kl_div.x": "The derivative of x · log(x / y) − x + y with respect to x is log({x} / {y}).",
    "kl_div.y": "The derivative of x · log(x / y) − x + y with respect to y is 1 − {x} / {y}.",
    "xlogy.x": "log({y}) was multiplied by {x}, so {up} is multiplied by log({y}).",
    "xlogy.y": "The slope of {x} · log({y}) with respect to {y} is {x} / {y}.",
    "xlog1py.x": "log(1 + {y}) was multiplied by {x}, so {up} is multiplied by log(1 + {y}).",
    "xlog1py.y": "The slope of {x} · log(1 + {y}) with respect to {y} is {x} / (1 + {y}).",
    # gamma and beta functions
    "gamma": "The derivative of the gamma function is itself times the digamma function of {target}.",
    "gammaln": "The derivative of the logarithm of the gamma function is the digamma function.",
    "rgamma": "The derivative of 1 / Γ is minus itself times the digamma function of {target}.",
    "gammasgn": "The sign of the gamma function is constant between its poles, so the gradient is 0.",
    "digamma": "The derivative of the digamma function is the trigamma function.",
    "polygamma": "The derivative of a polygamma function is the polygamma function of the next order.",
    "gammainc": "The slope of the distribution function of the gamma distribution is its density.",
    "gammaincc": "The probability above {target} falls as {target} rises: the slope is minus the gamma density.",
    "beta": "The slope is {result} times the digamma function of {target} minus that of {a} + {b}.",
    "betaln": "The slope is the digamma function of {target} minus that of {a} + {b}.",
    "betainc": "The slope of the distribution function of the beta distribution is its density.",
    # Bessel functions
    "j0": "The derivative of the Bessel function J₀ is −J₁.",
    "j1": "The derivative of the Bessel function J₁ is (J₀ − J₂) / 2.",
    "jv": "The derivative of J of an order is half of J of the order below minus half of J of the order above.",
    "y0": "The derivative of the Bessel function Y₀ is −Y₁.",
    "y1": "The derivative of the Bessel function Y₁ is (Y₀ − Y₂) / 2.",
    "yv": "The derivative of Y of an order is half of Y of the order below minus half of Y of the order above.",
    "i0": "The derivative of the Bessel function I₀ is I₁.",
    "i1": "The derivative of the Bessel function I₁ is I₀ − I₁ / {target}.",
    "iv": "The derivative of I of an order is half of I of the order below plus half of I of the order above.",
    "i0e": "I₀ is scaled by exp(−|{target}|), so its derivative is the scaled I₁ minus sign({target}) · {result}.",
    "i1e": "I₁ is scaled by exp(−|{target}|): the scaled derivative of I₁ minus sign({target}) · {result}.",
    "ive": "I is scaled by exp(−|{target}|): half the sum of its neighbouring orders minus sign({target}) · {result}.",
    "k0": "The derivative of the Bessel function K₀ is −K₁.",
    "k1": "The derivative of the Bessel function K₁ is −(K₀ + K₂) / 2.",
    "kv": "The derivative of K of an order is minus half the sum of K of the orders below and above.",
    "k0e": "K₀ is scaled by exp({target}), so its derivative is {result} minus the scaled K₁.",
    "k1e": "K₁ is scaled by exp({target}): {result} minus half the sum of the scaled K₀ and K₂.",
    "kve": "K is scaled by exp({target}): {result} minus half the sum of its neighbouring orders.",
    "sinc": "By the quotient rule, the slope is (cos(π · {target}) − {result}) / {target}, and 0 at 0.",
    "zeros_with_singular_slope": (
        "A derivative that does not exist was set to 0 here, and differentiating it again gives NaN at these points."
    ),
}

LIKE = {"yn": "yv", "kn": "kv"}
"""Operations that have the rule of another one, and therefore its sentence."""

"""Special functions under the names of `scipy.special`: `tg.special.gamma` is `scipy.special.gamma` with gradients.

`import tensorgrad` does not import this module, which needs SciPy; it is imported on first access to `tg.special`.
SciPy's ufuncs call these functions when an argument is a tensor: `scipy.special.gamma(t)` is `tg.special.gamma(t)`.
"""

from __future__ import annotations

from tensorgrad import numpy_dispatch
from tensorgrad.ops.elementwise.exponential import exp2, expm1, log1p, logit, sigmoid
from tensorgrad.ops.elementwise.powers import cbrt
from tensorgrad.ops.elementwise.special import erf, erfc, i0, i1, scipy_special
from tensorgrad.ops.scipy.bessel import (
    i0e,
    i1e,
    iv,
    ive,
    j0,
    j1,
    jn,
    jv,
    k0,
    k0e,
    k1,
    k1e,
    kn,
    kv,
    kve,
    y0,
    y1,
    yn,
    yv,
)  # fmt: skip
from tensorgrad.ops.scipy.entropies import entr, kl_div, logsumexp, rel_entr, xlog1py, xlogy
from tensorgrad.ops.scipy.errors import erfcinv, erfcx, erfinv, log_expit, log_ndtr, ndtr, ndtri, stdtr
from tensorgrad.ops.scipy.gammas import (
    beta,
    betainc,
    betaln,
    digamma,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    gammasgn,
    multigammaln,
    polygamma,
    psi,
    rgamma,
)  # fmt: skip

__all__ = [
    "beta", "betainc", "betaln", "digamma", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "expit", "gamma",
    "gammainc", "gammaincc", "gammaln", "gammasgn", "i0", "i0e", "i1", "i1e", "iv", "ive", "j0", "j1", "jn", "jv", "k0",
    "k0e", "k1", "k1e", "kl_div", "kn", "kv", "kve", "log_expit", "log_ndtr", "logit", "logsumexp", "multigammaln",
    "ndtr", "ndtri", "polygamma", "psi", "rel_entr", "rgamma", "stdtr", "xlog1py", "xlogy", "y0", "y1", "yn", "yv",
]  # fmt: skip

expit = sigmoid

_DECLARED_WITHOUT_SCIPY = {
    "cbrt": cbrt, "erf": erf, "erfc": erfc, "exp2": exp2, "expit": expit, "expm1": expm1, "i0": i0, "i1": i1,
    "log1p": log1p, "logit": logit,
}  # fmt: skip
numpy_dispatch.answers.update(
    {getattr(scipy_special(), name): operation for name, operation in _DECLARED_WITHOUT_SCIPY.items()}
)

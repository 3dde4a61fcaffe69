"""Probability distributions under the names of `scipy.stats`: `tg.stats.norm.logpdf` is `scipy.stats.norm.logpdf`.

Each distribution is a module of functions that can be differentiated with respect to the variable and the parameters.
`import tensorgrad` does not import this package, which needs SciPy; it is imported on first access to `tg.stats`.

>>> import tensorgrad as tg
>>> mean = tg.tensor(0.0, requires_grad=True)
>>> tg.stats.norm.logpdf([1.0, 3.0], loc=mean).sum().backward()
>>> mean.grad
array(4.)
"""

from __future__ import annotations

from tensorgrad.stats import beta, chi2, dirichlet, gamma, multivariate_normal, norm, poisson, t

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

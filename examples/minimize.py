"""Minimise functions of nested containers with SciPy's methods and exact derivatives: `python examples/minimize.py`."""

import numpy as np

import tensorgrad as tg

# Robust regression: the errors follow Student's t distribution, so that outliers count little. The line, the scale of
# the errors and the degrees of freedom are fitted together, by maximum likelihood.
rng = np.random.default_rng(0)
x = np.linspace(0, 10, 60)
y = 1.5 * x - 2 + rng.normal(scale=0.5, size=60)
y[::12] += 15  # outliers


def surprise(p):
    """Negative log-likelihood of the data."""
    predicted = p["line"]["slope"] * x + p["line"]["intercept"]
    return -tg.sum(tg.stats.t.logpdf(y, tg.exp(p["log df"]), predicted, tg.exp(p["log scale"])))


start = {"line": {"slope": 0.0, "intercept": 0.0}, "log df": 1.0, "log scale": 1.0}
fit = tg.minimize(surprise, start)
slope, intercept = np.polyfit(x, y, 1)
print(f"least squares:  y = {slope:.2f} x {intercept:+.2f}")
print(f"Student's t:    y = {fit.x['line']['slope']:.2f} x {fit.x['line']['intercept']:+.2f}   (true: 1.50 x -2.00)")

# A hanging chain: 20 links of length 0.2 between two nails at the same height take the shape of lowest energy.
LINKS, LENGTH, WIDTH = 20, 0.2, 2.0


def positions(p):
    """Return the coordinates of all joints, with the nails at both ends."""
    ends = np.array([0.0]), np.array([WIDTH])
    return tg.concatenate([ends[0], p["x"], ends[1]]), tg.concatenate([[0.0], p["y"], [0.0]])


def stretch(p):
    """Return how far each link is from its length, which must be 0."""
    across, down = positions(p)
    return tg.diff(across) ** 2 + tg.diff(down) ** 2 - LENGTH**2


inner = np.linspace(0, WIDTH, LINKS + 1)[1:-1]
sagging = {"x": inner, "y": -np.sin(np.pi * inner / WIDTH)}
chain = tg.minimize(lambda p: tg.sum(p["y"]), sagging, constraints={"type": "eq", "fun": stretch})
print(f"\nhanging chain:  lowest point {chain.x['y'].min():.3f} after {chain.nit} iterations")

# With a table below it.
table = tg.minimize(
    lambda p: tg.sum(p["y"]), chain.x, bounds=({"x": None, "y": -1.2}, None), constraints={"type": "eq", "fun": stretch}
)
print(f"above a table:  lowest point {table.x['y'].min():.3f}, {np.sum(table.x['y'] < -1.199)} joints on it")

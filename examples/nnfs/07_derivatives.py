# %% [markdown]
# # Chapter 7. Derivatives
#
# What you will understand:
#
# - the derivative is the slope of the tangent: how fast the output changes with the input;
# - finite differences approximate it, and a difference can be too large or too small;
# - the engine computes it exactly, and shows how.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import tensorgrad as tg

run = chapter.options("Chapter 7. Derivatives")

# %% [markdown]
# ## By hand: the slope of 2x²
#
# The slope of a line is rise over run. The slope of a curve changes from point to point. Close to a point, the curve
# looks like a line.


# %%
def f(x):
    """Return 2x²."""
    return 2 * x**2


def slope_by_hand(x, difference=1e-4):
    """Return rise over run from just before x to just after it."""
    return (f(x + difference) - f(x - difference)) / (2 * difference)


points = np.array([-1.0, 0.5, 2.0])
by_hand = np.array([slope_by_hand(x) for x in points])
print("  slopes of 2x² at", points, "are about", np.round(by_hand, 3))

# %% [markdown]
# The rule from algebra: the derivative of 2x² is 4x.

# %%
assert np.allclose(by_hand, 4 * points)

# %% [markdown]
# ## On the engine: three ways

# %%
x = tg.tensor(2.0, requires_grad=True, name="x")
y = f(x)
y.name = "y"
y.backward()
chapter.same("backward() stores the slope in x.grad", slope_by_hand(2.0), x.grad)

slope = tg.grad(f)
chapter.same("tg.grad returns the derivative as a function", by_hand, np.array([slope(point) for point in points]))
chapter.same("its derivative is the second derivative, 4", 4.0, tg.grad(slope)(2.0))

# %% [markdown]
# `tg.walkthrough` steps through both passes: open the page in a browser, and press the right arrow key.

# %%
chapter.save(tg.walkthrough(f(x)), run.out / "07_derivatives.html")

# %% [markdown]
# ## How small should the difference be?
#
# If it is too large, the curve bends in between. If it is too small, the two values agree in so many digits that their
# difference is mostly rounding error. The best size is near the cube root of a float's precision.

# %%
differences = 10.0 ** np.arange(-13, 1)
places = np.linspace(0.5, 1.5, 50)
errors = [np.abs((np.exp(places + d) - np.exp(places - d)) / (2 * d) - np.exp(places)).mean() for d in differences]
best = differences[np.argmin(errors)]
assert 1e-6 < best < 1e-4
print(f"  the derivative of exp is most accurate with a difference of {best:.0e}")
assert tg.gradcheck(f, points), "gradcheck compares derivatives with such differences"

# %% [markdown]
# ## The picture: tangents

# %%
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
across = np.linspace(-2, 3, 200)
left.plot(across, f(across), color="#333333", linewidth=2, label="2x²")
for point, colour, style in zip(points, ["#0072b2", "#d55e00", "#009e73"], ["-", "--", "-."]):
    reach = np.array([-0.9, 0.9]) + point
    tangent = f(point) + float(slope(point)) * (reach - point)
    label = f"tangent at {point:g}: slope {float(slope(point)):g}"
    left.plot(reach, tangent, style, color=colour, linewidth=2, label=label)
    left.plot(point, f(point), "o", color=colour)
left.set(title="The derivative is the slope of the tangent", xlabel="x", ylim=(-3, 18))
left.legend(frameon=False, loc="upper left")
right.loglog(differences, errors, "o-", color="#0072b2")
right.annotate("rounding", (1e-12, 1e-4), (20, 10), textcoords="offset points", color="#555555")
right.annotate("curvature", (1e-2, 1e-4), (-60, 25), textcoords="offset points", color="#555555")
right.set(title="Error of the measured slope of exp", xlabel="difference", ylabel="error")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
chapter.save(figure, run.out / "07_derivatives.png")

# %% [markdown]
# ## Three things to try
#
# 1. Measure the slope with `(f(x + d) - f(x)) / d` instead. How much larger is the error, and why?
#
#    *Answer.* The error is 2e-4 at every point, against less than 1e-10 before. The error of the forward difference is
#    half the second derivative times d, here 4/2 · 1e-4. In the symmetric difference, this term cancels.
# 2. Compute `tg.grad(tg.abs)(0.0)`. What is `(abs(d) - abs(0)) / d` for d = 1e-4 and for d = -1e-4?
#
#    *Answer.* The engine returns 0. The differences give 1 and −1: the slope on the right and the slope on the left. At
#    a kink there is no derivative, and 0, between the two, is a convention.
# 3. `tg.grad(tg.grad(tg.grad(tg.sin)))(0.0)`: guess first.
#
#    *Answer.* −cos(0) = −1.

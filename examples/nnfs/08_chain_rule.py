# %% [markdown]
# # Chapter 8. Gradients, partial derivatives, and the chain rule
#
# What you will understand:
#
# - a partial derivative is the slope along one input while the others are constant;
# - the gradient consists of all partial derivatives, and points uphill;
# - the chain rule: slopes along a path multiply, and the slopes of several paths add up.

# %%
import chapter
import numpy as np
from matplotlib.figure import Figure

import tensorgrad as tg

run = chapter.options("Chapter 8. Gradients, partial derivatives, and the chain rule")

# %% [markdown]
# ## By hand: partial derivatives
#
# f(x, y, z) = 3x³z − y² + 5z + 2yz. For ∂f/∂x, treat y and z as constants, and likewise for the others.


# %%
def f(x, y, z):
    """Evaluate a function of three numbers."""
    return 3 * x**3 * z - y**2 + 5 * z + 2 * y * z


def partials_by_hand(x, y, z):
    """Return ∂f/∂x, ∂f/∂y and ∂f/∂z."""
    return np.array([9 * x**2 * z, -2 * y + 2 * z, 3 * x**3 + 5 + 2 * y])


point = (1.5, -2.0, 0.5)
by_hand = partials_by_hand(*point)
chapter.same("the gradient of f", by_hand, np.array(tg.grad(f, argnums=(0, 1, 2))(*point)))

# %% [markdown]
# ## By hand: the chain rule
#
# p = sin(u), u = x². A change of x changes u by 2x times as much, and that changes p by cos(u) times as much. So
# dp/dx = cos(x²)·2x.

# %%
x = 0.8
chapter.same("d sin(x²) / dx", np.cos(x**2) * 2 * x, tg.grad(lambda x: tg.sin(x**2))(x))

# %% [markdown]
# ## By hand: two paths
#
# q = a·b with a = x + 1 and b = x²: x influences q through a and through b. The slopes of both paths add up. Many first
# attempts at an engine miss this sum, so the walkthrough shows it.

# %%
through_a = 1 * (x**2)
through_b = 2 * x * (x + 1)
leaf = tg.tensor(x, requires_grad=True, name="x")
a = leaf + 1
a.name = "a"
b = leaf * leaf
b.name = "b"
q = a * b
q.name = "q"
q.backward(retain_graph=True)
chapter.same("the sum of the slopes of two paths", through_a + through_b, leaf.grad)
chapter.save(tg.walkthrough(q), run.out / "08_chain_rule.html")

# %% [markdown]
# ## The gradient points uphill
#
# In the direction of the gradient a function rises fastest, and in the opposite direction it falls fastest. Training
# takes steps against the gradient, again and again.

# %%
hill = tg.grad(lambda p: tg.exp(-(p[0] ** 2) - 2 * p[1] ** 2) + 0.6 * tg.exp(-2 * (p[0] - 1.8) ** 2 - p[1] ** 2))
here = np.array([0.4, 0.6])
uphill = np.asarray(hill(here).data)


def height(p):
    """Return the height of the hill, by hand in NumPy."""
    return np.exp(-(p[0] ** 2) - 2 * p[1] ** 2) + 0.6 * np.exp(-2 * (p[0] - 1.8) ** 2 - p[1] ** 2)


angles = np.linspace(0, 2 * np.pi, 3601)
gains = [height(here + 1e-4 * np.array([np.cos(t), np.sin(t)])) - height(here) for t in angles]
steepest = angles[np.argmax(gains)]
chapter.same("the steepest of 3,600 directions", steepest, np.arctan2(*uphill[::-1]) % (2 * np.pi), tolerance=1e-3)

# %% [markdown]
# ## The picture: arrows uphill, and a walk

# %%
figure = Figure(figsize=(6.4, 4.6), layout="constrained")
axes = figure.subplots()
grid_x, grid_y = np.meshgrid(np.linspace(-1.6, 2.8, 120), np.linspace(-1.5, 1.5, 90))
axes.contourf(grid_x, grid_y, height((grid_x, grid_y)), levels=14, cmap="Blues")
for start_x in np.linspace(-1.3, 2.6, 9):
    for start_y in np.linspace(-1.2, 1.2, 6):
        arrow = hill(np.array([start_x, start_y])).data
        axes.quiver(start_x, start_y, *arrow, angles="xy", scale_units="xy", scale=3, width=0.004, color="#333333")
walk = [np.array([-1.1, 0.9])]
for _ in range(60):
    walk.append(walk[-1] + 0.1 * hill(walk[-1]).data)
axes.plot(*np.array(walk).T, ".-", color="#d55e00", label="60 steps along the gradient")
axes.set(title="The gradient points uphill", xlabel="x", ylabel="y", aspect="equal")
axes.legend(loc="lower right", framealpha=0.9)
chapter.save(figure, run.out / "08_chain_rule.png")

# %% [markdown]
# ## Three things to try
#
# 1. Start the walk at (2.4, -1). Does it reach the higher hill? What does that say about training?
#
#    *Answer.* No. It stops on the lower hill, near (1.73, 0), at a height of 0.64 instead of 1.00. The gradient
#    describes only the surroundings of a point, so where training ends depends on where it starts.
# 2. In the walkthrough choose "overwritten". Which of the two paths is lost, and what is x.grad then?
#
#    *Answer.* The path through b is lost, and `x.grad` is 0.64, not 3.52. The last contribution to arrive, through a,
#    replaces those before it.
# 3. Derive ∂/∂x of (x + y)·max(x, y) on paper for x > y, and check yourself with `tg.grad`.
#
#    *Answer.* For x > y the function is (x + y)·x, so ∂/∂x = 2x + y. At (3, 2) that is 8, and `tg.grad` agrees.

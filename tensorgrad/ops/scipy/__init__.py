"""SciPy's functions with derivatives, imported when `tensorgrad.special`, `stats` or `linalg.expm` is first used."""

try:
    import scipy  # noqa: F401
except ImportError as error:
    raise ImportError('tensorgrad.special needs SciPy: pip install "tensorgrad[scipy]"') from error

"""Build the wheel and the source distribution, check what is in them, and use the wheel in an empty environment.

    python .ci/package.py [FOLDER]

The distributions are left in FOLDER, if there is one. Needs `build`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tensorgrad", "nn")
IN_SOURCES = ("benchmarks", "docs", "examples", "tests", *PACKAGES)
"""Folders that the source distribution has completely."""

USE = """
import subprocess
import sys
from pathlib import Path

import nn
import tensorgrad as tg

for package in (tg, nn):
    assert package.__version__ == sys.argv[1], package.__version__
    assert Path(package.__file__).is_relative_to(sys.prefix), package.__file__

subprocess.run([sys.executable, "-I", "-m", "tensorgrad.examples"], check=True)  # they are in the wheel

x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
loss = (x * x).sum()
loss.backward()
assert x.grad.tolist() == [2.0, 4.0], x.grad
tg.draw(loss).save("graph.svg")
tg.walkthrough(loss).save("walkthrough.html")

network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
nn.plots.network(network, x=[1.0, -0.5]).save("network.html")
optimizer = nn.Adam(network.parameters())
model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer)
model.fit([[1.0, 2.0], [3.0, 4.0]], [[1.0], [2.0]], epochs=2, verbose=0)
model.save("model.safetensors")
assert (nn.Model.load("model.safetensors").predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])).all()
"""


def main() -> None:
    """Build and check. Any difference raises an AssertionError."""
    with tempfile.TemporaryDirectory() as temporary:
        built = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        run(sys.executable, "-m", "build", "--outdir", str(built), str(ROOT))  # the wheel is built from the sources
        version = re.findall(r'^__version__ = "(.+)"$', (ROOT / "tensorgrad/__init__.py").read_text(), re.MULTILINE)[0]
        wheel = built / f"tensorgrad-{version}-py3-none-any.whl"
        check_sources(built / f"tensorgrad-{version}.tar.gz", f"tensorgrad-{version}/")
        check_wheel(wheel, version)
        print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} kB")
        use(wheel, version, Path(temporary))


def run(*command: str, folder: Path = ROOT) -> None:
    """Run a command in a folder. Its output is shown only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    if done.returncode:
        print(done.stdout)
        sys.exit(f"failed: {' '.join(command)[:200]}")


def files(*folders: str) -> set[str]:
    """Return the files of folders of the repository, without compiled ones."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {path.relative_to(ROOT).as_posix() for path in found if path.is_file() and "__pycache__" not in path.parts}


def check_same(what: str, got: set[str], expected: set[str]) -> None:
    """Compare names of files.

    Raises:
        AssertionError: they differ.
    """
    missing, unexpected = sorted(expected - got), sorted(got - expected)
    assert not missing, f"{what}: missing: {missing}"
    assert not unexpected, f"{what}: unexpected: {unexpected}"


def check_sources(path: Path, prefix: str) -> None:
    """Check the files of the source distribution."""
    with tarfile.open(path) as archive:
        names = {member.name.removeprefix(prefix) for member in archive.getmembers() if member.isfile()}
    texts = {name.name for pattern in ("*.md", "*.cff", "LICENSE") for name in ROOT.glob(pattern)}
    check_same(path.name, names - {"PKG-INFO", ".gitignore"}, files(*IN_SOURCES) | texts | {"pyproject.toml"})


def check_wheel(path: Path, version: str) -> None:
    """Check the files and the metadata of the wheel."""
    description = f"tensorgrad-{version}.dist-info/"
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        metadata = Parser().parsestr(archive.read(f"{description}METADATA").decode())
    assert {"tensorgrad/py.typed", "nn/py.typed", f"{description}licenses/LICENSE"} <= names
    examples = {f"tensorgrad/examples/files/{name.removeprefix('examples/')}" for name in files("examples")}
    check_same(path.name, {name for name in names if not name.startswith(description)}, files(*PACKAGES) | examples)
    check_metadata(metadata, version)


def check_metadata(metadata: Message, version: str) -> None:
    """Compare the metadata with pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fields = ("Name", "Version", "Summary", "Requires-Python", "License-Expression", "Description-Content-Type")
    expected = ["tensorgrad", version, project["description"], ">=3.11", "MIT", "text/markdown"]
    assert [metadata[field] for field in fields] == expected, metadata.items()
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    required = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert required == set(project["dependencies"]), required


def use(wheel: Path, version: str, folder: Path) -> None:
    """Install the wheel in an empty environment and use it in an empty folder, without the repository."""
    environment = folder / "environment"
    venv.create(environment)
    pip = (sys.executable, "-m", "pip", "--python", str(environment))
    run(*pip, "install", "--no-compile", str(wheel))
    run(*pip, "check")
    work = folder / "work"
    work.mkdir()
    python = Path(sysconfig.get_path("scripts", "venv", {"base": str(environment)})) / "python"
    run(str(python), "-I", "-W", "error", "-c", USE, version, folder=work)
    for name in ("graph.svg", "walkthrough.html", "network.html", "model.safetensors"):
        assert (work / name).stat().st_size > 1000, name


if __name__ == "__main__":
    main()

"""The version, and the list of public names, so that changing one is a decision.

After a deliberate change, write the list again:

    python -m tests.test_package
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nn
import tensorgrad as tg

ROOT = Path(__file__).parent.parent
PUBLIC_NAMES = Path(__file__).parent / "public_names.txt"


def public_names() -> Iterator[str]:
    """Yield the public names of both packages, and of the modules among them, with the module before each name."""
    modules = [tg, nn]
    for module in modules:  # it grows
        for name in names_in(module):
            value = getattr(module, name)
            if inspect.ismodule(value):
                modules.append(value)
            yield f"{module.__name__}.{name}"


def names_in(module: ModuleType) -> list[str]:
    """Return `__all__`; in a module without it, what it defines under a name without an underscore."""
    if hasattr(module, "__all__"):
        return module.__all__
    defined = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in defined if not name.startswith("_")]


def test_public_names_are_those_of_the_list() -> None:
    listed = PUBLIC_NAMES.read_text(encoding="utf-8").split()
    assert sorted(public_names()) == listed, "if this is meant, run `python -m tests.test_package`"


def test_packages_bundle_only_code_and_pages() -> None:
    folders = [Path(package.__file__).parent for package in (tg, nn)]
    found = {path.suffix or path.name for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert found - {".pyc"} == {".py", ".js", ".css", ".html", ".typed"}, "list what is bundled in docs/licences.md"


def test_version_is_the_same_everywhere() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (newest, *_) = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    (cited,) = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)
    assert tg.__version__ == nn.__version__ == newest == cited


if __name__ == "__main__":
    PUBLIC_NAMES.write_text("".join(f"{name}\n" for name in sorted(public_names())), encoding="utf-8")

"""Each distribution imports with nothing on the path but what it declares.

The path is made of the files of the declared distributions and of what they declare in turn, linked into a folder; the
interpreter starts without its site-packages. Distributions that declare the same are imported one after another in one
process: each finds itself and what it declares, and none of the others.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.docs.workspace import Member, members

MEMBERS = {m.name: m for m in members()}
EXTRA_ONLY = {"caseconnect": ("testing", "caseconnect.sdk.testing")}
"""distribution -> (extra, package that needs it)."""

IMPORT_ALL = """
import importlib, os, pkgutil, sys
from importlib.machinery import PathFinder
folder, left_out, *packages = sys.argv[1:]
sys.path.insert(0, folder)
hidden = set()
class Linked:
    # What is linked is imported from where it is, by the bytecode that is kept for it: a third of the time.
    def find_spec(self, name, path=None, target=None):
        if name in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        spec = PathFinder.find_spec(name, [folder]) if path is None else None
        if spec is None or spec.origin is None:
            return None
        inner = os.path.dirname(spec.origin) if spec.submodule_search_locations else spec.origin
        return PathFinder.find_spec(name, [os.path.dirname(os.path.realpath(inner))])
sys.meta_path.insert(0, Linked())
failed = []
def attempt(name):
    try:
        return importlib.import_module(name)
    except Exception as error:
        failed.append(f"{name}: {type(error).__name__}: {error}")
def walk(name):
    if name == left_out:
        return
    module = attempt(name)
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
        walk(f"{name}.{inner.name}")
for package in packages:
    hidden = {*packages} - {package}
    walk(package)
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        del sys.modules[name]
if failed:
    sys.exit("\\n".join(failed))
"""


def requirements_of(name: str, extras: Iterable[str]) -> list[str]:
    """What a distribution declares, of ours as its pyproject.toml says now."""
    member = MEMBERS.get(name)
    if member is None:
        return distribution(name).requires or []
    optional = member.project.get("optional-dependencies", {})
    return [*member.project["dependencies"], *(r for extra in extras for r in optional.get(extra, ()))]


def closure(declared: Iterable[str]) -> set[str]:
    """Names of all distributions that the declared ones bring, as an installer would choose them here."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(text), frozenset[str]()) for text in declared]
    while waiting:
        asked, extras = waiting.pop()
        if asked.marker and not any(asked.marker.evaluate({"extra": e}) for e in extras or {""}):
            continue
        key = (canonicalize_name(asked.name), frozenset(asked.extras))
        if key in found:
            continue
        found.add(key)
        waiting += [(Requirement(text), key[1]) for text in requirements_of(*key)]
    return {name for name, _ in found}


def link(folder: Path, names: Iterable[str]) -> None:
    """Link the top-level files of these distributions into `folder`."""
    for name in names:
        if name in MEMBERS:
            source = MEMBERS[name].folder / "src"
            tops = {p.name: p for p in source.iterdir()}
        else:
            held = distribution(name)
            tops = {f.parts[0]: Path(str(held.locate_file(f.parts[0]))) for f in held.files or () if f.parts[0] != ".."}
        for top, target in tops.items():
            if top != "__pycache__" and not (folder / top).exists():
                (folder / top).symlink_to(target)


def import_alone(
    folder: Path, packages: Iterable[str], declared: Iterable[str], source: Path, left_out: str = "", only: str = ""
) -> str:
    """Import every module of `packages`, or `only` of one; what went wrong, empty when all is well."""
    site = folder / "site"
    site.mkdir()
    for package in packages:
        (site / package).symlink_to(source / package)
    link(site, closure(declared))
    kept = [f"-Xpycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    command = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        *kept,
        "-c",
        IMPORT_ALL,
        str(site),
        left_out,
        *([only] if only else packages),
    ]
    told = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    said = told.stderr.strip()
    assert bool(said) is bool(told.returncode), said
    return said


def alone(folder: Path, member: Member, declared: Iterable[str], left_out: str = "") -> str:
    return import_alone(folder, member.packages, declared, member.folder / "src", left_out)


ALIKE: dict[tuple[str, ...], list[str]] = {}
"""What is declared -> the distributions that declare just that."""
for _name in sorted(MEMBERS):
    ALIKE.setdefault(tuple(sorted(requirements_of(_name, ()))), []).append(_name)


@pytest.mark.parametrize(("declared", "names"), ALIKE.items(), ids=[names[0] for names in ALIKE.values()])
def test_a_distribution_needs_only_what_it_declares(
    declared: tuple[str, ...], names: list[str], tmp_path: Path
) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in names:
        for package in MEMBERS[name].packages:
            (source / package).symlink_to(MEMBERS[name].folder / "src" / package)
    left_out = next((EXTRA_ONLY[name][1] for name in names if name in EXTRA_ONLY), "")
    assert import_alone(tmp_path, [p.name for p in sorted(source.iterdir())], declared, source, left_out) == ""


def test_those_that_declare_the_same_do_not_see_each_other(tmp_path: Path) -> None:
    for package, text in {"first": "", "second": "import first\n"}.items():
        (tmp_path / "src" / package).mkdir(parents=True)
        (tmp_path / "src" / package / "__init__.py").write_text(text)
    told = import_alone(tmp_path, ["first", "second"], [], tmp_path / "src")
    assert told == "second: ModuleNotFoundError: No module named 'first'"


@pytest.mark.parametrize("name", sorted(EXTRA_ONLY))
def test_with_its_extra_all_of_it_imports(name: str, tmp_path: Path) -> None:
    extra, package = EXTRA_ONLY[name]
    top = MEMBERS[name]
    assert import_alone(tmp_path, top.packages, requirements_of(name, [extra]), top.folder / "src", only=package) == ""


def test_an_undeclared_dependency_is_found(tmp_path: Path) -> None:
    shopify = MEMBERS["caseconnect-shopify"]
    declared = [r for r in requirements_of(shopify.name, ()) if not r.startswith("graphql-core")]
    assert len(declared) == len(requirements_of(shopify.name, ())) - 1
    assert "No module named 'graphql'" in alone(tmp_path, shopify, declared)


def test_a_planted_import_is_found_until_it_is_declared(tmp_path: Path) -> None:
    package = tmp_path / "src" / "planted"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "inner.py").write_text("import orjson\n")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    told = import_alone(tmp_path / "one", ["planted"], [], tmp_path / "src")
    assert told == "planted.deep.inner: ModuleNotFoundError: No module named 'orjson'"
    assert import_alone(tmp_path / "two", ["planted"], ["orjson"], tmp_path / "src") == ""


def test_a_dependency_that_does_not_exist_is_no_silence() -> None:
    with pytest.raises(PackageNotFoundError):
        closure(["no-such-distribution-anywhere"])

"""What the workspace says about itself agrees with what is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.docs.workspace import ROOT, Member, members

from caseconnect import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MEMBERS = members()
LINTER = PROJECT["tool"]["importlinter"]
PACKAGES = sorted(p for m in MEMBERS for p in m.packages)
EXTENSIONS = sorted(p for m in MEMBERS if m.folder.parent.name in {"plugins", "usecases"} for p in m.packages)


def contract(name: str) -> dict[str, Any]:
    (found,) = [c for c in LINTER["contracts"] if c["name"] == name]
    return dict(found)


def with_module(name: str) -> list[str]:
    """Packages of plugins and use cases that have a module or package of this name."""
    sources = {p: m.folder / "src" / p for m in MEMBERS for p in m.packages if p in EXTENSIONS}
    return [p for p in EXTENSIONS if (sources[p] / f"{name}.py").exists() or (sources[p] / name).is_dir()]


def test_there_is_something_to_look_at() -> None:
    assert {"caseconnect", "caseconnect_demo", "caseconnect_shopify", "caseconnect_fraud_review"} <= set(PACKAGES)
    assert with_module("rules")
    assert with_module("client")
    assert with_module("simulator")


def test_import_contracts_name_every_package() -> None:
    assert sorted(LINTER["root_packages"]) == PACKAGES
    assert sorted(contract("plugins and use cases never import each other")["modules"]) == EXTENSIONS
    sdk_only = contract("plugins and use cases import the SDK and the models only")
    assert sorted(sdk_only["source_modules"]) == EXTENSIONS
    assert sorted(contract("one place knows the HTTP library, and one the CEL library")["source_modules"]) == PACKAGES


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("simulators share no code with the clients, nor with the framework", "simulator"),
        ("clients work without the framework", "client"),
        ("rules are pure: no host, no HTTP, no platform", "rules"),
    ],
)
def test_import_contracts_name_every_module_of_a_kind(name: str, module: str) -> None:
    assert sorted(contract(name)["source_modules"]) == [f"{p}.{module}" for p in with_module(module)]


def test_simulators_may_import_no_client_and_no_mapping() -> None:
    forbidden = contract("simulators share no code with the clients, nor with the framework")["forbidden_modules"]
    wanted = {f"{p}.{m}" for p in with_module("simulator") for m in ("client", "mapping") if p in with_module(m)}
    assert set(forbidden) == wanted | {"caseconnect"}


def test_the_type_checker_finds_every_package() -> None:
    folders = {f"{m.folder.relative_to(ROOT).as_posix()}/src" for m in MEMBERS}
    assert set(PROJECT["tool"]["mypy"]["mypy_path"]) == folders | {"tests/lib", "tests/flows", "tests/mutants"}


def test_one_version_for_all() -> None:
    assert {m.name: m.project["version"] for m in MEMBERS} == {m.name: __version__ for m in MEMBERS}


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: m.name)
def test_each_distribution_is_complete(member: Member) -> None:
    project = member.project
    assert (member.folder / project["readme"]).read_text().startswith(f"# {member.name}\n")
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == PROJECT["project"]["requires-python"]
    assert project["description"].startswith("Connect")
    assert project.get("scripts") or project["entry-points"]
    (package,) = member.packages
    assert (member.folder / "src" / package / "py.typed").exists()
    for text in project["dependencies"]:
        asked = Requirement(text)
        if asked.name in {m.name for m in MEMBERS}:
            assert str(asked.specifier) == f"=={__version__}", text


def names(requirements: Iterable[str]) -> dict[str, str]:
    return {canonicalize_name(r.name): str(r.specifier) for r in map(Requirement, requirements)}


NOT_INSTALLED = {"boto3", "google-cloud-pubsub"}
"""Libraries of extras that are too large for everybody's machine: `make conformance` fetches what it judges with."""


def declared() -> list[dict[str, str]]:
    """name -> range, for each list of dependencies in the workspace."""
    found = [names(PROJECT["dependency-groups"]["dev"])]
    for member in MEMBERS:
        system = tomllib.loads((member.folder / "pyproject.toml").read_text())["build-system"]["requires"]
        extras = (e for group in member.project.get("optional-dependencies", {}).values() for e in group)
        found += [names(member.project["dependencies"]), names(extras), names(system)]
    ours = {m.name for m in MEMBERS}
    return [{n: r for n, r in one.items() if n not in ours} for one in found]


def test_every_dependency_has_its_reason() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| dependency | why |")[2]
    rows = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", table, re.MULTILINE))
    assert sorted(rows) == sorted({n for one in declared() for n in one})
    assert all(len(reason) > 3 for reason in rows.values())


def test_distributions_ask_for_the_same_range_of_a_library() -> None:
    """Build backends and development tools apart: only what is installed together must agree."""
    ranges: dict[str, set[str]] = {}
    for member in MEMBERS:
        for name, asked in names(member.project["dependencies"]).items():
            ranges.setdefault(name, set()).add(asked)
    assert {n: r for n, r in ranges.items() if len(r) > 1} == {}


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([\w.-]+)==[^\s;]+", lock, re.MULTILINE)
    assert len(pinned) > 20
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock
    locked = {canonicalize_name(n) for n in pinned}
    assert {n for one in declared() for n in one} - NOT_INSTALLED <= locked
    assert not NOT_INSTALLED & locked

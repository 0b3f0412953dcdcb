"""Which tenant files may be in force: the same answer at the start and at every reload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.clashes import clashes
from caseconnect.host.tenants.loading import load_tenants
from caseconnect.host.tenants.problems import ConfigProblem
from caseconnect.host.tenants.tenant import Tenant, missing_secrets


@dataclass
class Admitted:
    """What a folder says. `tenants` may be in force; `problems` says by tenant why others, or their new files, may not.

    `gone`: were in force and have no file any more. `broken`: the folder as a whole says nothing that can be followed.
    """

    tenants: dict[str, Tenant] = field(default_factory=dict)
    problems: dict[str, list[ConfigProblem]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    broken: str = ""


def admit(folder: Path, installed: Installed, in_force: Mapping[str, Tenant] | None = None) -> Admitted:
    """Read the tenant files of a folder. One that is wrong, or lacks a secret, leaves what is in force as it is."""
    known = in_force or {}
    found = load_tenants(folder, installed)
    if not folder.is_dir():
        return Admitted(dict(known), broken=str(found.problems[0]))
    if known and not found.tenants and not found.problems:
        return Admitted(dict(known), broken=f"{folder} holds no tenant file any more: to end all, stop `connect serve`")
    problems: dict[str, list[ConfigProblem]] = {}
    for problem in found.problems:
        problems.setdefault(Path(problem.file).stem, []).append(problem)
    for tenant in found.tenants.values():
        if missing := missing_secrets(tenant):
            problems.setdefault(tenant.name, []).extend(missing)
    good = {name: tenant for name, tenant in found.tenants.items() if name not in problems}
    names = {*found.tenants, *problems}
    _settle(good, {name: tenant for name, tenant in known.items() if name in names}, problems)
    kept = {name: tenant for name, tenant in known.items() if name in names}
    return Admitted({**kept, **good}, problems, gone=tuple(sorted(set(known) - names)))


def _settle(good: dict[str, Tenant], kept: Mapping[str, Tenant], problems: dict[str, list[ConfigProblem]]) -> None:
    """Take out of `good` what clashes with another tenant; who is in force unchanged goes before who is new."""
    while found := clashes({**kept, **good}):
        new = {n: p for n, p in found.items() if n in good and (n not in kept or good[n].digest != kept[n].digest)}
        for name, told in (new or found).items():
            problems.setdefault(name, []).extend(told)
        if not new:
            return
        for name in new:
            del good[name]

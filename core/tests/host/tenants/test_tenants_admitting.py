"""Which files may be in force, at the start and at a reload; what changed in one; what is kept of its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.admitting import Admitted, admit
from caseconnect.host.tenants.changes import changes, without_secrets

FILE = """
tenant: {name}
environment: test
connections:
  shop:
    platform: toyshop
    settings: {{shop: {shop}, login: {{user: ann, password: {{env: {secret}}}}}}}
  cases: {{platform: toycases}}
flows:
  - {{use: review, mode: {mode}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_A", "secret-a-123456")
    monkeypatch.setenv("SHOP_B", "secret-b-123456")
    return tmp_path


def write(folder: Path, name: str, **fields: str) -> None:
    told = {"name": name, "shop": f"{name}.example", "secret": "SHOP_A", "mode": "live"} | fields
    (folder / f"{name}.yaml").write_text(FILE.format(**told))


def said(found: Admitted, name: str) -> str:
    return "\n".join(map(str, found.problems.get(name, [])))


def test_a_file_that_is_wrong_leaves_its_tenant_as_it_was(folder: Path, installed: Installed) -> None:
    write(folder, "a")
    write(folder, "b", secret="SHOP_B")
    first = admit(folder, installed)
    assert (sorted(first.tenants), first.problems) == (["a", "b"], {})
    write(folder, "a", mode="sometimes")
    write(folder, "b", mode="observe", secret="SHOP_B")
    again = admit(folder, installed, first.tenants)
    assert again.tenants["a"] is first.tenants["a"]
    assert again.tenants["b"].flows[0].mode == "observe"
    assert "flows[0].mode" in said(again, "a")
    assert list(again.problems) == ["a"]


def test_so_does_one_whose_secret_is_missing(folder: Path, installed: Installed) -> None:
    write(folder, "a")
    first = admit(folder, installed)
    write(folder, "a", secret="SHOP_C", mode="observe")
    again = admit(folder, installed, first.tenants)
    assert again.tenants["a"] is first.tenants["a"]
    assert "the environment variable SHOP_C is not set" in said(again, "a")


def test_a_tenant_without_a_file_is_gone_and_one_that_is_new_begins(folder: Path, installed: Installed) -> None:
    write(folder, "a")
    first = admit(folder, installed)
    (folder / "a.yaml").unlink()
    write(folder, "b", secret="SHOP_B")
    again = admit(folder, installed, first.tenants)
    assert (list(again.tenants), again.gone) == (["b"], ("a",))


def test_a_folder_that_is_empty_or_not_there_ends_nobody(folder: Path, installed: Installed) -> None:
    write(folder, "a")
    first = admit(folder, installed)
    (folder / "a.yaml").unlink()
    again = admit(folder, installed, first.tenants)
    assert again.tenants == first.tenants
    assert "holds no tenant file any more" in again.broken
    away = admit(folder / "nowhere", installed, first.tenants)
    assert away.tenants == first.tenants
    assert "there is no such folder" in away.broken


def test_two_live_tenants_on_one_account_are_both_refused_at_the_start(folder: Path, installed: Installed) -> None:
    write(folder, "a", shop="one.example")
    write(folder, "b", shop="one.example", secret="SHOP_B")
    found = admit(folder, installed)
    assert (found.tenants, sorted(found.problems)) == ({}, ["a", "b"])
    assert "connections.shop: the flows of b work the same account" in said(found, "a")


def test_at_a_reload_the_one_that_was_there_goes_on(folder: Path, installed: Installed) -> None:
    write(folder, "a", shop="one.example")
    first = admit(folder, installed)
    write(folder, "b", shop="one.example", secret="SHOP_B")
    again = admit(folder, installed, first.tenants)
    assert (list(again.tenants), list(again.problems)) == (["a"], ["b"])
    write(folder, "b", shop="one.example", secret="SHOP_B", mode="observe")
    assert admit(folder, installed, first.tenants).problems == {}


def test_one_that_falls_back_to_its_former_file_is_looked_at_again(folder: Path, installed: Installed) -> None:
    """b moves to the account that c had; c moves away, but its new file is wrong: c keeps its account, b its former."""
    write(folder, "b", shop="b.example")
    write(folder, "c", shop="c.example", secret="SHOP_B")
    first = admit(folder, installed)
    write(folder, "b", shop="c.example")
    write(folder, "c", shop="d.example", secret="SHOP_B", mode="sometimes")
    again = admit(folder, installed, first.tenants)
    assert again.tenants == first.tenants
    assert sorted(again.problems) == ["b", "c"]


def test_what_changed_is_told_by_key_paths_without_values() -> None:
    before = "tenant: a\nflows:\n  - {use: x, mode: live, settings: {limit: 5, of: [1, 2]}}\n  - {use: y, mode: live}\n"
    after = "tenant: a\ntiming: {}\nflows:\n  - {use: y, mode: live}\n  - {use: x, mode: cases, settings: {of: [1]}}\n"
    assert sorted(changes(before, after)) == [
        "+ timing",
        "- flows.x.settings.limit",
        "- flows.x.settings.of[1]",
        "~ flows.x.mode",
    ]
    assert changes(after, f"# a word\n{after}") == []
    assert changes("", "tenant: a\n") == ["+ tenant"]


def test_of_the_text_nothing_is_kept_that_looks_like_a_secret() -> None:
    kept = (
        "definition: 7a51c9f0-52c4-4f0b-8f2e-3d7f4b1f9e01 {env: ACME_SHOP_CLIENT_SECRET_2} url: https://acme-2.example"
    )
    for secret in ("k3y" + "ab12" * 6, "Zm9vYmFyYmF6cXV4Zm9vYmFy1", "abcdef0123456789" * 2):
        text = without_secrets(f"# the key is {secret}\n{kept}\n")
        assert text == f"# the key is (left out)\n{kept}\n"

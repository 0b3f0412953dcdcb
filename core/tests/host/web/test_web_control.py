"""The control socket's place, and what the verbs refuse."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest
from journal_desk import START, TENANT, Desk, case_of

from caseconnect.host.web.control import Names, Verbs, socket_path
from caseconnect.sdk.errors import ConnectError

KNOWN: Names = {TENANT: {"flow": {"fraud"}, "connection": {"shop", "cases"}}}


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return tmp_path / ("x" * 120)


def test_a_short_path_has_its_socket_in_the_data_folder() -> None:
    assert socket_path(Path("/srv/connect")) == Path("/srv/connect/control.sock")


def test_a_long_path_has_it_in_the_users_runtime_folder(
    long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    assert socket_path(long).parent == tmp_path
    assert socket_path(long) != socket_path(long / "y")
    tmp_path.chmod(0o755)
    with pytest.raises(ConnectError, match="not a folder of yours alone: give a data folder with a shorter path"):
        socket_path(long)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    with pytest.raises(ConnectError, match="cannot be used"):
        socket_path(long)


def test_without_one_it_is_in_a_folder_that_only_we_may_enter(
    long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("caseconnect.host.web.control.SHORT_PLACE", tmp_path)
    folder = socket_path(long).parent
    assert (folder.parent, stat.S_IMODE(folder.stat().st_mode)) == (tmp_path, 0o700)
    assert socket_path(long).parent == folder
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ConnectError, match="not a folder of yours alone"):
        socket_path(long)


def test_a_folder_of_somebody_else_is_refused(long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConnectError, match="not a folder of yours alone"):
        socket_path(long)


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        ({"tenant": "acne", "scope": "tenant", "name": "acne"}, "no tenant 'acne' (did you mean acme?"),
        ({"scope": "flow", "name": "frauds"}, "no flow of acme 'frauds' (did you mean fraud?"),
        ({"scope": "connection", "name": "qqq"}, "no connection of acme 'qqq' (known: cases, shop"),
        ({"scope": "command", "name": "CancelOrders"}, "no kind of command 'CancelOrders' (did you mean CancelOrder?"),
    ],
)
def test_a_pause_of_what_does_not_exist_is_refused_unless_forced(tmp_path: Path, ask: dict[str, str], why: str) -> None:
    desk = Desk(tmp_path)
    verbs = Verbs(desk.journal, lambda: START, known=lambda: KNOWN)
    asked = {"tenant": TENANT, "reason": "r", "by": "ann", **ask}
    with pytest.raises(ConnectError) as told:
        asyncio.run(verbs.do("pause", asked))
    assert why in str(told.value)
    assert desk.journal.brakes() == []
    assert asyncio.run(verbs.do("pause", {**asked, "force": True})) == {"changed": True}
    desk.close()


def test_without_a_daemon_the_journals_names_count(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    verbs = Verbs(desk.journal, lambda: START)
    asked = {"tenant": TENANT, "scope": "flow", "name": "fraud", "reason": "r", "by": "ann"}
    with pytest.raises(ConnectError, match="no tenant 'acme'"):
        asyncio.run(verbs.do("pause", asked))
    desk.plan(desk.matter(), case_of())
    assert asyncio.run(verbs.do("pause", asked)) == {"changed": True}
    desk.close()


def test_comparing_reads_the_platforms_so_the_daemon_must_run(tmp_path: Path) -> None:
    with closing(Desk(tmp_path)) as desk, pytest.raises(ConnectError, match="start `connect serve`"):
        asyncio.run(Verbs(desk.journal, lambda: START).do("compare", {"tenant": None, "begin": True}))


def test_comparing_is_begun_for_one_tenant_or_all_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    asked: list[tuple[tuple[str, ...], bool]] = []

    async def compare(tenants: Collection[str], *, begin: bool) -> list[str]:
        asked.append((tuple(tenants), begin))
        return list(tenants)

    with closing(Desk(tmp_path)) as desk:
        verbs = Verbs(desk.journal, lambda: START, known=lambda: {**KNOWN, "other": {}}, compare=compare)
        for tenant, begin in ((None, True), (TENANT, False)):
            asyncio.run(verbs.do("compare", {"tenant": tenant, "begin": begin}))
        with pytest.raises(ConnectError, match="no tenant 'acem'"):
            asyncio.run(verbs.do("compare", {"tenant": "acem", "begin": True}))
    assert asked == [(tuple(sorted([TENANT, "other"])), True), ((TENANT,), False)]

"""A reload as a whole: what becomes of each tenant, what is written down, and which alerts stand and fall."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import Pipe, World, flow, opening

from caseconnect.host.daemon_file import DaemonSettings, load_daemon_file
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.reloading import Own, Reloaded, Reloading
from caseconnect.host.tenants.admitting import Admitted
from caseconnect.host.tenants.problems import ConfigProblem
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.people import Identity
from caseconnect.host.web.console.sessions import Sessions
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect.sdk.testing.virtual import START

OWN = """
console:
  oidc: {issuer: "https://login.example", client_id: connect}
  people: {ann@example.com: approver, bob@example.com: viewer}
  four_eyes: {EUR: "500.00"}
"""


class House:
    """A reloading over a journal; the files and the pipeline are what the test says."""

    def __init__(self, folder: Path, **tenants: Tenant) -> None:
        self.journal = SqliteJournal.open(folder / "journal.db", synchronous="OFF")
        self.said = Admitted(dict(tenants))
        self.replaced: list[tuple[str, bool]] = []
        self.refuses: dict[str, str] = {}
        self.doors: list[list[str]] = []
        self.now = START
        self.log = RecordingLog()
        self.file = folder / "connect.yaml"
        self.file.write_text(OWN)
        settings, _ = load_daemon_file(self.file)
        assert settings
        self.followed: list[DaemonSettings] = []
        self.own = Own(settings, self.followed.append)
        self.reloading = Reloading(
            self.journal, lambda _: self.said, self.replace, self.swap, lambda: self.now, self.log, self.own
        )

    async def replace(self, name: str, tenant: Tenant | None) -> str:
        self.replaced.append((name, tenant is not None))
        return self.refuses.get(name, "")

    def swap(self, tenants: Mapping[str, Tenant]) -> None:
        self.doors.append(sorted(tenants))

    async def reload(self, said: Admitted, by: str = "ann") -> dict[str, Reloaded]:
        self.said, self.now = said, self.now + timedelta(hours=1)
        return {each.tenant: each for each in await self.reloading.reload(by) if each.tenant}

    async def reread(self, text: str) -> Reloaded:
        """Reload with another text in the daemon's own file."""
        self.file.write_text(text)
        return (await self.reloading.reload("ann"))[0]

    def alerts(self) -> dict[str, str]:
        assert all(a["cause"] == "tenant-file" for a in self.journal.stuck()["alerts"])
        return {a["tenant"]: a["title"] for a in self.journal.stuck()["alerts"]}


def tenant(pipe: Pipe, name: str, text: str) -> Tenant:
    return replace(pipe.tenant, name=name, text=f"tenant: {name}\n{text}", digest=text or "empty")


def play(folder: Path, story: Callable[[House, Callable[..., Tenant]], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        pipe = Pipe(folder, World(), [flow("review", opening())])

        def make(name: str, text: str = "environment: test\n") -> Tenant:
            return tenant(pipe, name, text)

        house = House(folder, a=make("a"), b=make("b"))
        await house.reloading.begin(house.said)
        await story(house, make)
        house.journal.close()

    run(go())


def wrong(name: str) -> dict[str, list[ConfigProblem]]:
    return {name: [ConfigProblem(f"{name}.yaml", 3, "flows[0].mode", "not allowed", "live")] * 2}


def test_each_tenant_is_as_its_file_says_or_as_it_was(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        a, b, c = make("a"), make("b", "environment: live\n"), make("c")
        told = await house.reload(Admitted({"a": a, "b": b, "c": c}))
        assert {name: each.did for name, each in told.items()} == {"a": "unchanged", "b": "reloaded", "c": "started"}
        assert told["b"].changed == ("~ environment",)
        assert house.replaced == [("b", True), ("c", True)]
        assert house.doors == [["a", "b"], ["a", "b", "c"]]
        assert house.alerts() == {}
        files = house.journal.tenant_files("b")
        assert [(f.by, f.changed) for f in files] == [
            ("ann", ("~ environment",)),
            ("start", ("+ tenant", "+ environment")),
        ]
        assert files[0].text == "tenant: b\nenvironment: live\n"
        assert files[0].at == house.now

    play(tmp_path, story)


def test_a_wrong_file_is_an_alert_until_it_is_mended(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        ours = {"a": make("a"), "b": make("b")}
        told = await house.reload(Admitted(ours, problems=wrong("b") | wrong("new")))
        assert {name: each.did for name, each in told.items()} == {"a": "unchanged", "b": "kept", "new": "refused"}
        assert house.replaced == []
        assert house.alerts() == {
            "b": "its file cannot be followed, it goes on as it was: 2 thing(s), first:"
            " b.yaml:3: flows[0].mode: not allowed (live)",
            "new": "its file cannot be followed, it is not served: 2 thing(s), first:"
            " new.yaml:3: flows[0].mode: not allowed (live)",
        }
        await house.reload(Admitted(ours | {"new": make("new")}))
        assert house.alerts() == {}

    play(tmp_path, story)


def test_a_wrong_file_that_is_taken_away_again_is_no_alert(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        ours = {"a": make("a"), "b": make("b")}
        await house.reload(Admitted(ours, problems=wrong("draft")))
        assert list(house.alerts()) == ["draft"]
        await house.reload(Admitted(ours))
        assert house.alerts() == {}
        await house.reload(Admitted(ours, problems=wrong("draft")))
        await house.reloading.begin(Admitted(ours))
        assert house.alerts() == {}

    play(tmp_path, story)


def test_one_that_the_pipeline_refuses_goes_on_as_it_was(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        house.refuses["b"] = "toy: shop could not be built"
        changed = Admitted({"a": make("a"), "b": make("b", "environment: live\n")})
        told = await house.reload(changed)
        assert (told["b"].did, told["b"].why) == ("kept", ("toy: shop could not be built",))
        assert house.doors == []
        assert list(house.alerts()) == ["b"]
        assert len(house.journal.tenant_files("b")) == 1
        house.refuses.clear()
        assert (await house.reload(changed))["b"].did == "reloaded"
        assert house.alerts() == {}

    play(tmp_path, story)


def test_one_without_a_file_is_ended_and_what_it_leaves_is_told(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        await house.journal.receive([NewDelivery("b", "shop", "t", "d1", START, b"{}")], None, START)
        told = await house.reload(Admitted({"a": make("a")}, gone=("b",)))
        left = "its file is gone, so nothing of it is worked on; 1 deliveries wait until it is there again"
        assert (told["b"].did, told["b"].why) == ("ended", (left,))
        assert (house.doors, house.replaced) == ([["a"]], [("b", False)])
        assert house.alerts() == {"b": left}
        assert [f.digest == "" for f in house.journal.newest_files()] == [False, True]
        assert (await house.reload(Admitted({"a": make("a"), "b": make("b")})))["b"].did == "started"
        assert house.alerts() == {}

    play(tmp_path, story)


def test_a_start_tells_what_changed_since_the_last_one(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        await house.journal.receive([NewDelivery("b", "shop", "t", "d1", START, b"{}")], None, START)
        for _ in range(2):
            await house.reloading.begin(Admitted({"a": make("a", "environment: live\n")}, problems=wrong("c")))
        assert [f.changed for f in house.journal.tenant_files("a")] == [
            ("~ environment",),
            ("+ tenant", "+ environment"),
        ]
        assert [f.digest == "" for f in house.journal.tenant_files("b")] == [True, False]
        assert sorted(house.alerts()) == ["b", "c"]

    play(tmp_path, story)


def test_a_folder_that_cannot_be_followed_changes_nothing(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        with pytest.raises(ConnectError, match=r"^there is no such folder; nothing was changed$"):
            await house.reload(Admitted({"a": make("a")}, broken="there is no such folder"))
        assert (house.doors, house.replaced, house.alerts()) == ([], [], {"": "there is no such folder"})
        await house.reload(Admitted({"a": make("a"), "b": make("b")}))
        assert house.alerts() == {}

    play(tmp_path, story)


def test_two_reloads_never_overlap(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        house.said = Admitted({"a": make("a"), "b": make("b", "environment: live\n")})
        both = await asyncio.gather(house.reloading.reload("ann"), house.reloading.reload("bob"))
        assert [[each.did for each in told if each.tenant] for told in both] == [
            ["unchanged", "reloaded"],
            ["unchanged", "unchanged"],
        ]

    play(tmp_path, story)


def test_the_daemons_own_file_is_followed_where_it_can_be(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        assert (await house.reread(OWN)) == Reloaded("", "unchanged")
        done = await house.reread(
            OWN.replace("ann@", "zoe@").replace("500", "50")
            + "  port: 9000\n"
            + "alerts: {channels: {ops: {log: {}}}, watch: {poll_late: 30m}}\nlogs: {steps: true}\n"
            + "traces: {service: shop}\n"
        )
        assert done.did == "reloaded"
        assert sorted(done.changed) == [
            "+ alerts.channels.ops.log",
            "+ alerts.watch.poll_late",
            "+ logs.steps",
            "~ console.four_eyes.EUR",
            "~ console.people",
        ]
        assert sorted(done.restart) == ["console.port", "traces.service"]
        assert house.log.holding(["example.com"]) == []
        values = house.followed[-1].values
        assert (values.console.port, values.traces.service) == (None, "connect")
        assert list(values.alerts.channels) == ["ops"]
        again = await house.reloading.reload("ann")
        assert (again[0].did, sorted(again[0].restart)) == ("unchanged", ["console.port", "traces.service"])

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace("bob@example.com: viewer", "bob@example.com: king"), ":4: console.people.bob@example.com: "),
        (OWN + "metrics: {token: {env: NO_SUCH}}\n", ":6: metrics.token: the environment variable NO_SUCH is not set"),
        ("console: [\n", "not valid YAML"),
        ("", "the file is empty"),
    ],
)
def test_a_wrong_file_of_the_daemon_changes_nothing_of_it(tmp_path: Path, text: str, said: str) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        done = await house.reread(text.replace("500", "50"))
        assert (done.did, done.changed, done.restart) == ("kept", (), ())
        assert said in done.why[0]
        assert house.followed == []
        assert "the daemon's file cannot be followed, it goes on as it was: 1 thing(s)" in house.alerts()[""]
        assert "example.com" not in house.alerts()[""]
        assert house.log.holding(["example.com"]) == []
        await house.reloading.reload("ann")
        (alert,) = house.journal.alerts(START - timedelta(days=1))
        assert alert["count"] == 2, "one alert, as long as it is wrong"
        house.file.unlink()
        assert "cannot be read" in (await house.reloading.reload("ann"))[0].why[0]
        assert (await house.reread(OWN)).did == "unchanged"
        assert house.alerts() == {}

    play(tmp_path, story)


def test_roles_wait_for_the_start_with_another_provider(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        done = await house.reread(OWN.replace("login", "other").replace("bob@", "eve@").replace("500", "50"))
        assert done.changed == ("~ console.four_eyes.EUR",)
        assert done.restart == ("console.oidc.issuer", "console.people")
        assert "bob@example.com" in house.followed[-1].values.console.people

    play(tmp_path, story)


def test_who_has_lost_a_role_has_no_session_any_more(tmp_path: Path) -> None:
    async def story(house: House, make: Callable[..., Tenant]) -> None:
        sessions = Sessions(lambda: house.own.settings.values.console, lambda: START)
        ann, bob = (sessions.begin(Identity(name, mail=f"{name}@example.com")) for name in ("ann", "bob"))
        assert ann
        assert bob
        assert sessions.find(ann)
        await house.reread(OWN.replace("ann@example.com: approver, ", ""))
        assert sessions.find(ann) is None
        assert sessions.find(bob)

    play(tmp_path, story)

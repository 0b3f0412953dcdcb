"""Daemons that are killed, frozen, told to stop or doubled, under load (faults.md, A2, A4, A6, B7, B11).

Only `make storage` plays them: they take processes and minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: a run can be repeated
from statistics import median

import pytest
from hurting import Load, doubled, lost, order
from serving import PATIENCE, connect, play, rows, serving, simulating, write_tenant

from caseconnect.cli import Exit
from caseconnect.host.journal.backups import back_up, check, restore
from caseconnect.host.web.control import socket_path
from caseconnect.sdk.http import Http, unix_transport
from caseconnect.sdk.pace import Pace

NUMBERS = {"KILLS": 40, "STARTS": 100, "WRITES": 10_000, "BACKUPS": 100, "FREEZES": 500}
FULL = os.environ.get("CONNECT_STORAGE") == "full"
KILLS, STARTS, WRITES, BACKUPS, FREEZES = (int(os.environ.get(f"CONNECT_{name}", n)) for name, n in NUMBERS.items())
AT_ONCE = 8
"""Daemons that are frozen side by side: most of the time each only sleeps."""

SENDING = "SELECT 1 FROM commands WHERE kind='HoldOrder' AND state='sending'"
RISKY = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}


pytestmark = pytest.mark.skipif(not FULL, reason="`make storage` plays it: it takes processes and minutes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tenant(tmp_path)
    return tmp_path


def test_killed_at_random_under_load(folder: Path) -> None:
    random, acknowledged = Random(7), []
    longest = 0.0
    for turn in range(KILLS):
        with serving(folder) as daemon:
            longest = max(longest, time.monotonic() - daemon.started)
            load = Load(daemon, f"t{turn}")
            daemon.until(lambda load=load: len(load.acknowledged) > 20, "deliveries come in")
            time.sleep(random.uniform(0.0, 1.0))
            daemon.process.kill()
            daemon.process.wait(PATIENCE)
            load.end()
            acknowledged += load.acknowledged
    with serving(folder) as daemon:
        assert lost(daemon.data, acknowledged) == set()
        assert doubled(daemon.data) == []
        assert daemon.stop() == Exit.OK
    assert check(folder / "data" / "journal.db") == []
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, longest start {longest:.1f} s")  # noqa: T201 - for `make storage`


def test_stopped_under_load_it_drains_in_time_and_a_second_signal_changes_nothing(folder: Path) -> None:
    with serving(folder) as daemon:
        load = Load(daemon, "a")
        daemon.until(lambda: len(load.acknowledged) > 20, "deliveries come in")
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(25) == Exit.OK
        took = time.monotonic() - began
        load.end()
        assert lost(daemon.data, load.acknowledged) == set()
        assert set(load.answers) <= {200, 503}
    print(f"stopped in {took:.1f} s")  # noqa: T201 - for `make storage`


def test_frozen_past_every_deadline_and_resumed_nothing_is_done_twice(tmp_path: Path) -> None:
    """The answer to a hold, and everything else, comes while the daemon sleeps longer than the deadline."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        each = [FREEZES // 2 // AT_ONCE + (n < FREEZES // 2 % AT_ONCE) for n in range(AT_ONCE)]
        assert [*pool.map(_frozen, (tmp_path / str(n) for n in range(AT_ONCE)), each)] == each


def _frozen(folder: Path, times: int) -> int:
    """A shop and a daemon that is frozen twice for each of so many orders; how many holds were set."""
    folder.mkdir()
    shops = [
        {"domain": "demo-shop.myshopify.com", "client_id": "sim-client", "client_secret": "shop-secret-0123456789"}
    ]
    random = Random(folder.name)
    with simulating("shopify", folder, shops=shops) as port:
        write_tenant(folder, shop_port=port, backoff="100ms", quiet="200ms", look_again="100ms", deadline="400ms")
        sim = f"http://127.0.0.1:{port}"
        with serving(folder) as daemon:
            for turn in range(times):
                play(f"{sim}/_sim/faults", {"kind": "delay", "operation": "fulfillmentOrderHold", "seconds": 0.4})
                made = play(f"{sim}/_sim/orders", RISKY)
                body = json.dumps({"id": int(made["id"])}).encode()
                assert daemon.post("orders/create", body, f"d{turn}") == 200
                daemon.until(lambda: rows(daemon.data, SENDING), "the hold is on its way")
                for _ in range(2):  # once more while it looks at what became of it
                    daemon.process.send_signal(signal.SIGSTOP)
                    time.sleep(random.uniform(0.5, 0.9))
                    daemon.process.send_signal(signal.SIGCONT)
                    time.sleep(random.uniform(0.0, 0.3))
                done = "SELECT count(*) FROM commands WHERE kind='HoldOrder' AND state='done'"
                daemon.until(lambda done=done, turn=turn: rows(daemon.data, done) == [(turn + 1,)], "the hold is done")
            assert daemon.ask("GET", "/readyz")[0] == 200
            held: int = [entry["what"] for entry in play(f"{sim}/_sim/ledger")].count("hold")
            assert daemon.stop() == Exit.OK
    return held


def test_a_second_daemon_is_refused_and_many_write_beside_the_first(folder: Path) -> None:
    with serving(folder) as daemon:
        took = []
        for _ in range(STARTS):
            began = time.monotonic()
            second = connect("serve", "--tenants", folder / "tenants", "--data", daemon.data, "--port", 0)
            assert second.returncode == Exit.HELD
            took.append(time.monotonic() - began)
        assert median(took) < 1, took
        load = Load(daemon, "a", clients=1)

        async def one(http: Http, number: int) -> bool:
            name = f"n{number % (WRITES // 2) % 50}"
            why = {"tenant": "acme", "scope": "flow", "name": name, "reason": "a test", "by": f"ann{number}"}
            verb = "resume" if number >= WRITES // 2 else "pause"
            answer = await http.request("POST", f"/{verb}", json=why | {"force": True})
            return bool(answer.json()["changed"])

        async def many() -> int:
            transport = unix_transport(str(socket_path(daemon.data)))
            http = Http("http://connect.local", pace=Pace(float("inf"), 1), deadline=30, transport=transport)
            changed = 0
            for first in range(0, WRITES, 20):
                changed += sum(await asyncio.gather(*(one(http, n) for n in range(first, min(first + 20, WRITES)))))
            await http.close()
            return changed

        changed = asyncio.run(many())
        load.end()
        assert changed == 2 * min(50, WRITES // 2)
        kept = "SELECT count(*), count(released_at) FROM brakes WHERE scope='flow'"
        assert rows(daemon.data, kept) == [(changed // 2, changed // 2)]
        assert lost(daemon.data, load.acknowledged) == set()
        assert daemon.stop() == Exit.OK
    assert check(folder / "data" / "journal.db") == []
    print(f"{STARTS} second starts refused, half within {median(took):.2f} s, the longest {max(took):.2f} s")  # noqa: T201 - for `make storage`


def test_backups_under_load_hold_all_that_was_acknowledged_before(folder: Path) -> None:
    made = []
    with serving(folder) as daemon:
        load = Load(daemon, "a", clients=2)
        for number in range(BACKUPS):
            daemon.until(lambda n=10 * (number + 1): len(load.acknowledged) > n, "deliveries come in")
            before = list(load.acknowledged)
            file = folder / f"b{number}" / "journal.db"
            file.parent.mkdir()
            back_up(daemon.data / "journal.db", file)
            made.append((file, before))
        load.end()
        assert daemon.stop() == Exit.OK
    for file, before in made:
        place = file.parent / "restored" / "journal.db"
        place.parent.mkdir()
        restore(file, place, lambda why: None)
        assert check(place) == []
        assert lost(place.parent, before) == set()
    restored = connect("restore", made[-1][0], "--data", folder / "data")
    assert restored.returncode == Exit.OK, restored.stderr
    with serving(folder) as daemon:
        daemon.until(lambda: daemon.lines("the journal is in doubt: all is paused"), "it says so")
        told = json.loads(connect("errors", "--data", daemon.data, "--json").stdout)
        assert [a["cause"] for a in told["alerts"] if a["tenant"] == "acme"][:1] == ["journal:doubt"]
        assert "connect resume --tenant acme" in json.dumps(told)
        assert daemon.post("orders/create", order(1), "after") == 200, "intake goes on"
        assert daemon.stop() == Exit.OK

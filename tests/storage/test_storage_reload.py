"""A real daemon is reloaded again and again under load: no delivery is refused or lost, and systemd hears of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

from serving import FLOWS, Served, connect, rows, serving, write_tenant

from caseconnect.cli import Exit

ROUNDS = 60 if os.environ.get("CONNECT_STORAGE") == "full" else 2
OBSERVE = FLOWS.replace("mode: live", "mode: observe")


class Load(threading.Thread):
    """Posts webhooks until it is told to stop; what was answered."""

    def __init__(self, daemon: Served) -> None:
        super().__init__(daemon=True)
        self._poster = Served(daemon.process, daemon.data, daemon.log, daemon.port)
        self.answers: list[int] = []
        self.stop = False

    def run(self) -> None:
        while not self.stop:
            number = len(self.answers)
            body = json.dumps({"id": 5_000_000_000_000_000 + number}).encode()
            self.answers.append(self._poster.post("orders/create", body, f"d{number}"))
            time.sleep(0.005 if ROUNDS > 2 else 0.02)
        self._poster.hang_up()


def heard(told: socket.socket) -> list[str]:
    """What systemd was told since the last time, without the beats of the watchdog."""
    said = []
    while True:
        try:
            said.append(told.recv(1000, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return [line.partition("\n")[0] for line in said if line != "WATCHDOG=1"]


def test_reloads_under_load_lose_nothing(tmp_path: Path) -> None:
    write_tenant(tmp_path)
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(place))
        watched = {"NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": "60000000"}
        with serving(tmp_path, env=watched) as daemon:
            daemon.until(lambda: heard(told) == ["READY=1"], "systemd hears that it serves")
            load = Load(daemon)
            load.start()
            for turn in range(ROUNDS):
                flows, poll = (OBSERVE, "2h") if turn % 2 == 0 else (FLOWS, "1h")
                write_tenant(tmp_path, flows=flows, shop_poll=poll)
                daemon.process.send_signal(signal.SIGHUP)
                daemon.until(lambda turns=turn: len(daemon.lines("tenant reloaded")) > turns, "it reloads")
            daemon.until(lambda: heard(told)[-1:] == ["READY=1"], "systemd hears of the last reload", 5)
            (tmp_path / "tenants" / "acme.yaml").write_text("tenant: acme\nflows: [{use: ")
            kept = connect("reload", "--data", daemon.data, "--by", "ann", "--json")
            assert kept.returncode == Exit.WRONG, kept.stderr
            assert [(t["tenant"], t["did"]) for t in json.loads(kept.stdout)["tenants"]] == [("acme", "kept")]
            alert = "SELECT count(*) FROM alerts WHERE cause = 'tenant-file' AND closed_at IS NULL"
            assert rows(daemon.data, alert) == [(1,)]
            write_tenant(tmp_path, flows=OBSERVE)
            mended = connect("reload", "--data", daemon.data, "--by", "ann")
            assert mended.returncode == Exit.OK, mended.stderr
            assert "~ flows.fraud_review.mode" in mended.stdout
            assert rows(daemon.data, alert) == [(0,)]
            load.stop = True
            load.join(30)
            daemon.until(lambda: not rows(daemon.data, "SELECT 1 FROM deliveries WHERE state='new'"), "all is read")
            assert set(load.answers) == {200}
            assert rows(daemon.data, "SELECT count(DISTINCT delivery_id) FROM deliveries") == [(len(load.answers),)]
            assert rows(daemon.data, "SELECT count(*) FROM events WHERE type='OrderChanged'") == [(len(load.answers),)]
            daemon.until(lambda: told.recv(1000) == b"WATCHDOG=1", "the watchdog hears that both loops turn", 5)
            history = json.loads(connect("tenants", "acme", "--data", daemon.data, "--json").stdout)
            assert [file["by"] for file in history] == ["ann", *["signal"] * ROUNDS, "start"]
            text = daemon.log.read_text()
            assert "Traceback" not in text
            assert daemon.lines("pipeline ended") == []
            assert daemon.stop() == Exit.OK
            assert heard(told)[-1:] == ["STOPPING=1"]


def test_a_tenant_comes_and_goes_and_its_work_stays(tmp_path: Path) -> None:
    folder = write_tenant(tmp_path)
    with serving(tmp_path) as daemon:
        acme = (folder / "acme.yaml").read_text()
        other = acme.replace("tenant: acme", "tenant: other")
        (folder / "other.yaml").write_text(other)
        shared = connect("reload", "--data", daemon.data)
        assert shared.returncode == Exit.WRONG
        assert "the flows of acme work the same account" in shared.stdout
        other = other.replace("demo-shop", "other-shop").replace("SHOP_SECRET", "OTHER_SECRET")
        (folder / "other.yaml").write_text(other)
        lacking = connect("reload", "--data", daemon.data)
        assert "OTHER_SECRET is not set" in lacking.stdout
        (folder / "third.yaml").write_text(acme)
        assert daemon.post("orders/create", b'{"id": 1}', "d1") == 200
        (folder / "acme.yaml").rename(folder / "acme.off")
        told = json.loads(connect("reload", "--data", daemon.data, "--json").stdout)["tenants"]
        assert {t["tenant"]: t["did"] for t in told} == {"acme": "ended", "other": "refused", "third": "refused"}
        assert daemon.post("orders/create", b'{"id": 2}', "d2") == 401
        (folder / "acme.off").rename(folder / "acme.yaml")
        assert connect("reload", "--data", daemon.data).returncode == Exit.WRONG
        assert daemon.post("orders/create", b'{"id": 2}', "d2") == 200
        assert connect("check", "--tenants", folder).returncode == Exit.WRONG
    down = connect("reload", "--data", tmp_path / "data")
    assert (down.returncode, "`connect serve` reads the files when it starts" in down.stderr) == (Exit.WRONG, True)

"""`connect serve` as a process: how it starts, is refused, is asked, stands a bad plugin, drains, and dies."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import SECRET, SHOP, Served, connect, play, rows, serving, signed, simulating, stranger, write_tenant

from caseconnect.cli import Exit

QUICK = (
    "import sys; import caseconnect.host.pipeline_thread as thread, caseconnect.host.watchdog as watchdog;"
    "thread._DRAIN = watchdog._BLOCKED_AFTER = 1.0;"
    "from caseconnect.cli import main; main()"
)
"""The program with short waits: draining and the watch over the pipeline."""

BROKEN = (
    "import caseconnect.host.pipeline.intake as intake\n"
    "async def turn(self):\n    raise RuntimeError('ann@shop.test')\n"
    "intake.Intake.turn = turn\n"
    "from caseconnect.cli import main; main()"
)
"""The program with a pipeline that cannot work."""

BLOCKER = '''
"""A use case of a stranger that blocks where it must not."""

import os
import time

from caseconnect.sdk import hookimpl
from caseconnect.sdk.components import Settings, TransformSpec
from caseconnect.sdk.decisions import Decision
from caseconnect.sdk.events import OrderChanged


class BlockerSettings(Settings):
    """None."""


def decide(event, matter, facts, settings, now):
    open(os.environ["BLOCK_FILE"] + ".reached", "w").close()
    while os.path.exists(os.environ["BLOCK_FILE"]):
        time.sleep(0.01 if os.environ["BLOCK_HOW"] == "sleep" else 0)  # the place
    return Decision(reason="blocked for a while, then went on")


@hookimpl
def connect_register_transforms(register):
    register.add(TransformSpec(
        name="blocker", summary="Blocks.", settings=BlockerSettings, topic="order_review", decide=decide,
        handles=frozenset({OrderChanged}), needs=frozenset(), uses=frozenset(),
    ))
'''


def order(number: int) -> bytes:
    return json.dumps({"id": 5_000_000_000_000_000 + number, "note": "x" * 500}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tenant(tmp_path)
    return tmp_path


def test_it_serves_tells_its_state_and_ends_in_good_order(folder: Path) -> None:
    with serving(folder) as daemon:
        assert daemon.ask("GET", "/healthz")[::2] == (200, b'{"status":"ok"}')
        assert daemon.ask("GET", "/readyz")[::2] == (200, b'{"status":"ready"}')
        assert daemon.post("orders/create", order(1), "d1") == 200
        assert daemon.ask("POST", "/hooks/acme/shop", order(1), {"X-Shopify-Hmac-Sha256": "bad"})[0] == 401
        socket_file = daemon.data / "control.sock"
        assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600

        daemon.until(lambda: rows(daemon.data, "SELECT 1 FROM events"), "the delivery becomes an event")
        explained = connect("explain", "--data", daemon.data, f"shop/order/{5_000_000_000_000_001}", "--json")
        assert explained.returncode == Exit.OK, explained.stderr
        (told,) = json.loads(explained.stdout)
        assert told["events"][0]["topic"] == "orders/create"
        assert connect("errors", "--data", daemon.data, "--json").returncode == Exit.OK
        paused = connect("pause", "--data", daemon.data, "--tenant", "acme", "--reason", "a look around")
        assert paused.returncode == Exit.OK, paused.stderr

        second = connect("serve", "--tenants", folder / "tenants", "--data", daemon.data, "--port", 0)
        assert second.returncode == Exit.HELD
        assert f"another Connect (process {daemon.process.pid}) works on this journal" in second.stderr
        assert daemon.ask("GET", "/healthz")[0] == 200

        process = Path(f"/proc/{daemon.process.pid}/cmdline")
        assert not process.exists() or SECRET not in process.read_text()  # only Linux has it
        assert daemon.stop(signal.SIGTERM) == Exit.OK
        assert [line["why"] for line in daemon.lines("stopping")] == ["signal"]
        assert daemon.lines("stopped")
        assert not socket_file.exists()
        text = daemon.log.read_text()
        assert SECRET not in text
        assert "Traceback" not in text


def test_sigint_ends_it_too(folder: Path) -> None:
    with serving(folder) as daemon:
        assert daemon.stop(signal.SIGINT) == Exit.OK


def test_a_port_in_use_is_told_and_the_journal_is_let_go(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = connect("serve", "--tenants", folder / "tenants", "--data", folder / "data", "--port", port)
        assert ended.returncode == Exit.WRONG
        assert f"Error: cannot listen on 127.0.0.1 port {port}" in ended.stderr
        assert "Traceback" not in ended.stderr
    with serving(folder) as daemon:
        assert daemon.stop() == Exit.OK


def test_a_pipeline_that_ends_ends_the_daemon_with_an_error_which_people_are_told(folder: Path) -> None:
    config = folder / "connect.yaml"
    config.write_text("alerts: {channels: {log: {log: {}}}}")
    with serving(folder, "--config", str(config), program=BROKEN, wait=False) as daemon:
        assert daemon.process.wait(60) == Exit.WRONG
        text = daemon.log.read_text()
        assert re.search(r"the pipeline has ended \(RuntimeError at __main__:3", text)
        assert "ann@shop.test" not in text
        assert "daemon:ended" in [line["cause"] for line in daemon.lines("alert opened")]


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_a_plugin_that_blocks_stops_no_intake_and_is_named(tmp_path: Path, how: str) -> None:
    site = stranger(tmp_path, "blocker", BLOCKER)
    write_tenant(tmp_path, flows="  - use: blocker\n    mode: observe")
    block = tmp_path / "block"
    block.touch()
    env = {"PYTHONPATH": site, "BLOCK_FILE": str(block), "BLOCK_HOW": how}
    with serving(tmp_path, program=QUICK, env=env) as daemon:
        assert daemon.post("orders/create", order(0), "d0") == 200
        slowest, count = 0.0, 0
        while not (blocked := daemon.lines("pipeline blocked")):
            count += 1
            began = time.monotonic()
            assert daemon.post("orders/create", order(0), f"d{count}") == 200
            assert daemon.ask("GET", "/healthz")[0] == 200
            slowest = max(slowest, time.monotonic() - began)
            assert time.monotonic() - daemon.started < 60
            time.sleep(0.02)
        assert count > 10
        assert slowest < 5
        assert blocked[0]["where"].startswith("blocker:")
        of_it = "SELECT title, link, closed_at FROM alerts WHERE cause='pipeline:blocked'"
        daemon.until(lambda: rows(daemon.data, of_it), "it is an alert as well as a line of the log")
        (alert,) = rows(daemon.data, of_it)
        assert "a plugin blocks the pipeline" in alert[0]
        assert alert[1].startswith("blocker:")
        assert alert[2] is None
        told = json.loads(connect("errors", "--data", daemon.data, "--json").stdout)
        assert "pipeline:blocked" in json.dumps(told)
        block.unlink()
        open_alerts = "SELECT 1 FROM alerts WHERE cause='pipeline:blocked' AND closed_at IS NULL"
        daemon.until(lambda: not rows(daemon.data, open_alerts), "the alert ends when the plugin goes on")


def test_a_plugin_that_blocks_for_ever_does_not_keep_the_daemon_alive(tmp_path: Path) -> None:
    site = stranger(tmp_path, "blocker", BLOCKER)
    write_tenant(tmp_path, flows="  - use: blocker\n    mode: observe")
    block = tmp_path / "block"
    block.touch()
    env = {"PYTHONPATH": site, "BLOCK_FILE": str(block), "BLOCK_HOW": "sleep"}
    with serving(tmp_path, program=QUICK, env=env) as daemon:
        daemon.post("orders/create", order(0), "d0")
        daemon.until(Path(f"{block}.reached").exists, "the plugin is asked")
        daemon.until(lambda: daemon.lines("pipeline blocked"), "the block is seen")
        assert daemon.stop(signal.SIGTERM) == Exit.OK
        assert daemon.lines("drain ended")
    assert rows(daemon.data, "SELECT count(*) FROM deliveries WHERE delivery_id='d0'") == [(1,)]


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(folder: Path) -> None:
    acknowledged: list[str] = []
    with serving(folder) as daemon:

        def client(name: int) -> None:
            mine = Served(daemon.process, daemon.data, daemon.log, daemon.port)
            for number in range(100_000):
                delivery = f"c{name}-{number}"
                try:
                    if mine.post("orders/create", order(name), delivery) == 200:
                        acknowledged.append(delivery)
                except (OSError, ConnectionError):
                    return
                except Exception:  # noqa: BLE001 - the answer was cut in the middle
                    return

        clients = [threading.Thread(target=client, args=(n,)) for n in range(6)]
        for thread in clients:
            thread.start()
        daemon.until(lambda: len(acknowledged) > 200, "deliveries come in")
        daemon.process.kill()
        daemon.process.wait(30)
        for thread in clients:
            thread.join(30)
    with serving(folder) as daemon:
        stored = {name for (name,) in rows(daemon.data, "SELECT delivery_id FROM deliveries")}
        assert set(acknowledged) <= stored
        again = acknowledged[0]
        assert daemon.post("orders/create", order(int(again[1:].partition("-")[0])), again) == 200
        twice = rows(daemon.data, "SELECT delivery_id FROM deliveries GROUP BY 1 HAVING count(*) > 1")
        assert twice == []
        told = "SELECT title FROM alerts WHERE cause='daemon:ended' AND closed_at IS NULL"
        daemon.until(lambda: rows(daemon.data, told), "people are told that it was killed")
        assert daemon.stop() == Exit.OK, daemon.log.read_text()[-3000:]
    assert not (daemon.data / "journal.running").exists()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """A simulated shop: its address."""
    shops = [{"domain": SHOP, "client_id": "sim-client", "client_secret": SECRET}]
    with simulating("shopify", tmp_path, shops=shops) as shop_port:
        write_tenant(tmp_path, shop_port=shop_port, backoff="200ms", quiet="500ms", deadline="10s")
        yield f"http://127.0.0.1:{shop_port}"


RISKY = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}


def test_a_send_in_flight_stays_sending_and_is_looked_after(tmp_path: Path, shop: str) -> None:
    play(f"{shop}/_sim/faults", {"kind": "delay", "operation": "fulfillmentOrderHold", "seconds": 5})
    made = play(f"{shop}/_sim/orders", RISKY)
    body = json.dumps({"id": int(made["id"])}).encode()
    state = "SELECT state FROM commands WHERE kind='HoldOrder'"
    with serving(tmp_path, program=QUICK) as daemon:
        assert daemon.post("orders/create", body, "d1") == 200
        daemon.until(lambda: rows(daemon.data, state) == [("sending",)], "the hold is on its way")
        assert daemon.stop(signal.SIGTERM) == Exit.OK
        assert daemon.lines("drain ended")
    assert rows(daemon.data, state) == [("sending",)]
    with serving(tmp_path) as daemon:
        daemon.until(lambda: daemon.lines("outcome unknown"), "the send is taken up")
        (unknown,) = daemon.lines("outcome unknown")
        assert "HoldOrder" in unknown["key"]
        daemon.until(lambda: rows(daemon.data, state) == [("done",)], "the hold is seen done")
        assert daemon.stop() == Exit.OK
    time.sleep(0.1)
    assert [e["what"] for e in play(f"{shop}/_sim/ledger")].count("hold") == 1
    was = rows(daemon.data, "SELECT became FROM outcomes WHERE key LIKE '%HoldOrder%' ORDER BY seq")
    assert [w for (w,) in was][-1] == "done"
    assert ("unknown",) in was


def test_a_request_that_is_on_is_answered_before_the_end(folder: Path) -> None:
    body = order(7)
    with serving(folder) as daemon, socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as slow:
        headers = signed("orders/create", body, "d7") | {"Host": "x", "Content-Length": str(len(body))}
        head = "\r\n".join(["POST /hooks/acme/shop HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""])
        slow.sendall(head.encode() + body[:10])
        time.sleep(0.3)
        os.kill(daemon.process.pid, signal.SIGTERM)
        time.sleep(0.3)
        slow.sendall(body[10:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert daemon.process.wait(60) == Exit.OK, daemon.log.read_text()[-3000:]
        assert rows(daemon.data, "SELECT delivery_id FROM deliveries") == [("d7",)]

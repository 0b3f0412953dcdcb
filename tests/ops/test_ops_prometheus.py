"""A real Prometheus takes the shipped files, scrapes a real daemon at work, and answers every shipped query.

Debian's package `prometheus` has it and promtool. `make ops` runs this; where they are not there it is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from bench.orders import FIRST_ORDER, spec
from ops_queries import OPS, queries
from serving import FLOWS, PATIENCE, SECRET, SHOP, Served, connect, serving, simulating, write_tenant

pytestmark = [
    pytest.mark.skipif(os.environ.get("CONNECT_OPS") != "1", reason="CONNECT_OPS is not 1"),
    pytest.mark.skipif(not (shutil.which("prometheus") and shutil.which("promtool")), reason="no prometheus here"),
]

ORDERS = 12
CAPPED = FLOWS.replace("mode: live\n", "mode: live\n    caps: {HoldOrder: {hour: {count: 1000}}}\n", 1)
WAITS = {
    "panel Money moved in an hour A": "no refund is approved in this run",
    "rule ConnectIntakeRefuses": "no webhook is answered 503 while the disk has room",
    "rule ConnectMoneyUnknown": "no answer about money is lost",
    "rule ConnectParked": "no command is parked",
    "rule ConnectCaseRefused": "no case is refused",
    "rule ConnectPlatformFails": "every request is answered",
    "panel Open and parked commands A": "all commands may be done by the last scrape",
    "panel Waiting to be worked on A": "nothing waits by the last scrape",
    "panel Age of the oldest A": "as above",
    "rule ConnectBehind": "as above",
    "rule ConnectCommandsLate": "as above",
}
"""Queries that may have no data here, and why: they need trouble first."""


def test_promtool_takes_the_files() -> None:
    for command in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run(
            ["promtool", *command], cwd=OPS / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """A Prometheus with the shipped configuration, but for the target and the intervals; its address."""
    config = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(OPS / "prometheus" / "alerts.yml", folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb", "--log.level=error"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", *words, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def asked(prometheus: str, path: str, **more: str) -> Any:
    with urlopen(f"{prometheus}/api/v1/{path}?{urlencode(more)}", timeout=PATIENCE) as answer:
        told = json.loads(answer.read())
    assert told["status"] == "success", told
    return told["data"]


def until(what: Any, why: str) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := what():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{why}: not within {PATIENCE:g} s")


def trouble(daemon: Served) -> None:
    """What is cheap to go wrong: a signature, a body that nobody reads, a pause."""
    assert daemon.ask("POST", "/hooks/acme/shop", b"{}", {"X-Shopify-Hmac-Sha256": "bad"})[0] == 401
    assert daemon.post("orders/create", b"no JSON", "unreadable") == 200
    paused = connect(
        "pause", "--data", daemon.data, "--tenant", "acme", "--command", "IssueCredit", "--reason", "a look"
    )
    assert paused.returncode == 0, paused.stderr


def test_every_query_is_answered(tmp_path: Path) -> None:
    orders = [spec(FIRST_ORDER + n, risky=True) for n in range(ORDERS)]
    shops = [{"domain": SHOP, "client_secret": SECRET, "restore_rate": 1e9, "orders": orders}]
    with (
        simulating("shopify", tmp_path, shops=shops) as shop,
        simulating("opentext_case", tmp_path, tenants=[{"rate_limit": 0.0}]) as cases,
    ):
        write_tenant(tmp_path, shop_port=shop, case_port=cases, flows=CAPPED)
        with serving(tmp_path) as daemon:
            address = daemon.until(lambda: daemon.lines("console"), "the console serves")[0]["link"].partition("//")[2]
            with prometheus(tmp_path, address) as server:
                up = until(lambda: asked(server, "query", query='up{job="connect"} == 1')["result"], "it is scraped")
                assert len(up) == 1
                for n in range(ORDERS):
                    assert daemon.post("orders/create", json.dumps({"id": FIRST_ORDER + n}).encode(), f"d{n}") == 200
                    time.sleep(0.2)
                trouble(daemon)
                opened = "sum(connect_command_changes_total{kind='OpenCase', state='done'})"
                until(lambda: float(asked(server, "query", query=opened)["result"][0]["value"][1]) >= ORDERS, "cases")

                def unanswered() -> set[str]:
                    return {q.name for q in queries() if not asked(server, "query", query=q.evaluated())["result"]}

                until(lambda: unanswered() <= set(WAITS), "every query has data")
                faults = [r for g in asked(server, "rules")["groups"] for r in g["rules"] if r["health"] != "ok"]
                assert faults == []

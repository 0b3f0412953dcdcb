"""Polling: changed orders from SFCC's simulator into the journal, and with dlt into DuckDB, in turn."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import ROOT, Running, Talk, call, get_json, simulator
from bench.sizes import Size

DLT = ROOT / ".tools" / "dlt"
"""dlt's own environment, which `make bench` makes; ready when `.ready` is in it."""

SITE, PAGE, WINDOW = "RefArch", 200, 10_000
"""Hits of a page, and of all pages of one search, that the platform allows."""

_BATCH = 50
_PERIOD, _SETTLED = 7_200.0, 600.0  # seconds in which all changed, and how long ago the last of them did
_OPTIONS = {
    "instances": [{"tenant": "zzxy_prd", "index_lag": 0.0}],
    "clients": [
        {"id": "scapi-client", "secret": "scapi-secret", "tenants": ["zzxy_prd"]},
        {"id": "ocapi-client", "secret": "ocapi-secret", "kind": "ocapi", "scopes": []},
    ],
}
_SHOWN = "order_no,creation_date,last_modified,status,confirmation_status,export_status,payment_status,shipping_status"


def measure(size: Size) -> dict[str, Any]:
    """Both readers on the same orders, in another order each round; medians, and the ratio within each round."""
    readers = ["connect", *(["dlt"] if size.beside_dlt and (DLT / ".ready").exists() else [])]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in readers}
    with tempfile.TemporaryDirectory() as name, simulator("sfcc", _OPTIONS, Path(name)) as shop:
        moments = _fill(shop.port, size.poll_orders)
        asked = question(shop.port, moments)
        for number in range(size.poll_rounds):
            for reader in readers if number % 2 == 0 else reversed(readers):
                found[reader].append(_round(reader, asked, shop, size.poll_orders))
    result: dict[str, Any] = {
        "orders": size.poll_orders,
        "ideal_requests": math.ceil(size.poll_orders / PAGE),
        "rounds": size.poll_rounds,
        "absent": "" if "dlt" in readers else _why_absent(size),
    }
    for reader, results in found.items():
        numbers = {
            key: median(r[key] for r in results) for key, value in results[0].items() if not isinstance(value, str)
        }
        result[reader] = numbers | {"version": results[0].get("version", "")}
    if "dlt" in found:
        pairs = zip(found["connect"], found["dlt"], strict=True)
        result["ratio"] = median(ours["orders_per_second"] / theirs["orders_per_second"] for ours, theirs in pairs)
    return result


def question(port: int, moments: list[str]) -> dict[str, Any]:
    """What a reader is told: where the shop is, since when, and windows of time that hold a search's most each.

    The windows are for dlt, whose paginator counts hits; ours finds its way from `since` on.
    """
    url = f"http://127.0.0.1:{port}"
    edges = [*moments[: -1 : WINDOW // _BATCH], moments[-1]]
    return {
        "url": url,
        "base_url": f"{url}/s/{SITE}/dw/shop/v25_6/",
        "token_url": f"{url}/dwsso/oauth2/access_token",
        "client_id": "ocapi-client",
        "client_secret": "ocapi-secret",
        "site": SITE,
        "page": PAGE,
        "since": moments[0],
        "windows": list(pairwise(edges)),
        "format": "jsonl",
        "select": f"(total,hits.(data.({_SHOWN})))",
    }


def _fill(port: int, orders: int) -> list[str]:
    """Have the shop make orders over a time that is past; the time before each batch, and one after all."""
    batches = math.ceil(orders / _BATCH)
    moments = []
    with Talk(port) as sim:
        sim.post("/_sim/clock", {"seconds": -_PERIOD - _SETTLED})
        for number in range(batches):
            moments.append(sim.post("/_sim/clock", {"seconds": _PERIOD / batches})["now"])
            sim.post("/_sim/orders", {"times": min(_BATCH, orders - number * _BATCH)})
        moments.append(sim.post("/_sim/clock", {"seconds": _SETTLED})["now"])
    return moments


def _round(reader: str, asked: dict[str, Any], shop: Running, orders: int) -> dict[str, Any]:
    before, cpu = get_json(shop.port, "/_sim/calls")["calls"], shop.cpu_seconds()
    with tempfile.TemporaryDirectory() as name:
        given = json.dumps({**asked, "folder": name}).encode()
        result = call("bench.poll_once", given=given) if reader == "connect" else _dlt(given)
    if result["stored"] != orders:
        raise RuntimeError(f"{reader} stored {result['stored']:,} of {orders:,} orders")
    return result | {
        "orders_per_second": orders / result["seconds"],
        "requests": get_json(shop.port, "/_sim/calls")["calls"] - before,
        "simulator_cpu_seconds": shop.cpu_seconds() - cpu,
    }


def _dlt(given: bytes) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own words
        [str(DLT / "bin" / "python"), str(ROOT / "bench" / "dlt_once.py")],
        input=given,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _why_absent(size: Size) -> str:
    return "it is not installed (`make bench` does that)" if size.beside_dlt else f"size {size.name} leaves it out"

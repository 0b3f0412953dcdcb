"""The SQS listener with Amazon's own library against moto's server, over a socket."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent / "python"
SHOP = "demo-shop.myshopify.com"


def environment(folder: Any) -> dict[str, str]:
    paths = [str(folder), *(p for p in sys.path if "site-packages" in p or p.endswith("/src"))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "AWS_EC2_METADATA_DISABLED": "true"}


def run(folder: Any, script: str, asked: Any) -> Any:
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPTS / script)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(folder),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def endpoint(amazon_folder: Any) -> Iterator[str]:
    """moto's server on a free port."""
    made = "from moto.server import ThreadedMotoServer as S; s = S(ip_address='127.0.0.1', port=0, verbose=False)"
    script = f"{made}; s.start(); print(s.get_host_and_port()[1], flush=True); s._thread.join()"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(amazon_folder),
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _wait(f"http://127.0.0.1:{port}/moto-api/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate(timeout=20)


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer")


def event(number: int) -> str:
    metadata = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-Webhook-Id": f"w-{number}",
    }
    return json.dumps({"detail-type": "shopifyWebhook", "detail": {"payload": {"id": number}, "metadata": metadata}})


def test_every_message_is_delivered_and_taken_off_only_then(amazon_folder: Any, endpoint: str) -> None:
    texts = [*map(event, range(25)), "not Shopify's"]
    queue = run(amazon_folder, "sqs_fill.py", {"endpoint": endpoint, "messages": texts})["queue"]
    settings = {
        "shop": SHOP,
        "client_id": "c",
        "client_secret": {"env": "KEY"},
        "sqs": {
            "queue_url": queue,
            "region": "eu-central-1",
            "endpoint_url": endpoint,
            "access_key_id": "AKIATEST",
            "secret_access_key": {"env": "KEY"},
        },
    }
    asked = {"settings": settings, "refuse": ["w-3", "w-17"], "count": len(texts)}
    got = run(amazon_folder, "sqs_listen.py", asked)
    named = {one["id"]: one for one in got}
    assert {f"w-{n}" for n in range(25)} <= set(named)
    assert json.loads(named["w-17"]["body"]) == {"id": 17}
    assert sum(one["id"].startswith("sqs-") and one["body"] == "not Shopify's" for one in got) == 1
    assert run(amazon_folder, "sqs_fill.py", {"endpoint": endpoint, "queue": queue}) == {"left": 0}

"""A workflow of case management calls us when an agent has decided: nobody waits for the next poll."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import orjson
from house import SECRET, TENANT, House, house
from stories import AGENT, alerts, done, only_case, placed

from caseconnect.sdk.testing import run

CALLED = TENANT.replace("poll: {every: 2m}", "poll: {every: 6h}").replace(
    "      service_account:",
    """      hook_secret: {env: SHOP_SECRET}
      hook: {scheme: hmac-sha256-base64, header: X-Signature, case: case.id}
      service_account:""",
)


async def call(h: House, case: str, secret: str = SECRET) -> int:
    body = orjson.dumps({"case": {"id": case}, "at": h.now().isoformat()})
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return await h._deliver("http://connect.test/hooks/acme/cases", {"X-Signature": signature}, body)


def test_a_call_is_looked_at_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=CALLED) as h:
            await placed(h)
            case = only_case(h)
            await h.pass_time(120)
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(120)
            assert done(h) == ["hold"]
            assert await call(h, case.id) == 200
            await h.pass_time(10)
            assert done(h) == ["hold", "release"]
            # It only says look: called again, nothing more is done.
            await h.pass_time(60)
            assert await call(h, case.id) == 200
            await h.pass_time(60)
            assert (done(h), alerts(h)) == (["hold", "release"], [])

    run(story())


def test_a_call_that_is_not_signed_by_us_is_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=CALLED) as h:
            await placed(h)
            case = only_case(h)
            h.cases.decide(case.id, "approved", AGENT)
            assert await call(h, case.id, "another-secret-0123") == 401
            await h.pass_time(60)
            assert done(h) == ["hold"]

    run(story())

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

from caseconnect_sfcc.simulator import SfccSettings, create_app

ORGANIZATION = "f_ecom_zzxy_prd"
SCOPES = "sfcc.orders.rw sfcc.products.rw sfcc.customerlists.rw sfcc.gift-certificates.rw sfcc.granular-replications.rw"


class Time:
    """Virtual time: moves only when told, or when somebody sleeps."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> Any:
        return self.at

    def pass_(self, seconds: Any) -> None:
        self.at += timedelta(seconds=seconds)

    async def sleep(self, seconds: Any) -> None:
        self.slept.append(seconds)
        self.pass_(seconds)


class World:
    """A simulator driven over ASGI without sockets; `shop`, `data` and `scapi` call the three APIs."""

    def __init__(self, settings: Any, time: Any, tenant: Any = "zzxy_prd") -> None:
        self.time = time
        self.app = create_app(settings, now=time, sleep=time.sleep)
        self.tenant = tenant
        self.seen: list[Any] = []
        self._tokens: dict[Any, str] = {}

    @property
    def instance(self) -> Any:
        return self.app.instances[self.tenant]

    def request(self, method: Any, path: Any, host: Any = "sim.example", **kwargs: Any) -> Any:
        async def send() -> Any:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return await client.request(method, path, **kwargs)

        answer = asyncio.run(send())
        self.seen.append((answer.request, answer))
        return answer

    def mint(self, client: Any = "scapi-client", scope: Any = None, secret: Any = None) -> Any:
        form = {"grant_type": "client_credentials"}
        if client == "scapi-client":
            form["scope"] = scope or f"SALESFORCE_COMMERCE_API:{self.tenant} {SCOPES}"
        auth = (client, secret or client.replace("-client", "-secret"))
        return self.request("POST", "/dwsso/oauth2/access_token", data=form, auth=auth)

    def bearer(self, client: Any = "scapi-client") -> Any:
        key = (client, self.tenant)
        if key not in self._tokens:
            self._tokens[key] = self.mint(client).json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def scapi(
        self, method: Any, path: Any, body: Any = None, *, site: Any = "RefArch", headers: Any = None, **query: Any
    ) -> Any:
        """`path` from the API's name on, as in `checkout/orders/orders/{no}`."""
        api, _, rest = path.partition("/")
        name, _, rest = rest.partition("/")
        url = f"/{api}/{name}/v1/organizations/f_ecom_{self.tenant}/{rest}"
        params = {**({"siteId": site} if site else {}), **query}
        extra = {} if body is None else {"json": body}
        return self.request(method, url, params=params, headers={**self.bearer(), **(headers or {})}, **extra)

    def orders(self, method: Any, path: Any = "", body: Any = None, **more: Any) -> Any:
        return self.scapi(method, f"checkout/orders/orders{path}", body, **more)

    def ocapi(
        self,
        method: Any,
        base: Any,
        path: Any,
        body: Any = None,
        *,
        headers: Any = None,
        override: Any = True,
        **query: Any,
    ) -> Any:
        sent = {**self.bearer("ocapi-client"), **(headers or {})}
        if method == "PUT" and override:
            method, sent = "POST", {**sent, "x-dw-http-method-override": "PUT"}
        extra = {} if body is None else {"json": body}
        url = f"/instances/{self.tenant}/s/{base}/v25_6{path}"
        return self.request(method, url, params=query, headers=sent, **extra)

    def data(self, method: Any, path: Any, body: Any = None, **more: Any) -> Any:
        return self.ocapi(method, "-/dw/data", path, body, **more)

    def shop(self, method: Any, path: Any, body: Any = None, *, site: Any = "RefArch", **more: Any) -> Any:
        return self.ocapi(method, f"{site}/dw/shop", path, body, **more)

    def sim(self, path: Any, body: Any = None, method: Any = "POST") -> Any:
        return self.request(method, f"/_sim/{path}", json=body or {})

    def order(self, situation: Any = "normal", **spec: Any) -> Any:
        answer = self.sim("orders", {"situation": situation, "instance": self.tenant, **spec})
        assert answer.status_code == 201, answer.text
        return answer.json()["orderNo"]

    def act(self, number: Any, action: Any, **spec: Any) -> Any:
        answer = self.sim(f"orders/{number}/{action}", {"instance": self.tenant, **spec})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def search(self, query: Any, *, site: Any = "RefArch", **more: Any) -> Any:
        body = {"query": query, "select": "(**)", "count": 200, **more}
        answer = self.shop("POST", "/order_search", body, site=site)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def found(self, query: Any, **more: Any) -> Any:
        return [hit["data"]["order_no"] for hit in self.search(query, **more)["hits"]]

    def effects(self, what: Any = None) -> Any:
        return [each for each in self.instance.ledger if what is None or each.what == what]


@pytest.fixture
def time() -> Any:
    return Time()


@pytest.fixture
def make_world(time: Any) -> Any:
    def make(settings: Any = None, tenant: Any = "zzxy_prd") -> Any:
        read = SfccSettings.from_dict(settings) if isinstance(settings, dict) else settings
        return World(read, time, tenant)

    return make


@pytest.fixture
def world(make_world: Any) -> Any:
    return make_world()

import asyncio
from datetime import UTC, datetime, timedelta

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

from caseconnect_sfcc.simulator import SfccSettings, create_app

ORGANIZATION = "f_ecom_zzxy_prd"
SCOPES = "sfcc.orders.rw sfcc.products.rw sfcc.customerlists.rw sfcc.gift-certificates.rw sfcc.granular-replications.rw"


class Time:
    """Virtual time: moves only when told, or when somebody sleeps."""

    def __init__(self):
        self.at = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
        self.slept = []

    def __call__(self):
        return self.at

    def pass_(self, seconds):
        self.at += timedelta(seconds=seconds)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_(seconds)


class World:
    """A simulator driven over ASGI without sockets; `shop`, `data` and `scapi` call the three APIs."""

    def __init__(self, settings, time, tenant="zzxy_prd"):
        self.time = time
        self.app = create_app(settings, now=time, sleep=time.sleep)
        self.tenant = tenant
        self.seen = []
        self._tokens = {}

    @property
    def instance(self):
        return self.app.instances[self.tenant]

    def request(self, method, path, host="sim.example", **kwargs):
        async def send():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return await client.request(method, path, **kwargs)

        answer = asyncio.run(send())
        self.seen.append((answer.request, answer))
        return answer

    def mint(self, client="scapi-client", scope=None, secret=None):
        form = {"grant_type": "client_credentials"}
        if client == "scapi-client":
            form["scope"] = scope or f"SALESFORCE_COMMERCE_API:{self.tenant} {SCOPES}"
        auth = (client, secret or client.replace("-client", "-secret"))
        return self.request("POST", "/dwsso/oauth2/access_token", data=form, auth=auth)

    def bearer(self, client="scapi-client"):
        key = (client, self.tenant)
        if key not in self._tokens:
            self._tokens[key] = self.mint(client).json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    def forget_tokens(self):
        self._tokens.clear()

    def scapi(self, method, path, body=None, *, site="RefArch", headers=None, **query):
        """`path` from the API's name on, as in `checkout/orders/orders/{no}`."""
        api, _, rest = path.partition("/")
        name, _, rest = rest.partition("/")
        url = f"/{api}/{name}/v1/organizations/f_ecom_{self.tenant}/{rest}"
        params = {**({"siteId": site} if site else {}), **query}
        extra = {} if body is None else {"json": body}
        return self.request(method, url, params=params, headers={**self.bearer(), **(headers or {})}, **extra)

    def orders(self, method, path="", body=None, **more):
        return self.scapi(method, f"checkout/orders/orders{path}", body, **more)

    def ocapi(self, method, base, path, body=None, *, headers=None, override=True, **query):
        sent = {**self.bearer("ocapi-client"), **(headers or {})}
        if method == "PUT" and override:
            method, sent = "POST", {**sent, "x-dw-http-method-override": "PUT"}
        extra = {} if body is None else {"json": body}
        url = f"/instances/{self.tenant}/s/{base}/v25_6{path}"
        return self.request(method, url, params=query, headers=sent, **extra)

    def data(self, method, path, body=None, **more):
        return self.ocapi(method, "-/dw/data", path, body, **more)

    def shop(self, method, path, body=None, *, site="RefArch", **more):
        return self.ocapi(method, f"{site}/dw/shop", path, body, **more)

    def sim(self, path, body=None, method="POST"):
        return self.request(method, f"/_sim/{path}", json=body or {})

    def order(self, situation="normal", **spec):
        answer = self.sim("orders", {"situation": situation, "instance": self.tenant, **spec})
        assert answer.status_code == 201, answer.text
        return answer.json()["orderNo"]

    def act(self, number, action, **spec):
        answer = self.sim(f"orders/{number}/{action}", {"instance": self.tenant, **spec})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def search(self, query, *, site="RefArch", **more):
        body = {"query": query, "select": "(**)", "count": 200, **more}
        answer = self.shop("POST", "/order_search", body, site=site)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def found(self, query, **more):
        return [hit["data"]["order_no"] for hit in self.search(query, **more)["hits"]]

    def effects(self, what=None):
        return [each for each in self.instance.ledger if what is None or each.what == what]


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def make_world(time):
    def make(settings=None, tenant="zzxy_prd"):
        read = SfccSettings.from_dict(settings) if isinstance(settings, dict) else settings
        return World(read, time, tenant)

    return make


@pytest.fixture
def world(make_world):
    return make_world()

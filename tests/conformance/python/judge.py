"""Has Shopify's own Python library (`shopifyapp`) judge a simulated shop. It runs alone, with the library on its path.

Reads one JSON object from stdin: {base, shop, client_id, client_secret, old_client_secret, webhooks, calls}; writes
the verdicts as one JSON object. Every request goes to `base`, whatever host the library means.
"""

import json
import sys

import httpx  # noqa: TID251 - the library wants one
from shopify_app import (  # type: ignore[import-not-found]  # installed only where it judges
    admin_graphql_request,
    exchange_using_client_credentials,
    verify_webhook_req,
)


class Loopback(httpx.BaseTransport):
    """Sends what is meant for the shop to the simulator, and nothing anywhere else."""

    def __init__(self, base: str, shop: str) -> None:
        self.base, self.host = httpx.URL(base), f"{shop}.myshopify.com"
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != self.host:
            raise httpx.ConnectError(f"asked {request.url.host}")
        request.url = self.base.copy_with(raw_path=request.url.raw_path)
        return self.inner.handle_request(request)


def main() -> None:
    asked = json.load(sys.stdin)
    config = {k: asked[k] for k in ("client_id", "client_secret", "old_client_secret") if asked.get(k)}
    with httpx.Client(transport=Loopback(asked["base"], asked["shop"])) as client:
        grant = exchange_using_client_credentials(asked["shop"], config, client)
        wrong = exchange_using_client_credentials(asked["shop"], config | {"client_secret": "wrong"}, client)
        token = asked.get("token") or (grant.access_token.token if grant.ok else "")
        answers = [
            admin_graphql_request(
                call["query"], asked["shop"], token, asked["version"], variables=call["variables"], http_client=client
            )
            for call in asked["calls"]
        ]
    verdicts = [
        verify_webhook_req({"method": "POST", "url": w["url"], "headers": w["headers"], "body": w["body"]}, config)
        for w in asked["webhooks"]
    ]
    shown = {
        "grant": {"ok": grant.ok, "code": grant.log.code},
        "wrong": {"ok": wrong.ok, "code": wrong.log.code},
        "calls": [
            {"ok": a.ok, "code": a.log.code, "data": a.data, "extensions": a.extensions, "tries": len(a.http_logs)}
            for a in answers
        ],
        "webhooks": [{"ok": v.ok, "code": v.log.code, "status": v.response.status} for v in verdicts],
    }
    sys.stdout.write(json.dumps(shown))


if __name__ == "__main__":
    main()

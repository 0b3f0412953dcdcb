"""The client credentials grant: `POST /admin/oauth/access_token`, form or JSON; no refresh token, ask again."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from .world.shop import Shop

Answer = tuple[int, dict[str, Any]]


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a request, sent as a form or as JSON; empty when it is neither."""
    try:
        if "json" in content_type:
            raw = json.loads(body)
            return {k: str(v) for k, v in raw.items()} if isinstance(raw, dict) else {}
        return {k: v[-1] for k, v in parse_qs(body.decode()).items()}
    except ValueError:
        return {}


def grant(shop: Shop, fields: dict[str, str]) -> Answer:
    """Status and body of a token request. A token lives `shop.token_life` seconds and carries all granted scopes."""
    if fields.get("grant_type") != "client_credentials":
        text = "The simulated app gets tokens by grant_type=client_credentials only."
        return 400, {"error": "unsupported_grant_type", "error_description": text}
    if not _known(shop, fields.get("client_id", ""), fields.get("client_secret", "")):
        return 401, {"error": "invalid_client", "error_description": "Client authentication failed."}
    if not shop.same_organization:
        text = "Oauth error shop_not_permitted: Client credentials cannot be performed on this shop."
        return 400, {"error": "shop_not_permitted", "error_description": text}
    if not shop.installed:
        text = "Oauth error app_not_installed: The app is not installed on this shop."
        return 400, {"error": "app_not_installed", "error_description": text}
    token = f"shpat_{secrets.token_hex(16)}"
    shop.tokens[token] = shop.now() + timedelta(seconds=shop.token_life)
    return 200, {"access_token": token, "scope": ",".join(sorted(shop.scopes)), "expires_in": int(shop.token_life)}


def holder(shop: Shop, token: str | None) -> str | None:
    """The app a token belongs to; None when it is unknown, expired, or the app was removed."""
    if token is None or token not in shop.tokens or not shop.installed:
        return None
    until = shop.tokens[token]
    if until is not None and until <= shop.now():
        return None
    return shop.client_id


def expire_tokens(shop: Shop) -> int:
    """Ends every token at once and says how many there were."""
    count = len(shop.tokens)
    shop.tokens.clear()
    return count


def _known(shop: Shop, client_id: str, secret: str) -> bool:
    right_secret = any(
        hmac.compare_digest(s.encode(), secret.encode()) for s in (shop.client_secret, shop.old_secret) if s
    )
    return hmac.compare_digest(client_id.encode(), shop.client_id.encode()) and right_secret

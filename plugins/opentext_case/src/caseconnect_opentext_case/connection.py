"""What source and sink of one connection share: a client that is signed in as the settings say."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.tokens import TokenCache

from .auth import Credentials, SignIn, SignInForm
from .client import CoreCaseClient
from .config import CoreCaseSettings


def client_of(settings: CoreCaseSettings, resources: Resources) -> CoreCaseClient:
    """The connection's one client, made at first use."""
    return resources.once("opentext_case.client", lambda: _make(settings, resources))


def sign_in_form(settings: CoreCaseSettings) -> SignInForm:
    """How a token is asked for, with the address worked out."""
    auth = settings.auth
    basic = auth.form == "password_form" if auth.client_auth == "auto" else auth.client_auth == "basic"
    parts = urlsplit(settings.base_url)
    tenant = f"{auth.authority or f'{parts.scheme}://{parts.netloc}'}/tenants/{auth.tenant_id}"
    discover = auth.discovery and not auth.token_url
    url = f"{tenant}/.well-known/openid-configuration" if discover else auth.token_url or f"{tenant}/oauth2/token"
    return SignInForm(auth.form, url, discover, basic, auth.scope, auth.client_data, auth.token_life)


def _make(settings: CoreCaseSettings, resources: Resources) -> CoreCaseClient:
    auth, form = settings.auth, sign_in_form(settings)

    def reveal(secret: Secret | None) -> str:
        return "" if secret is None else resources.secrets.reveal(secret)

    def credentials() -> Credentials:
        return Credentials(
            client_id=auth.client_id,
            client_secret=reveal(auth.client_secret),
            username=reveal(auth.username),
            password=reveal(auth.password),
            refresh_token=reveal(auth.refresh_token),
        )

    if not math.isinf(resources.pace.rate):
        # The account's pace is shared by all tenants that use it: the one that starts last says how fast.
        resources.pace.rate = settings.requests_per_second
    parts = urlsplit(form.url)
    desk = resources.http(f"{parts.scheme}://{parts.netloc}", deadline=settings.timeout, max_body=1024 * 1024)
    tokens = TokenCache(SignIn(desk, form, credentials, resources.now).fetch, resources.now, resources.usage)
    http = resources.http(settings.base_url, deadline=settings.timeout)
    return CoreCaseClient(http, tokens, settings.dialect(), resources.now)

"""What a tenant file says of the simulated instance of Salesforce Commerce Cloud."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SECRETS = {"SCAPI_SECRET": "scapi-secret", "OCAPI_SECRET": "ocapi-secret"}
"""The simulator's own, by the names under which `settings` refers to them."""


def settings(url: str, sites: Sequence[str] = ("RefArch",)) -> dict[str, Any]:
    """Settings of a connection to the instance that is served at `url`."""
    return {
        "sites": list(sites),
        "account_manager_url": url,
        "scapi": {
            "short_code": "kv7kzm78",
            "organization_id": "f_ecom_zzxy_prd",
            "client_id": "scapi-client",
            "client_secret": {"env": "SCAPI_SECRET"},
            "base_url": url,
        },
        "ocapi": {
            "host": "www.brand.example",
            "client_id": "ocapi-client",
            "client_secret": {"env": "OCAPI_SECRET"},
            "base_url": f"{url}/instances/zzxy_prd",
        },
    }


def connection(url: str, every: str, sites: Sequence[str] = ("RefArch",)) -> str:
    """The connection `shop` of a tenant file."""
    told = json.dumps(settings(url, sites))
    return f"  shop:\n    platform: sfcc\n    poll: {{every: {every}}}\n    settings: {told}\n"

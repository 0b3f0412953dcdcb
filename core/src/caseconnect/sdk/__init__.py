"""All that a plugin may import, beside `caseconnect.models`. Its version is `SDK_VERSION` (major.minor)."""

from caseconnect.sdk.hookspecs import hookimpl

SDK_VERSION = "0.1"

__all__ = ["SDK_VERSION", "hookimpl"]

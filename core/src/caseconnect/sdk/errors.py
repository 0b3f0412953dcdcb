"""Errors, classed by what the host must do. This is the whole tree:

    ConnectError                 base; its text is for people
    ├── ConfigError              the file is wrong: show where, refuse the tenant; at work: pause the connection
    ├── PluginError              the plugin is wrong: show it as broken, park its work
    ├── AuthError                credentials refused: pause the connection, resume it as a whole
    ├── TransientError           surely no effect: wait (retry_after seconds) and try again
    ├── PermanentError           surely no effect and never will: the command is refused, the event parked
    └── UnknownOutcome           it may have happened: look before anything else is done

A plugin raises these and nothing else; any other exception that leaves a plugin is a `PluginError` in the
host's eyes, and during `execute` an `UnknownOutcome`, because the request may have gone out.
"""

from __future__ import annotations


class ConnectError(Exception):
    """Base of all errors of Connect. The text says what happened, where, what is allowed and what to do."""


class ConfigError(ConnectError):
    """The user's file or answer is wrong. `where` is the key path, such as `connections.shop.settings.shop`."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.where = where


class PluginError(ConnectError):
    """A plugin broke its contract. `plugin` is its entry-point name."""

    def __init__(self, message: str, *, plugin: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin


class AuthError(ConnectError):
    """The platform refused our credentials, also after one renewal. The connection pauses as a whole."""


class TransientError(ConnectError):
    """Surely no effect; worth trying again. `retry_after` is the platform's own wish in seconds, or None."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(ConnectError):
    """Surely no effect, and the same request will never have one."""


class UnknownOutcome(ConnectError):
    """The request went out and no usable answer came back. It may have had its effect."""

"""Secrets from environment variables and files. They are read when used, and never kept or shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from caseconnect.host.tenants.problems import ConfigProblem, Path, Report, show_path
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.secrets import Secret, Secrets

_MAX_BYTES = 64 * 1024
_FOREIGN = stat.S_IRWXG | stat.S_IRWXO


class FileAndEnvSecrets:
    """Implements `caseconnect.sdk.secrets.Secrets`. A relative file path is below `folder`, the tenant file's."""

    def __init__(self, folder: FilePath, environ: Mapping[str, str] | None = None) -> None:
        self._folder, self._environ = folder, os.environ if environ is None else environ

    def reveal(self, secret: Secret) -> str:
        """The secret's value. `ConfigError` naming its place when there is none or others can read it."""
        if secret.env is not None:
            value = self._environ.get(secret.env)
            if value is None:
                raise ConfigError(f"the environment variable {secret.env} is not set")
            if not value.strip():
                raise ConfigError(f"the environment variable {secret.env} is empty")
            return value
        return self._from_file(str(secret.file))

    def __repr__(self) -> str:
        return "FileAndEnvSecrets()"

    def _from_file(self, name: str) -> str:
        path = self._folder / name
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for its writer.
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise ConfigError(f"the secret file {name} cannot be read: {error.strerror}") from None
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(f"the secret file {name} is not a plain file")
            if os.name == "posix" and found.st_mode & _FOREIGN:
                raise ConfigError(f"the secret file {name} can be read by others: chmod 600 it")
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ConfigError(f"the secret file {name} is longer than {_MAX_BYTES // 1024} KiB")
        try:
            value = raw.decode()
        except UnicodeDecodeError:
            raise ConfigError(f"the secret file {name} is not UTF-8 text") from None
        value = value.removesuffix("\n").removesuffix("\r")
        if not value.strip():
            raise ConfigError(f"the secret file {name} is empty")
        return value


def unresolved(places: Iterable[tuple[Path, Any]], secrets: Secrets, report: Report) -> list[ConfigProblem]:
    """The references inside validated settings, each with its key path, that do not resolve now."""
    for base, settings in places:
        for path, secret in secrets_in(settings, base):
            try:
                secrets.reveal(secret)
            except ConfigError as error:
                report.add(path, str(error), "set it before `connect serve`")
    return report.in_order()


def ends_of(settings: Any) -> list[tuple[str, date]]:
    """Key path and last day of each secret of validated settings that says when it ends, the first to end first."""
    found = [(show_path(path), secret.expires) for path, secret in secrets_in(settings) if secret.expires]
    return sorted(found, key=lambda one: one[1])


def secrets_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Secret]]:
    """Every reference inside validated settings, with its key path."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from secrets_in(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, (*path, index))

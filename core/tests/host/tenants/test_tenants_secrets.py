"""Secrets by reference."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from caseconnect.host.tenants import FileAndEnvSecrets, TenantSet, missing_secrets
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.secrets import Secret


def write(path: Path, raw: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(raw)
    path.chmod(mode)
    return path


def test_from_the_environment() -> None:
    environ = {"A": "sesame-1", "EMPTY": " "}
    secrets = FileAndEnvSecrets(Path(), environ)
    assert secrets.reveal(Secret(env="A", file=None)) == "sesame-1"
    environ["A"] = "sesame-2"
    assert secrets.reveal(Secret(env="A", file=None)) == "sesame-2"
    for name, said in {"EMPTY": "EMPTY is empty", "B": "B is not set"}.items():
        with pytest.raises(ConfigError, match=said):
            secrets.reveal(Secret(env=name, file=None))
    assert "sesame" not in repr(secrets)


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"sesame", "sesame"), (b"sesame\n", "sesame"), (b"sesame\r\n", "sesame"), (b" two\n\n", " two\n")],
)
def test_from_a_file_beside_the_tenant_file(tmp_path: Path, raw: bytes, value: str) -> None:
    write(tmp_path / "key", raw)
    assert FileAndEnvSecrets(tmp_path).reveal(Secret(file="key", env=None)) == value
    assert FileAndEnvSecrets(Path("/")).reveal(Secret(file=str(tmp_path / "key"), env=None)) == value


@pytest.mark.parametrize(
    ("raw", "mode", "said"),
    [
        (b"", 0o600, "is empty"),
        (b" \n", 0o600, "is empty"),
        (b"sesame", 0o640, "can be read by others: chmod 600"),
        (b"sesame", 0o604, "can be read by others"),
        (b"ses\xffame", 0o600, "is not UTF-8"),
        (b"s" * 70_000, 0o600, "longer than 64 KiB"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, raw: bytes, mode: int, said: str) -> None:
    write(tmp_path / "key", raw, mode)
    with pytest.raises(ConfigError, match=said) as caught:
        FileAndEnvSecrets(tmp_path).reveal(Secret(file="key", env=None))
    assert "sesame" not in str(caught.value)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(ConfigError, match="not a plain file"):
        FileAndEnvSecrets(tmp_path).reveal(Secret(file="key", env=None))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"key cannot be read \(looked for beside the tenant file\): No such file"):
        FileAndEnvSecrets(tmp_path).reveal(Secret(file="key", env=None))


def test_missing_secrets_are_named_with_their_line(
    read: Callable[..., TenantSet], good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = "old_passwords: [{file: gone}, {env: TOY_OLD}]}, regions: {eu: {user: u, password: {env: TOY_EU}}}}"
    text = good.replace("password: {env: TOY_PASSWORD}}}", "password: {env: TOY_PASSWORD},\n      " + extra)
    found = read(text)
    assert [str(p) for p in found.problems] == []
    monkeypatch.setenv("TOY_OLD", "set-it-is")
    monkeypatch.delenv("TOY_PASSWORD", raising=False)
    problems = missing_secrets(found.tenants["acme"])
    at = "connections.shop.settings"
    assert [(p.line, p.path) for p in problems] == [
        (6, f"{at}.login.password"),
        (7, f"{at}.login.old_passwords[0]"),
        (7, f"{at}.regions.eu.password"),
    ]
    assert "TOY_PASSWORD is not set" in problems[0].message

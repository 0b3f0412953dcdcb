"""Real wheels, installed by pip into another environment: strangers' plugins are found, broken ones do no harm.

Offline: wheels are built with the hatchling at hand, and the dependencies are those of this environment, linked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CORE = Path(__file__).parents[2] / "core"

GOOD_HEAD = "from caseconnect.sdk import hookimpl\n"

BROKEN: dict[str, tuple[str, str, str]] = {
    # name: (what it requires, its code, what is said of it)
    "bad_import": ("caseconnect", "import a_module_that_nobody_has\n", "No module named 'a_module_that_nobody_has'"),
    "bad_hook": (
        "caseconnect",
        GOOD_HEAD + "@hookimpl\ndef connect_register_source(register): ...\n",
        "did you mean connect_register_sources?",
    ),
    "bad_signature": (
        "caseconnect",
        GOOD_HEAD + "@hookimpl\ndef connect_register_sources(registry): ...\n",
        "wrong signature",
    ),
    "bad_sdk": (
        "caseconnect",
        GOOD_HEAD + "requires_sdk = '0.99'\n@hookimpl\ndef connect_register_sources(register): ...\n",
        "asks for SDK 0.99",
    ),
    "bad_release": ("caseconnect>=99", "raise SystemExit('imported')\n", "asks for caseconnect>=99"),
}

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "stranger-{name}"
version = "1.0"
dependencies = ["{requires}"]
[project.entry-points.connect]
{name} = "stranger_{name}"
[tool.hatch.build.targets.wheel]
only-include = ["stranger_{name}.py"]
"""

TENANT = """
tenant: acme
environment: test
connections:
  shop:
    platform: corner_shop
    settings: {base_url: http://shop.example, api_key: {env: CORNER_SHOP_KEY}}
"""


def run(*command: str | Path, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "CONNECT_", "VIRTUAL_ENV"))}
    clean |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not ok, done.stdout + done.stderr
    return done


def build(project: Path, wheels: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=project)


def write_broken(folder: Path, name: str, requires: str, code: str) -> Path:
    project = folder / name
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT.format(name=name, requires=requires))
    (project / f"stranger_{name}.py").write_text(code)
    return project


def link_dependencies(site: Path) -> None:
    """Everything this environment holds, without the project's own distributions and editable installs."""
    here = Path(sysconfig.get_path("purelib"))
    for found in here.iterdir():
        ours = found.name.startswith(("caseconnect", "_caseconnect", "connect_workspace", "__", "_editable"))
        if not ours and found.suffix != ".pth" and not (site / found.name).exists():
            (site / found.name).symlink_to(found)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the core's wheel, a stranger's good plugin, and all the broken ones."""
    folder = tmp_path_factory.mktemp("strangers")
    wheels, made = folder / "wheels", folder / "env"
    code = "from caseconnect.cli import main; main()"
    run(sys.executable, "-c", code, "new-plugin", "corner_shop", "--into", folder, cwd=folder)
    build(CORE, wheels)
    build(folder / "corner_shop", wheels)
    for name, (requires, text, _) in BROKEN.items():
        build(write_broken(folder, name, requires, text), wheels)
    venv.EnvBuilder(with_pip=find_spec("pip") is None, symlinks=True).create(made)
    python = made / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip())
    link_dependencies(site)
    run(python, "-m", "pip", "install", "--no-deps", "--no-compile", *wheels.glob("*.whl"), cwd=folder)
    return made


def listed(environment: Path) -> dict[str, Any]:
    shown = run(environment / "bin" / "connect", "list-plugins", "--json", cwd=environment)
    return {p["name"]: p for p in json.loads(shown.stdout)["plugins"]}


def test_a_strangers_plugin_is_found_and_the_broken_ones_are_shown(environment: Path) -> None:
    plugins = listed(environment)
    assert sorted(plugins) == [*sorted(BROKEN), "corner_shop"]
    shop = plugins["corner_shop"]
    assert (shop["state"], shop["distribution"], shop["version"]) == ("ok", "connect-plugin-corner-shop", "0.1.0")
    assert [o["kind"] for o in shop["offers"]] == ["source", "sink", "trigger", "simulator"]
    for name, (_, _, said) in BROKEN.items():
        assert plugins[name]["state"] == "broken"
        assert said in plugins[name]["broken"], plugins[name]["broken"]
        assert plugins[name]["distribution"] == f"stranger-{name}"


def test_strict_says_so_by_its_exit_code(environment: Path) -> None:
    assert run(environment / "bin" / "connect", "list-plugins", "--strict", cwd=environment, ok=False).returncode == 1


def test_a_tenant_runs_on_the_strangers_plugin(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(TENANT)
    good = run(environment / "bin" / "connect", "check", "--tenants", tmp_path, cwd=tmp_path)
    assert "every 5m + up to 30s" in good.stdout
    (tmp_path / "other.yaml").write_text(TENANT.replace("acme", "other").replace("corner_shop", "bad_import"))
    both = run(environment / "bin" / "connect", "check", "--tenants", tmp_path, "--json", cwd=tmp_path, ok=False)
    assert both.returncode == 1
    assert [t["name"] for t in json.loads(both.stdout)["tenants"]] == ["acme"]
    (problem,) = json.loads(both.stdout)["problems"]
    assert "the plugin 'bad_import' is broken" in problem["message"]


def test_it_is_the_wheel_that_runs(environment: Path, tmp_path: Path) -> None:
    python = environment / "bin" / "python"
    where = run(python, "-c", "import caseconnect; print(caseconnect.__file__)", cwd=tmp_path).stdout
    assert Path(where).is_relative_to(environment)
    run(environment / "bin" / "connect", "new-plugin", "next_one", "--into", tmp_path, cwd=tmp_path)
    assert (tmp_path / "next_one" / "pyproject.toml").is_file()

"""The cartridge runs under Node over doubles of the platform; the Script API's documentation judges the doubles."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import caseconnect_sfcc

HERE = Path(__file__).parent / "cartridge"
CARTRIDGE = Path(caseconnect_sfcc.__file__).parent / "cartridges" / "int_caseconnect"
NPM = ("sfcc-dts@1.0.12", "acorn@8.19.0")
CLASSES = json.loads((HERE / "dw-calls.json").read_text("utf-8"))["classes"]


@pytest.fixture(scope="module")
def judges(npm: Any) -> Any:
    """A folder with the Script API as data, taken from its documentation, and a parser for ECMAScript 5."""
    return npm("judges", *NPM) / "node_modules"


@pytest.fixture(scope="module")
def used(node: None, tmp_path_factory: Any) -> Any:
    """Members of the Script API that the cartridge touched while its own tests ran."""
    folder = tmp_path_factory.mktemp("used")
    env = {**os.environ, "CARTRIDGE": str(CARTRIDGE), "USED": str(folder)}
    command = ["node", "--test", *map(str, sorted(HERE.glob("*.test.cjs")))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return {each for part in folder.glob("*.json") for each in json.loads(part.read_text("utf-8"))}


def in_templates() -> Any:
    """What the templates touch; they do not run here."""
    texts = [path.read_text("utf-8") for path in CARTRIDGE.rglob("*.isml")]
    return {each for text in texts for each in re.findall(r"\bdw(?:\.\w+){3}", text)}


def test_the_list_of_calls_is_what_the_cartridge_does(used: Any) -> None:
    listed = {f"{name}.{member}" for name, each in CLASSES.items() for member in each["members"]}
    assert used | in_templates() == listed
    assert in_templates() == {"dw.catalog.ProductMgr.getProduct", "dw.content.ContentMgr.getContent"}


def test_every_script_and_every_class_that_it_asks_for_is_covered(used: Any) -> None:
    asked = {
        name.replace("/", ".")
        for path in CARTRIDGE.rglob("*.js")
        for name in re.findall(r"require\('(dw/[\w/]+)'\)", path.read_text("utf-8"))
    }
    assert asked <= {each.rpartition(".")[0] for each in used}


def test_every_call_is_documented(judges: Any) -> None:
    api = json.loads((judges / "sfcc-dts" / "api" / "sfcc-api-patched.json").read_text("utf-8"))["api"]

    def members(name: Any) -> Any:
        found = api
        for part in name.split("."):
            found = found[part]
        own = {each for kind in ("methods", "properties", "constants") for each in found[kind]}
        if found.get("constructors"):
            own.add("constructor")
        above = [each["name"] for each in found["hierarchy"] if each["name"].startswith("dw.") and each["name"] != name]
        return own.union(*(members(each) for each in above))

    # Overloads carry a number at the end there.
    missing = [
        f"{name}.{member}"
        for name, each in CLASSES.items()
        for member in each["members"]
        if not {member, f"{member}0"} & members(name)
    ]
    assert missing == []
    for name, each in CLASSES.items():
        assert each["documentation"].endswith(f"/class_{name.replace('.', '_')}.html")


@pytest.mark.parametrize("script", sorted(path.relative_to(CARTRIDGE).as_posix() for path in CARTRIDGE.rglob("*.js")))
def test_the_scripts_are_ecmascript_5(judges: Any, script: Any) -> None:
    command = ["node", str(judges / "acorn" / "bin" / "acorn"), "--ecma5", "--silent", str(CARTRIDGE / script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

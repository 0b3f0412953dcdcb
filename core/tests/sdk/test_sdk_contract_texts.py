"""The texts that plugin authors read are complete and say what is so."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import typing
from typing import Any

import pytest

from caseconnect import models, sdk
from caseconnect.sdk import commands, components, decisions, deliveries, errors, events, hookspecs, http, pace, testing
from caseconnect.sdk.components import Registrar

HOOKS = {n: f for n, f in vars(hookspecs).items() if n.startswith("connect_")}
HEADINGS = ("When: ", "With: ", "Result: ", "If it raises: ")


def test_tree_of_errors_is_the_one_in_the_docstring() -> None:
    tree, line = {}, re.compile(r"^\s*([│ ]*(?:[├└]──)?) ?(\w+)  +(\S.*)$")
    parents: list[str] = []
    for text in (errors.__doc__ or "").splitlines():
        found = line.match(text)
        if found and (found[1] or not parents):
            depth = len(found[1]) // 4 + bool(found[1])
            tree[found[2]] = parents[depth - 1] if depth else "Exception"
            parents[depth:] = [found[2]]
            assert found[3].strip(), f"{found[2]} is not explained"
    classes = {n: c for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Exception)}
    assert tree == {name: c.__bases__[0].__name__ for name, c in classes.items()}
    assert len(tree) == 7


@pytest.mark.parametrize("name", [n for n, c in vars(errors).items() if inspect.isclass(c)])
def test_every_error_shows_its_text_and_survives_a_chain(name: Any) -> None:
    error = getattr(errors, name)("what happened")
    assert str(error) == "what happened"
    with pytest.raises(errors.ConnectError):
        raise error from ValueError("cause")


def test_five_hooks_in_the_order_of_the_specs() -> None:
    assert list(HOOKS) == [
        "connect_register_sources",
        "connect_register_sinks",
        "connect_register_triggers",
        "connect_register_transforms",
        "connect_register_simulators",
    ]


@pytest.mark.parametrize("name", HOOKS)
def test_hook_answers_the_four_questions(name: Any) -> None:
    text = inspect.getdoc(HOOKS[name]) or ""
    first, _, rest = text.partition("\n\n")
    assert first.endswith(".")
    assert "\n" not in first
    lines = rest.splitlines()
    assert tuple(next((h for h in HEADINGS if line.startswith(h)), None) for line in lines) == HEADINGS
    assert all(len(line.split(": ", 1)[1]) > 5 for line in lines)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_has_the_one_signature(name: Any) -> None:
    spec = getattr(components, name.removeprefix("connect_register_").removesuffix("s").capitalize() + "Spec")
    hints = typing.get_type_hints(HOOKS[name])
    assert (typing.get_origin(hints["register"]), typing.get_args(hints["register"])) == (Registrar, (spec,))
    assert hints == {"register": hints["register"], "return": type(None)}
    assert list(inspect.signature(HOOKS[name]).parameters) == ["register"]
    assert f"one `{spec.__name__}`" in (HOOKS[name].__doc__ or "")


@pytest.mark.parametrize(
    "module",
    [commands, components, decisions, deliveries, errors, events, hookspecs, http, pace, testing, models, sdk],
    ids=lambda m: m.__name__,
)
def test_public_names_are_described(module: Any) -> None:
    assert (module.__doc__ or "").strip()
    bare = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__.startswith("caseconnect.")
        and not ((vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__) or "").strip()
    ]
    assert not bare


def test_sdk_alone_loads_neither_tests_nor_host() -> None:
    """A plugin in production imports no pytest, and `client.py` no more than HTTP."""
    code = (
        "import sys, caseconnect.sdk.http, caseconnect.sdk.components, caseconnect.sdk;"
        "print([m for m in sys.modules if m.split('.')[0] in {'pytest', '_pytest', 'yaml', 'starlette'}"
        " or m.startswith(('caseconnect.sdk.testing', 'caseconnect.host', 'caseconnect.cli'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_contract_tests_load_without_pytest() -> None:
    code = "import sys, caseconnect.sdk.testing; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""pydantic's errors in plain words, at the key path of the file. Values are not repeated: they may be secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from caseconnect.host.plugin_rules import models_of
from caseconnect.host.tenants.problems import Path, Report, one_of

M = TypeVar("M", bound=BaseModel)

_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping (key: value)",
    "model": "a mapping (key: value)",
    "dataclass": "a mapping (key: value)",
    "mapping": "a mapping (key: value)",
    "datetime": "a time such as 2026-11-01T00:00:00Z",
    "timezone": "a time with its offset, such as 2026-11-01T00:00:00Z",
    "date": "a date such as 2026-11-01",
    "time_delta": "a duration: seconds as a number, or ISO 8601 such as PT5M",
}


def validate(model: type[M], data: Any, path: Path, report: Report) -> M | None:
    """The model made from `data`, which stands at `path` in the file; None after all that is wrong was reported."""
    if data is None:
        data = {}
    if not isinstance(data, dict):
        report.add(path, f"a mapping (key: value) is needed here, not {_given(data)}")
        return None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            _add(model, data, path, cast(dict[str, Any], one), report)
    except Exception as error:  # noqa: BLE001 - validators are the plugin's code
        report.add(
            path, f"the check of {model.__name__} failed: {type(error).__name__}", "this is a fault of the plugin"
        )
    return None


def _add(model: type[BaseModel], data: Any, path: Path, error: Mapping[str, Any], report: Report) -> None:
    kind: str = error["type"]
    found = _in_file(data, error["loc"], missing=kind == "missing")
    where = (*path, *found)
    if kind == "missing":
        field = _fields(model, found[:-1]).get(str(found[-1])) if found else None
        report.add(where, "is missing", (field or "").rstrip("."))
    elif kind == "extra_forbidden":
        report.add(where, "is no known key", one_of(str(found[-1]), _fields(model, found[:-1])))
    elif kind in {"literal_error", "enum"}:
        allowed = str(error.get("ctx", {}).get("expected", ""))
        word = error["input"] if isinstance(error["input"], str) else ""
        names = [a.strip().strip("'") for a in allowed.replace(" or ", ", ").split(",")]
        report.add(where, "this value is not allowed", one_of(word, names))
    else:
        message, hint = _words(kind, error)
        report.add(where, message, hint)


def _words(kind: str, error: Mapping[str, Any]) -> tuple[str, str]:
    if kind in {"value_error", "assertion_error"}:
        return str(error["msg"]).partition(", ")[2] or str(error["msg"]), ""
    if kind == "string_pattern_mismatch":
        return "these characters are not allowed", f"it must match {error['ctx']['pattern']}"
    wanted = next(
        (w for k, w in _WANTED.items() if kind.startswith(f"{k}_") and not kind.endswith(("_short", "_long"))), ""
    )
    if kind in {"timezone_naive", "timezone_aware"}:
        wanted = _WANTED["timezone"]
    if not wanted:
        return _of_pydantic(kind, error), ""
    given = error["input"]
    if wanted == "text" and not isinstance(given, list | dict) and given is not None:
        return f"text is needed here, not {_given(given)}", "put it in quotes"
    if wanted == "a list" and isinstance(given, str):
        return "a list is needed here, not text", "write it in brackets: [one, two]"
    return f"{wanted} is needed here, not {_given(given)}", ""


def _of_pydantic(kind: str, error: Mapping[str, Any]) -> str:
    if kind == "too_short":
        return f"at least {error['ctx']['min_length']} needed here, not {error['ctx']['actual_length']}"
    return str(error["msg"]).replace("Input should", "it must").replace("input should", "it must")


def _given(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return "this text" if isinstance(value, str) else "a number"


def _in_file(data: Any, loc: tuple[str | int, ...], *, missing: bool) -> Path:
    """The parts of pydantic's location that exist in the file: it also names members of unions and validators."""
    found: list[str | int] = []
    here = data
    for position, part in enumerate(loc):
        in_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, dict) and part in here):
            here = here[part]
        elif not (missing and position == len(loc) - 1):
            continue
        found.append(part)
    return tuple(found)


def _fields(model: type[BaseModel], path: Path) -> dict[str, str]:
    """Keys that may stand at `path` inside `model`, with their descriptions."""
    models = [model]
    for part in path:
        if isinstance(part, int):
            continue
        inner = [f.annotation for m in models for n, f in m.model_fields.items() if (f.alias or n) == part or n == part]
        # A part that is no field is a key of a mapping: the models stay those of the mapping's values.
        models = [m for annotation in inner for m in models_of(annotation)] if inner else models
    return {f.alias or n: f.description or "" for m in models for n, f in m.model_fields.items()}

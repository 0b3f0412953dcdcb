"""From any JSON to a canonical record, by the settings alone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import jmespath
from pydantic import ValidationError

from caseconnect.models import File, Record
from caseconnect.sdk.errors import PermanentError

from .bodies import Sent
from .config import FileSettings, KindSettings
from .files import FileRules
from .kinds import Kind


def record_of(kind: Kind, sent: Sent, settings: KindSettings, rules: FileRules, delivery_id: str) -> Record:
    """The record that a body means. `PermanentError` names the fields that do not fit, never their values."""
    fields = _mapped(sent.data, settings) if settings.map else _canonical(kind, sent.data)
    for name, value in settings.constants.items():
        if fields.get(name) in (None, "", []):
            fields[name] = value
    _translate(fields, settings)
    fields["id"] = _text(jmespath.search(settings.id, sent.data)) if settings.id else fields.get("id")
    fields["id"] = str(fields["id"] or delivery_id)
    fields["files"] = [
        *_files(sent.data, settings.files, rules),
        *(rules.take(f.name, f.media_type, f.content) for f in sent.files),
    ]
    try:
        return kind.record.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise PermanentError(f"it is no {kind.name}: {_problems(error)}") from None


def _mapped(data: Mapping[str, Any], settings: KindSettings) -> dict[str, Any]:
    return {name: jmespath.search(path, data) for name, path in settings.map.items()}


def _canonical(kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it is. A field that the record has not is a slip of the sender's, and said."""
    known = {*kind.record.model_fields} - {"files"}
    unknown = sorted(set(data) - known - {"files"})
    if unknown:
        near = get_close_matches(unknown[0], known, n=1)
        hint = f": did you mean {near[0]}?" if near else f"; allowed are {', '.join(sorted(known))}"
        raise PermanentError(f"{unknown[0][:60]!r} is no field of {kind.name}{hint}")
    return {name: value for name, value in data.items() if name != "files"}


def _translate(fields: dict[str, Any], settings: KindSettings) -> None:
    for name, meanings in settings.values.items():
        came = _text(fields.get(name))
        if came is not None:
            fields[name] = meanings.get(came, meanings.get("*", came))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _files(data: Mapping[str, Any], settings: FileSettings, rules: FileRules) -> list[File]:
    each = jmespath.search(settings.each, data) if settings.each else data.get("files")
    if each is None:
        return []
    if not isinstance(each, list):
        raise PermanentError("the files are no list")
    return [_file(entry, settings, rules) for entry in each]


def _file(entry: Any, settings: FileSettings, rules: FileRules) -> File:
    def part(path: str) -> str:
        return str(jmespath.search(path, entry) or "") if path else ""

    name, url, content = part(settings.name), part(settings.url), part(settings.content)
    if content:
        try:
            return rules.take(name, part(settings.media_type), base64.b64decode(content, validate=True))
        except binascii.Error:
            raise PermanentError(f"the content of file {name[:60]!r} is no base64") from None
    return File(id=url, name=name or url.rpartition("/")[2].partition("?")[0], media_type=part(settings.media_type))


def _problems(error: ValidationError) -> str:
    """Where it does not fit and why. Not what came: that may be personal data."""
    found = [f"{'.'.join(map(str, e['loc'])) or 'the body'}: {e['msg']}" for e in error.errors(include_input=False)]
    return "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")

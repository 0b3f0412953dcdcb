"""One function for each operation of the API. The caller is known, within the rate, and spoke to an offered path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .bodies import File, file_parts, form, json_body, json_part, media_type, refuse_other_parts
from .errors import Refused
from .model import Attachment, Case, CaseDefinition, Identity, JsonObject
from .profile import Profile
from .query import envelope, select
from .settings import DefinitionSettings
from .store import CaseStore
from .wire import Writer, read_case


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be carried out: whose store, who asks, and the ids of its path."""

    request: Request
    store: CaseStore
    identity: Identity
    params: Mapping[str, str]

    @property
    def profile(self) -> Profile:
        """The tenant's profile."""
        return self.store.profile

    @property
    def writer(self) -> Writer:
        """Writes answers in the tenant's profile."""
        people = {person.id: person for person in self.store.people}
        return Writer(self.profile, people.get)

    @property
    def definition(self) -> CaseDefinition:
        """The definition of the path."""
        return self.store.definition(self.params["definition"])

    @property
    def case(self) -> Case:
        """The case of the path, which must be of the path's definition where that has one."""
        return self.store.case(self.params["case"], self.params.get("definition"))

    def case_json(self, case: Case) -> JsonObject:
        """A case as the answer shows it."""
        return self.writer.case(case, self.store.definition(case.definition_id))

    def case_answer(self, case: Case, status: int) -> Response:
        """A case with its `ETag` where the profile has one."""
        headers = {"ETag": f'"{case.version}"'} if self.profile.etag else {}
        return JSONResponse(self.case_json(case), status, headers=headers)


async def list_definitions(call: Call) -> Response:
    """The tenant's definitions."""
    rows = list(call.store.definitions.values())
    found = envelope(call.profile, call.request.query_params, "caseDefinitions", rows, call.writer.definition)
    return JSONResponse(found)


async def create_definition(call: Call) -> Response:
    """A new definition from name, description, and optionally id, stages and outcomes."""
    body = await json_body(call.request)
    if not isinstance(body.get("name"), str):
        raise Refused(400, "A case definition needs a name.")
    wanted = DefinitionSettings(
        id=str(body.get("id") or call.store.new_id()),
        config_id=str(body.get(call.profile.config_id_key) or call.store.new_id()),
        name=body["name"],
        description=str(body.get("description") or ""),
        stages=_texts(body, "stages"),
        outcomes=_texts(body, "outcomes"),
    )
    definition = call.store.create_definition(wanted, call.identity)
    return JSONResponse(call.writer.definition(definition), call.profile.create_status)


def _texts(body: JsonObject, key: str) -> tuple[str, ...]:
    rows = body.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise Refused(400, f"{key} must be a list of texts.")
    return tuple(rows)


async def read_definition(call: Call) -> Response:
    """One definition."""
    return JSONResponse(call.writer.definition(call.definition))


async def update_definition(call: Call) -> Response:
    """General settings, as a file part or as plain JSON."""
    definition = call.definition
    if media_type(call.request) == "multipart/form-data":
        async with form(call.request) as parts:
            refuse_other_parts(parts, call.profile.definition_part)
            body = await json_part(parts, call.profile.definition_part, as_file=call.profile.json_part_is_file)
    else:
        body = await json_body(call.request)
    call.store.update_definition(definition, body, call.identity)
    return JSONResponse(call.writer.definition(definition), call.profile.edit_status)


async def create_stage(call: Call) -> Response:
    """A new stage of a definition."""
    body = await json_body(call.request)
    stage = call.store.create_stage(call.definition, body.get("name"), call.identity)
    return JSONResponse({"id": stage, "name": body["name"]}, call.profile.create_status)


async def create_case(call: Call) -> Response:
    """A new case, with its documents when the body is multipart."""
    definition, files = call.definition, list[File]()
    if call.profile.create_encoding == "json":
        body = await json_body(call.request)
    else:
        async with form(call.request) as parts:
            refuse_other_parts(parts, call.profile.case_part, call.profile.file_part)
            body = await json_part(parts, call.profile.case_part, as_file=call.profile.json_part_is_file)
            files = await file_parts(parts, call.profile.file_part)
    _check_type(call.profile, definition, body)
    wanted = read_case(call.profile, body)
    case = call.store.create_case(definition.id, wanted, call.identity, files=files, via="api")
    if call.profile.create_answer == "id":
        return JSONResponse({call.profile.id_key: case.id}, call.profile.create_status)
    return call.case_answer(case, call.profile.create_status)


def _check_type(profile: Profile, definition: CaseDefinition, body: JsonObject) -> None:
    case_type = body.get("caseType")
    named = case_type.get("id") if isinstance(case_type, dict) else None
    if named != definition.id:
        raise Refused(400, f"caseType.id is {named!r}; it must be the definition of the path, {definition.id}.")
    config = body.get(profile.config_id_key)
    if config is None and not profile.config_id_required:
        return
    if config != definition.config_id:
        raise Refused(400, f"{profile.config_id_key} {config!r} is not the configuration of {definition.id}.")


async def list_cases(call: Call) -> Response:
    """A page of the definition's cases, as the listing's index sees them."""
    query = call.request.query_params
    definition = call.definition
    rows = select(call.profile, definition, call.store.listed(), query)
    writer = call.writer

    def row(case: Case) -> JsonObject:
        return writer.case(case, definition) if call.profile.list_rows == "full" else writer.summary(case)

    return JSONResponse(envelope(call.profile, query, "cases", rows, row))


async def read_case_by_id(call: Call) -> Response:
    """One case as it is now."""
    return call.case_answer(call.case, 200)


async def edit_case_data(call: Call) -> Response:
    """The documented edit; merge or replace is the profile's."""
    case = call.case
    body = await json_body(call.request)
    expected = call.request.headers.get("if-match")
    if call.profile.etag and expected not in (None, "*", f'"{case.version}"'):
        raise Refused(409, f"Case {case.number} was changed since version {expected}; read it again.")
    call.store.edit_case(case.id, read_case(call.profile, body), call.identity, via="api")
    return _edited(call, case)


async def close_case(call: Call) -> Response:
    """Close a case."""
    case = call.store.close(call.case.id, call.identity, via="api")
    return _edited(call, case)


def _edited(call: Call, case: Case) -> Response:
    if call.profile.edit_answer == "empty":
        return Response(status_code=call.profile.edit_status)
    return call.case_answer(case, call.profile.edit_status)


async def add_comment(call: Call) -> Response:
    """A comment by the caller."""
    case = call.case
    body = await json_body(call.request)
    text = body.get(call.profile.comment_key)
    if not isinstance(text, str):
        raise Refused(400, f"A comment needs a text in {call.profile.comment_key!r}.")
    comment = call.store.comment(case.id, text, call.identity, via="api")
    return JSONResponse(call.writer.comment(comment), call.profile.create_status)


async def list_comments(call: Call) -> Response:
    """A page of a case's comments, oldest first."""
    rows, query = call.case.comments, call.request.query_params
    return JSONResponse(envelope(call.profile, query, "comments", rows, call.writer.comment))


async def add_attachment(call: Call) -> Response:
    """One document, as a file part."""
    case = call.case
    async with form(call.request) as parts:
        refuse_other_parts(parts, call.profile.attachment_part)
        files = await file_parts(parts, call.profile.attachment_part)
    if len(files) != 1:
        raise Refused(400, f"Exactly one part {call.profile.attachment_part!r} is needed; {len(files)} sent.")
    name, kind, content = files[0]
    document = call.store.attach(case.id, name, content, kind, call.identity, via="api")
    return JSONResponse(call.writer.attachment(document), call.profile.create_status)


async def list_attachments(call: Call) -> Response:
    """A page of a case's documents, oldest first."""
    rows, query = call.case.attachments, call.request.query_params
    return JSONResponse(envelope(call.profile, query, "attachments", rows, call.writer.attachment))


async def read_attachment(call: Call) -> Response:
    """The bytes of a document."""
    return document_answer(find_attachment(call.case, call.params["attachment"]))


def find_attachment(case: Case, attachment_id: str) -> Attachment:
    """A case's document by id, or a 404."""
    for document in case.attachments:
        if document.id == attachment_id:
            return document
    raise Refused(404, f"Case {case.number} has no document {attachment_id}.")


def document_answer(document: Attachment) -> Response:
    """A document as a download that no browser renders."""
    headers = {
        "Content-Type": document.media_type,
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(document.content, headers=headers)


HANDLERS: Mapping[str, Callable[[Call], Awaitable[Response]]] = {
    "list_definitions": list_definitions,
    "create_definition": create_definition,
    "read_definition": read_definition,
    "update_definition": update_definition,
    "create_stage": create_stage,
    "create_case": create_case,
    "list_cases": list_cases,
    "read_case": read_case_by_id,
    "edit_case_data": edit_case_data,
    "close_case": close_case,
    "add_comment": add_comment,
    "list_comments": list_comments,
    "add_attachment": add_attachment,
    "list_attachments": list_attachments,
    "read_attachment": read_attachment,
}
"""Operation names, as the profile's path fields call them, with what carries them out."""

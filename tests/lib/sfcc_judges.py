"""The official files of B2C Commerce as JSON Schema, and what they say of requests and answers."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx  # noqa: TID251 - what the judge reads
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from caseconnect.sdk.testing.wire import Wire

# parents: lib, tests, the repository; the specifications lie next to it.
SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs" / "sfcc"
FILES = (
    "orders-oas-v1-public.yaml",
    "customers-oas-v1-public.yaml",
    "products-oas-v1-public.yaml",
    "gift-certificates-oas-v1-public.yaml",
    "granular-replications-v1.yaml",
    "data-api.json",
)
COMMON = {401, 403, 405, 409}
"""Answers that hold for all operations and are listed at none."""

formats = FormatChecker(formats=())


@formats.checks("date-time")
def is_moment(value: Any) -> Any:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))


class Judge:
    """One specification as JSON Schema. What closes a type there closes it here, over everything it inherits."""

    # Members that the reference documents elsewhere, or whose schema comes from one demo instance.
    EXTRA: ClassVar = {"custom_object": ("creation_date", "last_modified")}
    LOOSE: ClassVar = {"country_code", "countryCode", "arguments"}

    def __init__(self, name: Any) -> None:
        text = (SPECS / name).read_text("utf-8")
        self.name = name
        self.spec = json.loads(text) if name.endswith(".json") else yaml.load(text, Loader=yaml.CSafeLoader)
        self.ocapi = name == "data-api.json"
        self.base = urlsplit(self.spec["servers"][0]["url"]).path
        self.raw = self.spec["components"]["schemas"]
        self.paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), item)
            for path, item in self.spec["paths"].items()
        ]
        self.defs = {name: self.convert(schema, name) for name, schema in self.raw.items()}

    def find(self, method: Any, path: Any) -> Any:
        if not path.startswith(self.base):
            return None
        rest = path.removeprefix(self.base)
        for pattern, item in self.paths:
            if pattern.fullmatch(rest) and method.lower() in item:
                return item[method.lower()]
        return None

    def resolve(self, schema: Any) -> Any:
        while "$ref" in schema:
            found = self.spec
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def merged(self, schema: Any) -> Any:
        """A type with everything that it inherits."""
        schema = self.resolve(schema)
        parts = [self.merged(each) for each in schema.get("allOf", ())]
        found = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            if len(schema.get("allOf", ())) == 1 and "properties" not in schema and "properties" not in part:
                return {**part, **found}
            found["properties"] = {**part.get("properties", {}), **found.get("properties", {})}
            found["required"] = [*part.get("required", ()), *found.get("required", ())]
            if "additionalProperties" in part and "additionalProperties" not in found:
                found["additionalProperties"] = part["additionalProperties"]
        return found

    def convert(self, schema: Any, name: Any = "") -> Any:
        if "$ref" in schema and schema["$ref"].startswith("#/components/schemas/"):
            return {"$ref": f"#/$defs/{schema['$ref'].rpartition('/')[2]}"}
        schema = self.merged(schema)
        kept = ("type", "enum", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems")
        found = {key: schema[key] for key in (*kept, "maxItems", "minProperties", "maxProperties") if key in schema}
        if schema.get("required"):
            found["required"] = sorted(set(schema["required"]))
        if "items" in schema:
            found["items"] = self.convert(schema["items"])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                # An integer is a number too: as oneOf the specification's own examples would fail.
                found["anyOf"] = [self.convert(each) for each in schema[word]]
        if "properties" in schema:
            found["properties"] = {
                key: {} if key in self.LOOSE else self.convert(value) for key, value in schema["properties"].items()
            }
            found["properties"] |= {key: {} for key in self.EXTRA.get(name, ())}
        return found | self.closing(schema)

    def closing(self, schema: Any) -> Any:
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and set(more) <= {"title", "description", "example"}:
            return {"patternProperties": {"^c_": {}}, "additionalProperties": False}
        if isinstance(more, dict):
            return {"additionalProperties": self.convert(more)}
        # PublishItemRequest is closed and has only alternatives: read literally, nothing would fit.
        if more is False and "properties" in schema:
            return {"additionalProperties": False}
        if "properties" in schema and more is None:
            return {
                "patternProperties": {"^(c_|_)" if self.ocapi else "^c_": {}},
                "additionalProperties": not self.ocapi,
            }
        return {}

    def errors(self, schema: Any, value: Any) -> Any:
        whole = {**self.convert(schema), "$defs": self.defs}
        found = Draft202012Validator(whole, format_checker=formats).iter_errors(value)
        return [f"{each.json_path}: {each.message[:200]}" for each in found]

    def request_errors(self, operation: Any, request: Any) -> Any:
        errors = []
        known = {self.resolve(each)["name"]: self.resolve(each) for each in operation.get("parameters", ())}
        for name, values in parse_qs(request.url.query.decode()).items():
            if name not in known:
                errors.append(f"query {name} is not defined")
                continue
            schema = self.merged(known[name]["schema"])
            value: Any = int(values[0]) if schema.get("type") == "integer" else values[0]
            value = value.split(",") if schema.get("type") == "array" else value
            errors += [f"query {name}: {each}" for each in self.errors(known[name]["schema"], value)]
        errors += [
            f"query {name} is missing"
            for name, each in known.items()
            if each["in"] == "query" and each.get("required") and name not in parse_qs(request.url.query.decode())
        ]
        body = self.resolve(operation.get("requestBody", {}))
        if request.content and "content" in body:
            errors += self.errors(body["content"]["application/json"]["schema"], json.loads(request.content))
        return errors

    def answer_errors(self, operation: Any, answer: Any) -> Any:
        documented = operation["responses"]
        found = documented.get(str(answer.status_code)) or documented.get("default")
        if found is None:
            common = answer.status_code in COMMON and set(answer.json()) >= {"title", "type", "detail"}
            return [] if common else [f"status {answer.status_code} is not documented"]
        if not answer.content:
            return [] if "content" not in self.resolve(found) or answer.status_code == 204 else ["body is missing"]
        content = self.resolve(found).get("content") or self.resolve(documented["default"])["content"]
        media_type = answer.headers["content-type"].partition(";")[0]
        errors = [] if media_type in content else [f"{media_type} is not documented"]
        return errors + self.errors(next(iter(content.values()))["schema"], answer.json())


def judges() -> "list[Judge]":
    """A judge for each file; where they are not kept, the test is skipped."""
    if not SPECS.is_dir():
        pytest.skip("the folder `shared` with the specifications is not next to the repository")
    return [Judge(name) for name in FILES]


def verdicts(judges: Any, seen: Any) -> Any:
    """What is wrong, and which operations (as the specification calls them) had a judge."""
    wrong, judged, unjudged = [], set(), set()
    for request, answer in seen:
        path = re.sub(r"^/instances/[a-z_]+", "", request.url.path)
        if path.startswith(("/_sim", "/dwsso")):
            continue
        method = request.headers.get("x-dw-http-method-override", request.method)
        found = [(judge, judge.find(method, path)) for judge in judges]
        found = [(judge, operation) for judge, operation in found if operation]
        where = f"{method} {path} -> {answer.status_code}"
        if not found:
            unjudged.add(f"{method} {re.sub(r'/[^/]*[0-9A-Z][^/]*', '/{}', path)}")
            continue
        judge, operation = found[0]
        # The specification types the body of a job's start as a string; its own documentation shows an object.
        is_job = path.endswith("/executions")
        if answer.status_code < 400 and not is_job:
            wrong += [f"{where} request {each}" for each in judge.request_errors(operation, request)]
        wrong += [f"{where} answer {each}" for each in judge.answer_errors(operation, answer)]
        judged.add((judge.name, operation["operationId"]))
    return wrong, judged, unjudged


class Recorder(Wire):
    """A wire that keeps each request with its answer."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.seen: list[tuple[Any, Any]] = []

    async def handle_async_request(self, request: Any) -> Any:
        answer = await super().handle_async_request(request)
        body = await answer.aread()
        whole = httpx.Response(answer.status_code, headers=answer.headers, content=body, request=request)
        self.seen.append((request, whole))
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

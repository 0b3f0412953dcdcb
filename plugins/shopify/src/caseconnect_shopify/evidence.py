"""Evidence for a dispute: files and a text, handed to Shopify and, when asked for, sent to the bank for good.

(Admin API 2026-10: `stagedUploadsCreate` with DISPUTE_FILE_UPLOAD, whose `resourceUrl` is the file's gid, then
`disputeEvidenceUpdate`. The scopes have to be granted by Shopify.) A file is known by the name that it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from caseconnect.models import Document
from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.commands import SubmitEvidence
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.http import Http, Part
from caseconnect_shopify import sink_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.reading import one
from caseconnect_shopify.targets import gid
from caseconnect_shopify.writing import Writer

_PLACES: Final = {
    "shippingDocumentationFile": re.compile(r"ship|track|deliver|carrier", re.IGNORECASE),
    "refundPolicyFile": re.compile(r"refund.?policy|return.?policy", re.IGNORECASE),
    "cancellationPolicyFile": re.compile(r"cancel", re.IGNORECASE),
    "customerCommunicationFile": re.compile(r"communicat|conversation|mail|chat|message", re.IGNORECASE),
    "serviceDocumentationFile": re.compile(r"service", re.IGNORECASE),
}
"""Which place of the form a document is for, by its name; everything else is uncategorized."""

_REST: Final = "uncategorizedFile"


class Evidence:
    """The evidence of one shop's disputes. `storage` opens the place where Shopify wants the files."""

    def __init__(self, client: ShopifyClient, storage: Callable[[str], Http]) -> None:
        self._client, self._storage = client, storage

    async def submit(self, command: SubmitEvidence, key: str) -> Outcome:
        """Hand over what is not there yet, and send it when asked for. Nothing can be added after that."""
        shown = await self._shown(command)
        left = _left(shown, command)
        if not left:
            return Outcome(state="done", note="it was there already")
        if shown["submitted"]:
            return Outcome(state="refused", note="too late: evidence was sent to the bank already")
        places = _placed(command.documents)
        if isinstance(places, str):
            return Outcome(state="refused", note=places)
        wanted: dict[str, Any] = {"submitEvidence": command.send}
        if "text" in left:
            wanted["uncategorizedText"] = command.text
        for place, document in places.items():
            if place in left:
                wanted[place] = {"id": await self._uploaded(document)}
        problems = await Writer(self._client).send(queries.UPDATE_EVIDENCE, {"id": shown["id"], "input": wanted})
        if any(p.get("code") == "FILE_NOT_FOUND" for p in problems):
            raise TransientError("Shopify does not find a file that was handed over")
        if problems and _left(await self._shown(command), command):
            return Outcome(state="refused", note="; ".join(dict.fromkeys(p["message"] for p in problems)))
        return Outcome(state="done")

    async def is_submitted(self, command: SubmitEvidence, key: str) -> Sighting:
        """Whether text and files are there, and sent when that was asked for."""
        return Sighting(seen=not _left(await self._shown(command), command))

    async def _shown(self, command: SubmitEvidence) -> dict[str, Any]:
        dispute = await one(self._client, queries.EVIDENCE, gid(command.dispute, "dispute", command.kind), "dispute")
        if not dispute.get("disputeEvidence"):
            raise PermanentError("Shopify does not show the evidence of this dispute: the app lacks the scope for it")
        return dict(dispute["disputeEvidence"])

    async def _uploaded(self, document: Document) -> str:
        """The id of the file at Shopify. A file that nothing refers to is dropped there by itself."""
        staged = {
            "filename": named(document),
            "mimeType": document.media_type,
            "fileSize": str(len(document.content)),
            "httpMethod": "POST",
            "resource": "DISPUTE_FILE_UPLOAD",
        }
        problems, payload = await Writer(self._client).ask(queries.STAGE_UPLOADS, {"input": [staged]})
        if problems:
            raise PermanentError(f"{document.name}: {problems[0]['message']}")
        target = (payload.get("stagedTargets") or [{}])[0]
        if not target.get("url") or not target.get("resourceUrl"):
            raise TransientError("Shopify named no place for the file")
        url = urlsplit(target["url"])
        try:
            origin = checked_url(f"{url.scheme}://{url.netloc}", "the place for the file")
        except ValueError as error:
            raise PermanentError(f"{document.name}: {error}") from error
        fields = [Part(p["name"], p["value"].encode()) for p in target["parameters"]]
        file = Part("file", document.content, filename=named(document), media_type=document.media_type)
        path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        response = await self._storage(origin).request("POST", path, parts=[*fields, file], cost=0.0, safe=True)
        if response.status >= 500 or response.status in {408, 429}:
            raise TransientError(f"the file could not be handed over (HTTP {response.status})")
        if response.status >= 300:
            raise PermanentError(f"{document.name}: the file was not taken (HTTP {response.status})")
        return str(target["resourceUrl"])


def named(document: Document) -> str:
    """The name under which a document is handed over: the same bytes have the same name."""
    return f"{document.digest[:16]}-{document.name}"


def _placed(documents: tuple[Document, ...]) -> dict[str, Document] | str:
    """Each document in a place of its own; or why that cannot be."""
    found: dict[str, Document] = {}
    for document in documents:
        place = next((p for p, words in _PLACES.items() if words.search(document.name)), _REST)
        if place in found:
            if _REST in found:
                return f"Shopify's form takes one file of each kind, no place is left for {document.name}: join them"
            place = _REST
        found[place] = document
    return found


def _left(shown: dict[str, Any], command: SubmitEvidence) -> set[str]:
    """What of the evidence is not there yet: places of files, 'text', 'send'."""
    places = _placed(command.documents)
    if isinstance(places, str):
        return {"places"}
    left = {p for p, document in places.items() if (shown.get(p) or {}).get("originalFileName") != named(document)}
    if command.text and shown.get("uncategorizedText") != command.text:
        left.add("text")
    if command.send and not shown["submitted"]:
        left.add("send")
    return left

"""Documents both ways: what agents add is read and can be sent on; what we attach is attached once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caseconnect.models import Document
from caseconnect.sdk.commands import AttachDocument, OpenCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case.composing import marked_name
from caseconnect_opentext_case.simulator import CaseInput

AGENT = "agent.one@core-case.example"
PHOTO = Document(name="photo.jpg", media_type="image/jpeg", content=b"\xff\xd8 photo")
PROFILES = ["default", "workflow-like", "no-listing", "attribute-list"]


def a_case(rig: Any) -> Any:
    return rig.store.create_case(rig.settings.definition_id, CaseInput(default={"caseTitle": "x"}), AGENT)


def attach(rig: Any, case: Any, document: Document = PHOTO) -> AttachDocument:
    return AttachDocument(document=document, target=rig.subject(case.id))


@pytest.mark.parametrize("profile", PROFILES)
def test_what_an_agent_adds_can_be_sent_on(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        case = a_case(rig)
        rig.store.attach(case.id, "Beleg Müller (1).pdf", b"%PDF paid", "application/pdf", AGENT)
        rig.store.attach(case.id, "ours.txt", b"x", "text/plain", rig.store.service)
        found = await rig.source.fetch(Need(fact="case", subject=rig.subject(case.id)))
        theirs, ours = found.files
        assert (theirs.name, theirs.media_type, theirs.size) == ("Beleg Müller (1).pdf", "application/pdf", 9)
        assert (theirs.ours, ours.ours) == (False, True)
        subject = rig.subject(theirs.id)._replace(kind="document")
        document = await rig.source.fetch(Need(fact="document", subject=subject))
        assert (document.name, document.media_type) == ("Beleg-M-ller-1-.pdf", "application/pdf")
        assert document.content == b"%PDF paid"

    run(story())


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_bytes_are_attached_once(make_rig: Any, profile: Any) -> None:
    async def story() -> None:
        rig = make_rig(profile)
        case = a_case(rig)
        first = attach(rig, case)
        assert (await rig.sink.verify(first, "k")).seen is False
        rig.fault("drop_after", "add_attachment")
        with pytest.raises(UnknownOutcome):
            await rig.sink.execute(first, "k")
        assert (await rig.sink.verify(first, "k")).seen is True
        renamed = attach(rig, case, PHOTO.model_copy(update={"name": "other.jpg"}))
        assert (await rig.sink.execute(renamed, "k2")).note == "it was there"
        assert [a.name for a in case.attachments] == [marked_name(PHOTO)]
        other = attach(rig, case, PHOTO.model_copy(update={"content": b"\xff\xd8 PHOTO"}))
        assert (await rig.sink.execute(other, "k3")).note == ""
        assert len(case.attachments) == 2

    run(story())


def test_what_came_along_with_the_case_is_known_by_its_bytes(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        await rig.sink.execute(
            OpenCase(title="t", description="d", reference="test/s/o/1/t/1", documents=(PHOTO,)), "k"
        )
        (case,) = rig.store.cases.values()
        assert (await rig.sink.execute(attach(rig, case), "k2")).note == "it was there"
        same_size = PHOTO.model_copy(update={"content": b"\xff\xd8 PHOTO"})
        assert (await rig.sink.verify(attach(rig, case, same_size), "k3")).seen is False
        assert "read_attachment" in rig.calls()

    run(story())


def test_a_digest_in_the_list_is_believed(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(attachments={"digest": "sha256"})
        case = a_case(rig)
        listed = [{"id": "1", "originalFileName": marked_name(PHOTO), "sha256": "0" * 64}]

        async def attachments(_: str) -> Any:
            return listed

        rig.sink.client.attachments = attachments
        assert (await rig.sink.verify(attach(rig, case), "k")).seen is False
        listed.append({"id": "2", "originalFileName": "x", "sha256": PHOTO.digest.upper()})
        assert (await rig.sink.verify(attach(rig, case), "k")).data == {"attachment_id": "2"}

    run(story())


def test_without_a_list_nobody_can_tell(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(paths={"list_attachments": ""})
        case = a_case(rig)
        await rig.sink.execute(attach(rig, case), "k")
        assert (await rig.sink.verify(attach(rig, case), "k")).seen is None
        assert (await rig.source.fetch(Need(fact="case", subject=rig.subject(case.id)))).files == ()

    run(story())


def test_a_list_that_is_refused_hides_no_decision(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(paths={"list_attachments": "GET /api/v1/nowhere/{case}"})
        case = a_case(rig)
        rig.store.decide(case.id, "approved", AGENT)
        found = await rig.source.fetch(Need(fact="case", subject=rig.subject(case.id)))
        assert (found.outcome, found.files) == ("approved", ())

    run(story())


def test_a_document_that_comes_in_part_is_read_again(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig()
        case = a_case(rig)
        whole = rig.store.attach(case.id, "paid.pdf", b"%PDF paid", "application/pdf", AGENT)
        subject = rig.subject(f"{case.id}/{whole.id}")._replace(kind="document")
        download = rig.source.client.download

        async def part(*asked: str) -> Any:
            return replace(await download(*asked), content=b"%PDF p")

        rig.source.client.download = part
        with pytest.raises(TransientError, match="6 bytes, the list says 9"):
            await rig.source.fetch(Need(fact="document", subject=subject))
        rig.source.client.download = download
        assert (await rig.source.fetch(Need(fact="document", subject=subject))).content == b"%PDF paid"

    run(story())


def test_documents_over_the_limits(make_rig: Any) -> None:
    async def story() -> None:
        rig = make_rig(create={"max_document_bytes": 7, "document_types": ["image/jpeg"]})
        case = a_case(rig)
        with pytest.raises(PermanentError, match="at most 7"):
            await rig.sink.execute(attach(rig, case), "k")
        with pytest.raises(PermanentError, match="text/plain"):
            await rig.sink.execute(attach(rig, case, Document(name="a", media_type="text/plain", content=b"x")), "k")
        assert case.attachments == []
        big = rig.store.attach(case.id, "big.bin", b"123456789")
        subject = rig.subject(f"{case.id}/{big.id}")._replace(kind="document")
        with pytest.raises(PermanentError, match="at most 7"):
            await rig.source.fetch(Need(fact="document", subject=subject))
        assert "read_attachment" not in rig.calls()

    run(story())


@pytest.mark.parametrize("name", ["x", "a.b.c", ".hidden", "noending", "a" * 119])
def test_marked_names_keep_their_ending_and_tell_the_digest(name: str) -> None:
    document = PHOTO.model_copy(update={"name": name})
    marked = marked_name(document)
    assert document.digest[:12] in marked
    if "." in name[1:]:
        assert marked.endswith(name[name.rindex(".") :])

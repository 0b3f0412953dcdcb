"""The two fault formats: SCAPI's RFC 7807 problem and OCAPI's fault document, from one table of refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from caseconnect_sfcc.simulator.world.refusals import Refused

DOCUMENTATION = "https://api.commercecloud.salesforce.com/documentation/error/v1/errors/"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a refusal is answered: status, OCAPI exception, and SCAPI slug and title if they differ from the code."""

    status: int
    exception: str
    slug: str = ""
    title: str = ""


KINDS: Mapping[str, Kind] = {
    "order-not-found": Kind(404, "OrderNotFoundException"),
    "site-not-found": Kind(404, "SiteNotFoundException"),
    "unknown-site": Kind(404, "UnknownSiteException"),
    "shipment-not-found": Kind(404, "ShipmentNotFoundException", "not-found", "Shipment Not Found"),
    "payment-instrument-not-found": Kind(404, "PaymentInstrumentNotFoundException", "not-found"),
    "note-not-found": Kind(404, "NoteNotFoundException"),
    "product-not-found": Kind(404, "ProductNotFoundException"),
    "customer-list-not-found": Kind(404, "CustomerListNotFoundException"),
    "customer-not-found": Kind(404, "CustomerListCustomerNotFoundException"),
    "shop-customer-not-found": Kind(404, "CustomerNotFoundException"),
    "address-not-found": Kind(404, "CustomerAddressNotFoundException", "not-found", "Customer Address Not Found"),
    "object-type-not-found": Kind(404, "ObjectTypeNotFoundException"),
    "custom-object-not-found": Kind(404, "CustomObjectNotFoundException"),
    "content-not-found": Kind(404, "ContentNotFoundException"),
    "library-not-found": Kind(404, "LibraryNotFoundException"),
    "job-not-found": Kind(404, "JobNotFoundException"),
    "job-execution-not-found": Kind(404, "JobExecutionNotFoundException"),
    "attribute-definition-not-found": Kind(404, "AttributeDefinitionNotFoundException"),
    "preference-group-not-found": Kind(404, "CustomPreferenceGroupNotFoundException"),
    "gift-certificate-not-found": Kind(
        404, "GiftCertificateNotFoundException", "not-found", "Gift Certificate Not Found Exception"
    ),
    "item-not-found": Kind(404, ""),
    "process-not-found": Kind(404, ""),
    "resource-path-not-found": Kind(404, "ResourcePathNotFoundException", "resource-not-found"),
    "version-not-found": Kind(404, "VersionNotFoundException"),
    "cancel-order": Kind(409, "CancelOrderException"),
    "place-order": Kind(409, "PlaceOrderException"),
    "undo-cancel-order": Kind(409, "UndoCancelOrderException"),
    "undo-fail-order": Kind(409, "UndoFailOrderException"),
    "order-status-transition": Kind(409, "OrderStatusTransitionException"),
    "order-integration-status": Kind(409, "OrderIntegrationStatusException"),
    "order-previously-integrated-status": Kind(409, "OrderPreviouslyIntegratedStatusException"),
    "concurrent-modification": Kind(409, "ConcurrentModificationException"),
    "resource-state-conflict": Kind(409, "ResourceStateConflictException"),
    "if-match-required": Kind(409, "IfMatchRequiredException"),
    "invalid-if-match": Kind(412, "InvalidIfMatchException"),
    "published-twice": Kind(409, "", title="Item already published"),
    "too-many-queued": Kind(409, "", title="Publishing limit exceeded"),
    "replication-running": Kind(409, "", title="Replication in progress"),
    "not-on-staging": Kind(422, "", title="Not on staging instance"),
    "granular-replication-feature-not-enabled": Kind(403, "", title="Granular Replication feature is not enabled"),
    "invalid-request-body": Kind(400, "BodyDecodingException"),
    "job-already-running": Kind(400, "JobAlreadyRunningException"),
    "hook-status": Kind(400, "HookStatusException"),
    "bad-request": Kind(400, "BodyDecodingException"),
    "type-decoding": Kind(400, "TypeDecodingException", "bad-request", "Bad Request"),
    "unknown-property": Kind(400, "UnknownPropertyException"),
    "property-constraint-violation": Kind(400, "PropertyConstraintViolationException", "constraint-violation"),
    "enum-constraint-violation": Kind(400, "EnumConstraintViolationException"),
    "invalid-custom-property": Kind(400, "InvalidCustomPropertyException"),
    "property-not-permitted": Kind(400, "PropertyNotPermittedException"),
    "unexpected-version": Kind(400, "UnexpectedVersionException"),
    "unknown-site-id": Kind(400, "UnknownSiteIdException"),
    "malformed-parameter": Kind(400, "MalformedParameterException", "value-constraint-violation"),
    "value-constraint-violation": Kind(400, "ValueConstraintViolationException"),
    "missing-query-parameter": Kind(400, "NullConstraintViolationException"),
    "undefined-query-parameter": Kind(400, "MalformedParameterException"),
    "malformed-selector": Kind(400, "MalformedSelectorException"),
    "invalid-expand-value": Kind(400, "InvalidExpandValueException"),
    "malformed-search-parameter": Kind(400, "MalformedSearchParameterException"),
    "unknown-search-field": Kind(400, "UnknownSearchFieldException", "unqueryable-field", "Unqueryable Field"),
    "unqueryable-field": Kind(400, "UnqueryableFieldException"),
    "unknown-search-operator": Kind(400, "UnknownSearchOperatorException"),
    "search-operator-not-applicable": Kind(400, "SearchOperatorNotApplicableException"),
    "term-operator-mismatch-values": Kind(400, "TermOperatorMismatchValuesException"),
    "invalid-search-field-type": Kind(400, "InvalidSearchFieldTypeException"),
    "type-missmatch": Kind(400, "TypeMissmatchException"),
    "range-filter-type": Kind(400, "RangeFilterTypeException"),
    "range-filter-value": Kind(400, "RangeFilterValueException"),
    "field-not-sortable": Kind(400, "FieldNotSortableException"),
    "malformed-key-parameter": Kind(400, "MalformedKeyParameterException"),
    "id-conflict": Kind(400, "IdConflictException"),
    "product-default-variant": Kind(400, "ProductDefaultVariantException"),
    "content-id-already-in-use": Kind(400, "ContentIdAlreadyInUseException"),
    "login-already-in-use": Kind(400, "LoginAlreadyInUseException"),
    "attribute-definition-create": Kind(400, "AttributeDefinitionCreateException"),
    "invalid-recipient-email": Kind(400, "InvalidRecipientEmailException", title="Invalid Recipient Email Exception"),
    "invalid-status": Kind(
        400, "InvalidGiftCertificateStatusException", title="Invalid Gift Certificate Status Exception"
    ),
    "invalid": Kind(400, "InvalidGiftCertificateException", title="Invalid Gift Certificate Exception"),
    "merchant-id-not-unique": Kind(400, "GiftCertificateCreateMerchantIDNotUniqueException"),
    "illegal-http-method-override": Kind(400, "IllegalHttpMethodOverrideException"),
    "authorization-header-missing": Kind(401, "AuthorizationHeaderMissingException", "invalid-access-token"),
    "invalid-access-token": Kind(401, "InvalidAccessTokenException"),
    "client-access-forbidden": Kind(403, "ClientAccessForbiddenException", "forbidden"),
    "access-without-user-forbidden": Kind(403, "AccessWithoutUserForbiddenException", "forbidden"),
    "site-offline": Kind(403, "SiteOfflineException"),
    "forbidden": Kind(403, "ClientAccessForbiddenException"),
    "method-not-allowed": Kind(405, "MethodNotAllowedException"),
    "request-entity-too-large": Kind(413, "RequestEntityTooLargeException"),
    "unsupported-content-type": Kind(415, "UnsupportedContentTypeException"),
    "internal-server-error": Kind(500, "InternalServerErrorException"),
}
"""Every refusal, by its code. Exceptions: OCAPI Global Exceptions and the operations of OCAPI Data 25.6."""


def problem(refused: Refused, media_type: str) -> JSONResponse:
    """A refusal as SCAPI answers it; `media_type` differs between the APIs."""
    kind = KINDS[refused.code]
    slug = kind.slug or refused.code
    title = kind.title or refused.code.replace("-", " ").title()
    body = {"title": title, "type": DOCUMENTATION + slug, "detail": refused.text, **_visible(refused)}
    if refused.code == "shipment-not-found":
        # The specification's example ends title and type with a comma; a client has to live with it.
        body |= {"title": f"{title},", "type": f"{DOCUMENTATION}{slug},"}
    return JSONResponse(body, kind.status, media_type=media_type)


def fault(refused: Refused, version: str) -> JSONResponse:
    """A refusal as OCAPI answers it; `version` such as 25.6."""
    kind = KINDS[refused.code]
    body = {"type": kind.exception, "message": refused.text, "arguments": _visible(refused)}
    return JSONResponse({"_v": version, "fault": body}, kind.status, media_type="application/json;charset=UTF-8")


def _visible(refused: Refused) -> dict[str, Any]:
    return {name: value for name, value in refused.arguments.items() if value is not None}

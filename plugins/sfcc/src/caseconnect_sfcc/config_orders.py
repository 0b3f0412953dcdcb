"""Settings of the merchant's own attributes on orders and profiles. Ids are without `c_`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.sdk.components import Settings

Level = Literal["none", "low", "medium", "high", "pending", "unknown"]


class OrderAttributes(Settings):
    """Attributes of orders, and of their parts."""

    shown: tuple[str, ...] = Field(
        ("SignifydCaseID", "SignifydOrderURL", "orderNote", "externalReturnStatus", "refundStatus", "giftWrap"),
        description="Order attributes that rules and cases see.",
    )
    tags: tuple[str, ...] = Field(
        ("tags", "caseconnectTags"),
        description="Order attributes that become tags: the members of a set, a text, or the name of a flag.",
    )
    hold: str = Field(
        "caseconnectHold", description="Order attribute that marks our hold, with what was there before it."
    )
    holds: tuple[str, ...] = Field(
        ("onHold", "paymentHold"), description="Order attributes that are true while others hold the order."
    )
    refunded: str = Field(
        "refundAmount", description="Order attribute with the money given back so far; empty: there is none."
    )
    avs_result: str = Field("avsResult", description="Transaction attribute with the address check of the card.")
    cvv_result: str = Field("cvvResult", description="Transaction attribute with the check of the card's code.")
    carrier: str = Field("carrier", description="Shipment attribute with the carrier.")
    promised: str = Field("promisedDate", description="Shipment or order attribute with the promised day.")
    pickup: str = Field("fromStoreId", description="Shipment attribute that is set when the shopper fetches it.")
    digital: tuple[str, ...] = Field(
        (), description="Shipping methods by which nothing is sent, such as EMAIL; gift certificates are always so."
    )
    preorder: str = Field("", description="Order or product item attribute that is set on a pre-order.")
    terms: dict[str, str] = Field(
        {}, description="Payment method of what is paid later -> payment terms, such as INVOICE: net_30."
    )
    tenders: dict[str, Literal["card", "gift_card", "store_credit", "manual", "other"]] = Field(
        {"CREDIT_CARD": "card", "GIFT_CERTIFICATE": "gift_card"}, description="Payment method -> tender."
    )


class CustomerAttributes(Settings):
    """Attributes of profiles."""

    shown: tuple[str, ...] = Field(
        ("loyaltyID", "loyaltyStatus", "loyaltyPointsBalance"), description="Profile attributes that rules see."
    )
    tags: tuple[str, ...] = Field(
        ("vip", "caseconnectTags"), description="Profile attributes that become tags, as with orders."
    )


class RiskSettings(Settings):
    """Where fraud services write, and what their words mean."""

    levels: dict[str, dict[str, Level]] = Field(
        {
            "SignifydGuaranteeDisposition": {"approved": "low", "declined": "high"},
            "SignifydPolicy": {"accept": "low", "hold": "medium", "reject": "high"},
            "accertifyRecCode": {"accept": "low", "review": "medium", "reject": "high"},
        },
        description="Order attribute -> its values in lower case -> level. The worst one counts.",
    )
    facts: tuple[str, ...] = Field(
        ("SignifydFraudScore", "SignifydPolicyName", "riskifiedOrderAnalysis", "accertifyScore"),
        description="Order attributes that are shown as reasons.",
    )
    not_confirmed: Level = Field(
        "medium",
        description="Level of a placed order that is not confirmed: the storefront's fraud hook flagged it.",
    )

"""What the pruned schema keeps: root operations, and the objects that a selection may pass through.

Connections, edges, payloads, their user errors, and every input, enum and scalar that these need follow by themselves.
"""

_QUERIES_WORDS = """
    abandonedCheckouts bulkOperation bulkOperations currentAppInstallation currentBulkOperation customer
    customerByIdentifier customers dispute disputeEvidence disputes draftOrder draftOrders event events files
    fulfillment fulfillmentOrder fulfillmentOrders giftCard job location locations manualHoldsFulfillmentOrders
    metafieldDefinition metafieldDefinitions node nodes order orderByIdentifier orders ordersCount
    productVariants publicApiVersions refund return returnCalculate returnReasonDefinitions returnableFulfillments shop
    shopifyPaymentsAccount storeCreditAccount webhookSubscription webhookSubscriptions webhookSubscriptionsCount
"""
QUERIES = frozenset(_QUERIES_WORDS.split())

_MUTATIONS_WORDS = """
    bulkOperationCancel bulkOperationRunQuery customerMerge customerUpdate disputeEvidenceUpdate draftOrderComplete
    draftOrderCreate draftOrderDelete draftOrderInvoiceSend draftOrderUpdate fileCreate fileUpdate
    fulfillmentCreate fulfillmentEventCreate fulfillmentOrderCancel fulfillmentOrderHold fulfillmentOrderMove
    fulfillmentOrderOpen fulfillmentOrderReleaseHold fulfillmentOrderReportProgress fulfillmentOrderReschedule
    fulfillmentOrderSplit giftCardCreate giftCardCredit giftCardDebit
    metafieldDefinitionCreate metafieldDefinitionPin metafieldDefinitionUpdate metafieldsDelete metafieldsSet
    orderCancel orderCapture orderClose orderEditAddCustomItem orderEditAddVariant orderEditBegin orderEditCommit
    orderEditSetQuantity orderInvoiceSend orderMarkAsPaid
    orderOpen orderRiskAssessmentCreate orderUpdate refundCreate removeFromReturn returnApproveRequest
    returnCancel returnClose returnCreate returnDeclineRequest returnProcess returnReopen returnRequest
    stagedUploadsCreate storeCreditAccountCredit storeCreditAccountDebit tagsAdd tagsRemove
    webhookSubscriptionCreate webhookSubscriptionDelete webhookSubscriptionUpdate
"""
MUTATIONS = frozenset(_MUTATIONS_WORDS.split())

_OBJECTS_WORDS = """
    AbandonedCheckout AbandonedCheckoutLineItem AccessScope AdditionalFee ApiVersion App AppInstallation Attribute
    AutomaticDiscountApplication BasePaymentDetails BasicEvent BulkOperation BusinessEntity CalculatedLineItem
    CalculatedOrder CalculatedReturn CardPaymentDetails CashRoundingAdjustment CommentEvent Company Count
    CurrencyExchangeAdjustment Customer CustomerEmailAddress CustomerMergeable CustomerPhoneNumber
    CustomerStatistics DeliveryMethod DiscountAllocation DiscountApplication DiscountCodeApplication Domain
    DraftOrder DraftOrderAppliedDiscount DraftOrderLineItem Duty Event ExchangeLineItem File Fulfillment
    FulfillmentEvent FulfillmentHold FulfillmentLineItem FulfillmentOrder FulfillmentOrderAssignedLocation
    FulfillmentOrderDestination FulfillmentOrderLineItem FulfillmentOrderMerchantRequest FulfillmentOrderSplitResult
    FulfillmentOrderSupportedAction FulfillmentOriginAddress FulfillmentService FulfillmentTrackingInfo GenericFile
    GiftCard GiftCardCreditTransaction GiftCardDebitTransaction GiftCardTransaction HasCompareDigest HasEvents
    HasMetafields HasStoreCreditAccounts Image InvoiceReturnOutcome Job LegacyInteroperability LineItem
    LineItemGroup LocalPaymentMethodsPaymentDetails Location MailingAddress ManualDiscountApplication MediaImage
    Metafield MetafieldDefinition MetafieldDefinitionType MetafieldIdentifier MoneyBag MoneyV2 Node Order
    OrderAdjustment OrderApp OrderCancelJobResult OrderCancellation OrderDisputeSummary OrderEditSession
    OrderPaymentCollectionDetails OrderRisk OrderRiskAssessment OrderRiskSummary OrderTransaction PaymentDetails
    PaymentTerms PaypalWalletPaymentDetails PricingPercentageValue PricingValue Product ProductVariant Publication
    PurchasingCompany PurchasingEntity Refund RefundDuty RefundLineItem RefundReturnOutcome RefundShippingLine
    ResourceAlert
    RestockingFee Return ReturnDecline ReturnLineItem ReturnLineItemType ReturnOutcomeFinancialTransfer
    ReturnReasonDefinition ReturnShippingFee ReturnableFulfillment ReturnableFulfillmentLineItem
    ReverseFulfillmentOrder ReverseFulfillmentOrderDisposition ReverseFulfillmentOrderLineItem RiskFact
    ScriptDiscountApplication ShippingLine ShippingRefund Shop ShopAddress ShopPayInstallmentsPaymentDetails
    ShopPlan ShopifyPaymentsAccount ShopifyPaymentsDispute ShopifyPaymentsDisputeEvidence
    ShopifyPaymentsDisputeFileUpload ShopifyPaymentsDisputeFulfillment ShopifyPaymentsDisputeReasonDetails
    ShopifyProtectOrderSummary StaffMember StagedMediaUploadTarget StagedUploadParameter StoreCreditAccount
    StoreCreditAccountCreditTransaction StoreCreditAccountDebitTransaction StoreCreditAccountExpirationTransaction
    StoreCreditAccountTransaction StoreCreditAccountTransactionOrigin SuggestedOrderTransaction SuggestedRefund
    SuggestedRefundMethod SuggestedReturnFinancialOutcome SuggestedReturnRefund SuggestedStoreCreditRefund TaxLine
    TransactionFee UnverifiedReturnLineItem WebhookEventBridgeEndpoint WebhookHttpEndpoint WebhookPubSubEndpoint
    WebhookSubscription WebhookSubscriptionEndpoint WebhookSubscriptionMetafieldIdentifier Weight
"""
OBJECTS = frozenset(_OBJECTS_WORDS.split())

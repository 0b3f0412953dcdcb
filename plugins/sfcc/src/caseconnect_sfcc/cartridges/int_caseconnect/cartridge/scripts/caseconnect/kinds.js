'use strict';

/**
 * What a shopper can hand in: the custom object type it becomes, the form that asks for it, what of the form is kept
 * under which attribute, and whether products are chosen.
 */
module.exports = {
    'return': {
        type: 'CaseConnectReturn',
        form: 'caseconnectreturn',
        fields: ['reason', 'wish', 'comment', 'proofOfPurchase'],
        products: 'some'
    },
    complaint: {
        type: 'CaseConnectComplaint',
        form: 'caseconnectcomplaint',
        fields: ['kind', 'trackingNumber', 'comment'],
        products: 'any'
    },
    claim: {
        type: 'CaseConnectClaim',
        form: 'caseconnectclaim',
        fields: ['serialNumber', 'purchasedAt', 'defect', 'wish'],
        products: 'one'
    },
    dispute: {
        type: 'CaseConnectDispute',
        form: 'caseconnectdispute',
        fields: ['kind', 'amount', 'points', 'comment'],
        products: 'none',
        withoutOrder: true
    }
};

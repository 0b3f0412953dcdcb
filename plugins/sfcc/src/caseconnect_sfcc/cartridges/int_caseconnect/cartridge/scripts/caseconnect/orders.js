'use strict';

/** Which order a shopper may speak of: one of their own, or one whose number and e-mail address they both know. */

var Logger = require('dw/system/Logger');
var OrderMgr = require('dw/order/OrderMgr');

function same(one, other) {
    return String(one || '').trim().toLowerCase() === String(other || '').trim().toLowerCase();
}

function owns(customer, order) {
    return Boolean(customer.authenticated && order.customer && order.customer.ID === customer.ID);
}

/**
 * @param {string} number - the order's number
 * @param {string} email - the address that the shopper gave
 * @param {string} token - the order's token, from a link in a confirmation; may be empty
 * @param {dw.customer.Customer} customer - of the session
 * @returns {dw.order.Order|null} null in every other case, so that nobody learns which numbers exist
 */
function find(number, email, token, customer) {
    var order;
    try {
        order = token ? OrderMgr.getOrder(number, token) : OrderMgr.getOrder(number);
    } catch (e) {
        // With the site preference Limit Storefront Order Access a guest needs the token.
        Logger.getLogger('caseconnect').info('an order was not shown to a shopper: {0}', e);
        return null;
    }
    if (!order) {
        return null;
    }
    return owns(customer, order) || (email && same(email, order.customerEmail)) ? order : null;
}

/** The product lines, as plain data. */
function linesOf(order) {
    var lines = [];
    var iterator = order.productLineItems.iterator();
    while (iterator.hasNext()) {
        var line = iterator.next();
        lines.push({
            id: String(line.UUID),
            productId: String(line.productID),
            name: String(line.productName),
            quantity: Number(line.quantityValue)
        });
    }
    return lines;
}

exports.find = find;
exports.linesOf = linesOf;

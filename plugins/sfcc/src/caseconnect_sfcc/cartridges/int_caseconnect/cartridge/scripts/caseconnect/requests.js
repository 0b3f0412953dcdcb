'use strict';

/** A shopper's request: checked, and kept as a custom object, once for each key. */

var CustomObjectMgr = require('dw/object/CustomObjectMgr');
var Transaction = require('dw/system/Transaction');

var MOST_OPEN = 5;

/** Quantities that were chosen, by line; null when one is not possible. */
function chosen(lines, form) {
    var items = [];
    for (var i = 0; i < lines.length; i += 1) {
        var said = form['quantity_' + lines[i].id];
        var quantity = said ? Number(said) : 0;
        if (quantity !== Math.floor(quantity) || quantity < 0 || quantity > lines[i].quantity) {
            return null;
        }
        if (quantity > 0) {
            items.push({ itemId: lines[i].id, productId: lines[i].productId, quantity: quantity });
        }
    }
    return items;
}

/** Why the choice of products does not do; null when it does. */
function problemOf(kind, items) {
    if (!items || (kind.products === 'one' && items.length !== 1) || (kind.products === 'some' && !items.length)) {
        return 'error.products.' + kind.products;
    }
    return null;
}

/** Whether the order has so many open requests of the kind that this one is too many. */
function tooMany(kind, subject) {
    var found = CustomObjectMgr.queryCustomObjects(
        kind.type,
        'custom.' + subject.attribute + ' = {0} AND custom.status = {1}',
        null,
        subject.value,
        'new'
    );
    var count = found.count;
    found.close();
    return count >= MOST_OPEN;
}

function exists(kind, key) {
    return CustomObjectMgr.getCustomObject(kind.type, key) !== null;
}

/** The attributes that depend on which products were chosen. */
function productsOf(kind, items) {
    var ids = items.map(function (each) { return each.productId; });
    if (kind.products === 'some') {
        return { items: JSON.stringify(items) };
    }
    if (kind.products === 'any') {
        return { skus: ids };
    }
    return kind.products === 'one' ? { productId: ids[0] } : {};
}

/**
 * Keeps a request. Nothing is written when one with this key exists.
 * @param {Object} kind - one of kinds.js
 * @param {string} key - of the custom object
 * @param {Object} values - attributes by name; empty ones are left out
 */
function keep(kind, key, values) {
    Transaction.wrap(function () {
        if (exists(kind, key)) {
            return;
        }
        var made = CustomObjectMgr.createCustomObject(kind.type, key);
        Object.keys(values).forEach(function (name) {
            var value = values[name];
            if (value !== null && value !== undefined && value !== '') {
                made.custom[name] = value;
            }
        });
        made.custom.status = 'new';
    });
}

exports.chosen = chosen;
exports.problemOf = problemOf;
exports.tooMany = tooMany;
exports.exists = exists;
exports.productsOf = productsOf;
exports.keep = keep;

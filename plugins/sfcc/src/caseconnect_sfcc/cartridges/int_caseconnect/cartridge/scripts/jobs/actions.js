'use strict';

/**
 * Job step: carries out the actions that the connector asked for, each at most once.
 *
 * An action is an object that the connector writes, perhaps twice when an answer was lost; so what was done is kept in a
 * receipt of the same key, which only this job writes. The receipt is made, running, in a transaction of its own before
 * the merchant's hook is called, and ends done, error or unknown. What is found running long after was interrupted:
 * nobody knows whether it happened, so it becomes unknown, for a person, and is never tried again by itself.
 *
 * What waited for too long is refused: the connector has given it to a person meanwhile, who may have done it by hand.
 */

var CustomObjectMgr = require('dw/object/CustomObjectMgr');
var HookMgr = require('dw/system/HookMgr');
var Logger = require('dw/system/Logger');
var OrderMgr = require('dw/order/OrderMgr');
var Status = require('dw/system/Status');
var Transaction = require('dw/system/Transaction');

var TYPE = 'CaseConnectAction';
var RECEIPT = 'CaseConnectReceipt';
var ACTIONS = ['refund', 'replacement', 'exchange', 'loyalty', 'notice'];
var REFUNDED = 'refundAmount';
var NOISE = 0.000001;
var LONGEST_RESULT = 1000;
var MINUTE = 60 * 1000;

function logger() {
    return Logger.getLogger('caseconnect');
}

function keysOf(type, query, argument, limit) {
    var found = CustomObjectMgr.queryCustomObjects(type, query, 'creationDate asc', argument);
    var keys = [];
    while (found.hasNext() && keys.length < limit) {
        keys.push(String(found.next().custom.actionId));
    }
    found.close();
    return keys;
}

/** Tells the connector how an action stands. */
function tell(action, receipt) {
    action.custom.status = receipt.custom.status;
    action.custom.result = receipt.custom.result;
    action.custom.startedAt = receipt.custom.startedAt;
    action.custom.finishedAt = receipt.custom.finishedAt;
}

/** Ends a running action; one that has ended stays as it is. */
function settle(key, status, result) {
    return Transaction.wrap(function () {
        var receipt = CustomObjectMgr.getCustomObject(RECEIPT, key);
        if (!receipt || String(receipt.custom.status) !== 'running') {
            return false;
        }
        receipt.custom.status = status;
        receipt.custom.result = String(result || '').substring(0, LONGEST_RESULT);
        receipt.custom.finishedAt = new Date();
        var action = CustomObjectMgr.getCustomObject(TYPE, key);
        if (action) {
            tell(action, receipt);
        }
        return true;
    });
}

/** Takes an action for this run; null when it is no longer to be had. */
function claim(key, oldest) {
    return Transaction.wrap(function () {
        var action = CustomObjectMgr.getCustomObject(TYPE, key);
        if (!action || String(action.custom.status) !== 'requested') {
            return null;
        }
        var receipt = CustomObjectMgr.getCustomObject(RECEIPT, key);
        if (receipt) {
            tell(action, receipt);
            return null;
        }
        receipt = CustomObjectMgr.createCustomObject(RECEIPT, key);
        receipt.custom.status = 'running';
        receipt.custom.startedAt = new Date();
        tell(action, receipt);
        return {
            key: key,
            late: action.creationDate < oldest,
            action: String(action.custom.action),
            orderNo: action.custom.orderNo ? String(action.custom.orderNo) : '',
            payload: action.custom.payload ? String(action.custom.payload) : '{}'
        };
    });
}

/** What the other refunds of the order gave back, and what they may have given back, by their receipts. */
function otherRefunds(claimed) {
    var sums = { done: 0, doubtful: 0 };
    keysOf(TYPE, "custom.orderNo = {0} AND custom.action = 'refund'", claimed.orderNo, Infinity).forEach(function (key) {
        var receipt = key === claimed.key ? null : CustomObjectMgr.getCustomObject(RECEIPT, key);
        var status = receipt ? String(receipt.custom.status) : 'error';
        if (status !== 'error') {
            var payload = JSON.parse(String(CustomObjectMgr.getCustomObject(TYPE, key).custom.payload));
            sums[status === 'done' ? 'done' : 'doubtful'] += Number(payload.amount);
        }
    });
    return sums;
}

/**
 * Why so much cannot be refunded. The connector looked when it asked; here refunds come one after the other, so what an
 * earlier one gave back is known. An amount that cannot be read is refused, too.
 */
function excess(claimed, order, payload) {
    if (!order) {
        return 'A refund needs an order.';
    }
    var others = otherRefunds(claimed);
    var told = REFUNDED in order.custom ? Number(order.custom[REFUNDED]) : 0;
    var left = order.totalGrossPrice.value - Math.max(told, others.done) - others.doubtful;
    var amount = Number(payload.amount);
    return amount > 0 && amount <= left + NOISE ? '' : 'Less is left of the order than the refund asks for.';
}

/** What the hook is given, or why it cannot be called. */
function prepare(claimed) {
    var point = 'app.caseconnect.' + claimed.action;
    var payload;
    if (claimed.late) {
        return { problem: 'It waited for too long, and a person was asked. Nothing was done.' };
    }
    if (ACTIONS.indexOf(claimed.action) < 0) {
        return { problem: 'There is no action of this name. Known: ' + ACTIONS.join(', ') + '.' };
    }
    if (!HookMgr.hasHook(point)) {
        return { problem: 'No hook is registered for ' + point + '.' };
    }
    try {
        payload = JSON.parse(claimed.payload);
    } catch (e) {
        return { problem: 'The payload is not JSON.' };
    }
    var order = claimed.orderNo ? OrderMgr.getOrder(claimed.orderNo) : null;
    if (claimed.orderNo && !order) {
        return { problem: 'There is no order of this number on this site.' };
    }
    var problem = claimed.action === 'refund' ? excess(claimed, order, payload) : '';
    if (problem) {
        return { problem: problem };
    }
    return { point: point, request: { key: claimed.key, orderNo: claimed.orderNo, order: order, payload: payload } };
}

/** Calls the merchant's hook. Whatever is not a clear answer is unknown: the hook may have acted. */
function call(claimed, prepared) {
    var answer;
    try {
        answer = HookMgr.callHook(prepared.point, claimed.action, prepared.request);
    } catch (e) {
        logger().error('{0} {1}: the hook failed: {2}', claimed.action, claimed.key, e);
        return { status: 'unknown', result: 'The hook failed on the way. See the log.' };
    }
    if (!answer || (answer.status !== 'done' && answer.status !== 'error')) {
        return { status: 'unknown', result: 'The hook gave no clear answer.' };
    }
    return answer;
}

function carryOut(key, oldest) {
    var claimed;
    try {
        claimed = claim(key, oldest);
    } catch (e) {
        logger().warn('{0}: somebody else wrote at the same time: {1}', key, e);
        return 'skipped';
    }
    if (!claimed) {
        return 'skipped';
    }
    var prepared;
    try {
        prepared = prepare(claimed);
    } catch (e) {
        logger().error('{0} {1}: {2}', claimed.action, key, e);
        prepared = { problem: 'The order or its refunds could not be read.' };
    }
    var outcome = prepared.problem ? { status: 'error', result: prepared.problem } : call(claimed, prepared);
    settle(key, outcome.status, outcome.result);
    return outcome.status;
}

/**
 * The step.
 * @param {Object} parameters - Limit, StaleMinutes, OldestMinutes
 * @returns {dw.system.Status} OK, or ATTENTION when a person should look
 */
function execute(parameters) {
    var limit = Number(parameters.Limit) || 100;
    var stale = new Date(Date.now() - (Number(parameters.StaleMinutes) || 60) * MINUTE);
    var oldest = new Date(Date.now() - (Number(parameters.OldestMinutes) || 60) * MINUTE);
    var counts = { done: 0, error: 0, unknown: 0, skipped: 0 };
    var interrupted = keysOf(RECEIPT, "custom.status = 'running' AND custom.startedAt < {0}", stale, limit);
    interrupted.forEach(function (key) {
        if (settle(key, 'unknown', 'The job was interrupted while the hook was at work.')) {
            counts.unknown += 1;
        }
    });
    keysOf(TYPE, 'custom.status = {0}', 'requested', limit).forEach(function (key) {
        counts[carryOut(key, oldest)] += 1;
    });
    var text = counts.done + ' done, ' + counts.error + ' failed, ' + counts.unknown + ' unknown';
    logger().info(text);
    return new Status(Status.OK, counts.error || counts.unknown ? 'ATTENTION' : 'OK', text);
}

exports.execute = execute;

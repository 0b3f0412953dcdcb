'use strict';

/**
 * Forms of the storefront: return, complaint, claim, dispute (SFRA).
 *
 * First the shopper names an order (its number and the e-mail address must agree, or it is their own), and the session
 * remembers it; only then is there a form to fill in. What is handed in becomes a custom object, which the connector
 * reads.
 */

var server = require('server');
var csrf = require('*/cartridge/scripts/middleware/csrf');

var Resource = require('dw/web/Resource');
var URLUtils = require('dw/web/URLUtils');
var UUIDUtils = require('dw/util/UUIDUtils');

var KINDS = require('*/cartridge/scripts/caseconnect/kinds');
var files = require('*/cartridge/scripts/caseconnect/files');
var orders = require('*/cartridge/scripts/caseconnect/orders');
var requests = require('*/cartridge/scripts/caseconnect/requests');

var MOST_TRIES = 10;
var KEY = /^[A-Za-z0-9]{10,40}$/;
var TOKEN = /^[\w-]{1,100}$/;

function kindOf(name) {
    return Object.prototype.hasOwnProperty.call(KINDS, name) ? KINDS[name] : null;
}

function text(key) {
    return Resource.msg(key, 'caseconnect', null);
}

/** The order that this session has shown to be the shopper's. */
function known() {
    var number = session.privacy.caseconnectOrderNo;
    if (!number) {
        return null;
    }
    return orders.find(
        String(number),
        String(session.privacy.caseconnectEmail),
        String(session.privacy.caseconnectToken || ''),
        session.customer
    );
}

function render(res, name, kind, order, problem) {
    var form = server.forms.getForm(kind.form);
    res.render('caseconnect/form', {
        kind: name,
        title: text('title.' + name),
        problem: problem ? text(problem) : '',
        orderNo: order ? order.orderNo : '',
        lines: order && kind.products !== 'none' ? orders.linesOf(order) : [],
        fields: kind.fields.map(function (id) { return form[id]; }),
        requestId: UUIDUtils.createUUID(),
        action: URLUtils.https('CaseConnect-Submit', 'kind', name).toString()
    });
}

function renderFind(res, name, problem, token) {
    res.render('caseconnect/find', {
        kind: name,
        title: text('title.' + name),
        problem: problem ? text(problem) : '',
        token: TOKEN.test(token || '') ? token : '',
        action: URLUtils.https('CaseConnect-Find', 'kind', name).toString()
    });
}

function renderThanks(res, name, key) {
    res.render('caseconnect/thanks', { title: text('title.' + name), reference: key });
}

function mayGoWithoutOrder(kind) {
    return Boolean(kind.withoutOrder && session.customer.authenticated);
}

/** What a request says of the shopper and the order. */
function whoAndWhat(kind, order) {
    var customer = session.customer.authenticated ? session.customer : null;
    var values = {
        orderNo: order ? String(order.orderNo) : '',
        customerEmail: String(order ? order.customerEmail : customer.profile.email),
        customerName: String(order ? order.customerName : customer.profile.firstName + ' ' + customer.profile.lastName),
        customerNo: customer ? String(customer.profile.customerNo) : '',
        locale: String(request.locale)
    };
    if (kind.type === 'CaseConnectDispute' && order) {
        values.currency = String(order.currencyCode);
    }
    return values;
}

/** Whether a field holds what its definition allows; the form framework was asked already, this does not rely on it. */
function isPossible(field) {
    var value = field.value;
    if (value === null || value === undefined || value === '') {
        return !field.mandatory;
    }
    if (field.options && field.options.length) {
        return field.options.some(function (each) { return each.value === value; });
    }
    return !field.maxLength || String(value).length <= field.maxLength;
}

/** What is wrong with a submitted form, as a message key; null when nothing is. */
function problemOf(kind, form, order, items) {
    if (!form.valid || !kind.fields.every(function (id) { return isPossible(form[id]); })) {
        return 'error.fields';
    }
    if (order && kind.products !== 'none') {
        var problem = requests.problemOf(kind, items);
        if (problem) {
            return problem;
        }
    }
    var subject = order
        ? { attribute: 'orderNo', value: String(order.orderNo) }
        : { attribute: 'customerNo', value: String(session.customer.profile.customerNo) };
    return requests.tooMany(kind, subject) ? 'error.toomany' : null;
}

/** Keeps the request with its files; a message key when the files do not do. */
function keep(kind, key, form, order, items) {
    var received = files.receive(request.httpParameterMap, kind.type, key);
    if (received.problem) {
        return received.problem;
    }
    var values = whoAndWhat(kind, order);
    kind.fields.forEach(function (id) { values[id] = form[id].value; });
    var products = requests.productsOf(kind, items || []);
    Object.keys(products).forEach(function (id) { values[id] = products[id]; });
    values.documents = received.documents.length ? JSON.stringify(received.documents) : '';
    try {
        requests.keep(kind, key, values);
    } catch (e) {
        received.discard();
        throw e;
    }
    return null;
}

server.get('Show', server.middleware.https, csrf.generateToken, function (req, res, next) {
    var name = req.querystring.kind;
    var kind = kindOf(name);
    if (!kind) {
        res.setStatusCode(404);
        res.render('error/notFound');
        return next();
    }
    var order = known();
    if (order || mayGoWithoutOrder(kind)) {
        server.forms.getForm(kind.form).clear();
        render(res, name, kind, order, null);
    } else {
        renderFind(res, name, null, req.querystring.token);
    }
    return next();
});

server.post('Find', server.middleware.https, csrf.validateRequest, csrf.generateToken, function (req, res, next) {
    var name = req.querystring.kind;
    if (!kindOf(name)) {
        res.setStatusCode(404);
        res.render('error/notFound');
        return next();
    }
    var tries = Number(session.privacy.caseconnectTries || 0) + 1;
    session.privacy.caseconnectTries = tries;
    var number = String(req.form.orderNo || '').trim();
    var email = String(req.form.email || '').trim();
    var token = String(req.form.token || '').trim();
    if (tries > MOST_TRIES) {
        renderFind(res, name, 'error.tries', token);
        return next();
    }
    if (!number || !orders.find(number, email, token, session.customer)) {
        renderFind(res, name, 'error.order', token);
        return next();
    }
    session.privacy.caseconnectOrderNo = number;
    session.privacy.caseconnectEmail = email;
    session.privacy.caseconnectToken = token;
    session.privacy.caseconnectTries = 0;
    res.redirect(URLUtils.https('CaseConnect-Show', 'kind', name));
    return next();
});

server.post('Submit', server.middleware.https, csrf.validateRequest, csrf.generateToken, function (req, res, next) {
    var name = req.querystring.kind;
    var kind = kindOf(name);
    var key = String(req.form.requestId || '');
    if (!kind || !KEY.test(key)) {
        res.setStatusCode(404);
        res.render('error/notFound');
        return next();
    }
    var order = known();
    if (!order && !mayGoWithoutOrder(kind)) {
        renderFind(res, name, 'error.order', '');
        return next();
    }
    if (requests.exists(kind, key)) {
        renderThanks(res, name, key);
        return next();
    }
    var form = server.forms.getForm(kind.form);
    var items = order && kind.products !== 'none' ? requests.chosen(orders.linesOf(order), req.form) : [];
    var problem = problemOf(kind, form, order, items) || keep(kind, key, form, order, items);
    if (problem) {
        render(res, name, kind, order, problem);
    } else {
        form.clear();
        renderThanks(res, name, key);
    }
    return next();
});

module.exports = server.exports();

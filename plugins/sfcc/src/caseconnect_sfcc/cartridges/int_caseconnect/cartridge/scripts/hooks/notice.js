'use strict';

/**
 * Hook app.caseconnect.notice: sends the shopper an e-mail. To send messages another way, register your own script
 * instead of this one: exactly one, because the platform calls every script that is registered.
 */

var GiftCertificateMgr = require('dw/order/GiftCertificateMgr');
var HashMap = require('dw/util/HashMap');
var Mail = require('dw/net/Mail');
var Resource = require('dw/web/Resource');
var Site = require('dw/system/Site');
var Status = require('dw/system/Status');
var Template = require('dw/util/Template');

function refused(text) {
    return { status: 'error', result: text };
}

/**
 * @param {Object} request - key, orderNo, order, payload {template, email, locale, values}
 * @returns {Object} status done or error, and the result
 */
function notice(request) {
    var payload = request.payload;
    var name = String(payload.template);
    var sender = Site.getCurrent().getCustomPreferenceValue('customerServiceEmail');
    var address = payload.email || (request.order ? request.order.customerEmail : '');
    if (!/^[a-z0-9_]{1,60}$/.test(name)) {
        return refused('The name of a template has small letters, digits and _ only.');
    }
    if (!sender) {
        return refused('The site preference customerServiceEmail is empty: nobody to send from.');
    }
    if (!address || /[\r\n,;]/.test(address)) {
        return refused('There is no e-mail address to send to.');
    }
    var model = new HashMap();
    var values = payload.values || {};
    model.put('values', values);
    model.put('orderNo', request.orderNo);
    if (values.gift_certificate) {
        var certificate = GiftCertificateMgr.getGiftCertificateByMerchantID(String(values.gift_certificate));
        if (!certificate) {
            return refused('There is no gift certificate of this id.');
        }
        model.put('giftCertificateCode', certificate.giftCertificateCode);
    }
    var content;
    try {
        content = payload.locale
            ? new Template('caseconnect/notices/' + name, String(payload.locale).replace('-', '_')).render(model)
            : new Template('caseconnect/notices/' + name).render(model);
    } catch (e) {
        // Nothing was sent yet, so this is a clear no.
        return refused('The template caseconnect/notices/' + name + ' cannot be rendered.');
    }
    var mail = new Mail();
    mail.addTo(String(address));
    mail.setFrom(String(sender));
    mail.setSubject(Resource.msg('notice.subject.' + name, 'caseconnect', Resource.msg('notice.subject', 'caseconnect', 'Your order')));
    mail.setContent(content);
    if (mail.send().status !== Status.OK) {
        return refused('The mail system did not take the message.');
    }
    return { status: 'done', result: 'The message is on its way.' };
}

exports.notice = notice;

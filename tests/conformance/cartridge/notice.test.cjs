"use strict";
const assert = require("node:assert/strict");
const { beforeEach, test } = require("node:test");
const { fresh, script } = require("./world.cjs");

const { notice } = script("scripts/hooks/notice.js");
let world;

const ask = (payload, more) => notice({ key: "k", orderNo: "1001", order: null, payload, ...more });

beforeEach(() => {
    world = fresh();
    world.templates["caseconnect/notices/message"] = (held, locale) => ({ held, locale });
});

test("a message goes to the address of the order unless another is named, in the shopper's language", () => {
    const order = { customerEmail: "jane@shopper.example" };
    assert.equal(ask({ template: "message", values: { text: "Hello" }, locale: "de-CH" }, { order }).status, "done");
    assert.equal(ask({ template: "message", email: "other@shopper.example" }, { order }).status, "done");
    const [first, second] = world.mails;
    assert.deepEqual([first.to, first.from], ["jane@shopper.example", "service@shop.example"]);
    assert.deepEqual(first.content, { held: { values: { text: "Hello" }, orderNo: "1001" }, locale: "de_CH" });
    assert.equal(second.to, "other@shopper.example");
    assert.equal(second.content.locale, undefined);
});

test("what cannot be sent is refused before anything is sent", () => {
    assert.equal(ask({ template: "../../secrets", email: "a@b.example" }).status, "error");
    assert.equal(ask({ template: "absent", email: "a@b.example" }).status, "error");
    assert.equal(ask({ template: "message" }).status, "error");
    assert.equal(ask({ template: "message", email: "a@b.example\r\nBcc: all@b.example" }).status, "error");
    assert.equal(ask({ template: "message", email: "a@b.example,c@d.example" }).status, "error");
    world.preferences = {};
    assert.equal(ask({ template: "message", email: "a@b.example" }).status, "error");
    assert.deepEqual(world.mails, []);
});

test("the code of a gift certificate is told, which no API shows", () => {
    world.certificates = { cc1: "CODE-1" };
    const asked = (id) => ask({ template: "message", email: "a@b.example", values: { gift_certificate: id } });
    assert.equal(asked("cc1").status, "done");
    assert.equal(world.mails[0].content.held.giftCertificateCode, "CODE-1");
    assert.equal(asked("cc2").status, "error");
});

test("a mail system that does not take it is an error", () => {
    world.mailStatus = 1;
    assert.equal(ask({ template: "message", email: "a@b.example" }).status, "error");
});

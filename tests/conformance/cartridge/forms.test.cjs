"use strict";
const assert = require("node:assert/strict");
const { beforeEach, test } = require("node:test");
const { fresh, routes, script, visit } = require("./world.cjs");

script("controllers/CaseConnect.js");

const KEY = "abcdefghij0123456789";
const PDF = Buffer.from("%PDF-1.7 receipt");
const KINDS = {
    return: { type: "CaseConnectReturn", form: { reason: "damaged", wish: "refund", comment: "broken", proofOfPurchase: "" } },
    complaint: { type: "CaseConnectComplaint", form: { kind: "late", trackingNumber: "T1", comment: "where is it" } },
    claim: { type: "CaseConnectClaim", form: { serialNumber: "S1", purchasedAt: "2026-01-02", defect: "does not start", wish: "repair" } },
    dispute: { type: "CaseConnectDispute", form: { kind: "loyalty", amount: null, points: 50, comment: "where" } },
};
let world;

/** A form as the storefront hands it to a controller: what its definition says, with these values. */
function fill(kind, values, valid = true) {
    const form = { valid, clear: () => (form.cleared = true) };
    for (const [id, value] of Object.entries(values)) form[id] = { formId: id, value, mandatory: false, maxLength: 2000 };
    world.forms[`caseconnect${kind}`] = form;
    return form;
}

function signIn() {
    world.customer = { authenticated: true, ID: "customer-1", profile: { email: "jane@shopper.example", customerNo: "7", firstName: "Jane", lastName: "S" } };
}

const find = (form, kind = "return") => visit("Find", { query: { kind }, form });
const submit = (kind, form = {}) => visit("Submit", { query: { kind }, form: { requestId: KEY, ...form } });
const agree = () => find({ orderNo: "1001", email: " jane@shopper.EXAMPLE" });

beforeEach(() => {
    world = fresh();
    world.order("1001");
    for (const [kind, { form }] of Object.entries(KINDS)) fill(kind, form);
});

test("every page is secure, what is posted carries a token", () => {
    for (const { verb, steps } of Object.values(routes)) {
        assert.equal(steps[0], "https");
        assert.ok(steps.includes("csrf.generateToken"));
        assert.equal(steps.includes("csrf.validateRequest"), verb === "POST");
    }
    assert.deepEqual(Object.keys(routes).sort(), ["Find", "Show", "Submit"]);
});

test("order number and e-mail must agree, and nobody learns which numbers exist", () => {
    const wrong = find({ orderNo: "1001", email: "other@shopper.example" });
    const absent = find({ orderNo: "9999", email: "jane@shopper.example" });
    assert.equal(wrong.template, "caseconnect/find");
    assert.equal(wrong.model.problem, "error.order");
    assert.deepEqual(wrong.model, absent.model);
    assert.deepEqual(find({ orderNo: "1001", email: "" }).model, absent.model);
    assert.match(agree().redirect, /CaseConnect-Show/);
    assert.equal(visit("Show", { query: { kind: "return" } }).model.orderNo, "1001");
});

test("somebody who is signed in needs no e-mail for an order of their own", () => {
    signIn();
    assert.match(find({ orderNo: "1001" }).redirect, /Show/);
    world.order("1002", { customer: { ID: "somebody-else" } });
    assert.equal(find({ orderNo: "1002" }).model.problem, "error.order");
});

test("where the site limits access to orders, a guest needs the order's token", () => {
    world.limitedOrderAccess = true;
    assert.equal(agree().model.problem, "error.order");
    assert.match(find({ orderNo: "1001", email: "jane@shopper.example", token: "token-1" }).redirect, /Show/);
    assert.equal(visit("Show", { query: { kind: "return" } }).template, "caseconnect/form");
});

test("a session may guess only so often", () => {
    for (let n = 0; n < 10; n += 1) find({ orderNo: String(n), email: "x@y.example" });
    assert.equal(agree().model.problem, "error.tries");
});

test("a token from a link is shown back only if it can be one", () => {
    assert.equal(visit("Show", { query: { kind: "return", token: '"><script>' } }).model.token, "");
    assert.equal(visit("Show", { query: { kind: "return", token: "abc-1" } }).model.token, "abc-1");
});

test("without an order that was found there is no form to send", () => {
    assert.equal(submit("return", { quantity_line1: "1" }).template, "caseconnect/find");
    assert.equal(visit("Show", { query: { kind: "return" } }).template, "caseconnect/find");
    assert.equal(world.objects.size, 0);
});

test("what is no form is not found", () => {
    agree();
    for (const kind of ["nothing", "constructor", "__proto__"]) {
        assert.equal(visit("Show", { query: { kind } }).status, 404);
        assert.equal(submit(kind).status, 404);
        assert.equal(find({}, kind).status, 404);
    }
    assert.equal(visit("Submit", { query: { kind: "return" }, form: { requestId: "../../x" } }).status, 404);
});

for (const [kind, choice, made] of [
    ["return", { quantity_line1: "2" }, { items: '[{"itemId":"line1","productId":"mug","quantity":2}]', reason: "damaged" }],
    ["complaint", { quantity_line1: "1", quantity_line2: "1" }, { skus: ["mug", "cup"], kind: "late" }],
    ["claim", { quantity_line2: "1" }, { productId: "cup", serialNumber: "S1" }],
    ["dispute", {}, { kind: "loyalty", points: 50, currency: "USD" }],
]) {
    test(`a ${kind} is kept, with its files, once`, () => {
        agree();
        world.uploads = [
            { field: "files", name: "C:\\me\\rec<e>ipt.pdf", content: PDF },
            { field: "elsewhere", name: "x.pdf", content: PDF },
        ];
        const form = world.forms[`caseconnect${kind}`];
        assert.equal(submit(kind, choice).template, "caseconnect/thanks");
        const { type } = KINDS[kind];
        const found = world.get(type, KEY);
        for (const [name, value] of Object.entries({ ...made, orderNo: "1001", status: "new" })) assert.deepEqual(found[name], value);
        assert.equal(found.customerEmail, "Jane@Shopper.example");
        assert.deepEqual([found.customerName, found.locale], ["Jane Shopper", "en_US"]);
        assert.deepEqual(JSON.parse(found.documents), [
            { name: "rec_e_ipt.pdf", path: `src/caseconnect/RefArch/${type}/${KEY}/file1.pdf`, type: "application/pdf", size: PDF.length },
        ]);
        assert.deepEqual([...world.files.keys()], [`/IMPEX/src/caseconnect/RefArch/${type}/${KEY}/file1.pdf`]);
        assert.ok(form.cleared);
        assert.equal(submit(kind, choice).template, "caseconnect/thanks");
        assert.equal(world.objects.size, 1);
    });
}

test("an account dispute needs no order when somebody is signed in", () => {
    signIn();
    assert.equal(visit("Show", { query: { kind: "dispute" } }).template, "caseconnect/form");
    assert.equal(submit("dispute").template, "caseconnect/thanks");
    const found = world.get("CaseConnectDispute", KEY);
    assert.deepEqual([found.customerNo, found.customerEmail, found.orderNo], ["7", "jane@shopper.example", undefined]);
    assert.equal(visit("Show", { query: { kind: "return" } }).template, "caseconnect/find");
});

for (const [what, kind, choice, problem] of [
    ["more than was bought", "return", { quantity_line1: "3" }, "error.products.some"],
    ["part of one", "return", { quantity_line1: "0.5" }, "error.products.some"],
    ["less than none", "return", { quantity_line1: "-1" }, "error.products.some"],
    ["no number", "return", { quantity_line1: "many" }, "error.products.some"],
    ["nothing", "return", {}, "error.products.some"],
    ["no number for a complaint", "complaint", { quantity_line1: "x" }, "error.products.any"],
    ["two products of a claim", "claim", { quantity_line1: "1", quantity_line2: "1" }, "error.products.one"],
]) {
    test(`a choice of ${what} is refused`, () => {
        agree();
        const answer = submit(kind, choice);
        assert.deepEqual([answer.template, answer.model.problem], ["caseconnect/form", problem]);
        assert.equal(world.objects.size, 0);
    });
}

test("fields are checked here, whatever the browser or the form framework let through", () => {
    agree();
    const choice = { quantity_line1: "1" };
    fill("return", KINDS.return.form, false);
    assert.equal(submit("return", choice).model.problem, "error.fields");
    fill("return", { ...KINDS.return.form, comment: "x".repeat(2001) });
    assert.equal(submit("return", choice).model.problem, "error.fields");
    fill("return", KINDS.return.form).reason.options = [{ value: "other" }];
    assert.equal(submit("return", choice).model.problem, "error.fields");
    fill("return", { ...KINDS.return.form, reason: "" }).reason.mandatory = true;
    assert.equal(submit("return", choice).model.problem, "error.fields");
    assert.equal(world.objects.size, 0);
});

for (const [what, content, problem] of [
    ["a program", Buffer.from("MZ\x90\x00 program"), "error.file.type"],
    ["a page that is called PDF", Buffer.from("<html>"), "error.file.type"],
    ["two bytes", Buffer.from([0xff, 0xd8]), "error.file.type"],
    ["an empty file", Buffer.alloc(0), "error.file.empty"],
    ["a file that is too large", Buffer.concat([PDF, Buffer.alloc(10 * 1024 * 1024)]), "error.file.large"],
]) {
    test(`${what} is not kept, nor is what came with it`, () => {
        agree();
        world.uploads = [
            { field: "files", name: "good.pdf", content: PDF },
            { field: "files", name: "x.pdf", content },
        ];
        assert.equal(submit("return", { quantity_line1: "1" }).model.problem, problem);
        assert.deepEqual([world.files.size, world.folders.size, world.objects.size], [0, 0, 0]);
    });
}

test("pictures are taken, five files and no more", () => {
    agree();
    const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
    const files = [jpeg, png, jpeg, png, jpeg];
    world.uploads = files.map((content, n) => ({ field: "files", name: `${n}.jpg`, content }));
    world.uploads.push({ field: "files", name: "", content: PDF });
    assert.equal(submit("return", { quantity_line1: "1" }).template, "caseconnect/thanks");
    const types = JSON.parse(world.get("CaseConnectReturn", KEY).documents).map((each) => each.type);
    assert.deepEqual(types, ["image/jpeg", "image/png", "image/jpeg", "image/png", "image/jpeg"]);
    world.uploads.push({ field: "files", name: "6.jpg", content: jpeg });
    const other = submit("return", { quantity_line1: "1", requestId: `${KEY}x` });
    assert.equal(other.model.problem, "error.file.many");
});

test("five open requests of a kind are enough for an order", () => {
    agree();
    for (let n = 0; n < 5; n += 1) world.object("CaseConnectReturn", `k${n}`, { orderNo: "1001", status: "new" });
    world.object("CaseConnectReturn", "other", { orderNo: "1002", status: "new" });
    assert.equal(submit("return", { quantity_line1: "1" }).model.problem, "error.toomany");
    world.get("CaseConnectReturn", "k0").status = "approved";
    assert.equal(submit("return", { quantity_line1: "1" }).template, "caseconnect/thanks");
});

test("when it cannot be kept, its files go", () => {
    agree();
    world.uploads = [{ field: "files", name: "good.pdf", content: PDF }];
    world.failNext = () => { throw new Error("no space"); };
    assert.throws(() => submit("return", { quantity_line1: "1" }), /no space/);
    assert.deepEqual([world.files.size, world.folders.size], [0, 0]);
});

"use strict";
const assert = require("node:assert/strict");
const { beforeEach, test } = require("node:test");
const { fresh, script } = require("./world.cjs");

const { execute } = script("scripts/jobs/actions.js");
const ACTION = "CaseConnectAction";
const RECEIPT = "CaseConnectReceipt";
const HOUR = 3600 * 1000;
let world;

function asked(key, more) {
    return world.object(ACTION, key, {
        status: "requested",
        action: "refund",
        orderNo: "1001",
        payload: '{"amount":"10.00"}',
        ...more,
    });
}

const run = (more) => execute({ Limit: 100, StaleMinutes: 60, ...more });

beforeEach(() => {
    world = fresh();
    world.order("1001");
    world.hooks.set("app.caseconnect.refund", () => ({ status: "done", result: "R-1" }));
});

test("an action is carried out once, with what it needs, and told", () => {
    let seen;
    world.hooks.set("app.caseconnect.refund", (request) => {
        seen = request;
        assert.equal(world.get(ACTION, "a1").status, "running");
        assert.equal(world.get(RECEIPT, "a1").status, "running");
        return { status: "done", result: "R-1" };
    });
    asked("a1");
    const status = run();
    assert.equal(status.status, 0);
    assert.deepEqual(world.statuses, ["OK"]);
    assert.deepEqual(world.calls, [["app.caseconnect.refund", "refund", "a1"]]);
    assert.equal(seen.order.customerEmail, "Jane@Shopper.example");
    assert.deepEqual([seen.key, seen.orderNo, seen.payload], ["a1", "1001", { amount: "10.00" }]);
    const { status: told, result, startedAt, finishedAt } = world.get(ACTION, "a1");
    assert.deepEqual([told, result], ["done", "R-1"]);
    assert.ok(startedAt <= finishedAt);
    run();
    assert.equal(world.calls.length, 1);
});

test("an action that is written again is told what became of it, and not done again", () => {
    asked("a1");
    run();
    asked("a1");
    run();
    assert.equal(world.calls.length, 1);
    assert.deepEqual([world.get(ACTION, "a1").status, world.get(ACTION, "a1").result], ["done", "R-1"]);
});

for (const [what, more, text] of [
    ["an unknown action", { action: "dance" }, /no action of this name/],
    ["an action without a hook", { action: "loyalty" }, /No hook/],
    ["an order that is not there", { orderNo: "9" }, /no order/],
    ["a payload that is no JSON", { payload: "{" }, /not JSON/],
]) {
    test(`${what} is an error and calls nothing`, () => {
        asked("a1", more);
        run();
        assert.deepEqual(world.statuses, ["ATTENTION"]);
        assert.equal(world.get(ACTION, "a1").status, "error");
        assert.match(world.get(ACTION, "a1").result, text);
        assert.deepEqual(world.calls, []);
    });
}

const LESS = /Less is left of the order/;
const paying = (amount) => ({ payload: JSON.stringify({ amount }) });

test("two refunds that together are more than the order: the second calls nothing", () => {
    asked("a1", paying("60.00"));
    asked("a2", paying("60.00"));
    asked("a3", paying("40.00"));
    run();
    assert.deepEqual(world.calls.map((each) => each[2]), ["a1", "a3"]);
    assert.equal(world.get(ACTION, "a2").status, "error");
    assert.match(world.get(ACTION, "a2").result, LESS);
    assert.equal(world.get(ACTION, "a3").status, "done");
});

test("what the order's attribute tells is not counted twice, and more than our refunds is counted", () => {
    const order = world.order("1001");
    world.hooks.set("app.caseconnect.refund", (request) => {
        order.custom.refundAmount = (order.custom.refundAmount ?? 0) + Number(request.payload.amount);
        return { status: "done" };
    });
    asked("a1", paying("60.00"));
    asked("a2", paying("30.00"));
    run();
    assert.equal(order.custom.refundAmount, 90);
    order.custom.refundAmount = 95;
    asked("a3", paying("10.00"));
    asked("a4", paying("5.00"));
    run();
    assert.match(world.get(ACTION, "a3").result, LESS);
    assert.equal(world.get(ACTION, "a4").status, "done");
});

test("a refund that perhaps happened leaves less, one that failed does not", () => {
    const answers = ["unknown", "error", "done"];
    world.hooks.set("app.caseconnect.refund", () => ({ status: answers.shift() }));
    for (const [key, amount] of [["a1", "50.00"], ["a2", "50.00"], ["a3", "60.00"], ["a4", "50.00"]]) {
        asked(key, paying(amount));
    }
    run();
    const ends = ["a1", "a2", "a3", "a4"].map((key) => world.get(ACTION, key).status);
    assert.deepEqual(ends, ["unknown", "error", "error", "done"]);
    assert.equal(world.calls.length, 3);
});

for (const [what, more] of [
    ["more than the order", paying("100.01")],
    ["nothing", paying("0")],
    ["what is no number", paying("much")],
    ["an order that is not named", { orderNo: "" }],
]) {
    test(`a refund of ${what} is an error and calls nothing`, () => {
        asked("a1", more);
        run();
        assert.equal(world.get(ACTION, "a1").status, "error");
        assert.deepEqual(world.calls, []);
    });
}

for (const [what, hook] of [
    ["fails", () => { throw new Error("no answer from the bank for jane@shopper.example"); }],
    ["says nothing", () => undefined],
    ["says something else", () => ({ status: "maybe" })],
]) {
    test(`a hook that ${what} leaves the action unknown, for ever`, () => {
        world.hooks.set("app.caseconnect.refund", hook);
        asked("a1");
        run();
        assert.equal(world.get(ACTION, "a1").status, "unknown");
        assert.doesNotMatch(world.get(ACTION, "a1").result, /jane/);
        asked("a1");
        run();
        assert.equal(world.get(ACTION, "a1").status, "unknown");
        assert.equal(world.calls.length, 1);
    });
}

test("a hook that refuses is an error with its reason", () => {
    world.hooks.set("app.caseconnect.refund", () => ({ status: "error", result: "x".repeat(5000) }));
    asked("a1");
    run();
    assert.deepEqual([world.get(ACTION, "a1").status, world.get(ACTION, "a1").result.length], ["error", 1000]);
});

test("killed while the hook was at work: unknown after an hour, and never again", () => {
    class Killed extends Error {}
    world.hooks.set("app.caseconnect.refund", () => {
        // The process ends here: what is committed stays, nothing after it runs.
        world.failNext = () => { throw new Killed(); };
        return { status: "done", result: "R-1" };
    });
    asked("a1");
    assert.throws(run, Killed);
    world.failNext = null;
    assert.equal(world.get(ACTION, "a1").status, "running");
    run();
    assert.equal(world.get(ACTION, "a1").status, "running");
    world.get(RECEIPT, "a1").startedAt = new Date(Date.now() - 2 * HOUR);
    run();
    assert.equal(world.get(ACTION, "a1").status, "unknown");
    assert.match(world.get(ACTION, "a1").result, /interrupted/);
    asked("a1");
    run();
    assert.equal(world.calls.length, 1);
    assert.equal(world.get(ACTION, "a1").status, "unknown");
});

test("an action that waited while the job was off is refused, because a person was asked meanwhile", () => {
    for (const [key, minutes] of [["a1", 61], ["a2", 59]]) {
        asked(key, paying("10.00"));
        world.objects.get(`${ACTION}/${key}`).at = new Date(Date.now() - minutes * 60 * 1000);
    }
    run();
    assert.deepEqual(world.calls.map((each) => each[2]), ["a2"]);
    assert.equal(world.get(ACTION, "a1").status, "error");
    assert.match(world.get(ACTION, "a1").result, /waited for too long/);
    assert.deepEqual(world.statuses, ["ATTENTION"]);
    asked("a3", paying("10.00"));
    world.objects.get(`${ACTION}/a3`).at = new Date(Date.now() - 2 * HOUR);
    run({ OldestMinutes: 180 });
    assert.equal(world.get(ACTION, "a3").status, "done");
});

test("what another run has taken meanwhile is left to it", () => {
    asked("a1");
    let first = true;
    world.failNext = () => {
        if (first) {
            first = false;
            throw new Error("concurrent modification");
        }
    };
    run();
    assert.deepEqual(world.calls, []);
    assert.equal(world.get(ACTION, "a1").status, "requested");
});

test("one that fails does not stop the others; a run takes so many at most, oldest first", () => {
    for (let n = 0; n < 5; n += 1) asked(`a${n}`, n === 1 ? { action: "dance" } : {});
    run({ Limit: 3 });
    assert.deepEqual(world.calls.map((each) => each[2]), ["a0", "a2"]);
    assert.equal(world.get(ACTION, "a3").status, "requested");
    run();
    assert.equal(world.calls.length, 4);
});

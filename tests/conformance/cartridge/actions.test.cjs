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

"use strict";
// Doubles of the platform under the cartridge. Only members that dw-calls.json lists can be touched; which ones were
// is written down at the end, so that the list can be compared with what the cartridge does.

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const CALLS = JSON.parse(fs.readFileSync(path.join(__dirname, "dw-calls.json"), "utf-8")).classes;
const CARTRIDGE = process.env.CARTRIDGE;
const used = new Set();

/** The object, as far as the documented members of its class go. */
function guard(name, object) {
    if (!CALLS[name]) throw new Error(`${name} is not in dw-calls.json`);
    const check = (member) => {
        if (typeof member !== "string") return;
        if (!CALLS[name].members.includes(member)) throw new Error(`${name}.${member} is not in dw-calls.json`);
        used.add(`${name}.${member}`);
    };
    return new Proxy(object, {
        get(target, member) {
            check(member);
            return target[member];
        },
        set() {
            throw new Error(`${name} is written to`);
        },
        construct(target, given) {
            check("constructor");
            return Reflect.construct(target, given);
        },
    });
}

process.on("exit", () => {
    if (process.env.USED) fs.writeFileSync(path.join(process.env.USED, `${process.pid}.json`), JSON.stringify([...used]));
});

/** One instance of the platform, empty. */
class World {
    constructor() {
        this.objects = new Map(); // "Type/key" -> {type, attributes, created}
        this.orders = new Map();
        this.hooks = new Map();
        this.calls = [];
        this.log = [];
        this.statuses = [];
        this.mails = [];
        this.certificates = {};
        this.files = new Map(); // full path -> Buffer
        this.folders = new Set();
        this.uploads = [];
        this.preferences = { customerServiceEmail: "service@shop.example" };
        this.templates = {};
        this.forms = {};
        this.mailStatus = 0;
        this.failNext = null; // (description) => throws when a transaction should not commit
        this.inTransaction = false;
        this.limitedOrderAccess = false;
        this.customer = { authenticated: false, ID: "guest-1", profile: null };
        this.privacy = {};
        this.created = 0;
        this.uuid = 0;
    }

    object(type, key, attributes) {
        this.objects.set(`${type}/${key}`, { type, attributes: { actionId: key, ...attributes }, created: this.created++, at: new Date() });
        return this.objects.get(`${type}/${key}`).attributes;
    }

    get(type, key) {
        return this.objects.get(`${type}/${key}`)?.attributes;
    }

    order(number, more) {
        const made = {
            orderNo: number,
            customerEmail: "Jane@Shopper.example",
            customerName: "Jane Shopper",
            customer: { ID: "customer-1" },
            currencyCode: "USD",
            lines: [
                { UUID: "line1", productID: "mug", productName: "Mug", quantityValue: 2 },
                { UUID: "line2", productID: "cup", productName: "Cup", quantityValue: 1 },
            ],
            token: "token-1",
            custom: {},
            total: 100,
            ...more,
        };
        this.orders.set(number, made);
        return made;
    }
}

let world = new World();

function fresh() {
    world = new World();
    globalThis.session = guard("dw.system.Session", {
        get customer() {
            return customerDouble(world.customer);
        },
        get privacy() {
            return world.privacy;
        },
    });
    globalThis.request = guard("dw.system.Request", {
        httpParameterMap: guard("dw.web.HttpParameterMap", { processMultipart }),
        locale: "en_US",
    });
    return world;
}

function customerDouble(plain) {
    const profile = plain.profile && guard("dw.customer.Profile", plain.profile);
    return guard("dw.customer.Customer", { ...plain, profile });
}

function iterate(name, items, more) {
    let at = 0;
    return guard(name, { hasNext: () => at < items.length, next: () => items[at++], ...more });
}

function objectDouble(record) {
    return guard("dw.object.CustomObject", {
        creationDate: record.at,
        get custom() {
            return new Proxy(record.attributes, {
                set(target, member, value) {
                    if (!world.inTransaction) throw new Error(`${member} is written outside a transaction`);
                    target[member] = value;
                    return true;
                },
            });
        },
    });
}

// The two query strings that the cartridge may build: custom.name = {n} | 'text', custom.name < {n}, joined by AND.
function matches(record, query, args) {
    return query.split(" AND ").every((part) => {
        const [, name, operator, value] = /^custom\.(\w+) (=|<) (\{\d\}|'\w+')$/.exec(part);
        const wanted = value.startsWith("{") ? args[Number(value[1])] : value.slice(1, -1);
        const found = record.attributes[name];
        return found !== undefined && (operator === "=" ? found === wanted : found < wanted);
    });
}

function orderDouble({ total, ...plain }) {
    const lines = plain.lines.map((each) => guard("dw.order.ProductLineItem", each));
    return guard("dw.order.Order", {
        ...plain,
        customer: customerDouble({ profile: null, ...plain.customer }),
        totalGrossPrice: guard("dw.value.Money", { value: total }),
        productLineItems: guard("dw.util.Collection", { iterator: () => iterate("dw.util.Iterator", lines) }),
    });
}

function fileClass() {
    const paths = new WeakMap();
    class Real {
        constructor(parent, name) {
            const full = name === undefined ? parent : `${paths.get(parent)}/${name}`;
            const double = guard("dw.io.File", {
                exists: () => world.files.has(full) || world.folders.has(full),
                length: () => world.files.get(full)?.length ?? 0,
                mkdirs: () => Boolean(world.folders.add(full)),
                renameTo: (other) => {
                    world.files.set(paths.get(other), world.files.get(full));
                    return world.files.delete(full);
                },
                remove: () => world.files.delete(full) || world.folders.delete(full),
            });
            paths.set(double, full);
            return double;
        }
    }
    Real.IMPEX = "/IMPEX";
    Real.pathOf = (file) => paths.get(file);
    return Real;
}

const RealFile = fileClass();

function processMultipart(callback) {
    for (const each of world.uploads) {
        const file = callback(each.field, each.type ?? "application/octet-stream", each.name);
        if (file !== null) world.files.set(RealFile.pathOf(file), each.content);
    }
}

class Reader {
    constructor(file) {
        const content = world.files.get(RealFile.pathOf(file));
        return guard("dw.io.RandomAccessFileReader", {
            readBytes: (count) => {
                const some = content.subarray(0, count);
                // A byte is signed in the platform's Java.
                return guard("dw.util.Bytes", { length: some.length, byteAt: (at) => some.readInt8(at) });
            },
            close: () => undefined,
        });
    }
}

class MailDouble {
    constructor() {
        const mail = {};
        const keep = (name) => (value) => {
            mail[name] = value;
        };
        return guard("dw.net.Mail", {
            addTo: keep("to"),
            setFrom: keep("from"),
            setSubject: keep("subject"),
            setContent: keep("content"),
            send: () => {
                world.mails.push(mail);
                return new StatusDouble(world.mailStatus);
            },
        });
    }
}

class StatusDouble {
    constructor(status, code, message) {
        world.statuses.push(code);
        return guard("dw.system.Status", { status, message });
    }
}
StatusDouble.OK = 0;
StatusDouble.ERROR = 1;

class TemplateDouble {
    constructor(name, locale) {
        return guard("dw.util.Template", {
            render: (model) => {
                if (!world.templates[name]) throw new Error(`no template ${name}`);
                return world.templates[name](held.get(model), locale);
            },
        });
    }
}

const held = new WeakMap();

class HashMapDouble {
    constructor() {
        const values = {};
        const double = guard("dw.util.HashMap", { put: (name, value) => (values[name] = value) });
        held.set(double, values);
        return double;
    }
}

const logger = () =>
    guard("dw.system.Log", {
        info: (...said) => world.log.push(said.join(" ")),
        warn: (...said) => world.log.push(said.join(" ")),
        error: (...said) => world.log.push(said.join(" ")),
    });

const url = (...said) => guard("dw.web.URL", { toString: () => said.join("/") });

const DOUBLES = {
    "dw.object.CustomObjectMgr": {
        getCustomObject: (type, key) => {
            const found = world.objects.get(`${type}/${key}`);
            return found ? objectDouble(found) : null;
        },
        createCustomObject: (type, key) => {
            if (!world.inTransaction) throw new Error("an object is made outside a transaction");
            if (world.objects.has(`${type}/${key}`)) throw new Error("the key exists");
            world.object(type, key, {});
            return objectDouble(world.objects.get(`${type}/${key}`));
        },
        queryCustomObjects: (type, query, sort, ...args) => {
            const found = [...world.objects.values()].filter((each) => each.type === type && matches(each, query, args));
            found.sort((one, other) => one.created - other.created);
            return iterate("dw.util.SeekableIterator", found.map(objectDouble), {
                count: found.length,
                close: () => undefined,
            });
        },
    },
    "dw.system.Transaction": {
        wrap: (callback) => {
            const before = new Map([...world.objects].map(([key, each]) => [key, { ...each, attributes: { ...each.attributes } }]));
            world.inTransaction = true;
            try {
                const result = callback();
                world.failNext?.();
                return result;
            } catch (error) {
                world.objects = before;
                throw error;
            } finally {
                world.inTransaction = false;
            }
        },
    },
    "dw.system.HookMgr": {
        hasHook: (point) => world.hooks.has(point),
        callHook: (point, name, ...given) => {
            if (world.inTransaction) throw new Error("a hook is called inside a transaction");
            world.calls.push([point, name, given[0].key]);
            return world.hooks.get(point)(...given);
        },
    },
    "dw.system.Logger": { getLogger: logger },
    "dw.system.Site": {
        getCurrent: () =>
            guard("dw.system.Site", {
                getID: () => "RefArch",
                getCustomPreferenceValue: (name) => world.preferences[name] ?? null,
            }),
    },
    "dw.system.Status": StatusDouble,
    "dw.order.OrderMgr": {
        getOrder: (number, token) => {
            const found = world.orders.get(number);
            if (!found || (token !== undefined && token !== found.token)) return null;
            if (token === undefined && world.limitedOrderAccess && found.customer.ID !== world.customer.ID)
                throw new Error("Unauthorized access to order");
            return orderDouble(found);
        },
    },
    "dw.order.GiftCertificateMgr": {
        getGiftCertificateByMerchantID: (id) =>
            id in world.certificates
                ? guard("dw.order.GiftCertificate", { giftCertificateCode: world.certificates[id] })
                : null,
    },
    "dw.io.File": RealFile,
    "dw.io.RandomAccessFileReader": Reader,
    "dw.net.Mail": MailDouble,
    "dw.util.HashMap": HashMapDouble,
    "dw.util.Template": TemplateDouble,
    "dw.util.UUIDUtils": { createUUID: () => `0123456789abcdef${++world.uuid}` },
    "dw.web.Resource": { msg: (key, bundle, other) => other ?? key },
    "dw.web.URLUtils": { https: url },
};

// The storefront's own modules (SFRA), as far as the controller uses them.
const routes = {};
const chain = (verb) => (name, ...steps) => {
    routes[name] = { verb, steps };
};
const SFRA = {
    server: {
        get: chain("GET"),
        post: chain("POST"),
        middleware: { https: "https" },
        forms: { getForm: (name) => world.forms[name] },
        exports: () => routes,
    },
    "*/cartridge/scripts/middleware/csrf": { generateToken: "csrf.generateToken", validateRequest: "csrf.validateRequest" },
};

const load = Module._load;
Module._load = function (asked, ...rest) {
    if (asked in SFRA) return SFRA[asked];
    if (asked.startsWith("dw/")) {
        const name = asked.replaceAll("/", ".");
        if (!DOUBLES[name]) throw new Error(`${name} has no double`);
        return guard(name, DOUBLES[name]);
    }
    if (asked.startsWith("*/cartridge/")) return load.call(this, path.join(CARTRIDGE, asked.slice(2)), ...rest);
    return load.call(this, asked, ...rest);
};

/** A script of the cartridge. */
const script = (name) => require(path.join(CARTRIDGE, "cartridge", name));

/** Calls a route's handler and tells what it answered. */
function visit(name, { query = {}, form = {} } = {}) {
    const answer = {};
    const res = {
        render: (template, model) => Object.assign(answer, { template, model }),
        redirect: (to) => Object.assign(answer, { redirect: to.toString() }),
        setStatusCode: (status) => Object.assign(answer, { status }),
    };
    let went = 0;
    routes[name].steps.at(-1)({ querystring: query, form }, res, () => (went += 1));
    if (went !== 1) throw new Error(`next() was called ${went} times`);
    return answer;
}

module.exports = { fresh, script, visit, routes, current: () => world };

"""The tables, and how an older file becomes a newer one. Made with sqlite-utils' migrations.

A file that lists a migration this program does not know is from a newer program and is refused.
"""

from __future__ import annotations

from secrets import token_hex

from sqlite_utils import Database, Migrations

from caseconnect.host.journal import sealing
from caseconnect.host.journal.errors import JournalNewer

migrations = Migrations("caseconnect")

_FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, connection TEXT NOT NULL, topic TEXT NOT NULL,
    delivery_id TEXT NOT NULL, received_at TEXT NOT NULL, polled INTEGER NOT NULL, headers TEXT NOT NULL,
    body BLOB, ref_of INTEGER, digest BLOB NOT NULL, flagged INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'new', reason TEXT NOT NULL DEFAULT '', due TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (tenant, connection, delivery_id, topic, digest);
CREATE INDEX deliveries_body ON deliveries (digest) WHERE body IS NOT NULL;
CREATE INDEX deliveries_open ON deliveries (tenant, due, seq) WHERE state IN ('new', 'waiting');
CREATE INDEX deliveries_waiting ON deliveries (due) WHERE state = 'waiting';
CREATE INDEX deliveries_parked ON deliveries (seq) WHERE state = 'parked';

CREATE TABLE cursors (
    tenant TEXT NOT NULL, connection TEXT NOT NULL, cursor TEXT NOT NULL, saved_at TEXT NOT NULL,
    PRIMARY KEY (tenant, connection)
) WITHOUT ROWID;
CREATE TABLE schedules (
    tenant TEXT NOT NULL, connection TEXT NOT NULL, due TEXT NOT NULL, last TEXT, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, connection)
) WITHOUT ROWID;
CREATE TABLE firsts (
    tenant TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE TABLE aliases (
    tenant TEXT NOT NULL, alias TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (tenant, alias)
) WITHOUT ROWID;

CREATE INDEX aliases_subject ON aliases (tenant, subject);
CREATE TABLE labels (
    label TEXT NOT NULL, tenant TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (label, tenant, subject)
) WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, tenant TEXT NOT NULL, lane TEXT NOT NULL, type TEXT NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL, delivery INTEGER, at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready', due TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', decision INTEGER
);
CREATE UNIQUE INDEX events_id ON events (tenant, id);
CREATE INDEX events_open ON events (tenant, seq) WHERE state = 'ready';
CREATE INDEX events_waiting ON events (tenant, due) WHERE state = 'waiting';
CREATE INDEX events_waiting_lane ON events (tenant, lane) WHERE state = 'waiting';
CREATE INDEX events_lane ON events (tenant, lane, seq);
CREATE INDEX events_parked ON events (seq) WHERE state = 'parked';
CREATE INDEX events_delivery ON events (delivery);

CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, lane TEXT NOT NULL, at TEXT NOT NULL, answers TEXT NOT NULL,
    facts BLOB
);
CREATE INDEX decisions_lane ON decisions (tenant, lane, seq);

CREATE TABLE matters (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL, topic TEXT NOT NULL, item TEXT NOT NULL,
    observe INTEGER NOT NULL, episode INTEGER NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL,
    reference TEXT NOT NULL, uses TEXT NOT NULL, findings TEXT NOT NULL, cases TEXT NOT NULL, case_subject TEXT,
    case_number TEXT, case_url TEXT, stage TEXT, acted_on TEXT, opened_at TEXT NOT NULL, closed_at TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX matters_open ON matters (tenant, subject, topic, item, observe) WHERE state = 'open';
CREATE UNIQUE INDEX matters_key ON matters (tenant, subject, topic, item, observe, episode);
CREATE UNIQUE INDEX matters_reference ON matters (tenant, reference);
CREATE INDEX matters_case ON matters (tenant, case_subject) WHERE case_subject IS NOT NULL;

CREATE TABLE commands (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, base TEXT NOT NULL, generation INTEGER NOT NULL,
    tenant TEXT NOT NULL, matter TEXT NOT NULL, use TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    connection TEXT NOT NULL, target TEXT, slot TEXT, value TEXT, after TEXT NOT NULL, body BLOB NOT NULL,
    ground TEXT NOT NULL,
    protective INTEGER NOT NULL, waits INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, due TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, looked INTEGER NOT NULL DEFAULT 0, sent_at TEXT, deadline_at TEXT,
    note TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '{}', created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX commands_open ON commands (tenant, due) WHERE waits = 0 AND state IN ('planned', 'unknown', 'accepted');
CREATE INDEX commands_sending ON commands (seq) WHERE state = 'sending';
CREATE INDEX commands_parked ON commands (seq) WHERE state = 'parked';
CREATE INDEX commands_matter ON commands (matter, seq);
CREATE INDEX commands_base ON commands (base, generation);
CREATE INDEX commands_slot ON commands (slot, state) WHERE slot IS NOT NULL;

CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, attempt INTEGER NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL,
    note TEXT NOT NULL, data TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX outcomes_key ON outcomes (key, seq);

CREATE TABLE slots (
    slot TEXT PRIMARY KEY, confirmed TEXT, confirmed_at TEXT, version INTEGER NOT NULL DEFAULT 0,
    changes TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE TABLE claims (
    slot TEXT NOT NULL, matter TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (slot, matter)
) WITHOUT ROWID;
CREATE INDEX claims_matter ON claims (matter);
CREATE TABLE counters (
    tenant TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (tenant, name, key)
) WITHOUT ROWID;
CREATE INDEX counters_key ON counters (key);

CREATE TABLE timers (
    tenant TEXT NOT NULL, lane TEXT NOT NULL, use TEXT NOT NULL, name TEXT NOT NULL, matter TEXT NOT NULL,
    due TEXT NOT NULL, PRIMARY KEY (tenant, lane, use, name)
) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due);
CREATE INDEX timers_matter ON timers (matter) WHERE matter <> '';

CREATE TABLE brakes (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL,
    by TEXT NOT NULL, at TEXT NOT NULL, released_at TEXT, released_by TEXT, released_reason TEXT
);
CREATE UNIQUE INDEX brakes_on ON brakes (tenant, scope, name) WHERE released_at IS NULL;

CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, cause TEXT NOT NULL, title TEXT NOT NULL, link TEXT NOT NULL,
    first_at TEXT NOT NULL, last_at TEXT NOT NULL, count INTEGER NOT NULL, closed_at TEXT
);
CREATE UNIQUE INDEX alerts_on ON alerts (tenant, cause) WHERE closed_at IS NULL;
"""


_ITEMS = """
ALTER TABLE timers RENAME TO timers_before;
CREATE TABLE timers (
    tenant TEXT NOT NULL, lane TEXT NOT NULL, use TEXT NOT NULL, item TEXT NOT NULL, name TEXT NOT NULL,
    matter TEXT NOT NULL, due TEXT NOT NULL, PRIMARY KEY (tenant, lane, use, item, name)
) WITHOUT ROWID;
INSERT INTO timers SELECT tenant, lane, use, '', name, matter, due FROM timers_before;
DROP TABLE timers_before;
CREATE INDEX timers_due ON timers (due);
CREATE INDEX timers_matter ON timers (matter) WHERE matter <> '';
CREATE TABLE told (
    tenant TEXT NOT NULL, fact TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (tenant, fact, subject)
) WITHOUT ROWID;
ALTER TABLE deliveries ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE slots ADD COLUMN before TEXT;
CREATE TABLE reservations (
    tenant TEXT NOT NULL, cap TEXT NOT NULL, key TEXT NOT NULL, at TEXT, amount TEXT, currency TEXT,
    PRIMARY KEY (tenant, cap, key)
) WITHOUT ROWID;
CREATE INDEX reservations_at ON reservations (tenant, cap, at) WHERE at IS NOT NULL;
CREATE INDEX reservations_key ON reservations (key);
ALTER TABLE commands ADD COLUMN cap TEXT NOT NULL DEFAULT '';
CREATE INDEX commands_capped ON commands (tenant, cap, seq) WHERE state = 'parked' AND cap <> '';
"""


_STORMS = """
CREATE TABLE asked_cases (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, use TEXT NOT NULL, exception TEXT NOT NULL, key TEXT NOT NULL,
    matter TEXT NOT NULL, at TEXT NOT NULL, incident TEXT
);
CREATE INDEX asked_cases_rule ON asked_cases (tenant, use, exception, at);
CREATE INDEX asked_cases_incident ON asked_cases (incident, seq) WHERE incident IS NOT NULL;
CREATE INDEX asked_cases_matter ON asked_cases (matter, seq) WHERE incident IS NOT NULL;
"""


def _all_of(db: Database, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            db.conn.execute(statement)


@migrations(name="0001_first")
def _first(db: Database) -> None:
    _all_of(db, _FIRST)


@migrations(name="0002_alerts_closed_by")
def _alerts_closed_by(db: Database) -> None:
    for column in ("closed_by", "closed_reason"):
        db.conn.execute(f"ALTER TABLE alerts ADD COLUMN {column} TEXT")


@migrations(name="0003_items")
def _items(db: Database) -> None:
    _all_of(db, _ITEMS)


@migrations(name="0004_receipts")
def _receipts(db: Database) -> None:
    db.conn.execute(
        "CREATE TABLE receipts (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, connection TEXT NOT NULL, customer TEXT,"
        " orders TEXT NOT NULL, action TEXT NOT NULL, at TEXT NOT NULL, rows TEXT NOT NULL, cases TEXT NOT NULL,"
        " kept TEXT NOT NULL)"
    )


@migrations(name="0005_storms")
def _storms(db: Database) -> None:
    _all_of(db, _STORMS)


@migrations(name="0006_seen")
def _seen(db: Database) -> None:
    for table in ("deliveries", "events"):
        db.conn.execute(f"ALTER TABLE {table} ADD COLUMN seen INTEGER NOT NULL DEFAULT 0")


@migrations(name="0007_comparisons")
def _comparisons(db: Database) -> None:
    _all_of(
        db,
        "CREATE TABLE comparisons (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, connection TEXT NOT NULL,"
        " what TEXT NOT NULL, at TEXT NOT NULL, since TEXT NOT NULL, until TEXT NOT NULL, found INTEGER NOT NULL,"
        " wrong INTEGER NOT NULL, named TEXT NOT NULL);"
        "CREATE INDEX comparisons_of ON comparisons (tenant, connection, what, at)",
    )


_MASKED = """
ALTER TABLE deliveries ADD COLUMN masked INTEGER NOT NULL DEFAULT 0;
DROP INDEX deliveries_body;
CREATE INDEX deliveries_body ON deliveries (digest) WHERE body IS NOT NULL AND masked = 0;
CREATE INDEX deliveries_ref ON deliveries (ref_of) WHERE ref_of IS NOT NULL;
CREATE TABLE erased (
    tenant TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (tenant, subject)
) WITHOUT ROWID;
"""


@migrations(name="0008_masked")
def _masked(db: Database) -> None:
    _all_of(db, _MASKED)


_SEALS = """
CREATE TABLE sums (tbl TEXT NOT NULL, id NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (tbl, id)) WITHOUT ROWID;
CREATE TABLE chain (
    tbl TEXT NOT NULL, row INTEGER NOT NULL, tenant TEXT NOT NULL, seq INTEGER NOT NULL, link BLOB NOT NULL, salt BLOB,
    content BLOB, PRIMARY KEY (tbl, row)
) WITHOUT ROWID;
CREATE TABLE heads (tenant TEXT PRIMARY KEY, seq INTEGER NOT NULL, link BLOB NOT NULL) WITHOUT ROWID;
"""


SEALED = "0009_seals"
"""The migration since which rows are sealed, and the journal has a name."""


@migrations(name=SEALED)
def _seals(db: Database) -> None:
    _all_of(db, _SEALS)
    db.conn.execute("INSERT INTO meta VALUES ('instance', ?)", (token_hex(16),))


_NOTICES = """
CREATE TABLE notices (
    alert INTEGER NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL,
    due TEXT NOT NULL, tries INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (alert, channel)
) WITHOUT ROWID;
CREATE INDEX notices_open ON notices (alert) WHERE state = 'due' OR (state = 'sent' AND kind <> 'closed');
CREATE TABLE arrived (
    tenant TEXT NOT NULL, connection TEXT NOT NULL, hour TEXT NOT NULL, pushed INTEGER NOT NULL,
    polled INTEGER NOT NULL, PRIMARY KEY (tenant, connection, hour)
) WITHOUT ROWID;
"""


@migrations(name="0010_notices")
def _notices(db: Database) -> None:
    _all_of(db, _NOTICES)


_CLICKS = """
CREATE TABLE clicks (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, tenant TEXT NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
    through TEXT NOT NULL, action TEXT NOT NULL, about TEXT NOT NULL, fields TEXT NOT NULL, reason TEXT NOT NULL,
    proposal INTEGER, ended_at TEXT, result TEXT NOT NULL DEFAULT ''
);
CREATE TABLE proposals (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, until TEXT NOT NULL, tenant TEXT NOT NULL, who TEXT NOT NULL,
    action TEXT NOT NULL, fields TEXT NOT NULL, plan TEXT NOT NULL, digest TEXT NOT NULL, reason TEXT NOT NULL,
    state TEXT NOT NULL, ended_at TEXT, ended_by TEXT, note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX proposals_open ON proposals (seq) WHERE state = 'open';
CREATE TABLE cap_changes (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, cap TEXT NOT NULL, per TEXT NOT NULL, what TEXT NOT NULL,
    amount TEXT NOT NULL, until TEXT, reason TEXT NOT NULL, by TEXT NOT NULL, confirmed_by TEXT, at TEXT NOT NULL,
    ended_at TEXT, ended_by TEXT, ended_reason TEXT
);
CREATE UNIQUE INDEX cap_changes_on ON cap_changes (tenant, cap, per, what) WHERE ended_at IS NULL;
CREATE TABLE api_tokens (
    seq INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, by TEXT NOT NULL,
    at TEXT NOT NULL, until TEXT NOT NULL, revoked_at TEXT, revoked_by TEXT
);
"""


@migrations(name="0011_clicks")
def _clicks(db: Database) -> None:
    _all_of(db, _CLICKS)


@migrations(name="0012_tenant_files")
def _tenant_files(db: Database) -> None:
    _all_of(
        db,
        "CREATE TABLE tenant_files (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, digest TEXT NOT NULL,"
        " at TEXT NOT NULL, by TEXT NOT NULL, changed TEXT NOT NULL, text TEXT NOT NULL);"
        "CREATE INDEX tenant_files_of ON tenant_files (tenant, seq)",
    )


_VIEWS = """
CREATE INDEX commands_cases ON commands (created_at, tenant, use, state) WHERE kind = 'OpenCase';
CREATE INDEX commands_refused ON commands (created_at) WHERE kind = 'OpenCase' AND state = 'refused';
CREATE INDEX matters_number ON matters (case_number) WHERE case_number IS NOT NULL;
"""


@migrations(name="0013_views")
def _views(db: Database) -> None:
    _all_of(db, _VIEWS)


@migrations(name="0014_alerts_of")
def _alerts_of(db: Database) -> None:
    db.conn.execute("CREATE INDEX alerts_of ON alerts (tenant, cause, first_at)")


def migrate(db: Database) -> list[str]:
    """Bring `db` up to this program's schema; the names of what was applied. `JournalNewer` if it is beyond.

    All of it is one transaction, with the seals of what it changed: a file is at the old schema or at the new one.
    """
    refuse_newer(db)
    applied = [m.name for m in migrations.pending(db)]
    if applied:
        with db.atomic():
            migrations.apply(db)
            sealing.seal_all(db.conn)
    return applied


def refuse_newer(db: Database) -> None:
    """Raise `JournalNewer` if `db` lists a migration that this program does not know."""
    known = {m.name for m in migrations.pending(Database(memory=True))}
    beyond = [m.name for m in migrations.applied(db) if m.name not in known]
    if beyond:
        raise JournalNewer(
            f"this journal was written by a newer Connect (it knows {', '.join(beyond)}). "
            "Install that version again; an older program never opens it."
        )


def outdated(db: Database) -> bool:
    """True when `db` has not every migration of this program."""
    return bool(migrations.pending(db))


def pending(db: Database) -> list[str]:
    """The migrations that `db` has not."""
    return [m.name for m in migrations.pending(db)]


def is_there(db: Database) -> bool:
    """True when `db` is a journal, of whatever version."""
    return bool(migrations.applied(db))


def is_sealed(db: Database) -> bool:
    """True when `db` is of a version that seals its rows."""
    return any(m.name == SEALED for m in migrations.applied(db))

-- What a permission may do and what became of it: quotas, revocations, the log of the signature service, and keys that
-- end by rotation.

-- A key that was rotated stays good until then; null: until it is revoked.
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE secret_keys ADD COLUMN expires_at BIGINT;

-- One row, raised by every change of applications and keys: processes that hold them in memory look at it.
CREATE TABLE directory (
    id      BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO directory (id, version) VALUES (1, 1);

ALTER TABLE upload_sessions ADD COLUMN policy TEXT NOT NULL DEFAULT '';
ALTER TABLE upload_sessions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';  -- who asked for the permission
ALTER TABLE upload_sessions ADD COLUMN issued_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upload_sessions ADD COLUMN quota_day BIGINT;                 -- UTC day it is counted on; null: not counted
ALTER TABLE upload_sessions ADD COLUMN holder TEXT NOT NULL DEFAULT '';  -- permission it occupies while open; '': none
ALTER TABLE upload_sessions ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0; -- bytes reserved for it
CREATE INDEX upload_sessions_permission ON upload_sessions (app, permission, state);
CREATE INDEX upload_sessions_user ON upload_sessions (app, user_name, state);
CREATE INDEX upload_sessions_key ON upload_sessions (app, key_id, state);

-- What was used of a limit: uploads and bytes of a user on one UTC day (days since the epoch), or of one permission while
-- its sessions are open (period -1).
CREATE TABLE quotas (
    app        BIGINT NOT NULL,
    subject    TEXT   NOT NULL,             -- user:{name} or permission:{id}
    period     BIGINT NOT NULL,
    uploads    BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,             -- nobody asks for it any more
    PRIMARY KEY (app, subject, period)
);
CREATE INDEX quotas_due ON quotas (expires_at);

-- Addresses from which a permission has been used, kept only where a policy limits their number.
CREATE TABLE permission_addresses (
    app        BIGINT NOT NULL,
    permission TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (app, permission, address)
);
CREATE INDEX permission_addresses_due ON permission_addresses (expires_at);

-- Permissions that are not good any more: one, or all of a user or of a key that were issued up to then.
CREATE TABLE revocations (
    app        BIGINT NOT NULL,
    kind       TEXT   NOT NULL,             -- permission, user, key
    subject    TEXT   NOT NULL,
    id         TEXT   NOT NULL UNIQUE,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,             -- every signature it speaks of has expired by then
    reason     TEXT   NOT NULL DEFAULT '',
    principal  TEXT   NOT NULL,
    PRIMARY KEY (app, kind, subject)
);
CREATE INDEX revocations_due ON revocations (expires_at);
CREATE INDEX revocations_recent ON revocations (revoked_at);

-- What the signature service granted or refused. A row is a segment: many answers of one application, in the order of
-- their time, and the hashes of the users in them (docs/adr/0011-signature-log-segments.md). Dropped by time.
CREATE TABLE signature_log (
    app       BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,              -- time of its last entry
    id        BIGINT NOT NULL,
    begins_at BIGINT NOT NULL,              -- time of its first entry
    entries   BIGINT NOT NULL,
    users     BYTEA   NOT NULL,              -- sorted 32-bit hashes, little endian, each once
    body      TEXT   NOT NULL,              -- one JSON array a line
    PRIMARY KEY (app, ends_at, id)
) PARTITION BY RANGE (ends_at);
CREATE TABLE signature_log_default PARTITION OF signature_log DEFAULT;
CREATE INDEX signature_log_due ON signature_log (ends_at);
-- What may be packed. Its bound is the one of the statement (crates/store/src/signature_log.rs).
CREATE INDEX signature_log_small ON signature_log (app, ends_at, id) WHERE entries < 2048;

-- Events for many readers: any number of endpoints, the vendor's pull queue, replays, and what came from the real cloud. Big
-- tables begin to go by time: everything about an event carries the event's recorded_at (`event_at`), so that
-- all of it can be dropped together (docs/adr/0015-event-retention.md).

-- How many events each file has had, and the place of the newest: the order within a file (docs/adr/0003-event-cursor.md).
CREATE TABLE event_files (
    app       BIGINT NOT NULL,
    file_id   BIGINT NOT NULL,
    recorded  BIGINT NOT NULL,
    last_txid BIGINT NOT NULL,
    PRIMARY KEY (app, file_id)
);
INSERT INTO event_files (app, file_id, recorded, last_txid)
SELECT app, file_id, next_event - 1,
       COALESCE((SELECT MAX(e.txid) FROM events AS e WHERE e.file_id = media.file_id), 0)
  FROM media WHERE next_event > 1;
ALTER TABLE media DROP COLUMN next_event;

ALTER TABLE events ADD COLUMN test BIGINT NOT NULL DEFAULT 0;        -- 1: somebody tries things out
ALTER TABLE events ADD COLUMN endpoint_id TEXT NOT NULL DEFAULT '';  -- the only reader that gets it; '': all of them

ALTER TABLE endpoints ADD COLUMN role TEXT NOT NULL DEFAULT '';      -- vendor: NotificationUrl; main: PUT /v1/event-endpoint
ALTER TABLE endpoints ADD COLUMN ordering TEXT NOT NULL DEFAULT 'file'; -- file, none
ALTER TABLE endpoints ADD COLUMN types TEXT NOT NULL DEFAULT '*';    -- words separated by commas; -Word excludes
ALTER TABLE endpoints ADD COLUMN failures BIGINT NOT NULL DEFAULT 0; -- attempts that failed since the last success
ALTER TABLE endpoints ADD COLUMN failing_since BIGINT;
ALTER TABLE endpoints ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0; -- a failing endpoint is left alone until then
ALTER TABLE endpoints ADD COLUMN last_error TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN disabled_at BIGINT;
ALTER TABLE endpoints ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT '';
UPDATE endpoints SET role = 'main' WHERE removed_at IS NULL;

-- What pushes are signed with; `sealed` is encrypted with the master key. While several are good, all sign.
CREATE TABLE endpoint_secrets (
    id          TEXT PRIMARY KEY,
    app         BIGINT NOT NULL,
    endpoint_id TEXT   NOT NULL REFERENCES endpoints (id),
    sealed      BLOB  NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT                      -- null: until another takes its place
);
CREATE INDEX endpoint_secrets_endpoint ON endpoint_secrets (endpoint_id);

-- One event to one endpoint. `next_at` is when it may be sent, or, while somebody is sending it, when that lease ends.
ALTER TABLE deliveries RENAME TO deliveries_first;
ALTER TABLE delivery_attempts RENAME TO delivery_attempts_first;
DROP INDEX deliveries_due;
DROP INDEX deliveries_file;
CREATE TABLE deliveries (
    endpoint_id TEXT   NOT NULL,
    event_seq   BIGINT NOT NULL,
    event_at    BIGINT NOT NULL,
    event_txid  BIGINT NOT NULL,
    event_id    TEXT   NOT NULL,
    event_type  TEXT   NOT NULL,
    app         BIGINT NOT NULL,
    file_id     BIGINT,
    state       TEXT   NOT NULL,            -- pending, delivered, dead
    reason      TEXT   NOT NULL DEFAULT '', -- why dead
    claims      BIGINT NOT NULL DEFAULT 0,  -- how often somebody took it, ever
    tries       BIGINT NOT NULL DEFAULT 0,  -- attempts that ended, since it was handed over or replayed
    next_at     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (endpoint_id, event_seq, event_at)
);
INSERT INTO deliveries (endpoint_id, event_seq, event_at, event_txid, event_id, event_type, app, file_id, state,
                        claims, tries, next_at, created_at, finished_at)
SELECT d.endpoint_id, d.event_seq, e.recorded_at, d.event_txid, d.event_id, d.event_type, d.app, d.file_id, d.state,
       d.attempts, (SELECT COUNT(*) FROM delivery_attempts_first AS a WHERE a.delivery_id = d.id), d.next_at,
       d.created_at, d.finished_at
  FROM deliveries_first AS d JOIN events AS e ON e.txid = d.event_txid AND e.seq = d.event_seq;
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_at, event_txid, event_seq) WHERE state = 'pending';
CREATE INDEX deliveries_file ON deliveries (endpoint_id, file_id, event_txid, event_seq) WHERE state = 'pending';
CREATE INDEX deliveries_listing ON deliveries (app, event_seq, endpoint_id);
CREATE INDEX deliveries_dead ON deliveries (endpoint_id, event_seq) WHERE state = 'dead';

CREATE TABLE delivery_attempts (
    endpoint_id TEXT   NOT NULL,
    event_seq   BIGINT NOT NULL,
    event_at    BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,            -- the claim that made it
    at          BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status      BIGINT,                     -- null: no HTTP answer came
    error       TEXT   NOT NULL DEFAULT '',
    answer      TEXT   NOT NULL DEFAULT '', -- its first 1 KiB
    PRIMARY KEY (endpoint_id, event_seq, event_at, attempt)
);
INSERT INTO delivery_attempts (endpoint_id, event_seq, event_at, attempt, at, duration_ms, status, error, answer)
SELECT d.endpoint_id, d.event_seq, e.recorded_at, a.attempt, a.at, a.duration_ms, a.status, a.error, a.answer
  FROM delivery_attempts_first AS a JOIN deliveries_first AS d ON d.id = a.delivery_id
  JOIN events AS e ON e.txid = d.event_txid AND e.seq = d.event_seq;
DROP TABLE delivery_attempts_first;
DROP TABLE deliveries_first;

-- Events asked for again: handed to an endpoint page by page.
CREATE TABLE replays (
    id          TEXT PRIMARY KEY,
    app         BIGINT NOT NULL,
    endpoint_id TEXT   NOT NULL REFERENCES endpoints (id),
    cursor_txid BIGINT NOT NULL,
    cursor_seq  BIGINT NOT NULL,
    until_txid  BIGINT NOT NULL,
    until_seq   BIGINT NOT NULL,
    from_at     BIGINT NOT NULL,            -- recorded_at of what is wanted, both ends included
    to_at       BIGINT NOT NULL,
    types       TEXT   NOT NULL,            -- as in endpoints
    file_id     BIGINT,
    dead_only   BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX replays_open ON replays (endpoint_id) WHERE finished_at IS NULL;

-- The vendor's event configuration, and how far the log has been queued for PullEvents.
CREATE TABLE event_configs (
    app         BIGINT PRIMARY KEY REFERENCES apps (id),
    mode        TEXT   NOT NULL DEFAULT 'PUSH', -- PUSH, PULL
    cursor_txid BIGINT NOT NULL,
    cursor_seq  BIGINT NOT NULL,
    queue_from  BIGINT NOT NULL             -- what was recorded before is not queued
);

-- The queue of PullEvents: filled from the log when somebody pulls. `pulls` is the guard of a handle.
CREATE TABLE pull_events (
    app          BIGINT NOT NULL,
    event_seq    BIGINT NOT NULL,
    event_at     BIGINT NOT NULL,
    event_txid   BIGINT NOT NULL,
    file_id      BIGINT,
    visible_at   BIGINT NOT NULL,
    pulls        BIGINT NOT NULL DEFAULT 0,
    pulled_at    BIGINT,                    -- the last time
    confirmed_at BIGINT,
    PRIMARY KEY (event_seq, event_at, app)  -- the application last: while PostgreSQL has no figures it would read all of its rows
);
CREATE INDEX pull_events_open ON pull_events (app, event_txid, event_seq) WHERE confirmed_at IS NULL;
CREATE INDEX pull_events_file ON pull_events (file_id, event_txid, event_seq) WHERE confirmed_at IS NULL;

-- What came from the real cloud: the same event pushed, pulled and pushed again is recorded once.
CREATE TABLE received_events (
    app         BIGINT NOT NULL,
    identity    TEXT   NOT NULL,            -- hex SHA-256 of its canonical JSON
    event_id    TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (app, identity)
);
CREATE INDEX received_events_age ON received_events (received_at);

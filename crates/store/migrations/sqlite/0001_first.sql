-- The first schema. Types are BIGINT, TEXT, BLOB and DOUBLE PRECISION only; times are epoch milliseconds, flags 0/1,
-- structures JSON in TEXT. Every row of application data carries its application.

-- One row: what identifies this database. A restored copy gets a new epoch, so that cursors say "reset" instead of skipping.
CREATE TABLE server_meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE apps (
    id         BIGINT PRIMARY KEY,
    name       TEXT   NOT NULL,
    private    BIGINT NOT NULL DEFAULT 0,   -- 1: media stay private until the verdict
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- SecretId/SecretKey pairs. `sealed` is the key encrypted with the master key.
CREATE TABLE secret_keys (
    secret_id  TEXT PRIMARY KEY,
    sealed     BLOB   NOT NULL,
    name       TEXT   NOT NULL,
    all_apps   BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE secret_key_apps (
    secret_id TEXT   NOT NULL REFERENCES secret_keys (secret_id),
    app       BIGINT NOT NULL REFERENCES apps (id),
    PRIMARY KEY (secret_id, app)
);

CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    app        BIGINT NOT NULL REFERENCES apps (id),
    hash       TEXT   NOT NULL UNIQUE,      -- hex SHA-256 of the whole key
    name       TEXT   NOT NULL,
    scopes     TEXT   NOT NULL,             -- words separated by a space
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- People signed in to the console. `id` is the hex SHA-256 of the cookie.
CREATE TABLE console_sessions (
    id         TEXT PRIMARY KEY,
    api_key    TEXT   NOT NULL REFERENCES api_keys (id),
    csrf       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE upload_sessions (
    id               TEXT PRIMARY KEY,
    app              BIGINT NOT NULL REFERENCES apps (id),
    file_id          BIGINT NOT NULL,
    state            TEXT   NOT NULL,       -- open, committed, expired
    cover_only       BIGINT NOT NULL DEFAULT 0,
    secret_id        TEXT   NOT NULL,
    signature_mac    TEXT   NOT NULL,       -- hex MAC of the signature that opened it
    user_name        TEXT   NOT NULL DEFAULT '',
    permission       TEXT   NOT NULL DEFAULT '',
    video_key        TEXT   NOT NULL DEFAULT '',
    video_name       TEXT   NOT NULL DEFAULT '',
    video_type       TEXT   NOT NULL DEFAULT '',
    video_size       BIGINT,                -- announced; null when the client did not say
    cover_key        TEXT   NOT NULL DEFAULT '',
    cover_type       TEXT   NOT NULL DEFAULT '',
    max_size         BIGINT NOT NULL,
    max_duration     BIGINT,                -- seconds; null: no limit
    region           TEXT   NOT NULL,
    class_id         BIGINT NOT NULL DEFAULT 0,
    procedure_name   TEXT   NOT NULL DEFAULT '',
    task_priority    BIGINT NOT NULL DEFAULT 0,
    notify_mode      TEXT   NOT NULL DEFAULT 'Finish',
    source_context   TEXT   NOT NULL DEFAULT '',
    session_context  TEXT   NOT NULL DEFAULT '',
    media_expires_at BIGINT,                -- null: never
    remote           TEXT   NOT NULL DEFAULT '',
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ended_at         BIGINT,
    end_reason       TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX upload_sessions_due ON upload_sessions (state, expires_at);
CREATE INDEX upload_sessions_file ON upload_sessions (file_id);

-- One-time signatures that have opened a session, kept until they would have expired anyway.
CREATE TABLE signature_uses (
    app          BIGINT NOT NULL,
    mac          TEXT   NOT NULL,
    session_id   TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,           -- hex SHA-256 of the Apply body: the identical request gets the same session
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (app, mac)
);
CREATE INDEX signature_uses_due ON signature_uses (expires_at);

CREATE TABLE multiparts (
    id         TEXT PRIMARY KEY,
    app        BIGINT NOT NULL,
    session_id TEXT   NOT NULL REFERENCES upload_sessions (id),
    object_key TEXT   NOT NULL,
    state      TEXT   NOT NULL,             -- open, completing, completed, aborted
    part_size  BIGINT,                      -- null until learned
    created_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX multiparts_session ON multiparts (session_id, object_key, state);

-- Acknowledged parts. `place` says where the bytes are: 'slot' in the staging file, or a side file's name.
CREATE TABLE parts (
    multipart_id TEXT   NOT NULL REFERENCES multiparts (id),
    number       BIGINT NOT NULL,
    place        TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    md5          TEXT   NOT NULL,
    crc64        TEXT   NOT NULL,           -- CRC-64/XZ, decimal
    stored_at    BIGINT NOT NULL,
    PRIMARY KEY (multipart_id, number)
);

-- The current complete object behind each key of a session.
CREATE TABLE objects (
    app          BIGINT NOT NULL,
    object_key   TEXT   NOT NULL,
    session_id   TEXT   NOT NULL REFERENCES upload_sessions (id),
    multipart_id TEXT,                      -- null: it came by PUT Object
    blob         TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    etag         TEXT   NOT NULL,
    crc64        TEXT   NOT NULL,
    completed_at BIGINT NOT NULL,
    PRIMARY KEY (app, object_key)
);
CREATE INDEX objects_session ON objects (session_id);

-- Blobs and staging areas that a row has given up: the only bytes a sweep may delete.
CREATE TABLE abandoned (
    place        TEXT PRIMARY KEY,          -- blob:{path} or staging:{multipart id}
    app          BIGINT NOT NULL,
    reason       TEXT   NOT NULL,
    abandoned_at BIGINT NOT NULL
);

CREATE TABLE media (
    file_id         BIGINT PRIMARY KEY,
    app             BIGINT NOT NULL REFERENCES apps (id),
    session_id      TEXT   NOT NULL,
    user_name       TEXT   NOT NULL DEFAULT '',
    name            TEXT   NOT NULL,
    type            TEXT   NOT NULL,
    status          TEXT   NOT NULL,        -- normal, deleted
    class_id        BIGINT NOT NULL DEFAULT 0,
    source_name     TEXT   NOT NULL,        -- last segment of its public URL
    source_blob     TEXT   NOT NULL,
    source_size     BIGINT NOT NULL,
    source_type     TEXT   NOT NULL DEFAULT '', -- served Content-Type, from what ffprobe found; '' while unknown
    cover_name      TEXT   NOT NULL DEFAULT '',
    cover_blob      TEXT   NOT NULL DEFAULT '',
    cover_type      TEXT   NOT NULL DEFAULT '',
    probe           TEXT   NOT NULL DEFAULT '', -- JSON; '' while not probed
    probe_error     TEXT   NOT NULL DEFAULT '', -- reason code when the bytes are not readable media
    region          TEXT   NOT NULL,
    source_context  TEXT   NOT NULL DEFAULT '',
    announced_at    BIGINT,                 -- when NewFileUpload was written
    verdict         TEXT   NOT NULL DEFAULT '', -- pass, review, block; '' while nobody has judged
    expires_at      BIGINT,
    next_event      BIGINT NOT NULL DEFAULT 1,  -- per-file event number
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX media_session ON media (session_id);
CREATE INDEX media_listing ON media (app, created_at, file_id);

-- Directories of outputs that may be served: {app}/{file_id}/{dir}/…
CREATE TABLE output_dirs (
    file_id    BIGINT NOT NULL REFERENCES media (file_id),
    dir        TEXT   NOT NULL,
    app        BIGINT NOT NULL,
    task_id    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (file_id, dir)
);

CREATE TABLE tasks (
    id              TEXT PRIMARY KEY,
    app             BIGINT NOT NULL,
    file_id         BIGINT NOT NULL REFERENCES media (file_id),
    procedure_name  TEXT   NOT NULL,
    state           TEXT   NOT NULL,        -- waiting, processing, finish, aborted
    priority        BIGINT NOT NULL DEFAULT 0,
    notify_mode     TEXT   NOT NULL,
    session_context TEXT   NOT NULL DEFAULT '',
    session_id      TEXT   NOT NULL DEFAULT '', -- the caller's de-duplication id
    reason          TEXT   NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    begun_at        BIGINT,
    finished_at     BIGINT,
    deadline        BIGINT NOT NULL
);
CREATE INDEX tasks_file ON tasks (file_id, created_at);
CREATE INDEX tasks_due ON tasks (state, deadline);

CREATE TABLE subtasks (
    task_id      TEXT   NOT NULL REFERENCES tasks (id),
    idx          BIGINT NOT NULL,
    step         TEXT   NOT NULL,           -- job kind that produces it
    kind         TEXT   NOT NULL,           -- Transcode, AdaptiveDynamicStreaming, CoverBySnapshot, ImageSprites, Review.Porn, …
    definition   BIGINT NOT NULL,
    input        TEXT   NOT NULL,           -- JSON
    state        TEXT   NOT NULL,           -- waiting, processing, success, fail
    progress     BIGINT NOT NULL DEFAULT 0, -- percent
    err_code     BIGINT NOT NULL DEFAULT 0,
    err_code_ext TEXT   NOT NULL DEFAULT '',
    message      TEXT   NOT NULL DEFAULT '',
    output       TEXT   NOT NULL DEFAULT '', -- JSON
    begun_at     BIGINT,
    finished_at  BIGINT,
    PRIMARY KEY (task_id, idx)
);

-- What a review saw: one row a task, with the evidence it rests on.
CREATE TABLE reviews (
    task_id    TEXT PRIMARY KEY REFERENCES tasks (id),
    app        BIGINT NOT NULL,
    file_id    BIGINT NOT NULL REFERENCES media (file_id),
    suggestion TEXT   NOT NULL,
    label      TEXT   NOT NULL DEFAULT '',
    confidence BIGINT NOT NULL,
    models     TEXT   NOT NULL,             -- JSON: name and SHA-256 of each
    frames     TEXT   NOT NULL,             -- JSON: every frame with its time, scores and, when kept, its picture
    created_at BIGINT NOT NULL
);
CREATE INDEX reviews_file ON reviews (file_id, created_at);

CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    app          BIGINT NOT NULL,
    queue        TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    version      BIGINT NOT NULL,           -- of the payload; a worker leaves newer ones alone
    payload      TEXT   NOT NULL,           -- JSON
    file_id      BIGINT,
    task_id      TEXT,
    state        TEXT   NOT NULL,           -- ready, running, done, failed
    priority     BIGINT NOT NULL DEFAULT 0, -- higher first
    attempts     BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_until  BIGINT,
    worker       TEXT   NOT NULL DEFAULT '',
    last_error   TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX jobs_ready ON jobs (queue, state, run_at);
CREATE INDEX jobs_leased ON jobs (state, lease_until);
CREATE INDEX jobs_file ON jobs (file_id);

-- The log. `seq` grows in the order of insertion, `txid` in the order in which writers may still commit: a reader
-- goes by (txid, seq) and never past `log_horizon` (docs/adr/0003-event-cursor.md).
CREATE TABLE events (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    txid        BIGINT NOT NULL,
    id          TEXT   NOT NULL,
    app         BIGINT NOT NULL,
    file_id     BIGINT,
    file_seq    BIGINT,
    type        TEXT   NOT NULL,
    fact        TEXT   NOT NULL,            -- JSON, our own record; every shape is rendered from it
    raw         BLOB,                       -- the body as received, for events that came from elsewhere
    recorded_at BIGINT NOT NULL
);
CREATE INDEX events_log ON events (txid, seq);
CREATE INDEX events_app ON events (app, txid, seq);
CREATE INDEX events_file ON events (file_id, file_seq);

-- Readers see only what lies below the horizon; log_writer is the number that this transaction's events get.
CREATE VIEW log_horizon AS SELECT CAST(9223372036854775807 AS BIGINT) AS txid;
CREATE VIEW log_writer AS SELECT CAST(0 AS BIGINT) AS txid;

CREATE TABLE endpoints (
    id          TEXT PRIMARY KEY,
    app         BIGINT NOT NULL REFERENCES apps (id),
    url         TEXT   NOT NULL,
    shape       TEXT   NOT NULL,            -- vendor3
    enabled     BIGINT NOT NULL DEFAULT 1,
    cursor_txid BIGINT NOT NULL,
    cursor_seq  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    removed_at  BIGINT
);
CREATE INDEX endpoints_app ON endpoints (app);

CREATE TABLE deliveries (
    id          TEXT PRIMARY KEY,
    app         BIGINT NOT NULL,
    endpoint_id TEXT   NOT NULL REFERENCES endpoints (id),
    event_seq   BIGINT NOT NULL,
    event_txid  BIGINT NOT NULL,
    event_id    TEXT   NOT NULL,
    event_type  TEXT   NOT NULL,
    file_id     BIGINT,
    state       TEXT   NOT NULL,            -- pending, delivered, dead
    attempts    BIGINT NOT NULL DEFAULT 0,
    next_at     BIGINT NOT NULL,
    lease_until BIGINT,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (endpoint_id, event_seq)
);
CREATE INDEX deliveries_due ON deliveries (state, next_at);
CREATE INDEX deliveries_file ON deliveries (endpoint_id, file_id, state, event_txid, event_seq);

CREATE TABLE delivery_attempts (
    delivery_id TEXT   NOT NULL REFERENCES deliveries (id),
    attempt     BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status      BIGINT,                     -- null: no HTTP answer came
    error       TEXT   NOT NULL DEFAULT '',
    answer      TEXT   NOT NULL DEFAULT '', -- its first 1 KiB
    PRIMARY KEY (delivery_id, attempt)
);

CREATE TABLE audit (
    id        TEXT PRIMARY KEY,
    app       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    principal TEXT   NOT NULL,
    action    TEXT   NOT NULL,
    subject   TEXT   NOT NULL DEFAULT '',
    detail    TEXT   NOT NULL DEFAULT '',
    remote    TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX audit_when ON audit (app, at);

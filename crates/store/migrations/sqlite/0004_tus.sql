-- Uploads by offset (tus): how far each has come, and who is writing.
CREATE TABLE tus_uploads (
    session_id   TEXT   PRIMARY KEY REFERENCES upload_sessions (id),
    app          BIGINT NOT NULL,
    multipart_id TEXT   NOT NULL REFERENCES multiparts (id),
    length       BIGINT NOT NULL,           -- bytes of the whole
    metadata     TEXT   NOT NULL,           -- Upload-Metadata without the signature
    stored       BIGINT NOT NULL DEFAULT 0, -- bytes that are acknowledged: the offset
    parts        BIGINT NOT NULL DEFAULT 0, -- rows of parts they lie in
    aside_until  BIGINT NOT NULL DEFAULT 0, -- before this offset a writer that was cut off may still be writing
    holder       TEXT   NOT NULL DEFAULT '', -- who may write now; '': nobody
    lease_until  BIGINT NOT NULL DEFAULT 0,
    wanted       BIGINT NOT NULL DEFAULT 0  -- somebody else asks for the lease
);

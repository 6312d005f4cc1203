-- What the object door is asked with application keys (listings of the whole bucket, the session behind a key), and what it
-- holds uploads to while their bytes arrive.

CREATE INDEX multiparts_open ON multiparts (app, object_key, id) WHERE state = 'open';
CREATE INDEX upload_sessions_open_file ON upload_sessions (app, file_id) WHERE state = 'open';

ALTER TABLE upload_sessions ADD COLUMN types TEXT NOT NULL DEFAULT '';          -- file types that are allowed, by commas; '': all
ALTER TABLE upload_sessions ADD COLUMN app_counted BIGINT NOT NULL DEFAULT 0;   -- whether its application's bytes in flight hold it

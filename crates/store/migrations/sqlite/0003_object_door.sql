-- What application keys ask the object door: listings of the whole bucket, and the session behind a key.

CREATE INDEX multiparts_open ON multiparts (app, object_key, id) WHERE state = 'open';
CREATE INDEX upload_sessions_open_file ON upload_sessions (app, file_id) WHERE state = 'open';

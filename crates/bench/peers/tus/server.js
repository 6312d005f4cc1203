// The tus project's server with its file store, as its documentation sets it up. Started by reelgate-bench, which tells
// the port from what is said here; the only argument is the directory of the files.

import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const tus = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });

const server = tus.listen({ host: '127.0.0.1', port: 0 }, () => {
  process.stderr.write(`@tus/server listens on http://127.0.0.1:${server.address().port}\n`);
});

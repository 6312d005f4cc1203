/** The app's own web server: serves the test's page, the SDK's file and hls.js from an origin that is not the upload server's. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join, resolve } from "node:path";

const HERE = resolve(import.meta.dirname, "..");
const HLS_FILE = join(HERE, "node_modules/hls.js/dist/hls.min.js");

const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8" };

/**
 * Starts it on a free port of 127.0.0.1. `files` maps paths to what they answer: `{text}` or `{file}`. The player and hls.js are always
 * there. With `tls` it speaks HTTPS.
 */
export async function startPageServer(files, tls) {
  const served = {
    "/player.js": { file: join(HERE, "pages/player.js") },
    "/hls.js": { file: HLS_FILE },
    ...files,
  };
  const answer = (request, response) => {
    const found = served[new URL(request.url, "http://page").pathname];
    if (!found) return void response.writeHead(404).end();
    const extension = (found.file ?? request.url).split(".").at(-1);
    response.writeHead(200, { "content-type": TYPES[extension] ?? TYPES.html });
    response.end(found.text ?? readFileSync(found.file));
  };
  const server = tls ? https.createServer({ key: tls.key, cert: tls.cert }, answer) : http.createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

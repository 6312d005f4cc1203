/**
 * A plain HTTP proxy in front of the server, as a load balancer stands there: it can fail a request, hold the bodies of some back, and
 * it counts what it was sent.
 */

import { once } from "node:events";
import http from "node:http";

/**
 * Starts it on a free port of 127.0.0.1, in front of `target()` (a port, asked at each request, since the server may start later).
 *
 * `decide(request)` says what happens to a request, by its method and URL: `"pass"`, `"hold"` (the first bytes are passed on, the
 * rest is swallowed) or a status to answer with instead of asking the server.
 */
export async function startProxy({ target, decide = () => "pass" }) {
  const seen = [];
  const open = new Set();
  const server = http.createServer((request, response) => {
    const entry = { method: request.method, url: new URL(request.url, `http://${request.headers.host}`), bytes: 0, status: undefined };
    seen.push(entry);
    request.on("data", (chunk) => (entry.bytes += chunk.length));
    const decision = decide(entry);
    if (typeof decision === "number") {
      entry.status = decision;
      request.resume();
      response.writeHead(decision, { "access-control-allow-origin": "*" }).end("failed on purpose");
      return;
    }
    forward({ request, response, entry, hold: decision === "hold", port: target(), open });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    port: server.address().port,
    /** Every request: method, URL, body bytes that arrived here, and the status it was answered with (none if it was cut off). */
    seen,
    close() {
      server.close();
      server.closeAllConnections();
      for (const upstream of open) upstream.destroy();
    },
  };
}

function forward({ request, response, entry, hold, port, open }) {
  const { method, url: path, headers } = request;
  const upstream = http.request({ host: "127.0.0.1", port, method, path, headers, agent: false });
  open.add(upstream);
  upstream.on("response", (answer) => {
    entry.status = answer.statusCode;
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on("close", () => open.delete(upstream));
  upstream.on("error", () => response.destroy());
  // Whoever goes away first takes the other side along, so that the server sees the cut.
  response.on("close", () => upstream.destroy());
  // A held body is read on, so that the client's going away is noticed, but only its first bytes are passed on.
  if (hold) request.once("data", (chunk) => upstream.write(chunk));
  else request.pipe(upstream);
}

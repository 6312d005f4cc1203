/** An app's backend that receives events: a real HTTP server that keeps what was posted to it. */

import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import { until } from "./waiting.js";

/** Starts it on a free port of 127.0.0.1. */
export async function startReceiver() {
  const received = [];
  const server = http.createServer(async (request, response) => {
    const body = await text(request);
    const { headers } = request;
    received.push({ id: headers["reelgate-event-id"], seq: headers["reelgate-event-seq"], headers, body, event: JSON.parse(body) });
    response.writeHead(receiver.answer).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const receiver = {
    /** The status that posts are answered with. */
    answer: 204,
    url: `http://127.0.0.1:${server.address().port}/events`,
    received,
    /** The first event of a type that arrived for a file; waits for it. */
    event(type, fileId) {
      const wanted = ({ event }) => event.EventType === type && fileIdOf(event) === fileId;
      return until(`${type} of ${fileId} arrives at the receiver`, () => received.find(wanted));
    },
    /** How many events of a type have arrived for a file. */
    count: (type, fileId) => received.filter(({ event }) => event.EventType === type && fileIdOf(event) === fileId).length,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return receiver;
}

function fileIdOf(event) {
  return (event.FileUploadEvent ?? event.ProcedureStateChangeEvent)?.FileId;
}

/** tus-js-client against `/files`: whole, in chunks, cut and resumed, terminated, refused. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import * as tus from "tus-js-client";
import { MIB, sha256, startReelgate, video } from "../harness/reelgate.js";

let server;
before(async () => (server = await startReelgate()));
after(() => server.close());

/** Uploads `data`; gives the finished upload and the headers of its last answer. Rejects with the client's own error. */
function upload(data, { signature, target = server, ...options }) {
  return new Promise((done, failed) => {
    let last;
    const started = new tus.Upload(data, {
      endpoint: `http://${target.address}/files`,
      headers: { authorization: `Reelgate ${signature}` },
      metadata: { filename: "假期 video.mp4", filetype: "video/mp4" },
      retryDelays: [0, 200, 500],
      onAfterResponse: (_request, response) => void (last = response),
      onError: failed,
      onSuccess: () => done({ upload: started, last }),
      ...options,
    });
    options.onStarted?.(started);
    started.start();
  });
}

async function stored(last) {
  assert.match(last.getHeader("Reelgate-File-Id"), /^\d{18,19}$/);
  const played = await fetch(last.getHeader("Reelgate-Media-Url"));
  assert.equal(played.status, 200);
  return sha256(Buffer.from(await played.arrayBuffer()));
}

const status = (error) => error.originalResponse?.getStatus();

test("a file in one request becomes a media", async () => {
  const data = video(5 * MIB + 3);
  const { last } = await upload(data, { signature: await server.signature() });
  assert.equal(await stored(last), sha256(data));
});

test("in chunks, with the first bytes in the creation", async () => {
  const data = video(3 * MIB + 1);
  const options = { chunkSize: MIB, uploadDataDuringCreation: true };
  const { last } = await upload(data, { signature: await server.signature(), ...options });
  assert.equal(await stored(last), sha256(data));
});

test("the signature may be in the metadata, and is not told again", async () => {
  const data = video(MIB);
  const metadata = { filename: "a.mp4", signature: await server.signature() };
  const { upload: finished, last } = await upload(data, { headers: {}, metadata });
  assert.equal(await stored(last), sha256(data));
  const head = await fetch(finished.url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
  assert.equal(head.headers.get("upload-metadata"), `filename ${Buffer.from("a.mp4").toString("base64")}`);
  assert.equal(head.headers.get("upload-offset"), String(MIB));
});

test("an upload that was cut goes on where it stopped", async () => {
  const data = video(6 * MIB);
  const signature = await server.signature();
  const url = await new Promise((done, failed) => {
    const started = new tus.Upload(data, {
      endpoint: `http://${server.address}/files`,
      headers: { authorization: `Reelgate ${signature}` },
      metadata: { filename: "cut.mp4" },
      chunkSize: MIB,
      onError: failed,
      onChunkComplete: (_size, sent) => sent >= 2 * MIB && started.abort().then(() => done(started.url)),
    });
    started.start();
  });
  const head = await fetch(url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
  assert.ok(Number(head.headers.get("upload-offset")) >= 2 * MIB);
  const offsets = [];
  const note = (request) => request.getMethod() === "PATCH" && offsets.push(Number(request.getHeader("Upload-Offset")));
  const { last } = await upload(data, { signature, uploadUrl: url, onBeforeRequest: note });
  assert.ok(offsets[0] >= 2 * MIB, "what had arrived is not sent again");
  assert.equal(await stored(last), sha256(data));
});

test("a terminated upload is gone", async () => {
  const signature = await server.signature();
  const created = await fetch(`http://${server.address}/files`, {
    method: "POST",
    headers: { "tus-resumable": "1.0.0", "upload-length": "1000", authorization: `Reelgate ${signature}`, "upload-metadata": "filename YS5tcDQ=" },
  });
  assert.equal(created.status, 201);
  await tus.Upload.terminate(created.headers.get("location"), { headers: { authorization: `Reelgate ${signature}` } });
  const head = await fetch(created.headers.get("location"), { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
  assert.equal(head.status, 410);
});

test("refusals have their status", async () => {
  const data = video(1000);
  const refused = (options) => upload(data, options).then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(status(await refused({ signature: "bm90IGEgc2lnbmF0dXJl" })), 403);
  assert.equal(status(await refused({ headers: {} })), 401);
  const small = await server.signature({ max_size: 999 });
  assert.equal(status(await refused({ signature: small })), 413);
  const another = await server.signature({ user: "somebody" });
  const { upload: finished } = await upload(data, { signature: await server.signature({ user: "someone" }) });
  assert.equal(status(await refused({ signature: another, endpoint: null, uploadUrl: finished.url })), 403);
});

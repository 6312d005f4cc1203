/** The SDK's npm entry, as published, in jsdom with jsdom's own XMLHttpRequest over real sockets. */

import assert from "node:assert/strict";
import { createHmac, createHash } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { hostsTried } from "./net_guard.js";
import { inPage } from "./page.js";
import { BUCKET, CREDENTIALS, STORAGE_PATH, startVodServer } from "./vod_server.js";

let server, page, createTcVod, vodAxios;
let failing = () => undefined;
let signatures = 0;
const getSignature = async () => `signature-${++signatures}`;

before(async () => {
  server = await startVodServer({ ugc: (action, body) => failing(action, body) });
  page = inPage("http://127.0.0.1/");
  page.becomeGlobal();
  ({ createTcVod } = await import("../dist/index.js"));
  ({ vodAxios } = await import("vod-js-sdk-v6/lib/src/uploader.js"));
});
after(() => server.close());
beforeEach(() => {
  failing = () => undefined;
  signatures = 0;
  server.seen.length = 0;
  server.parts.clear();
  page.window.localStorage.clear();
  hostsTried();
});

const file = (bytes) => new page.window.File([bytes], "源 文件.MP4", { type: "video/mp4" });
const ugcCalls = () => server.seen.filter(({ url }) => url.startsWith("/v3/")).map(({ url }) => new URL(url, "http://x").searchParams.get("Action"));

test("an upload goes to home from Apply to Commit, over plain HTTP, and nowhere else", async () => {
  const bytes = Buffer.alloc(2 * 1024 * 1024 + 5, "v");
  const uploader = createTcVod({ ugc: server.origin }, { getSignature }).upload({ mediaFile: file(bytes), chunkSize: 1024 * 1024 });
  const progress = [];
  uploader.on("media_progress", ({ percent }) => progress.push(percent));
  assert.equal((await uploader.done()).fileId, "5285890784246869930");
  assert.deepEqual(ugcCalls(), ["ApplyUploadUGC", "CommitUploadUGC"]);
  assert.deepEqual(Buffer.concat([1, 2, 3].map((number) => server.parts.get(number))), bytes);
  assert.equal(progress.at(-1), 1);
  assert.deepEqual(hostsTried(), ["127.0.0.1"]);
});

test("path style: the key alone is signed, although the path sent has /cos/{Bucket} in front", async () => {
  await createTcVod({ ugc: server.origin }, { getSignature }).upload({ mediaFile: file(Buffer.from("small")) }).done();
  const objectLeg = server.seen.filter(({ url }) => !url.startsWith("/v3/"));
  assert.deepEqual(objectLeg.map(({ method }) => method), ["GET", "POST", "PUT", "POST"]);
  for (const request of objectLeg) {
    const sent = new URL(request.url, "http://x");
    const isList = request.method === "GET";
    const key = isList ? "/" : STORAGE_PATH;
    assert.equal(decodeURIComponent(sent.pathname), `/cos/${BUCKET}${key}`);
    assert.ok(isSigned(request, sent, key), `${request.method} ${request.url} is signed over ${key}`);
    assert.ok(!isSigned(request, sent, `/cos/${BUCKET}${key}`), "and not over the path as sent");
    assert.equal(request.headers["x-cos-security-token"], CREDENTIALS.token);
  }
});

test("when Apply answers 500 every try comes to home, each with a fresh signature", async () => {
  failing = (action) => (action === "ApplyUploadUGC" ? 500 : undefined);
  const uploader = createTcVod({ ugc: server.origin }, { getSignature }).upload({ mediaFile: file(Buffer.from("v")), retryDelay: 1 });
  await assert.rejects(uploader.done(), /500/);
  assert.deepEqual(server.seen.map(({ body }) => JSON.parse(body).signature), [1, 2, 3, 4].map((n) => `signature-${n}`));
  assert.deepEqual(hostsTried(), ["127.0.0.1"]);
});

test("when Commit answers 500 once the second try comes to home and ends the upload", async () => {
  let left = 1;
  failing = (action) => (action === "CommitUploadUGC" && left-- > 0 ? 500 : undefined);
  await createTcVod({ ugc: server.origin }, { getSignature }).upload({ mediaFile: file(Buffer.from("v")), retryDelay: 1 }).done();
  assert.deepEqual(ugcCalls(), ["ApplyUploadUGC", "CommitUploadUGC", "CommitUploadUGC"]);
  assert.deepEqual(hostsTried(), ["127.0.0.1"]);
});

test("switches that would leave home are overruled or refused", async () => {
  const tcVod = createTcVod({ ugc: server.origin }, { getSignature });
  await tcVod.upload({ mediaFile: file(Buffer.from("v")), enableRaceRegion: true, dynamicAccelerate: true }).done();
  assert.deepEqual(ugcCalls(), ["ApplyUploadUGC", "CommitUploadUGC"]);
  assert.throws(() => tcVod.upload({ mediaFile: file(Buffer.from("v")), storageType: "s3" }), /built in/);
  assert.throws(() => createTcVod({ ugc: "http://127.0.0.1:1" }, { getSignature }), /already go to/);
  assert.deepEqual(hostsTried(), ["127.0.0.1"]);
});

test("the SDK's axios refuses any other host before a connection is tried", async () => {
  await assert.rejects(vodAxios.post("https://vodreport.qcloud.com/ugcupload_new", {}), { name: "ForeignHostError" });
  await assert.rejects(vodAxios.head("https://other.example"), { name: "ForeignHostError" });
  assert.deepEqual(hostsTried(), []);
});

/** Whether the q-sign of a request fits when `path` is what was signed (wire reference 3.6). */
function isSigned(request, sent, path) {
  const fields = Object.fromEntries(request.headers.authorization.split("&").map((pair) => pair.split(/=(.*)/)));
  const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const line = (names, value) => names.filter(Boolean).map((name) => `${name}=${encode(value(name))}`).join("&");
  const query = new Map([...sent.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  const text = [
    request.method.toLowerCase(),
    path,
    line(fields["q-url-param-list"].split(";"), (name) => query.get(name)),
    line(fields["q-header-list"].split(";"), (name) => request.headers[name]),
    "",
  ].join("\n");
  const sha1 = createHash("sha1").update(text).digest("hex");
  const hmac = (key, message) => createHmac("sha1", key).update(message).digest("hex");
  const key = hmac(CREDENTIALS.secretKey, fields["q-key-time"]);
  return fields["q-signature"] === hmac(key, `sha1\n${fields["q-sign-time"]}\n${sha1}\n`);
}

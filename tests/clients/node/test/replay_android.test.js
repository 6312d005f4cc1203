/**
 * Replay of the Android upload SDK (UGCClient, TVCClient and TXUGCPublishOptCenter of TXUGCPublish, on the COS XML SDK with okhttp): Prepare
 * and a probe in plain HTTP, Apply with its own fields, a multipart upload that is begun for every file, Commit with fields of its own.
 * Its JSON getters throw where a field is missing or has another type, which ends the upload.
 */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { ask, Bucket, checkTypes, element, listedParts, md5, slices } from "../harness/phone.js";
import { MIB, REGION, sha256, startReelgate, video } from "../harness/reelgate.js";

const UGC = "vod2.qcloud.com";
const BACKUP = "vod2.dnsv1.com";
const OKHTTP = { "user-agent": "okhttp/3.12.6", "accept-encoding": "gzip" };
const OWN = { clientReportId: "carol", clientVersion: "12.4.0.17372" };
/** Below this the transfer manager puts the file in one request, even into an upload that was begun in parts. */
const DIVISION = 2 * MIB;

/** What `getJSONObject`, `getString` and `getInt` of TVCClient.java are called for. */
const APPLY = {
  video: { storagePath: "string" },
  tempCertificate: { secretId: "string", secretKey: "string", token: "string", expiredTime: "number" },
  storageAppId: "number",
  storageBucket: "string",
  storageRegionV5: "string",
  domain: "string",
  vodSessionKey: "string",
  appId: "number",
  timestamp: "number",
};

let server;
before(async () => (server = await startReelgate()));
after(() => server.close());

async function ugc(action, body, host = UGC) {
  const headers = { ...OKHTTP, "content-type": "application/json; charset=utf-8" };
  const path = `/v3/index.php?Action=${action}`;
  const answer = await ask(server, { method: "POST", host, path, headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

/** The suffix stays as the file has it, and the size is left out by older versions. */
async function apply(signature, more = {}) {
  const body = { signature, videoName: "VID_20260101 假期", videoType: "mp4", ...OWN, storageRegion: REGION, ...more };
  const answer = await ugc("ApplyUploadUGC", body);
  assert.equal(answer.code, 0, answer.message);
  checkTypes(answer.data, APPLY);
  for (const id of [answer.data.storageAppId, answer.data.appId]) assert.ok(id < 2 ** 31, "getInt takes 32 bits");
  return answer.data;
}

/** The SDK's signatures begin at the server's time, or its own where that is near, and end with the credentials. */
const bucketOf = (data) => new Bucket(server, { data, startTime: data.timestamp, signsToken: false });
const keyOf = ({ storagePath }) => storagePath.replace(/^\//, "");

async function begin(bucket, key) {
  const begun = await bucket.object("POST", key, { query: { uploads: undefined }, headers: { ...OKHTTP }, body: "" });
  assert.equal(begun.status, 200, begun.text);
  return element(begun.text, "UploadId");
}

async function list(bucket, key, query) {
  const listed = await bucket.object("GET", key, { query, headers: { ...OKHTTP } });
  assert.equal(listed.status, 200, listed.text);
  return listedParts(listed.text);
}

/** What the transfer manager does with an upload id: it lists, sends what is missing, completes. */
async function transfer(bucket, key, uploadId, data) {
  const type = { ...OKHTTP, "content-type": "application/octet-stream" };
  if (data.length < DIVISION) {
    const put = await bucket.object("PUT", key, { headers: { ...type, "content-md5": md5(data) }, body: data });
    assert.equal(put.status, 200, put.text);
    return 1;
  }
  const etags = await list(bucket, key, { uploadId });
  const missing = slices(data).filter(({ number }) => !etags.has(number));
  for (const { number, bytes } of missing) {
    const query = { partNumber: String(number), uploadId };
    const put = await bucket.object("PUT", key, { query, headers: { ...type, "content-md5": md5(bytes) }, body: bytes });
    assert.equal(put.status, 200, put.text);
    etags.set(number, put.headers.etag);
  }
  const parts = [...etags].sort(([one], [other]) => one - other);
  const listed = parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag></Part>`);
  const body = `<?xml version='1.0' encoding='utf-8' standalone='no' ?><CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  const headers = { ...OKHTTP, "content-type": "application/xml", "content-md5": md5(body) };
  const done = await bucket.object("POST", key, { query: { uploadId }, headers, body });
  assert.equal(done.status, 200, done.text);
  for (const name of ["Location", "Bucket", "Key", "ETag"]) assert.ok(element(done.text, name), `${name} in ${done.text}`);
  return missing.length;
}

async function commit(signature, { vodSessionKey }, host) {
  const answer = await ugc("CommitUploadUGC", { signature, ...OWN, vodSessionKey }, host);
  assert.equal(answer.code, 0, answer.message);
  checkTypes(answer.data, { fileId: "string", video: { url: "string" } });
  return answer.data;
}

test("Prepare, the probe in plain HTTP, an upload in parts without a size, Commit at both hosts", async () => {
  const signature = await server.signature({ procedure: "" });
  const prepared = await ugc("PrepareUploadUGC", { clientVersion: OWN.clientVersion, signature });
  assert.equal(prepared.code, 0, prepared.message);
  assert.equal(prepared.data.cosRegionList.length, 1, "one region, so that nothing races");
  const [{ region, domain }] = prepared.data.cosRegionList;
  assert.equal(region, REGION);
  const probe = await ask(server, { method: "HEAD", host: domain, path: "/", headers: OKHTTP });
  assert.ok(probe.status < 500, `the probe was answered ${probe.status}`);

  const data = video(11 * MIB + 77);
  const applied = await apply(signature);
  const bucket = bucketOf(applied);
  assert.equal(bucket.host, domain, "what was probed is what is uploaded to");
  const key = keyOf(applied.video);
  assert.equal(await transfer(bucket, key, await begin(bucket, key), data), 11);
  const committed = await commit(signature, applied);
  assert.equal(await server.played(committed.video.url), sha256(data));
  assert.equal((await commit(signature, applied, BACKUP)).fileId, committed.fileId);
});

test("a small file goes in one request beside the upload in parts that was begun for it, and a cover after it", async () => {
  const signature = await server.signature({ procedure: "" });
  const data = video(300_000);
  const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(999, 5)]);
  const cover = { videoSize: data.length, coverName: "cover", coverType: "png", coverSize: picture.length };
  const applied = await apply(signature, cover);
  checkTypes(applied, { cover: { storagePath: "string" } });
  const bucket = bucketOf(applied);
  const key = keyOf(applied.video);
  assert.equal(await transfer(bucket, key, await begin(bucket, key), data), 1);
  const put = await bucket.object("PUT", keyOf(applied.cover), { headers: { ...OKHTTP, "content-type": "image/png" }, body: picture });
  assert.equal(put.status, 200, put.text);
  const committed = await commit(signature, applied);
  assert.equal(await server.played(committed.video.url), sha256(data));
  assert.equal(await server.played(committed.cover.url), sha256(picture));
});

test("a resume names session and file and sends what is missing", async () => {
  const signature = await server.signature({ procedure: "" });
  const data = video(4 * MIB + 9);
  const first = await apply(signature, { videoSize: data.length });
  const key = keyOf(first.video);
  const uploadId = await begin(bucketOf(first), key);
  const [one] = slices(data);
  const query = { partNumber: "1", uploadId };
  const put = await bucketOf(first).object("PUT", key, { query, headers: { ...OKHTTP, "content-md5": md5(one.bytes) }, body: one.bytes });
  assert.equal(put.status, 200, put.text);

  const second = await apply(signature, { videoSize: data.length, vodSessionKey: first.vodSessionKey });
  assert.equal(second.video.storagePath, first.video.storagePath);
  assert.equal(await transfer(bucketOf(second), key, uploadId, data), slices(data).length - 1);
  const committed = await commit(signature, second);
  assert.equal(await server.played(committed.video.url), sha256(data));
});

test("older versions write uploadID where others write uploadId", async () => {
  const applied = await apply(await server.signature());
  const bucket = bucketOf(applied);
  const key = keyOf(applied.video);
  const uploadID = await begin(bucket, key);
  assert.equal((await list(bucket, key, { uploadID })).size, 0);
});

test("a cancelled transfer aborts; the storage's refusals have code and request id", async () => {
  const applied = await apply(await server.signature());
  const bucket = bucketOf(applied);
  const key = keyOf(applied.video);
  const uploadId = await begin(bucket, key);
  assert.equal((await bucket.object("DELETE", key, { query: { uploadId }, headers: OKHTTP })).status, 204);
  const gone = await bucket.object("GET", key, { query: { uploadId }, headers: OKHTTP });
  assert.deepEqual([gone.status, element(gone.text, "Code")], [404, "NoSuchUpload"]);
  assert.ok(element(gone.text, "RequestId"));
  const damaged = await bucket.object("PUT", key, { headers: { ...OKHTTP, "content-md5": md5("other bytes") }, body: video(1000) });
  assert.deepEqual([damaged.status, element(damaged.text, "Code")], [400, "BadDigest"]);
  const answer = await ugc("ApplyUploadUGC", { signature: "bm90IGEgc2lnbmF0dXJl", videoName: "a", videoType: "mp4", ...OWN });
  assert.equal(answer.code, 10004);
  assert.equal(typeof answer.message, "string");
});

/**
 * Replay of the iOS upload SDK (TVCClient.m and TXUGCPublishOptCenter.m of TXUGCPublish, on QCloudCOSXML): Prepare and probe, Apply with
 * its own fields, the object leg in plain HTTP (`enableHttps` off, the default), Commit under the `domain` of Apply. What the SDK checks
 * is checked: it ignores a field whose type is not the one it expects, without a word.
 */

import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { ask, Bucket, checkTypes, element, listedParts, md5, slices } from "../harness/phone.js";
import { MIB, REGION, sha256, startReelgate, video } from "../harness/reelgate.js";

const UGC = "vod2.qcloud.com";
const BACKUP = "vod2.dnsv1.com";
const VERSION = "1.2.4.0";

/** What TVCClient.m asks `isKindOfClass:` of, or sends `longLongValue` and the like to. */
const APPLY = {
  code: "number",
  message: "string",
  data: {
    video: { storageSignature: "string", storagePath: "string" },
    appId: "number",
    tempCertificate: { secretId: "string", secretKey: "string", token: "string", expiredTime: "number" },
    timestamp: "number",
    storageAppId: "number",
    storageBucket: "string",
    vodSessionKey: "string",
    storageRegionV5: "string",
    domain: "string",
    cosAcc: { isOpen: "number", domain: "string" },
  },
};

let server;
before(async () => (server = await startReelgate()));
after(() => server.close());

/** A UGC call of the SDK: its headers, `gzip` among them; every status but 200 is a failure of the transport to it. */
async function ugc(action, body, host = UGC) {
  const headers = { "content-type": "application/json; charset=UTF-8", "accept-encoding": "gzip" };
  const path = `/v3/index.php?Action=${action}`;
  const answer = await ask(server, { method: "POST", host, path, headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

const applyBody = (signature, size, more = {}) => ({
  signature,
  videoName: "IMG_0001 假期",
  videoType: "MP4",
  videoSize: size,
  clientReportId: "carol",
  clientVersion: VERSION,
  storageRegion: REGION,
  ...more,
});

async function apply(signature, size, more) {
  const answer = await ugc("ApplyUploadUGC", applyBody(signature, size, more));
  checkTypes(answer, APPLY);
  assert.equal(answer.code, 0, answer.message);
  return answer.data;
}

/** The SDK's signatures begin now and end with the credentials. */
const bucketOf = (data) => new Bucket(server, { data, startTime: Math.floor(Date.now() / 1000), signsToken: true });
const keyOf = ({ storagePath }) => storagePath.replace(/^\//, "");

async function commit(signature, { vodSessionKey, domain }, host = domain) {
  const answer = await ugc("CommitUploadUGC", { signature, vodSessionKey }, host);
  checkTypes(answer, { code: "number", message: "string" });
  return answer;
}

async function sendParts(bucket, key, uploadId, parts) {
  const etags = await Promise.all(parts.map(async ({ number, bytes }) => {
    const query = { partNumber: String(number), uploadId };
    const put = await bucket.object("PUT", key, { query, headers: { "content-md5": md5(bytes) }, body: bytes });
    assert.equal(put.status, 200, put.text);
    const hex = Buffer.from(md5(bytes), "base64").toString("hex");
    assert.equal(put.headers.etag, `"${hex}"`, "the SDK compares what is between the quotes");
    return [number, put.headers.etag];
  }));
  return new Map(etags);
}

async function complete(bucket, key, uploadId, etags) {
  const parts = [...etags].sort(([one], [other]) => one - other);
  const listed = parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`).join("");
  const body = `<CompleteMultipartUpload>${listed}</CompleteMultipartUpload>`;
  const headers = { "content-type": "application/xml", "content-md5": md5(body) };
  const done = await bucket.object("POST", key, { query: { uploadId }, headers, body });
  assert.equal(done.status, 200, done.text);
  for (const name of ["Location", "Bucket", "Key", "ETag"]) assert.ok(element(done.text, name), `${name} in ${done.text}`);
}

test("Prepare, the probe of its region, and one signature for the whole of an upload in parts", async () => {
  const signature = await server.signature({ procedure: "" });
  const prepared = await ugc("PrepareUploadUGC", { clientVersion: VERSION, signature });
  checkTypes(prepared, { code: "number", data: { appId: "number" } });
  assert.ok(Array.isArray(prepared.data.cosRegionList));
  for (const entry of prepared.data.cosRegionList) {
    checkTypes(entry, { region: "string", domain: "string", ip: "string", isAcc: "number" });
    const probe = await ask(server, { method: "HEAD", host: entry.domain, path: "/" });
    assert.ok(probe.status < 500, `the probe was answered ${probe.status}`);
  }

  const data = video(12 * MIB + 345);
  const applied = await apply(signature, data.length);
  const bucket = bucketOf(applied);
  const key = keyOf(applied.video);
  const begun = await bucket.object("POST", key, { query: { uploads: undefined } });
  assert.equal(begun.status, 200, begun.text);
  const uploadId = element(begun.text, "UploadId");
  const parts = slices(data);
  assert.equal(parts.length, 11, "slices that are no whole number of anything, and a last one of a few bytes");
  await complete(bucket, key, uploadId, await sendParts(bucket, key, uploadId, parts));

  const { code, message, data: committed } = await commit(signature, applied);
  assert.equal(code, 0, message);
  checkTypes(committed, { fileId: "string", video: { url: "string" } });
  assert.equal(await server.played(committed.video.url), sha256(data));
  const again = await commit(signature, applied, BACKUP);
  assert.equal(again.data.fileId, committed.fileId, "Commit is repeated, at the backup host at last");
});

test("up to 1 MiB in one request, and a cover after it", async () => {
  const signature = await server.signature({ procedure: "" });
  const data = video(1 * MIB);
  const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(999, 5)]);
  const applied = await apply(signature, data.length, { coverName: "cover", coverType: "png", coverSize: picture.length });
  checkTypes(applied, { cover: { storageSignature: "string", storagePath: "string" } });
  const bucket = bucketOf(applied);
  for (const [{ storagePath }, body] of [[applied.video, data], [applied.cover, picture]]) {
    const put = await bucket.object("PUT", keyOf({ storagePath }), { headers: { "content-type": "application/octet-stream" }, body });
    assert.equal(put.status, 200, put.text);
    assert.ok(put.headers["x-cos-request-id"], "the SDK puts it into its report");
  }
  const { data: committed } = await commit(signature, applied);
  checkTypes(committed, { fileId: "string", video: { url: "string" }, cover: { url: "string" } });
  assert.equal(await server.played(committed.video.url), sha256(data));
  assert.equal(await server.played(committed.cover.url), sha256(picture));
});

test("a resume names session and file, lists the parts and sends what is missing", async () => {
  const signature = await server.signature({ procedure: "" });
  const data = video(5 * MIB + 1);
  const first = await apply(signature, data.length);
  const key = keyOf(first.video);
  const begun = await bucketOf(first).object("POST", key, { query: { uploads: undefined } });
  const uploadId = element(begun.text, "UploadId");
  const parts = slices(data);
  await sendParts(bucketOf(first), key, uploadId, parts.slice(0, 3));

  const second = await apply(signature, data.length, { vodSessionKey: first.vodSessionKey });
  assert.equal(second.video.storagePath, first.video.storagePath);
  const bucket = bucketOf(second);
  const listed = await bucket.object("GET", key, { query: { uploadId } });
  assert.equal(listed.status, 200, listed.text);
  const there = listedParts(listed.text);
  assert.deepEqual([...there.keys()], [1, 2, 3]);
  const rest = await sendParts(bucket, key, uploadId, parts.filter(({ number }) => !there.has(number)));
  await complete(bucket, key, uploadId, new Map([...there, ...rest]));
  const { data: committed } = await commit(signature, second);
  assert.equal(await server.played(committed.video.url), sha256(data));
});

test("refusals: an expired signature has a code of its own, others have another; the storage says why", async () => {
  const now = Math.floor(Date.now() / 1000);
  const query = `secretId=${server.secretId}&currentTimeStamp=${now - 3600}&expireTime=${now - 60}&random=220625`;
  const mac = createHmac("sha1", server.secretKey).update(query).digest();
  const expired = Buffer.concat([mac, Buffer.from(query)]).toString("base64");
  const answered = await ugc("ApplyUploadUGC", applyBody(expired, 1000));
  checkTypes(answered, { code: "number", message: "string" });
  assert.equal(answered.code, 10010);
  assert.equal((await ugc("ApplyUploadUGC", applyBody("bm90IGEgc2lnbmF0dXJl", 1000))).code, 10004);

  const applied = await apply(await server.signature(), 1000);
  const other = await apply(await server.signature(), 1000);
  const bucket = bucketOf(applied);
  const outside = await bucket.object("PUT", keyOf(other.video), { body: "x" });
  assert.deepEqual([outside.status, element(outside.text, "Code")], [403, "AccessDenied"]);
  bucket.secretKey = "guessed";
  const forged = await bucket.object("PUT", keyOf(applied.video), { body: "x" });
  assert.deepEqual([forged.status, element(forged.text, "Code")], [403, "SignatureDoesNotMatch"]);
  for (const name of ["Message", "Resource", "RequestId"]) assert.ok(element(forged.text, name), `${name} in ${forged.text}`);
});

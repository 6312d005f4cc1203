/** cos-nodejs-sdk-v5: simple, by parts, resumed, refused. */

import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import COS from "cos-nodejs-sdk-v5";
import { MIB, REGION, sha256, startReelgate, video } from "../harness/reelgate.js";

let server;
let directory;
before(async () => {
  server = await startReelgate();
  directory = mkdtempSync(join(tmpdir(), "reelgate-cos-node-"));
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

/** The SDK with the credentials of an upload, pointed here by its own option `Domain`. */
function clientOf(upload, changed = {}) {
  const { secretId, secretKey, token } = upload.certificate;
  return new COS({
    SecretId: secretId,
    SecretKey: secretKey,
    SecurityToken: token,
    Protocol: "http:",
    Domain: `${server.address}/cos/{Bucket}`,
    ...changed,
  });
}

const at = (upload) => ({ Bucket: upload.bucket, Region: REGION, Key: upload.key });

async function readBack(cos, upload) {
  const { Body } = await cos.getObject(at(upload));
  return sha256(Body);
}

async function refused(promise, code) {
  const failed = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(failed.code ?? failed.error?.Code, code, JSON.stringify(failed));
}

test("putObject, headObject, getObject", async () => {
  for (const size of [0, 40, 300_000]) {
    const upload = await server.openUpload({ size });
    const cos = clientOf(upload);
    const data = video(size);
    const put = await cos.putObject({ ...at(upload), Body: data });
    const head = await cos.headObject(at(upload));
    assert.equal(head.ETag, put.ETag);
    assert.equal(Number(head.headers["content-length"]), size);
    assert.equal(await readBack(cos, upload), sha256(data));
  }
});

test("sliceUploadFile in parts of 1 MiB, then Commit", async () => {
  const data = video(5 * MIB + 17);
  const upload = await server.openUpload({ size: data.length, name: "测试 视频" });
  const cos = clientOf(upload);
  const path = join(directory, "五.mp4");
  writeFileSync(path, data);
  const done = await cos.sliceUploadFile({ ...at(upload), FilePath: path, SliceSize: 1 });
  assert.match(done.ETag, /-6"$/);
  assert.equal(await readBack(cos, upload), sha256(data));
  assert.match((await upload.commit()).fileId, /^\d{18,19}$/);
  await refused(cos.putObject({ ...at(upload), Body: "late" }), "AccessDenied");
});

test("sliceUploadFile goes on where an upload was cut", async () => {
  const data = video(4 * MIB);
  let upload = await server.openUpload({ size: data.length });
  let cos = clientOf(upload);
  const { UploadId } = await cos.multipartInit(at(upload));
  for (const PartNumber of [1, 3]) {
    const Body = data.subarray((PartNumber - 1) * MIB, PartNumber * MIB);
    await cos.multipartUpload({ ...at(upload), UploadId, PartNumber, Body });
  }
  upload = await upload.resumed();
  cos = clientOf(upload);
  const sent = [];
  cos.on("before-send", ({ qs }) => sent.push(qs?.partNumber?.toString()));
  const path = join(directory, "cut.mp4");
  writeFileSync(path, data);
  await cos.sliceUploadFile({ ...at(upload), FilePath: path, ChunkSize: MIB });
  assert.deepEqual(sent.filter(Boolean).sort(), ["2", "4"], "only what was missing is sent");
  assert.equal(await readBack(cos, upload), sha256(data));
});

test("abort, list and delete", async () => {
  const upload = await server.openUpload();
  const cos = clientOf(upload);
  const { UploadId } = await cos.multipartInit(at(upload));
  const listed = await cos.multipartList({ Bucket: upload.bucket, Region: REGION, Prefix: upload.key });
  assert.deepEqual(listed.Upload.map((one) => one.UploadId), [UploadId]);
  await cos.multipartAbort({ ...at(upload), UploadId });
  await refused(cos.multipartListPart({ ...at(upload), UploadId }), "NoSuchUpload");
  await cos.putObject({ ...at(upload), Body: video(77) });
  const { Contents } = await cos.getBucket({ Bucket: upload.bucket, Region: REGION });
  assert.deepEqual(Contents.map(({ Key, Size }) => [Key, Size]), [[upload.key, "77"]]);
  await cos.deleteObject(at(upload));
  await refused(cos.getObject(at(upload)), "NoSuchKey");
});

test("refusals are named", async () => {
  const upload = await server.openUpload();
  const other = await server.openUpload();
  const put = (changed, key) => clientOf(upload, changed).putObject({ ...at(upload), Key: key ?? upload.key, Body: "x" });
  await refused(put({ SecretKey: "guessed" }), "SignatureDoesNotMatch");
  await refused(put({ SecurityToken: "another" }), "AccessDenied");
  await refused(put({ SecretId: "AKIDnobody" }), "InvalidAccessKeyId");
  await refused(put({}, other.key), "AccessDenied");
});

test("expired credentials are refused, renewed ones are taken", async () => {
  const brief = await startReelgate({ REELGATE_UPLOAD__CREDENTIAL_TTL: "1" });
  try {
    const upload = await brief.openUpload();
    const domain = { Domain: `${brief.address}/cos/{Bucket}` };
    await new Promise((done) => setTimeout(done, 2100));
    await refused(clientOf(upload, domain).putObject({ ...at(upload), Body: "x" }), "ExpiredToken");
    await clientOf(await upload.resumed(), domain).putObject({ ...at(upload), Body: video(9) });
  } finally {
    await brief.close();
  }
});

/** cos-wx-sdk-v5, the storage SDK of mini-programs, with the `wx` of `harness/wx.js`. */

import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { installWx } from "../harness/wx.js";
import { MIB, REGION, sha256, startReelgate, video } from "../harness/reelgate.js";

installWx();
const { default: COS } = await import("cos-wx-sdk-v5");

let server;
let directory;
before(async () => {
  server = await startReelgate();
  directory = mkdtempSync(join(tmpdir(), "reelgate-cos-wx-"));
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

function options(upload, changed = {}) {
  const { secretId, secretKey, token } = upload.certificate;
  return {
    SecretId: secretId,
    SecretKey: secretKey,
    SecurityToken: token,
    // Mini-programs speak HTTPS only, unless the domain says otherwise.
    Domain: `http://${server.address}/cos/{Bucket}`,
    SimpleUploadMethod: "putObject",
    ...changed,
  };
}

const at = (upload) => ({ Bucket: upload.bucket, Region: REGION, Key: upload.key });

function file(name, data) {
  const path = join(directory, name);
  writeFileSync(path, data);
  return path;
}

/** The stored bytes, read with another SDK: mini-programs only upload. */
async function readBack(upload) {
  const { secretId, secretKey, token } = upload.certificate;
  const s3 = new S3Client({
    region: REGION,
    credentials: { accessKeyId: secretId, secretAccessKey: secretKey, sessionToken: token },
    endpoint: `http://${server.address}/cos`,
    forcePathStyle: true,
  });
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: upload.bucket, Key: upload.key }));
  return sha256(await Body.transformToByteArray());
}

async function refused(promise, code) {
  const failed = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(failed.error?.Code ?? failed.code, code, JSON.stringify(failed));
}

test("putObject of a file", async () => {
  for (const size of [0, 40, 300_000]) {
    const data = video(size);
    const upload = await server.openUpload({ size });
    await new COS(options(upload)).putObject({ ...at(upload), FilePath: file(`${size}.mp4`, data) });
    assert.equal(await readBack(upload), sha256(data));
  }
});

test("sliceUploadFile in parts, then Commit", async () => {
  const data = video(3 * MIB + 17);
  const upload = await server.openUpload({ size: data.length, name: "测试 视频" });
  await new COS(options(upload)).sliceUploadFile({ ...at(upload), FilePath: file("三.mp4", data), ChunkSize: MIB });
  assert.equal(await readBack(upload), sha256(data));
  assert.match((await upload.commit()).fileId, /^\d{18,19}$/);
});

test("abort and refusals", async () => {
  const upload = await server.openUpload();
  const other = await server.openUpload();
  const cos = new COS(options(upload));
  const { UploadId } = await cos.multipartInit(at(upload));
  await cos.multipartAbort({ ...at(upload), UploadId });
  await refused(cos.multipartListPart({ ...at(upload), UploadId }), "NoSuchUpload");
  const put = (changed, Key = upload.key) => new COS(options(upload, changed)).putObject({ ...at(upload), Key, Body: "x" });
  await refused(put({ SecretKey: "guessed" }), "SignatureDoesNotMatch");
  await refused(put({ SecurityToken: "another" }), "AccessDenied");
  await refused(put({}, other.key), "AccessDenied");
});

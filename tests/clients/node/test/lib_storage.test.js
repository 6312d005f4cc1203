/** `@aws-sdk/client-s3` with `@aws-sdk/lib-storage`: what the npm entry of vod-js-sdk-v6 uses with `storageType: "s3"`. */

import { strict as assert } from "node:assert";
import http from "node:http";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { MIB, REGION, sha256, startReelgate, video } from "../harness/reelgate.js";

let server;
before(async () => (server = await startReelgate()));
after(() => server.close());

/** Path style below `/cos`, or virtual hosts under the vendor's names, which lead here as a test network's DNS would have it. */
function clientOf(upload, { style = "path", address = server.address, ...changed } = {}) {
  const { secretId, secretKey, token } = upload.certificate;
  const lookup = (_name, options, found) =>
    options.all ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4);
  return new S3Client({
    region: REGION,
    credentials: { accessKeyId: secretId, secretAccessKey: secretKey, sessionToken: token, ...changed },
    maxAttempts: 1,
    ...(style === "path"
      ? { endpoint: `http://${address}/cos`, forcePathStyle: true }
      : { endpoint: `http://cos.${REGION}.myqcloud.com:${server.port}` }),
    requestHandler: { httpAgent: new http.Agent({ lookup, keepAlive: true }) },
  });
}

const at = (upload) => ({ Bucket: upload.bucket, Key: upload.key });

async function readBack(s3, upload) {
  const { Body } = await s3.send(new GetObjectCommand(at(upload)));
  return sha256(await Body.transformToByteArray());
}

async function refused(promise, code) {
  const failed = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(failed.name, code, `${failed}`);
}

for (const style of ["path", "virtual"]) {
  test(`PutObject and GetObject, ${style} style`, async () => {
    for (const size of [0, 40, 300_000]) {
      const upload = await server.openUpload({ size });
      const s3 = clientOf(upload, { style });
      const data = video(size);
      const put = await s3.send(new PutObjectCommand({ ...at(upload), Body: data }));
      const head = await s3.send(new HeadObjectCommand(at(upload)));
      assert.deepEqual([head.ETag, head.ContentLength], [put.ETag, size]);
      assert.equal(await readBack(s3, upload), sha256(data));
    }
  });

  test(`lib-storage sends a stream in parts, ${style} style`, async () => {
    const data = video(13 * MIB + 5);
    const upload = await server.openUpload({ size: data.length, name: "测试 视频" });
    const s3 = clientOf(upload, { style });
    const Body = Readable.from(data.length ? [data.subarray(0, 3 * MIB), data.subarray(3 * MIB)] : []);
    const done = await new Upload({ client: s3, params: { ...at(upload), Body }, queueSize: 3 }).done();
    assert.match(done.ETag, /-3"$/);
    assert.equal(await readBack(s3, upload), sha256(data));
    assert.match((await upload.commit()).fileId, /^\d{18,19}$/);
  });
}

test("an upload that was cut goes on with fresh credentials", async () => {
  const data = video(6 * MIB);
  let upload = await server.openUpload({ size: data.length });
  const { UploadId } = await clientOf(upload).send(new CreateMultipartUploadCommand({ ...at(upload), ChecksumAlgorithm: "CRC32" }));
  const part = (s3, PartNumber, Body) => s3.send(new UploadPartCommand({ ...at(upload), UploadId, PartNumber, Body }));
  await part(clientOf(upload), 1, data.subarray(0, 5 * MIB));
  upload = await upload.resumed();
  const s3 = clientOf(upload);
  const { Parts } = await s3.send(new ListPartsCommand({ ...at(upload), UploadId }));
  assert.deepEqual(Parts.map(({ PartNumber, Size }) => [PartNumber, Size]), [[1, 5 * MIB]]);
  const { ETag } = await part(s3, 2, data.subarray(5 * MIB));
  const list = [{ PartNumber: 1, ETag: Parts[0].ETag }, { PartNumber: 2, ETag }];
  await s3.send(new CompleteMultipartUploadCommand({ ...at(upload), UploadId, MultipartUpload: { Parts: list } }));
  assert.equal(await readBack(s3, upload), sha256(data));
});

test("abort and delete", async () => {
  const upload = await server.openUpload();
  const s3 = clientOf(upload);
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at(upload)));
  await s3.send(new AbortMultipartUploadCommand({ ...at(upload), UploadId }));
  await refused(s3.send(new ListPartsCommand({ ...at(upload), UploadId })), "NoSuchUpload");
  await s3.send(new PutObjectCommand({ ...at(upload), Body: video(9) }));
  await s3.send(new DeleteObjectCommand(at(upload)));
  await refused(s3.send(new GetObjectCommand(at(upload))), "NoSuchKey");
});

test("refusals are named", async () => {
  const upload = await server.openUpload();
  const other = await server.openUpload();
  const put = (changed, more) => clientOf(upload, changed).send(new PutObjectCommand({ ...at(upload), Body: "x", ...more }));
  await refused(put({ secretAccessKey: "guessed" }), "SignatureDoesNotMatch");
  await refused(put({ sessionToken: "another" }), "AccessDenied");
  await refused(put({ accessKeyId: "AKIDnobody" }), "InvalidAccessKeyId");
  await refused(put({}, { Key: other.key }), "AccessDenied");
  await refused(put({}, { ChecksumSHA256: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }), "BadDigest");
});

test("expired credentials are refused, renewed ones are taken", async () => {
  const brief = await startReelgate({ REELGATE_UPLOAD__CREDENTIAL_TTL: "1" });
  try {
    const upload = await brief.openUpload();
    await new Promise((done) => setTimeout(done, 2100));
    const put = (from) => clientOf(from, { address: brief.address }).send(new PutObjectCommand({ ...at(from), Body: video(40) }));
    await refused(put(upload), "ExpiredToken");
    await put(await upload.resumed());
  } finally {
    await brief.close();
  }
});

/**
 * cos-js-sdk-v5, unmodified, in a page of another origin: simple and by parts, a page that was closed in the middle, abort, refusals; pointed
 * here by its own option `Domain`, and once by the vendor's names. The UGC leg is asked by the test, as an app's backend may do it.
 */

import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../harness/certificate.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { sha256 } from "../harness/published.js";
import { paddedVideo, SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { until } from "../harness/waiting.js";

const HERE = resolve(import.meta.dirname, "..");
const SDK = join(HERE, "node_modules/cos-js-sdk-v5/dist/cos-js-sdk-v5.js");
const APP = "app.example.test";
const REGION = "ap-guangzhou";
const MIB = 1 << 20;

test("cos-js-sdk-v5 in path style, plain HTTP", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer();
    const open = await openApp(scene, { resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" });
    const page = await open();
    const at = { Protocol: "http:", Domain: `127.0.0.1:${scene.server.port}/cos/{Bucket}` };
    await simple(scene, page, at);
    await byParts(scene, page, at);
    await resumed(scene, open, at);
    await aborted(scene, page, at);
    await refusals(scene, page, at);
  }));

test("cos-js-sdk-v5 with the vendor's names mapped, TLS", (t) =>
  withScene(t, async (scene) => {
    const tls = makeCertificate(scene.directory);
    await scene.startServer({ tls });
    const page = await (await openApp(scene, { tls }))();
    await simple(scene, page, {});
    await byParts(scene, page, {});
    assert.match(scene.browser.hosts().join(" "), /reelgate-1300000001\.cos\.ap-guangzhou\.myqcloud\.com/);
  }));

test("cos-js-sdk-v5 is told that its credentials have expired", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer({ settings: { REELGATE_UPLOAD__CREDENTIAL_TTL: "1" } });
    const page = await (await openApp(scene, { resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" }))();
    const at = { Protocol: "http:", Domain: `127.0.0.1:${scene.server.port}/cos/{Bucket}` };
    const upload = await openUpload(scene.server, {});
    await until("the credentials have expired", () => Date.now() / 1000 > upload.expiredTime + 1);
    await refused(page, { ...upload.options, ...at }, { ...upload.at, Body: "x" }, "ExpiredToken");
  }));

/** Starts the app's web server and the browser. Gives what opens a new page of it. */
async function openApp(scene, { tls, resolverRules }) {
  const app = scene.opened(await startPageServer({
    "/": { file: join(HERE, "pages/uploader.html") },
    "/sdk.js": { file: SDK },
    "/upload.js": { file: join(HERE, "pages/cos_js.js") },
  }, tls));
  const browser = scene.opened(scene.browser = await startChromium({
    executable: scene.chromium,
    directory: scene.directory,
    resolverRules: resolverRules ?? `MAP ${APP} 127.0.0.1:${app.port}, MAP * 127.0.0.1:${scene.server.port}`,
    ignoreCertificates: true,
  }));
  return async () => {
    const page = await browser.context.newPage();
    await page.goto(tls ? `https://${APP}/` : `http://127.0.0.1:${app.port}/`);
    return page;
  };
}

/** An open upload session: the SDK's options with its credentials, and where its bytes go. Resumes with a `vodSessionKey`. */
async function openUpload(server, { name = "假期 video", size, vodSessionKey }) {
  const announced = vodSessionKey ? { vodSessionKey } : { videoName: name, videoType: "mp4", ...(size && { videoSize: size }) };
  const body = { signature: await server.signature(""), ...announced };
  const { code, message, data } = await server.api("POST", "/v3/index.php?Action=ApplyUploadUGC", body);
  assert.equal(code, 0, message);
  const { secretId, secretKey, token, expiredTime } = data.tempCertificate;
  return {
    vodSessionKey: data.vodSessionKey,
    expiredTime,
    options: { SecretId: secretId, SecretKey: secretKey, SecurityToken: token },
    at: { Bucket: `${data.storageBucket}-${data.storageAppId}`, Region: REGION, Key: data.video.storagePath.replace(/^\//, "") },
  };
}

async function commit(server, { vodSessionKey }) {
  const body = { signature: await server.signature(""), vodSessionKey };
  return server.api("POST", "/v3/index.php?Action=CommitUploadUGC", body);
}

/** A call of the SDK that must go well. */
async function call(page, options, method, params, how) {
  const { answer, refused } = await page.evaluate((given) => window.call(...given), [options, method, params, how]);
  assert.equal(refused, undefined, `${method}: ${JSON.stringify(refused)}`);
  return answer;
}

/** A call that must fail with `code`; the page must see status, code and request id, which needs CORS on errors as well. */
async function refused(page, options, params, code, method = "putObject") {
  const given = [options, method, params];
  const { refused: problem } = await page.evaluate((all) => window.call(...all), given);
  console.log(`${method} refused: ${JSON.stringify(problem)}`);
  assert.equal(problem?.code, code);
  assert.ok(problem.statusCode === 403 || problem.statusCode === 404, `status ${problem.statusCode}`);
  assert.ok(problem.message && problem.requestId);
}

/** Objects in one request: nothing, some bytes, a video. */
async function simple(scene, page, at) {
  const small = join(scene.directory, "small.mp4");
  for (const size of [0, 40, undefined]) {
    const bytes = readFileSync(SHORT_VIDEO).subarray(0, size);
    writeFileSync(small, bytes);
    await page.locator("#file").setInputFiles(small);
    const upload = await openUpload(scene.server, { size: bytes.length });
    const options = { ...upload.options, ...at };
    const put = await call(page, options, "putObject", upload.at, { withFile: true });
    const head = await call(page, options, "headObject", upload.at);
    assert.equal(head.ETag, put.ETag);
    assert.equal(Number(head.headers["content-length"]), bytes.length);
    const got = await call(page, options, "getObject", { ...upload.at, DataType: "blob" });
    assert.equal(got.sha256, sha256(bytes));
  }
}

/** Six parts of 1 MiB, three at a time, then Commit. */
async function byParts(scene, page, at) {
  const file = join(scene.directory, "五 视频.mp4");
  paddedVideo(file, 5 * MIB + 17);
  await page.locator("#file").setInputFiles(file);
  const upload = await openUpload(scene.server, { name: "五 视频", size: 5 * MIB + 17 });
  const options = { ...upload.options, ...at, ChunkSize: MIB };
  const done = await call(page, options, "uploadFile", { ...upload.at, SliceSize: MIB }, { withFile: true });
  assert.match(done.ETag, /-6"$/);
  const got = await call(page, options, "getObject", { ...upload.at, DataType: "blob" });
  assert.equal(got.sha256, sha256(readFileSync(file)));
  assert.match((await commit(scene.server, upload)).data.fileId, /^\d{18,19}$/);
  await refused(page, options, { ...upload.at, Body: "late" }, "AccessDenied");
}

/** The page is closed while parts are under way; a new one sends what is missing. */
async function resumed(scene, open, at) {
  const file = join(scene.directory, "cut.mp4");
  paddedVideo(file, 5 * MIB);
  const first = await openUpload(scene.server, { size: 5 * MIB });
  const page = await open();
  let waiting = 0;
  await page.route((url) => Number(url.searchParams.get("partNumber")) > 2, () => void (waiting += 1));
  const before = scene.server.access.length;
  const parts = () => scene.server.access.slice(before).filter(({ method, status, part }) => method === "PUT" && status === 200 && part);
  await page.locator("#file").setInputFiles(file);
  const slow = { ...first.options, ...at, ChunkSize: MIB, ChunkParallelLimit: 2 };
  await page.evaluate((given) => void window.call(...given), [slow, "sliceUploadFile", first.at, { withFile: true }]);
  await until("two parts are stored and others wait", () => parts().length === 2 && waiting > 0);
  await page.close();

  const { options } = await openUpload(scene.server, { vodSessionKey: first.vodSessionKey });
  const again = await open();
  await again.locator("#file").setInputFiles(file);
  await call(again, { ...options, ...at, ChunkSize: MIB }, "sliceUploadFile", first.at, { withFile: true });
  const sent = parts().map(({ part }) => part);
  console.log(`parts in the order of their answers: ${sent.join(", ")}`);
  assert.deepEqual(sent.sort(), [1, 2, 3, 4, 5], "no part was sent twice");
  const got = await call(again, { ...options, ...at }, "getObject", { ...first.at, DataType: "blob" });
  assert.equal(got.sha256, sha256(readFileSync(file)));
}

async function aborted(scene, page, at) {
  const upload = await openUpload(scene.server, {});
  const options = { ...upload.options, ...at };
  const { UploadId } = await call(page, options, "multipartInit", upload.at);
  const { Upload } = await call(page, options, "multipartList", { ...upload.at, Prefix: upload.at.Key });
  assert.deepEqual(Upload.map((one) => one.UploadId), [UploadId]);
  await call(page, options, "multipartAbort", { ...upload.at, UploadId });
  await refused(page, options, { ...upload.at, UploadId }, "NoSuchUpload", "multipartListPart");
}

async function refusals(scene, page, at) {
  const upload = await openUpload(scene.server, {});
  const other = await openUpload(scene.server, {});
  const put = { ...upload.at, Body: "x" };
  const changed = (options) => ({ ...upload.options, ...at, ...options });
  await refused(page, changed({ SecretKey: "guessed" }), put, "SignatureDoesNotMatch");
  await refused(page, changed({ SecurityToken: "another" }), put, "AccessDenied");
  await refused(page, changed({ SecretId: "AKIDnobody" }), put, "InvalidAccessKeyId");
  await refused(page, changed({}), { ...put, Key: other.at.Key }, "AccessDenied");
}

/**
 * `storageType: "s3"` of the official SDK, unmodified: the browser file (AWS SDK 2 inside) and the npm entry (AWS SDK 3). Their storage end
 * point is written into them, so the vendor's names are mapped to a Reelgate that terminates TLS itself. What counts is the server's
 * access log and the bytes that are played.
 */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundlePage } from "../harness/bundle.js";
import { makeCertificate } from "../harness/certificate.js";
import { preparePage, sha256OfMedia, uploadInPage } from "../harness/chain.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { BROWSER_FILE, comparePublished, INSTALLED, sha256 } from "../harness/published.js";
import { paddedVideo, SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { until } from "../harness/waiting.js";

const PAGES = join(import.meta.dirname, "../pages");
const APP = "app.example.test";
const HOME = "reelgate.example.test";
const MIB = 1 << 20;

test("browser file in s3 mode: one request, parts of 5 MiB, what is no video", (t) =>
  withScene(t, async (scene) => {
    const page = await openPage(scene, {
      "/sdk.js": { file: join(INSTALLED, BROWSER_FILE) },
      "/upload.js": { file: join(PAGES, "browser_file.js") },
    });
    comparePublished({ [BROWSER_FILE]: sha256(await page.sdk()) });
    await uploadBoth(scene, page, { partSize: 5 * MIB });
    await refuseText(page);
  }));

test("npm entry in s3 mode: one request, parts of 8 MiB, what is no video, and cancelling", (t) =>
  withScene(t, async (scene) => {
    const { script, loaded } = await bundlePage("npm_entry_mapped.js");
    comparePublished(loaded);
    const page = await openPage(scene, { "/sdk.js": { text: "" }, "/upload.js": { text: script } });
    await uploadBoth(scene, page, { partSize: 8 * MIB });
    await refuseText(page);
    await cancel(scene, page);
  }));

/** Starts server, app and browser, and opens the app's page with s3 mode on. */
async function openPage(scene, files) {
  const tls = makeCertificate(scene.directory);
  await scene.startServer({ tls, publicUrl: `https://${HOME}` });
  const app = scene.opened(await startPageServer({ "/": { file: join(PAGES, "uploader.html") }, ...files }, tls));
  const browser = scene.opened(scene.browser = await startChromium({
    executable: scene.chromium,
    directory: scene.directory,
    resolverRules: `MAP ${APP} 127.0.0.1:${app.port}, MAP * 127.0.0.1:${scene.server.port}`,
    ignoreCertificates: true,
  }));
  const page = await browser.context.newPage();
  await preparePage(page, { server: scene.server, procedure: "", uploadOptions: { storageType: "s3" } });
  const sdk = page.waitForResponse((response) => response.url().endsWith("/sdk.js"));
  await page.goto(`https://${APP}/`);
  return Object.assign(page, { sdk: async () => (await sdk).body() });
}

/** A small file and one of several parts; both must be played byte for byte. */
async function uploadBoth(scene, page, { partSize }) {
  const big = join(scene.directory, "长 视频（终版）.mp4");
  paddedVideo(big, 2 * partSize + MIB + 1);
  for (const [file, requests] of [[SHORT_VIDEO, [undefined]], [big, [1, 2, 3]]]) {
    const before = scene.server.access.length;
    const answer = await uploadInPage(page, file);
    assert.equal(await sha256OfMedia(page, answer.video.url), sha256(readFileSync(file)));
    const puts = scene.server.access.slice(before).filter(({ method }) => method === "PUT");
    assert.deepEqual(puts.map(({ part }) => part).sort(), requests);
    assert.ok(puts.every(({ status }) => status === 200));
    console.log(`${puts.length} PUT: ${puts.map(({ bytes_in: bytes }) => bytes).join(", ")} bytes`);
  }
}

/** The head of a file decides; the SDK hands the storage's answer to the app. */
async function refuseText(page) {
  await page.locator("#file").setInputFiles({ name: "文.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(40_000, "not a video\n") });
  const refused = await page.evaluate(() => window.upload().then(() => undefined, (error) => ({
    name: error.name,
    code: error.code ?? error.Code,
    status: error.statusCode ?? error.$metadata?.httpStatusCode,
    message: error.message,
  })));
  console.log(`refused: ${JSON.stringify(refused)}`);
  assert.equal(refused?.code, "InvalidRequest");
  assert.equal(refused.status, 400);
}

/** Cancelling takes what was uploaded away at once. */
async function cancel(scene, page) {
  const file = join(scene.directory, "cancelled.mp4");
  paddedVideo(file, 9 * MIB);
  // The second of two parts waits in the browser; the SDK lets what is under way end before it aborts.
  let release;
  await page.route((url) => url.searchParams.get("partNumber") === "2", (route) => void (release = () => route.continue()));
  await page.locator("#file").setInputFiles(file);
  const before = scene.server.access.length;
  const seen = () => scene.server.access.slice(before);
  await page.evaluate(() => void (window.ended = window.upload().then(() => "uploaded", (error) => error.name)));
  await until("one part is stored, the other waits", () => release && seen().some(({ method, status }) => method === "PUT" && status === 200));
  await page.evaluate(() => window.cancel());
  assert.equal(await page.evaluate(() => window.ended), "AbortError");
  await release();
  const aborts = await until("the multipart upload is aborted", () => {
    const found = seen().filter(({ method }) => method === "DELETE");
    return found.length > 0 && found;
  });
  assert.deepEqual(aborts.map(({ status }) => status), [204]);
}

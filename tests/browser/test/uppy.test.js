/**
 * Uppy with its tus plugin, unmodified, in a page of another origin: whole, in chunks, after its page was closed, cancelled, refused. What
 * counts is the server's access log and the bytes that are played.
 */

import { strict as assert } from "node:assert";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundlePage } from "../harness/bundle.js";
import { sha256OfMedia } from "../harness/chain.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { sha256 } from "../harness/published.js";
import { paddedVideo, SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { until } from "../harness/waiting.js";

const PAGES = join(import.meta.dirname, "../pages");
const MIB = 1 << 20;

test("Uppy: whole, in chunks, after its page was closed, cancelled, refused", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer();
    const open = await openApp(scene);
    const page = await open();
    await whole(scene, page);
    await inChunks(scene, page);
    await resumed(scene, open);
    await cancelled(scene, page);
    await refusals(scene, page);
  }));

async function openApp(scene) {
  const { script } = await bundlePage("uppy.js");
  const app = scene.opened(await startPageServer({
    "/": { file: join(PAGES, "uploader.html") },
    "/sdk.js": { text: "" },
    "/upload.js": { text: script },
  }));
  const browser = scene.opened(scene.browser = await startChromium({
    executable: scene.chromium,
    directory: scene.directory,
    resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  }));
  return async () => {
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${app.port}/`);
    return page;
  };
}

/** What the page is given: the door, a signature of its own, options of the plugin. */
async function options({ server }, given = {}) {
  return { endpoint: `http://127.0.0.1:${server.port}/files`, signature: await server.signature(""), ...given };
}

async function upload(scene, page, file, given) {
  await page.locator("#file").setInputFiles(file);
  const answer = await page.evaluate((all) => window.upload(all), await options(scene, given));
  assert.equal(answer.refused, undefined, JSON.stringify(answer));
  assert.match(answer.told["Reelgate-File-Id"] ?? "", /^\d{18,19}$/, "the headers of the last answer are shown to the page");
  assert.equal(await sha256OfMedia(page, answer.told["Reelgate-Media-Url"]), sha256(readFileSync(file)));
  return answer;
}

/** Requests with bodies of bytes, in the order in which they were answered. */
function patches(scene, before = 0) {
  return scene.server.access.slice(before).filter(({ method }) => method === "PATCH");
}

async function whole(scene, page) {
  await upload(scene, page, SHORT_VIDEO);
  assert.deepEqual(patches(scene).map(({ status, bytes_in: bytes }) => [status, bytes]), [[204, statSync(SHORT_VIDEO).size]]);
}

async function inChunks(scene, page) {
  const file = join(scene.directory, "长 视频（终版）.mp4");
  paddedVideo(file, 3 * MIB + 1);
  const before = scene.server.access.length;
  await upload(scene, page, file, { chunkSize: MIB });
  assert.deepEqual(patches(scene, before).map(({ bytes_in: bytes }) => bytes), [MIB, MIB, MIB, 1]);
}

/** The line fails and the page is closed before Uppy tries again; a new page finds the upload and goes on where it stopped. */
async function resumed(scene, open) {
  const file = join(scene.directory, "cut.mp4");
  paddedVideo(file, 5 * MIB);
  const before = scene.server.access.length;
  const page = await open();
  let chunks = 0;
  await page.route("**/files/*", (route) => (route.request().method() === "PATCH" && ++chunks > 2 ? route.abort() : route.continue()));
  await page.locator("#file").setInputFiles(file);
  await page.evaluate((all) => void window.upload(all), await options(scene, { chunkSize: MIB, retryDelays: [600_000] }));
  await until("two chunks are stored and the third got lost", () => patches(scene, before).length === 2 && chunks === 3);
  await page.close();

  await upload(scene, await open(), file, { chunkSize: MIB });
  const sent = patches(scene, before).map(({ bytes_in: bytes }) => bytes);
  console.log(`chunks: ${sent.join(", ")} bytes`);
  assert.deepEqual(sent, [MIB, MIB, MIB, MIB, MIB], "no byte was sent twice");
}

/** Cancelling terminates the upload. */
async function cancelled(scene, page) {
  const file = join(scene.directory, "cancelled.mp4");
  paddedVideo(file, 3 * MIB);
  const before = scene.server.access.length;
  let chunks = 0;
  let waiting;
  await page.route("**/files/*", (route) => {
    if (route.request().method() === "PATCH" && ++chunks > 1) waiting = route.request().url();
    else return route.continue();
  });
  await page.locator("#file").setInputFiles(file);
  await page.evaluate((all) => void window.upload(all), await options(scene, { chunkSize: MIB }));
  await until("the second chunk waits", () => waiting);
  await page.evaluate(() => window.cancel());
  const found = await until("the upload is terminated", () => scene.server.access.slice(before).find(({ method }) => method === "DELETE"));
  assert.equal(found.status, 204);
  const head = await fetch(waiting, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
  assert.equal(head.status, 410);
  await page.unrouteAll();
}

/** The app sees status and sentence of a refusal. */
async function refusals(scene, page) {
  const { signature: small } = await scene.server.api("POST", "/v1/upload-signatures", { procedure: "", max_size: 1000 });
  const cases = [
    [SHORT_VIDEO, { signature: "bm90IGEgc2lnbmF0dXJl" }, 403],
    [SHORT_VIDEO, { headers: {} }, 401],
    [SHORT_VIDEO, { signature: small }, 413],
    [{ name: "文.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(40_000, "not a video\n") }, {}, 415],
  ];
  for (const [file, given, status] of cases) {
    await page.locator("#file").setInputFiles(file);
    const { refused } = await page.evaluate((all) => window.upload(all), await options(scene, given));
    console.log(`refused: ${refused?.status} ${refused?.body}`);
    assert.equal(refused?.status, status, JSON.stringify(refused));
    assert.ok(refused.body.length > 10, "with a sentence");
  }
}

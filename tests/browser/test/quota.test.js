/**
 * A limit counts uploads, not signatures: the official browser file, unmodified and with its default options, asks for a fresh signature for
 * each of its three calls, and ten uploads use exactly ten of a day's uploads.
 */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../harness/certificate.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { BROWSER_FILE, comparePublished, INSTALLED, sha256 } from "../harness/published.js";
import { SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { until } from "../harness/waiting.js";

const PAGES = join(import.meta.dirname, "../pages");
const APP = "app.example.test";
const HOME = "reelgate.example.test";
const ALLOWED = 10;
const USER = "alice";
const SENTENCE = `${ALLOWED} uploads have been begun today (UTC) and ${ALLOWED} are allowed; try again tomorrow`;
/** The test does not begin so shortly before the end of a UTC day. */
const REST_OF_DAY_MS = 180_000;

test("ten uploads by the SDK use ten of ten, and the eleventh is told why not", (t) =>
  withScene(t, async (scene) => {
    const day = 86_400_000;
    await until("the UTC day lasts long enough", () => day - (Date.now() % day) > REST_OF_DAY_MS);
    const tls = makeCertificate(scene.directory);
    const policy = { name: "day", daily_uploads: ALLOWED };
    await scene.startServer({
      tls,
      publicUrl: `https://${HOME}`,
      settings: { REELGATE_DISPATCH__POLICIES: JSON.stringify([policy]) },
    });
    const { server } = scene;
    const app = scene.opened(await startPageServer({
      "/": { file: join(PAGES, "uploader.html") },
      "/sdk.js": { file: join(INSTALLED, BROWSER_FILE) },
      "/upload.js": { file: join(PAGES, "browser_file.js") },
    }, tls));
    const browser = scene.opened(scene.browser = await startChromium({
      executable: scene.chromium,
      directory: scene.directory,
      resolverRules: `MAP ${APP} 127.0.0.1:${app.port}, MAP * 127.0.0.1:${server.port}`,
      ignoreCertificates: true,
    }));

    let signatures = 0;
    const issue = async (user) => {
      signatures += 1;
      const issued = await server.api("POST", "/v1/upload-signatures", { user, procedure: "" });
      assert.equal(issued.one_time, true);
      return issued.signature;
    };
    let user = USER;
    const page = await browser.context.newPage();
    await page.exposeFunction("getSignature", () => issue(user));
    const sdk = page.waitForResponse((response) => response.url().endsWith("/sdk.js"));
    await page.goto(`https://${APP}/`);
    comparePublished({ [BROWSER_FILE]: sha256(await (await sdk).body()) });

    const files = new Set();
    for (let number = 1; number <= ALLOWED; number += 1) {
      const { fileId, code, message } = await upload(page, number);
      assert.match(fileId ?? "", /^\d{18,19}$/, `upload ${number}: ${code} ${message}`);
      files.add(fileId);
    }
    const asked = (action) => browser.requests.filter(({ method, url }) => method === "POST" && url.searchParams.get("Action") === action).length;
    console.log(`${files.size} uploads: ${signatures} signatures, ${asked("PrepareUploadUGC")} Prepares, ${asked("ApplyUploadUGC")} Applies, ${asked("CommitUploadUGC")} Commits`);
    assert.equal(files.size, ALLOWED);
    assert.ok(signatures > 2 * ALLOWED, "the SDK asks for more signatures than it uploads files");

    const before = signatures;
    const refused = await upload(page, ALLOWED + 1);
    console.log(`the next one: ${refused.code} ${refused.message}, after ${signatures - before} more signatures`);
    assert.deepEqual(refused, { code: 10001, message: `ugc upload | invalid request: ${SENTENCE}` });

    user = "bob";
    const other = await upload(page, ALLOWED + 2);
    assert.match(other.fileId ?? "", /^\d{18,19}$/, "another user goes on");
  }));

/** Uploads a file of its own name and some bytes. Gives the FileId, or code and message of what `done()` of the SDK was rejected with. */
async function upload(page, number) {
  // It begins as a video does, or the first bytes would be refused.
  const buffer = readFileSync(SHORT_VIDEO).subarray(0, 1_000 + number);
  await page.locator("#file").setInputFiles({ name: `file-${number}.mp4`, mimeType: "video/mp4", buffer });
  return page.evaluate(() =>
    window.upload().then(
      ({ fileId }) => ({ fileId }),
      ({ code, message }) => ({ code, message }),
    ));
}

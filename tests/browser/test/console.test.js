/** The console as a person uses it: sign in, drop a video, watch its timeline fill, see the verdict, play it. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startChromium } from "../harness/chromium.js";
import { signIn } from "../harness/console_page.js";
import { SHORT_VIDEO, SHORT_VIDEO_SECONDS } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { screenshots } from "../harness/screenshots.js";

const LIMIT = { timeout: 300_000 };

test("console: a dropped video is uploaded, followed, judged and played", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer();
    const { server, receiver } = scene;
    const browser = scene.opened(scene.browser = await startChromium({
      executable: scene.chromium,
      directory: scene.directory,
      resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    }));
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/console/`);
    await screenshots(page, "1-sign-in");

    await page.locator("input[name=token]").fill("not the token");
    await page.locator("button[type=submit]").click();
    await page.locator("[role=alert]").waitFor();
    await signIn(page, server);
    await page.locator(".drop").waitFor();
    // Refused sign-ins are answered with 401, which Chromium notes as an error of the page.
    browser.complaints.length = 0;
    await screenshots(page, "2-empty-library");

    const phases = await drop(page, SHORT_VIDEO, "a video dropped.mp4");
    await page.locator(".file-head h1", { hasText: "a video dropped" }).waitFor(LIMIT);
    console.log(`upload went through: ${(await phases()).join(", ")}`);
    const early = await entries(page).count();

    await page.locator(".review .verdict.pass").waitFor(LIMIT);
    const fileId = page.url().match(/\d{18,19}/)[0];
    await receiver.event("ProcedureStateChanged", fileId);
    await entries(page).filter({ has: page.locator(".kind.delivery") }).last().waitFor(LIMIT);
    const kinds = new Set(await entries(page).locator(".kind").evaluateAll((found) => found.map(({ classList }) => classList[1])));
    console.log(`timeline grew from ${early} to ${await entries(page).count()} entries: ${[...kinds].join(", ")}`);
    for (const kind of ["permission", "session", "part", "media", "task", "event", "delivery"]) assert.ok(kinds.has(kind), kind);
    assert.ok((await entries(page).count()) > early, "the timeline filled while it was looked at");
    assert.ok((await page.locator(".review .frame").count()) > 0, "evidence frames are shown");
    await screenshots(page, "3-file");

    const end = await playToTheEnd(page);
    console.log(`played to ${end} s`);
    assert.ok(Math.abs(end - SHORT_VIDEO_SECONDS) < 0.5);

    await page.goto(`http://127.0.0.1:${server.port}/console/`);
    await page.locator("table.media tbody tr").waitFor();
    await screenshots(page, "4-library");

    assert.deepEqual(browser.complaints, [], "the page ran without an error");
    assert.deepEqual(await browser.closeAndListSockets(), [`127.0.0.1:${server.port}`], "nothing else was asked");
  }));

/** Drops a file onto the page as a person would. Gives a function that tells which phases the upload showed. */
async function drop(page, path, name) {
  await page.evaluate(() => {
    window.phases = new Set();
    const note = () => document.querySelectorAll(".upload").forEach(({ dataset }) => window.phases.add(dataset.phase));
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  const transfer = await page.evaluateHandle(
    ({ base64, name }) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type: "video/mp4" }));
      return data;
    },
    { base64: readFileSync(path).toString("base64"), name },
  );
  await page.dispatchEvent("main", "dragover", { dataTransfer: transfer });
  await page.locator(".drop-over").waitFor();
  await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
  return () => page.evaluate(() => [...window.phases]);
}

function entries(page) {
  return page.locator(".timeline .entry");
}

function playToTheEnd(page) {
  return page.locator(".player video").evaluate(
    (video) =>
      new Promise((done, failed) => {
        video.muted = true;
        video.addEventListener("ended", () => done(video.currentTime));
        video.addEventListener("error", () => failed(new Error(video.error?.message)));
        video.play().catch(failed);
      }),
  );
}

/**
 * The vendor's own names, mapped to a Reelgate that terminates TLS itself, as a test network with a private CA has them. The official browser
 * file runs unmodified with its default options: region race and telemetry on.
 */

import { strict as assert } from "node:assert";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../harness/certificate.js";
import { playToTheEnd, preparePage, uploadInPage, watchEvents } from "../harness/chain.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { BROWSER_FILE, comparePublished, INSTALLED, sha256 } from "../harness/published.js";
import { SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";

const PAGES = join(import.meta.dirname, "../pages");
const APP = "app.example.test";
const HOME = "reelgate.example.test";
const TITLE = "假期 视频（终版）";

test("official browser file, default options, host names mapped, TLS", (t) =>
  withScene(t, async (scene) => {
    const tls = makeCertificate(scene.directory);
    await scene.startServer({ tls, publicUrl: `https://${HOME}` });
    const { server, receiver } = scene;
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

    const page = await browser.context.newPage();
    await preparePage(page, { server });
    const sdk = page.waitForResponse((response) => response.url().endsWith("/sdk.js"));
    await page.goto(`https://${APP}/`);
    comparePublished({ [BROWSER_FILE]: sha256(await (await sdk).body()) });

    const file = join(scene.directory, `${TITLE}.mp4`);
    copyFileSync(SHORT_VIDEO, file);
    const answer = await uploadInPage(page, file);
    const task = await watchEvents(receiver, answer, { name: TITLE });
    await playToTheEnd(page, task);

    const bucket = browser.hosts().find((host) => host.endsWith(".cos.ap-guangzhou.myqcloud.com"));
    console.log(`hosts asked for: ${browser.hosts().join(", ")}`);
    assert.deepEqual(browser.hosts(), [APP, HOME, bucket, "vod2.qcloud.com", "vodreport.qcloud.com"].sort());
    const asked = (action) => browser.requests.some(({ url }) => url.searchParams.get("Action") === action);
    for (const action of ["PrepareUploadUGC", "ApplyUploadUGC", "CommitUploadUGC"]) assert.ok(asked(action), action);

    const sockets = await browser.closeAndListSockets();
    console.log(`sockets opened: ${sockets.join(", ")}`);
    assert.deepEqual(sockets, [`127.0.0.1:${app.port}`, `127.0.0.1:${server.port}`].sort());
  }));

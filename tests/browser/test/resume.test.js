/**
 * An upload cut off in the middle, its page closed, goes on in a new page where it stopped. What counts is what the server received: its
 * access log, not what the SDK says about itself.
 */

import { strict as assert } from "node:assert";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundlePage } from "../harness/bundle.js";
import { preparePage, uploadInPage, watchEvents } from "../harness/chain.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { startProxy } from "../harness/proxy.js";
import { paddedVideo } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";
import { until } from "../harness/waiting.js";

const PAGES = join(import.meta.dirname, "../pages");
const MIB = 1 << 20;
/** What the SDK cuts a file into unless told otherwise. */
const PART = 8 * MIB;
const PARTS = 7;
/** How many parts get through before the line goes dead. */
const THROUGH = 3;

test("a new page resumes an upload and sends no finished part again", (t) =>
  withScene(t, async (scene) => {
    const file = join(scene.directory, "long.mp4");
    paddedVideo(file, (PARTS - 1) * PART + MIB);

    let line = "flaky";
    let started = 0;
    const isPart = ({ method, url }) => method === "PUT" && url.searchParams.has("partNumber");
    const proxy = scene.opened(await startProxy({
      target: () => scene.server.port,
      decide: (request) => (line === "flaky" && isPart(request) && ++started > THROUGH ? "hold" : "pass"),
    }));
    await scene.startServer({ publicUrl: proxy.origin });
    const { script } = await bundlePage("npm_entry.js");
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
    const openPage = async () => {
      const page = await browser.context.newPage();
      await preparePage(page, { server: scene.server, home: { ugc: proxy.origin } });
      await page.goto(`http://127.0.0.1:${app.port}/`);
      return page;
    };

    const first = await openPage();
    await first.locator("#file").setInputFiles(file);
    await first.evaluate(() => void window.upload());
    const done = () => proxy.seen.filter((request) => isPart(request) && request.status === 200).map(partNumber);
    const held = () => proxy.seen.filter((request) => isPart(request) && request.status === undefined && request.bytes > 0);
    await until("some parts are stored and others hang half-way", () => done().length === THROUGH && held().length > 0);
    const finished = done().sort((one, other) => one - other);
    await first.close();
    await until("the server has noticed the cut", () => partsOf(scene.server).length >= THROUGH + held().length);
    const cut = proxy.seen.length;
    line = "steady";

    const answer = await uploadInPage(await openPage(), file);
    await watchEvents(scene.receiver, answer, { name: "long" });

    const again = proxy.seen.slice(cut).filter(isPart).map(partNumber).sort((one, other) => one - other);
    const stored = partsOf(scene.server).filter(({ status }) => status === 200);
    console.log(`before the cut: parts ${finished.join(", ")} stored; after it: parts ${again.join(", ")} sent`);
    console.log(`access log: ${stored.map(({ part, bytes_in: bytes }) => `part ${part} ${bytes} bytes`).join(", ")}`);
    assert.deepEqual([...finished, ...again].sort((one, other) => one - other), Array.from({ length: PARTS }, (_, index) => index + 1));
    assert.equal(new Set(stored.map(({ part }) => part)).size, stored.length, "the server stored no part twice");
    assert.equal(stored.reduce((sum, { bytes_in: bytes }) => sum + bytes, 0), statSync(file).size, "and exactly the file's bytes");
  }));

const partNumber = ({ url }) => Number(url.searchParams.get("partNumber"));

/** The access log's lines about parts, cut off ones included. */
function partsOf(server) {
  return server.access.filter(({ method, part }) => method === "PUT" && part !== undefined);
}

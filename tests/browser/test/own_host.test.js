/**
 * Any host, plain HTTP: the npm entry of the official SDK, pointed at Reelgate by our package (sdk/js). A proxy in front fails the first Apply
 * with a 500, after which the SDK alone would post its next signature to the vendor.
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { test } from "node:test";
import { bundlePage } from "../harness/bundle.js";
import { playToTheEnd, preparePage, uploadInPage, watchEvents } from "../harness/chain.js";
import { startChromium } from "../harness/chromium.js";
import { startPageServer } from "../harness/page_server.js";
import { startProxy } from "../harness/proxy.js";
import { comparePublished } from "../harness/published.js";
import { SHORT_VIDEO } from "../harness/sample.js";
import { withScene } from "../harness/scene.js";

const PAGES = join(import.meta.dirname, "../pages");

test("official npm entry through sdk/js, plain HTTP, the first Apply failing with a 500", (t) =>
  withScene(t, async (scene) => {
    const { script, loaded } = await bundlePage("npm_entry.js");
    comparePublished(loaded);

    let failures = 0;
    const isApply = ({ method, url }) => method === "POST" && url.searchParams.get("Action") === "ApplyUploadUGC";
    const proxy = scene.opened(await startProxy({
      target: () => scene.server.port,
      decide: (request) => (isApply(request) && failures++ === 0 ? 500 : "pass"),
    }));
    await scene.startServer({ publicUrl: proxy.origin });
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

    const page = await browser.context.newPage();
    await preparePage(page, { server: scene.server, home: { ugc: proxy.origin } });
    await page.goto(`http://127.0.0.1:${app.port}/`);
    const answer = await uploadInPage(page, SHORT_VIDEO);
    const task = await watchEvents(scene.receiver, answer, { name: "bigbuckbunny-5s-720p" });
    await playToTheEnd(page, task);

    const applies = proxy.seen.filter(isApply).map(({ status }) => status);
    console.log(`Apply was answered ${applies.join(", then ")}; hosts asked for: ${browser.hosts().join(", ")}`);
    assert.deepEqual(applies, [500, 200], "the retry came home too");
    const home = [`127.0.0.1:${app.port}`, `127.0.0.1:${proxy.port}`].sort();
    assert.deepEqual(browser.hosts(), home, "no page asked for any other host");
    assert.deepEqual(await browser.closeAndListSockets(), home, "no socket was opened to any other host");
  }));

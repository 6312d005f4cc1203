/** Several endpoints side by side in the console: which delivery is whose, and what each one gets once it is disabled and enabled. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { startChromium } from "../harness/chromium.js";
import { signIn } from "../harness/console_page.js";
import { startReceiver } from "../harness/receiver.js";
import { withScene } from "../harness/scene.js";
import { screenshots } from "../harness/screenshots.js";
import { until } from "../harness/waiting.js";

/** Nothing in it may be broken into lines, as in the address of a real function or tenant. */
const LONG = "a".repeat(300);

test("console: deliveries are told apart, what was given up is sent again, a disabled endpoint gets nothing", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer({ settings: { REELGATE_EVENTS__RETRY: "[0.1]" } });
    const { server } = scene;
    const good = scene.opened(await startReceiver());
    const bad = scene.opened(await startReceiver());
    bad.answer = 500;
    const badUrl = `${bad.url}/${LONG}`;
    const browser = scene.opened(scene.browser = await startChromium({
      executable: scene.chromium,
      directory: scene.directory,
      resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    }));
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/console/#/events`);
    await signIn(page, server);
    // Whether somebody is signed in was asked before, and answered with 401.
    browser.complaints.length = 0;

    await secretIsShownOnce(page, good.url);
    await makeEndpoint(page, badUrl);
    const trigger = () => server.api("POST", "/v1/events/trigger", { type: "NewFileUpload" });
    const [first, second] = [await trigger(), await trigger()];
    const card = page.locator("li.endpoint").filter({ hasText: badUrl });
    await card.locator(".marks").filter({ hasText: "2 given up" }).waitFor();
    await screenshots(page, "8-endpoint-long-address");
    await deliveriesAreFiltered(page, { goodUrl: good.url, badUrl, file: second.file_id });

    await page.locator('header.top a[href="#/events"]').click();
    bad.answer = 204;
    const taken = await trigger();
    await until("an event is taken", () => ids(bad.received).includes(taken.event_id));
    const before = bad.received.length;
    await button(card, "Send those again").click();
    await until("what was given up comes again", () => bad.received.length >= before + 2);
    assert.deepEqual(ids(bad.received.slice(before)).sort(), [first.event_id, second.event_id].sort());
    await until("nothing is given up any more", async () => !(await card.locator(".marks").textContent()).includes("given up"));

    await missedWhileDisabled(page, { card: page.locator("li.endpoint").filter({ hasText: good.url }), good, bad, trigger });
    assert.equal(ids(bad.received).filter((id) => id === taken.event_id).length, 1, "what was taken does not come again");
    assert.deepEqual(browser.complaints, [], "the page ran without an error");
  }));

/** Makes an endpoint and sees its secret, which neither another look at the page nor the browser's storage has. */
async function secretIsShownOnce(page, url) {
  await button(page, "Add an address").click();
  await screenshots(page, "8-endpoint-form");
  const secret = await fillIn(page, url);
  assert.match(secret, /^whsec_/);
  await screenshots(page, "8-endpoint-secret");
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!stored.includes(secret) && !page.url().includes(secret), "it is kept nowhere");
  await page.reload();
  await page.locator("li.endpoint").filter({ hasText: url }).waitFor();
  assert.ok(!(await page.content()).includes(secret), "it is shown once");
}

async function makeEndpoint(page, url) {
  await button(page, "Add an address").click();
  await fillIn(page, url);
}

/** Fills in the form for Standard Webhooks. Gives the secret that was made up. */
async function fillIn(page, url) {
  await page.locator("form.choices input[type=url]").fill(url);
  await field(page, "Format").selectOption("standard");
  await page.locator("form.choices button[type=submit]").click();
  await page.locator("li.endpoint").filter({ hasText: url }).waitFor();
  return page.locator(".once code").textContent();
}

/** Two events went to three endpoints: these two, and the app's own that every scene has. */
async function deliveriesAreFiltered(page, { goodUrl, badUrl, file }) {
  await page.locator("section a.button", { hasText: "Deliveries" }).click();
  const listed = page.locator("li.delivery");
  const becomes = (what, count) => until(what, async () => (await listed.count()) === count);
  await becomes("all are listed", 6);
  await screenshots(page, "8-deliveries-of-all");

  await field(page, "Address").selectOption({ label: goodUrl });
  await becomes("those of one endpoint are listed", 2);
  for (const text of await listed.allTextContents()) assert.ok(text.includes("Taken") && text.includes(goodUrl), text);
  await field(page, "Address").selectOption({ label: badUrl });
  await until("those of the other are listed", async () => (await listed.allTextContents()).every((text) => text.includes("Given up")));
  await becomes("both of them", 2);

  await field(page, "Address").selectOption("");
  await becomes("all are listed again", 6);
  await field(page, "FileId").fill(file);
  await field(page, "FileId").press("Enter");
  await becomes("those of one file are listed", 3);
  assert.deepEqual([...new Set(await listed.locator("a").allTextContents())], [file]);
  await field(page, "State").selectOption("dead");
  await becomes("what of it was given up", 1);
  await field(page, "State").selectOption("");
  await becomes("all of it again", 3);
  await field(page, "Event type").fill("FileDeleted");
  await field(page, "Event type").press("Enter");
  await page.locator(".hint", { hasText: "Nothing was sent yet that fits." }).waitFor();
  assert.equal(await listed.count(), 0, "nothing of another type is left");
}

/** What happens while an endpoint is disabled passes it by; enabled again it gets what happens from then on. */
async function missedWhileDisabled(page, { card, good, bad, trigger }) {
  const before = good.received.length;
  await button(card, "Disable").click();
  await button(card, "Enable").waitFor();
  const missed = await trigger();
  await until("the other endpoint has it", () => ids(bad.received).includes(missed.event_id));
  await button(card, "Enable").click();
  await button(card, "Disable").waitFor();
  const next = await trigger();
  await until("it gets events again", () => ids(good.received).includes(next.event_id));
  assert.deepEqual(ids(good.received.slice(before)), [next.event_id], "it begins at now");
}

/** The text of a label that is wrapped around its field goes on with the field's choices and hints. */
function field(page, label) {
  return page.locator("label").filter({ hasText: new RegExp(`^${label}`) }).locator("select, input");
}

function ids(received) {
  return received.map(({ id }) => id);
}

function button(within, name) {
  return within.getByRole("button", { name, exact: true });
}

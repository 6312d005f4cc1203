/** Event endpoints in the console: made, tried, looked after, with a real receiver at the other end. */

import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { startChromium } from "../harness/chromium.js";
import { signIn } from "../harness/console_page.js";
import { startReceiver } from "../harness/receiver.js";
import { withScene } from "../harness/scene.js";
import { screenshots } from "../harness/screenshots.js";
import { until } from "../harness/waiting.js";

test("console: an endpoint is made, tried, rotated, failing, replayed and disabled", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer({ settings: { REELGATE_EVENTS__RETRY: "[0.1]" } });
    const { server } = scene;
    const receiver = scene.opened(await startReceiver());
    const browser = scene.opened(await startChromium({
      executable: scene.chromium,
      directory: scene.directory,
      resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    }));
    const page = await browser.context.newPage();
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(`http://127.0.0.1:${server.port}/console/`);
    await signIn(page, server);
    // Whether somebody is signed in was asked before, and answered with 401.
    browser.complaints.length = 0;
    await page.locator('header.top a[href="#/events"]').click();

    const first = await makeEndpoint(page, receiver.url);
    assert.match(first, /^whsec_/);
    const card = page.locator("li.endpoint").filter({ hasText: receiver.url });
    await button(card, "Send a test").click();
    await card.locator('.hint[role="status"]').filter({ hasText: "Test: 204" }).waitFor();
    assert.equal(receiver.received.length, 1, "a test goes to the endpoint that is tried, once");
    assert.ok(isSignedWith(first, receiver.received[0]), "the secret that was shown signs");
    await screenshots(page, "5-events");

    await button(card, "New secret").click();
    await until("another secret is shown", async () => (await page.locator(".once code").textContent()) !== first);
    const second = await page.locator(".once code").textContent();
    await button(card, "Send a test").click();
    await until("the second test arrives", () => receiver.received.length === 2);
    for (const secret of [first, second]) assert.ok(isSignedWith(secret, receiver.received[1]), "both sign while they overlap");

    receiver.answer = 500;
    await button(card, "Send a test").click();
    await card.locator(".marks").filter({ hasText: "1 given up" }).waitFor();
    await card.locator(".note").filter({ hasText: "500" }).waitFor();
    assert.equal(receiver.received.length, 4, "an attempt, and the one that is configured after it");
    await screenshots(page, "6-events-failing");

    await card.locator("a", { hasText: "Deliveries" }).click();
    await page.locator("li.delivery").nth(2).waitFor();
    await page.locator("select").nth(1).selectOption("dead");
    const dead = page.locator("li.delivery");
    await until("only what was given up is listed", async () => (await dead.count()) === 1);
    await dead.locator("summary").click();
    await dead.locator(".tries li").nth(1).waitFor();
    assert.equal(await dead.locator(".tries .number").first().textContent(), "500");
    await screenshots(page, "7-deliveries");
    await answersThatComeLate(page);

    receiver.answer = 204;
    await page.locator("select").nth(1).selectOption("");
    await until("all are listed", async () => (await page.locator("li.delivery").count()) === 3);
    await button(page.locator("li.delivery").filter({ hasText: "Given up" }), "Send again").click();
    await until("it is sent again", () => receiver.received.length === 5);
    assert.equal(receiver.received[4].id, receiver.received[3].id, "a repeat has the id of the event");
    await until("it is shown as taken", async () => {
      await button(page, "Refresh").click();
      return (await page.locator("li.delivery").filter({ hasText: "Taken" }).count()) === 3;
    });

    await page.locator('header.top a[href="#/events"]').click();
    await button(card, "Disable").click();
    await card.locator(".note").filter({ hasText: "somebody disabled it" }).waitFor();
    assert.ok(await button(card, "Send a test").isDisabled());
    assert.deepEqual(browser.complaints, [], "the page ran without an error");
  }));

/** Adds a Standard Webhooks endpoint in the form. Gives the secret, which is shown this once. */
async function makeEndpoint(page, url) {
  await button(page, "Add an address").click();
  await page.locator("form.choices input[type=url]").fill(url);
  await page.locator("form.choices select").first().selectOption("standard");
  await page.locator("form.choices button[type=submit]").click();
  return page.locator(".once code").textContent();
}

/** On the page of deliveries, filtered by "dead": what a slow network does to answers changes neither what was asked last nor what is typed. */
async function answersThatComeLate(page) {
  const [state, type] = [page.locator("select").nth(1), page.locator(".filters input").first()];
  let late = await hold(page, "pending");
  const asked = page.waitForRequest(/state=pending/);
  await state.selectOption("pending");
  await asked;
  const newest = page.waitForResponse(/state=dead/);
  await state.selectOption("dead");
  await (await newest).finished();
  await late();
  assert.equal(await page.locator("li.delivery").count(), 1, "an older answer does not take its place");
  late = await hold(page, "dead");
  await button(page, "Refresh").click();
  await type.pressSequentially("FileDel");
  await late();
  assert.equal(await type.inputValue(), "FileDel", "what is being typed stays");
  await type.fill("");
  await type.press("Enter");
}

/** Holds the next answer about deliveries in a state. Gives a function that lets it go and waits until the page has dealt with it. */
async function hold(page, state) {
  const url = new RegExp(`deliveries\\?.*state=${state}`);
  const answered = page.waitForResponse(url);
  let release;
  const held = new Promise((done) => (release = done));
  await page.route(url, async (route) => {
    await held;
    await route.continue();
  }, { times: 1 });
  return async () => {
    release();
    await (await answered).finished();
    // Nothing on the page says that an answer was left aside. Too short a pause could only hide a fault, never make one.
    await page.waitForTimeout(300);
  };
}

function button(within, name) {
  return within.getByRole("button", { name, exact: true });
}

/** Whether a push carries a signature of `secret` (the specification of Standard Webhooks, "Signature scheme"). */
function isSignedWith(secret, { headers, body }) {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const signature = createHmac("sha256", key).update(signed).digest("base64");
  return headers["webhook-signature"].split(" ").includes(`v1,${signature}`);
}

/** The console explains upload signatures, and keeps them to itself. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { startChromium } from "../harness/chromium.js";
import { signIn } from "../harness/console_page.js";
import { withScene } from "../harness/scene.js";
import { screenshots } from "../harness/screenshots.js";

test("console: a signature is explained, whether it is good, tampered with or none at all", (t) =>
  withScene(t, async (scene) => {
    await scene.startServer();
    const { server } = scene;
    const browser = scene.opened(scene.browser = await startChromium({
      executable: scene.chromium,
      directory: scene.directory,
      resolverRules: "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    }));
    const page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/console/`);
    await signIn(page, server);
    // Whether somebody is signed in already was answered with 401, which Chromium notes as an error of the page.
    browser.complaints.length = 0;
    await page.locator("nav a", { hasText: "Signature explainer" }).click();
    await page.locator("form.explain").waitFor();
    await screenshots(page, "5-explain-empty");

    const order = { user: "user-42", max_size: 8 << 20, types: ["mp4", "mov"] };
    const { signature } = await server.api("POST", "/v1/upload-signatures", order);
    await paste(page, `\n  ${signature}\r\n`);
    await page.keyboard.press("Control+Enter");
    assert.match(await verdict(page), /The upload doors would take it now/);
    assert.deepEqual([...new Set(Object.values(await outcomes(page)))], ["Pass"]);
    const shown = await page.locator("main").innerText();
    const signed = Buffer.from(signature, "base64").subarray(20).toString();
    for (const told of [signed, "user-42", "8.0 MiB", "mp4, mov", server.credentials.secretId, "1 h"]) assert.ok(shown.includes(told), told);
    await staysSecret(page, browser, signature);
    await screenshots(page, "6-explain-passing");

    const tampered = withLaterEnd(signature);
    await paste(page, tampered);
    assert.equal(await page.locator(".answer").count(), 0, "no answer stands beside a text that it is not about");
    await page.locator("form.explain button[type=submit]").click();
    assert.match(await verdict(page), /Refused with code 10004: the MAC does not match.*To do: sign with the SecretKey/s);
    const judged = await outcomes(page);
    assert.deepEqual(Object.keys(judged).filter((rule) => judged[rule] !== "Pass"), ["mac"]);
    assert.equal(judged.mac, "Fail");
    await staysSecret(page, browser, tampered);
    await screenshots(page, "7-explain-tampered");

    await paste(page, "this is no signature!");
    await page.keyboard.press("Meta+Enter");
    assert.match(await verdict(page), /Refused with code 10004: the signature is not standard base64/);
    assert.deepEqual(new Set(Object.values(await outcomes(page))), new Set(["Fail", "Not checked"]));
    await screenshots(page, "8-explain-undecodable");

    await page.locator("form.explain button", { hasText: "Clear" }).click();
    assert.equal(await page.locator("form.explain textarea").inputValue(), "");
    assert.equal(await page.locator(".answer").count(), 0);
    assert.deepEqual(browser.complaints, [], "the page ran without an error");

    await whenAnswersFail(page, browser, server, signature);
    assert.deepEqual(await browser.closeAndListSockets(), [`127.0.0.1:${server.port}`], "nothing else was asked");
  }));

async function paste(page, text) {
  const field = page.getByLabel("Upload signature");
  await field.fill(text);
  await field.focus();
}

/** What the live region says once there is an answer. */
async function verdict(page) {
  await page.locator("[role=status] .answer").waitFor();
  return page.locator("[role=status] .answer").innerText();
}

/** How each rule went, in the words that are shown. */
function outcomes(page) {
  const rules = page.locator(".rule");
  return rules.evaluateAll((found) => Object.fromEntries(found.map((rule) => [rule.dataset.rule, rule.querySelector(".state").innerText])));
}

/** The same signature with `expireTime` a second later, as somebody might try who has no key. */
function withLaterEnd(signature) {
  const bytes = Buffer.from(signature, "base64");
  const later = bytes.subarray(20).toString().replace(/(?<=expireTime=)\d+/, (end) => String(Number(end) + 1));
  return Buffer.concat([bytes.subarray(0, 20), Buffer.from(later)]).toString("base64");
}

/** Nothing that outlives the page, or that others see, has the signature or a part of it. */
async function staysSecret(page, browser, signature) {
  const places = await page.evaluate(() => ({
    address: location.href,
    title: document.title,
    history: JSON.stringify(history.state),
    local: JSON.stringify(localStorage),
    session: JSON.stringify(sessionStorage),
    cookies: document.cookie,
  }));
  const asked = browser.requests.map(({ url }) => url.href).join("\n");
  for (const [place, text] of Object.entries({ ...places, asked })) {
    for (const form of [signature.slice(0, 40), encodeURIComponent(signature.slice(0, 40))]) assert.ok(!text.includes(form), place);
  }
  assert.match(places.address, /\/console\/#\/explain$/);
}

/** A server out of reach is said and can be asked again; a session that has ended leads to the sign-in page, which says why. */
async function whenAnswersFail(page, browser, server, signature) {
  await paste(page, signature);
  await browser.context.setOffline(true);
  await page.keyboard.press("Control+Enter");
  await page.locator("[role=alert]", { hasText: "The server cannot be reached" }).waitFor();
  await browser.context.setOffline(false);
  await page.locator("[role=alert] button").click();
  assert.match(await verdict(page), /The upload doors would take it now/);

  await browser.context.clearCookies();
  await page.keyboard.press("Control+Enter");
  await page.locator(".sign-in [role=status]", { hasText: "Your session has ended" }).waitFor();
  await signIn(page, server);
  await page.locator("form.explain").waitFor();
  assert.equal(await page.locator("form.explain textarea").inputValue(), "", "the signature went with the session");
}

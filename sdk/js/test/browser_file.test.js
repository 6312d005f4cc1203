/** The SDK's browser file, byte for byte as published, evaluated in a jsdom page and talking to a real TLS server. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createBrowserTcVod } from "../dist/browser_file.js";
import { hostsTried } from "./net_guard.js";
import { inPage } from "./page.js";
import { startVodServer } from "./vod_server.js";

/** Of `dist/vod-js-sdk-v6.js` in the package 1.8.0. */
const PUBLISHED_SHA256 = "81959797c4cefcf12669d73f3f439ac26ce20515d93be18d6204212e2fb0f581";
const SDK = readFileSync(createRequire(import.meta.url).resolve("vod-js-sdk-v6/dist/vod-js-sdk-v6.js"));

const tls = selfSigned();
const skip = tls === undefined && "openssl is missing, so there is no certificate for the https-only SDK";
if (skip && process.env.CI === "true") throw new Error(skip);

test("the SDK under test is the published one", () => {
  assert.equal(createHash("sha256").update(SDK).digest("hex"), PUBLISHED_SHA256);
});

test("without this package one 500 sends the next signature to the vendor", { skip }, async (t) => {
  const { server, page, getSignature } = await start(t, (action) => (action === "ApplyUploadUGC" ? 500 : undefined));
  const sdk = new page.TcVod({ getSignature, allowReport: false, enableRaceRegion: false });
  const uploader = sdk.upload({ mediaFile: new page.File(["v"], "v.mp4"), retryDelay: 1 });
  uploader.constructor.host = server.origin.slice("https://".length);
  await assert.rejects(uploader.done());
  assert.deepEqual(hostsTried(), ["127.0.0.1", "vod2.qcloud.com", "vod2.dnsv1.com"]);
});

test("with it every try comes to home, and an upload after that one too", { skip }, async (t) => {
  let failing = true;
  const { server, page, getSignature } = await start(t, (action) => (action === "ApplyUploadUGC" && failing ? 500 : undefined));
  const tcVod = createBrowserTcVod(page.TcVod, { ugc: server.origin }, { getSignature });
  const upload = () => tcVod.upload({ mediaFile: new page.File(["v"], "v.mp4"), retryDelay: 1 });

  await assert.rejects(upload().done());
  assert.deepEqual(server.seen.map(({ body }) => JSON.parse(body).signature), ["s1", "s2", "s3", "s4"]);
  failing = false;
  assert.equal((await upload().done()).fileId, "5285890784246869930");
  assert.equal(server.parts.get(1).toString(), "v");
  assert.deepEqual(hostsTried(), ["127.0.0.1"]);

  assert.throws(() => tcVod.upload({ storageType: "s3" }), /built in/);
  assert.throws(() => createBrowserTcVod(page.TcVod, { ugc: "https://127.0.0.1:1" }, { getSignature }), /already go to/);
});

test("a plain HTTP home is refused with the way out", () => {
  assert.throws(() => createBrowserTcVod(class {}, { ugc: "http://127.0.0.1:8080" }, {}), /https only.*npm entry/);
});

async function start(t, ugc) {
  const server = await startVodServer({ tls, ugc });
  t.after(() => server.close());
  const { window } = inPage(`${server.origin}/`);
  window.eval(SDK.toString());
  const page = { TcVod: window.TcVod.default, File: window.File };
  let count = 0;
  hostsTried();
  return { server, page, getSignature: async () => `s${++count}` };
}

function selfSigned() {
  const folder = mkdtempSync(join(tmpdir(), "reelgate-vod-js-"));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const options = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
  try {
    execFileSync("openssl", [...options, "-subj", "/CN=127.0.0.1", "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
    return { key: readFileSync(keyFile), cert: readFileSync(certFile) };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

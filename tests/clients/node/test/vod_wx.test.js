/**
 * vod-wx-sdk-v2, the upload SDK of mini-programs, with the `wx` of `harness/wx.js` and the vendor's names mapped. It sends everything to
 * `vod2.qcloud.com`, requests for objects too: those name the bucket's host, which they are signed for, in `Vod-Forward-Cos`.
 */

import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { installWx } from "../harness/wx.js";
import { MIB, sha256, startReelgate, video } from "../harness/reelgate.js";

const UGC = "vod2.qcloud.com";

let server;
let directory;
/** Whether something in front makes `Vod-Forward-Cos` the host, as the vendor's own front does. */
let forwarding = false;
/** Says of a request whether the line is dead for it. */
let lost = () => false;
/** What the SDK sent since the test began. */
let sent = [];
installWx({
  front(request) {
    sent.push(request);
    if (lost(request)) return undefined;
    return { port: server.port, host: (forwarding && request.headers["Vod-Forward-Cos"]) || request.host };
  },
});
let vod = startedApp();

/** The SDK as a mini-program that was just started has it: what it keeps in memory is gone, what it stored is there. */
function startedApp() {
  const require = createRequire(import.meta.url);
  delete require.cache[require.resolve("vod-wx-sdk-v2")];
  return require("vod-wx-sdk-v2");
}

before(async () => {
  // The SDK tells the console of every request.
  mock.method(console, "log", () => undefined);
  server = await startReelgate();
  directory = mkdtempSync(join(tmpdir(), "reelgate-vod-wx-"));
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

/** A file as `wx.chooseVideo` gives it; the name is what the SDK remembers an upload by. */
function chosen(name, data) {
  const tempFilePath = join(directory, `${name.padEnd(32, "0")}.mp4`);
  writeFileSync(tempFilePath, data);
  return { tempFilePath, size: data.length };
}

/** Uploads with the SDK; gives what its `finish` was called with, or rejects with what `error` was. */
async function upload({ forwarded = true, signature, ...params }) {
  sent = [];
  forwarding = forwarded;
  const given = signature ?? (await server.signature({ procedure: "" }));
  return leavingRejections(() => started(given, params));
}

function started(signature, params) {
  return new Promise((finish, error) => {
    vod.start({ fileName: "测试 视频", getSignature: (callback) => callback(signature), progress() {}, finish, error, ...params });
  });
}

/** When the storage refuses, the SDK calls `error` and leaves a rejected promise to nobody, which would end the test. */
async function leavingRejections(play) {
  const listeners = process.rawListeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", () => undefined);
  try {
    return await play();
  } finally {
    await new Promise((later) => setImmediate(later));
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
}

const actions = () => sent.filter(({ path }) => path === "/v3/index.php").map(({ body }) => JSON.parse(body));
const isPart = ({ method }) => method === "PUT";
const objects = () => sent.filter(({ headers }) => headers["Vod-Forward-Cos"]);

test("an upload in parts behind a front that forwards: Apply without a size, parts, Commit", async () => {
  const data = video(3 * MIB + 17);
  const done = await upload({ mediaFile: chosen("parts", data), chunkSize: MIB });
  assert.match(done.fileId, /^\d{18,19}$/);
  assert.equal(await server.played(done.videoUrl), sha256(data));
  const [apply, commit] = actions();
  assert.deepEqual(Object.keys(apply), ["signature", "videoName", "videoType"]);
  assert.equal(apply.videoName, "测试 视频");
  assert.equal(commit.signature, apply.signature, "one signature for all calls");
  assert.ok(objects().length >= 6);
  assert.ok(objects().every(({ host }) => host === UGC));
});

test("with a cover", async () => {
  const data = video(300_000);
  const picture = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(2000, 7)]);
  const { tempFilePath, size } = chosen("cover", picture);
  const path = tempFilePath.replace(/mp4$/, "png");
  writeFileSync(path, picture);
  const coverFile = { tempFilePaths: [path], tempFiles: [{ size }] };
  const done = await upload({ mediaFile: chosen("covered", data), coverFile });
  assert.equal(await server.played(done.videoUrl), sha256(data));
  assert.equal(await server.played(done.coverUrl), sha256(picture));
});

test("a mini-program that was killed goes on with its session key and sends no part again", async () => {
  const data = video(4 * MIB);
  const params = { mediaFile: chosen("killed", data), chunkSize: MIB, chunkParallelLimit: 1 };
  const signature = await server.signature({ procedure: "" });
  let parts = 0;
  forwarding = true;
  await new Promise((dead) => {
    lost = (request) => isPart(request) && ++parts > 2 && (dead(), true);
    void started(signature, params);
  });
  lost = () => false;
  vod = startedApp();
  const done = await upload({ ...params, signature });
  assert.deepEqual(Object.keys(actions()[0]), ["signature", "vodSessionKey"]);
  assert.equal(objects().filter(isPart).length, 2, "the two parts that were missing");
  assert.equal(await server.played(done.videoUrl), sha256(data));
});

test("a refused signature is tried four times and then told", async () => {
  const error = await upload({ mediaFile: chosen("refused", video(1000)), signature: "bm90IGEgc2lnbmF0dXJl" }).catch((told) => told);
  assert.equal(error.data.code, 10004);
  assert.equal(actions().length, 4);
});

test("the storage's refusal reaches the SDK, which tells its report more than the app", async () => {
  const error = await upload({ mediaFile: chosen("text", Buffer.alloc(40_000, "no video\n")) }).catch((told) => told);
  assert.equal(error.message, "cos error");
  const reports = sent.filter(({ host }) => host === "vodreport.qcloud.com").map(({ body }) => JSON.parse(body));
  assert.match(reports.at(-1).errMsg, /"Code":"InvalidRequest"/);
});

// The real expectation; the server does not read Vod-Forward-Cos yet and takes these requests for ones to its pages.
test("without anything in front", async () => {
  const data = video(300_000);
  const done = await upload({ forwarded: false, mediaFile: chosen("direct", data) });
  assert.equal(await server.played(done.videoUrl), sha256(data));
});

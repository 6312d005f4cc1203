/** The chain as seen from outside: a page uploads, the backend is told, the page plays what came out. Shared by all tests. */

import { strict as assert } from "node:assert";
import { SHORT_VIDEO_SECONDS } from "./sample.js";

/**
 * Gives a page of the app its signatures and, for the npm entry, the address to upload to. `procedure` is what follows an upload,
 * `uploadOptions` are options of the SDK's `upload()`.
 */
export async function preparePage(page, { server, home, procedure, uploadOptions }) {
  await page.exposeFunction("getSignature", () => server.signature(procedure));
  if (home) await page.addInitScript((given) => (window.home = given), home);
  if (uploadOptions) await page.addInitScript((given) => (window.uploadOptions = given), uploadOptions);
}

/** SHA-256 of what is played at a media URL, read in the page and so as its origin may read it. */
export function sha256OfMedia(page, url) {
  return page.evaluate(async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
    const sum = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
    return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, url);
}

/** Chooses `file` in the page and uploads it with the SDK. Gives what `done()` of the SDK resolved with. */
export async function uploadInPage(page, file) {
  await page.locator("#file").setInputFiles(file);
  const answer = await page.evaluate(() => window.upload());
  const progress = await page.evaluate(() => window.progress);
  console.log(`uploaded as ${answer.fileId}; progress ${progress.map((percent) => `${Math.round(percent * 100)} %`).join(", ")}`);
  assert.match(answer.fileId, /^\d{18,19}$/);
  assert.equal(progress.at(-1), 1, "the SDK reported the whole file as sent");
  assert.deepEqual(progress, [...progress].sort((one, other) => one - other), "progress never went back");
  return answer;
}

/** Waits for the events of an upload at the receiver and checks what they say. Gives the finished task. */
export async function watchEvents(receiver, answer, { name }) {
  const { event: uploaded } = await receiver.event("NewFileUpload", answer.fileId);
  const { MediaBasicInfo: media, MetaData: found } = uploaded.FileUploadEvent;
  assert.equal(media.Name, name);
  assert.equal(media.MediaUrl, answer.video.url);
  assert.equal(found.Height, 720);
  assert.ok(Math.abs(found.Duration - SHORT_VIDEO_SECONDS) < 0.5, `duration ${found.Duration}`);

  const { id, event: changed } = await receiver.event("ProcedureStateChanged", answer.fileId);
  const task = changed.ProcedureStateChangeEvent;
  console.log(`event ${id}: ${task.TaskId} is ${task.Status}, ${task.MediaProcessResultSet.map(describe).join(", ")}`);
  assert.equal(task.Status, "FINISH");
  for (const result of task.MediaProcessResultSet) assert.equal(memberOf(result).Status, "SUCCESS", describe(result));
  const [review] = task.AiContentReviewResultSet;
  assert.equal(review.PornTask.Output.Suggestion, "pass");
  assert.equal(receiver.count("NewFileUpload", answer.fileId), 1, "NewFileUpload came once");
  return task;
}

/** Plays the adaptive stream of a finished task to its last frame, in the page. */
export async function playToTheEnd(page, task) {
  const stream = task.MediaProcessResultSet.find(({ Type }) => Type === "AdaptiveDynamicStreaming");
  const url = stream.AdaptiveDynamicStreamingTask.Output.Url;
  const end = await page.evaluate((address) => window.play(address), url);
  console.log(`played ${url} to ${end.at} s of ${end.duration} s: ${end.frames} frames, ${end.height} lines`);
  assert.ok(Math.abs(end.at - SHORT_VIDEO_SECONDS) < 0.5, `playback ended at ${end.at} s`);
  assert.ok(end.frames > 0 && end.height > 0, "frames were decoded");
}

function memberOf(result) {
  const name = Object.keys(result).find((key) => key.endsWith("Task"));
  return result[name];
}

function describe(result) {
  const { Status, ErrCodeExt, Message } = memberOf(result);
  return `${result.Type} ${Status}${ErrCodeExt ? ` (${ErrCodeExt}: ${Message})` : ""}`;
}

import { expect, test } from "vitest";
import type { Frame, Media } from "../src/api_types.ts";
import { en } from "../src/i18n/en.ts";
import { preferredLang } from "../src/i18n/index.ts";
import { zh } from "../src/i18n/zh.ts";
import { bestSource, foreignHost } from "../src/playback.ts";
import { evidenceFrames, frameScores, pornScore } from "../src/review.ts";
import { parseRoute, routeHref } from "../src/route.ts";
import { isUnderWay, stateTone } from "../src/states.ts";

const frame = (at_ms: number, scores: Partial<Frame> = {}): Frame => ({
  at_ms,
  drawing: 0,
  hentai: 0,
  neutral: 1,
  porn: 0,
  sexy: 0,
  nsfw: null,
  fused: null,
  url: null,
  ...scores,
});

test("the joined score counts over the first model's where there is one", () => {
  expect(pornScore(frame(0, { porn: 0.2, hentai: 0.6 }))).toBe(0.6);
  expect(pornScore(frame(0, { porn: 0.9, fused: 0.4 }))).toBe(0.4);
});

test("evidence is the strongest frames, in the order of the video", () => {
  const frames = [frame(0), frame(1000, { sexy: 0.8 }), frame(2000, { porn: 0.5 }), frame(3000, { fused: 0.9 })];
  expect(evidenceFrames(frames, 2).map(({ at_ms }) => at_ms)).toEqual([1000, 3000]);
  expect(evidenceFrames([frame(0), frame(1, { url: "/a.jpg" })], 1)[0]?.url).toBe("/a.jpg");
});

test("scores of a frame come strongest first", () => {
  expect(frameScores(frame(0, { neutral: 0.1, sexy: 0.7 })).map(({ name }) => name).slice(0, 2)).toEqual(["sexy", "neutral"]);
});

const media = (playback: Partial<Media["playback"]>, rest: Partial<Media> = {}) =>
  ({ playback: { hls_url: null, mp4: [], ...playback }, media_url: "/source", content_type: "", ...rest }) as Media;
const mp4 = (height: number) => ({ url: `/${height}.mp4`, width: 1, height });

test("the player takes HLS, then the largest MP4, then a source that is known to be media", () => {
  expect(bestSource(media({ hls_url: "/h.m3u8", mp4: [mp4(720)] }))).toEqual({ kind: "hls", url: "/h.m3u8" });
  expect(bestSource(media({ mp4: [mp4(360), mp4(720)] }))?.url).toBe("/720.mp4");
  expect(bestSource(media({}, { content_type: "video/mp4" }))?.url).toBe("/source");
  expect(bestSource(media({}, { content_type: "application/octet-stream" }))).toBeNull();
});

test("a playback address on another host or port is told apart", () => {
  expect(foreignHost("/play/a", "http://127.0.0.1:8080")).toBeNull();
  expect(foreignHost("http://localhost:8080/play/a", "http://127.0.0.1:8080")).toBe("localhost:8080");
});

test("addresses lead back to their pages, and nonsense to the library", () => {
  for (const route of [{ page: "library" }, { page: "events" }, { page: "explain" }, { page: "file", fileId: "5285890784246869930" }] as const) {
    expect(parseRoute(routeHref(route))).toEqual(route);
  }
  for (const hash of ["", "#", "#/file", "#/file/../x", "#/file/abc", "#/nowhere"]) expect(parseRoute(hash)).toEqual({ page: "library" });
});

test("nothing that stands behind a page in its address is taken into the route", () => {
  expect(parseRoute("#/explain/c2VjcmV0")).toEqual({ page: "explain" });
});

test("state words are read in any case", () => {
  expect(["WAITING", "Processing", "finish", "FAIL", "unheard-of"].map(stateTone)).toEqual(["wait", "busy", "good", "bad", "wait"]);
  expect([isUnderWay("PROCESSING"), isUnderWay("FINISH"), isUnderWay(null), isUnderWay("")]).toEqual([true, false, false, false]);
});

test("the browser's first language that we have is taken", () => {
  expect(preferredLang(["fr-FR", "zh-TW", "en"])).toBe("zh");
  expect(preferredLang(["en-GB", "zh"])).toBe("en");
  expect(preferredLang([])).toBe("en");
});

/** Every text under its path; one that is made from values counts as what it makes of some. */
function textsOf(table: object, path = ""): [string, unknown][] {
  return Object.entries(table).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "object" && value !== null
      ? textsOf(value, `${path}${name}.`)
      : [[path + name, typeof value === "function" ? value(7, "8") : value] as [string, unknown]],
  );
}

test("both languages have the same texts, and none is empty", () => {
  const paths = (texts: object) => textsOf(texts).map(([path]) => path).sort();
  expect(paths(zh)).toEqual(paths(en));
  for (const [path, text] of [...textsOf(en), ...textsOf(zh)]) expect(text, path).toMatch(/\S/);
});

import { expect, test } from "vitest";
import {
  formatBitrate,
  formatBytes,
  formatDetail,
  formatDuration,
  formatMoment,
  formatOffset,
  formatPosition,
  formatSpan,
  formatWhen,
} from "../src/format.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [8_388_608, "8.0 MiB"],
  [150 * 1024 * 1024, "150 MiB"],
  [3 * 1024 ** 4, "3.0 TiB"],
])("%d bytes read as %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0, "0:00"],
  [44.03, "0:44"],
  [59.6, "1:00"],
  [3599.6, "1:00:00"],
  [3725, "1:02:05"],
])("%d seconds read as %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  [0, "0:00.0"],
  [7500, "0:07.5"],
  [59_960, "1:00.0"],
  [600_000, "10:00.0"],
])("position %d ms reads as %s", (ms, text) => expect(formatPosition(ms)).toBe(text));

test.each([
  [42, "+0.042 s"],
  [59_999, "+59.999 s"],
  [185_000, "+3 min 05 s"],
  [7_800_000, "+2 h 10 min"],
])("offset %d ms reads as %s", (ms, text) => expect(formatOffset(ms)).toBe(text));

const UNITS = { day: "d", hour: "h", minute: "min", second: "s" };

test.each([
  [0, "0 s"],
  [-12, "12 s"],
  [59, "59 s"],
  [60, "1 min"],
  [3588, "59 min 48 s"],
  [3600, "1 h"],
  [3601, "1 h"],
  [86_399, "23 h 59 min"],
  [-90_000, "1 d 1 h"],
  [7_776_000, "90 d"],
])("a span of %d seconds reads as %s", (seconds, text) => expect(formatSpan(seconds, UNITS)).toBe(text));

test("a moment has its seconds; where no calendar reaches, the number stands", () => {
  expect(formatMoment(1_700_000_059, "en")).toMatch(/2023.*:14:19/);
  expect(formatMoment(9e15, "en")).toBe("9000000000000000");
});

test("bitrates are decimal", () => {
  expect(formatBitrate(128_000)).toBe("128 kbit/s");
  expect(formatBitrate(4_261_000)).toBe("4.3 Mbit/s");
});

test("a time that is none is shown as it came", () => expect(formatWhen("soon", "en")).toBe("soon"));

test("details are on one line, and absent ones visible as such", () => {
  expect([1, "a", true, { a: [1] }, null, ""].map(formatDetail)).toEqual(["1", "a", "true", '{"a":[1]}', "–", "–"]);
});

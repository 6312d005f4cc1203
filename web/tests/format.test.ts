import { expect, test } from "vitest";
import { formatBitrate, formatBytes, formatDetail, formatDuration, formatOffset, formatPosition, formatWhen } from "../src/format.ts";

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

test("bitrates are decimal", () => {
  expect(formatBitrate(128_000)).toBe("128 kbit/s");
  expect(formatBitrate(4_261_000)).toBe("4.3 Mbit/s");
});

test("a time that is none is shown as it came", () => expect(formatWhen("soon", "en")).toBe("soon"));

test("details are on one line, and absent ones visible as such", () => {
  expect([1, "a", true, { a: [1] }, null, ""].map(formatDetail)).toEqual(["1", "a", "true", '{"a":[1]}', "–", "–"]);
});

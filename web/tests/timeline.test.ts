import { expect, test } from "vitest";
import type { EntryKind, TimelineEntry } from "../src/api_types.ts";
import { timelineRows } from "../src/timeline.ts";

const START = Date.UTC(2026, 0, 1);
const entry = (ms: number, kind: EntryKind, title: string, detail: Record<string, unknown> = {}): TimelineEntry => ({
  at: new Date(START + ms).toISOString(),
  kind,
  title,
  detail,
});

test("nothing gives no rows", () => expect(timelineRows([])).toEqual([]));

test("entries are put in order and timed from the first", () => {
  const rows = timelineRows([entry(900, "media", "b"), entry(0, "permission", "a")]);
  expect(rows.map((row) => [row.entries[0]?.title, row.offsetMs])).toEqual([["a", 0], ["b", 900]]);
});

test("entries of one millisecond keep the order they came in", () => {
  const rows = timelineRows([entry(5, "media", "file"), entry(5, "event", "NewFileUpload")]);
  expect(rows.map(({ kind }) => kind)).toEqual(["media", "event"]);
});

test("a run of parts is one row with its bytes, and what comes between parts starts a new one", () => {
  const rows = timelineRows([
    entry(1, "part", "1", { size: 8 }),
    entry(2, "part", "3", { size: 3 }),
    entry(3, "session", "resumed"),
    entry(4, "part", "2", { size: 8 }),
    entry(5, "part", "4"),
  ]);
  expect(rows.map(({ kind, entries, bytes }) => [kind, entries.length, bytes])).toEqual([
    ["part", 2, 11],
    ["session", 1, 0],
    ["part", 2, 8],
  ]);
});

test("rows keep their keys while the timeline grows", () => {
  const before = [entry(0, "session", "a"), entry(1, "part", "1")];
  const after = [...before, entry(2, "part", "2"), entry(3, "object", "b")];
  expect(timelineRows(after).slice(0, 2).map(({ key }) => key)).toEqual(timelineRows(before).map(({ key }) => key));
});

test("the entries given are left as they are", () => {
  const entries = [entry(1, "part", "1"), entry(0, "part", "0")];
  timelineRows(entries);
  expect(entries.map(({ title }) => title)).toEqual(["1", "0"]);
});

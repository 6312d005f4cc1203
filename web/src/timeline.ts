/** From the timeline's entries to the rows that are shown: in order, with runs of parts as one row. */

import type { EntryKind, TimelineEntry } from "./api_types.ts";

export interface TimelineRow {
  /** Stays the same while the timeline grows, so that an opened row stays open. */
  key: string;
  at: string;
  /** Since the first entry, milliseconds. */
  offsetMs: number;
  kind: EntryKind;
  /** The entries of this row: one, or a run of parts. */
  entries: TimelineEntry[];
  /** Bytes of a run of parts, as far as its entries say. */
  bytes: number;
}

export function timelineRows(entries: readonly TimelineEntry[]): TimelineRow[] {
  // Array sort is stable: entries of one millisecond keep the server's order.
  const ordered = [...entries].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const start = ordered[0] ? Date.parse(ordered[0].at) : 0;
  const rows: TimelineRow[] = [];
  for (const entry of ordered) {
    const last = rows.at(-1);
    if (entry.kind === "part" && last?.kind === "part") {
      last.entries.push(entry);
      last.bytes += sizeOf(entry);
      continue;
    }
    rows.push({
      key: `${rows.length}`,
      at: entry.at,
      offsetMs: Date.parse(entry.at) - start,
      kind: entry.kind,
      entries: [entry],
      bytes: entry.kind === "part" ? sizeOf(entry) : 0,
    });
  }
  return rows;
}

function sizeOf(entry: TimelineEntry): number {
  const size = entry.detail["size"];
  return typeof size === "number" ? size : 0;
}

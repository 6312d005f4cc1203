/** All that happened to a file, from permission to the last delivery, filling while it happens. */

import { useEffect, useRef } from "preact/hooks";
import type { TimelineEntry } from "../api_types.ts";
import { formatBytes, formatDetail, formatOffset } from "../format.ts";
import { useTexts } from "../i18n/index.ts";
import { type TimelineRow, timelineRows } from "../timeline.ts";

/** How near to its end the list must be scrolled for new entries to be scrolled to, CSS pixels. */
const NEAR_END = 40;

/** `growing`: more is on its way, so the newest entry is kept in sight unless somebody scrolled back. */
export function TimelineCard({ entries, live, growing }: { entries: TimelineEntry[]; live: boolean; growing: boolean }) {
  const t = useTexts();
  const list = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (growing && atEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [entries.length, growing]);
  return (
    <section class="card timeline">
      <h2>
        {t.timeline}
        <span class={`live ${live ? "on" : ""}`} role="status">
          {live ? t.live : t.notLive}
        </span>
      </h2>
      {entries.length === 0 && <p class="hint">{t.noTimeline}</p>}
      <ol
        ref={list}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
        }}
      >
        {timelineRows(entries).map((row) => (
          <Row key={row.key} row={row} />
        ))}
      </ol>
    </section>
  );
}

function Row({ row }: { row: TimelineRow }) {
  const t = useTexts();
  const [first] = row.entries;
  const title = row.entries.length > 1 ? t.partsStored(row.entries.length, formatBytes(row.bytes)) : first?.title;
  const head = (
    <>
      <time dateTime={row.at} title={row.at}>
        {formatOffset(row.offsetMs)}
      </time>
      <span class={`kind ${row.kind}`}>{t.entryKinds[row.kind] ?? row.kind}</span>
      <span class="title">{title}</span>
    </>
  );
  const hasDetail = row.entries.length > 1 || Object.keys(first?.detail ?? {}).length > 0;
  if (!hasDetail) return <li class="entry">{head}</li>;
  return (
    <li>
      <details>
        <summary class="entry">{head}</summary>
        {row.entries.map((entry) => (
          <Detail key={`${entry.at} ${entry.title}`} entry={entry} titled={row.entries.length > 1} />
        ))}
      </details>
    </li>
  );
}

function Detail({ entry, titled }: { entry: TimelineEntry; titled: boolean }) {
  return (
    <dl class="detail">
      {titled && <div class="of">{entry.title}</div>}
      {Object.entries(entry.detail).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{formatDetail(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

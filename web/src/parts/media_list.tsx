/** The library's table. On a narrow screen each row becomes a card by CSS alone. */

import type { MediaSummary } from "../api_types.ts";
import { formatBytes, formatDuration, formatWhen } from "../format.ts";
import { lang, useTexts } from "../i18n/index.ts";
import { routeHref } from "../route.ts";
import { isUnderWay } from "../states.ts";
import { useStore } from "../store.ts";
import { Bar, StateWord, VerdictBadge } from "./bits.tsx";

export function MediaList({ items }: { items: MediaSummary[] }) {
  const t = useTexts();
  return (
    <table class="media">
      <thead>
        <tr>
          <th scope="col">{t.columnVideo}</th>
          <th scope="col" class="number">
            {t.columnLength}
          </th>
          <th scope="col" class="number">
            {t.columnSize}
          </th>
          <th scope="col">{t.columnState}</th>
          <th scope="col">{t.verdict}</th>
          <th scope="col">{t.columnAdded}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <MediaRow key={item.file_id} item={item} />
        ))}
      </tbody>
    </table>
  );
}

function MediaRow({ item }: { item: MediaSummary }) {
  const language = useStore(lang);
  const duration = item.duration === null ? "–" : formatDuration(item.duration);
  return (
    <tr>
      <td class="video">
        <Thumbnail url={item.cover_url} />
        <span class="title">
          <a href={routeHref({ page: "file", fileId: item.file_id })}>{item.name || item.file_id}</a>
          <code>{item.file_id}</code>
        </span>
      </td>
      <td class="number">{duration}</td>
      <td class="number">{formatBytes(item.size)}</td>
      <td class="progress">
        <StateWord state={item.task_state || item.status} />
        {isUnderWay(item.task_state) && <Bar label={item.name} percent={item.progress ?? 0} />}
      </td>
      <td>{item.verdict ? <VerdictBadge verdict={item.verdict} /> : <span class="none">–</span>}</td>
      <td class="when">
        <time dateTime={item.created_at}>{formatWhen(item.created_at, language)}</time>
      </td>
    </tr>
  );
}

function Thumbnail({ url }: { url: string | null }) {
  return <span class="thumb">{url && <img src={url} alt="" loading="lazy" width={96} height={54} />}</span>;
}

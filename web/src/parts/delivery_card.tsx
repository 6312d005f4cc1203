/** One delivery; opened, every attempt with what was answered. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Delivery, DeliveryWithTries } from "../api_types.ts";
import { formatWhen } from "../format.ts";
import { lang, useTexts } from "../i18n/index.ts";
import { routeHref } from "../route.ts";
import { api } from "../session.ts";
import { useStore } from "../store.ts";
import { Failure } from "./bits.tsx";

const TONES: Record<string, string> = { pending: "busy", delivered: "good", dead: "bad" };

export function DeliveryCard({ delivery }: { delivery: Delivery }) {
  const t = useTexts();
  const language = useStore(lang);
  const details = useRef<HTMLDetailsElement>(null);
  const [now, setNow] = useState<Delivery>(delivery);
  const [whole, setWhole] = useState<DeliveryWithTries | null>(null);
  const [error, setError] = useState<unknown>(null);
  // The list was loaded again: what is shown here is as old as the list before.
  useEffect(() => {
    setNow(delivery);
    setWhole(null);
    if (details.current?.open) api.delivery(delivery.id).then(setWhole).catch(setError);
  }, [delivery]);
  const open = (event: { currentTarget: HTMLDetailsElement }) => {
    if (event.currentTarget.open) api.delivery(now.id).then(setWhole).catch(setError);
  };
  const again = () => {
    setError(null);
    api.replayDelivery(now.id).then(setNow).catch(setError);
  };
  return (
    <li class="delivery">
      <div class="head">
        <span class={`state ${TONES[now.state] ?? ""}`}>{t.deliveries.states[now.state] ?? now.state}</span>
        <strong>{now.type}</strong>
        {now.file_id && <a href={routeHref({ page: "file", fileId: now.file_id })}>{now.file_id}</a>}
        <time dateTime={now.created_at}>{formatWhen(now.created_at, language)}</time>
      </div>
      <span class="soft">
        <code>{now.endpoint_url}</code> · {t.deliveries.attempts(now.attempts)}
        {now.next_at && ` · ${t.deliveries.next(formatWhen(now.next_at, language))}`}
        {now.reason !== "" && ` · ${now.reason}`}
      </span>
      <details ref={details} onToggle={open}>
        <summary>{t.deliveries.answer}</summary>
        <ol class="tries">
          {whole?.tries.map((one) => (
            <li key={one.number}>
              <div class="head">
                <span>{t.deliveries.attempt(one.number)}</span>
                <time dateTime={one.at}>{formatWhen(one.at, language)}</time>
                <span class="number">{one.status ?? t.deliveries.noAnswer}</span>
                <span class="number">{one.duration_ms} ms</span>
              </div>
              {one.error !== "" && <p class="hint">{one.error}</p>}
              {one.answer !== "" && <pre>{one.answer}</pre>}
            </li>
          ))}
        </ol>
      </details>
      {now.state !== "pending" && (
        <div class="row">
          <button type="button" class="small" onClick={again}>
            {t.deliveries.again}
          </button>
        </div>
      )}
      {error !== null && <Failure error={error} />}
    </li>
  );
}

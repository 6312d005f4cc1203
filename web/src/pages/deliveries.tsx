/** What became of each event at each endpoint. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Delivery, DeliveryFilter, EventEndpoint } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { Failure } from "../parts/bits.tsx";
import { DeliveryCard } from "../parts/delivery_card.tsx";
import { api } from "../session.ts";

const STATES = ["pending", "delivered", "dead"];

export function DeliveriesPage({ endpoint }: { endpoint: string }) {
  const t = useTexts();
  const [endpoints, setEndpoints] = useState<EventEndpoint[]>([]);
  const [filter, setFilter] = useState<DeliveryFilter>({ endpoint, state: "", type: "", file_id: "" });
  const [found, setFound] = useState<Delivery[] | undefined>(undefined);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asked = useRef(0);
  const load = (after: string | null) => {
    setError(null);
    // Answers may overtake each other: only that to the newest question counts.
    const question = ++asked.current;
    api
      .deliveries(filter, after)
      .then((page) => {
        if (question !== asked.current) return;
        setFound((before) => (after === null ? page.deliveries : [...(before ?? []), ...page.deliveries]));
        setNext(page.next);
      })
      .catch((problem) => question === asked.current && setError(problem));
  };
  useEffect(() => load(null), [filter]);
  useEffect(() => void api.eventEndpoints().then(setEndpoints).catch(setError), []);

  const set = (name: keyof DeliveryFilter) => (event: { currentTarget: { value: string } }) =>
    setFilter({ ...filter, [name]: event.currentTarget.value.trim() });
  return (
    <section class="card">
      <h1>{t.deliveries.title}</h1>
      <div class="filters">
        <label>
          {t.deliveries.endpoint}
          <select value={filter.endpoint} onChange={set("endpoint")}>
            <option value="">{t.deliveries.all}</option>
            {endpoints.map((one) => (
              <option key={one.id} value={one.id}>
                {one.url}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.deliveries.state}
          <select value={filter.state} onChange={set("state")}>
            <option value="">{t.deliveries.all}</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t.deliveries.states[state]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.deliveries.type}
          <input type="text" spellcheck={false} defaultValue="" onChange={set("type")} />
        </label>
        <label>
          {t.deliveries.file}
          <input type="text" inputMode="numeric" spellcheck={false} defaultValue="" onChange={set("file_id")} />
        </label>
        <button type="button" onClick={() => load(null)}>
          {t.deliveries.refresh}
        </button>
      </div>
      {error !== null && <Failure error={error} retry={() => load(null)} />}
      {found === undefined && error === null && <p class="hint">{t.loading}</p>}
      {found?.length === 0 && <p class="hint">{t.deliveries.none}</p>}
      <ul class="deliveries">
        {found?.map((delivery) => (
          <DeliveryCard key={delivery.id} delivery={delivery} />
        ))}
      </ul>
      {next !== null && (
        <button type="button" onClick={() => load(next)}>
          {t.deliveries.more}
        </button>
      )}
    </section>
  );
}

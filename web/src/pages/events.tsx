/** Where this application's events are pushed to. */

import { useEffect, useState } from "preact/hooks";
import type { EventEndpoint } from "../api_types.ts";
import { formatWhen } from "../format.ts";
import { lang, useTexts } from "../i18n/index.ts";
import { Failure } from "../parts/bits.tsx";
import { api } from "../session.ts";
import { useStore } from "../store.ts";

export function EventsPage() {
  const t = useTexts();
  const [endpoint, setEndpoint] = useState<EventEndpoint | null | undefined>(undefined);
  const [url, setUrl] = useState("");
  const [note, setNote] = useState("");
  const [error, setError] = useState<unknown>(null);
  const run = (work: Promise<EventEndpoint | null>, done: string) => {
    setError(null);
    setNote("");
    work
      .then((now) => {
        setEndpoint(now);
        setUrl(now?.url ?? "");
        setNote(done);
      })
      .catch(setError);
  };
  const load = () => run(api.eventEndpoint(), "");
  useEffect(load, []);

  const save = (event: Event) => {
    event.preventDefault();
    run(api.setEventEndpoint(url.trim()), t.saved);
  };
  return (
    <section class="card narrow">
      <h1>{t.endpointTitle}</h1>
      <p class="hint">{t.endpointHint}</p>
      {endpoint === undefined && error === null && <p class="hint">{t.loading}</p>}
      {endpoint === undefined && error !== null && <Failure error={error} retry={load} />}
      {endpoint !== undefined && (
        <form onSubmit={save}>
          <label>
            {t.endpointUrl}
            <input
              type="url"
              required
              placeholder="https://app.example/reelgate-events"
              spellcheck={false}
              value={url}
              onInput={(event) => setUrl(event.currentTarget.value)}
            />
          </label>
          <Standing endpoint={endpoint} />
          {error !== null && <Failure error={error} />}
          <div class="row">
            <button type="submit" class="primary" disabled={url.trim() === "" || url.trim() === endpoint?.url}>
              {t.endpointSave}
            </button>
            {endpoint && (
              <button type="button" onClick={() => run(api.removeEventEndpoint().then(() => null), t.removed)}>
                {t.endpointRemove}
              </button>
            )}
            <span role="status" class="hint">
              {note}
            </span>
          </div>
        </form>
      )}
    </section>
  );
}

function Standing({ endpoint }: { endpoint: EventEndpoint | null }) {
  const t = useTexts();
  const language = useStore(lang);
  if (endpoint === null) return <p class="hint">{t.endpointNone}</p>;
  return (
    <p class="hint">
      {t.endpointSince(formatWhen(endpoint.created_at, language))}
      {!endpoint.enabled && ` · ${t.endpointDisabled}`}
    </p>
  );
}

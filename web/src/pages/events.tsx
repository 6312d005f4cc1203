/** Where this application's events are pushed, and how that goes. */

import { useEffect, useState } from "preact/hooks";
import type { EndpointChoice, EventEndpoint } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { CopyButton, Failure } from "../parts/bits.tsx";
import { EndpointCard } from "../parts/endpoint_card.tsx";
import { EndpointForm } from "../parts/endpoint_form.tsx";
import { routeHref } from "../route.ts";
import { api } from "../session.ts";

/** How often the list looks again: a failing endpoint shows by itself. */
const LOOK_MS = 5000;

export function EventsPage() {
  const t = useTexts();
  const [endpoints, setEndpoints] = useState<EventEndpoint[] | undefined>(undefined);
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () =>
    api
      .eventEndpoints()
      .then((found) => {
        setEndpoints(found);
        setError(null);
      })
      .catch(setError);
  useEffect(() => {
    void load();
    const timer = setInterval(() => void load(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);

  const create = async (choice: EndpointChoice, given: string) => {
    const made = await api.createEndpoint(choice, given);
    setSecret(made.secret);
    setAdding(false);
    await load();
  };
  return (
    <section class="card">
      <h1>{t.endpoints.title}</h1>
      <p class="hint">{t.endpoints.intro}</p>
      {error !== null && <Failure error={error} retry={() => void load()} />}
      {endpoints === undefined && error === null && <p class="hint">{t.loading}</p>}
      {secret !== null && <Once secret={secret} />}
      {endpoints?.length === 0 && !adding && <p class="hint">{t.endpoints.none}</p>}
      <ul class="endpoints">
        {endpoints?.map((endpoint) => (
          <EndpointCard key={endpoint.id} endpoint={endpoint} changed={load} told={setSecret} />
        ))}
      </ul>
      {adding ? (
        <EndpointForm submit={create} cancel={() => setAdding(false)} />
      ) : (
        <div class="row">
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            {t.endpoints.add}
          </button>
          <a class="button" href={routeHref({ page: "deliveries", endpoint: "" })}>
            {t.endpoints.deliveries}
          </a>
        </div>
      )}
    </section>
  );
}

function Once({ secret }: { secret: string }) {
  const t = useTexts();
  return (
    <div class="once" role="status">
      <span>{t.endpoints.secretOnce}</span>
      <div class="row">
        <code>{secret}</code>
        <CopyButton text={secret} />
      </div>
    </div>
  );
}

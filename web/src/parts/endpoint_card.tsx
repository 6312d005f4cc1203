/** One endpoint: how it stands, and what can be done with it. */

import { useState } from "preact/hooks";
import type { EventEndpoint } from "../api_types.ts";
import { formatWhen } from "../format.ts";
import { lang, useTexts } from "../i18n/index.ts";
import { routeHref } from "../route.ts";
import { api } from "../session.ts";
import { useStore } from "../store.ts";
import { Failure, StateWord } from "./bits.tsx";
import { EndpointForm } from "./endpoint_form.tsx";

/** A day: how long the secret before stays good. */
const OVERLAP_SECONDS = 86_400;
/** Looks at the delivery of a test, and the pause between them. */
const LOOKS = 30;
const LOOK_MS = 500;

interface Props {
  endpoint: EventEndpoint;
  changed: () => Promise<void>;
  told: (secret: string | null) => void;
}

export function EndpointCard({ endpoint, changed, told }: Props) {
  const t = useTexts();
  const [editing, setEditing] = useState(false);
  const [note, setNote] = useState("");
  const [error, setError] = useState<unknown>(null);
  const run = (work: () => Promise<unknown>) => {
    setError(null);
    work().then(changed).catch(setError);
  };
  const rotate = () => {
    if (confirm(t.endpoints.confirmRotate)) run(async () => told((await api.rotateSecret(endpoint.id, OVERLAP_SECONDS)).secret));
  };
  const remove = () => {
    if (confirm(t.endpoints.confirmRemove(endpoint.url))) run(() => api.removeEndpoint(endpoint.id));
  };
  const test = () => {
    setNote(t.endpoints.testing);
    run(async () => setNote(t.endpoints.tested(await outcome(endpoint.id, t.deliveries.noAnswer))));
  };
  return (
    <li class={`endpoint ${endpoint.state}`}>
      <code>{endpoint.url}</code>
      <Standing endpoint={endpoint} />
      {editing ? (
        <EndpointForm
          endpoint={endpoint}
          cancel={() => setEditing(false)}
          submit={async (choice) => {
            const { url, ...rest } = choice;
            await api.changeEndpoint(endpoint.id, endpoint.vendor ? rest : { url, ...rest });
            setEditing(false);
            await changed();
          }}
        />
      ) : (
        <div class="actions">
          <button type="button" class="small" disabled={!endpoint.enabled} onClick={test}>
            {t.endpoints.test}
          </button>
          <button type="button" class="small" onClick={() => setEditing(true)}>
            {t.endpoints.edit}
          </button>
          <button type="button" class="small" onClick={rotate}>
            {t.endpoints.rotate}
          </button>
          {!endpoint.vendor && (
            <>
              <button type="button" class="small" onClick={() => run(() => api.enableEndpoint(endpoint.id, !endpoint.enabled))}>
                {endpoint.enabled ? t.endpoints.disable : t.endpoints.enable}
              </button>
              <button type="button" class="small" onClick={remove}>
                {t.endpoints.remove}
              </button>
            </>
          )}
          {endpoint.dead > 0 && endpoint.enabled && (
            <button type="button" class="small" onClick={() => run(() => api.replayDead(endpoint.id))}>
              {t.endpoints.replayDead}
            </button>
          )}
          <a href={routeHref({ page: "deliveries", endpoint: endpoint.id })}>{t.endpoints.deliveries}</a>
        </div>
      )}
      {note !== "" && (
        <p class="hint" role="status">
          {note}
        </p>
      )}
      {error !== null && <Failure error={error} />}
    </li>
  );
}

function Standing({ endpoint }: { endpoint: EventEndpoint }) {
  const t = useTexts();
  const language = useStore(lang);
  const when = (text: string | null) => formatWhen(text ?? "", language);
  return (
    <>
      <div class="marks">
        <StateWord state={endpoint.state} />
        <span>{t.endpoints.shapes[endpoint.shape] ?? endpoint.shape}</span>
        <span>{endpoint.types.join(" ")}</span>
        {endpoint.secrets.length > 0 && <span>{t.endpoints.signed}</span>}
        {endpoint.pending > 0 && <span>{t.endpoints.waiting(endpoint.pending)}</span>}
        {endpoint.dead > 0 && <span>{t.endpoints.dead(endpoint.dead)}</span>}
        {endpoint.vendor && <span>{t.endpoints.vendor}</span>}
      </div>
      {endpoint.state === "failing" && (
        <p class="note" role="status">
          {t.endpoints.failing(when(endpoint.failing_since))}: {endpoint.last_error}
        </p>
      )}
      {endpoint.state === "disabled" && (
        <p class="note" role="status">
          {t.endpoints.disabledAt(when(endpoint.disabled_at))}: {endpoint.disabled_reason}
        </p>
      )}
    </>
  );
}

/** Sends a test and waits for what the endpoint says to it. */
async function outcome(endpointId: string, noAnswer: string): Promise<string> {
  const eventId = await api.testEndpoint(endpointId);
  for (let look = 0; look < LOOKS; look += 1) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    const filter = { endpoint: endpointId, state: "", type: "", file_id: "" };
    const { deliveries } = await api.deliveries(filter, null);
    const mine = deliveries.find((delivery) => delivery.event_id === eventId);
    const last = mine && (await api.delivery(mine.id)).tries.at(-1);
    if (last) return last.error === "" ? String(last.status) : last.error;
  }
  return noAnswer;
}

/** What of an endpoint can be chosen. */

import { useState } from "preact/hooks";
import type { EndpointChoice, EventEndpoint } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { Failure } from "./bits.tsx";

interface Props {
  endpoint?: EventEndpoint;
  submit: (choice: EndpointChoice, secret: string) => Promise<void>;
  cancel: () => void;
}

export function EndpointForm({ endpoint, submit, cancel }: Props) {
  const t = useTexts();
  const [url, setUrl] = useState(endpoint?.url ?? "");
  const [shape, setShape] = useState(endpoint?.shape ?? "vendor3");
  const [order, setOrder] = useState(endpoint?.order ?? "file");
  const [types, setTypes] = useState(endpoint?.types.join(" ") ?? "*");
  const [secret, setSecret] = useState("");
  const [error, setError] = useState<unknown>(null);
  const send = (event: Event) => {
    event.preventDefault();
    setError(null);
    const words = types.split(/[\s,]+/).filter((word) => word !== "");
    submit({ url: url.trim(), shape, order, types: words }, secret.trim()).catch(setError);
  };
  return (
    <form class="choices" onSubmit={send}>
      <label>
        {t.endpoints.url}
        <input
          type="url"
          required
          placeholder="https://app.example/reelgate-events"
          spellcheck={false}
          value={url}
          disabled={endpoint?.vendor}
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </label>
      <Choice label={t.endpoints.shape} options={shapesFor(endpoint, t.endpoints.shapes)} value={shape} choose={setShape} />
      <Choice label={t.endpoints.order} options={t.endpoints.orders} value={order} choose={setOrder} />
      <label>
        {t.endpoints.types}
        <input type="text" required spellcheck={false} value={types} onInput={(event) => setTypes(event.currentTarget.value)} />
        <span class="hint">{t.endpoints.typesHint}</span>
      </label>
      {endpoint === undefined && (
        <label>
          {t.endpoints.secret}
          <input type="text" autocomplete="off" spellcheck={false} value={secret} onInput={(event) => setSecret(event.currentTarget.value)} />
          <span class="hint">{t.endpoints.secretHint}</span>
        </label>
      )}
      {error !== null && <Failure error={error} />}
      <div class="row">
        <button type="submit" class="primary">
          {endpoint === undefined ? t.endpoints.create : t.endpoints.save}
        </button>
        <button type="button" onClick={cancel}>
          {t.endpoints.cancel}
        </button>
      </div>
    </form>
  );
}

/** The server keeps an endpoint on one side: the secrets of Standard Webhooks and of the vendor's formats have different forms. */
function shapesFor(endpoint: EventEndpoint | undefined, all: Record<string, string>): Record<string, string> {
  if (endpoint === undefined) return all;
  const isStandard = (shape: string) => shape === "standard";
  return Object.fromEntries(Object.entries(all).filter(([shape]) => isStandard(shape) === isStandard(endpoint.shape)));
}

interface ChoiceProps {
  label: string;
  options: Record<string, string>;
  value: string;
  choose: (value: string) => void;
}

function Choice({ label, options, value, choose }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {Object.entries(options).map(([word, text]) => (
          <option key={word} value={word}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/**
 * What an upload signature holds and which rule it fails. The signature is a secret while it is good: it lives in this page's state
 * only, and leaves it only in the body of the request.
 */

import { useRef, useState } from "preact/hooks";
import type { SignatureExplanation } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { CopyButton, Failure } from "../parts/bits.tsx";
import { Explained, Verdict } from "../parts/explanation.tsx";
import { api } from "../session.ts";

type Answer =
  | { name: "none" }
  | { name: "asking" }
  | { name: "explained"; explanation: SignatureExplanation }
  | { name: "failed"; error: unknown };

export function ExplainPage() {
  const t = useTexts();
  const { text, answer, edit, ask } = useExplainer();
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    ask();
  };
  // Its button goes away with the failure, and would take the keyboard's place with it.
  const again = () => {
    ask();
    field.current?.focus();
  };
  const clear = () => {
    edit("");
    field.current?.focus();
  };
  return (
    <>
      <section class="card">
        <h1>{t.explain.title}</h1>
        <p class="hint">{t.explain.intro}</p>
        <form class="explain" onSubmit={submit}>
          <label>
            {t.explain.field}
            {/* It has no name, so that no form that the page's script has not taken could put it into an address. */}
            <textarea
              ref={field}
              rows={5}
              autocomplete="off"
              autocapitalize="off"
              autocorrect="off"
              spellcheck={false}
              aria-describedby="signature-hint"
              aria-keyshortcuts="Control+Enter Meta+Enter"
              value={text}
              onInput={(event) => edit(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) submit(event);
              }}
            />
          </label>
          <p class="hint" id="signature-hint">
            {t.explain.fieldHint}
          </p>
          <div class="row">
            <button type="submit" class="primary" disabled={text.trim() === ""}>
              {t.explain.submit}
            </button>
            <button type="button" disabled={text === ""} onClick={clear}>
              {t.explain.clear}
            </button>
          </div>
        </form>
        <HowToGetOne />
      </section>
      {answer.name === "failed" && <Failure error={answer.error} retry={again} />}
      <div role="status" class="column">
        {answer.name === "asking" && <p class="hint">{t.explain.asking}</p>}
        {answer.name === "explained" && <Verdict explanation={answer.explanation} />}
      </div>
      {answer.name === "explained" && <Explained explanation={answer.explanation} />}
    </>
  );
}

/** The text in the field and what the server said of it. An answer never stands beside a text that it is not about. */
function useExplainer() {
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<Answer>({ name: "none" });
  const turn = useRef(0);
  const edit = (next: string) => {
    turn.current += 1;
    setText(next);
    setAnswer({ name: "none" });
  };
  const ask = () => {
    const signature = text.trim();
    if (signature === "") return;
    edit(signature);
    const asked = turn.current;
    const take = (next: Answer) => {
      if (asked === turn.current) setAnswer(next);
    };
    setAnswer({ name: "asking" });
    api.explainSignature(signature).then(
      (explanation) => take({ name: "explained", explanation }),
      (error: unknown) => take({ name: "failed", error }),
    );
  };
  return { text, answer, edit, ask };
}

function HowToGetOne() {
  const t = useTexts();
  const command = [
    `curl -s ${location.origin}/v1/upload-signatures -H "Authorization: Bearer $REELGATE_TOKEN"`,
    `-H 'Content-Type: application/json' -d '{"user":"42"}'`,
  ].join(" ");
  return (
    <details class="how-to">
      <summary>{t.explain.howTo}</summary>
      <p>{t.explain.howToSteps}</p>
      <pre class="wrapped">
        <code>{command}</code>
      </pre>
      <p class="row">
        <CopyButton text={command} />
        <a href="/v1/openapi.json" target="_blank" rel="noreferrer">
          {t.explain.apiDescription}
        </a>
      </p>
    </details>
  );
}

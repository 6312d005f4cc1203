/** An explained signature: the verdict, every rule, and all that the signature holds. Sentences and advice are the server's, in English. */

import type { SignatureExplanation } from "../api_types.ts";
import {
  clockRows,
  fieldRows,
  keyStanding,
  macStanding,
  permissionAbsence,
  permissionRows,
  refusalOf,
  type Row,
  ruleRows,
  type RuleRow,
  type Standing,
} from "../explain.ts";
import { formatMoment } from "../format.ts";
import { lang, useTexts } from "../i18n/index.ts";
import { useStore } from "../store.ts";
import { CopyButton } from "./bits.tsx";

export function Verdict({ explanation }: { explanation: SignatureExplanation }) {
  const t = useTexts();
  const language = useStore(lang);
  const refusal = refusalOf(explanation);
  return (
    <section class={`card answer ${refusal === null ? "good" : "bad"}`}>
      <p class="headline">
        <span aria-hidden="true">{refusal === null ? "✓ " : "✗ "}</span>
        {refusal === null ? t.explain.accepted : t.explain.refused(refusal.code)}
        {refusal !== null && <span lang="en">{refusal.sentence}</span>}
      </p>
      {refusal !== null && <Advice failure={refusal} />}
      {explanation.clock !== null && <p class="hint">{t.explain.asOf(formatMoment(explanation.clock.server_time, language))}</p>}
    </section>
  );
}

export function Explained({ explanation }: { explanation: SignatureExplanation }) {
  const t = useTexts();
  const language = useStore(lang);
  const { clock } = explanation;
  return (
    <div class="file">
      <div class="column">
        <Rules rows={ruleRows(explanation.checks, t)} />
        {clock !== null && <SignedString text={explanation.signed_string} />}
      </div>
      <div class="column">
        <section class="card">
          <h2>{t.explain.keyAndMac}</h2>
          <dl class="facts">
            <StandingFact name={t.explain.key} standing={keyStanding(explanation, t)} />
            <StandingFact name={t.explain.mac} standing={macStanding(explanation, t)} />
          </dl>
        </section>
        {clock !== null && (
          <section class="card">
            <h2>{t.explain.clock}</h2>
            <Rows rows={clockRows(clock, t, language)} />
          </section>
        )}
        {clock !== null && <Permission explanation={explanation} />}
        {clock !== null && (
          <section class="card">
            <h2>{t.explain.fields}</h2>
            <p class="hint">{t.explain.fieldsHint}</p>
            <Rows rows={fieldRows(explanation.fields, language)} verbatim />
          </section>
        )}
      </div>
    </div>
  );
}

function Rules({ rows }: { rows: RuleRow[] }) {
  const t = useTexts();
  return (
    <section class="card">
      <h2>{t.explain.rules}</h2>
      <p class="hint">{t.explain.rulesHint}</p>
      <ol class="rules">
        {rows.map((row) => (
          <li key={row.rule} class="rule" data-rule={row.rule}>
            <span class={`state ${row.tone}`}>{row.word}</span>
            <div>
              <p>
                <strong>{row.title}</strong> <code class="hint">{row.rule}</code>
              </p>
              {row.meaning !== "" && <p class="hint">{row.meaning}</p>}
              {row.failure !== null && (
                <p class="trouble">
                  {t.explain.code(row.failure.code)}
                  <span lang="en">{row.failure.sentence}</span>
                </p>
              )}
              {row.failure !== null && <Advice failure={row.failure} />}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Advice({ failure }: { failure: NonNullable<RuleRow["failure"]> }) {
  const t = useTexts();
  if (failure.advice === "") return null;
  return (
    <p class="advice">
      <strong>{t.explain.toDo}</strong>
      <span lang="en">{failure.advice}</span>
    </p>
  );
}

function StandingFact({ name, standing }: { name: string; standing: Standing }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class={`state ${standing.tone}`}>{standing.word}</span>
        <p class="hint">{standing.meaning}</p>
      </dd>
    </div>
  );
}

function Permission({ explanation }: { explanation: SignatureExplanation }) {
  const t = useTexts();
  const { permission, mac } = explanation;
  return (
    <section class="card">
      <h2>{t.explain.permission}</h2>
      {permission === null && <p class="hint">{permissionAbsence(explanation, t)}</p>}
      {permission !== null && mac !== "matches" && <p class="unproved">{t.explain.permissionUnproved}</p>}
      {permission !== null && <Rows rows={permissionRows(permission, t)} />}
    </section>
  );
}

/** `verbatim`: names and values are shown letter by letter, as they were signed. */
function Rows({ rows, verbatim = false }: { rows: Row[]; verbatim?: boolean }) {
  const t = useTexts();
  return (
    <dl class={`facts ${verbatim ? "verbatim" : ""}`}>
      {rows.map(({ name, value, note }, index) => (
        // A name may be signed twice.
        <div key={index}>
          <dt>{verbatim ? <code>{name}</code> : name}</dt>
          <dd>
            {value === "" ? <span class="hint">{t.explain.emptyValue}</span> : verbatim ? <code>{value}</code> : value}
            {note !== undefined && <p class="hint">{note}</p>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function SignedString({ text }: { text: string }) {
  const t = useTexts();
  return (
    <section class="card">
      <div class="with-action">
        <h2>{t.explain.signedString}</h2>
        <CopyButton text={text} />
      </div>
      <p class="hint">{t.explain.signedStringHint}</p>
      <pre class="wrapped">
        <code>{text}</code>
      </pre>
    </section>
  );
}

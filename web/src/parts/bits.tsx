/** Small pieces that several pages show. */

import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { useTexts } from "../i18n/index.ts";
import { stateTone } from "../states.ts";

/** What went wrong, and a way to try again where there is one. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useTexts();
  const unreachable = error instanceof ApiError && error.code === "network";
  return (
    <div class="failure" role="alert">
      <p>{unreachable ? t.unreachable : error instanceof Error ? error.message : String(error)}</p>
      {retry && (
        <button type="button" onClick={retry}>
          {t.retry}
        </button>
      )}
    </div>
  );
}

/** A state word of the server in the reader's language, with a dot in its colour. */
export function StateWord({ state }: { state: string }) {
  const t = useTexts();
  return <span class={`state ${stateTone(state)}`}>{t.states[state.toLowerCase()] ?? state}</span>;
}

/** pass, review or block. */
export function VerdictBadge({ verdict }: { verdict: string }) {
  const t = useTexts();
  const known = verdict in t.verdicts;
  return <span class={`verdict ${known ? verdict : ""}`}>{t.verdicts[verdict] ?? verdict}</span>;
}

/** A bar from 0 to 100 with its label for those who do not see it; without a value it shows that something goes on. */
export function Bar({ percent, label }: { percent?: number; label: string }) {
  return percent === undefined ? (
    <progress class="bar" aria-label={label} />
  ) : (
    <progress class="bar" max={100} value={percent} aria-label={label} />
  );
}

/** How long "copied" stays. */
const COPIED_MS = 1500;

export function CopyButton({ text }: { text: string }) {
  const t = useTexts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  // Browsers give the clipboard to secure pages only; elsewhere the text beside the button can be selected.
  if (!navigator.clipboard) return null;
  return (
    <button type="button" class="quiet small" onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}>
      <span aria-live="polite">{copied ? t.copied : t.copy}</span>
    </button>
  );
}

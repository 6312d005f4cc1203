import { useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { useTexts } from "../i18n/index.ts";
import { Failure } from "../parts/bits.tsx";
import { LangButton, Mark } from "../parts/header.tsx";
import { sessionEnded, signIn } from "../session.ts";
import { useStore } from "../store.ts";

export function SignInPage() {
  const t = useTexts();
  const ended = useStore(sessionEnded);
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    signIn(token.trim())
      .catch((reason: unknown) => setError(reason instanceof ApiError && reason.status === 401 ? t.signInRefused : reason))
      .finally(() => setBusy(false));
  };
  return (
    <main class="alone">
      <form class="card sign-in" onSubmit={submit}>
        <h1>
          <Mark /> Reelgate
        </h1>
        {ended && <p role="status">{t.sessionEnded}</p>}
        <label>
          {t.adminToken}
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            autofocus
            required
            spellcheck={false}
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p class="hint">{t.signInHint}</p>
        {error !== null && <Failure error={error} />}
        <button type="submit" class="primary" disabled={busy || token.trim() === ""}>
          {t.signIn}
        </button>
      </form>
      <LangButton />
    </main>
  );
}

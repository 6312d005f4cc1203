import { useState } from "preact/hooks";
import { switchLang, useTexts } from "../i18n/index.ts";
import { type Route, routeHref } from "../route.ts";
import { session, signOut } from "../session.ts";
import { useStore } from "../store.ts";
import { isRunning, uploads } from "../uploads.ts";

export function Header({ route }: { route: Route }) {
  const t = useTexts();
  const who = useStore(session);
  const running = useStore(uploads).filter(isRunning).length;
  const [busy, setBusy] = useState(false);
  const leave = () => {
    setBusy(true);
    signOut().catch(() => undefined).finally(() => setBusy(false));
  };
  const link = (target: Route, text: string, here: boolean) => (
    <a href={routeHref(target)} aria-current={here ? "page" : undefined}>
      {text}
    </a>
  );
  return (
    <header class="top">
      <a class="brand" href={routeHref({ page: "library" })}>
        <Mark />
        Reelgate
      </a>
      <nav>
        {link({ page: "library" }, t.library, route.page === "library" || route.page === "file")}
        {link({ page: "events" }, t.events, route.page === "events" || route.page === "deliveries")}
        {link({ page: "explain" }, t.explain.title, route.page === "explain")}
      </nav>
      {running > 0 && route.page !== "library" && (
        <a class="running" href={routeHref({ page: "library" })}>
          {t.uploadsRunning(running)}
        </a>
      )}
      <span class="who">{who !== null && who !== "unknown" && `${who.key_name} · ${who.app}`}</span>
      <LangButton />
      <button type="button" class="quiet" disabled={busy} onClick={leave}>
        {t.signOut}
      </button>
    </header>
  );
}

export function LangButton() {
  const t = useTexts();
  return (
    <button type="button" class="quiet" lang={t.otherLanguage === "English" ? "en" : "zh-CN"} onClick={switchLang}>
      {t.otherLanguage}
    </button>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M8 25V12a8 8 0 0 1 16 0v13" />
      <path class="play" d="M13.5 13.2v8.6l6.6-4.3z" />
    </svg>
  );
}

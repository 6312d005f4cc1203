/** The frame around every page, and which page is in it. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useTexts } from "./i18n/index.ts";
import { DeliveriesPage } from "./pages/deliveries.tsx";
import { EventsPage } from "./pages/events.tsx";
import { ExplainPage } from "./pages/explain.tsx";
import { FilePage } from "./pages/file.tsx";
import { LibraryPage } from "./pages/library.tsx";
import { SignInPage } from "./pages/sign_in.tsx";
import { Failure } from "./parts/bits.tsx";
import { Header } from "./parts/header.tsx";
import { type Route, route, routeHref } from "./route.ts";
import { restoreSession, session } from "./session.ts";
import { useStore } from "./store.ts";

export function App() {
  const who = useStore(session);
  const [error, setError] = useState<unknown>(null);
  const restore = () => {
    setError(null);
    restoreSession().catch(setError);
  };
  useEffect(restore, []);
  if (who === "unknown") {
    return <main class="alone">{error !== null && <Failure error={error} retry={restore} />}</main>;
  }
  return who === null ? <SignInPage /> : <SignedIn />;
}

function SignedIn() {
  const t = useTexts();
  const shown = useStore(route);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const href = routeHref(shown);
  useEffect(() => {
    // A changed page is announced and read from its top, as a real navigation would be.
    if (!first.current) main.current?.focus({ preventScroll: true });
    if (!first.current) window.scrollTo(0, 0);
    first.current = false;
  }, [href]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t.skip}
      </a>
      <Header route={shown} />
      <main id="main" class="page" tabIndex={-1} ref={main}>
        <PageOf route={shown} />
      </main>
    </>
  );
}

function PageOf({ route: shown }: { route: Route }) {
  switch (shown.page) {
    case "library":
      return <LibraryPage />;
    case "events":
      return <EventsPage />;
    case "deliveries":
      return <DeliveriesPage key={shown.endpoint} endpoint={shown.endpoint} />;
    case "explain":
      return <ExplainPage />;
    case "file":
      return <FilePage key={shown.fileId} fileId={shown.fileId} />;
  }
}

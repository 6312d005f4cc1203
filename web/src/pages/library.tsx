/** Drop zone, uploads under way, and the list of files. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { MediaSummary } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { Failure } from "../parts/bits.tsx";
import { DropZone } from "../parts/drop_zone.tsx";
import { MediaList } from "../parts/media_list.tsx";
import { UploadList } from "../parts/upload_list.tsx";
import { goTo, route } from "../route.ts";
import { api } from "../session.ts";
import { isUnderWay } from "../states.ts";
import { startUpload, uploads } from "../uploads.ts";

/** How often the first page is read again while something in it is under way. */
const REFRESH_MS = 2000;

export function LibraryPage() {
  const t = useTexts();
  const library = useLibrary();
  const upload = (files: File[], procedure: string) => {
    for (const file of files) {
      startUpload(file, procedure, (fileId) => {
        // One video dropped, and nothing else looked at since: its timeline is what there is to see now.
        const stayed = route.get().page === "library";
        if (stayed && files.length === 1 && uploads.get().length === 1) goTo({ page: "file", fileId });
        else library.refresh();
      });
    }
  };
  return (
    <>
      <h1 class="sr-only">{t.library}</h1>
      <DropZone onFiles={upload} />
      <UploadList />
      {library.error !== null && <Failure error={library.error} retry={library.refresh} />}
      {library.items === null && library.error === null && <p class="hint">{t.loading}</p>}
      {library.items?.length === 0 && <p class="empty">{t.empty}</p>}
      {library.items !== null && library.items.length > 0 && <MediaList items={library.items} />}
      {library.next !== null && (
        <button type="button" class="more" onClick={library.more}>
          {t.more}
        </button>
      )}
    </>
  );
}

function useLibrary() {
  const [items, setItems] = useState<MediaSummary[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const paged = useRef(false);

  const refresh = useCallback(() => {
    api
      .media(null)
      .then((page) => {
        setError(null);
        setItems((old) => merge(page.items, old ?? []));
        if (!paged.current) setNext(page.next);
      })
      .catch(setError);
  }, []);
  const more = () => {
    if (next === null) return;
    api
      .media(next)
      .then((page) => {
        paged.current = true;
        setItems((old) => merge(old ?? [], page.items));
        setNext(page.next);
      })
      .catch(setError);
  };

  useEffect(refresh, [refresh]);
  const busy = items?.some((item) => isUnderWay(item.task_state)) ?? false;
  useEffect(() => {
    if (!busy) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") refresh();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [busy, refresh]);
  return { items, next, error, refresh, more };
}

/** `first`, then what only `rest` has. */
function merge(first: MediaSummary[], rest: MediaSummary[]): MediaSummary[] {
  const known = new Set(first.map((item) => item.file_id));
  return [...first, ...rest.filter((item) => !known.has(item.file_id))];
}

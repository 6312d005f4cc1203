/** Takes videos: dropped anywhere on the page, or chosen. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Procedure } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { api } from "../session.ts";

const DEFAULT_PROCEDURE = "ReelgateShortVideo";

export function DropZone({ onFiles }: { onFiles: (files: File[], procedure: string) => void }) {
  const t = useTexts();
  const [procedure, setProcedure] = useState(DEFAULT_PROCEDURE);
  const take = (files: FileList | null | undefined) => {
    if (files && files.length > 0) onFiles([...files], procedure);
  };
  const over = useDropAnywhere(take);
  return (
    <section class="drop" aria-label={t.dropHere}>
      <p>{t.dropHere}</p>
      <label class="button primary">
        {t.chooseFile}
        <input
          class="sr-only"
          type="file"
          multiple
          accept="video/*,audio/*,.mkv,.flv,.ts,.m2ts,.rmvb,.wmv,.avi"
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
      </label>
      <ProcedureSelect value={procedure} onChange={setProcedure} />
      {over && <div class="drop-over">{t.dropNow}</div>}
    </section>
  );
}

function ProcedureSelect({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const t = useTexts();
  const [procedures, setProcedures] = useState<Procedure[]>([]);
  useEffect(() => {
    // Without the list the default can still be uploaded to; the library below says if the server is away.
    api.procedures().then(setProcedures).catch(() => undefined);
  }, []);
  const names = procedures.some(({ name }) => name === DEFAULT_PROCEDURE)
    ? procedures
    : [{ name: DEFAULT_PROCEDURE, comment: "" }, ...procedures];
  const comment = names.find(({ name }) => name === value)?.comment;
  return (
    <label class="procedure">
      {t.procedure}
      <select value={value} title={comment} onChange={(event) => onChange(event.currentTarget.value)}>
        {names.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Whether files are being dragged over the page; calls `take` when they are dropped. */
function useDropAnywhere(take: (files: FileList | undefined) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const onOver = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault(); // Else the browser would leave the page to show the file.
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(false);
      latest.current(event.dataTransfer?.files);
    };
    window.addEventListener("dragover", onOver);
    window.addEventListener("dragleave", onLeave);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("dragover", onOver);
      window.removeEventListener("dragleave", onLeave);
      window.removeEventListener("drop", onDrop);
    };
  }, []);
  return over;
}

/** What this tab uploads, with how far it is. */

import { formatBytes } from "../format.ts";
import { useTexts } from "../i18n/index.ts";
import { routeHref } from "../route.ts";
import { useStore } from "../store.ts";
import { cancelUpload, forgetUpload, isRunning, type Phase, type Upload, uploads } from "../uploads.ts";
import { Bar } from "./bits.tsx";

export function UploadList() {
  const t = useTexts();
  const list = useStore(uploads);
  if (list.length === 0) return null;
  return (
    <ul class="uploads" aria-label={t.uploads}>
      {list.map((upload) => (
        <UploadRow key={upload.id} upload={upload} />
      ))}
    </ul>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const t = useTexts();
  const { phase } = upload;
  const text = usePhaseText(phase);
  return (
    <li class={`upload ${phase.name}`} data-phase={phase.name}>
      <span class="name">{upload.fileName}</span>
      <span class="size">{formatBytes(upload.size)}</span>
      {/* Percents are not announced one by one: the bar has them for those who ask. */}
      <span class="phase" {...(phase.name !== "sending" && { role: "status" })}>
        {text}
        {phase.name === "sending" && phase.bytesPerSecond > 0 && <small> {formatBytes(phase.bytesPerSecond)}/s</small>}
      </span>
      {isRunning(upload) && (
        <Bar label={`${upload.fileName}: ${text}`} {...(phase.name === "sending" && { percent: phase.percent })} />
      )}
      <span class="actions">
        {isRunning(upload) ? (
          <button type="button" class="quiet small" onClick={() => cancelUpload(upload.id)}>
            {t.cancel}
          </button>
        ) : (
          <>
            {phase.name === "done" && <a href={routeHref({ page: "file", fileId: phase.fileId })}>{t.open}</a>}
            <button type="button" class="quiet small" onClick={() => forgetUpload(upload.id)}>
              {t.dismiss}
            </button>
          </>
        )}
      </span>
    </li>
  );
}

function usePhaseText(phase: Phase): string {
  const t = useTexts();
  switch (phase.name) {
    case "signing":
      return t.phaseSigning;
    case "sending":
      return t.phaseSending(Math.floor(phase.percent));
    case "committing":
      return t.phaseCommitting;
    case "done":
      return t.phaseDone;
    case "failed":
      return `${t.phaseFailed}: ${phase.reason}`;
    case "cancelled":
      return t.phaseCancelled;
  }
}

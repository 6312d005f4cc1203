/** Uploads of this tab, with the official SDK. They go on while other pages of the console are shown. */

import type { Uploader } from "@reelgate/vod-js";
import { api } from "./session.ts";
import { createStore } from "./store.ts";

/** Where an upload is. `percent` is of the bytes, 0 to 100. */
export type Phase =
  | { name: "signing" }
  | { name: "sending"; percent: number; bytesPerSecond: number }
  | { name: "committing" }
  | { name: "done"; fileId: string }
  | { name: "failed"; reason: string }
  | { name: "cancelled" };

export interface Upload {
  id: number;
  fileName: string;
  size: number;
  phase: Phase;
}

export const uploads = createStore<readonly Upload[]>([]);

const running = new Map<number, { uploader: Uploader | null; cancelled: boolean }>();
let nextId = 1;

/** Whether an upload still has something to do in this tab. */
export function isRunning(upload: Upload): boolean {
  return ["signing", "sending", "committing"].includes(upload.phase.name);
}

/** Starts an upload. `onDone` gets the new file's id; failures are in {@link uploads} only. */
export function startUpload(file: File, procedure: string, onDone: (fileId: string) => void): void {
  const id = nextId++;
  uploads.update((list) => [{ id, fileName: file.name, size: file.size, phase: { name: "signing" } }, ...list]);
  running.set(id, { uploader: null, cancelled: false });
  send(id, file, procedure)
    .then((fileId) => {
      setPhase(id, { name: "done", fileId });
      onDone(fileId);
    })
    .catch((error: unknown) => setPhase(id, { name: "failed", reason: reasonOf(error) }))
    .finally(() => running.delete(id));
}

/** Stops sending. What the server has stays there for a while: the same file, dropped again, goes on from it. */
export function cancelUpload(id: number): void {
  const run = running.get(id);
  if (!run) return;
  setPhase(id, { name: "cancelled" });
  run.cancelled = true;
  run.uploader?.cancel();
  running.delete(id);
}

/** Takes an upload that is over off the list. */
export function forgetUpload(id: number): void {
  uploads.update((list) => list.filter((upload) => upload.id !== id || isRunning(upload)));
}

/** Has the browser ask before it closes a tab that still uploads. */
export function guardUploads(): void {
  window.addEventListener("beforeunload", (event) => {
    if (uploads.get().some(isRunning)) event.preventDefault();
  });
}

async function send(id: number, file: File, procedure: string): Promise<string> {
  const run = running.get(id);
  const { createTcVod } = await import("@reelgate/vod-js");
  // The page may connect to its own origin only, whatever name the server knows itself by.
  const tcVod = createTcVod({ ugc: location.origin }, {
    getSignature: async () => {
      if (run?.cancelled) throw new Error("cancelled");
      return (await api.issueSignature(procedure)).signature;
    },
  });
  const uploader = tcVod.upload({ mediaFile: file });
  if (run) run.uploader = uploader;
  uploader.on("media_progress", ({ percent, speed }: { percent: number; speed: number }) =>
    setPhase(id, { name: "sending", percent: percent * 100, bytesPerSecond: speed }),
  );
  uploader.on("media_upload", () => setPhase(id, { name: "committing" }));
  const answer: { fileId: string } = await uploader.done();
  return answer.fileId;
}

function setPhase(id: number, phase: Phase): void {
  uploads.update((list) => list.map((upload) => (upload.id === id && isRunning(upload) ? { ...upload, phase } : upload)));
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: unknown; code?: unknown };
  if (typeof message !== "string" || message === "") return String(error);
  return typeof code === "number" && code > 0 ? `${message} (${code})` : message;
}

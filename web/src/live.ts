/** One file, kept fresh: asked for once, then as the server's stream tells it. */

import { useEffect, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { Media, TimelineEntry, TimelineMessage } from "./api_types.ts";
import { api } from "./session.ts";

export interface LiveFile {
  media: Media | null;
  entries: TimelineEntry[];
  /** Whether the stream is open. */
  live: boolean;
  error: ApiError | null;
}

const NOTHING: LiveFile = { media: null, entries: [], live: false, error: null };

/** How long to wait before a stream that the server ended for good is asked for again. */
const REOPEN_MS = 3000;

export function useLiveFile(fileId: string): LiveFile {
  const [file, setFile] = useState<LiveFile>(NOTHING);
  useEffect(() => {
    setFile(NOTHING);
    return followFile(fileId, (change) => setFile((now) => ({ ...now, ...change })));
  }, [fileId]);
  return file;
}

/** Tells `take` what changes, until the returned function is called. */
function followFile(fileId: string, take: (change: Partial<LiveFile>) => void): () => void {
  let stream: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let messages = 0;

  /** Whether asking again may give more: not for a file that is not there, nor for someone who is signed out. */
  const ask = async (): Promise<boolean> => {
    const before = messages;
    try {
      const [media, { entries }] = await Promise.all([api.file(fileId), api.timeline(fileId)]);
      // A message that came meanwhile is newer than this answer.
      if (!stopped && messages === before) take({ media, entries, error: null });
      return !stopped;
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(0, "unknown", String(error));
      if (!stopped) take({ error: known });
      return !stopped && known.status !== 404 && known.status !== 401;
    }
  };
  const open = () => {
    stream = new EventSource(api.timelineStream(fileId));
    stream.addEventListener("open", () => {
      take({ live: true });
      void ask(); // What happened while no stream was open.
    });
    stream.addEventListener("timeline", (event) => {
      messages += 1;
      const { media, entries } = JSON.parse((event as MessageEvent<string>).data) as TimelineMessage;
      take({ media, entries, error: null });
    });
    stream.addEventListener("error", () => {
      take({ live: false });
      // EventSource comes back by itself from a broken connection, not from an answer that is no stream.
      if (stream?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(() => void ask().then((goOn) => goOn && open()), REOPEN_MS);
    });
  };
  void ask();
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stream?.close();
  };
}

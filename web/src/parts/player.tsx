/** Plays the best that there is: HLS through hls.js, by the browser itself where that is its way, or a file. */

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Media } from "../api_types.ts";
import { useTexts } from "../i18n/index.ts";
import { bestSource, foreignHost, type Source } from "../playback.ts";

export function Player({ media, video }: { media: Media; video: RefObject<HTMLVideoElement> }) {
  const t = useTexts();
  const source = useSettledSource(media, video);
  const failed = usePlayback(source, video);
  if (media.probe_error !== "") return <p class="card empty-player">{t.unreadable(media.probe_error)}</p>;
  if (source === null) return <p class="card empty-player">{t.notPlayable}</p>;
  const foreign = foreignHost(source.url, location.origin);
  if (foreign !== null) {
    return (
      <p class="card empty-player">
        {t.foreignPlayback(foreign)} <a href={source.url}>{source.url}</a>
      </p>
    );
  }
  return (
    <div class="player">
      <video
        ref={video}
        controls
        playsInline
        preload="metadata"
        data-source={source.kind}
        {...(media.cover_url && { poster: media.cover_url })}
      />
      {failed && <p role="alert">{t.playFailed}</p>}
    </div>
  );
}

/** The best source, but not a better one under the feet of somebody who is watching. */
function useSettledSource(media: Media, video: RefObject<HTMLVideoElement>): Source | null {
  const [settled, setSettled] = useState<Source | null>(null);
  const best = bestSource(media);
  useEffect(() => {
    const watched = video.current !== null && (!video.current.paused || video.current.currentTime > 0);
    if (!watched) setSettled(best);
  }, [best?.kind, best?.url]);
  return settled;
}

/** Feeds the video element. Whether that failed for good. */
function usePlayback(source: Source | null, video: RefObject<HTMLVideoElement>): boolean {
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const element = video.current;
    if (!element || !source) return undefined;
    setFailed(false);
    const onError = () => setFailed(true);
    element.addEventListener("error", onError);
    const detach = source.kind === "hls" ? attachHls(element, source.url, onError) : attachFile(element, source.url);
    return () => {
      element.removeEventListener("error", onError);
      detach();
    };
  }, [source?.kind, source?.url]);
  return failed;
}

function attachFile(element: HTMLVideoElement, url: string): () => void {
  element.src = url;
  return () => {
    element.removeAttribute("src");
    element.load();
  };
}

/** hls.js is loaded when there is something to play with it. */
function attachHls(element: HTMLVideoElement, url: string, onFatal: () => void): () => void {
  let detach: (() => void) | null = null;
  let detached = false;
  import("hls.js/light")
    .then(({ default: Hls }) => {
      if (detached) return;
      if (!Hls.isSupported()) {
        detach = attachFile(element, url);
        return;
      }
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_event, { fatal }) => fatal && onFatal());
      hls.loadSource(url);
      hls.attachMedia(element);
      detach = () => hls.destroy();
    })
    .catch(onFatal);
  return () => {
    detached = true;
    detach?.();
  };
}

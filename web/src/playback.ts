/** What the player plays: the best that there is so far. */

import type { Media } from "./api_types.ts";

export interface Source {
  kind: "hls" | "file";
  url: string;
}

/** HLS before MP4 before the file as it came in; null if there is nothing that a browser may try. */
export function bestSource(media: Media): Source | null {
  if (media.playback.hls_url) return { kind: "hls", url: media.playback.hls_url };
  const [mp4] = [...media.playback.mp4].sort((a, b) => b.height - a.height);
  if (mp4) return { kind: "file", url: mp4.url };
  if (media.media_url && /^(video|audio)\//.test(media.content_type)) return { kind: "file", url: media.media_url };
  return null;
}

/** The other host that a source lies on, which the console's Content-Security-Policy keeps it from loading; null if it may. */
export function foreignHost(url: string, pageOrigin: string): string | null {
  const target = new URL(url, pageOrigin);
  return target.origin === pageOrigin ? null : target.host;
}

/** What is known of a file, and where its bytes are. */

import type { Media } from "../api_types.ts";
import { formatBitrate, formatBytes, formatDuration, formatWhen } from "../format.ts";
import { type Lang, lang, useTexts } from "../i18n/index.ts";
import type { Texts } from "../i18n/en.ts";
import { useStore } from "../store.ts";
import { CopyButton } from "./bits.tsx";

export function Facts({ media }: { media: Media }) {
  const t = useTexts();
  const language = useStore(lang);
  return (
    <section class="card">
      <h2>{t.facts}</h2>
      <dl class="facts">
        <div>
          <dt>{t.fact.fileId}</dt>
          <dd>
            <code>{media.file_id}</code> <CopyButton text={media.file_id} />
          </dd>
        </div>
        {factsOf(media, t, language).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Name and value of each fact that this file has. */
function factsOf(media: Media, t: Texts, language: Lang): [string, string][] {
  const { probe } = media;
  const video = probe?.video[0];
  const audio = probe?.audio[0];
  const facts: [string, string | undefined][] = [
    [t.fact.size, formatBytes(media.size)],
    [t.fact.container, probe?.container],
    [t.fact.duration, probe ? formatDuration(probe.duration) : undefined],
    [t.fact.video, video && `${video.codec} ${video.width}×${video.height}, ${Number(video.fps.toFixed(2))} fps`],
    [t.fact.audio, audio && `${audio.codec} ${audio.sample_rate / 1000} kHz`],
    [t.fact.bitrate, probe ? formatBitrate(probe.bitrate) : undefined],
    [t.fact.type, media.content_type],
    [t.fact.user, media.user],
    [t.fact.procedure, media.procedure],
    [t.fact.context, media.source_context],
    [t.fact.created, formatWhen(media.created_at, language)],
    [t.fact.updated, formatWhen(media.updated_at, language)],
  ];
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1]));
}

export function Links({ media }: { media: Media }) {
  const t = useTexts();
  const links: [string, string | null][] = [
    ["HLS", media.playback.hls_url],
    ...media.playback.mp4.map(({ url, height }): [string, string] => [`MP4 ${height}p`, url]),
    [t.linkCover, media.cover_url],
    [t.linkOriginal, media.media_url],
  ];
  return (
    <section class="card">
      <h2>{t.links}</h2>
      <dl class="facts links">
        {links.map(([name, url]) => url && <Link key={url} name={name} url={url} />)}
      </dl>
    </section>
  );
}

function Link({ name, url }: { name: string; url: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <a href={url} target="_blank" rel="noreferrer">
          {url}
        </a>{" "}
        <CopyButton text={url} />
      </dd>
    </div>
  );
}

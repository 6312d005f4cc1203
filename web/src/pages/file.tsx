/** One file: player, verdict with its evidence, tasks, the live timeline, facts and links. */

import { useRef } from "preact/hooks";
import { useTexts } from "../i18n/index.ts";
import { Failure, StateWord, VerdictBadge } from "../parts/bits.tsx";
import { Facts, Links } from "../parts/facts.tsx";
import { Player } from "../parts/player.tsx";
import { ReviewCard } from "../parts/review.tsx";
import { Tasks } from "../parts/tasks.tsx";
import { TimelineCard } from "../parts/timeline.tsx";
import { useLiveFile } from "../live.ts";
import { isUnderWay } from "../states.ts";

export function FilePage({ fileId }: { fileId: string }) {
  const t = useTexts();
  const file = useLiveFile(fileId);
  const video = useRef<HTMLVideoElement>(null);
  const { media } = file;
  if (media === null) {
    if (file.error === null) return <p class="hint">{t.loading}</p>;
    return <Failure error={file.error.status === 404 ? `${t.fileGone}: ${fileId}` : file.error} />;
  }
  const seek = (ms: number) => {
    if (!video.current) return;
    video.current.currentTime = ms / 1000;
    video.current.scrollIntoView({ block: "nearest" });
  };
  const task = media.tasks.at(-1);
  return (
    <>
      <div class="file-head">
        <h1>{media.name || media.file_id}</h1>
        <StateWord state={task?.state ?? media.status} />
        {media.review && <VerdictBadge verdict={media.review.suggestion} />}
      </div>
      {file.error !== null && <Failure error={file.error} />}
      <div class="file">
        <div class="column">
          <Player media={media} video={video} />
          <ReviewCard media={media} onSeek={seek} />
        </div>
        <div class="column">
          <Tasks tasks={media.tasks} />
          <TimelineCard entries={file.entries} live={file.live} growing={media.tasks.some(({ state }) => isUnderWay(state))} />
          <Facts media={media} />
          <Links media={media} />
        </div>
      </div>
    </>
  );
}

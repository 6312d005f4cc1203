/** The verdict and what it rests on. */

import type { Frame, Media, Review } from "../api_types.ts";
import { formatPosition, formatScore } from "../format.ts";
import { useTexts } from "../i18n/index.ts";
import { evidenceFrames, frameScores, pornScore, riskScore } from "../review.ts";
import { isUnderWay } from "../states.ts";
import { VerdictBadge } from "./bits.tsx";

/** How many frames are shown as evidence; all of them are in the strip. */
const EVIDENCE = 8;

export function ReviewCard({ media, onSeek }: { media: Media; onSeek: (ms: number) => void }) {
  const t = useTexts();
  return (
    <section class="card review">
      <h2>{t.verdict}</h2>
      {media.review ? <Judged review={media.review} onSeek={onSeek} /> : <Standing media={media} />}
    </section>
  );
}

/** Why there is no verdict. */
function Standing({ media }: { media: Media }) {
  const t = useTexts();
  const steps = media.tasks.flatMap((task) => task.subtasks).filter((step) => step.kind.startsWith("Review"));
  const pending = steps.some((step) => isUnderWay(step.state));
  return <p class="hint">{pending ? t.verdictPending : steps.length > 0 ? t.noVerdict : t.verdictNone}</p>;
}

function Judged({ review, onSeek }: { review: Review; onSeek: (ms: number) => void }) {
  const t = useTexts();
  const evidence = evidenceFrames(review.frames, EVIDENCE);
  const pictured = evidence.some((frame) => frame.url !== null);
  return (
    <>
      <p class="judgement">
        <VerdictBadge verdict={review.suggestion} />
        {review.label && <span>{t.scores[review.label] ?? review.label}</span>}
        <span>{t.confidence(review.confidence)}</span>
        <span class="hint">{t.framesReviewed(review.frames.length)}</span>
      </p>
      <ScoreStrip frames={review.frames} />
      {review.frames.length > 0 && <h3>{t.evidence}</h3>}
      <ul class="frames">
        {evidence.map((frame) => (
          <li key={frame.at_ms}>
            <FrameTile frame={frame} pictured={pictured} onSeek={onSeek} />
          </li>
        ))}
      </ul>
      <details class="models">
        <summary>{t.models}</summary>
        <dl>
          {review.models.map((model) => (
            <div key={model.sha256}>
              <dt>{model.name}</dt>
              <dd>
                <code>{model.sha256}</code>
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}

/** Every reviewed frame as a bar over the length of the video. The frames below say the same in words. */
function ScoreStrip({ frames }: { frames: Frame[] }) {
  if (frames.length < 2) return null;
  const width = 100 / frames.length;
  return (
    <svg class="strip" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      {frames.map((frame, index) => {
        const height = Math.max(0.6, riskScore(frame) * 24);
        const tone = pornScore(frame) >= frame.sexy ? "porn" : "sexy";
        return <rect key={frame.at_ms} class={tone} x={index * width} y={24 - height} width={width * 0.8} height={height} />;
      })}
    </svg>
  );
}

function FrameTile({ frame, pictured, onSeek }: { frame: Frame; pictured: boolean; onSeek: (ms: number) => void }) {
  const t = useTexts();
  const position = formatPosition(frame.at_ms);
  return (
    <button type="button" class="frame" aria-label={t.seekTo(position)} onClick={() => onSeek(frame.at_ms)}>
      {pictured && <span class="picture">{frame.url && <img src={frame.url} alt="" loading="lazy" />}</span>}
      <span class="position">{position}</span>
      <span class="scores">
        {frameScores(frame)
          .slice(0, 2)
          .map(({ name, score }) => (
            <Score key={name} name={name} score={score} />
          ))}
        {frame.nsfw !== null && <Score name="nsfw" score={frame.nsfw} />}
        {frame.fused !== null && <Score name="fused" score={frame.fused} />}
      </span>
    </button>
  );
}

function Score({ name, score }: { name: string; score: number }) {
  const t = useTexts();
  return (
    <span class="score">
      <span>{t.scores[name] ?? name}</span>
      <span class="number">{formatScore(score)}</span>
    </span>
  );
}

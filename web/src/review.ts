/** Which of the reviewed frames are evidence, and what they say. The verdict itself is the server's. */

import type { Frame } from "./api_types.ts";

/** How much a frame speaks for porn: the joined score where both models looked, else the first model's. */
export function pornScore(frame: Frame): number {
  return frame.fused ?? Math.max(frame.porn, frame.hentai);
}

/** The height of a frame in the strip: its strongest score of any kind that a verdict can rest on. */
export function riskScore(frame: Frame): number {
  return Math.max(pornScore(frame), frame.sexy);
}

/** The frames with the strongest scores, at most `count`, in the order of the video. Those with a picture come first on a tie. */
export function evidenceFrames(frames: readonly Frame[], count: number): Frame[] {
  return [...frames]
    .sort((a, b) => riskScore(b) - riskScore(a) || Number(b.url !== null) - Number(a.url !== null) || a.at_ms - b.at_ms)
    .slice(0, count)
    .sort((a, b) => a.at_ms - b.at_ms);
}

/** The scores of a frame that are worth a line, strongest first. */
export function frameScores(frame: Frame): { name: string; score: number }[] {
  const named: [string, number | null][] = [
    ["porn", frame.porn],
    ["hentai", frame.hentai],
    ["sexy", frame.sexy],
    ["neutral", frame.neutral],
    ["drawing", frame.drawing],
  ];
  return named
    .filter((pair): pair is [string, number] => pair[1] !== null)
    .map(([name, score]) => ({ name, score }))
    .sort((a, b) => b.score - a.score);
}

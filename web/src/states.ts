/** The server's state words, read alike in whatever case they come. */

export type Tone = "wait" | "busy" | "good" | "bad";

const TONES: Record<string, Tone> = {
  waiting: "wait",
  processing: "busy",
  finish: "good",
  success: "good",
  normal: "good",
  fail: "bad",
  aborted: "bad",
  deleted: "bad",
  ok: "good",
  failing: "bad",
  disabled: "bad",
};

/** How a state of a task, subtask or file looks. A word we do not know counts as waiting. */
export function stateTone(state: string): Tone {
  return TONES[state.toLowerCase()] ?? "wait";
}

/** Whether there is more to come. */
export function isUnderWay(state: string | null): boolean {
  return state !== null && state !== "" && ["wait", "busy"].includes(stateTone(state));
}

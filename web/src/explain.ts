/** What the server's explanation of a signature says, as rows of words. The judgement itself is the server's. */

import type { RuleCheck, RuleOutcome, SignatureClock, SignatureExplanation, SignedField, SignedPermission } from "./api_types.ts";
import { formatBytes, formatDetail, formatMoment, formatSpan } from "./format.ts";
import type { Texts } from "./i18n/en.ts";
import type { Tone } from "./states.ts";

/** A state in a word, with a sentence that says what it means. */
export interface Standing {
  tone: Tone;
  word: string;
  meaning: string;
}

/** `note` is the same value in another form. */
export interface Row {
  name: string;
  value: string;
  note?: string;
}

export interface RuleRow extends Standing {
  rule: string;
  title: string;
  /** What is wrong and what to do, in the server's words; null unless the rule fails. */
  failure: { code: number | null; sentence: string; advice: string } | null;
}

const TONES: Record<RuleOutcome, Tone> = { pass: "good", fail: "bad", not_checked: "wait" };

/** Every rule in the order of the doors. One that this console does not know yet goes by its stable word. */
export function ruleRows(checks: readonly RuleCheck[], t: Texts): RuleRow[] {
  return checks.map((check) => {
    const [title, meaning] = own(t.explain.rule, check.rule) ?? [check.rule, ""];
    return {
      rule: check.rule,
      title,
      meaning,
      tone: TONES[check.outcome] ?? "wait",
      word: own(t.explain.outcomes, check.outcome) ?? check.outcome,
      failure: failureOf(check),
    };
  });
}

function failureOf(check: RuleCheck): RuleRow["failure"] {
  if (check.outcome !== "fail") return null;
  return { code: check.vendor_code, sentence: check.sentence ?? check.rule, advice: check.advice ?? "" };
}

/** The failure that the doors answer with; null if they would take the signature. */
export function refusalOf(explanation: SignatureExplanation): RuleRow["failure"] {
  return explanation.refusal === null ? null : failureOf(explanation.refusal);
}

export function keyStanding({ key, clock }: SignatureExplanation, t: Texts): Standing {
  if (clock === null) return standing("wait", t.explain.standings.keyNotLookedUp);
  return key === "known" ? standing("good", t.explain.standings.keyKnown) : standing("bad", t.explain.standings.keyUnknown);
}

export function macStanding({ mac, clock }: SignatureExplanation, t: Texts): Standing {
  switch (mac) {
    case "matches":
      return standing("good", t.explain.standings.macMatches);
    case "differs":
      return standing("bad", t.explain.standings.macDiffers);
    case "not_checked":
      return standing("wait", clock === null ? t.explain.standings.macNotDecoded : t.explain.standings.macNeedsKey);
  }
}

function standing(tone: Tone, [word, meaning]: [string, string]): Standing {
  return { tone, word, meaning };
}

export function clockRows(clock: SignatureClock, t: Texts, lang: string): Row[] {
  const span = (seconds: number) => formatSpan(seconds, t.span);
  const { signed_ahead: ahead, remaining, validity } = clock;
  return [
    { name: t.explain.serverTime, value: formatMoment(clock.server_time, lang) },
    { name: t.explain.signed, value: ahead > 0 ? t.explain.ahead(span(ahead)) : t.explain.ago(span(ahead)) },
    { name: t.explain.timeLeft, value: remaining > 0 ? t.explain.left(span(remaining)) : t.explain.over(span(remaining)) },
    { name: t.explain.validity, value: validity < 0 ? t.explain.endsBeforeStart(span(validity)) : span(validity) },
  ];
}

/** The order in which members of a permission are shown; further ones follow as they came. */
const MEMBERS = [
  "id",
  "user",
  "key_id",
  "policy",
  "policy_name",
  "policy_revision",
  "max_size",
  "max_duration",
  "types",
  "daily_uploads",
  "daily_bytes",
  "open_sessions",
  "bytes_in_flight",
  "addresses",
];
const IN_BYTES = ["max_size", "daily_bytes", "bytes_in_flight"];
const IN_SECONDS = ["max_duration"];

/** What is permitted. A limit that is not set is left out, except those that say so in words. */
export function permissionRows(permission: SignedPermission, t: Texts): Row[] {
  const further = Object.keys(permission).filter((name) => !MEMBERS.includes(name));
  return [...MEMBERS, ...further].flatMap((name) => {
    const value = memberText(name, permission[name], t);
    return value === null ? [] : [{ name: own(t.explain.member, name) ?? name, value }];
  });
}

function memberText(name: string, value: unknown, t: Texts): string | null {
  if (isNothing(value)) {
    const unset: Record<string, string> = { user: t.explain.userNotSaid, max_size: t.explain.serverLimit, types: t.explain.anyType };
    return own(unset, name) ?? null;
  }
  if (typeof value === "number" && IN_BYTES.includes(name)) {
    return value < 1024 ? formatBytes(value) : t.explain.bytes(formatBytes(value), String(value));
  }
  if (typeof value === "number" && IN_SECONDS.includes(name)) return formatSpan(value, t.span);
  return Array.isArray(value) ? value.map(formatDetail).join(", ") : formatDetail(value);
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

const TIMES = ["currentTimeStamp", "expireTime"];

/** The signed fields in their order; times are told in the reader's calendar too. */
export function fieldRows(fields: readonly SignedField[], lang: string): Row[] {
  return fields.map(({ name, value }) => {
    const seconds = TIMES.includes(name) && /^\d+$/.test(value) ? Number(value) : NaN;
    const moment = formatMoment(seconds, lang);
    return moment === String(seconds) ? { name, value } : { name, value, note: moment };
  });
}

/** Why there is no permission to show. */
export function permissionAbsence({ fields }: SignatureExplanation, t: Texts): string {
  const written = fields.some(({ name, value }) => name === "reelgate" && value !== "");
  return written ? t.explain.permissionUnreadable : t.explain.permissionNone;
}

/** What `table` itself has under a word that came from outside. */
function own<T>(table: Record<string, T>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

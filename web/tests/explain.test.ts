import { expect, test } from "vitest";
import type { RuleCheck, SignatureExplanation, SignedPermission } from "../src/api_types.ts";
import {
  clockRows,
  fieldRows,
  keyStanding,
  macStanding,
  permissionAbsence,
  permissionRows,
  refusalOf,
  type Row,
  ruleRows,
} from "../src/explain.ts";
import { en } from "../src/i18n/en.ts";
import { zh } from "../src/i18n/zh.ts";

const RULES = ["form", "secret_id", "mac", "validity", "one_time", "values", "application", "permission"];
const check = (rule: string, rest: Partial<RuleCheck> = {}): RuleCheck => ({
  step: 2,
  rule,
  outcome: "pass",
  vendor_code: null,
  sentence: null,
  advice: null,
  ...rest,
});
const wrongMac = check("mac", { outcome: "fail", vendor_code: 10004, sentence: "the MAC does not match", advice: "sign with the key" });

const explanation = (rest: Partial<SignatureExplanation> = {}): SignatureExplanation => ({
  ok: true,
  refusal: null,
  checks: RULES.map((rule) => check(rule)),
  signed_string: "secretId=AKID",
  fields: [{ name: "secretId", value: "AKID" }],
  key: "known",
  mac: "matches",
  clock: { server_time: 1_700_000_000, signed_ahead: -12, remaining: 3588, validity: 3600 },
  permission: null,
  ...rest,
});
/** As the server answers a text that is no signature at all. */
const undecodable = explanation({ ok: false, key: "unknown", mac: "not_checked", clock: null, fields: [], signed_string: "" });

const pairs = (rows: Row[]) => rows.map(({ name, value }) => [name, value]);

test("rules keep the order of the doors, and each says in words how it went", () => {
  const rows = ruleRows([check("form"), wrongMac, check("validity", { outcome: "not_checked" })], en);
  expect(rows.map(({ title, word, tone }) => [title, word, tone])).toEqual([
    ["Form", "Pass", "good"],
    ["MAC", "Fail", "bad"],
    ["Validity", "Not checked", "wait"],
  ]);
  expect(rows.map(({ failure }) => failure)).toEqual([
    null,
    { code: 10004, sentence: "the MAC does not match", advice: "sign with the key" },
    null,
  ]);
});

test("both languages know every rule of the server", () => {
  for (const t of [en, zh]) {
    for (const row of ruleRows(RULES.map((rule) => check(rule)), t)) expect(row.meaning).not.toBe("");
  }
});

test.each(["address", "constructor", "toString"])("a rule that is not known goes by its word: %s", (rule) => {
  expect(ruleRows([check(rule)], en)[0]).toMatchObject({ rule, title: rule, meaning: "", word: "Pass" });
});

test("the verdict is the failure that the doors answer with", () => {
  expect(refusalOf(explanation())).toBeNull();
  expect(refusalOf(explanation({ ok: false, refusal: wrongMac }))).toEqual({
    code: 10004,
    sentence: "the MAC does not match",
    advice: "sign with the key",
  });
  expect(en.explain.refused(10004)).toBe("Refused with code 10004: ");
});

test("without the key the MAC is not checked, and the page says that the rest holds", () => {
  const foreign = explanation({ key: "unknown", mac: "not_checked" });
  expect(keyStanding(foreign, en)).toMatchObject({ tone: "bad", word: "Unknown" });
  expect(macStanding(foreign, en)).toMatchObject({ tone: "wait", word: "Not checked" });
  expect(macStanding(foreign, en).meaning).toContain("Everything else on this page holds");
});

test("a text that does not decode has no key that could be unknown", () => {
  expect(keyStanding(undecodable, en)).toMatchObject({ tone: "wait", word: "Not looked up" });
  expect(macStanding(undecodable, en).meaning).toContain("does not decode");
});

test("a MAC that was checked matches or differs", () => {
  expect(macStanding(explanation(), en)).toMatchObject({ tone: "good", word: "Matches" });
  expect(macStanding(explanation({ mac: "differs" }), zh)).toMatchObject({ tone: "bad", word: "不一致" });
});

const times = (signed_ahead: number, remaining: number, validity: number, t = en) =>
  clockRows({ server_time: 1_700_000_000, signed_ahead, remaining, validity }, t, "en").slice(1).map(({ value }) => value);

test("the clock is told in human spans", () => {
  expect(times(-12, 3588, 3600)).toEqual(["12 s ago by the server's clock", "59 min 48 s left", "1 h"]);
  expect(times(200, 86_600, 86_400)).toEqual(["3 min 20 s ahead of the server's clock", "1 d left", "1 d"]);
  expect(times(-7200, -3600, 3600)).toEqual(["2 h ago by the server's clock", "none: it ended 1 h ago", "1 h"]);
  expect(times(0, 0, 0)).toEqual(["0 s ago by the server's clock", "none: it ended 0 s ago", "0 s"]);
  expect(times(-12, -72, -60)[2]).toBe("it ends 1 min before it starts");
  expect(times(-12, 3588, 3600, zh)).toEqual(["按服务器时钟，12 秒前", "还剩 59 分钟 48 秒", "1 小时"]);
});

const permission = (rest: Partial<SignedPermission> = {}): SignedPermission => ({
  id: "p1",
  user: "user-42",
  key_id: "key_7",
  max_size: 8_388_608,
  types: ["mp4", "mov"],
  ...rest,
});

test("a permission is told with human sizes", () => {
  expect(pairs(permissionRows(permission(), en))).toEqual([
    ["Id", "p1"],
    ["User", "user-42"],
    ["API key", "key_7"],
    ["Largest file", "8.0 MiB (8388608 bytes)"],
    ["Types", "mp4, mov"],
  ]);
});

test("what a permission leaves open is said", () => {
  expect(pairs(permissionRows(permission({ user: "", max_size: null, types: [] }), en)).filter(([name]) => name !== "Id")).toEqual([
    ["User", "not said"],
    ["API key", "key_7"],
    ["Largest file", "the server's limit"],
    ["Types", "any"],
  ]);
});

test("limits of a policy are shown when the server tells them, in their units", () => {
  const limited = permission({
    policy: "mobile",
    max_duration: 600,
    daily_uploads: 20,
    daily_bytes: 2 ** 30,
    open_sessions: 3,
    bytes_in_flight: null,
    addresses: ["10.0.0.0/8", "192.0.2.7"],
  });
  expect(pairs(permissionRows(limited, en)).slice(3)).toEqual([
    ["Policy", "mobile"],
    ["Largest file", "8.0 MiB (8388608 bytes)"],
    ["Longest video", "10 min"],
    ["Types", "mp4, mov"],
    ["Uploads per day", "20"],
    ["Bytes per day", "1.0 GiB (1073741824 bytes)"],
    ["Uploads at a time", "3"],
    ["Addresses", "10.0.0.0/8, 192.0.2.7"],
  ]);
});

test("a member that is not known goes by its own name", () => {
  expect(pairs(permissionRows(permission({ watermark: { text: "a" }, toString: "b" }), en)).slice(-2)).toEqual([
    ["watermark", '{"text":"a"}'],
    ["toString", "b"],
  ]);
});

test("why there is no permission", () => {
  expect(permissionAbsence(explanation(), en)).toBe(en.explain.permissionNone);
  expect(permissionAbsence(explanation({ fields: [{ name: "reelgate", value: "2.x" }] }), en)).toBe(en.explain.permissionUnreadable);
});

test("fields keep their order and their doubles, and only times that a calendar has get a date", () => {
  const fields = [
    { name: "expireTime", value: "1700003600" },
    { name: "x", value: "" },
    { name: "x", value: " 2 " },
    { name: "currentTimeStamp", value: "99999999999999999" },
    { name: "currentTimeStamp", value: "soon" },
  ];
  const rows = fieldRows(fields, "en");
  expect(pairs(rows)).toEqual(fields.map(({ name, value }) => [name, value]));
  expect(rows[0]?.note).toMatch(/Nov 1[45], 2023/);
  expect(rows.slice(1).map(({ note }) => note)).toEqual([undefined, undefined, undefined, undefined]);
});

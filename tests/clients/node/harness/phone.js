/**
 * Requests as the vendor's iOS and Android SDKs send them, for the replays: the COS signature over the headers that their lists name, one
 * connection each, and the vendor's names in `Host` as behind something that terminates TLS.
 */

import { strict as assert } from "node:assert";
import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

/** Headers that both SDKs sign when a request has them (QCloudAuthentationV5Creator, COSXmlSignSourceProvider). */
const SIGNED = [
  "cache-control", "content-disposition", "content-encoding", "content-length", "content-md5", "content-type", "expect", "expires", "host",
  "if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "origin", "range", "transfer-encoding",
];

/** One request to `server` under the name `host`. Gives status, headers and the unpacked body as text. */
export function ask(server, { method, host, path, headers = {}, body }) {
  const sent = { ...headers, host, ...(body !== undefined && { "content-length": Buffer.byteLength(body) }) };
  return new Promise((done, failed) => {
    const options = { host: "127.0.0.1", port: server.port, method, path, headers: sent, agent: false };
    const asking = http.request(options, async (response) => {
      const bytes = await buffer(response);
      const unpacked = response.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes;
      done({ status: response.statusCode, headers: response.headers, text: unpacked.toString() });
    });
    asking.on("error", failed).end(body);
  });
}

/** The bucket of an Apply answer as these SDKs reach it: what they keep of the answer, and how they sign. */
export class Bucket {
  /**
   * `signsToken`: iOS signs every header that begins with `x-`, Android puts its token in after signing. `startTime` is the beginning
   * of the signatures' time.
   */
  constructor(server, { data, startTime, signsToken }) {
    const { secretId, secretKey, token, expiredTime } = data.tempCertificate;
    Object.assign(this, { server, secretId, secretKey, token, signsToken, time: `${startTime};${expiredTime}` });
    this.host = `${data.storageBucket}-${data.storageAppId}.cos.${data.storageRegionV5}.myqcloud.com`;
  }

  /** A signed request for an object; `query` in the order in which it is sent, a value of `undefined` without `=`. */
  object(method, key, { query = {}, headers = {}, body } = {}) {
    const pairs = Object.entries(query);
    const search = pairs.map(([name, value]) => (value === undefined ? name : `${name}=${encode(value)}`)).join("&");
    const token = { "x-cos-security-token": this.token };
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const signed = { ...headers, ...length, host: this.host, ...(this.signsToken && token) };
    const authorization = this.#sign(method, `/${key}`, pairs, signed);
    const path = `/${key.split("/").map(encode).join("/")}${search && `?${search}`}`;
    return ask(this.server, { method, host: this.host, path, headers: { ...headers, ...token, authorization }, body });
  }

  #sign(method, path, pairs, headers) {
    const [params, paramList] = canonical(pairs);
    const [head, headerList] = canonical(Object.entries(headers).filter(([name]) => SIGNED.includes(name) || name.startsWith("x-")));
    const http = `${method.toLowerCase()}\n${path}\n${params}\n${head}\n`;
    const key = hmac(this.secretKey, this.time);
    const signature = hmac(key, `sha1\n${this.time}\n${createHash("sha1").update(http).digest("hex")}\n`);
    return (
      `q-sign-algorithm=sha1&q-ak=${this.secretId}&q-sign-time=${this.time}&q-key-time=${this.time}` +
      `&q-header-list=${headerList}&q-url-param-list=${paramList}&q-signature=${signature}`
    );
  }
}

export const md5 = (bytes) => createHash("md5").update(bytes).digest("base64");

/** A tenth of the file, 1 MiB at least and 10 MiB at most: how both SDKs cut a file. */
export const sliceSize = (size) => Math.min(Math.max(Math.floor(size / 10), 1 << 20), 10 << 20);

/** The parts of a file, `{ number, bytes }`. */
export function slices(data) {
  const size = sliceSize(data.length);
  return Array.from({ length: Math.ceil(data.length / size) }, (_, index) => ({
    number: index + 1,
    bytes: data.subarray(index * size, (index + 1) * size),
  }));
}

/** Fails unless every field of `expected` is there with the type that is named for it. */
export function checkTypes(answer, expected, at = "answer") {
  for (const [name, type] of Object.entries(expected)) {
    const value = answer?.[name];
    if (typeof type === "object") {
      assert.ok(value !== null && typeof value === "object" && !Array.isArray(value), `${at}.${name} is no object: ${JSON.stringify(value)}`);
      checkTypes(value, type, `${at}.${name}`);
    } else {
      assert.equal(typeof value, type, `${at}.${name}: ${JSON.stringify(value)}`);
    }
  }
}

/** The text of the first element of that name. */
export const element = (xml, name) => xml.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1].replaceAll("&quot;", '"');

/** What ListParts tells: ETags by part number. */
export function listedParts(xml) {
  const parts = [...xml.matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => part);
  return new Map(parts.map((part) => [Number(element(part, "PartNumber")), element(part, "ETag")]));
}

function canonical(pairs) {
  const sorted = pairs
    .map(([name, value]) => [encode(name).toLowerCase(), encode(value ?? "")])
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return [sorted.map(([name, value]) => `${name}=${value}`).join("&"), sorted.map(([name]) => name).join(";")];
}

const hmac = (key, text) => createHmac("sha1", key).update(text).digest("hex");

/** RFC 3986: `encodeURIComponent` leaves five characters that the signature does not. */
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

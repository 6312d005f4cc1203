/** The parts of a mini-program's global `wx` that the vendor's SDKs call, on top of Node: requests, files, storage. */

import { readFile, stat } from "node:fs";
import http from "node:http";

/**
 * Makes `globalThis.wx`. Must be called before the SDK is loaded. With `front` the vendor's names are mapped: `front(request)` is told of
 * each request and gives the `port` of this machine that it is passed on to, in plain HTTP, and the `host` it is passed on under; or
 * nothing, and the request is lost.
 */
export function installWx({ front } = {}) {
  const stored = new Map();
  // The published bundle names its global object so.
  globalThis.window = globalThis;
  globalThis.wx = {
    canIUse: () => false,
    getSystemInfoSync: () => ({ platform: "devtools", version: "8.0.50", SDKVersion: "3.7.0" }),
    getStorageSync: (key) => stored.get(key) ?? "",
    setStorageSync: (key, value) => stored.set(key, value),
    removeStorageSync: (key) => stored.delete(key),
    getFileSystemManager: () => ({ readFile: readFileOf, stat: statOf }),
    request: (asked) => request(asked, front),
  };
}

function readFileOf({ filePath, position = 0, length, success, fail }) {
  readFile(filePath, (error, bytes) => {
    if (error) return fail?.({ errMsg: `readFile:fail ${error.message}` });
    const piece = bytes.subarray(position, length === undefined ? undefined : position + length);
    // A mini-program gives an ArrayBuffer of just these bytes.
    success({ data: piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.byteLength) });
  });
}

function statOf({ path, success, fail }) {
  stat(path, (error, found) => (error ? fail?.({ errMsg: `stat:fail ${error.message}` }) : success({ stats: found })));
}

function request({ url, method = "GET", header, data, dataType = "json", success, fail }, front) {
  const { body, type } = bodyOf(data);
  const { protocol, host, hostname, pathname, search, port } = new URL(url);
  if (!front && protocol !== "http:") throw new Error(`${url}: without mapped names this wx speaks plain HTTP only`);
  const headers = { ...type, ...header, "content-length": body.length };
  const to = front?.({ method, host, path: pathname, headers, body });
  if (front && !to) return { abort() {}, onProgressUpdate() {} };
  const target = to ? { host: "127.0.0.1", port: to.port } : { host: hostname, port };
  headers.host = to?.host ?? host;
  const asking = http.request({ ...target, method, path: pathname + search, headers }, (response) => {
    const pieces = [];
    response.on("data", (piece) => pieces.push(piece));
    response.on("end", () => {
      const text = Buffer.concat(pieces).toString();
      success?.({ statusCode: response.statusCode, header: response.headers, data: dataType === "json" ? parsed(text) : text });
    });
  });
  asking.on("error", (error) => fail?.({ errMsg: `request:fail ${error.message}`, statusCode: 0 }));
  asking.end(body);
  return { abort: () => asking.destroy(), onProgressUpdate() {} };
}

/** An object is sent as JSON, everything else as it is. */
function bodyOf(data) {
  if (data instanceof ArrayBuffer) return { body: Buffer.from(data) };
  if (data !== null && typeof data === "object") return { body: Buffer.from(JSON.stringify(data)), type: { "content-type": "application/json" } };
  return { body: Buffer.from(data ?? "") };
}

/** What is no JSON stays text, as in a mini-program. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

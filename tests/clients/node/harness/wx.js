/** The parts of a mini-program's global `wx` that cos-wx-sdk-v5 calls, on top of Node: requests, files, storage. */

import { readFile, stat } from "node:fs";
import http from "node:http";

/** Makes `globalThis.wx`. Must be called before the SDK is loaded. */
export function installWx() {
  const stored = new Map();
  // The published bundle names its global object so.
  globalThis.window = globalThis;
  globalThis.wx = {
    canIUse: () => false,
    getStorageSync: (key) => stored.get(key) ?? "",
    setStorageSync: (key, value) => stored.set(key, value),
    removeStorageSync: (key) => stored.delete(key),
    getFileSystemManager: () => ({ readFile: readFileOf, stat: statOf }),
    request,
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
  stat(path, (error, found) => (error ? fail({ errMsg: `stat:fail ${error.message}` }) : success({ stats: { size: found.size } })));
}

function request({ url, method, header, data, success, fail }) {
  const body = data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.from(data ?? "");
  const headers = { ...header, "content-length": body.length };
  const sent = http.request(url, { method, headers }, (response) => {
    const pieces = [];
    response.on("data", (piece) => pieces.push(piece));
    response.on("end", () => {
      success({ statusCode: response.statusCode, header: response.headers, data: Buffer.concat(pieces).toString() });
    });
  });
  sent.on("error", (error) => fail({ errMsg: `request:fail ${error.message}`, statusCode: 0 }));
  sent.end(body);
  return { abort: () => sent.destroy(), onProgressUpdate() {} };
}

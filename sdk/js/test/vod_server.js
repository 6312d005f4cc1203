/**
 * A small real HTTP(S) server with the two doors that the SDK talks to, which records what it was sent. It stores parts in memory and
 * checks nothing but what the tests ask about: the product's own server is exercised by the browser test.
 */

import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "authorization,cache-control,content-md5,content-type,x-cos-security-token",
  "Access-Control-Allow-Methods": "GET,HEAD,PUT,POST,DELETE",
  "Access-Control-Expose-Headers": "ETag",
};

export const CREDENTIALS = { secretId: "AKIDtest", secretKey: "test-key", token: "test-token" };
export const STORAGE_PATH = "/1400000001/5285890784246869930/源 文件.mp4";
export const BUCKET = "reelgate-1400000001";

/** Starts it on a free port of 127.0.0.1. `ugc(action, body)` may return an HTTP status to fail a call with. */
export async function startVodServer({ tls, ugc = () => undefined } = {}) {
  const seen = [];
  const parts = new Map();
  const handle = async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (request.method === "OPTIONS") return void response.writeHead(200, CORS).end();
    const url = new URL(request.url, "http://x");
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    if (url.pathname === "/v3/index.php") return answerUgc(url.searchParams.get("Action"), body, response, ugc);
    return answerObject(request, url, body, parts, response);
  };
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `${tls ? "https" : "http"}://127.0.0.1:${server.address().port}`;
  return { origin, seen, parts, close: () => new Promise((closed) => (server.close(closed), server.closeAllConnections())) };
}

function answerUgc(action, body, response, ugc) {
  const status = ugc(action, JSON.parse(body));
  if (status) return void response.writeHead(status, CORS).end("failed on purpose");
  const now = Math.floor(Date.now() / 1000);
  const data =
    action === "CommitUploadUGC"
      ? { fileId: "5285890784246869930", video: { url: "http://127.0.0.1/play.mp4", verify_content: "" } }
      : {
          video: { storageSignature: "", storagePath: STORAGE_PATH },
          storageAppId: 1400000001,
          storageBucket: "reelgate",
          storageRegion: "gz",
          storageRegionV5: "ap-guangzhou",
          StorageRegionV5: "ap-guangzhou",
          vodSessionKey: "session-key",
          appId: 1400000001,
          timestamp: now,
          tempCertificate: { ...CREDENTIALS, expiredTime: now + 7200 },
        };
  response.writeHead(200, { ...CORS, "Content-Type": "application/json" }).end(JSON.stringify({ code: 0, message: "ok", data }));
}

function answerObject(request, url, body, parts, response) {
  const xml = (text) => response.writeHead(200, { ...CORS, "Content-Type": "application/xml" }).end(text);
  if (request.method === "PUT") {
    parts.set(Number(url.searchParams.get("partNumber")), body);
    const etag = `"${createHash("md5").update(body).digest("hex")}"`;
    return void response.writeHead(200, { ...CORS, ETag: etag }).end();
  }
  if (request.method === "GET") {
    return void xml("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
  }
  if (url.searchParams.has("uploads")) {
    return void xml(`<InitiateMultipartUploadResult><Bucket>${BUCKET}</Bucket><UploadId>u1</UploadId></InitiateMultipartUploadResult>`);
  }
  return void xml(`<CompleteMultipartUploadResult><ETag>"e-1"</ETag></CompleteMultipartUploadResult>`);
}

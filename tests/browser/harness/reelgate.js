/** The real server as a child process with a data directory of its own, and what a backend would ask of it over HTTP. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { until } from "./waiting.js";

/**
 * Starts it and waits until it is ready. `tls` is `{certFile, keyFile, cert}`; `publicUrl` what it puts into URLs; `settings` more
 * configuration, as environment variables.
 * Stopped, with what it said shown if the test failed, by `close()`.
 */
export async function startReelgate({ binary, directory, tls, publicUrl, settings }) {
  const credentials = {
    appId: "1300000001",
    secretId: `AKID${randomBytes(16).toString("hex")}`,
    secretKey: randomBytes(16).toString("hex"),
    apiKey: `rgk_${randomBytes(20).toString("hex")}`,
    adminToken: `rgk_${randomBytes(20).toString("hex")}`,
  };
  const port = await freePort();
  const child = spawn(binary, ["serve", "--data-dir", join(directory, "data"), "--listen", `127.0.0.1:${port}`], {
    env: { ...process.env, ...environment(credentials, tls, publicUrl), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const access = [];
  const said = [];
  createInterface({ input: child.stdout }).on("line", (line) => access.push(JSON.parse(line)));
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  let ended = false;
  child.once("exit", () => (ended = true));

  const ask = (method, path, token, body) => request({ tls, port, method, path, token, body });
  const server = {
    port,
    credentials,
    /** The access log so far: one object per request, in the order in which the answers ended. */
    access,
    /** A call of the JSON API with the backend's key; throws unless it answers 2xx. */
    async api(method, path, body) {
      const answer = await ask(method, path, credentials.apiKey, body);
      if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
      return answer.text === "" ? undefined : JSON.parse(answer.text);
    },
    /** A fresh upload signature, as an app's backend would hand out. */
    async signature(procedure = "ReelgateShortVideo") {
      return (await server.api("POST", "/v1/upload-signatures", { procedure })).signature;
    },
    /** What the server told people, for the report of a failed test. */
    said: () => said.join("\n"),
    async close() {
      if (ended) return;
      child.kill("SIGTERM");
      await Promise.race([once(child, "exit"), new Promise((late) => setTimeout(late, 20_000).unref())]);
      if (!ended) child.kill("SIGKILL");
    },
  };
  await until("the server is ready", async () => {
    if (ended) throw new Error(`the server ended at its start:\n${server.said()}`);
    return (await ask("GET", "/readyz").catch(() => undefined))?.status === 200;
  });
  return server;
}

function environment(credentials, tls, publicUrl) {
  const given = {
    REELGATE_ROOT__APP_ID: credentials.appId,
    REELGATE_ROOT__SECRET_ID: credentials.secretId,
    REELGATE_ROOT__SECRET_KEY: credentials.secretKey,
    REELGATE_ROOT__API_KEY: credentials.apiKey,
    REELGATE_ROOT__ADMIN_TOKEN: credentials.adminToken,
    // The event receiver of the tests listens on this machine, which the server would not post to unasked.
    REELGATE_EVENTS__ALLOW_TARGETS: '["127.0.0.0/8"]',
    REELGATE_SERVER__PUBLIC_URL: publicUrl,
    REELGATE_SERVER__TLS_CERT: tls?.certFile,
    REELGATE_SERVER__TLS_KEY: tls?.keyFile,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** One request to the server's own address; with TLS its certificate is really checked. */
function request({ tls, port, method, path, token, body }) {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(payload && { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
  };
  const options = { host: "127.0.0.1", port, method, path, headers, agent: false, ...(tls && { ca: tls.cert }) };
  return new Promise((done, failed) => {
    const sent = (tls ? https : http).request(options, (response) => {
      text(response).then((body) => done({ status: response.statusCode, text: body }), failed);
    });
    sent.on("error", failed).end(payload);
  });
}

/** A port nobody listens on now. The server needs to be told one, since its TLS and URLs are set up before it starts. */
async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

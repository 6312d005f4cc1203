/** The real server as a child process, and what an app's backend asks of it, for the tests of the Node clients. */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const APP = "1300000001";
export const REGION = "ap-guangzhou";
export const MIB = 1 << 20;

const SAMPLE = fileURLToPath(new URL("../../../../samples/bigbuckbunny-5s-720p.mp4", import.meta.url));

/** A file that begins as a real video does, with noise behind it up to `size` bytes. */
export function video(size) {
  const head = readFileSync(SAMPLE).subarray(0, size);
  return Buffer.concat([head, randomBytes(size - head.length)]);
}

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Starts a server with an empty data directory of its own; `settings` is more configuration, as environment variables. */
export async function startReelgate(settings = {}) {
  const directory = mkdtempSync(join(tmpdir(), "reelgate-clients-"));
  const apiKey = `rgk_${randomBytes(20).toString("hex")}`;
  const secretId = `AKID${randomBytes(16).toString("hex")}`;
  const secretKey = randomBytes(16).toString("hex");
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const given = {
    REELGATE_ROOT__APP_ID: APP,
    REELGATE_ROOT__SECRET_ID: secretId,
    REELGATE_ROOT__SECRET_KEY: secretKey,
    REELGATE_ROOT__API_KEY: apiKey,
  };
  const arguments_ = ["serve", "--data-dir", join(directory, "data"), "--listen", address];
  const child = spawn(process.env.REELGATE_BINARY, arguments_, {
    env: { ...process.env, ...given, ...settings },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => (said += text));

  const post = async (path, body) => {
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    const answer = await fetch(`http://${address}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  const server = {
    port,
    address,
    secretId,
    secretKey,
    said: () => said,
    post,
    signature: async (asked = {}) => (await post("/v1/upload-signatures", asked)).signature,
    /** A UGC action; throws unless its code is 0. */
    async ugc(action, body) {
      const answer = await post(`/v3/index.php?Action=${action}`, body);
      if (answer.code !== 0) throw Object.assign(new Error(answer.message), { code: answer.code });
      return answer.data;
    },
    /** An open upload session: where its bytes go, and with which credentials. */
    async openUpload({ size, name = "假期 video" } = {}) {
      const signature = await server.signature();
      const announced = { signature, videoName: name, videoType: "mp4", ...(size && { videoSize: size }) };
      return new Upload(server, signature, await server.ugc("ApplyUploadUGC", announced));
    },
    /** SHA-256 of what is played at a media URL, whatever name the URL has. */
    async played(url) {
      const answer = await fetch(`http://${address}${new URL(url).pathname}`);
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
      return sha256(Buffer.from(await answer.arrayBuffer()));
    },
    async close() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      rmSync(directory, { recursive: true, force: true });
    },
  };
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 300) throw new Error(`the server did not become ready:\n${said}`);
    const ready = await fetch(`http://${address}/readyz`).catch(() => undefined);
    if (ready?.ok) return server;
    await new Promise((done) => setTimeout(done, 100));
  }
}

class Upload {
  constructor(server, signature, answer) {
    this.server = server;
    this.signature = signature;
    this.bucket = `${answer.storageBucket}-${answer.storageAppId}`;
    this.key = answer.video.storagePath.replace(/^\//, "");
    this.sessionKey = answer.vodSessionKey;
    this.certificate = answer.tempCertificate;
    this.timestamp = answer.timestamp;
  }

  /** The same upload with fresh credentials, as a client that was started again gets them. */
  async resumed() {
    const asked = { signature: this.signature, vodSessionKey: this.sessionKey };
    return new Upload(this.server, this.signature, await this.server.ugc("ApplyUploadUGC", asked));
  }

  commit() {
    return this.server.ugc("CommitUploadUGC", { signature: this.signature, vodSessionKey: this.sessionKey });
  }
}

/** A port nobody listens on now. */
async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

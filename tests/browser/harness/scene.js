/** What every test stands on: a scratch directory, the event receiver, and the cleaning up, whatever happened. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startReceiver } from "./receiver.js";
import { startReelgate } from "./reelgate.js";
import { requirements } from "./requirements.js";

/** Runs `play` with a {@link Scene}, or skips the test where something is missing. Shows what the server said if it fails. */
export async function withScene(t, play) {
  const found = requirements(t);
  if (!found) return;
  const scene = new Scene(found, await mkdtemp(join(tmpdir(), "reelgate-browser-")));
  try {
    await play(scene);
  } catch (error) {
    console.log(`--- the server said:\n${scene.server?.said()}\n--- pages complained:\n${scene.browser?.complaints.join("\n")}\n---`);
    throw error;
  } finally {
    await scene.close();
  }
}

class Scene {
  #closing = [];

  constructor({ binary, chromium }, directory) {
    this.binary = binary;
    this.chromium = chromium;
    this.directory = directory;
  }

  /** Something with `close()`, to be closed at the end, last opened first. */
  opened(thing) {
    this.#closing.push(thing);
    return thing;
  }

  /** Starts the server and a receiver of its events. */
  async startServer(options = {}) {
    this.server = this.opened(await startReelgate({ binary: this.binary, directory: this.directory, ...options }));
    this.receiver = this.opened(await startReceiver());
    await this.server.api("PUT", "/v1/event-endpoint", { url: this.receiver.url });
  }

  async close() {
    for (const thing of this.#closing.reverse()) {
      await Promise.resolve(thing.close()).catch((error) => console.log(`cleaning up: ${error}`));
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

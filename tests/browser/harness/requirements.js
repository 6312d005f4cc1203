/** What of this machine the tests need, and the rule for when it is missing. */

import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** Candidates besides `REELGATE_CHROMIUM`, as the systems call them. */
const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CHROMIUM_ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/**
 * Finds the server's binary and a Chromium. If one is missing the test is skipped with the reason, or fails where `CI=true` says that
 * nothing may be skipped. Gives `undefined` after a skip.
 */
export function requirements(t) {
  const binary = process.env.REELGATE_BINARY ?? join(ROOT, "target/debug/reelgate");
  if (!existsSync(binary)) {
    return missing(t, `the server is not built at ${binary}; run \`cargo build -p reelgate-server\` or set REELGATE_BINARY`);
  }
  const chromium = process.env.REELGATE_CHROMIUM ?? onPath(CHROMIUM_NAMES) ?? [CHROMIUM_ON_MACOS].find((path) => existsSync(path));
  if (!chromium) return missing(t, "no Chromium found; install it (`sh scripts/setup.sh test`) or set REELGATE_CHROMIUM");
  if (!onPath(["ffmpeg"])) return missing(t, "no ffmpeg found; install it (`sh scripts/setup.sh demo`)");
  return { binary, chromium };
}

function missing(t, reason) {
  if (process.env.CI === "true") throw new Error(`cannot run here: ${reason}`);
  console.log(`skipped: ${reason}`);
  t.skip(reason);
  return undefined;
}

function onPath(names) {
  const directories = (process.env.PATH ?? "").split(delimiter);
  for (const name of names) {
    const found = directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
    if (found) return found;
  }
  return undefined;
}

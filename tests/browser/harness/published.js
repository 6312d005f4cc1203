/**
 * What the vendor published: the files of `vod-js-sdk-v6` 1.8.0, taken from the registry's tarball after checking it against the integrity that
 * package-lock.json pins, so that a changed file under node_modules cannot pass for the official SDK.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { strict as assert } from "node:assert";

const PACKAGE = "vod-js-sdk-v6";
const HERE = resolve(import.meta.dirname, "..");

export const BROWSER_FILE = "dist/vod-js-sdk-v6.js";

/** SHA-256 of the files of 1.8.0 that do the work, written down here so that a changed lock file is noticed too. */
const PINNED = {
  [BROWSER_FILE]: "81959797c4cefcf12669d73f3f439ac26ce20515d93be18d6204212e2fb0f581",
  "lib/src/base.js": "caf5d6eae18108bfccecdad70e68a3e13cfb38ae85f9dfc4fd5a10d33c3ee16d",
  "lib/src/tc_vod.js": "5c9b76dc1b517764abee6f55e407c62f2bb2e05a224c7b5c10e77c97afae83b7",
  "lib/src/uploader.js": "3fefa8c7a7d7eae6984bdcba75d68c791c60489551a837ab8b52ff381d686ce7",
};

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Where the installed package lies. */
export const INSTALLED = join(HERE, "node_modules", PACKAGE);

/**
 * Compares files that a page loaded with the published ones and prints both sums. `loaded` maps paths inside the
 * package to the SHA-256 of what was loaded.
 */
export function comparePublished(loaded) {
  const tarball = publishedTarball();
  try {
    for (const [path, sum] of Object.entries(loaded).sort()) {
      const published = sha256(execFileSync("tar", ["-xzOf", tarball.file, `package/${path}`], { maxBuffer: 1 << 28 }));
      console.log(`${PACKAGE}@${tarball.version} ${path}\n  loaded    sha256 ${sum}\n  published sha256 ${published}`);
      assert.equal(sum, published, `${path} is not the published file`);
      if (path in PINNED) assert.equal(sum, PINNED[path], `${path} is not the file these tests were written for`);
    }
  } finally {
    tarball.remove();
  }
}

/** Fetches the tarball (npm's cache has it after `npm ci`) and checks its SHA-512 against the lock file. */
function publishedTarball() {
  const lock = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${PACKAGE}`];
  const directory = mkdtempSync(join(tmpdir(), "reelgate-published-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const options = ["pack", `${PACKAGE}@${version}`, "--prefer-offline", "--silent", "--pack-destination", directory];
    execFileSync("npm", options, { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
    const file = join(directory, `${PACKAGE}-${version}.tgz`);
    const sum = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
    assert.equal(sum, integrity, "the registry's tarball is not the one package-lock.json names");
    return { file, version, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

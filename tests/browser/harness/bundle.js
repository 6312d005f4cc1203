/** Clients that come as npm packages, bundled for a page as an app would do it. */

import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { INSTALLED, sha256 } from "./published.js";
import { ROOT } from "./requirements.js";

const HERE = resolve(import.meta.dirname, "..");

/**
 * Bundles a file of `pages`. Gives the script and, of every file of the official SDK in it, the SHA-256 of the very bytes that the
 * bundler read.
 */
export async function bundlePage(name) {
  const loaded = {};
  const witness = {
    name: "witness of the official SDK",
    setup(bundler) {
      bundler.onLoad({ filter: /[\\/]node_modules[\\/]vod-js-sdk-v6[\\/](dist|lib|package\.json)/ }, async ({ path }) => {
        const contents = await readFile(path);
        loaded[relative(INSTALLED, path)] = sha256(contents);
        return { contents, loader: path.endsWith(".json") ? "json" : "js" };
      });
    },
  };
  const result = await build({
    entryPoints: [join(HERE, "pages", name)],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "warning",
    // The SDK asks for AWS packages with `require`, for which esbuild would take their Node builds.
    mainFields: ["browser", "module", "main"],
    conditions: ["browser", "module"],
    // One copy of the SDK: the one whose published sum is checked, not the one sdk/js has for its own tests.
    alias: { "@reelgate/vod-js": join(ROOT, "sdk/js/src/index.ts"), "vod-js-sdk-v6": INSTALLED },
    // What the SDK's dependencies expect of a bundler.
    define: { global: "globalThis" },
    plugins: [witness],
  });
  return { script: result.outputFiles[0].text, loaded };
}

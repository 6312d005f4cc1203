/** The table of clients in docs/compatibility.md says what is really tested: every file, at the version that is installed. */

import { strict as assert } from "node:assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");

/** The rows of the table: `client | code | how it is pointed here | production or CI only | tested by`. */
function rows() {
  const section = read("docs/compatibility.md").split("## Clients")[1].split("\n## ")[0];
  const lines = section.split("\n").filter((line) => line.startsWith("| ")).slice(2);
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Pinned versions by package. */
function pinned() {
  const found = new Map();
  for (const path of ["tests/clients/node", "tests/browser"]) {
    const { devDependencies } = JSON.parse(read(`${path}/package.json`));
    for (const [name, version] of Object.entries(devDependencies)) found.set(name, version);
  }
  for (const line of read("tests/clients/python/requirements.txt").trim().split("\n")) found.set(...line.split("=="));
  return found;
}

test("every row has five cells, and its tests exist", () => {
  assert.ok(rows().length > 3);
  for (const row of rows()) {
    assert.equal(row.length, 5, row.join(" | "));
    const files = [...row[4].matchAll(/`([^`]+)`/g)].map(([, path]) => path);
    assert.ok(files.length > 0, `${row[0]} names no test`);
    for (const path of files) assert.ok(existsSync(join(root, path)), `${row[0]}: ${path} does not exist`);
  }
});

test("the versions are those that are installed", () => {
  const versions = pinned();
  for (const [client] of rows()) {
    const named = [...client.matchAll(/`([^`]+)` (\d[\w.]*)/g)];
    for (const [, name, version] of named) assert.equal(version, versions.get(name), client);
    if (named.length === 0) assert.match(client, /^(`reelgate upload`|replay of)/, `${client} has no version`);
  }
});

/** Where tests of clients are, and which of the files there are none. */
const TESTS = [
  ["tests/clients/node/test", /\.test\.js$/, ["table.test.js"]],
  ["tests/clients/python", /^test_.*\.py$/, []],
  // The console's pages upload with sdk/js, which has its own row.
  ["tests/browser/test", /\.test\.js$/, ["console.test.js", "endpoint_states.test.js", "events.test.js", "explain.test.js"]],
];

test("every client that is tested is in the table", () => {
  const named = rows().map((row) => row[4]).join(" ");
  for (const [directory, pattern, others] of TESTS) {
    for (const file of readdirSync(join(root, directory)).filter((name) => pattern.test(name) && !others.includes(name))) {
      assert.ok(named.includes(`\`${directory}/${file}\``), `${directory}/${file} is not in docs/compatibility.md`);
    }
  }
});

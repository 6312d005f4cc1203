/**
 * A real headless Chromium with a profile of its own, and two independent witnesses of where it connected: the requests of its
 * pages, and Chromium's own network log, which has every socket of the process whoever asked for it.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { until } from "./waiting.js";

const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-domain-reliability",
  "--autoplay-policy=no-user-gesture-required",
];

/**
 * Starts it. `resolverRules` is Chromium's `--host-resolver-rules`; names it does not map must not resolve, so that nothing can leave
 * this machine even if it tried.
 */
export async function startChromium({ executable, directory, resolverRules, ignoreCertificates = false, viewport }) {
  const netLog = join(directory, "net-log.json");
  const context = await chromium.launchPersistentContext(join(directory, "profile"), {
    executablePath: executable,
    headless: true,
    // Needs rights that root in a container does not give; the only pages opened are ours.
    chromiumSandbox: false,
    viewport: viewport ?? { width: 1440, height: 900 },
    args: [
      ...QUIET,
      `--log-net-log=${netLog}`,
      `--host-resolver-rules=${resolverRules}`,
      ...(ignoreCertificates ? ["--ignore-certificate-errors"] : []),
    ],
  });
  const requests = [];
  const complaints = [];
  context.on("request", (request) => requests.push({ method: request.method(), url: new URL(request.url()) }));
  context.on("weberror", (problem) => complaints.push(problem.error().stack ?? String(problem.error())));
  context.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  return {
    context,
    /** Every request of every page. */
    requests,
    /** Uncaught errors and console errors of the pages, for the report of a failed test. */
    complaints,
    /** Hosts (with port) that pages asked for; local schemes left out. */
    hosts: () => [...new Set(requests.filter(({ url }) => url.protocol.startsWith("http")).map(({ url }) => url.host))].sort(),
    close: () => context.close(),
    /** Closes the browser and gives the addresses that its sockets connected, or tried to connect, to. */
    async closeAndListSockets() {
      await context.close();
      return socketsOf(await readNetLog(netLog));
    },
  };
}

/** Chromium completes the file as it ends, which may be after the connection to it has closed. */
function readNetLog(file) {
  return until("Chromium has written its network log", () => {
    try {
      return JSON.parse(readFileSync(file, "utf8"));
    } catch {
      return undefined;
    }
  });
}

function socketsOf(log) {
  const types = log.constants.logEventTypes;
  const attempt = types.TCP_CONNECT_ATTEMPT;
  if (attempt === undefined) throw new Error("this Chromium's network log has no TCP_CONNECT_ATTEMPT; adapt the test to it");
  const addresses = log.events.filter((event) => event.type === attempt).map((event) => event.params?.address);
  return [...new Set(addresses.filter((address) => address !== undefined))].sort();
}

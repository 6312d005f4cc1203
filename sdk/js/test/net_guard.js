/**
 * Watches every connection that this process opens and lets none leave the machine. What was tried is in `attempts`.
 * The tests' proof that nothing goes to the vendor, and what keeps their counter-examples from doing so.
 */

import net from "node:net";

export const attempts = [];

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = options?.host ?? options?.hostname ?? "localhost";
  attempts.push(host);
  if (host !== "127.0.0.1") {
    process.nextTick(() => this.destroy(Object.assign(new Error(`guard: ${host} is not this machine`), { code: "EGUARD" })));
    return this;
  }
  return connect.apply(this, args);
};

/** The distinct hosts tried since the last call. */
export function hostsTried() {
  return [...new Set(attempts.splice(0))];
}

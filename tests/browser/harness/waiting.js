/** Waiting for something outside this process. The limit only ends a test that hangs; no test depends on being fast. */

const LIMIT_MS = 300_000;
const PAUSE_MS = 50;

/** Asks `condition` again and again until it gives something truthy, which is returned. */
export async function until(what, condition, limit = LIMIT_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${limit / 1000} s in vain until ${what}`);
    await new Promise((again) => setTimeout(again, PAUSE_MS));
  }
}

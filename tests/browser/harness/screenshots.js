/** Pictures of the console, kept for whoever wants to look at them after the run. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { strict as assert } from "node:assert";
import { ROOT } from "./requirements.js";

const DIRECTORY = join(ROOT, "target/console-screenshots");

/** A telephone held upright, and an ordinary desk. */
const VIEWPORTS = [
  { width: 375, height: 812 },
  { width: 1440, height: 900 },
];

/** Takes the whole page in both widths. A page that is wider than its window fails. */
export async function screenshots(page, name) {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const viewport of VIEWPORTS) {
    await page.setViewportSize(viewport);
    const path = join(DIRECTORY, `${name}-${viewport.width}.png`);
    await page.screenshot({ path, fullPage: true });
    console.log(`screenshot ${path}`);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= viewport.width, `${name} is ${width} px wide in a window of ${viewport.width} px`);
  }
}

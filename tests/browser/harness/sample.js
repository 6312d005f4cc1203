/** Videos to upload. */

import { readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ROOT } from "./requirements.js";

/** Five seconds of Big Buck Bunny, about 1 MiB. */
export const SHORT_VIDEO = join(ROOT, "samples/bigbuckbunny-5s-720p.mp4");
export const SHORT_VIDEO_SECONDS = 5.3;

/**
 * The same video made `size` bytes long by a `free` box behind it (ISO/IEC 14496-12, 8.1.2), which players skip: many parts to upload,
 * five seconds to process. The filling is the same in every run and does not repeat.
 */
export function paddedVideo(file, size) {
  const video = readFileSync(SHORT_VIDEO);
  const box = Buffer.alloc(size - video.length);
  box.writeUInt32BE(box.length, 0);
  box.write("free", 4, "latin1");
  for (let at = 8, block = 0; at < box.length; at += 32, block += 1) {
    createHash("sha256").update(`filling ${block}`).digest().copy(box, at);
  }
  writeFileSync(file, Buffer.concat([video, box]));
}

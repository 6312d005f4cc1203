/* The npm entry of the official SDK, pointed at `window.home` by our package. Bundled by harness/bundle.js. */

import { createTcVod } from "@reelgate/vod-js";

window.upload = async () => {
  window.progress = [];
  const tcVod = createTcVod(window.home, { getSignature: () => window.getSignature() });
  const uploader = tcVod.upload({ mediaFile: document.querySelector("#file").files[0] });
  uploader.on("media_progress", ({ percent }) => window.progress.push(percent));
  return uploader.done();
};

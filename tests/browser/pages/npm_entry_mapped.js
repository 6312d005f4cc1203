/* The npm entry of the official SDK with its default options, for a network that maps the vendor's names. Bundled by harness/bundle.js. */

import sdk from "vod-js-sdk-v6";

// Bundlers that follow Node give the CommonJS module as default.
const TcVod = sdk.default ?? sdk;

window.upload = async () => {
  window.progress = [];
  const tcVod = new TcVod({ getSignature: () => window.getSignature() });
  const uploader = tcVod.upload({ mediaFile: document.querySelector("#file").files[0], ...window.uploadOptions });
  uploader.on("media_progress", ({ percent }) => window.progress.push(percent));
  window.cancel = () => uploader.cancel();
  return uploader.done();
};

/* Uppy with its tus plugin, as its documentation shows it. Bundled by harness/bundle.js. */

import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

/** Uploads the chosen file. Gives the URL of the upload, the headers of its last answer, or the status and text it was refused with. */
window.upload = async ({ endpoint, signature, ...options }) => {
  const file = document.querySelector("#file").files[0];
  const told = {};
  const uppy = new Uppy().use(Tus, {
    endpoint,
    headers: { authorization: `Reelgate ${signature}` },
    retryDelays: [100, 500],
    onAfterResponse: (_request, response) => {
      for (const name of ["Reelgate-File-Id", "Reelgate-Media-Url"]) told[name] = response.getHeader(name) ?? told[name];
    },
    ...options,
  });
  window.cancel = () => uppy.cancelAll();
  let refused;
  uppy.on("upload-error", (_file, { message, originalResponse }) => {
    refused = { message, status: originalResponse?.getStatus(), body: originalResponse?.getBody() };
  });
  uppy.addFile({ name: file.name, type: file.type, data: file });
  const result = await uppy.upload();
  return { url: result?.successful?.[0]?.uploadURL, told, refused };
};

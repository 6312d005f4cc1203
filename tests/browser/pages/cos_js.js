/* cos-js-sdk-v5's browser file (global `COS`), one call at a time. */

/** Calls `method` of the SDK; gives what of its answer or its error can be handed out of the page. The chosen file is the body. */
window.call = async (options, method, params, { withFile = false } = {}) => {
  const given = withFile ? { ...params, Body: document.querySelector("#file").files[0] } : params;
  try {
    const answer = await new window.COS(options)[method](given);
    const sha256 = answer.Body instanceof Blob ? await sha256Of(answer.Body) : undefined;
    return { answer: { ...answer, Body: undefined, sha256 } };
  } catch ({ code, message, statusCode, error }) {
    return { refused: { code, message, statusCode, requestId: error?.RequestId } };
  }
};

async function sha256Of(blob) {
  const sum = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

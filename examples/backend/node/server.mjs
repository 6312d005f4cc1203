// The app's side of the signature service, with nothing but Node (18 or newer): the browser asks here whether its user may
// upload, and only this process knows the API key.
//
//     REELGATE_URL=http://127.0.0.1:8300 REELGATE_TOKEN=rgk_… PORT=3000 node server.mjs
import { createServer } from "node:http";

const { REELGATE_URL, REELGATE_TOKEN, PROCEDURE, PORT = "3000" } = process.env;
if (!REELGATE_URL || !REELGATE_TOKEN) {
  console.error("server.mjs: set REELGATE_URL and REELGATE_TOKEN (an API key with the scope `sign`)");
  process.exit(2);
}

// >>> YOUR APP'S LOGIN GOES HERE. This one knows a single made-up session and must not go live.
const SESSIONS = new Map([["fake-session", "user-42"]]);
function userOf(request) {
  return SESSIONS.get(/(?:^|; )session=([^;]*)/.exec(request.headers.cookie)?.[1]);
}
// <<<

/** What the browser gets to hear: status, body, more headers. */
async function permit(user) {
  const answer = await fetch(new URL("/v1/upload-signatures", REELGATE_URL), {
    method: "POST",
    headers: { authorization: `Bearer ${REELGATE_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ user, procedure: PROCEDURE }), // left out, the server's default procedure starts
    redirect: "error", // the key goes to this address and nowhere else
    signal: AbortSignal.timeout(5000),
  });
  const { signature, code } = (await answer.json().catch(() => null)) ?? {}; // a proxy in between answers in HTML
  if (answer.ok && signature) return [200, { signature }];
  // The user and the reason; never the key, and never a signature: whoever reads it may upload.
  console.error(`no signature for ${user}: Reelgate answered ${answer.status} ${code ?? ""}`);
  switch (answer.status) {
    case 403: // the API key may not sign
    case 422: // what was asked for is not possible, such as procedure_unknown
      return [answer.status, { code: code ?? "refused" }];
    case 429:
      return [429, { code: "too_many_requests" }, { "retry-after": answer.headers.get("retry-after") ?? "1" }];
    default: // also 401: that this backend's key is wrong is nothing the user can help
      return [502, { code: "upload_unavailable" }];
  }
}

async function answer(request) {
  if (request.method !== "GET" || request.url !== "/my-app/signature") return [404, { code: "not_found" }];
  const user = userOf(request);
  if (user === undefined) return [401, { code: "sign_in_first" }];
  return permit(user).catch((error) => {
    console.error(`no signature for ${user}: Reelgate was not reached: ${error.cause?.code ?? error.name}`);
    return [502, { code: "upload_unavailable" }];
  });
}

const server = createServer(async (request, response) => {
  const [status, body, headers] = await answer(request);
  // A cached signature would be somebody's twice, and a one-time one works once.
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(body));
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

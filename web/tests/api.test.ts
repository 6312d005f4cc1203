import { expect, test } from "vitest";
import { Api, ApiError } from "../src/api.ts";

const SESSION = { csrf: "c1", key_name: "k", app: 1, scopes: ["admin"] };

/** An `Api` before a server that gives these answers in turn; what it was asked is in `calls`. */
function apiWith(...answers: (Response | Error)[]) {
  const calls: { url: string; init: RequestInit }[] = [];
  let signedOut = 0;
  const api = new Api(
    async (url, init) => {
      calls.push({ url, init });
      const answer = answers.shift();
      if (answer === undefined) throw new Error("more calls than answers");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    () => (signedOut += 1),
  );
  return { api, calls, signedOut: () => signedOut };
}

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
const failure = (work: Promise<unknown>): Promise<ApiError> =>
  work.then(() => Promise.reject(new Error("succeeded")), (error: ApiError) => error);

test("the csrf word of the session goes with every call but GET", async () => {
  const { api, calls } = apiWith(json(200, SESSION), json(200, { items: [] }), json(200, { signature: "s" }), new Response(null, { status: 204 }));
  await api.signIn("tok");
  await api.procedures();
  await api.issueSignature("P");
  await api.removeEndpoint("e1");
  const sent = calls.map(({ init }) => new Headers(init.headers).get("X-Reelgate-Csrf"));
  expect(sent).toEqual([null, null, "c1", "c1"]);
  expect(JSON.parse(calls[2]?.init.body as string)).toEqual({ procedure: "P" });
});

test("problem details become an error with their code and sentence", async () => {
  const problem = { type: "about:blank", title: "too large", status: 422, detail: "the url must be https", code: "invalid_url" };
  const error = await failure(apiWith(json(422, problem)).api.changeEndpoint("e1", { url: "x" }));
  expect(error).toBeInstanceOf(ApiError);
  expect([error.status, error.code, error.message]).toEqual([422, "invalid_url", "the url must be https"]);
});

test("without a detail the title speaks; without a code the status", async () => {
  const error = await failure(apiWith(json(500, { title: "internal error", detail: "" })).api.procedures());
  expect([error.code, error.message]).toEqual(["http_500", "internal error"]);
});

test.each([["<html>bad gateway</html>"], ["null"], ['"text"'], [""]])("an answer that is no problem document: %s", async (body) => {
  const error = await failure(apiWith(new Response(body, { status: 502, statusText: "Bad Gateway" })).api.procedures());
  expect([error.status, error.code, error.message]).toEqual([502, "http_502", "the server answered 502 Bad Gateway"]);
});

test("no answer at all is a network error", async () => {
  const error = await failure(apiWith(new TypeError("Failed to fetch")).api.procedures());
  expect([error.status, error.code]).toEqual([0, "network"]);
});

test("a 401 says that nobody is signed in any more, except while signing in or asking for the session", async () => {
  const refused = () => json(401, { title: "not signed in", code: "unauthenticated" });
  const { api, signedOut } = apiWith(refused(), refused(), refused());
  expect(await api.session()).toBeNull();
  expect((await failure(api.signIn("nope"))).code).toBe("unauthenticated");
  expect(signedOut()).toBe(0);
  await failure(api.procedures());
  expect(signedOut()).toBe(1);
});

test("an empty secret is not sent, and empty filters are left out", async () => {
  const { api, calls } = apiWith(json(201, {}), json(200, { deliveries: [], next: null }));
  const choice = { url: "https://a.example/", shape: "vendor3", order: "file", types: ["*"] };
  await api.createEndpoint(choice, "");
  expect(JSON.parse(calls[0]?.init.body as string)).toEqual(choice);
  await api.deliveries({ endpoint: "", state: "dead", type: "", file_id: "7" }, null);
  expect(calls[1]?.url).toBe("/v1/deliveries?limit=50&state=dead&file_id=7");
});

test("ids and cursors are escaped", async () => {
  const { api, calls } = apiWith(json(200, {}), json(200, {}));
  await api.file("1/../2");
  await api.media("a&b=c");
  expect(calls.map(({ url }) => url)).toEqual(["/v1/media/1%2F..%2F2", "/v1/media?limit=50&after=a%26b%3Dc"]);
});

test("a signature travels in the body only, with the csrf word", async () => {
  const { api, calls } = apiWith(json(200, SESSION), json(200, { ok: true }));
  await api.signIn("tok");
  await api.explainSignature("c2VjcmV0");
  expect([calls[1]?.url, calls[1]?.init.method]).toEqual(["/v1/signatures/explain", "POST"]);
  expect(JSON.parse(calls[1]?.init.body as string)).toEqual({ signature: "c2VjcmV0" });
  expect(new Headers(calls[1]?.init.headers).get("X-Reelgate-Csrf")).toBe("c1");
});

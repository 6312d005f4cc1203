/** The only place that calls the server: same-origin `/v1` with the console's cookie. Errors become {@link ApiError}. */

import type {
  Delivery,
  DeliveryFilter,
  DeliveryWithTries,
  EndpointChoice,
  EndpointWithSecret,
  EventEndpoint,
  IssuedSignature,
  Media,
  MediaSummary,
  Page,
  Procedure,
  Session,
  SignatureExplanation,
  Timeline,
} from "./api_types.ts";

/** A request that did not succeed. `code` is the server's stable word, `network` if no answer came, `http_<status>` if it was no problem document. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Calls `/v1`. `onSignedOut` runs when the server no longer knows the session. */
export class Api {
  #csrf = "";

  constructor(
    private readonly fetch: Fetch = (url, init) => window.fetch(url, init),
    private readonly onSignedOut: () => void = () => undefined,
  ) {}

  async signIn(token: string): Promise<Session> {
    return this.#enter(await this.#send("POST", "/v1/console/sign-in", { token }));
  }

  /** The session of the cookie this browser already has; null if it has none that is good. */
  async session(): Promise<Session | null> {
    try {
      return this.#enter(await this.#send("GET", "/v1/console/session"));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  }

  async signOut(): Promise<void> {
    await this.#call("POST", "/v1/console/sign-out");
    this.#csrf = "";
  }

  /** A fresh upload signature for a file that `procedure` shall process. */
  issueSignature(procedure: string): Promise<IssuedSignature> {
    return this.#call("POST", "/v1/upload-signatures", { procedure });
  }

  /** What a signature holds and which rule it fails. It travels in the body: whoever reads it may upload. */
  explainSignature(signature: string): Promise<SignatureExplanation> {
    return this.#call("POST", "/v1/signatures/explain", { signature });
  }

  async procedures(): Promise<Procedure[]> {
    return (await this.#call<{ items: Procedure[] }>("GET", "/v1/procedures")).items;
  }

  /** One page of the library, newest first; from its start without `after`. */
  media(after: string | null, limit = 50): Promise<Page<MediaSummary>> {
    const query = new URLSearchParams({ limit: String(limit), ...(after !== null && { after }) });
    return this.#call("GET", `/v1/media?${query}`);
  }

  file(fileId: string): Promise<Media> {
    return this.#call("GET", `/v1/media/${encodeURIComponent(fileId)}`);
  }

  timeline(fileId: string): Promise<Timeline> {
    return this.#call("GET", `/v1/media/${encodeURIComponent(fileId)}/timeline`);
  }

  /** Address of the live timeline, for an `EventSource`. */
  timelineStream(fileId: string): string {
    return `/v1/media/${encodeURIComponent(fileId)}/timeline/stream`;
  }

  async eventEndpoints(): Promise<EventEndpoint[]> {
    return (await this.#call<{ endpoints: EventEndpoint[] }>("GET", "/v1/event-endpoints")).endpoints;
  }

  createEndpoint(choice: EndpointChoice, secret: string): Promise<EndpointWithSecret> {
    return this.#call("POST", "/v1/event-endpoints", secret === "" ? choice : { ...choice, secret });
  }

  changeEndpoint(id: string, choice: Partial<EndpointChoice>): Promise<EventEndpoint> {
    return this.#call("PATCH", endpoint(id), choice);
  }

  removeEndpoint(id: string): Promise<void> {
    return this.#call("DELETE", endpoint(id));
  }

  enableEndpoint(id: string, enabled: boolean): Promise<EventEndpoint> {
    return this.#call("POST", `${endpoint(id)}/${enabled ? "enable" : "disable"}`);
  }

  rotateSecret(id: string, overlapSeconds: number): Promise<EndpointWithSecret> {
    return this.#call("POST", `${endpoint(id)}/rotate-secret`, { overlap_seconds: overlapSeconds });
  }

  /** Sends a made-up event to this endpoint alone; gives the event's id. */
  async testEndpoint(id: string): Promise<string> {
    return (await this.#call<{ event_id: string }>("POST", `${endpoint(id)}/test`)).event_id;
  }

  deliveries(filter: DeliveryFilter, after: string | null): Promise<{ deliveries: Delivery[]; next: string | null }> {
    const query = new URLSearchParams({ limit: "50" });
    for (const [name, value] of Object.entries({ ...filter, after: after ?? "" })) if (value !== "") query.set(name, value);
    return this.#call("GET", `/v1/deliveries?${query}`);
  }

  delivery(id: string): Promise<DeliveryWithTries> {
    return this.#call("GET", `/v1/deliveries/${encodeURIComponent(id)}`);
  }

  replayDelivery(id: string): Promise<Delivery> {
    return this.#call("POST", `/v1/deliveries/${encodeURIComponent(id)}/replay`);
  }

  /** Sends everything that was given up to an endpoint again. */
  replayDead(endpointId: string): Promise<void> {
    return this.#call("POST", "/v1/events/replay", { endpoint_id: endpointId, state: "dead" });
  }

  #enter(session: unknown): Session {
    const entered = session as Session;
    this.#csrf = entered.csrf;
    return entered;
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    try {
      return (await this.#send(method, path, body)) as T;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.onSignedOut();
      throw error;
    }
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (method !== "GET" && this.#csrf) headers["X-Reelgate-Csrf"] = this.#csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
      response = await this.fetch(path, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    } catch {
      throw new ApiError(0, "network", "the server cannot be reached");
    }
    if (!response.ok) throw await readProblem(response);
    return response.status === 204 ? undefined : await response.json();
  }
}

function endpoint(id: string): string {
  return `/v1/event-endpoints/${encodeURIComponent(id)}`;
}

/** Reads a refusal: problem details (RFC 9457) if the server sent them, else the status alone. */
async function readProblem(response: Response): Promise<ApiError> {
  const fallback = `the server answered ${response.status}${response.statusText && ` ${response.statusText}`}`;
  let problem: { title?: unknown; detail?: unknown; code?: unknown } | null = null;
  try {
    problem = await response.json();
  } catch {
    // A proxy's page: the status is all there is to say.
  }
  const text = [problem?.detail, problem?.title].find((value): value is string => typeof value === "string" && value !== "");
  const code = typeof problem?.code === "string" && problem.code !== "" ? problem.code : `http_${response.status}`;
  return new ApiError(response.status, code, text ?? fallback);
}

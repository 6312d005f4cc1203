/** What `/v1` answers, as the OpenAPI file has it: times are RFC 3339, sizes bytes, durations seconds unless the name says `_ms`. */

export interface Session {
  /** Goes with every request but GET as `X-Reelgate-Csrf`. */
  csrf: string;
  key_name: string;
  app: string | number;
  scopes: string[];
}

export interface IssuedSignature {
  signature: string;
  expires_at: string;
  one_time: boolean;
  permission_id: string;
  limits: { max_size: number };
  hosts: { ugc: string; object: string };
}

export type RuleOutcome = "pass" | "fail" | "not_checked";

/** One rule of the upload doors. The last three are null unless it fails. */
export interface RuleCheck {
  step: number;
  /** Stable word. */
  rule: string;
  outcome: RuleOutcome;
  vendor_code: number | null;
  sentence: string | null;
  advice: string | null;
}

export interface SignedField {
  name: string;
  value: string;
}

/** Seconds. */
export interface SignatureClock {
  /** Unix time. */
  server_time: number;
  /** Negative: it was signed that long ago. */
  signed_ahead: number;
  /** Negative: it has been over that long. */
  remaining: number;
  validity: number;
}

/** What the server's signature service wrote into a signature. Further members are shown under their own names. */
export interface SignedPermission {
  id: string;
  /** Empty: the application did not say. */
  user: string;
  key_id: string;
  /** Null: the server's limit. */
  max_size: number | null;
  /** Empty: any. */
  types: string[];
  [further: string]: unknown;
}

export interface SignatureExplanation {
  ok: boolean;
  /** The first rule that fails. */
  refusal: RuleCheck | null;
  checks: RuleCheck[];
  signed_string: string;
  fields: SignedField[];
  key: "known" | "unknown" | "not_checked";
  mac: "matches" | "differs" | "not_checked";
  /** Null when the text does not decode. */
  clock: SignatureClock | null;
  permission: SignedPermission | null;
}

export interface Procedure {
  name: string;
  comment: string;
}

/** A list cut into pages: `next` is the cursor of the following one, null on the last. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Suggestion = "pass" | "review" | "block";

export interface MediaSummary {
  file_id: string;
  name: string;
  type: string;
  status: string;
  created_at: string;
  size: number;
  duration: number | null;
  verdict: Suggestion | "" | null;
  cover_url: string | null;
  task_state: string | null;
  progress: number | null;
}

export interface VideoTrack {
  codec: string;
  width: number;
  height: number;
  fps: number;
  bitrate: number;
}

export interface AudioTrack {
  codec: string;
  sample_rate: number;
  bitrate: number;
}

export interface Probe {
  container: string;
  duration: number;
  bitrate: number;
  width: number;
  height: number;
  video: VideoTrack[];
  audio: AudioTrack[];
}

export interface Playback {
  hls_url: string | null;
  mp4: { url: string; width: number; height: number }[];
}

/** One reviewed frame. Scores are 0 to 1: five of the first model, `nsfw` of the second, `fused` of both where they were joined. */
export interface Frame {
  at_ms: number;
  drawing: number;
  hentai: number;
  neutral: number;
  porn: number;
  sexy: number;
  nsfw: number | null;
  fused: number | null;
  url: string | null;
}

export interface Review {
  suggestion: Suggestion;
  label: string;
  /** 0 to 100. */
  confidence: number;
  models: { name: string; sha256: string }[];
  frames: Frame[];
}

export interface Subtask {
  kind: string;
  definition: number;
  state: string;
  /** Percent. */
  progress: number;
  err_code_ext: string;
  message: string;
}

export interface Task {
  id: string;
  procedure: string;
  state: string;
  created_at: string;
  finished_at: string | null;
  subtasks: Subtask[];
}

export interface Media {
  file_id: string;
  name: string;
  type: string;
  status: string;
  created_at: string;
  updated_at: string;
  user: string;
  size: number;
  media_url: string;
  content_type: string;
  cover_url: string | null;
  procedure: string;
  source_context: string;
  probe: Probe | null;
  probe_error: string;
  playback: Playback;
  review: Review | null;
  tasks: Task[];
}

export type EntryKind = "permission" | "session" | "part" | "object" | "media" | "task" | "subtask" | "event" | "pull" | "delivery";

export interface TimelineEntry {
  at: string;
  kind: EntryKind;
  title: string;
  detail: Record<string, unknown>;
}

export interface Timeline {
  entries: TimelineEntry[];
}

/** One message of the timeline's stream: all of it, whenever something changed. */
export interface TimelineMessage extends Timeline {
  media: Media;
}

export interface EventEndpoint {
  id: string;
  url: string;
  shape: string;
  order: string;
  types: string[];
  /** The NotificationUrl of the cloud API, whose address and mode are set there. */
  vendor: boolean;
  enabled: boolean;
  state: "ok" | "failing" | "disabled";
  failing_since: string | null;
  last_error: string;
  disabled_at: string | null;
  disabled_reason: string;
  secrets: { id: string; created_at: string; expires_at: string | null }[];
  pending: number;
  dead: number;
  created_at: string;
}

/** What of an endpoint can be chosen. */
export interface EndpointChoice {
  url: string;
  shape: string;
  order: string;
  types: string[];
}

/** An endpoint and the secret that is told this once. */
export interface EndpointWithSecret {
  endpoint: EventEndpoint;
  secret: string | null;
}

/** One event to one endpoint. */
export interface Delivery {
  id: string;
  endpoint_id: string;
  endpoint_url: string;
  event_id: string;
  type: string;
  file_id: string | null;
  state: string;
  attempts: number;
  reason: string;
  next_at: string | null;
  created_at: string;
  finished_at: string | null;
}

/** A delivery with every attempt. */
export interface DeliveryWithTries extends Delivery {
  tries: { number: number; at: string; duration_ms: number; status: number | null; error: string; answer: string }[];
}

/** Which deliveries are wanted; empty fields want all. */
export interface DeliveryFilter {
  endpoint: string;
  state: string;
  type: string;
  file_id: string;
}

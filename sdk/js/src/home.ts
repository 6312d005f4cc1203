/**
 * Where uploads go: the one server ("home") that the official SDK is pinned to, read and checked once.
 * Knows the vendor's names only to tell them apart; nothing here talks to the network.
 */

/** A server to upload to, as `POST /v1/upload-signatures` names it in its `hosts`. */
export interface HomeOptions {
  /** Base URL of the UGC door, such as `http://video.example:8080`; a path prefix is kept. */
  ugc: string;
  /**
   * Pattern of the object door: a host, port and path in which `{Bucket}` (whole name, with the app id) and `{Region}` are
   * filled in, such as `video.example:8080/cos/{Bucket}` or `{Bucket}.objects.video.example`. A scheme in front wins over
   * the one of `ugc`. Left out: `<host of ugc>/cos/{Bucket}`, which needs no wildcard DNS.
   */
  object?: string;
}

/** A checked {@link HomeOptions}. */
export interface Home {
  /** Base of every UGC call, without a slash at the end. */
  readonly ugcBase: string;
  /** The same without its scheme: what the SDK's browser file puts behind `https://`. */
  readonly ugcHost: string;
  /** `http:` or `https:`, of the UGC door. */
  readonly ugcProtocol: string;
  /** `Domain` option of the SDK's COS part; has no scheme. */
  readonly objectDomain: string;
  /** `Protocol` option of the SDK's COS part: `http:` or `https:`. */
  readonly objectProtocol: string;
}

/** The path of every UGC action; which one is in the query. */
export const UGC_PATH = "/v3/index.php";

/** The hosts that the SDK's UGC calls are written for: `Uploader.host` flips between them after each 5xx or time-out. */
const SDK_UGC_HOSTS = ["vod2.qcloud.com", "vod2.dnsv1.com"];

/** Names that belong to the vendor. */
const VENDOR_SUFFIXES = ["qcloud.com", "dnsv1.com", "myqcloud.com", "tencentcos.cn", "tencentcloudapi.com"];

/** A request that the SDK wanted to send somewhere else than home. It was not sent. */
export class ForeignHostError extends Error {
  override readonly name = "ForeignHostError";

  constructor(origin: string, home: Home) {
    super(`refused to send a request to ${origin}: this page's uploads go to ${home.ugcBase} only`);
  }
}

/** Reads where uploads go. Throws a `TypeError` with a sentence if that cannot work. */
export function parseHome(options: HomeOptions): Home {
  const ugc = parseUgc(options.ugc);
  const [, scheme, domain] = /^(?:(https?:)\/\/)?(.*?)\/?$/i.exec(
    options.object ?? `${ugc.host}/cos/{Bucket}`,
  ) as unknown as [string, string | undefined, string];
  checkObjectDomain(domain);
  return {
    ugcBase: ugc.origin + withoutSlash(ugc.pathname),
    ugcHost: ugc.host + withoutSlash(ugc.pathname),
    ugcProtocol: ugc.protocol,
    objectDomain: domain,
    objectProtocol: scheme?.toLowerCase() ?? ugc.protocol,
  };
}

/** Where a UGC call of the SDK goes instead. Throws {@link ForeignHostError} for anything that is no UGC call. */
export function ugcCallAtHome(url: string, home: Home): string {
  const at = `${home.ugcBase}${UGC_PATH}`;
  if (url.startsWith(`${at}?`)) return url;
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    throw new ForeignHostError("an address that is not absolute", home);
  }
  if (SDK_UGC_HOSTS.includes(target.host) && target.pathname === UGC_PATH) return at + target.search;
  throw new ForeignHostError(target.origin, home);
}

function parseUgc(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError(`cannot use ${JSON.stringify(text)} as UGC door: give an absolute URL, such as http://video.example:8080`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`cannot use ${JSON.stringify(text)} as UGC door: the scheme must be http or https`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new TypeError("cannot use a UGC door with credentials, a query or a fragment: give scheme, host, port and path only");
  }
  refuseVendor(url.hostname);
  return url;
}

/** The end of the host must be written out: it says whose server this is, whatever the Apply answer puts into `{Bucket}`. */
function checkObjectDomain(domain: string): void {
  const shown = JSON.stringify(domain);
  const host = domain.split("/", 1)[0] as string;
  const name = host.replace(/:\d+$/, "");
  if (!/^(?:(?:[\w-]|\{(?:Bucket|Region)\})+\.)*[\w-]+$|^\[[\da-f:.]+\]$/i.test(name)) {
    throw new TypeError(`cannot use ${shown} as object door: its host must end in plain text, not in a placeholder`);
  }
  if (/[?#\s]/.test(domain) || /\{(?!(?:Bucket|Region)\})/.test(domain)) {
    throw new TypeError(`cannot use ${shown} as object door: only {Bucket} and {Region} are filled in, and a query does not work`);
  }
  // The SDK takes such a host for the vendor's image service and sends the session token under another header's name.
  if (/(^|\.)ci\../i.test(name)) {
    throw new TypeError(`cannot use ${shown} as object door: the SDK treats hosts with the label "ci" in another way; take another name`);
  }
  refuseVendor(name);
}

function refuseVendor(hostname: string): void {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (VENDOR_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`))) {
    throw new TypeError(`cannot use ${name} as home: it is the vendor's own name`);
  }
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

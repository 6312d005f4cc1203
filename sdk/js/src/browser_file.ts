/**
 * The official SDK's browser file (`vod-js-sdk-v6/dist/vod-js-sdk-v6.js`, global `TcVod.default`), pointed at a server of your own. It keeps its
 * axios to itself, so the host of the UGC calls is pinned on its uploader class. It speaks HTTPS only on that leg.
 */

import { type Home, type HomeOptions, parseHome } from "./home.js";
import { pin, pinObjectLeg, uploadOptionsAtHome, type WithCosStrategy } from "./object_leg.js";

export { type HomeOptions } from "./home.js";

/** What `upload()` of the browser file gives, as far as it matters here. */
export interface BrowserUploader extends WithCosStrategy {
  on(event: string, listener: (data: { percent: number; loaded: number; total: number }) => void): unknown;
  /** Resolves with the answer of CommitUploadUGC. */
  done(): Promise<{ fileId: string; video?: { url: string }; cover?: { url: string } }>;
  cancel(): void;
}

/** The class that the browser file leaves behind, as `TcVod.default` of the page. */
export type BrowserTcVod<U extends BrowserUploader> = new (params: {
  getSignature: () => Promise<string>;
  allowReport: boolean;
  enableRaceRegion: boolean;
  enableResume?: boolean;
}) => { upload(options: object): U };

let pinnedTo: string | undefined;

/**
 * Uploads with the browser file to `options` only. After a 5xx or time-out the SDK would post the next try, with its signature, to
 * the vendor: the pin keeps it at home. One home per page, since the SDK keeps its host in one static place.
 */
export function createBrowserTcVod<U extends BrowserUploader>(
  Sdk: BrowserTcVod<U>,
  options: HomeOptions,
  params: { getSignature: () => Promise<string>; enableResume?: boolean },
): { upload(options: { storageType?: string }): U } {
  const home = parseHome(options);
  if (home.ugcProtocol !== "https:") {
    throw new TypeError(`cannot upload to ${home.ugcBase}: the SDK's browser file speaks https only; serve it so, or take the npm entry`);
  }
  if (pinnedTo !== undefined && pinnedTo !== home.ugcBase) {
    throw new TypeError(`cannot upload to ${home.ugcBase}: this page's uploads already go to ${pinnedTo}`);
  }
  pinnedTo = home.ugcBase;
  const sdk = new Sdk({ ...params, allowReport: false, enableRaceRegion: false });
  return {
    upload(given) {
      const uploader = sdk.upload(uploadOptionsAtHome(given));
      pinUgcHost(uploader.constructor, home);
      pinObjectLeg(uploader, home);
      return uploader;
    },
  };
}

/** The SDK gives its uploader class away only through an uploader, so this comes after `upload()` and before the first request. */
function pinUgcHost(Uploader: object, home: Home): void {
  if (Object.getOwnPropertyDescriptor(Uploader, "host")?.configurable !== false) pin(Uploader, "host", home.ugcHost);
}

/**
 * The npm entry of the official SDK (`vod-js-sdk-v6`), pointed at a server of your own. The SDK's code stays as published: its UGC
 * calls go through its own exported axios instance, where an interceptor gives them their new address; its object leg
 * reads host and protocol from options.
 */

import sdk from "vod-js-sdk-v6/lib/src/tc_vod.js";
import { vodAxios } from "vod-js-sdk-v6/lib/src/uploader.js";
import { type Home, type HomeOptions, parseHome, ugcCallAtHome } from "./home.js";
import { pinObjectLeg, uploadOptionsAtHome } from "./object_leg.js";

export { ForeignHostError, type HomeOptions } from "./home.js";

// Node and bundlers that follow it give the CommonJS module as default, others its `default`.
const OfficialTcVod = ("default" in sdk ? sdk.default : sdk) as typeof sdk.default;

/** The official SDK's class of which {@link createTcVod} gives an instance. */
export type TcVod = InstanceType<typeof OfficialTcVod>;
/** What `upload()` gives: `on("media_progress", …)`, `done()`, `cancel()`. */
export type Uploader = ReturnType<TcVod["upload"]>;

/** The official SDK's constructor parameters that mean something at home. */
export interface TcVodParams {
  /** Gives a signature for each call of the SDK (two per upload, more on retries): a fresh one each time if yours are one-time. */
  getSignature: () => Promise<string>;
  /** Go on where an earlier upload of the same file stopped. Default: true. */
  enableResume?: boolean;
}

let installed: Home | undefined;

/**
 * The official uploader, sending everything to `options` and nothing anywhere else: telemetry and region race are off, and a UGC call
 * to any other host is refused with {@link ForeignHostError}. One home per page, since the SDK has one axios instance per page.
 */
export function createTcVod(options: HomeOptions, params: TcVodParams): TcVod {
  const home = install(parseHome(options));
  return new TcVodAtHome(home, params);
}

class TcVodAtHome extends OfficialTcVod {
  readonly #home: Home;

  constructor(home: Home, params: TcVodParams) {
    super({ ...params, allowReport: false, enableRaceRegion: false });
    this.#home = home;
  }

  override upload(options: Parameters<TcVod["upload"]>[0]): Uploader {
    const uploader = super.upload(uploadOptionsAtHome(options));
    pinObjectLeg(uploader, this.#home);
    return uploader;
  }
}

function install(home: Home): Home {
  if (installed === undefined) {
    vodAxios.interceptors.request.use((config) => ({ ...config, url: ugcCallAtHome(config.url ?? "", home) }));
    installed = home;
  } else if (installed.ugcBase !== home.ugcBase) {
    throw new TypeError(`cannot upload to ${home.ugcBase}: this page's uploads already go to ${installed.ugcBase}`);
  }
  return home;
}

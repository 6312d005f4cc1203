/** The object leg of the official SDK, the same in the npm entry and the browser file: pinned through `uploader.cosStrategy`. */

import type { Home } from "./home.js";

/** What of the SDK's uploader matters here. */
export interface WithCosStrategy {
  /** Options that the SDK hands to its COS part when Apply has answered. */
  cosStrategy: object;
}

/**
 * Pins an uploader's object leg to home. To be called before the first request is out, that is right after `upload()`
 * returned: the SDK waits for `getSignature` first and reads these options later.
 */
export function pinObjectLeg(uploader: WithCosStrategy, home: Home): void {
  pin(uploader.cosStrategy, "Domain", home.objectDomain);
  pin(uploader.cosStrategy, "Protocol", home.objectProtocol);
  // On, it would rewrite object URLs towards the vendor's accelerated domains.
  pin(uploader.cosStrategy, "DynamicAccelerate", false);
}

/** Upload options that home needs, over those of the caller. Throws for the mode that cannot be pointed elsewhere. */
export function uploadOptionsAtHome<T extends { storageType?: string }>(options: T): T {
  if (options.storageType === "s3") {
    throw new TypeError(
      'cannot upload with storageType "s3": the SDK has the vendor\'s end point built in there; leave storageType out',
    );
  }
  return { ...options, enableRaceRegion: false, dynamicAccelerate: false };
}

/** A property that stays as it is. Writing is ignored, not refused: the SDK is strict-mode code and would throw. */
export function pin<T extends object>(target: T, key: string, value: unknown): void {
  Object.defineProperty(target, key, { get: () => value, set: () => undefined, enumerable: true, configurable: false });
}

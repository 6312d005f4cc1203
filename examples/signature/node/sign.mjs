// Makes an upload signature with nothing but Node (18 or newer).
//
//     SECRET_KEY=… node sign.mjs SECRET_ID [name=value]…     such as oneTimeValid=1 procedure=LongVideoPreset
//     node sign.mjs --vector < vector.json                    {"secretKey":…,"parameters":{…}}, signed as given
import { createHmac, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";

const OPTIONAL = [
  "procedure", "taskPriority", "taskNotifyMode", "classId", "vodSubAppId", "oneTimeValid", "sourceContext",
  "sessionContext", "storageRegion",
];

/** `options`: `validSeconds` (an hour when left out) and the optional parameters by their names on the wire. */
export function sign(secretId, secretKey, { validSeconds = 3600, ...options } = {}) {
  // A misspelt name would be a limit that is not there: `oneTimevalid` leaves the signature good for many uploads.
  const unknown = Object.keys(options).find((name) => !OPTIONAL.includes(name));
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is none of: validSeconds ${OPTIONAL.join(" ")}`);
  if (!Number.isInteger(validSeconds) || validSeconds < 1) throw new TypeError("validSeconds is a whole number above 0");
  // Date.now() counts milliseconds; the server refuses a timestamp with a fraction.
  const now = Math.floor(Date.now() / 1000);
  const parameters = {
    secretId,
    currentTimeStamp: now,
    expireTime: now + validSeconds,
    random: randomInt(2 ** 32), // 0 to 2^32 - 1, and not to be guessed
  };
  for (const name of OPTIONAL) {
    if (options[name] != null && options[name] !== "") parameters[name] = options[name];
  }
  return signParameters(secretKey, parameters);
}

/** Signs parameters in the order they come: base64(HMAC-SHA1(key, original) followed by original). */
export function signParameters(secretKey, parameters) {
  const original = Object.entries(parameters).map(([name, value]) => `${name}=${encode(value)}`).join("&");
  const mac = createHmac("sha1", secretKey).update(original).digest();
  return Buffer.concat([mac, Buffer.from(original)]).toString("base64");
}

// RFC 3986: encodeURIComponent leaves five characters that are reserved. Switches are 0 and 1 on the wire.
function encode(value) {
  return encodeURIComponent(typeof value === "boolean" ? Number(value) : value)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function main([secretId, ...pairs]) {
  if (secretId === "--vector") {
    const { secretKey, parameters } = JSON.parse(readFileSync(0, "utf8"));
    return signParameters(secretKey, parameters);
  }
  if (!secretId || secretId.startsWith("-")) {
    throw new TypeError("usage: SECRET_KEY=… node sign.mjs SECRET_ID [name=value]…");
  }
  if (!env.SECRET_KEY) throw new TypeError("put the SecretKey into the environment variable SECRET_KEY");
  const { validSeconds = 3600, ...options } = Object.fromEntries(pairs.map((pair) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined) throw new TypeError(`"${pair}" is not name=value`);
    return [name, value];
  }));
  return sign(secretId, env.SECRET_KEY, { validSeconds: Number(validSeconds), ...options });
}

// Only when started as a program: an app imports `sign` and leaves the rest of the file out.
if (argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(main(argv.slice(2)));
  } catch (error) {
    console.error(`sign.mjs: ${error.message}`);
    exit(2);
  }
}

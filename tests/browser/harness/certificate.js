/** A self-signed certificate made for one test run. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Makes one for the vendor's names (as a private CA of a test network would) and this machine's address. */
export function makeCertificate(directory) {
  const keyFile = join(directory, "key.pem");
  const certFile = join(directory, "cert.pem");
  const names = "DNS:vod2.qcloud.com,DNS:*.cos.ap-guangzhou.myqcloud.com,DNS:*.example.test,IP:127.0.0.1";
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=reelgate browser test", "-addext", `subjectAltName=${names}`, "-keyout", keyFile, "-out", certFile],
  ], { stdio: ["ignore", "ignore", "pipe"] });
  return { keyFile, certFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

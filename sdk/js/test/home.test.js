import assert from "node:assert/strict";
import { test } from "node:test";
import { ForeignHostError, parseHome, ugcCallAtHome } from "../dist/home.js";

test("the object door defaults to path style on the same port", () => {
  assert.deepEqual(parseHome({ ugc: "http://127.0.0.1:8080/" }), {
    ugcBase: "http://127.0.0.1:8080",
    ugcHost: "127.0.0.1:8080",
    ugcProtocol: "http:",
    objectDomain: "127.0.0.1:8080/cos/{Bucket}",
    objectProtocol: "http:",
  });
});

test("a path prefix and an object pattern with its own scheme are kept", () => {
  const home = parseHome({ ugc: "https://video.example/up/", object: "http://{Bucket}.cos.{Region}.video.example:81/" });
  assert.equal(home.ugcBase, "https://video.example/up");
  assert.equal(home.ugcHost, "video.example/up");
  assert.equal(home.objectDomain, "{Bucket}.cos.{Region}.video.example:81");
  assert.equal(home.objectProtocol, "http:");
});

test("an IPv6 home works", () => {
  assert.equal(parseHome({ ugc: "http://[::1]:8080" }).objectDomain, "[::1]:8080/cos/{Bucket}");
});

for (const [options, reason] of [
  [{ ugc: "video.example" }, /absolute URL/],
  [{ ugc: "ftp://video.example" }, /http or https/],
  [{ ugc: "https://me:word@video.example" }, /credentials/],
  [{ ugc: "https://video.example?x=1" }, /query/],
  [{ ugc: "https://vod2.qcloud.com" }, /vendor's own/],
  [{ ugc: "https://VOD2.dnsv1.com./" }, /vendor's own/],
  [{ ugc: "https://video.example", object: "{Bucket}.cos.{Region}.myqcloud.com" }, /vendor's own/],
  [{ ugc: "https://video.example", object: "{Bucket}" }, /not in a placeholder/],
  [{ ugc: "https://video.example", object: "video.{Region}" }, /not in a placeholder/],
  [{ ugc: "https://video.example", object: "video.example/{Key}" }, /only \{Bucket\}/],
  [{ ugc: "https://video.example", object: "video.example/?b={Bucket}" }, /query/],
  [{ ugc: "https://video.example", object: "ci.video.example/{Bucket}" }, /label "ci"/],
]) {
  test(`refused as home: ${JSON.stringify(options)}`, () => {
    assert.throws(() => parseHome(options), (error) => error instanceof TypeError && reason.test(error.message));
  });
}

const home = parseHome({ ugc: "http://127.0.0.1:8080/up" });

for (const [from, to] of [
  ["https://vod2.qcloud.com/v3/index.php?Action=ApplyUploadUGC", "http://127.0.0.1:8080/up/v3/index.php?Action=ApplyUploadUGC"],
  ["https://vod2.dnsv1.com/v3/index.php?Action=CommitUploadUGC", "http://127.0.0.1:8080/up/v3/index.php?Action=CommitUploadUGC"],
  ["http://127.0.0.1:8080/up/v3/index.php?Action=ApplyUploadUGC", "http://127.0.0.1:8080/up/v3/index.php?Action=ApplyUploadUGC"],
]) {
  test(`comes home: ${from}`, () => assert.equal(ugcCallAtHome(from, home), to));
}

for (const url of [
  "https://vodreport.qcloud.com/ugcupload_new",
  "https://vod2.qcloud.com:444/v3/index.php?Action=ApplyUploadUGC",
  "https://vod2.qcloud.com/elsewhere",
  "https://a-1.cos.ap-guangzhou.myqcloud.com",
  "http://127.0.0.1:8080/up/v3/index.phpx?Action=ApplyUploadUGC",
  "http://127.0.0.1:8080.evil.example/up/v3/index.php?Action=ApplyUploadUGC",
  "/v3/index.php",
  "",
]) {
  test(`is refused: ${JSON.stringify(url)}`, () => assert.throws(() => ugcCallAtHome(url, home), ForeignHostError));
}

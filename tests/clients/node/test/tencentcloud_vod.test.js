/** The two SDKs for Node against the cloud API: the one of today (TC3), and the one inside `vod-node-sdk` (signature version 1). */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import old from "tencentcloud-sdk-nodejs";
import vod from "tencentcloud-sdk-nodejs-vod";
import * as tus from "tus-js-client";
import { startReelgate, video } from "../harness/reelgate.js";

let server;
before(async () => (server = await startReelgate()));
after(() => server.close());

const ABSENT = "5576678019876543210";

function client({ secretKey = server.secretKey, signMethod = "TC3-HMAC-SHA256", reqMethod = "POST" } = {}) {
  return new vod.vod.v20180717.Client({
    credential: { secretId: server.secretId, secretKey },
    region: "ap-guangzhou",
    profile: { signMethod, httpProfile: { reqMethod, protocol: "http://", endpoint: server.address } },
  });
}

/** Calls the SDK of `vod-node-sdk`, which takes a callback. */
function callOld(action, members, { secretKey = server.secretKey, signMethod = "HmacSHA256" } = {}) {
  const { Client, Models } = old.vod.v20180717;
  const { Credential, ClientProfile, HttpProfile } = old.common;
  const http = new HttpProfile();
  Object.assign(http, { protocol: "http://", endpoint: server.address });
  const made = new Client(new Credential(server.secretId, secretKey), "ap-guangzhou", new ClientProfile(signMethod, http));
  const request = new Models[`${action}Request`]();
  request.from_json_string(JSON.stringify(members));
  return new Promise((done, failed) => made[action](request, (error, answer) => (error ? failed(error) : done(answer))));
}

async function uploaded() {
  const authorization = `Reelgate ${await server.signature()}`;
  return new Promise((done, failed) => {
    let last;
    const started = new tus.Upload(video(2_000_000), {
      endpoint: `http://${server.address}/files`,
      headers: { authorization },
      metadata: { filename: "假期 video.mp4", filetype: "video/mp4" },
      onAfterResponse: (_request, response) => void (last = response),
      onError: failed,
      onSuccess: () => done(last.getHeader("Reelgate-File-Id")),
    });
    started.start();
  });
}

const refusal = (code) => (error) => {
  assert.equal(error.code, code, error.message);
  assert.equal(error.requestId.length, 36);
  return true;
};

const WAYS = [
  { signMethod: "TC3-HMAC-SHA256" },
  { signMethod: "TC3-HMAC-SHA256", reqMethod: "GET" },
  { signMethod: "HmacSHA256" },
  { signMethod: "HmacSHA1", reqMethod: "GET" },
];

test("a media is described in every way of signing", async () => {
  const file = await uploaded();
  for (const way of WAYS) {
    const found = await client(way).DescribeMediaInfos({ FileIds: [file, ABSENT] });
    const [info] = found.MediaInfoSet;
    assert.deepEqual([info.FileId, info.BasicInfo.Name, info.MetaData.Width], [file, "假期 video", 1280], way.signMethod);
    assert.deepEqual(found.NotExistFileIdSet, [ABSENT]);
  }
  const { MediaInfoSet } = await client().SearchMedia({ NamePrefixes: ["假期"], Filters: ["basicInfo"] });
  assert.ok(MediaInfoSet.some(({ FileId }) => FileId === file));
});

test("the SDK of vod-node-sdk signs its forms with both hashes", async () => {
  const file = await uploaded();
  for (const signMethod of ["HmacSHA256", "HmacSHA1"]) {
    const found = await callOld("DescribeMediaInfos", { FileIds: [file, ABSENT], Filters: ["metaData"] }, { signMethod });
    assert.deepEqual([found.MediaInfoSet[0].FileId, found.MediaInfoSet[0].MetaData.Height], [file, 720]);
    assert.deepEqual(found.NotExistFileIdSet, [ABSENT]);
  }
  await assert.rejects(callOld("DescribeMediaInfos", { FileIds: [file] }, { secretKey: "another" }), (error) => {
    assert.equal(error.code, "AuthFailure.SignatureFailure");
    return true;
  });
});

test("a deleted media is gone, and refusals are thrown with their code", async () => {
  const file = await uploaded();
  await client().DeleteMedia({ FileId: file });
  assert.deepEqual((await client().DescribeMediaInfos({ FileIds: [file] })).NotExistFileIdSet, [file]);
  await assert.rejects(client().DeleteMedia({ FileId: file }), refusal("ResourceNotFound.FileNotExist"));
  await assert.rejects(client().DescribeTaskDetail({ TaskId: "none" }), refusal("InvalidParameterValue.TaskId"));
  for (const way of WAYS) {
    const stranger = client({ ...way, secretKey: "another" });
    await assert.rejects(stranger.DescribeMediaInfos({ FileIds: ["1"] }), refusal("AuthFailure.SignatureFailure"));
  }
});

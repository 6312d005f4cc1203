/** Events as consumers on Node get them: the vendor's queue through both SDKs, and pushes that the official `standardwebhooks` checks. */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Webhook } from "standardwebhooks";
import old from "tencentcloud-sdk-nodejs";
import vod from "tencentcloud-sdk-nodejs-vod";
import { startReelgate } from "../harness/reelgate.js";

let server;
before(async () => (server = await startReelgate({ REELGATE_EVENTS__ALLOW_TARGETS: '["127.0.0.0/8"]' })));
after(() => server.close());

const client = () =>
  new vod.vod.v20180717.Client({
    credential: { secretId: server.secretId, secretKey: server.secretKey },
    region: "ap-guangzhou",
    profile: { httpProfile: { protocol: "http://", endpoint: server.address } },
  });

/** The SDK inside `vod-node-sdk`, which signs by version 1 and takes a callback. */
function callOld(action, members) {
  const { Client, Models } = old.vod.v20180717;
  const { Credential, ClientProfile, HttpProfile } = old.common;
  const http = Object.assign(new HttpProfile(), { protocol: "http://", endpoint: server.address });
  const made = new Client(new Credential(server.secretId, server.secretKey), "ap-guangzhou", new ClientProfile("HmacSHA256", http));
  const request = new Models[`${action}Request`]();
  request.from_json_string(JSON.stringify(members));
  return new Promise((done, failed) => made[action](request, (error, answer) => (error ? failed(error) : done(answer))));
}

async function trigger() {
  return (await server.post("/v1/events/trigger", { type: "NewFileUpload" })).file_id;
}

test("events are pulled and confirmed through both SDKs, and shared by consumers", async () => {
  const files = [];
  for (let n = 0; n < 20; n += 1) files.push(await trigger());
  const [first, second] = await Promise.all([client().PullEvents({}), callOld("PullEvents", {})]);
  const events = [...first.EventSet, ...second.EventSet];
  assert.deepEqual(events.map((event) => event.FileUploadEvent.FileId).sort(), files.sort());
  assert.ok(events.every((event) => event.EventType === "NewFileUpload"));
  await client().ConfirmEvents({ EventHandles: first.EventSet.map((event) => event.EventHandle) });
  await callOld("ConfirmEvents", { EventHandles: second.EventSet.map((event) => event.EventHandle) });
  await assert.rejects(client().ConfirmEvents({ EventHandles: ["1-2-3"] }), { code: "InvalidParameterValue" });
  const empty = await client().PullEvents({});
  assert.deepEqual(empty.EventSet, []);
});

test("the event configuration is described and modified", async () => {
  const config = { Mode: "PULL", NotificationUrl: "http://127.0.0.1:9/hook", UploadMediaCompleteEventSwitch: "ON" };
  await client().ModifyEventConfig(config);
  const found = await client().DescribeEventConfig({});
  assert.deepEqual(
    [found.Mode, found.NotificationUrl, found.UploadMediaCompleteEventSwitch, found.DeleteMediaCompleteEventSwitch],
    ["PULL", "http://127.0.0.1:9/hook", "ON", "OFF"],
  );
  const again = await callOld("DescribeEventConfig", {});
  assert.equal(again.Mode, "PULL");
});

test("standard webhooks are believed, and nothing else is", async () => {
  const hook = createServer().listen(0, "127.0.0.1");
  await once(hook, "listening");
  const came = new Promise((done) =>
    hook.on("request", async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      response.writeHead(204).end();
      done({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    }),
  );
  const url = `http://127.0.0.1:${hook.address().port}/`;
  const { secret } = await server.post("/v1/event-endpoints", { url, shape: "standard" });
  const file = await trigger();
  const { headers, body } = await came;
  const webhook = new Webhook(secret);
  assert.equal(webhook.verify(body, headers).data.FileUploadEvent.FileId, file);
  const old = { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 600) };
  const { "webhook-signature": _, ...unsigned } = headers;
  for (const [altered, given] of [
    [`${body} `, headers],
    [body, old],
    [body, unsigned],
    [body, { ...headers, "webhook-id": "x" }],
  ]) {
    assert.throws(() => webhook.verify(altered, given));
  }
  assert.throws(() => new Webhook(`whsec_${"A".repeat(44)}`).verify(body, headers));
  hook.close();
});

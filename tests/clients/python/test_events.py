"""Events as consumers in Python get them: the vendor's queue through its SDK, and pushes that the official `standardwebhooks` checks."""

import hashlib
import http.server
import json
import queue
import threading
import time

from standardwebhooks import Webhook, WebhookVerificationError
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.vod.v20180717 import models

from reelgate import ClientTest
from test_boto3 import client as s3_client
from test_tencentcloud_vod import WAYS, asked, vod
from reelgate import video

# The vendor's number: an event that was pulled is nobody else's for so long.
VISIBLE = 30


class Receiver:
    """An app's webhook."""

    def __init__(self):
        self.came: queue.Queue = queue.Queue()
        came = self.came

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                came.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Events(ClientTest):
    settings = {"REELGATE_EVENTS__ALLOW_TARGETS": '["127.0.0.0/8"]'}

    def setUp(self) -> None:
        # Every test begins with an empty queue.
        while self.confirmed():
            pass

    def trigger(self) -> str:
        return self.server.request("POST", "/v1/events/trigger", {"type": "NewFileUpload"})["file_id"]

    def pulled(self, way=WAYS[0]) -> list:
        return vod(self.server, way=way).PullEvents(asked(models.PullEventsRequest)).EventSet or []

    def confirm(self, events: list, way=WAYS[0]) -> None:
        handles = [event.EventHandle for event in events]
        vod(self.server, way=way).ConfirmEvents(asked(models.ConfirmEventsRequest, EventHandles=handles))

    def confirmed(self) -> list:
        if events := self.pulled():
            self.confirm(events)
        return events

    def test_an_upload_and_a_deletion_are_pulled_in_their_order(self) -> None:
        data = video(2_000_000)
        upload = self.server.open_upload(len(data), source_context="user=42")
        s3_client(upload).put_object(Bucket=upload.bucket, Key=upload.key, Body=data)
        file = upload.commit()["fileId"]
        vod(self.server).DeleteMedia(asked(models.DeleteMediaRequest, FileId=file))
        (first,) = self.pulled()
        self.assertEqual((first.EventType, first.FileUploadEvent.FileId), ("NewFileUpload", file))
        self.assertEqual(first.FileUploadEvent.MediaBasicInfo.SourceInfo.SourceContext, "user=42")
        self.assertEqual(first.FileUploadEvent.MetaData.Width, 1280)
        self.confirm([first])
        (second,) = self.pulled(WAYS[3])
        self.assertEqual((second.EventType, second.FileDeleteEvent.FileIdSet), ("FileDeleted", [file]))
        self.confirm([second], WAYS[4])

    def test_seventeen_come_as_sixteen_and_one_and_the_unconfirmed_come_again(self) -> None:
        files = [self.trigger() for _ in range(17)]
        first, second = self.pulled(), self.pulled()
        self.assertEqual((len(first), len(second)), (16, 1))
        self.assertEqual([event.FileUploadEvent.FileId for event in first + second], files)
        self.confirm(first)
        time.sleep(VISIBLE + 1)
        with self.assertRaises(TencentCloudSDKException) as late:
            self.confirm(second)
        self.assertEqual(late.exception.get_code(), "InvalidParameterValue")
        (again,) = self.pulled()
        self.assertEqual(again.FileUploadEvent.FileId, files[16])
        self.assertNotEqual(again.EventHandle, second[0].EventHandle)
        self.confirm([again])
        self.confirm([again])

    def test_an_empty_queue_holds_the_request_and_answers_at_once_when_something_happens(self) -> None:
        began = time.monotonic()
        self.assertEqual(self.pulled(), [])
        self.assertGreater(time.monotonic() - began, 4.5)
        soon = threading.Timer(1, self.trigger)
        soon.start()
        began = time.monotonic()
        self.assertEqual(len(self.confirmed()), 1)
        self.assertLess(time.monotonic() - began, 4)
        soon.join()

    def test_bad_confirmations_are_refused(self) -> None:
        for handles in ([], ["x"], ["1-2-3"], [f"{n}-1-1" for n in range(17)]):
            with self.subTest(handles=handles), self.assertRaises(TencentCloudSDKException) as refused:
                vod(self.server).ConfirmEvents(asked(models.ConfirmEventsRequest, EventHandles=handles))
            self.assertIn(refused.exception.get_code(), ("InvalidParameterValue", "MissingParameter"))

    def test_the_notification_url_gets_what_its_switches_let_through(self) -> None:
        receiver = Receiver()
        self.addCleanup(receiver.close)
        default = vod(self.server).DescribeEventConfig(asked(models.DescribeEventConfigRequest))
        self.assertEqual((default.Mode, default.NotificationUrl), ("PUSH", ""))
        self.assertEqual((default.UploadMediaCompleteEventSwitch, default.DeleteMediaCompleteEventSwitch), ("OFF", "OFF"))

        def modify(**members):
            vod(self.server).ModifyEventConfig(asked(models.ModifyEventConfigRequest, **members))

        modify(Mode="PUSH", NotificationUrl=receiver.url, SignKey="AbC123xyz")
        self.trigger()
        modify(UploadMediaCompleteEventSwitch="ON")
        file = self.trigger()
        _, body = receiver.came.get(timeout=10)
        event = json.loads(body)
        self.assertEqual(event["FileUploadEvent"]["FileId"], file, "the first one came while the switch was off")
        self.assertEqual(event["Sign"], hashlib.md5(f"AbC123xyz{event['T']}".encode()).hexdigest())
        self.assertGreater(event["T"], time.time())
        shown = vod(self.server).DescribeEventConfig(asked(models.DescribeEventConfigRequest))
        self.assertEqual((shown.NotificationUrl, shown.UploadMediaCompleteEventSwitch), (receiver.url, "ON"))
        modify(Mode="PULL")
        self.trigger()
        self.assertEqual(len(self.confirmed()), 3, "who pulls sees everything, whatever is pushed")
        modify(NotificationUrl="", Mode="PUSH")
        self.assertTrue(receiver.came.empty())
        for bad in ({"Mode": "BOTH"}, {"NotificationUrl": "http://10.0.0.1/"}, {"SignKey": "not a key"}):
            with self.subTest(bad=bad), self.assertRaises(TencentCloudSDKException) as refused:
                modify(**bad)
            self.assertEqual(refused.exception.get_code(), "InvalidParameterValue")

    def test_standard_webhooks_are_believed_and_nothing_else_is(self) -> None:
        receiver = Receiver()
        self.addCleanup(receiver.close)
        wanted = {"url": receiver.url, "shape": "standard"}
        made = self.server.request("POST", "/v1/event-endpoints", wanted)
        self.addCleanup(self.server.request, "DELETE", f"/v1/event-endpoints/{made['endpoint']['id']}")
        file = self.trigger()
        headers, body = receiver.came.get(timeout=10)
        webhook = Webhook(made["secret"])
        message = webhook.verify(body, headers)
        self.assertEqual(message["data"]["FileUploadEvent"]["FileId"], file)
        old = dict(headers, **{"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)})
        unsigned = {name: value for name, value in headers.items() if name != "webhook-signature"}
        refused = [(body + b" ", headers), (body, old), (body, unsigned), (body, dict(headers, **{"webhook-id": "x"}))]
        for altered, with_headers in refused:
            with self.assertRaises(WebhookVerificationError):
                webhook.verify(altered, with_headers)
        with self.assertRaises(WebhookVerificationError):
            Webhook("whsec_" + "A" * 44).verify(body, headers)

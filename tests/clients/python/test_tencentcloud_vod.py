"""tencentcloud-sdk-python-vod against the cloud API, pointed here by `ip:port`: every way in which it can sign."""

import time
import unittest

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models
from tencentcloud.vod.v20180717.vod_client import VodClient

from reelgate import APP, ClientTest, Reelgate, video
from test_boto3 import client as s3_client

# Signing method, HTTP method, and whether the body is left out of the signature.
WAYS = [
    ("TC3-HMAC-SHA256", "POST", False),
    ("TC3-HMAC-SHA256", "POST", True),
    ("TC3-HMAC-SHA256", "GET", False),
    ("HmacSHA1", "POST", False),
    ("HmacSHA256", "POST", False),
    ("HmacSHA256", "GET", False),
]


def vod(server: Reelgate, secret_key: str | None = None, way=WAYS[0]) -> VodClient:
    sign_method, method, unsigned = way
    http = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{server.port}", reqMethod=method, reqTimeout=30)
    profile = ClientProfile(signMethod=sign_method, httpProfile=http)
    profile.unsignedPayload = unsigned
    return VodClient(Credential(server.secret_id, secret_key or server.secret_key), "ap-guangzhou", profile)


def asked(kind, **members):
    request = kind()
    for name, value in members.items():
        setattr(request, name, value)
    return request


class TencentCloudVod(ClientTest):
    def uploaded(self, **permission) -> str:
        data = video(2_000_000)
        upload = self.server.open_upload(len(data), **permission)
        s3_client(upload).put_object(Bucket=upload.bucket, Key=upload.key, Body=data)
        return upload.commit()["fileId"]

    def refused(self, call, request) -> TencentCloudSDKException:
        with self.assertRaises(TencentCloudSDKException) as raised:
            call(request)
        self.assertEqual(len(raised.exception.get_request_id()), 36)
        return raised.exception

    def described(self, file: str, **more) -> models.DescribeMediaInfosResponse:
        return vod(self.server).DescribeMediaInfos(asked(models.DescribeMediaInfosRequest, FileIds=[file], **more))

    def test_a_media_is_described_in_every_way_of_signing(self) -> None:
        file = self.uploaded()
        for way in WAYS:
            with self.subTest(way=way):
                request = asked(models.DescribeMediaInfosRequest, FileIds=[file, "5576678019876543210"], SubAppId=APP)
                found = vod(self.server, way=way).DescribeMediaInfos(request)
                info = found.MediaInfoSet[0]
                self.assertEqual((info.FileId, info.BasicInfo.Name), (file, "假期 video"))
                self.assertEqual((info.MetaData.Width, info.MetaData.VideoStreamSet[0].Codec), (1280, "h264"))
                self.assertEqual(info.TranscodeInfo.TranscodeSet, [])
                self.assertEqual(found.NotExistFileIdSet, ["5576678019876543210"])
        part = self.described(file, Filters=["metaData"]).MediaInfoSet[0]
        self.assertIsNone(part.BasicInfo)
        search = asked(models.SearchMediaRequest, NamePrefixes=["假期"], Limit=5)
        self.assertIn(file, [one.FileId for one in vod(self.server, way=WAYS[3]).SearchMedia(search).MediaInfoSet])

    def test_a_task_is_followed_to_its_end(self) -> None:
        file = self.uploaded(procedure="LongVideoPreset")
        task = self.server.request("GET", f"/v1/media/{file}")["tasks"][0]["id"]
        until = time.monotonic() + 120
        while True:
            found = vod(self.server).DescribeTaskDetail(asked(models.DescribeTaskDetailRequest, TaskId=task))
            self.assertEqual((found.TaskType, found.ProcedureTask.FileId), ("Procedure", file))
            if found.Status == "FINISH":
                break
            self.assertIn(found.Status, ("WAITING", "PROCESSING"))
            self.assertLess(time.monotonic(), until)
            time.sleep(0.5)
        ladder = next(one for one in found.ProcedureTask.MediaProcessResultSet if one.Type == "AdaptiveDynamicStreaming")
        info = self.described(file).MediaInfoSet[0].AdaptiveDynamicStreamingInfo.AdaptiveDynamicStreamingSet[0]
        self.assertEqual(info.Url, ladder.AdaptiveDynamicStreamingTask.Output.Url)

    def test_a_deleted_media_is_gone_and_cannot_be_deleted_again(self) -> None:
        file = self.uploaded()
        request = asked(models.DeleteMediaRequest, FileId=file)
        part = asked(models.MediaDeleteItem, Type="TranscodeFiles", Definition=100030)
        parts = asked(models.DeleteMediaRequest, FileId=file, DeleteParts=[part])
        for way in (WAYS[0], WAYS[4]):
            refused = self.refused(vod(self.server, way=way).DeleteMedia, parts)
            self.assertEqual(refused.get_code(), "InvalidParameterValue")
        self.assertEqual(len(vod(self.server).DeleteMedia(request).RequestId), 36)
        self.assertEqual(self.described(file).NotExistFileIdSet, [file])
        self.assertEqual(self.refused(vod(self.server).DeleteMedia, request).get_code(), "ResourceNotFound.FileNotExist")

    def test_refusals_are_raised_whatever_the_way(self) -> None:
        request = asked(models.DescribeMediaInfosRequest, FileIds=["1"])
        for way in WAYS:
            with self.subTest(way=way):
                refused = self.refused(vod(self.server, "another", way).DescribeMediaInfos, request)
                self.assertEqual(refused.get_code(), "AuthFailure.SignatureFailure")
        compose = asked(models.ComposeMediaRequest)
        self.assertEqual(self.refused(vod(self.server).ComposeMedia, compose).get_code(), "InvalidAction")


if __name__ == "__main__":
    unittest.main()

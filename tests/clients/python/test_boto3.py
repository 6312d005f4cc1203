"""boto3 against the object door: over HTTP and TLS (where it sends aws-chunked bodies), path and virtual-host style."""

import io
import ssl
import time
import unittest
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from reelgate import APP, MIB, REGION, ClientTest, Upload, sha256, video

SIZES = {"nothing": 0, "a head": 40, "less than a part": 300_000, "parts": 12 * MIB + 5}


def client(upload: Upload, style: str = "path", **changed):
    server = upload.server
    if style == "path":
        endpoint = f"{server.url}/cos"
    else:
        endpoint = f"{server.scheme}://cos.{REGION}.myqcloud.com"
    given = {
        "aws_access_key_id": upload.access_key,
        "aws_secret_access_key": upload.secret_key,
        "aws_session_token": upload.token,
        **changed,
    }
    config = Config(s3={"addressing_style": style}, retries={"max_attempts": 1}, read_timeout=30)
    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION, verify=server.ca, config=config, **given)


def code(failed: ClientError) -> tuple[int, str]:
    return failed.response["ResponseMetadata"]["HTTPStatusCode"], failed.response["Error"]["Code"]


class Boto3(ClientTest):
    def sends_and_reads_back(self, style: str) -> None:
        for name, size in SIZES.items():
            with self.subTest(name, style=style):
                data = video(size)
                upload = self.server.open_upload(size or None)
                s3 = client(upload, style)
                put = s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=data)
                self.assertEqual(put["ETag"], s3.head_object(Bucket=upload.bucket, Key=upload.key)["ETag"])
                got = s3.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].read()
                self.assertEqual(sha256(got), sha256(data))

    def test_put_and_get_path_style(self) -> None:
        self.sends_and_reads_back("path")

    def test_put_and_get_virtual_host_style(self) -> None:
        self.sends_and_reads_back("virtual")

    def test_upload_file_in_parts_and_commit(self) -> None:
        data = video(20 * MIB + 7)
        upload = self.server.open_upload(len(data))
        s3 = client(upload)
        config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
        s3.upload_fileobj(io.BytesIO(data), upload.bucket, upload.key, Config=config)
        head = s3.head_object(Bucket=upload.bucket, Key=upload.key)
        self.assertTrue(head["ETag"].endswith('-5"'), head["ETag"])
        ranged = s3.get_object(Bucket=upload.bucket, Key=upload.key, Range="bytes=5242870-5242889")
        self.assertEqual(ranged["Body"].read(), data[5242870:5242890])
        self.assertEqual(ranged["ContentRange"], f"bytes 5242870-5242889/{len(data)}")
        answer = upload.commit()
        self.assertRegex(answer["fileId"], r"^\d{18,19}$")
        with self.assertRaises(ClientError) as failed:
            s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"late")
        self.assertEqual(code(failed.exception), (403, "AccessDenied"))

    def test_resume_after_a_cut(self) -> None:
        data = video(11 * MIB)
        upload = self.server.open_upload(len(data))
        where = {"Bucket": upload.bucket, "Key": upload.key}
        s3 = client(upload)
        where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
        parts = [data[at : at + 5 * MIB] for at in range(0, len(data), 5 * MIB)]
        s3.upload_part(PartNumber=1, Body=parts[0], **where)
        s3 = client(upload.resumed())
        listed = s3.list_parts(**where)["Parts"]
        self.assertEqual([(part["PartNumber"], part["Size"]) for part in listed], [(1, 5 * MIB)])
        opened = s3.list_multipart_uploads(Bucket=upload.bucket, Prefix=upload.key)["Uploads"]
        self.assertEqual([one["UploadId"] for one in opened], [where["UploadId"]])
        done = [{"PartNumber": 1, "ETag": listed[0]["ETag"]}]
        for number in (3, 2):
            sent = s3.upload_part(PartNumber=number, Body=parts[number - 1], **where)
            done.append({"PartNumber": number, "ETag": sent["ETag"]})
        done.sort(key=lambda part: part["PartNumber"])
        s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **where)
        got = s3.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].read()
        self.assertEqual(sha256(got), sha256(data))

    def test_abort_and_delete(self) -> None:
        upload = self.server.open_upload()
        where = {"Bucket": upload.bucket, "Key": upload.key}
        s3 = client(upload)
        begun = s3.create_multipart_upload(**where)["UploadId"]
        s3.abort_multipart_upload(UploadId=begun, **where)
        with self.assertRaises(ClientError) as failed:
            s3.upload_part(UploadId=begun, PartNumber=1, Body=b"x", **where)
        self.assertEqual(code(failed.exception), (404, "NoSuchUpload"))
        s3.put_object(Body=video(1000), **where)
        s3.delete_object(**where)
        with self.assertRaises(ClientError) as failed:
            s3.get_object(**where)
        self.assertEqual(code(failed.exception), (404, "NoSuchKey"))

    def test_refusals_are_named(self) -> None:
        upload, other = self.server.open_upload(), self.server.open_upload()
        where = {"Bucket": upload.bucket, "Key": upload.key, "Body": video(100)}
        for expected, s3, changed in [
            ("SignatureDoesNotMatch", client(upload, aws_secret_access_key="guessed"), {}),
            ("AccessDenied", client(upload, aws_session_token="another"), {}),
            ("InvalidAccessKeyId", client(upload, aws_access_key_id="AKIDnobody"), {}),
            ("AccessDenied", client(upload), {"Key": other.key}),
            ("NoSuchBucket", client(upload), {"Bucket": f"other-{APP}"}),
            ("BadDigest", client(upload), {"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
            ("BadDigest", client(upload), {"ChecksumSHA256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}),
        ]:
            with self.subTest(expected, changed=list(changed)):
                with self.assertRaises(ClientError) as failed:
                    s3.put_object(**{**where, **changed})
                self.assertEqual(code(failed.exception)[1], expected)
        with self.assertRaises(ClientError) as failed:
            client(upload).get_object(Bucket=upload.bucket, Key=upload.key)
        self.assertEqual(code(failed.exception), (404, "NoSuchKey"), "nothing of a refused body is kept")

    def test_presigned_urls(self) -> None:
        data = video(70_000)
        upload = self.server.open_upload(len(data))
        s3 = client(upload)
        where = {"Bucket": upload.bucket, "Key": upload.key}
        context = ssl.create_default_context(cafile=self.server.ca) if self.server.ca else None
        url = s3.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
        put = urllib.request.Request(url, data=data, method="PUT")
        self.assertEqual(urllib.request.urlopen(put, context=context).status, 200)
        url = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
        self.assertEqual(urllib.request.urlopen(url, context=context).read(), data)

    def test_application_keys_read_and_list_the_bucket(self) -> None:
        upload, other = self.server.open_upload(), self.server.open_upload()
        for one in (upload, other):
            client(one).put_object(Bucket=one.bucket, Key=one.key, Body=video(500))
        keys = {"aws_access_key_id": self.server.secret_id, "aws_secret_access_key": self.server.secret_key}
        s3 = client(upload, **keys, aws_session_token=None)
        s3.head_bucket(Bucket=upload.bucket)
        self.assertEqual(s3.get_bucket_location(Bucket=upload.bucket)["LocationConstraint"], REGION)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=upload.bucket, PaginationConfig={"PageSize": 1})
        listed = [one["Key"] for page in pages for one in page.get("Contents", [])]
        self.assertEqual(listed, sorted(listed))
        self.assertLessEqual({upload.key, other.key}, set(listed))
        first = s3.list_objects(Bucket=upload.bucket, Prefix=f"{APP}/", Delimiter="/", MaxKeys=1000)
        groups = [group["Prefix"] for group in first["CommonPrefixes"]]
        self.assertIn(upload.key.rpartition("/")[0] + "/", groups)
        self.assertNotIn("Contents", first)
        s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=video(600))
        self.assertEqual(s3.head_object(Bucket=upload.bucket, Key=upload.key)["ContentLength"], 600)
        with self.assertRaises(ClientError) as failed:
            s3.put_object(Bucket=upload.bucket, Key=f"{APP}/123/nobody.mp4", Body=b"x")
        self.assertEqual(code(failed.exception), (403, "AccessDenied"))
        own = client(upload).list_objects_v2(Bucket=upload.bucket)
        self.assertEqual([one["Key"] for one in own["Contents"]], [upload.key], "a session sees its own keys only")


class Boto3OverTls(Boto3):
    """The same with bodies in chunks and a checksum behind them."""

    tls = True


class ExpiredCredentials(ClientTest):
    settings = {"REELGATE_UPLOAD__CREDENTIAL_TTL": "1"}

    def test_they_are_refused_and_renewed(self) -> None:
        upload = self.server.open_upload()
        time.sleep(2.1)
        where = {"Bucket": upload.bucket, "Key": upload.key, "Body": video(100)}
        with self.assertRaises(ClientError) as failed:
            client(upload).put_object(**where)
        self.assertEqual(code(failed.exception), (403, "ExpiredToken"))
        client(upload.resumed()).put_object(**where)


if __name__ == "__main__":
    unittest.main()

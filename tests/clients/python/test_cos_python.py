"""cos-python-sdk-v5 against the object door: simple, by parts, resumable `upload_file`, and what it is refused."""

import os
import tempfile
import time
import unittest

from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from reelgate import MIB, REGION, ClientTest, Upload, sha256, video


def client(upload: Upload, **changed) -> CosS3Client:
    given = {"SecretId": upload.access_key, "SecretKey": upload.secret_key, "Token": upload.token, **changed}
    return CosS3Client(CosConfig(Region=REGION, Scheme=upload.server.scheme, **given), retry=1)


class Cos(ClientTest):
    def read_back(self, cos: CosS3Client, upload: Upload) -> str:
        return sha256(cos.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].get_raw_stream().read())

    def refused(self, expected: str, call, **given) -> CosServiceError:
        with self.assertRaises(CosServiceError) as failed:
            call(**given)
        self.assertEqual(failed.exception.get_error_code(), expected, failed.exception.get_error_msg())
        self.assertNotEqual(failed.exception.get_request_id(), "Unknown")
        return failed.exception

    def test_put_object(self) -> None:
        for size in (0, 40, 300_000):
            with self.subTest(size=size):
                data = video(size)
                upload = self.server.open_upload(size or None)
                cos = client(upload)
                put = cos.put_object(Bucket=upload.bucket, Key=upload.key, Body=data, EnableMD5=True)
                self.assertRegex(put["ETag"], r'^"[0-9a-f]{32}"$')
                head = cos.head_object(Bucket=upload.bucket, Key=upload.key)
                self.assertEqual((head["ETag"], int(head["Content-Length"])), (put["ETag"], size))
                self.assertEqual(self.read_back(cos, upload), sha256(data))

    def test_upload_file_in_parts_and_commit(self) -> None:
        data = video(5 * MIB + 17)
        upload = self.server.open_upload(len(data), name="测试 视频")
        cos = client(upload)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            done = cos.upload_file(Bucket=upload.bucket, Key=upload.key, LocalFilePath=file.name, PartSize=1, MAXThread=4)
        self.assertTrue(done["ETag"].endswith('-6"'), done)
        self.assertEqual(self.read_back(cos, upload), sha256(data))
        self.assertRegex(upload.commit()["fileId"], r"^\d{18,19}$")
        self.refused("AccessDenied", cos.put_object, Bucket=upload.bucket, Key=upload.key, Body=b"late")

    def test_upload_file_goes_on_after_a_cut(self) -> None:
        data = video(4 * MIB)
        upload = self.server.open_upload(len(data))
        where = {"Bucket": upload.bucket, "Key": upload.key}
        cos = client(upload)
        begun = cos.create_multipart_upload(**where)["UploadId"]
        for number in (1, 3):
            part = data[(number - 1) * MIB : number * MIB]
            cos.upload_part(**where, UploadId=begun, PartNumber=number, Body=part)
        cos = client(upload.resumed())
        sent = []
        upload_part = cos.upload_part
        cos.upload_part = lambda *given, **more: (sent.append(more.get("PartNumber") or given[3]), upload_part(*given, **more))[1]
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "video.mp4")
            with open(path, "wb") as file:
                file.write(data)
            cos.upload_file(**where, LocalFilePath=path, PartSize=1, MAXThread=2)
        self.assertEqual(sorted(sent), [2, 4], "only what was missing is sent")
        self.assertEqual(self.read_back(cos, upload), sha256(data))

    def test_listings_and_abort(self) -> None:
        upload = self.server.open_upload()
        where = {"Bucket": upload.bucket, "Key": upload.key}
        cos = client(upload)
        begun = cos.create_multipart_upload(**where)["UploadId"]
        cos.upload_part(**where, UploadId=begun, PartNumber=1, Body=video(MIB))
        listed = cos.list_parts(**where, UploadId=begun, EncodingType="url")
        self.assertEqual([(part["PartNumber"], part["Size"]) for part in listed["Part"]], [("1", str(MIB))])
        uploads = cos.list_multipart_uploads(Bucket=upload.bucket, Prefix=upload.key)
        self.assertEqual([one["UploadId"] for one in uploads["Upload"]], [begun])
        cos.abort_multipart_upload(**where, UploadId=begun)
        self.refused("NoSuchUpload", cos.list_parts, **where, UploadId=begun)
        cos.put_object(**where, Body=video(77))
        objects = cos.list_objects(Bucket=upload.bucket, Prefix=upload.key)
        self.assertEqual([(one["Key"], one["Size"]) for one in objects["Contents"]], [(upload.key, "77")])
        cos.delete_object(**where)
        self.refused("NoSuchResource", cos.head_object, **where)

    def test_refusals_are_named(self) -> None:
        upload, other = self.server.open_upload(), self.server.open_upload()
        where = {"Bucket": upload.bucket, "Key": upload.key, "Body": video(100)}
        self.refused("SignatureDoesNotMatch", client(upload, SecretKey="guessed").put_object, **where)
        self.refused("AccessDenied", client(upload, Token="another").put_object, **where)
        self.refused("InvalidAccessKeyId", client(upload, SecretId="AKIDnobody").put_object, **where)
        self.refused("AccessDenied", client(upload).put_object, **{**where, "Key": other.key})
        self.refused("BadDigest", client(upload).put_object, **where, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")

    def test_application_keys_read_the_bucket(self) -> None:
        upload = self.server.open_upload()
        client(upload).put_object(Bucket=upload.bucket, Key=upload.key, Body=video(500))
        keys = {"SecretId": self.server.secret_id, "SecretKey": self.server.secret_key, "Token": None}
        cos = client(upload, **keys)
        self.assertTrue(cos.bucket_exists(Bucket=upload.bucket))
        self.assertEqual(self.read_back(cos, upload), sha256(video(500)))
        listed = cos.list_objects(Bucket=upload.bucket, Prefix=upload.key.rpartition("/")[0], EncodingType="url")
        self.assertEqual([one["Key"] for one in listed["Contents"]], [upload.key])


class ExpiredCredentials(ClientTest):
    settings = {"REELGATE_UPLOAD__CREDENTIAL_TTL": "1"}

    def test_they_are_refused_and_renewed(self) -> None:
        upload = self.server.open_upload()
        time.sleep(2.1)
        where = {"Bucket": upload.bucket, "Key": upload.key, "Body": video(100)}
        with self.assertRaises(CosServiceError) as failed:
            client(upload).put_object(**where)
        self.assertEqual(failed.exception.get_error_code(), "ExpiredToken")
        client(upload.resumed()).put_object(**where)


if __name__ == "__main__":
    unittest.main()

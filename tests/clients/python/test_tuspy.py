"""tuspy against `/files`: whole, in chunks with checksums, resumed, refused."""

import io
import unittest
import urllib.request

from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from reelgate import MIB, ClientTest, sha256, video


class Tus(ClientTest):
    def client(self, signature: str) -> tus.TusClient:
        return tus.TusClient(f"{self.server.url}/files", headers={"Authorization": f"Reelgate {signature}"})

    def stored(self, url: str) -> str:
        head = urllib.request.Request(url, method="HEAD", headers={"Tus-Resumable": "1.0.0"})
        with urllib.request.urlopen(head) as answer:
            self.assertRegex(answer.headers["Reelgate-File-Id"], r"^\d{18,19}$")
            media = answer.headers["Reelgate-Media-Url"]
        return sha256(urllib.request.urlopen(media).read())

    def test_whole_and_in_chunks(self) -> None:
        for size, chunk, checksum in [(300_000, 1 << 30, False), (3 * MIB + 7, MIB, True)]:
            with self.subTest(size=size, chunk=chunk):
                data = video(size)
                uploader = self.client(self.server.signature()).uploader(
                    file_stream=io.BytesIO(data),
                    chunk_size=chunk,
                    upload_checksum=checksum,
                    metadata={"filename": "测试 视频.mp4"},
                )
                uploader.upload()
                self.assertEqual(uploader.offset, size)
                self.assertEqual(self.stored(uploader.url), sha256(data))

    def test_goes_on_where_another_stopped(self) -> None:
        data = video(4 * MIB)
        signature = self.server.signature()
        first = self.client(signature).uploader(file_stream=io.BytesIO(data), chunk_size=MIB, metadata={"filename": "a.mp4"})
        first.upload_chunk()
        first.upload_chunk()
        second = self.client(signature).uploader(file_stream=io.BytesIO(data), chunk_size=MIB, url=first.url)
        self.assertEqual(second.offset, 2 * MIB)
        second.upload()
        self.assertEqual(self.stored(second.url), sha256(data))

    def test_refusals(self) -> None:
        def refused(signature: str, size: int = 1000) -> int:
            uploader = self.client(signature).uploader(file_stream=io.BytesIO(video(size)), metadata={"filename": "a.mp4"})
            with self.assertRaises(TusCommunicationError) as failed:
                uploader.upload()
            return failed.exception.status_code

        self.assertEqual(refused("bm90IGEgc2lnbmF0dXJl"), 403)
        self.assertEqual(refused(self.server.signature(max_size=999)), 413)


if __name__ == "__main__":
    unittest.main()

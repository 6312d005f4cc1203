//! The body of a PUT or a part on its way in: framing taken off, and compared with whatever its request says about it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reelgate_wire::cos::ErrorCode;
use reelgate_wire::s3::checksum::{Algorithm, Checksum, Differs};
use reelgate_wire::s3::chunked::Decoder;
use sha2::{Digest, Sha256};

use super::content_md5;
use super::dialect::BodyForm;
use super::error::CosError;
use crate::uploads::BytesError;

/// A stream of the bytes themselves. It ends well only if they are what the request announced.
pub(super) struct Payload {
    /// Bytes that will come, without any framing.
    pub(super) length: u64,
    /// `Content-MD5` as hex, for those who store the bytes: they compute it anyway.
    pub(super) md5: Option<String>,
    body: BodyDataStream,
    decoder: Option<Decoder>,
    /// Decoded, not yet handed out.
    ready: VecDeque<Bytes>,
    sha256: Option<(Sha256, [u8; 32])>,
    checksum: Option<(Checksum, Option<String>)>,
    /// What the checksum was found to be.
    found: Option<(Algorithm, String)>,
    over: bool,
}

impl Payload {
    /// Of a request with these headers, whose body travels in `form`.
    pub(super) fn new(headers: &HeaderMap, form: BodyForm, body: Body) -> Result<Self, CosError> {
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (decoder, sha256, length) = match form {
            BodyForm::Plain => (None, None, content_length(get(header::CONTENT_LENGTH.as_str()))?),
            BodyForm::Sha256(sum) => {
                (None, Some((Sha256::new(), sum)), content_length(get(header::CONTENT_LENGTH.as_str()))?)
            }
            BodyForm::Chunked { key, trailer } => {
                let length = content_length(get("x-amz-decoded-content-length"))?;
                (Some(Decoder::new(key, trailer, length)), None, length)
            }
        };
        let checksum = Algorithm::announced(get)
            .map(|(algorithm, value)| (Checksum::new(algorithm), value.map(str::to_owned)));
        Ok(Self {
            length,
            md5: content_md5(headers)?,
            body: body.into_data_stream(),
            decoder,
            ready: VecDeque::new(),
            sha256,
            checksum,
            found: None,
            over: false,
        })
    }

    /// Repeats the client's checksum in the answer: AWS SDKs compare it, and name it again at Complete.
    pub(super) fn echo(&self, response: &mut Response) {
        if let Some((algorithm, value)) = &self.found
            && let Ok(value) = HeaderValue::from_str(value)
        {
            response.headers_mut().insert(HeaderName::from_static(algorithm.header()), value);
        }
    }

    fn take(&mut self, bytes: &Bytes) {
        if let Some((sha256, _)) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some((checksum, _)) = &mut self.checksum {
            checksum.update(bytes);
        }
    }

    /// The last byte has come: compares.
    fn finish(&mut self) -> Result<(), BytesError> {
        let trailers = match &self.decoder {
            Some(decoder) => decoder.finish()?,
            None => &[],
        };
        if let Some((sum, announced)) = self.checksum.take() {
            let algorithm = sum.algorithm();
            let in_trailer = || {
                let mut named = trailers.iter().filter(|(name, _)| name == algorithm.header());
                named.next().map(|(_, value)| value.clone())
            };
            let announced = announced.or_else(in_trailer).unwrap_or_default();
            let received = sum.finish();
            if announced != received {
                let header = algorithm.header();
                return Err(BytesError::BadChecksum(Differs { header, announced, received }));
            }
            self.found = Some((algorithm, received));
        }
        if let Some((sum, announced)) = self.sha256.take() {
            let received: [u8; 32] = sum.finalize().into();
            if received != announced {
                let (announced, received) = (hex::encode(announced), hex::encode(received));
                return Err(BytesError::BadSha256 { announced, received });
            }
        }
        Ok(())
    }
}

impl Stream for Payload {
    type Item = Result<Bytes, BytesError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                this.take(&bytes);
                return Poll::Ready(Some(Ok(bytes)));
            }
            if this.over {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.body).poll_next(context)) {
                Some(Ok(bytes)) => match &mut this.decoder {
                    None => this.ready.push_back(bytes),
                    Some(decoder) => {
                        let mut pieces = Vec::new();
                        if let Err(refusal) = decoder.push(bytes, &mut pieces) {
                            this.over = true;
                            return Poll::Ready(Some(Err(refusal.into())));
                        }
                        this.ready.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
                    }
                },
                Some(Err(error)) => {
                    this.over = true;
                    return Poll::Ready(Some(Err(BytesError::CutShort(error.to_string()))));
                }
                None => {
                    this.over = true;
                    if let Err(error) = this.finish() {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }
}

/// The length that a body announces; the object leg takes none without (wire reference 3.5).
fn content_length(value: Option<&str>) -> Result<u64, CosError> {
    value.and_then(|text| text.parse().ok()).ok_or_else(|| {
        CosError::new(
            ErrorCode::MissingContentLength,
            "the length of the body is missing; send Content-Length (x-amz-decoded-content-length with aws-chunked)",
        )
    })
}

//! Own TLS, for those who do not run behind a terminator.

use anyhow::{Context, Result};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;

/// Reads the files and prepares the acceptor. HTTP/1.1 only: the object leg's official clients speak nothing else.
pub(super) fn acceptor(files: &TlsFiles) -> Result<tokio_rustls::TlsAcceptor> {
    let cert = files.cert.display();
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("server.tls_cert {cert} cannot be read"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("server.tls_key {} cannot be read", files.key.display()))?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("server.tls_cert {cert} and server.tls_key do not belong together"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(std::sync::Arc::new(config).into())
}

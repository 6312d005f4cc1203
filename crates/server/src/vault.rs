//! The master key: secrets at rest are sealed with it, and what must be recomputable on every node (session
//! keys, temporary credentials) is derived from it.
//!
//! Losing it means: sealed SecretKeys cannot be opened again (create new ones), open upload sessions and their
//! temporary credentials stop working (clients start over), nothing else. Media and rows are not encrypted.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

/// Seals, opens and derives. Never printed.
pub struct Vault {
    seal: RandomizedNonceKey,
    derive: hmac::Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// The key given by configuration, or `master.key` in `data_dir`, generated (0600) when missing.
    pub fn open(given: Option<&SecretString>, data_dir: &Path) -> Result<Self> {
        let key = match given {
            Some(text) => decode(text.expose_secret()).context(
                "root.master_key must be 64 hex digits (32 bytes); make one with `openssl rand -hex 32`",
            )?,
            None => from_file(&data_dir.join("master.key"))?,
        };
        Self::new(&key)
    }

    fn new(key: &[u8; 32]) -> Result<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let sealing = hmac::sign(&root, b"reelgate seal v1");
        let deriving = hmac::sign(&root, b"reelgate derive v1");
        Ok(Self {
            seal: RandomizedNonceKey::new(&AES_256_GCM, sealing.as_ref())
                .map_err(|_| anyhow!("the sealing key cannot be prepared"))?,
            derive: hmac::Key::new(hmac::HMAC_SHA256, deriving.as_ref()),
        })
    }

    /// Encrypts `plain` for storage; `context` (such as the SecretId) must be given again to open it.
    pub fn seal(&self, context: &str, plain: &str) -> Result<Vec<u8>> {
        let mut bytes = plain.as_bytes().to_vec();
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut bytes)
            .map_err(|_| anyhow!("sealing the secret of {context} failed"))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut bytes);
        Ok(sealed)
    }

    /// Decrypts what [`Vault::seal`] made with the same context.
    pub fn open_sealed(&self, context: &str, sealed: &[u8]) -> Result<SecretString> {
        let refused = || anyhow!("the secret of {context} was sealed with another master key");
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut bytes = bytes.to_vec();
        let plain = self
            .seal
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut bytes)
            .map_err(|_| refused())?;
        Ok(SecretString::from(std::str::from_utf8(plain).map_err(|_| refused())?.to_owned()))
    }

    /// 32 bytes that only holders of the master key can compute for this purpose and text.
    pub fn derive(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// A value that tells whether two processes hold the same master key without telling the key.
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.derive("fingerprint", "")[..8])
    }
}

fn decode(text: &str) -> Result<[u8; 32]> {
    let bytes = hex::decode(text.trim()).context("not hexadecimal")?;
    <[u8; 32]>::try_from(bytes).map_err(|bytes| anyhow!("{} bytes instead of 32", bytes.len()))
}

fn from_file(path: &Path) -> Result<[u8; 32]> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let mode = fs::metadata(path).map(|meta| meta.permissions().mode() & 0o077).unwrap_or(0);
            if mode != 0 {
                bail!("master key {} is readable by others; run `chmod 600` on it", path.display());
            }
            decode(&text).with_context(|| format!("master key {} is damaged", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error).with_context(|| format!("master key {} cannot be read", path.display())),
    }
}

/// Written to a temporary name and linked, so that two processes that start at once agree on one key.
fn create(path: &Path) -> Result<[u8; 32]> {
    let key: [u8; 32] = rand::random();
    let temporary = path.with_extension(format!("key.{}", uuid::Uuid::new_v4().simple()));
    let written = (|| -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(hex::encode(key).as_bytes())?;
        file.sync_all()?;
        fs::hard_link(&temporary, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    })();
    let _ = fs::remove_file(&temporary);
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => from_file(path),
        Err(error) => Err(error).with_context(|| format!("master key {} cannot be created", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_secrets_open_only_with_the_same_key_and_context() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let sealed = vault.seal("AKID1", "the secret").unwrap();
        assert!(!sealed.windows(10).any(|window| window == b"the secret"));
        assert_eq!(vault.open_sealed("AKID1", &sealed).unwrap().expose_secret(), "the secret");
        assert!(vault.open_sealed("AKID2", &sealed).is_err());
        assert!(Vault::new(&[8; 32]).unwrap().open_sealed("AKID1", &sealed).is_err());
        assert!(vault.open_sealed("AKID1", &sealed[..5]).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_refused_when_others_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Vault::open(None, dir.path()).unwrap().fingerprint();
        assert_eq!(Vault::open(None, dir.path()).unwrap().fingerprint(), first);
        let path = dir.path().join("master.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Vault::open(None, dir.path()).unwrap_err().to_string().contains("chmod 600"));
    }
}

//! The server, whole: the real application behind a real listener, one file for each topic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod cloudapi;
mod command_line;
mod commit;
mod console;
mod cos;
mod cos_access;
mod cos_client;
mod dispatch;
mod doctor;
mod durable;
mod events;
mod events_cli;
mod expire;
mod fetched;
mod flows;
mod head;
mod kill;
mod kill_events;
mod kill_parts;
mod media;
mod play;
mod quotas;
mod receiver;
mod room;
mod s3;
mod s3_storage;
mod server_process;
mod signatures;
mod test_app;
mod tus;
mod ugc;
mod upload;

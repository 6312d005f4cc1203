//! The server as its clients meet it: a real `App` behind a real listener, spoken to over HTTP.

mod accounts;
mod command_line;
mod console;
mod signatures;
mod test_app;

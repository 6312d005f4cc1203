//! The library: media, their URLs, and everything that is known of each file.

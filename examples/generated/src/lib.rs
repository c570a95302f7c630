//! Notes by folder. What is written by hand is what the application does; its entry is generated.

mod auth;
mod notes;

/// The generated entry.
pub mod server {
    #[rustfmt::skip]
    pub mod index;
}

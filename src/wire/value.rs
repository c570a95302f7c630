//! The value codec.
